"""dns.py STACKGEN: the zone files, judged by named-checkzone, served by a real name server and asked with dig; the
script for DigitalOcean, against a doctl that keeps its records in a file.

Needs root, unshare, and named, named-checkzone and dig of `.ci/tools dns`.
"""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("STACKGEN_TOOLS", ROOT / "target/tools"))
DOMAIN = "insightpulseai.net"
V4, V6 = "178.128.112.214", "2001:db8::7"
SOA = "@ IN SOA ns.invalid. admin.invalid. 1 3600 600 86400 60\n@ IN NS ns.invalid.\n"
WEIRD = 'a "quoted" text; with \\ and é, ' + "0123456789" * 40
failed = 0

MANIFEST = """stackgen: 1
name: many
domain: example.com
host: { address: 203.0.113.7, ipv6: "2001:db8::7" }
certificates: { email: admin@example.com }
dns:
  ttl: 5m
  caa: true
  issuers: [pki.goog]
  mail:
    mg.example.com:
      provider: mailgun
      receives: true
      tracking: true
      dkim: { selector: pic, key: KEY }
      dmarc: { policy: quarantine, reports: dmarc@example.com }
    eu.example.com: { provider: mailgun-eu, receives: true, spf: "v=spf1 include:mailgun.org include:x.example -all" }
  records:
    - { name: "@", type: MX, value: mail.example.org, priority: 5 }
    - { name: "@", type: TXT, value: WEIRD, ttl: 60s, note: "for whoever; asks" }
    - { name: "*.apps", type: CNAME, value: lb.example.org }
    - { name: lab, type: NS, value: ns1.example.org }
    - { name: _acme-challenge.erp, type: CNAME, value: erp.acme.example.org }
    - { name: by-hand, type: A, value: 198.51.100.1 }
    - { name: by-hand, type: A, value: 198.51.100.2 }
    - { name: xn--bcher-kva, type: AAAA, value: "2001:db8::8" }
services:
  web: { image: "x:1", listen: 80, url: "https://example.com", aliases: [www.example.com, www.other.org], healthcheck: { command: ["true"] } }
  erp: { image: "y:1", listen: 80, url: "https://erp.example.com", healthcheck: { command: ["true"] } }
  hand: { image: "z:1", listen: 80, url: "https://by-hand.example.com", healthcheck: { command: ["true"] } }
  later: { status: planned, url: "https://later.example.com", reason: not yet }
"""

REFUSED = [
    ("- { name: www.example.com, type: A, value: 198.51.100.1 }", "without the domain"),
    ("- { name: www., type: A, value: 198.51.100.1 }", "without a dot at its end"),
    ("- { name: a b, type: A, value: 198.51.100.1 }", "expected a name below the domain"),
    ("- { name: bücher, type: A, value: 198.51.100.1 }", "other letters as xn--"),
    ('- { name: "x\\n@ IN A 6.6.6.6", type: A, value: 198.51.100.1 }', "expected a name below the domain"),
    ("- { name: x, type: A, value: 198.51.100.256 }", "expected an IPv4 address"),
    ('- { name: x, type: A, value: "2001:db8::1" }', "expected an IPv4 address"),
    ("- { name: x, type: AAAA, value: 198.51.100.1 }", "expected an IPv6 address"),
    ("- { name: x, type: CNAME, value: host.example.org. }", "without a dot at its end"),
    ('- { name: x, type: CNAME, value: "a.b ; IN A" }', "expected a lower-case host name"),
    ('- { name: x, type: TXT, value: "a\\nb" }', "expected"),
    ("- { name: x, type: CNAME, value: a.b, priority: 5 }", "no priority"),
    ('- { name: "@", type: CNAME, value: a.b }', "alias"),
    ("- { name: erp, type: CNAME, value: a.b }\n    - { name: erp, type: TXT, value: x }", "excludes every other record"),
    ("- { name: x, type: A, value: 198.51.100.1 }\n    - { name: x, type: A, value: 198.51.100.1 }", "twice"),
    ('- { name: mg, type: TXT, value: "v=spf1 -all" }', "two SPF records"),
    ("- { name: x, type: TXT, value: LONG }", "at most 2048 bytes"),
    ("- { name: x, type: SOA, value: y }", "SOA"),
]

