"""From an empty host to a running stack by the README's own lines, and through the life of its certificates."""

import re
import sys

import harness
import world
from harness import compose, concerns, containers, fill_env, get, has, host, ok, served, shell, step, wait_for

concerns("odoo", "superset-init", "superset", "n8n", "nginx", "certbot-prepare", "certbot", "ocr", "mcp", "auth")
JOBS = {"superset-init", "certbot-prepare"}
SCRIPT = ["exec", "-T", "certbot", "/bin/sh", "/etc/stackgen/certificates.sh"]


def readme_lines():
    """The lines of `From nothing to running`; the first of them builds what the harness has built."""
    text = (harness.REPOSITORY / "README.md").read_text()
    block = re.search(r"## From nothing to running\n+```console\n(.*?)```", text, re.S).group(1)
    lines = [line[2:].split(" # ")[0].strip() for line in block.splitlines() if line.startswith("$ ")]
    if not lines[0].startswith("stackgen build"):
        sys.exit(f"first_start: the README begins with {lines[0]!r}")
    return lines[1:]


def served_instead_of(before):
    """The next certificate that nginx serves; `watch` beside it looks twice a minute."""
    return wait_for(lambda: (found := served("erp"))["serial"] != before["serial"] and found, 45)


def new_issuer(**options):
    """Pebble forgets its accounts when it ends, so certbot has to forget its own."""
    world.stop("pebble")
    world.pebble(**options)
    compose("exec", "-T", "certbot", "rm", "-r", "/etc/letsencrypt/accounts")


def last_health_check(service):
    container = compose("ps", "--quiet", service).stdout.strip()
    log = harness.inspect(container)["State"]["Health"]["Log"]
    return log[-1]["ExitCode"] if log else None


def start():
    """The README's sequence, on a host that has nothing: derived images are really built."""
    images = harness.run("docker", "image", "ls", "--quiet", "--filter", "reference=deploy-*").stdout.split()
    if images:
        harness.run("docker", "image", "rm", "--force", *images)
    harness.run("docker", "builder", "prune", "--all", "--force")

    for line in readme_lines():
        # There is no image of psql here: harness.databases() does it, and tests/systems/databases.py runs this very tool.
        if line == "docker compose run --rm main-roles":
            continue
        if line.endswith(" odoo init"):
            silent = shell(line)
            ok("init without a database does nothing", silent.returncode, 1)
            has("and says so", "does not answer, see above; nothing was done", silent.stderr)
            harness.databases()
        done = shell(line)
        if not ok(f"README: {line}", done.returncode, 0):
            print(done.stdout + done.stderr)
            harness.finish()
        step("done")
        if line.startswith("cp .env.example .env"):
            refused = compose("up", "--detach")
            ok("without secrets nothing starts", refused.returncode != 0)
            has("and it says why", "see .env.example", refused.stderr)
            fill_env()

    again = shell("docker compose run --rm odoo init")
    ok("a second init is refused", again.returncode, 1)
    has("and says why", "already holds an Odoo", again.stderr)


def healthy():
    def states():
        return {name: row["Health"] or f"{row['State']} {row['ExitCode']}" for name, row in containers().items()}

    want = {name: "exited 0" if name in JOBS else "healthy" for name in compose("config", "--services").stdout.split()}
    wait_for(lambda: states() == want, 60)
    ok("services are healthy, one-time jobs ended well", states(), want)


def certificate():
    names = sorted(map(host, world.ACTIVE))
    first = wait_for(lambda: (found := served("erp"))["issuer"].startswith("CN = Pebble") and found, 60)
    if ok("nginx serves a certificate of the issuer, by itself", bool(first)):
        ok("with the seven active names", first["names"], names)
    step("certificate served")
    for name in world.ACTIVE:
        ok(f"{host(name)} is verified", get(name)[0], 503 if name in ("ocr", "mcp", "auth") else 200)
    for name in world.PLANNED:
        ok(f"{host(name)} has a temporary certificate of its own", served(name),
           {**served(name), "issuer": "CN = \"temporary, not issued\"", "names": [host(name)]})

    status = compose(*SCRIPT, "status")
    ok("status: all is well", status.returncode, 0)
    has("status names the certificate", f"www.{world.DOMAIN}: fine, needed", status.stdout)
    has("status names what is planned", f"chat.{world.DOMAIN}: temporary, planned", status.stdout)


def unchanged():
    """Nothing changes without a change."""
    before = harness.container_ids()
    again = compose("up", "--detach", "--wait")
    ok("a second up", again.returncode, 0)
    ok("keeps every container", harness.container_ids(), before)
    # Compose labels what it builds: were an image built by two services, which of the two is meant would be left to
    # chance.
    images = set()
    for _ in range(4):
        compose("build")
        images.add(harness.run("docker", "image", "inspect", "--format", "{{.Id}}", "deploy-superset:6.0.0").stdout)
    ok("building again makes the same image", len(images), 1)


def renewal():
    first = served("erp")
    with harness.Flow("www") as flow:
        renewed = compose(*SCRIPT, "renew", "--force")
        ok("renew --force", renewed.returncode, 0) or print(renewed.stdout + renewed.stderr)
        ok("the renewed certificate is served", bool(served_instead_of(first)))
    ok("no request failed meanwhile", flow.failures, [])
    ok("and there were many", flow.answers > 50)


def issuer_away():
    """The issuer is gone, and the certificate over before it is back."""
    second = served("erp")
    new_issuer(seconds=20)
    ok("a short certificate", compose(*SCRIPT, "renew", "--force").returncode, 0)
    third = served_instead_of(second)
    ok("is served", bool(third))
    world.stop("acme")
    failing = compose(*SCRIPT, "renew")
    ok("renew without the issuer fails", failing.returncode != 0)
    has("and says so", f"ERROR: www.{world.DOMAIN}: NOT RENEWED", failing.stdout + failing.stderr)
    compose("restart", "certbot")
    loud = wait_for(lambda: (log := compose("logs", "--no-log-prefix", "certbot").stdout).count("NOT RENEWED") and log, 60)
    ok("the log of the container says so", bool(loud))
    status = compose(*SCRIPT, "status")
    ok("status fails", status.returncode, 1)
    has("and says why", f"www.{world.DOMAIN}: ended, needed", status.stdout)
    ok("the health check fails", wait_for(lambda: last_health_check("certbot") == 1, 90, 2))
    world.start("acme")
    new_issuer()
    advice = re.search(r"right after a repair: certificates\.sh (\w+)", loud or "")
    if ok("the log says what to do after a repair", bool(advice)):
        ok(f"certificates.sh {advice.group(1)}, as the log says", compose(*SCRIPT, advice.group(1)).returncode, 0)
        ok("renews", bool(served_instead_of(third or second)))
        ok("status: all is well again", compose(*SCRIPT, "status").returncode, 0)


harness.sections(start, healthy, certificate, unchanged, renewal, issuer_away)
