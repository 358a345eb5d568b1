"""The routing table of the reference stack, as questions to a running nginx and the answers that are right.

routing.py asks an nginx on this machine whose services are stubs; tests/engine asks the server from the internet.
"""

import concurrent.futures
import http.client
import json
import socket
import ssl
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
DOMAIN = "insightpulseai.net"
ALL = ["erp", "n8n", "superset", "www", "mcp", "ocr", "auth", "chat", "affine"]
CLOSED_LATER = ["mcp", "ocr", "auth", "chat", "affine"]
HSTS = "max-age=63072000"
MIB = 1 << 20


def name(label):
    return f"{label}.{DOMAIN}"


def context(most=None, alpn=None):
    """TLS that trusts everybody: whether a certificate is right is asked elsewhere."""
    ctx = ssl.create_default_context()
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    if most:
        ctx.maximum_version = most
        ctx.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        ctx.set_ciphers("ALL:@SECLEVEL=0")
    if alpn:
        ctx.set_alpn_protocols(alpn)
    return ctx


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def hsts(self):
        """Whether the header is there, once and with what the manifest says."""
        return (self.headers.get_all("Strict-Transport-Security") or []) == [HSTS]

    def __str__(self):
        return f"{self.status} {dict(self.headers.items())} {self.body[:300]}"


