"""probe.py STACKGEN: the script that asks from outside, against a real nginx with the generated configuration.

The reference stack's nginx.conf runs unchanged in namespaces of its own, under the server's public address, with
stand-ins for the services and certificates of a test authority. The script finds nothing wrong; then one thing at a
time is broken, and it finds that and nothing else. Needs root, unshare, nginx-1.30 of `.ci/tools sid`, curl, openssl.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("STACKGEN_TOOLS", ROOT / "target/tools"))
PROGRAMS = ROOT / "tests/programs"
ADDRESS = "178.128.112.214"
DOMAIN = "insightpulseai.net"
LIVE, LATER, PLANNED = ["erp", "n8n", "superset", "www"], ["ocr", "mcp", "auth"], ["chat", "affine"]
ALL = LIVE + LATER + PLANNED
MAIN = "www." + DOMAIN  # name of the certificate of all active sites
failed = 0

TRUSTED = "certificate is trusted and covers the name"
REDIRECT = "http leads to https, path and query kept"


def check(what, good, seen=""):
    global failed
    failed += not good
    print(("ok   " if good else "FAIL ") + what + ("" if good else f": {seen}"), flush=True)


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **more)


def must(*command, **more):
    done = run(*command, **more)
    if done.returncode:
        sys.exit(f"FAIL {command}: {done.stdout}{done.stderr}")
    return done


def names(*labels):
    return {f"{label}.{DOMAIN}" for label in labels}


class Server:
    """The world of one run: address, services, certificates, nginx."""

    def __init__(self, stackgen, work):
        self.work = work
        self.running = {}
        must("ip", "link", "set", "lo", "up")
        must("ip", "address", "add", ADDRESS + "/32", "dev", "lo")
        folder = work / "stack"
        folder.mkdir()
        shutil.copy(ROOT / "stacks/odoo-erp-prod/stack.yaml", folder)
        (folder / "stack.outside.yaml").write_text("probe: {}\n", encoding="utf-8")
        must(stackgen, "build", folder, "--env", "outside", "-o", work / "out")
        self.probe = work / "out/probe.sh"
        self.conf = (work / "out/nginx/nginx.conf").read_text(encoding="utf-8")
        self.directories()
        self.authority()
        self.certificates()
        self.services()

    def directories(self):
        for folder in ["/etc/nginx", "/var/www"]:
            pathlib.Path(folder).mkdir(exist_ok=True)
            must("mount", "-t", "tmpfs", "none", folder)
        types = next(path for path in (TOOLS / "root").rglob("mime.types") if "nginx" in str(path))
        shutil.copy(types, "/etc/nginx/mime.types")
        site = pathlib.Path("/var/www/html")
        (site / ".git").mkdir(parents=True)
        (site / "index.html").write_text("<h1>home</h1>\n", encoding="utf-8")
        (site / ".git/config").write_text("secret\n", encoding="utf-8")
        hosts = self.work / "hosts"
        hosts.write_text("127.0.0.1 localhost\n", encoding="utf-8")
        must("mount", "--bind", hosts, "/etc/hosts")

    def authority(self):
        must(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/O=A test/CN=Root", "-keyout", self.work / "ca.key", "-out", self.work / "ca.pem",
        )
        (self.work / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=own\n[own]\ndatabase={self.work}/index\nnew_certs_dir={self.work}\nrand_serial=yes\n"
            "default_md=sha256\npolicy=any\nunique_subject=no\ncopy_extensions=copy\n[any]\ncommonName=supplied\n",
            encoding="utf-8",
        )
        (self.work / "index").touch()

    def certificates(self, folder=None, covers=f"*.{DOMAIN}", days=60, self_signed=False):
        """A certificate for one folder of nginx, or good ones for all."""
        folders = sorted(set(re.findall(r"/etc/nginx/certificates/[^/]+", self.conf)))
        for path in [pathlib.Path(f) for f in folders if folder is None or f.endswith("/" + folder)]:
            path.mkdir(parents=True, exist_ok=True)
            key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path / "privkey.pem"]
            subject = ["-subj", "/CN=x", "-addext", f"subjectAltName=DNS:{covers}"]
            if self_signed:
                must("openssl", "req", "-x509", *key, *subject, "-days", str(days), "-out", path / "fullchain.pem")
                continue
            request = self.work / "request"
            must("openssl", "req", "-new", *key, *subject, "-out", request)
            day = lambda n: time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + n * 86400))
            must(
                "openssl", "ca", "-batch", "-config", self.work / "ca.cnf", "-cert", self.work / "ca.pem",
                "-keyfile", self.work / "ca.key", "-startdate", day(-30), "-enddate", day(days), "-notext",
                "-in", request, "-out", path / "fullchain.pem",
            )

    def start(self, name, *command):
        self.running[name] = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def stop(self, name):
        process = self.running.pop(name)
        process.terminate()
        process.wait(timeout=20)

    def stub(self, name, address, *ports):
        self.start(name, sys.executable, PROGRAMS / "stub.py", name, *ports, "--bind", address)
        self.running[name].stdout.readline()

    def services(self):
        entries = ["odoo=127.0.1.1", "n8n=127.0.1.2", "superset=127.0.1.3"]
        self.start("dns", sys.executable, PROGRAMS / "dns.py", "127.0.0.11", *entries)
        self.running["dns"].stdout.readline()
        self.stub("odoo", "127.0.1.1", 8069, 8072)
        self.stub("n8n", "127.0.1.2", 5678)
        self.stub("superset", "127.0.1.3", 8088)
        self.stub("ssh", ADDRESS, 22)

    def nginx(self, conf=None):
        """nginx afresh, with this configuration or the one that was built."""
        if "nginx" in self.running:
            self.stop("nginx")
        path = self.work / "nginx.conf"
        path.write_text(conf or self.conf, encoding="utf-8")
        self.start("nginx", TOOLS / "bin/nginx-1.30", "-p", self.work, "-c", path, "-g", "daemon off;")
        for _ in range(100):
            try:
                socket.create_connection((ADDRESS, 443), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("FAIL nginx does not start")

    def ask(self, *options, trust=True, **more):
        """What the script says: its status, and the lines that are not ok."""
        trusted = ["--cacert", self.work / "ca.pem"] if trust else []
        done = run("bash", self.probe, "--json", *trusted, *options, **more)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        wrong = {(line["subject"], line["check"]) for line in lines if line["status"] == "fail"}
        return done, lines, wrong

    def broken(self, what, expected, conf=None, options=("--connect", ADDRESS), **more):
        """Exactly this is found."""
        self.nginx(conf)
        done, _, wrong = self.ask(*options, **more)
        good = wrong == expected and done.returncode == (1 if expected else 0)
        check(f"{what}: found, {len(expected)} lines, and nothing else", good, f"\n{done.stdout}{done.stderr}")

    def changed(self, old, new, count=None):
        """The configuration with something else in it."""
        if self.conf.count(old) < 1 or count and self.conf.count(old) != count:
            sys.exit(f"FAIL the configuration has {self.conf.count(old)} times {old!r}")
        return self.conf.replace(old, new)

    def location(self, path, new, service):
        """The configuration with another body in a location of a service."""
        at = self.conf.index(f"location ^~ {path} {{" if f"location ^~ {path} {{" in self.conf else f"location {path} {{", self.conf.index(f"# {service}: "))
        start, end = self.conf.index("{", at) + 1, self.conf.index("}", at)
        return self.conf[:start] + new + self.conf[end:]


def all_well(server):
    server.nginx()
    done, lines, wrong = server.ask("--connect", ADDRESS)
    check("a good stack: nothing is wrong", done.returncode == 0 and not wrong, f"\n{done.stdout}{done.stderr}")
    asked = sum(line["status"] == "ok" for line in lines)
    check("a good stack: more than 70 answers are as they should be", asked > 70, asked)
    check("a good stack: every name was asked", names(*ALL) <= {line["subject"] for line in lines}, lines)
    skipped = [line for line in lines if line["status"] == "note"]
    check("a good stack: nothing was left out", not skipped, skipped)
    done = run("bash", server.probe, "--connect", ADDRESS, "--cacert", server.work / "ca.pem")
    check("as text: the same", done.returncode == 0 and re.search(r"^\d+ ok, 0 failed, 0 notes$", done.stdout, re.M), done)


def resolved(server):
    """Without --connect the DNS says where to ask."""
    hosts = pathlib.Path("/etc/hosts")
    hosts.write_text("".join(f"{ADDRESS} {name}\n" for name in sorted(names(*LIVE, *LATER))), encoding="utf-8")
    done, lines, wrong = server.ask()
    notes = {line["subject"] for line in lines if line["status"] == "note"}
    check("by the DNS: all well, planned names are noted", done.returncode == 0 and notes == names(*PLANNED), done)
    hosts.write_text("".join(f"{ADDRESS} {name}\n" for name in sorted(names(*ALL) - names("erp"))), encoding="utf-8")
    _, _, wrong = server.ask()
    # Unknown names are asked for at the first site's address.
    expected = {(f"erp.{DOMAIN}", "its name has an address")}
    expected |= {("stackgen-probe.invalid", f"an unknown name gets nothing by {s}") for s in ["http", "https"]}
    check("by the DNS: a name without an address is found", wrong == expected, wrong)
    hosts.write_text("127.0.0.1 localhost\n", encoding="utf-8")


def certificates(server):
    active = names(*LIVE, *LATER)
    for what, made, expected in [
        ("an expired certificate", {"days": -1}, TRUSTED),
        ("a certificate that ends in five days", {"days": 5}, "certificate is valid for 10 days more"),
        ("a certificate of another name", {"covers": "other.example"}, TRUSTED),
        ("a certificate that nobody signed", {"self_signed": True}, TRUSTED),
    ]:
        server.certificates(MAIN, **made)
        server.broken(what, {(name, expected) for name in active})
    server.certificates(MAIN)
    server.certificates("chat." + DOMAIN, self_signed=True)
    server.broken("a planned name without its certificate is no fault", set())
    server.certificates("chat." + DOMAIN)
    untrusted = names(*LIVE, *LATER)
    server.broken("an authority that nobody knows", {(name, TRUSTED) for name in untrusted}, trust=False)
    known = dict(os.environ, SSL_CERT_FILE=str(server.work / "ca.pem"))
    expected = {(name, "certificate is from Let's Encrypt") for name in names(*ALL)}
    server.broken("another issuer than the manifest's", expected, trust=False, env=known)


def headers(server):
    hsts = {(name, "Strict-Transport-Security") for name in names(*ALL)}
    server.broken("HSTS removed", hsts, server.changed("https max-age=63072000;", 'https "";', 1))
    server.broken("HSTS for an hour", hsts, server.changed("max-age=63072000", "max-age=3600"))
    redirect = {(name, REDIRECT) for name in names(*ALL)}
    line = "return 301 https://$host$request_uri;"
    server.broken("a redirect that forgets the path", redirect, server.changed(line, "return 301 https://$host/;", 1))
    server.broken("no redirect", redirect, server.changed(line, "return 200;", 1))


def sites(server):
    later = {(name, "/ is not served yet") for name in names(*LATER)}
    conf = re.sub(r"return 503 ('[^']*open to the public)", r"return 200 \1", server.conf)
    server.broken("200 instead of 503", later, conf)
    hints = {(name, "/ says when to come back") for name in names(*LATER, *PLANNED)}
    conf = "".join(line for line in server.conf.splitlines(True) if "Retry-After" not in line)
    server.broken("no Retry-After", hints, conf)
    sockets = {(f"erp.{DOMAIN}", "/websocket becomes a websocket"), (f"n8n.{DOMAIN}", "/rest/push becomes a websocket")}
    server.broken("the upgrade is dropped", sockets, server.changed("proxy_set_header Upgrade $upgrade;", "", 1))
    odoo = "\n            proxy_pass http://odoo_8069;\n        "
    opened = {(f"erp.{DOMAIN}", "/web/database is closed")}
    server.broken("the database manager is open", opened, server.location("/web/database", odoo, "odoo"))
    health = {(f"erp.{DOMAIN}", "/web/health answers 200")}
    conf = server.changed("location /web/static/ {", "location = /web/health { return 404; }\n        location /web/static/ {", 1)
    server.broken("the health page is gone", health, conf)
    at = server.conf.index("location ~ ^/(.*/)?")
    conf = server.conf[:at] + server.conf[at:].replace("return 404;", "", 1)
    server.broken("hidden files are shown", {(MAIN, "/.git/config is not shown")}, conf)
    server.stop("superset")
    superset = {(f"superset.{DOMAIN}", what) for what in ["/health answers 200", "/static/ is answered", "/ is answered"]}
    server.broken("a service that is down", superset)
    server.stub("superset", "127.0.1.3", 8088)


def tls(server):
    conf = server.changed("ssl_protocols TLSv1.2 TLSv1.3;", "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;", 1)
    conf = re.sub(r"ssl_ciphers [^;]*;", "ssl_ciphers ALL:@SECLEVEL=0;", conf)
    old = {(name, f"TLS {version} is refused") for name in names(*ALL) for version in ["1.0", "1.1"]}
    server.broken("TLS of yesterday", old, conf)


def strangers(server):
    subject = "stackgen-probe.invalid"
    at = server.conf.index("return 444;\n        }\n    }")
    conf = server.conf[:at] + 'return 200 "hello";' + server.conf[at + len("return 444;") :]
    server.broken("unknown names are served by http", {(subject, "an unknown name gets nothing by http")}, conf)
    folder = f"/etc/nginx/certificates/{MAIN}"
    shown = f"ssl_certificate {folder}/fullchain.pem;\n        ssl_certificate_key {folder}/privkey.pem;"
    conf = server.changed("ssl_reject_handshake on;", shown, 1).replace("return 421;", "return 200;")
    server.broken("unknown names are served by https", {(subject, "an unknown name gets nothing by https")}, conf)


def ports(server):
    for port, why in [(8069, "odoo"), (25060, "database server main"), (2375, "Docker without TLS")]:
        server.stub("open", ADDRESS, port)
        server.broken(f"port {port} is open", {(ADDRESS, f"port {port} ({why}) is closed")})
        server.stop("open")
    server.stop("ssh")
    server.broken("SSH does not answer", {(ADDRESS, "port 22 (SSH) answers")})
    server.stop("nginx")
    done, _, wrong = server.ask("--connect", ADDRESS)
    check("nothing at all can be reached: 2", done.returncode == 2 and not done.stdout, done)
    server.stub("ssh", ADDRESS, 22)
    done, _, wrong = server.ask("--connect", ADDRESS)
    expected = {(name, "answers by https") for name in names(*ALL)}
    expected |= {("stackgen-probe.invalid", f"an unknown name gets nothing by {s}") for s in ["http", "https"]}
    check("nginx is down, the server is not: every site", done.returncode == 1 and wrong == expected, wrong)


SMALL = """stackgen: 1
name: small
domain: small.example
host: { address: 178.128.112.214 }
proxy: { version: 1.30.0-alpine, hsts: { max_age: 365d, include_subdomains: true } }
firewall: { ssh: { from: [192.0.2.0/24] } }
certificates: { email: admin@small.example, issuer: letsencrypt-staging }
probe: { certificate_days: 50, closed: [9200] }
services:
  odoo:
    image: x:1
    listen: 8069
    url: https://small.example
    aliases: [www.small.example]
    healthcheck: { http: /health, tool: curl }
    routes:
      - { path: /old, redirect: "https://small.example/new" }
      - { path: /ours, allow_from: [178.128.112.214/32] }
      - { path: /theirs, allow_from: [192.0.2.0/24] }
  n8n: { image: "y:1", listen: 5678, url: "http://plain.small.example", healthcheck: { http: /up, tool: curl } }