# Keeps its records in a file as DigitalOcean shows them: without a dot at the end, data last as it was asked for.
DOCTL = r'''#!/usr/bin/env python3
import json, os, sys
path = os.environ["DOCTL_RECORDS"]
records = json.load(open(path)) if os.path.exists(path) else []
words = sys.argv[1:]
assert words[:3] == ["compute", "domain", "records"], words
verb, zone, rest = words[3], words[4], words[5:]
if verb == "list":
    assert rest == ["--no-header", "--format", "ID,Type,Name,TTL,Priority,Data"], rest
    for r in records:
        if r["zone"] == zone:
            print(f'{r["id"]:<12}{r["type"]:<8}{r["name"]:<24}{r["ttl"]:<8}{r["priority"]:<4}{r["data"]}')
    sys.exit()
options = {rest[i].removeprefix("--record-"): rest[i + 1] for i in range(0, len(rest), 2)}
with open(path + ".log", "a") as log:
    log.write(verb + " " + options["type"] + " " + options["name"] + "\n")
made = {"zone": zone, "type": options["type"], "name": options["name"], "ttl": options["ttl"], "priority": options.get("priority", "0")}
made |= {"data": options["data"].rstrip("."), "tag": options.get("tag", "")}
if verb == "create":
    records.append(made | {"id": 100 + len(records)})
elif verb == "update":
    records = [made | {"id": r["id"]} if str(r["id"]) == options.get("id") else r for r in records]
else:
    sys.exit("unexpected: " + verb)
json.dump(records, open(path, "w"))
'''


def check(what, good, seen=""):
    global failed
    failed += not good
    print(("ok   " if good else "FAIL ") + what + ("" if good else f": {seen}"), flush=True)


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, **more)


def key():
    """A public key of 2048 bits as DKIM has it: longer than one string of a record."""
    private = run("openssl", "genrsa", "2048").stdout
    return "".join(run("openssl", "rsa", "-pubout", input=private).stdout.splitlines()[1:-1])


def built(stackgen, folder, text):
    folder.mkdir()
    (folder / "stack.yaml").write_text(text, encoding="utf-8")
    done = run(stackgen, "build", folder, "-o", folder / "out")
    return folder / "out", done


class NameServer:
    """named on loopback with these zones."""

    def __init__(self, work, zones):
        self.port = 5300
        lines = [f'options {{ directory "{work}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};'
                 f' pid-file "{work}/pid"; session-keyfile "{work}/key"; recursion no; dnssec-validation no; }};\ncontrols {{}};\n']
        for name, path in zones.items():
            lines.append(f'zone "{name}" {{ type primary; file "{path}"; check-names fail; check-integrity no; }};\n')
        (work / "named.conf").write_text("".join(lines), encoding="utf-8")
        self.log = open(work / "log", "w", encoding="utf-8")
        self.process = subprocess.Popen([TOOLS / "bin/named", "-g", "-c", work / "named.conf"], stderr=self.log)
        for _ in range(100):
            if self.ask(next(iter(zones)), "SOA"):
                return
            time.sleep(0.1)
        sys.exit("FAIL named does not answer: " + (work / "log").read_text(encoding="utf-8"))

    def dig(self, name, kind, *options):
        return run(TOOLS / "bin/dig", "@127.0.0.1", "-p", self.port, "+time=2", "+tries=1", *options, name, kind).stdout

    def ask(self, name, kind):
        """The data of the answer, sorted; texts put together, without quotes."""
        lines = self.dig(name, kind, "+short").splitlines()
        if kind == "TXT":
            plain = lambda text: re.sub(r"\\(\d{3}|.)", lambda m: chr(int(m[1])) if m[1].isdigit() else m[1], text)
            joined = ["".join(plain(part) for part in re.findall(r'"((?:[^"\\]|\\.)*)"', line)) for line in lines]
            lines = [text.encode("latin-1").decode() for text in joined]
        return sorted(line for line in lines if not line.startswith(";;"))

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.close()