class Proxy:
    """An nginx at an address, and the address it sees its client under."""

    def __init__(self, address, client, check):
        self.address, self.client, self.check = address, client, check
        self.tls = context()

    def connect(self, host, tls=None):
        raw = socket.create_connection((self.address, 443), timeout=10)
        return (tls or self.tls).wrap_socket(raw, server_hostname=host)

    def ask(self, host, path="/", method="GET", headers=None, body=None, tls=True):
        """One request under a host name."""
        raw = self.connect(host) if tls else socket.create_connection((self.address, 80), timeout=10)
        connection = http.client.HTTPConnection(host)
        connection.sock = raw
        try:
            connection.request(method, path, body=body, headers={"Host": host, **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def websocket(self, host, path):
        """The answer to an upgrade, and the first text the server sends."""
        with self.connect(host) as raw:
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
        return seen.decode("latin-1")

    def table(self):
        """The whole table, but for the services themselves."""
        self.plain_http()
        self.strangers()
        self.websockets()
        self.rate_limit()
        self.placeholders()
        self.static_site()
        self.closed()
        self.bodies()
        self.versions()

    def plain_http(self):
        """A redirect that keeps path and query; the challenge directory is the only thing served."""
        for label in ALL:
            answer = self.ask(name(label), "/a/b?c=d", tls=False)
            self.check(
                f"http {label} redirects",
                answer.status == 301 and answer.headers["Location"] == f"https://{name(label)}/a/b?c=d",
                answer,
            )
            self.check(f"http {label} sends no HSTS", answer.headers["Strict-Transport-Security"] is None, answer)
            answer = self.ask(name(label), "/.well-known/acme-challenge/token", tls=False)
            self.check(f"http {label} serves challenges", answer.body == b"token-value\n", answer)

    def strangers(self):
        """Nobody else's name is answered."""
        try:
            seen = self.ask("evil.example", tls=False)
        except (http.client.HTTPException, ConnectionError) as error:
            seen = error
        self.check("http unknown host gets no page", isinstance(seen, Exception) or seen.status in (404, 421), seen)
        try:
            seen = self.ask("evil.example")
            self.check("https unknown host is refused", False, seen)
        except ssl.SSLError as error:
            self.check("https unknown host is refused", "UNRECOGNIZED_NAME" in str(error), error)
        try:
            # A known name in the handshake, another in the request.
            raw = self.connect(name("erp"))
            raw.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            first = raw.recv(4096).split(b"\r\n")[0]
        except (ssl.SSLError, ConnectionError) as error:
            first = str(error).encode()
        self.check("https host that is not the handshake's gets no page", b" 200 " not in first, first)

    def service(self, label, stub, port, path):
        """A proxied service: the right port, and every header that applications look at."""
        check, what = self.check, f"https {label}{path}"
        sent = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "gopher", "X-Real-IP": "6.6.6.6"}
        answer = self.ask(name(label), path + "?q=1", headers=sent)
        seen = answer.json() if answer.status == 200 else {}
        got = seen.get("headers", {})
        reached = (seen.get("stub"), seen.get("port"), seen.get("path"))
        check(f"{what} reaches {stub}:{port}", reached == (stub, port, path + "?q=1"), answer)
        check(f"{what} keeps the host", got.get("host") == name(label), got)
        check(f"{what} says https", got.get("x-forwarded-proto") == "https", got)
        check(f"{what} says the host", got.get("x-forwarded-host") == name(label), got)
        check(f"{what} says the port", got.get("x-forwarded-port") == "443", got)
        check(f"{what} says the client", got.get("x-real-ip") == self.client, got)
        # Products believe as many hops as there are proxies: ours is the last of the list.
        last = got.get("x-forwarded-for", "").split(",")[-1].strip()
        check(f"{what} ends the list with the client", last == self.client, got)
        check(f"{what} sends HSTS once", answer.hsts(), answer)

    def websockets(self):
        seen = self.websocket(name("erp"), "/websocket")
        self.check("websocket of Odoo reaches 8072", " 101 " in seen.split("\r\n")[0] and "odoo:8072" in seen, seen)
        self.check("websocket answers the right key", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in seen, seen)
        seen = self.websocket(name("n8n"), "/rest/push")
        self.check("websocket of n8n reaches 5678", " 101 " in seen.split("\r\n")[0] and "n8n:5678" in seen, seen)

    def rate_limit(self):
        """It holds for what the outside calls, by client, and says 429."""
        answers = self.at_once([f"/webhook/{i}" for i in range(60)])
        passed = sum(a.status == 200 for a in answers)
        limited = [a for a in answers if a.status == 429]
        # The burst of 20 and one, and what flows in meanwhile; a few were used before.
        self.check("rate limit lets the burst pass", 15 <= passed <= 45, passed)
        self.check("rate limit answers 429", limited and len(limited) == 60 - passed, [a.status for a in answers])
        self.check("rate limit answers with HSTS", all(a.hsts() for a in limited), limited[:1])
        answers = self.at_once([f"/rest/{i}" for i in range(60)])
        good = all(a.status == 200 for a in answers)
        self.check("rate limit leaves the editor alone", good, [a.status for a in answers])

    def at_once(self, paths):
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            return list(pool.map(lambda path: self.ask(name("n8n"), path), paths))

    def placeholders(self):
        for label in CLOSED_LATER:
            answer = self.ask(name(label), "/any/thing")
            self.check(f"https {label} is 503", answer.status == 503, answer)
            self.check(f"https {label} says when to come back", (answer.headers["Retry-After"] or "").isdigit(), answer)
            is_json = answer.headers.get_content_type() == "application/json" and answer.json()
            self.check(f"https {label} says it in JSON", is_json, answer)
            self.check(f"https {label} sends HSTS", answer.hsts(), answer)

    def static_site(self):
        answer = self.ask(name("www"))
        self.check("https www serves its files", answer.body == b"<h1>home</h1>\n", answer)
        self.check("https www sends HSTS", answer.hsts(), answer)
        answer = self.ask(name("www"), "/nothing")
        self.check("https www says 404", answer.status == 404 and answer.hsts(), answer)
        answer = self.ask(name("www"), "/.git/config")
        self.check("https www hides dot files", answer.status in (403, 404), answer)

    def closed(self):
        """What is not for everybody."""
        for label, path in [
            ("erp", "/web/database/manager"), ("erp", "/web/database"), ("erp", "/web/database/selector"),
            ("n8n", "/metrics"),
        ]:
            answer = self.ask(name(label), path)
            self.check(f"https {label}{path} is closed", answer.status == 403 and answer.hsts(), answer)
        answer = self.ask(name("erp"), "/stackgen/health")
        passed_on = answer.status == 200 and answer.json()["stub"] == "odoo"
        self.check("the proxy's own health page is not public", passed_on, answer)

    def bodies(self):
        """What Odoo takes, n8n refuses."""
        body = b"x" * (20 * MIB)
        answer = self.ask(name("erp"), "/upload", "POST", body=body)
        self.check("a body of 20 MiB reaches Odoo", answer.status == 200 and answer.json()["body_bytes"] == len(body), answer)
        try:
            answer = self.ask(name("n8n"), "/upload", "POST", body=body)
            good = answer.status == 413 and answer.hsts()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            # nginx closes while the body is still on its way.
            good = True
        self.check("a body of 20 MiB is too much for n8n", good, answer)

    def versions(self):
        """TLS of today."""
        for version in [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]:
            try:
                self.connect(name("erp"), context(most=version)).close()
                self.check(f"{version.name} is refused", False, "accepted")
            except ssl.SSLError:
                self.check(f"{version.name} is refused", True)
        with self.connect(name("erp"), context(alpn=["h2", "http/1.1"])) as wrapped:
            chosen = wrapped.selected_alpn_protocol()
            self.check("HTTP/2 is offered", chosen == "h2", chosen)
        with self.connect(name("erp"), context(most=ssl.TLSVersion.TLSv1_2)) as wrapped:
            cipher = wrapped.cipher()
            self.check("TLS 1.2 is forward secret", "ECDHE" in cipher[0] and "GCM" in cipher[0], cipher)