allow:
  - { rule: plain-http-served, reason: to see that such a site is asked by http }
"""


def another(server, stackgen):
    """What the reference stack has not: other names, redirects, lists of addresses, a site without TLS."""
    folder = server.work / "small"
    folder.mkdir()
    (folder / "stack.yaml").write_text(SMALL, encoding="utf-8")
    must(stackgen, "build", folder, "-o", folder / "out")
    server.probe = folder / "out/probe.sh"
    server.conf = (folder / "out/nginx/nginx.conf").read_text(encoding="utf-8")
    server.certificates(covers="small.example,DNS:*.small.example")
    server.nginx()
    done, lines, _ = server.ask("--connect", ADDRESS)
    notes = [(line["subject"], line["check"]) for line in lines if line["status"] == "note"]
    check("another stack: nothing is wrong", done.returncode == 0, f"\n{done.stdout}{done.stderr}")
    check("another stack: a list of addresses is noted", notes == [("small.example", "/ours is open to addresses of a list")], notes)
    asked = {(line["subject"], line["check"]) for line in lines if line["status"] == "ok"}
    for subject, what in [
        ("small.example", "/theirs is closed"), ("small.example", "/old leads elsewhere"),
        ("www.small.example", "leads to small.example, path and query kept"), ("plain.small.example", "/up answers 200"),
        (ADDRESS, "port 9200 (probe.closed) is closed"),
    ]:
        check(f"another stack: {subject} {what}", (subject, what) in asked, asked)
    line = "return 301 https://small.example$request_uri;"
    alias = {("www.small.example", "leads to small.example, path and query kept")}
    server.broken("another name that leads nowhere", alias, server.changed(line, "return 404;", 1))
    moved = {("small.example", "/old leads elsewhere")}
    hostile = 'return 301 "https://small.example/\\"\x1b[31m\\\\";'
    server.broken("a redirect to what is no URL", moved, server.changed("return 301 https://small.example/new;", hostile, 1))
    done = run("bash", server.probe, "--connect", ADDRESS)
    check("what is shown of it has no control characters", "\x1b" not in done.stdout and "[31m" in done.stdout, done)
    server.certificates(covers="small.example,DNS:*.small.example", days=30)
    days = {(name, "certificate is valid for 50 days more") for name in ["small.example", "www.small.example"]}
    server.broken("a certificate that ends before the manifest's days", days)
    server.certificates(covers="small.example,DNS:*.small.example")
    server.stop("n8n")
    plain = {("plain.small.example", what) for what in ["/up answers 200", "/ is answered"]}
    server.broken("a site without TLS whose service is down", plain)
    server.stub("n8n", "127.0.1.2", 5678)


def arguments(server):
    for words in [["--connect"], ["--cacert", "/nowhere"], ["--what"], ["--connect", "a;b"]]:
        done = run("bash", server.probe, *words)
        check(f"{words}: 2", done.returncode == 2 and done.stderr and not done.stdout, done)
    done = run("bash", server.probe, env={"PATH": "/nowhere"}, executable="/bin/bash")
    check("without curl: 2", done.returncode == 2, done)


def main():
    stackgen = pathlib.Path(sys.argv[1]).resolve()
    nginx = TOOLS / "bin/nginx-1.30"
    missing = [name for name in ["unshare", "curl", "openssl", "ip", "mount"] if not shutil.which(name)]
    missing += [str(path) for path in [nginx, stackgen] if not path.exists()]
    if missing or os.geteuid() != 0:
        sys.exit(f"FAIL needs root and: {missing}")
    if len(sys.argv) == 2:
        own = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvp(own[0], [*own, sys.executable, __file__, str(stackgen), "inside"])
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        server = Server(stackgen, pathlib.Path(folder))
        all_well(server)
        for part in [resolved, certificates, headers, sites, tls, strangers, arguments, ports]:
            part(server)
        another(server, stackgen)
    print(f"{failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
