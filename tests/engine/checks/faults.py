"""Each container is stopped, killed and replaced, the database goes away, files vanish, the disk is full."""

import os
import pathlib
import signal
import tempfile
import time

import harness
import world
from harness import Flow, compose, concerns, containers, get, ok, run, shell, step, wait_for

concerns("nginx", "odoo", "n8n", "superset", "certbot", "certbot-prepare")
# An answer that needs the service and its database.
PATHS = {"odoo": ("erp", "/web/login"), "n8n": ("n8n", "/rest/login"), "superset": ("superset", "/login/")}
DOWN = (502, 503, 504)


def container(service):
    return compose("ps", "--all", "--quiet", "--no-trunc", service).stdout.strip()


def status(service):
    """What the route of a service answers; 0 for no answer at all."""
    try:
        return get(*PATHS[service])[0]
    except OSError:
        return 0


def addresses(service):
    networks = harness.inspect(container(service))["NetworkSettings"]["Networks"]
    return {name: network["IPAddress"] for name, network in networks.items()}


def recovers(what, service, seconds=60):
    began = time.monotonic()
    ok(f"{service}: recovers by itself after {what}", wait_for(lambda: status(service) == 200, seconds), True)
    step(f"{service}: {what}: {time.monotonic() - began:.1f} s until it answers")


def crash(service):
    """The container's process dies; nobody asked Docker for it."""
    os.kill(harness.inspect(container(service))["State"]["Pid"], signal.SIGKILL)


def goes(victim):
    """A service goes in three ways and comes back; the others stay."""
    others = [Flow(*PATHS[name]) for name in PATHS if name != victim] + [Flow("www"), Flow("www", "/index.html")]
    for flow in others:
        flow.__enter__()

    compose("stop", victim)
    ok(f"{victim}: stopped, its route says so", status(victim) in DOWN, True)
    compose("start", victim)
    recovers("stop and start", victim)

    # In the volume, so that the next container has it.
    mark = f"mark-{victim}"
    data = {"odoo": "/var/lib/odoo", "n8n": "/home/node/.n8n", "superset": "/app/superset_home"}[victim]
    ok(f"{victim}: writes its data", compose("exec", "-T", victim, "/bin/sh", "-c", f"echo {mark} >{data}/mark").returncode, 0)

    restarts = harness.inspect(container(victim))["RestartCount"]
    crash(victim)
    ok(f"{victim}: killed, the engine starts it again",
       wait_for(lambda: harness.inspect(container(victim))["RestartCount"] > restarts, 30), True)
    recovers("a crash", victim)

    # Another container takes the address meanwhile.
    before, network = addresses(victim), f"deploy_{victim}"
    image = harness.inspect(container(victim))["Config"]["Image"]
    compose("rm", "--stop", "--force", victim)
    squatter = run("docker", "run", "--detach", "--rm", "--name", "squatter", "--network", network, "--entrypoint", "/bin/sh",
                   image, "-c", "sleep 600")
    ok(f"{victim}: removed, its route says so", wait_for(lambda: status(victim) in DOWN, 20), True)
    compose("up", "--detach", victim)
    ok(f"{victim}: the new container has another address", addresses(victim)[network] != before[network], squatter.returncode == 0)
    recovers("recreation under another address", victim)
    run("docker", "rm", "--force", "squatter")
    kept = compose("exec", "-T", victim, "cat", f"{data}/mark").stdout.strip()
    ok(f"{victim}: the new container has the old data", kept, mark)

    for flow in others:
        flow.__exit__()
        ok(f"{victim}: {flow.name}{flow.path} never failed meanwhile", flow.failures[:3], [])
        ok(f"{victim}: {flow.name}{flow.path} was asked", flow.answers > 20, True)


def odoo():
    goes("odoo")


def n8n():
    goes("n8n")


def superset():
    goes("superset")


