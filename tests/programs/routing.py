"""routing.py PROGRAMS NAMES: asks a running nginx the whole routing table of the reference stack.

PROGRAMS is the folder with stub.py, NAMES the file that dns.py answers from. Prints one line per check; 1 on any fault.
"""

import concurrent.futures
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
DOMAIN = "insightpulseai.net"
PROGRAMS, NAMES = sys.argv[1:3]
failed = 0


def check(what, good, seen=""):
    global failed
    failed += not good
    print(("ok   " if good else "FAIL ") + what + ("" if good else f": {seen}"))


def context(**options):
    ctx = ssl.create_default_context()
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    if "most" in options:
        ctx.maximum_version = options["most"]
        ctx.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        ctx.set_ciphers("ALL:@SECLEVEL=0")
    if "alpn" in options:
        ctx.set_alpn_protocols(options["alpn"])
    return ctx


CONTEXT = context()


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return f"{self.status} {dict(self.headers.items())} {self.body[:300]}"


def ask(host, path="/", method="GET", headers=None, body=None, tls=True):
    """One request to the proxy under a host name."""
    raw = socket.create_connection(("127.0.0.1", 443 if tls else 80), timeout=10)
    if tls:
        raw = CONTEXT.wrap_socket(raw, server_hostname=host)
    connection = http.client.HTTPConnection(host)
    connection.sock = raw
    try:
        connection.request(method, path, body=body, headers={"Host": host, **(headers or {})})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def name(label):
    return f"{label}.{DOMAIN}"