def zones(work, out):
    """Every zone file with what a zone needs beside the records, accepted by named-checkzone at its strictest."""
    found = {}
    for path in sorted((out / "dns").glob("*.zone")):
        text = path.read_text(encoding="utf-8")
        whole = work / path.name
        whole.write_text(re.sub(r"(?m)^(\$TTL.*\n)", lambda m: m[1] + SOA, text), encoding="utf-8")
        strict = ["-k", "fail", "-m", "fail", "-M", "fail", "-n", "fail", "-r", "fail", "-S", "fail", "-i", "local", "-W", "warn"]
        done = run(TOOLS / "bin/named-checkzone", *strict, path.stem, whole)
        good = done.returncode == 0 and "warning" not in done.stdout + done.stderr
        check(f"named-checkzone takes {path.name}", good, done)
        found[path.stem] = whole
    return found


def reference(work, stackgen):
    """The reference stack: every active name, and no other."""
    out = work / "reference"
    done = run(stackgen, "build", ROOT / "stacks/odoo-erp-prod", "-o", out)
    check("the reference stack builds", done.returncode == 0, done)
    server = NameServer(work, zones(work, out))
    compiled = (out / "nginx/nginx.conf").read_text(encoding="utf-8")
    names = set(re.findall(rf"server_name ([a-z0-9-]+\.{re.escape(DOMAIN)});", compiled))
    planned = {f"chat.{DOMAIN}", f"affine.{DOMAIN}"}
    check("nginx has nine names", len(names) == 9 and planned < names, names)
    for name in sorted(names - planned):
        check(f"{name} is at the server", server.ask(name, "A") == [V4], server.ask(name, "A"))
    for name in sorted(planned):
        check(f"{name} is not there yet", "NXDOMAIN" in server.dig(name, "A"), server.dig(name, "A"))
    check("the apex names the issuer", '0 issue "letsencrypt.org"' in server.ask(DOMAIN, "CAA"), server.ask(DOMAIN, "CAA"))
    spf = server.ask("mg." + DOMAIN, "TXT")
    check("Mailgun may send", spf == ["v=spf1 include:mailgun.org ~all"], spf)
    check("nobody has promised to receive", not server.ask("mg." + DOMAIN, "MX"))
    text = (out / f"dns/{DOMAIN}.zone").read_text(encoding="utf-8")
    check("the missing key is spoken of", f"DKIM is missing for mg.{DOMAIN}" in text, text)
    server.stop()