def behind_placeholders():
    """What has no open route, and certbot: nobody notices."""
    with Flow("www") as www, Flow(*PATHS["odoo"]) as erp:
        for service in ("ocr", "mcp", "auth", "certbot"):
            crash(service)
            compose("up", "--detach", "--force-recreate", "--no-deps", service)
            ok(f"{service}: is there again", wait_for(lambda: containers()[service]["State"] == "running", 30), True)
    ok("recreating what is behind placeholders hurts nobody", (www.failures[:3], erp.failures[:3]), ([], []))


def proxy():
    crash("nginx")
    recovers("a crash of nginx", "odoo", 30)
    compose("up", "--detach", "--force-recreate", "--no-deps", "nginx")
    recovers("recreation of nginx", "odoo", 30)
    ok("nginx: still has its certificate", harness.served("erp")["issuer"].startswith("CN = Pebble"), True)


def database_away():
    ids = harness.container_ids()
    with Flow("www") as www:
        world.stop("postgres", signal.SIGINT)
        for service in PATHS:
            ok(f"database away: {service} says so", wait_for(lambda: status(service) >= 500, 40), True)
        # A reboot of the server at such a moment.
        compose("restart", "odoo")
        ok("database away: Odoo does not start", status("odoo") in DOWN, True)
        world.start("postgres")
        for service in PATHS:
            recovers("the database's return", service, 90)
    ok("database away: the site stays", www.failures[:3], [])
    ok("database away: no container was replaced", harness.container_ids(), ids)


def certificate_files():
    pair = f"/etc/nginx/certificates/www.{world.DOMAIN}"
    lose = ["exec", "-T", "certbot", "/bin/sh", "-c", f"rm -r {pair} /etc/nginx/certificates/.versions/www.{world.DOMAIN}"]
    ok("the certificate is lost", compose(*lose).returncode, 0)
    compose("kill", "-s", "HUP", "nginx")
    time.sleep(1)
    ok("nginx goes on with the one it has", status("odoo"), 200)
    again = compose("exec", "-T", "certbot", "/bin/sh", "/etc/stackgen/certificates.sh", "issue")
    ok("certificates.sh issue brings it back", again.returncode, 0)
    ok("with the issued one", harness.served("erp")["issuer"].startswith("CN = Pebble"), True)
    compose(*lose)
    compose("restart", "--no-deps", "nginx")
    ok("without it nginx cannot start", wait_for(lambda: status("odoo") == 0, 10), True)
    # It may end with an error all the same: what waits for a healthy nginx finds one that is just starting again.
    shell("docker compose up -d")
    recovers("the loss of the certificate", "odoo", 90)
    ok("with the issued one", harness.served("erp")["issuer"].startswith("CN = Pebble"), True)


def disk_full():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder)
        stackgen, stack = os.environ["STACKGEN_PROGRAM"], str(harness.DEPLOY.parent / "stack")
        first = run(stackgen, "build", stack, "-o", folder / "deploy")
        ok("disk: the build fits", first.returncode, 0)
        old = {path: path.read_bytes() for path in sorted((folder / "deploy").rglob("*")) if path.is_file()}
        try:
            (folder / "full").write_bytes(b"x" * (512 << 10))
        except OSError:
            pass  # as much as fits
        # Every file would change: the name of the stack is in all of them.
        other = harness.DEPLOY.parent / "other"
        other.mkdir()
        text = pathlib.Path(stack, "stack.yaml").read_text().replace("name: odoo-erp-prod", "name: odoo-erp-other")
        (other / "stack.yaml").write_text(text)
        full = run(stackgen, "build", other, "-o", folder / "deploy", "--force")
        ok("disk full: the build ends with 2", full.returncode, 2)
        harness.has("disk full: and says so", "no space left", full.stderr)
        now = {path: path.read_bytes() for path in sorted((folder / "deploy").rglob("*")) if path.is_file()}
        ok("disk full: every file is as it was", now == old, True)
        run("umount", folder)


def afterwards():
    ok("every service becomes healthy again", compose("up", "--detach", "--wait").returncode, 0)
    ids = harness.container_ids()
    compose("up", "--detach", "--wait")
    ok("another up changes nothing", harness.container_ids(), ids)


harness.sections(odoo, n8n, superset, behind_placeholders, proxy, database_away, certificate_files, disk_full, afterwards)
