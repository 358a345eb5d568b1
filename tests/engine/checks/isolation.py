"""What the internet reaches, with the firewall loaded and a container that publishes a port by mistake; what containers
reach of one another; and that nobody is locked out while rules change."""

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time

import harness
import world
from harness import compose, concerns, ok, on_server, run, step, wait_for

concerns("nginx")
OPEN = [22, 80, 443]
# Every port that an application of the reference document or a store listens on, and all that services usually take.
PORTS = sorted({*range(1, 10_001), 11211, 15432, 16379, 25060, 25061, 27017, 50000})
FIREWALL = harness.DEPLOY / "firewall"
PATH = f"{world.TOOLS}/bin:{os.environ['PATH']}"


def reached(address, ports, seconds=1.0):
    """The ports that accept a connection."""

    async def one(port, gate):
        async with gate:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), seconds)
                writer.close()
                return port
            except (OSError, asyncio.TimeoutError):
                return None

    async def all_of_them():
        gate = asyncio.Semaphore(2000)
        return await asyncio.gather(*(one(port, gate) for port in ports))

    return [port for port in asyncio.run(all_of_them()) if port]


def apply(*arguments, rollback=30):
    return on_server("env", f"PATH={PATH}", f"ROLLBACK_AFTER={rollback}", "sh", str(FIREWALL / "apply.sh"), *arguments)


soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))

LISTEN = """
import socket, sys, threading
def answer(one):
    for _ in iter(lambda: one.recv(9), b""):
        one.sendall(b"here")
def serve(sock):
    while True:
        threading.Thread(target=answer, args=(sock.accept()[0],), daemon=True).start()
for port in sys.argv[1:]:
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", int(port)))
    s.listen(256)
    threading.Thread(target=serve, args=(s,)).start()
"""
LISTENS = {
    "odoo": [8069, 8072], "n8n": [5678], "superset": [8088], "ocr": [8001], "mcp": [3000], "auth": [8080], "nginx": [80, 443],
}
ASK = """
import concurrent.futures, json, socket, sys
def one(target):
    try:
        socket.create_connection(target[1:], timeout=2).close()
        return [target]
    except OSError:
        return []
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    print(json.dumps(sum(pool.map(one, json.loads(sys.argv[1])), [])))
"""


def firewall():
    """The server has what must not be seen; rules on trial, confirmed, reloaded."""
    listener = subprocess.Popen(["ip", "netns", "exec", "server", sys.executable, "-c", LISTEN, "22", "5432", "9000"])
    image = harness.inspect(compose("ps", "-q", "odoo").stdout.strip())["Config"]["Image"]
    run("docker", "rm", "--force", "mistake")
    mistake = run("docker", "run", "--detach", "--name", "mistake", "-p", "8069:8069", "-p", "5678:80", "--entrypoint", "python3",
                  image, "-c", LISTEN, "8069", "80")
    ok("a container publishes 8069 by mistake", mistake.returncode, 0) or print(mistake.stderr)
    on_server(str(world.TOOLS / "bin/nft"), "delete", "table", "inet", "stackgen")

    wait_for(lambda: reached(world.SERVER, [22, 8069]) == [22, 8069], 20)
    control = [22, 80, 443, 5432, 5678, 8069, 9000]
    for family, address in (("IPv4", world.SERVER), ("IPv6", world.SERVER6)):
        ok(f"without rules, {family}: everything answers", reached(address, control), control)

    held = socket.create_connection((world.SERVER, 22), timeout=5)

    def still_there():
        held.sendall(b"x")
        return held.recv(9)

    ok("a session from before", still_there(), b"here")
    ok("apply.sh", apply(rollback=3).returncode, 0)
    ok("on trial: 8069 is closed", reached(world.SERVER, [22, 8069]), [22])
    ok("the session goes on", still_there(), b"here")
    ok("without a confirmation the rules go", wait_for(lambda: reached(world.SERVER, [22, 8069]) == [22, 8069], 15), True)
    ok("apply.sh again", apply().returncode, 0)
    ok("confirm", apply("confirm").returncode, 0)

    refused = []
    stop = threading.Event()

    def log_in():
        while not stop.is_set():
            try:
                socket.create_connection((world.SERVER, 22), timeout=2).close()
            except OSError as fault:
                refused.append(repr(fault))
            time.sleep(0.005)

    logins = threading.Thread(target=log_in)
    logins.start()
    loaded = [on_server(str(world.TOOLS / "bin/nft"), "-f", "/etc/stackgen/nftables.conf").returncode for _ in range(30)]
    again = apply("confirm").returncode if apply().returncode == 0 else None
    stop.set()
    logins.join()
    ok("rules are loaded thirty times and once by apply.sh", (loaded, again), ([0] * 30, 0))
    ok("meanwhile every log-in succeeds", refused, [])
    ok("and the session lives", still_there(), b"here")
    step("rules loaded")

    for family, address in (("IPv4", world.SERVER), ("IPv6", world.SERVER6)):
        # Those that are open are asked again in peace: among ten thousand at once an answer may be late.
        ok(f"{family}: of {len(PORTS)} ports these answer", sorted({*reached(address, PORTS), *reached(address, OPEN, 5)}), OPEN)
        step(f"{family} scanned")
    listing = json.loads((FIREWALL / "digitalocean.json").read_text())
    inbound = sorted((rule["protocol"], rule["ports"]) for rule in listing["inbound_rules"] if rule["protocol"] != "icmp")
    ok("DigitalOcean's firewall says the same", inbound, sorted(("tcp", str(port)) for port in OPEN))
    sources = {source for rule in listing["inbound_rules"] for source in rule["sources"]["addresses"]}
    ok("for IPv4 and IPv6", sources, {"0.0.0.0/0", "::/0"})

    # The engine makes its chains anew for every container; ours hold.
    run("docker", "restart", "-t", "1", "mistake")
    ok("after a restart of the container", reached(world.SERVER, [22, 80, 443, 8069, 5678]), OPEN)
    run("docker", "rm", "--force", "mistake")
    listener.terminate()
    listener.wait(10)


def inside():
    """Which services reach which."""
    inspected = {name: harness.inspect(compose("ps", "-q", name).stdout.strip()) for name in [*LISTENS, "certbot"]}
    targets = [
        (name, network["IPAddress"], port)
        for name, ports in LISTENS.items()
        for network in inspected[name]["NetworkSettings"]["Networks"].values()
        for port in ports
    ]
    outside = [("database", world.DATABASE, world.DATABASE_PORT), ("internet", world.ACME, 443)]

    def reaches(name):
        """The services whose ports a container reaches by any address they have."""
        pid = str(inspected[name]["State"]["Pid"])
        done = run("nsenter", "-t", pid, "-n", sys.executable, "-c", ASK, json.dumps(targets + outside))
        return sorted({target[0] for target in json.loads(done.stdout)} - {name})

    everybody = ["database", "internet"]
    for name in inspected:
        if name == "nginx":
            expected = sorted(everybody + [service for service in LISTENS if service != "nginx"])
        elif name == "certbot":
            expected = everybody
        else:
            expected = sorted([*everybody, "nginx"])
        ok(f"{name} reaches", reaches(name), expected)


harness.sections(firewall, inside)
