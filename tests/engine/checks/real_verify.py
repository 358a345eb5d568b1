"""The same stack with the cluster's CA: Odoo, n8n and Superset verify who they talk to, and refuse anybody else.

After the group `real`, on what it left running.
"""

import os
import re
import shutil
import signal

import harness
import world
from harness import DEPLOY, compose, concerns, ok, run, step, wait_for
from real_record import finish

concerns("odoo", "superset-init", "superset", "n8n")
CA = DEPLOY / "do-ca.crt"
STACK = DEPLOY.parent / "stack"
APPS = ("odoo", "n8n", "superset")
# How the client of each says that it does not believe the server.
REFUSAL = r"(?i)certificate verify failed|self-signed certificate|unable to verify|does not match|altnames|unable to get local issuer"


def encrypted():
    rows = world.sql("select distinct usename || ' ' || ssl from pg_stat_ssl s join pg_stat_activity a using (pid)"
                     " where usename <> 'doadmin'").splitlines()
    return sorted(rows)


def tries():
    """Starts all three anew; gives what each says about the server it finds."""
    since = run("date", "+%s").stdout.strip()
    job = compose("run", "--rm", "-T", "superset-init", seconds=300)
    compose("kill", *APPS)
    compose("start", *APPS)
    said = {"superset-init": (job.returncode != 0, re.search(REFUSAL, job.stdout + job.stderr))}
    for name in ("odoo", "n8n"):
        said[name] = (wait_for(lambda: not healthy(name), 5), wait_for(
            lambda: re.search(REFUSAL, compose("logs", "--no-log-prefix", "--since", since, name).stdout), 90))
    return {name: (bool(failed), bool(why)) for name, (failed, why) in said.items()}


def healthy(name):
    return harness.containers()[name]["Health"] == "healthy"


def postgres_as(host):
    """The cluster with a certificate for another name, of the same authority."""
    signed, key = world.certificate("postgres", host)
    data = world.WORK / "postgres"
    for source, target in ((signed, data / "server.crt"), (key, data / "server.key")):
        shutil.copy(source, target)
        shutil.chown(target, "nobody", "nogroup")
    (data / "server.key").chmod(0o600)
    world.stop("postgres", signal.SIGINT)
    world.start("postgres")


refused = {"superset-init": (True, True), "odoo": (True, True), "n8n": (True, True)}

(STACK / "stack.verified.yaml").write_text(
    "stackgen: 1\ndatabases:\n  main: { ca: ./do-ca.crt }\nremove: [databases.main.sslmode]\n"
)
built = run(os.environ["STACKGEN_PROGRAM"], "build", str(STACK), "--env", "verified", "-o", str(DEPLOY))
ok("stackgen build --env verified", built.returncode, 0) or print(built.stdout + built.stderr)
missing = compose("up", "--detach", "--wait", "--wait-timeout", "300", seconds=400)
ok("without the CA nothing starts", missing.returncode != 0)
shutil.copy(world.CA, CA)
up = compose("up", "--detach", "--wait", "--wait-timeout", "600", seconds=700)
ok("with it all is well", up.returncode, 0) or print((up.stdout + up.stderr)[-3000:])
ok("every connection is encrypted", encrypted(), [f"{name} true" for name in sorted(APPS)])
step("verify-full")

# Of the same name as the real one, so that only its key tells.
subject = run("openssl", "x509", "-in", str(world.CA), "-noout", "-subject", "-nameopt", "RFC2253").stdout.partition("CN=")[2].strip()
run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3",
    "-subj", f"/CN={subject}", "-keyout", "/dev/null", "-out", str(world.WORK / "other.crt"))
CA.write_text((world.WORK / "other.crt").read_text())
ok("another CA: none of the three starts, and each says why", tries(), refused)
step("another CA")

CA.write_text(world.CA.read_text())
postgres_as("other.example.com")
ok("another name on the server's certificate: none of the three starts, and each says why", tries(), refused)
step("another name")

postgres_as(world.DATABASE_HOST)
world.wait("postgres", "PostgreSQL does not answer", lambda: world.sql("select 1"))
up = compose("up", "--detach", "--wait", "--wait-timeout", "600", seconds=700)
ok("with the right ones all is well again", up.returncode, 0) or print((up.stdout + up.stderr)[-3000:])
step("well again")
finish()