def everything(work, stackgen):
    """A stack with every kind of record."""
    public = key()
    text = MANIFEST.replace("KEY", public).replace("WEIRD", json.dumps(WEIRD, ensure_ascii=False))
    out, done = built(stackgen, work / "many", text)
    check("a stack with every kind of record builds", done.returncode == 0, done)
    server = NameServer(work, zones(work, out))
    v4, v6 = "203.0.113.7", "2001:db8::7"
    for name, kind, expected in [
        ("example.com", "A", [v4]), ("example.com", "AAAA", [v6]), ("www.example.com", "AAAA", [v6]),
        ("www.other.org", "A", [v4]), ("erp.example.com", "A", [v4]), ("later.example.com", "A", []),
        ("example.com", "MX", ["5 mail.example.org."]), ("example.com", "TXT", [WEIRD]),
        ("by-hand.example.com", "A", ["198.51.100.1", "198.51.100.2"]), ("by-hand.example.com", "AAAA", []),
        ("x.apps.example.com", "CNAME", ["lb.example.org."]),
        ("_acme-challenge.erp.example.com", "CNAME", ["erp.acme.example.org."]),
        ("xn--bcher-kva.example.com", "AAAA", ["2001:db8::8"]),
        ("example.com", "CAA", ['0 iodef "mailto:admin@example.com"', '0 issue "letsencrypt.org"', '0 issue "pki.goog"']),
        ("mg.example.com", "MX", ["10 mxa.mailgun.org.", "10 mxb.mailgun.org."]),
        ("mg.example.com", "TXT", ["v=spf1 include:mailgun.org ~all"]),
        ("email.mg.example.com", "CNAME", ["mailgun.org."]),
        ("pic._domainkey.mg.example.com", "TXT", [f"v=DKIM1; k=rsa; p={public}"]),
        ("_dmarc.mg.example.com", "TXT", ["v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com"]),
        ("eu.example.com", "MX", ["10 mxa.eu.mailgun.org.", "10 mxb.eu.mailgun.org."]),
        ("eu.example.com", "TXT", ["v=spf1 include:mailgun.org include:x.example -all"]),
    ]:
        seen = server.ask(name, kind)
        check(f"{name} {kind}", seen == expected, f"{seen}, expected {expected}")
    check("the key takes more than one string", len(public) > 255 and '" "' in server.dig("pic._domainkey.mg.example.com", "TXT"))
    delegated = server.dig("host.lab.example.com", "A", "+noall", "+authority")
    check("a name is delegated", re.search(r"^lab\.example\.com\.\s+300\s+IN\s+NS\s+ns1\.example\.org\.$", delegated, re.M), delegated)
    kept = server.dig("example.com", "TXT", "+noall", "+answer")
    check("a TTL of its own is kept", re.match(r"example\.com\.\s+60\s", kept), kept)
    table = (out / "dns/records.md").read_text(encoding="utf-8")
    check("the table has the key in one piece", f"`v=DKIM1; k=rsa; p={public}`" in table, table)
    check("no script without a provider", not (out / "dns/doctl.sh").exists())
    server.stop()
    return text


def refused(work, stackgen, good):
    """What is no record is refused, says why, and writes nothing."""
    for i, (record, why) in enumerate(REFUSED):
        text = good.replace("  records:\n", "  records:\n    " + record.replace("LONG", "x" * 3000) + "\n")
        out, done = built(stackgen, work / f"refused{i}", text)
        check(f"refused: {record[:60]!r}", done.returncode == 1 and why in done.stderr and not out.exists(), done)
    for i, (old, new, why) in enumerate([
        ("address: 203.0.113.7", "address: 203.0.113.0/24", "expected one address"),
        ('ipv6: "2001:db8::7"', "ipv6: 203.0.113.8", "expected an IPv6 address"),
        ('host: { address: 203.0.113.7, ipv6: "2001:db8::7" }', "", "expected the server's address"),
        ("domain: example.com\n", "", "expected a `domain`"),
        ("selector: pic", "selector: 'a b'", "expected a name"), ("key: M", "key: k=rsa; p=M", "in base64"),
        ("mg.example.com:\n      provider: mailgun", "mg.example.com:\n      provider: other", "expected a `provider` or an `spf`"),
        ('spf: "v=spf1 ', 'spf: "v=spf2 ', "expected a text that starts with"),
    ]):
        if old not in good:
            sys.exit(f"FAIL the manifest has no {old!r}")
        out, done = built(stackgen, work / f"other{i}", good.replace(old, new))
        check(f"refused: {new[:60]!r}", done.returncode == 1 and why in done.stderr and not out.exists(), done)