def websocket(host, path):
    """The answer to an upgrade, and the first text the server sends."""
    raw = CONTEXT.wrap_socket(socket.create_connection(("127.0.0.1", 443), timeout=10), server_hostname=host)
    raw.sendall(
        (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Origin: https://{host}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()
    )
    seen = b""
    while b"\r\n\r\n" not in seen or len(seen.split(b"\r\n\r\n", 1)[1]) < 3:
        piece = raw.recv(4096)
        if not piece:
            break
        seen += piece
    raw.close()
    return seen.decode("latin-1")


def hsts(answer):
    return (answer.headers.get_all("Strict-Transport-Security") or []) == ["max-age=63072000"]


ALL = ["erp", "n8n", "superset", "www", "mcp", "ocr", "auth", "chat", "affine"]

# Plain HTTP: a redirect that keeps path and query; the challenge directory is the only thing served.
for label in ALL:
    answer = ask(name(label), "/a/b?c=d", tls=False)
    check(
        f"http {label} redirects",
        answer.status == 301 and answer.headers["Location"] == f"https://{name(label)}/a/b?c=d",
        answer,
    )
    check(f"http {label} sends no HSTS", answer.headers["Strict-Transport-Security"] is None, answer)
    answer = ask(name(label), "/.well-known/acme-challenge/token", tls=False)
    check(f"http {label} serves challenges", answer.body == b"token-value\n", answer)

# Nobody else's name is answered.
try:
    seen = ask("evil.example", tls=False)
except (http.client.HTTPException, ConnectionError) as error:
    seen = error
check("http unknown host gets no page", isinstance(seen, Exception) or seen.status in (404, 421), seen)
try:
    seen = ask("evil.example")
    check("https unknown host is refused", False, seen)
except ssl.SSLError as error:
    check("https unknown host is refused", "UNRECOGNIZED_NAME" in str(error), error)
try:
    # A known name in the handshake, another in the request.
    raw = CONTEXT.wrap_socket(socket.create_connection(("127.0.0.1", 443)), server_hostname=name("erp"))
    raw.sendall(f"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode())
    first = raw.recv(4096).split(b"\r\n")[0]
except (ssl.SSLError, ConnectionError) as error:
    first = str(error).encode()
check("https host that is not the handshake's gets no page", b" 200 " not in first, first)

# Proxied services: the right port, and every header the applications look at.
for label, stub, port, path in [
    ("erp", "odoo", 8069, "/web/login"),
    ("erp", "odoo", 8069, "/web/static/x.js"),
    ("n8n", "n8n", 5678, "/"),
    ("n8n", "n8n", 5678, "/webhook/x"),
]:
    answer = ask(name(label), path + "?q=1", headers={"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "gopher"})
    seen = answer.json() if answer.status == 200 else {}
    got = seen.get("headers", {})
    check(
        f"https {label}{path} reaches {stub}:{port}",
        (seen.get("stub"), seen.get("port"), seen.get("path")) == (stub, port, path + "?q=1"),
        answer,
    )
    check(f"https {label}{path} keeps the host", got.get("host") == name(label), got)
    check(f"https {label}{path} says https", got.get("x-forwarded-proto") == "https", got)
    check(f"https {label}{path} says the host", got.get("x-forwarded-host") == name(label), got)
    check(f"https {label}{path} says the client", got.get("x-real-ip") == "127.0.0.1", got)
    # Products believe as many hops as there are proxies: ours is the last of the list.
    check(
        f"https {label}{path} ends the list with the client",
        got.get("x-forwarded-for", "").split(",")[-1].strip() == "127.0.0.1",
        got,
    )
    check(f"https {label}{path} sends HSTS once", hsts(answer), answer)

# Superset is not there yet; nginx started all the same, and the others answer.
answer = ask(name("superset"))
check("a missing upstream is 502 or 503", answer.status in (502, 503), answer)
check("a missing upstream still sends HSTS", hsts(answer), answer)
with open(NAMES, "a", encoding="utf-8") as file:
    file.write("superset=127.0.1.3\n")
stub = subprocess.Popen([sys.executable, PROGRAMS + "/stub.py", "superset", "8088", "--bind", "127.0.1.3"], stdout=subprocess.PIPE)
deadline = time.time() + 30
while time.time() < deadline:
    answer = ask(name("superset"), "/x")
    if answer.status == 200:
        break
    time.sleep(0.3)
check("an upstream that appears is found without a reload", answer.status == 200 and answer.json()["port"] == 8088, answer)
stub.terminate()
stub.wait()
answer = ask(name("superset"), "/x")
check("a dead upstream is 502", answer.status in (502, 504), answer)
check("a dead upstream hurts nobody else", ask(name("erp")).status == 200 and ask(name("n8n")).status == 200)
# Recreated with another address, as a container is.
with open(NAMES, encoding="utf-8") as file:
    text = file.read()
with open(NAMES, "w", encoding="utf-8") as file:
    file.write(text.replace("127.0.1.3", "127.0.1.4"))
stub = subprocess.Popen([sys.executable, PROGRAMS + "/stub.py", "superset", "8088", "--bind", "127.0.1.4"], stdout=subprocess.PIPE)
deadline = time.time() + 40
while time.time() < deadline:
    answer = ask(name("superset"), "/x")
    if answer.status == 200:
        break
    time.sleep(0.3)
check("an upstream with a new address is found again", answer.status == 200, answer)

# Websockets.
seen = websocket(name("erp"), "/websocket")
check("websocket of Odoo reaches 8072", " 101 " in seen.split("\r\n")[0] and "odoo:8072" in seen, seen)
check("websocket answers the right key", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in seen, seen)
seen = websocket(name("n8n"), "/rest/push")
check("websocket of n8n reaches 5678", " 101 " in seen.split("\r\n")[0] and "n8n:5678" in seen, seen)

# The rate limit holds for what the outside calls, by client, and says 429.
with concurrent.futures.ThreadPoolExecutor(10) as pool:
    answers = list(pool.map(lambda i: ask(name("n8n"), f"/webhook/{i}"), range(60)))
passed = sum(a.status == 200 for a in answers)
limited = [a for a in answers if a.status == 429]
# The burst of 20 and one, and what flows in meanwhile; one was used above.
check("rate limit lets the burst pass", 15 <= passed <= 45, passed)
check("rate limit answers 429", len(limited) == 60 - passed and limited, [a.status for a in answers])
check("rate limit answers with HSTS", all(map(hsts, limited)), limited[:1])
with concurrent.futures.ThreadPoolExecutor(10) as pool:
    answers = list(pool.map(lambda i: ask(name("n8n"), f"/rest/{i}"), range(60)))
check("rate limit leaves the editor alone", all(a.status == 200 for a in answers), [a.status for a in answers])

# Placeholders and planned services.
for label in ["mcp", "ocr", "auth", "chat", "affine"]:
    answer = ask(name(label), "/any/thing")
    check(f"https {label} is 503", answer.status == 503, answer)
    check(f"https {label} says when to come back", (answer.headers["Retry-After"] or "").isdigit(), answer)
    check(f"https {label} says it in JSON", answer.headers.get_content_type() == "application/json" and answer.json(), answer)
    check(f"https {label} sends HSTS", hsts(answer), answer)

# The static site.
answer = ask(name("www"))
check("https www serves its files", answer.body == b"<h1>home</h1>\n", answer)
check("https www sends HSTS", hsts(answer), answer)
answer = ask(name("www"), "/nothing")
check("https www says 404", answer.status == 404 and hsts(answer), answer)
answer = ask(name("www"), "/.git/config")
check("https www hides dot files", answer.status in (403, 404), answer)

# What is not for everybody.
for label, path in [("erp", "/web/database/manager"), ("erp", "/web/database"), ("n8n", "/metrics")]:
    answer = ask(name(label), path)
    check(f"https {label}{path} is closed", answer.status == 403 and hsts(answer), answer)
answer = ask(name("erp"), "/stackgen/health")
check("the proxy's own health page is not public", answer.status == 200 and answer.json()["stub"] == "odoo", answer)
check("the container's health check is answered", ask("127.0.0.1", "/stackgen/health", tls=False).status == 200)

# Bodies: what Odoo takes, n8n refuses.
body = b"x" * (20 << 20)
answer = ask(name("erp"), "/upload", "POST", body=body)
check("a body of 20 MiB reaches Odoo", answer.status == 200 and answer.json()["body_bytes"] == len(body), answer)
try:
    answer = ask(name("n8n"), "/upload", "POST", body=body)
    check("a body of 20 MiB is too much for n8n", answer.status == 413 and hsts(answer), answer)
except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
    # nginx closes while the body is still on its way.
    check("a body of 20 MiB is too much for n8n", True)

# TLS of today.
for version in [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]:
    try:
        with socket.create_connection(("127.0.0.1", 443)) as raw:
            context(most=version).wrap_socket(raw, server_hostname=name("erp"))
        check(f"{version.name} is refused", False, "accepted")
    except ssl.SSLError:
        check(f"{version.name} is refused", True)
with socket.create_connection(("127.0.0.1", 443)) as raw:
    wrapped = context(alpn=["h2", "http/1.1"]).wrap_socket(raw, server_hostname=name("erp"))
    check("HTTP/2 is offered", wrapped.selected_alpn_protocol() == "h2", wrapped.selected_alpn_protocol())
with socket.create_connection(("127.0.0.1", 443)) as raw:
    wrapped = context(most=ssl.TLSVersion.TLSv1_2).wrap_socket(raw, server_hostname=name("erp"))
    check("TLS 1.2 is forward secret", "ECDHE" in wrapped.cipher()[0] and "GCM" in wrapped.cipher()[0], wrapped.cipher())

stub.terminate()
print(f"{failed} failed")
sys.exit(failed > 0)
