"""The routing table, asked from the internet over IPv4 and IPv6, and TLS as a grader sees it."""

import json
import subprocess
import sys

import harness
import world
from harness import compose, concerns, host, ok, step

sys.path.append(str(harness.REPOSITORY / "tests/programs"))
import routes  # noqa: E402  what tests/routing.rs asks without an engine

concerns("nginx")


def check(what, good, seen=""):
    ok(what, True if good else str(seen))


# What the table asks for and only the volume can hold.
token = "mkdir -p /var/www/acme/.well-known/acme-challenge && echo token-value >/var/www/acme/.well-known/acme-challenge/token"
ok("a challenge is laid down", compose("exec", "-T", "certbot", "/bin/sh", "-c", f"umask 022; {token}").returncode, 0)

SERVICES = [
    ("erp", "odoo", 8069, "/web/login"),
    ("erp", "odoo", 8069, "/web/static/x.js"),
    ("n8n", "n8n", 5678, "/"),
    ("n8n", "n8n", 5678, "/webhook/x"),
    ("superset", "superset", 8088, "/x"),
]
for family, address, client in (("IPv4", world.SERVER, world.CLIENT), ("IPv6", world.SERVER6, world.CLIENT6)):
    proxy = routes.Proxy(address, client, lambda what, good, seen="", family=family: check(f"{family}: {what}", good, seen))
    for service in SERVICES:
        proxy.service(*service)
    proxy.table()
    step(family)


# --- TLS -----------------------------------------------------------------------------------------------------------

# All that the grade is made of, and nothing that takes minutes.
PARTS = ["-p", "-s", "-f", "-S", "-h", "-H", "-I", "-T", "-BB", "-R", "-C", "-O", "-Z", "-D", "-A", "-4", "-J"]


def grade(name):
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


found = grade("erp")
ok("TLS is graded A+", found.get("overall_grade"), "A+")
# The grade alone does not ask for these.
ok("HSTS for two years", found.get("HSTS_time", "").split()[0], "730")
ok("no obsolete cipher", found.get("cipherlist_OBSOLETED"), "not offered")
ok("TLS 1.0", found.get("TLS1"), "not offered")
ok("TLS 1.1", found.get("TLS1_1"), "not offered")
ok("the chain is trusted", found.get("cert_chain_of_trust"), "passed.")
step("graded")
harness.finish()
