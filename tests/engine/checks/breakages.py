"""What the other groups are worth: ten faults, put into the built files by hand one after the other, each have to turn
one of them red; and with the files as they were it is green again.

Not part of a run without arguments; after `first_start`, since it needs the stack running.
"""

import pathlib
import subprocess
import sys
import time

import harness
from harness import DEPLOY, compose, ok, step

HERE = pathlib.Path(__file__).resolve().parent
UP = ["up", "--detach", "--wait", "--wait-timeout", "45"]
RELOAD = ["kill", "--signal", "HUP", "nginx"]

# The fault; the file, what is replaced in it, by what; how an operator applies it; the section that has to see it.
BREAKAGES = [
    ("wrong port", "nginx/nginx.conf", "server odoo:8069 resolve", "server odoo:8070 resolve", RELOAD, "routing services"),
    ("dropped header", "nginx/nginx.conf", "    proxy_set_header X-Forwarded-Proto $scheme;\n", "", RELOAD, "routing services"),
    ("missing resolver", "nginx/nginx.conf", "server n8n:5678 resolve;", "server n8n:5678;", RELOAD, "faults n8n"),
    ("wrong hook", "docker-compose.yml", "certificates.sh watch &", "certificates.sh status;", UP, "first_start renewal"),
    ("closed port 80", "firewall/nftables.conf", "ct original proto-dst 80 accept", "ct original proto-dst 81 accept", None,
     "isolation firewall"),
    ("wrong volume", "docker-compose.yml", "target: /var/lib/odoo\n", "target: /var/lib/odoo-data\n", UP, "faults odoo"),
    ("wrong env name", "docker-compose.yml", "DB_POSTGRESDB_HOST:", "DB_POSTGRESDB_HOSTNAME:", UP, "first_start healthy"),
    ("missing secret", "docker-compose.yml", "      - N8N_DB_PASSWORD\n", "", UP, "first_start healthy"),
    ("shared network", "docker-compose.yml", "    networks:\n      - n8n\n", "    networks:\n      - n8n\n      - odoo\n", UP,
     "isolation inside"),
    ("weak TLS", "nginx/nginx.conf", "ssl_protocols TLSv1.2 TLSv1.3;",
     "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\n    ssl_ciphers ALL:@SECLEVEL=0;", RELOAD, "routing table"),
]


def check(section):
    """Whether a section is green, and its first failure."""
    group, name = section.split()
    done = subprocess.run(
        [sys.executable, HERE / f"{group}.py", name], text=True, capture_output=True, timeout=400, stdin=subprocess.DEVNULL
    )
    failures = [line for line in done.stdout.splitlines() if line.startswith("FAIL")] + done.stderr.splitlines()[-1:]
    return done.returncode == 0, failures[0] if failures else ""


def apply(command):
    if command:
        compose(*command)
        # A reload answers at once and is done a moment later.
        time.sleep(2)


for what, file, old, new, command, section in BREAKAGES:
    path = DEPLOY / file
    text = path.read_text()
    broken = text.replace(old, new, 1)
    if what == "weak TLS":
        broken = broken.replace(next(line for line in text.splitlines() if line.strip().startswith("ssl_ciphers")) + "\n", "")
    if not ok(f"{what}: the file has what is to be broken", broken != text):
        continue
    path.write_text(broken)
    apply(command)
    green, failure = check(section)
    ok(f"{what}: turns `{section}` red", green, False)
    print(f"     by: {failure[:160]}")
    path.write_text(text)
    apply(command)
    green, failure = check(section)
    ok(f"{what}: green again with the file as it was", green, True) or print(f"     {failure}")
    step(what)
harness.finish()
