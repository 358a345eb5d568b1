"""The routing table, asked from the internet over IPv4 and IPv6, and TLS as a grader sees it."""

import json
import subprocess
import sys

import harness
import world
from harness import compose, concerns, host, ok

sys.path.append(str(harness.REPOSITORY / "tests/programs"))
import routes  # noqa: E402  what tests/routing.rs asks without an engine

concerns("nginx")


def check(what, good, seen=""):
    ok(what, True if good else str(seen))


SERVICES = [
    ("erp", "odoo", 8069, "/web/login"),
    ("erp", "odoo", 8069, "/web/static/x.js"),
    ("n8n", "n8n", 5678, "/"),
    ("n8n", "n8n", 5678, "/webhook/x"),
    ("superset", "superset", 8088, "/x"),
]


def proxies():
    for family, address, client in (("IPv4", world.SERVER, world.CLIENT), ("IPv6", world.SERVER6, world.CLIENT6)):
        yield routes.Proxy(address, client, lambda what, good, seen="", family=family: check(f"{family}: {what}", good, seen))


def services():
    for proxy in proxies():
        for service in SERVICES:
            proxy.service(*service)


def table():
    # What the table asks for and only the volume can hold.
    folder = "/var/www/acme/.well-known/acme-challenge"
    line = f"umask 022; mkdir -p {folder} && echo token-value >{folder}/token"
    ok("a challenge is laid down", compose("exec", "-T", "certbot", "/bin/sh", "-c", line).returncode, 0)
    for proxy in proxies():
        proxy.table()


# All that the grade is made of, and nothing that takes minutes.
PARTS = ["-p", "-s", "-f", "-S", "-h", "-H", "-I", "-T", "-BB", "-R", "-C", "-O", "-Z", "-D", "-A", "-4", "-J"]


def findings(name):
    """What testssl.sh found, by id."""
    report = world.WORK / "testssl.json"
    report.unlink(missing_ok=True)
    options = ["--quiet", "--warnings", "batch", "--color", "0", "--add-ca", world.WORK / "roots.pem", "--ip", world.SERVER]
    command = [world.TOOLS / "bin/testssl", *options, "--jsonfile", report, *PARTS, f"{host(name)}:443"]
    done = subprocess.run(command, text=True, capture_output=True, timeout=300, stdin=subprocess.DEVNULL)
    try:
        found = {finding["id"]: finding["finding"] for finding in json.loads(report.read_text())}
    except (OSError, ValueError) as fault:
        sys.exit(f"testssl: {fault}\n{done.stdout}{done.stderr}")
    if "overall_grade" not in found:
        sys.exit(f"testssl gives no grade:\n{done.stdout}{done.stderr}")
    return found


def grade():
    found = findings("erp")
    ok("TLS is graded A+", found.get("overall_grade"), "A+")
    # The grade alone does not ask for these.
    ok("HSTS for two years", found.get("HSTS_time", "").split()[0], "730")
    ok("no obsolete cipher", found.get("cipherlist_OBSOLETED"), "not offered")
    ok("TLS 1.0", found.get("TLS1"), "not offered")
    ok("TLS 1.1", found.get("TLS1_1"), "not offered")
    ok("the chain is trusted", found.get("cert_chain_of_trust"), "passed.")


harness.sections(services, table, grade)