def provider(work, stackgen, good):
    """The script for doctl: creates, then changes nothing, then mends what differs; and deletes nothing."""
    out, done = built(stackgen, work / "provider", good.replace("dns:\n", "dns:\n  provider: digitalocean\n", 1))
    check("a stack at DigitalOcean builds", done.returncode == 0, done)
    tools = work / "bin"
    tools.mkdir()
    (tools / "doctl").write_text(DOCTL, encoding="utf-8")
    (tools / "doctl").chmod(0o755)
    path = work / "records.json"
    env = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", DOCTL_RECORDS=str(path))
    script = out / "dns/doctl.sh"
    log = path.with_name("records.json.log")

    def called(*words):
        log.write_text("", encoding="utf-8")
        done = run("sh", script, *words, env=env)
        return done, log.read_text(encoding="utf-8").splitlines()

    records = lambda: json.loads(path.read_text(encoding="utf-8"))
    save = lambda list_: path.write_text(json.dumps(list_), encoding="utf-8")
    foreign = {"zone": "example.com", "id": 1, "type": "A", "name": "somebody", "ttl": "60", "priority": "0", "data": "192.0.2.1", "tag": ""}
    save([foreign])
    done, calls = called("--dry-run")
    check("a dry run changes nothing", done.returncode == 0 and not calls and "create: www A" in done.stdout, done)
    done, calls = called()
    texts = sum(path.read_text(encoding="utf-8").count(" IN ") - path.read_text(encoding="utf-8").count("\n;later")
                for path in (out / "dns").glob("*.zone"))
    check("every record is created", done.returncode == 0 and len(calls) == texts and len(records()) == texts + 1, f"{calls} {texts} {done}")
    check("planned names are not", not [r for r in records() if r["name"] == "later"], records())
    issuers = {(r["tag"], r["data"]) for r in records() if r["type"] == "CAA"}
    check("issuers have their tags", issuers == {("issue", "letsencrypt.org"), ("issue", "pki.goog"), ("iodef", "mailto:admin@example.com")}, issuers)
    done, calls = called()
    check("a second run changes nothing", done.returncode == 0 and not calls, f"{calls} {done}")
    good_ones = records()
    for what, name, kind, field, value, call in [
        ("another address", "erp", "A", "data", "192.0.2.9", "update A erp"),
        ("another TTL", "erp", "AAAA", "ttl", "1800", "update AAAA erp"),
        ("another sender policy", "mg", "TXT", "data", "v=spf1 -all", "update TXT mg"),
        ("another priority", "@", "MX", "priority", "50", "update MX @"),
        ("another alias", "email.mg", "CNAME", "data", "mailgun.example", "update CNAME email.mg"),
    ]:
        save([r | {field: value} if (r["name"], r["type"]) == (name, kind) else r for r in good_ones])
        done, calls = called()
        check(f"{what} is mended", done.returncode == 0 and calls == [call] and records() == good_ones, f"{calls} {done}")
    second = foreign | {"id": 2, "name": "mg", "type": "TXT", "data": "v=spf1 a -all"}
    save(good_ones + [second])
    done, calls = called()
    check("a second sender policy is told, not deleted", done.returncode == 1 and not calls and "mg TXT has an answer too many" in done.stderr, done)
    save([r for r in good_ones if r["data"] != "198.51.100.2"])
    done, calls = called()
    check("one of two addresses is added", done.returncode == 0 and calls == ["create A by-hand"], f"{calls} {done}")
    done, _ = called("--what")
    check("a wrong argument: 2", done.returncode == 2, done)
    (tools / "doctl").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    done, _ = called()
    check("doctl that fails: 1", done.returncode == 1 and "could not list" in done.stderr, done)


def main():
    stackgen = pathlib.Path(sys.argv[1]).resolve()
    wanted = [TOOLS / "bin" / name for name in ["named", "named-checkzone", "dig"]] + [stackgen]
    missing = [str(path) for path in wanted if not path.exists()]
    missing += [name for name in ["unshare", "openssl", "ip"] if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        sys.exit(f"FAIL needs root and: {missing}")
    if len(sys.argv) == 2:
        own = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvp(own[0], [*own, sys.executable, __file__, str(stackgen), "inside"])
    run("ip", "link", "set", "lo", "up")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        work.chmod(stat.S_IRWXU | 0o055)
        reference(work, stackgen)
        good = everything(work, stackgen)
        refused(work, stackgen, good)
        provider(work, stackgen, good)
    print(f"{failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
