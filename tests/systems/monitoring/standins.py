"""What stands in for the rest of the world: the services, a chat with an incoming webhook, and a mail server."""

import base64
import http.server
import json
import socket
import socketserver
import ssl
import threading


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Who asked has gone; that is theirs to do."""


class Service:
    """Answers every path with its status, and /metrics with a measurement; may be stopped and started again."""

    def __init__(self, address, *ports):
        self.address, self.ports, self.status, self.servers = address, ports, 200, []
        self.start()

    def start(self):
        service = self

        class Handler(Quiet):
            def do_GET(self):
                self.say(service.status, "standin_up 1\n")

        for port in self.ports:
            server = Server((self.address, port), Handler)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            self.servers.append(server)

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.servers = []


class Chat:
    """An incoming webhook: keeps what it is sent."""

    def __init__(self, port, path):
        chat = self
        self.messages = []

        class Handler(Quiet):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == path:
                    chat.messages.append(json.loads(body))
                self.say(200 if self.path == path else 404, "ok")

        server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def texts(self):
        """Title and text of each message."""
        return [(a.get("title", ""), a.get("text", "")) for m in self.messages for a in m.get("attachments", [])]


class Mail:
    """A mail server that takes mail only by STARTTLS and only with the right password."""

    def __init__(self, address, port, certificate, key, user, password):
        mail = self
        self.letters, self.refused = [], 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        right = base64.b64encode(f"\0{user}\0{password}".encode()).decode()

        class Handler(socketserver.StreamRequestHandler):
            def line(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def wrap(self):
                self.connection = context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)

            def handle(self):
                safe = known = False
                sender, to = "", []
                self.line("220 standin")
                while raw := self.rfile.readline():
                    text = raw.decode().strip()
                    verb = text.upper().split(" ")[0]
                    if verb in ("EHLO", "HELO"):
                        self.line("250-standin")
                        self.line("250 AUTH PLAIN" if safe else "250 STARTTLS")
                    elif verb == "STARTTLS":
                        self.line("220 go on")
                        self.wrap()
                        safe = True
                    elif verb == "AUTH":
                        known = safe and text.split(" ")[-1] == right
                        mail.refused += not known
                        self.line("235 ok" if known else "535 no")
                    elif verb == "MAIL" and known:
                        sender = text
                        self.line("250 ok")
                    elif verb == "RCPT" and known:
                        to.append(text[text.index("<") + 1 : text.index(">")])
                        self.line("250 ok")
                    elif verb == "DATA" and known:
                        self.line("354 go on")
                        lines = []
                        while (line := self.rfile.readline().decode()) not in (".\r\n", ""):
                            lines.append(line)
                        mail.letters.append((sender, tuple(to), "".join(lines)))
                        to = []
                        self.line("250 ok")
                    elif verb == "QUIT":
                        self.line("221 bye")
                        return
                    else:
                        self.line("530 no")

        class Post(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        server = Post((address, port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()


def listens(port, address="127.0.0.1"):
    """Whether somebody takes connections there."""
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex((address, port)) == 0


def client(address, port, name):
    """A connection to PostgreSQL as a role that needs no password, to a database of its name; it stays open."""
    connection = socket.create_connection((address, port), timeout=10)
    words = f"user\0{name}\0database\0{name}\0\0".encode()
    connection.sendall((8 + len(words)).to_bytes(4, "big") + (196608).to_bytes(4, "big") + words)
    assert connection.recv(1) == b"R", "PostgreSQL refuses the connection"
    return connection
