"""Connections to the managed database: encrypted, each under its own role, verified where the manifest asks for it; and
where passwords are, and where they are not."""

import json
import os
import pathlib

import harness
import world
from harness import compose, concerns, ok, run, shell, step, wait_for

concerns("odoo", "n8n", "superset", "superset-init")
SERVICES = ["odoo", "n8n", "superset"]
ADDRESS = {"odoo": ("erp", "/web/login"), "n8n": ("n8n", "/rest/login"), "superset": ("superset", "/login/")}
ENVIRONMENT = {  # by design: these products have no other way
    "ocr": {"SUPABASE_SERVICE_ROLE_KEY", "OPENAI_API_KEY", "OCR_SPACE_API_KEY", "AZURE_OCR_KEY", "GOOGLE_VISION_API_KEY",
            "GEMINI_API_KEY"},
    "auth": {"SUPABASE_JWT_SECRET"},
}
STACK = harness.DEPLOY.parent / "stack"
VERIFY = """databases:
  main: { sslmode: verify-full, ca: ./database-ca.crt }
"""


def answers():
    """Those that answer with the help of their database."""
    good = []
    for service in SERVICES:
        try:
            good += [service] * (harness.get(*ADDRESS[service])[0] == 200)
        except OSError:
            pass
    return good


def connections():
    """`role database encrypted` of everything connected."""
    rows = world.sql(
        "select distinct usename, datname, ssl from pg_stat_ssl join pg_stat_activity using (pid)"
        " where usename is not null and usename <> 'doadmin' order by 1, 2"
    )
    return sorted(rows.splitlines())


def built(*arguments):
    stackgen = os.environ["STACKGEN_PROGRAM"]
    done = run(stackgen, "build", str(STACK), "-o", str(harness.DEPLOY), *arguments)
    return ok(f"build {' '.join(arguments)}", done.returncode, 0) or print(done.stdout + done.stderr)


def again():
    """Not `restart`: a container that the engine is just starting again for itself is then now and then in the way of the
    next `up` ("container is running: stop the container before removing")."""
    compose("stop", *SERVICES)
    compose("start", *SERVICES)


def roles():
    ok("all three use their database", answers(), SERVICES)
    seen = connections()
    # Odoo listens for scheduled actions in the database postgres.
    ok("each with its own role, encrypted", seen, ["n8n|n8n|t", "odoo|odoo|t", "odoo|postgres|t", "superset|superset|t"])

    # The roles themselves.
    passwords = harness.secrets()
    for service in SERVICES:
        password = passwords[f"{service.upper()}_DB_PASSWORD"]
        ok(f"{service} enters its database", world.sql("select current_user", database=service, user=service, password=password), service)
        for other in SERVICES:
            if other != service:
                try:
                    entered = world.sql("select 1", database=other, user=service, password=password)
                except RuntimeError as fault:
                    entered = "permission denied" if "permission denied" in str(fault) else str(fault)
                ok(f"{service} does not enter that of {other}", entered, "permission denied")


def passwords_stay():
    passwords = harness.secrets()
    for service, row in sorted(harness.containers().items()):
        described = json.dumps(harness.inspect(row["ID"]))
        held = {name for name, value in passwords.items() if json.dumps(value)[1:-1] in described}
        ok(f"{service}: secrets that `docker inspect` shows", held, ENVIRONMENT.get(service, set()))
    command_lines = b"\n".join(path.read_bytes() for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    logs = compose("logs", "--no-color").stdout
    files = {path: path.read_text() for path in harness.DEPLOY.rglob("*") if path.is_file() and path.name != ".env"}
    for name, value in passwords.items():
        ok(f"{name}: on no command line", value.encode() in command_lines, False)
        ok(f"{name}: in no log", value in logs, False)
        ok(f"{name}: in no file but .env", [str(path) for path, text in files.items() if value in text], [])


def verified():
    """By the authority of the cluster, where the manifest asks for it."""
    wrong = world.WORK / "wrong.crt"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=somebody else", "-keyout", "/dev/null", "-out", str(wrong))

    (STACK / "stack.verify.yaml").write_text(VERIFY)
    ca = harness.DEPLOY / "database-ca.crt"
    ca.write_text(world.CA.read_text())
    ca.chmod(0o644)
    built("--env", "verify")
    up = shell("docker compose build --quiet && docker compose up -d --wait")
    ok("up with verify-full", up.returncode, 0) or print(up.stderr)
    ok("verified: all three use their database", wait_for(lambda: answers() == SERVICES, 60), True)
    ok("verified: encrypted", all(row.endswith("|t") for row in connections()), True)

    ca.write_text(wrong.read_text())
    again()
    for service in SERVICES:
        ok(f"another authority: {service} refuses the server", wait_for(lambda: service not in answers(), 20), True)
    refused = world.sql(
        "select count(*) from pg_stat_activity where usename in ('odoo', 'n8n', 'superset')"
    )
    ok("another authority: no password was sent", refused, "0")
    ca.write_text(world.CA.read_text())
    again()
    ok("the right one again: all three come back", wait_for(lambda: answers() == SERVICES, 90), True)

    # As it was.
    built()
    up = shell("docker compose up -d --wait")
    ok("up as before", up.returncode, 0) or print(up.stderr)
    ca.unlink()


harness.sections(roles, passwords_stay, verified)
