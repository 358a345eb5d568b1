#!/usr/bin/env python3
"""stub.py NAME PORT [PORT...] [--bind ADDRESS]: stands in for an application behind the proxy.

Listens on 127.0.0.1 (or ADDRESS) and says "ready" once all ports are open; SIGTERM ends it with 0. A port of 0 takes a
free one and says "port NUMBER" before "ready". With --while-stdin it also ends when its standard input closes, that is
when the test that started it is gone.

  any path         200, JSON: {"stub", "port", "method", "path", "headers" (lower-case names), "body_bytes"}
  /slow?ms=N       the same after N milliseconds (60000 at most)
  /status/NNN      the same with status NNN
  /stream          three server-sent events, 200 ms apart
  websocket        101 with the right Sec-WebSocket-Accept and "X-Stub: NAME:PORT", the text "NAME:PORT" at once, then
                   every message back until the close frame

An Upgrade header that lost its "Connection: upgrade" on the way is answered like any other request, as an application
would; so a test sees what the proxy dropped.
"""

import argparse
import base64
import hashlib
import http.server
import ipaddress
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
import urllib.parse

WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LONGEST_WAIT_MS = 60_000
LARGEST_MESSAGE = 16 * 1024 * 1024
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet per answer; flushed where a part must leave at once
    timeout = 120

    def __getattr__(self, name):
        if name.startswith("do_"):  # every method is answered alike
            return self.respond
        raise AttributeError(name)

    def log_message(self, *_):
        pass

    def version_string(self):
        return "stub"

    def place(self):
        return f"{self.server.stub}:{self.server.server_port}"

    def respond(self):
        url = urllib.parse.urlsplit(self.path)
        if self.wants_websocket():
            self.websocket()
            return
        try:
            body_bytes = self.drain_body()
        except ValueError as fault:
            self.close_connection = True
            self.answer(400, {"stub": self.server.stub, "error": str(fault)})
            return
        if url.path == "/stream":
            self.stream()
            return
        status = 200
        if url.path == "/slow":
            milliseconds = urllib.parse.parse_qs(url.query).get("ms", ["0"])[0]
            time.sleep(min(int(milliseconds) if milliseconds.isdigit() else 0, LONGEST_WAIT_MS) / 1000)
        elif url.path.startswith("/status/"):
            asked = url.path.removeprefix("/status/")
            status = int(asked) if asked.isdigit() and 200 <= int(asked) <= 599 else 400
        headers = {}
        for name, value in self.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self.answer(
            status,
            {
                "stub": self.server.stub,
                "port": self.server.server_port,
                "method": self.command,
                "path": self.path,
                "headers": headers,
                "body_bytes": body_bytes,
            },
        )

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("X-Stub", self.place())
        if status in (204, 304):
            self.end_headers()
            return
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def drain_body(self):
        """Reads the request's body away, so that the connection can be used again; returns its length."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            total = 0
            while True:
                size = int(self.rfile.readline(256).split(b";")[0], 16)
                if size == 0:
                    while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
                        pass
                    return total
                total += self.skip(size)
                self.rfile.readline(8)
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit():
            raise ValueError(f"Content-Length {length!r}")
        return self.skip(int(length))

    def skip(self, size):
        left = size
        while left:
            part = self.rfile.read(min(left, 65536))
            if not part:
                raise ValueError("the body ended early")
            left -= len(part)
        return size

    def stream(self):
        chunked = self.request_version != "HTTP/1.0"
        self.send_response(200)
        self.send_header("X-Stub", self.place())
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        for number in range(1, 4):
            if number > 1:
                time.sleep(0.2)
            event = f"event: stub\ndata: {self.place()} {number}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event) if chunked else event)
            self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    # -- websocket (RFC 6455) --

    def wants_websocket(self):
        connection = [word.strip().lower() for word in self.headers.get("Connection", "").split(",")]
        return self.headers.get("Upgrade", "").lower() == "websocket" and "upgrade" in connection

    def websocket(self):
        self.close_connection = True
        key = self.headers.get("Sec-WebSocket-Key")
        if self.command != "GET" or self.request_version == "HTTP/1.0" or not key:
            self.answer(400, {"stub": self.server.stub, "error": "not a websocket handshake"})
            return
        if self.headers.get("Sec-WebSocket-Version") != "13":
            self.answer(426, {"stub": self.server.stub, "error": "Sec-WebSocket-Version is not 13"})
            return
        digest = hashlib.sha1((key.strip() + WEBSOCKET_GUID).encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.send_header("X-Stub", self.place())
        self.end_headers()
        self.send_frame(TEXT, self.place().encode())
        message, kind = b"", None
        while True:
            frame = self.read_frame()
            if frame is None:
                return
            final, opcode, payload = frame
            if opcode == CLOSE:
                self.send_frame(CLOSE, payload[:2])
                return
            if opcode == PING:
                self.send_frame(PONG, payload)
                continue
            if opcode == PONG:
                continue
            kind = opcode or kind
            message += payload
            if kind not in (TEXT, BINARY) or len(message) > LARGEST_MESSAGE:
                self.send_frame(CLOSE, struct.pack("!H", 1002))
                return
            if final:
                self.send_frame(kind, message)
                message, kind = b"", None

    def read_frame(self):
        """One frame as (final, opcode, payload); None when the peer is gone or breaks the rules."""
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        length = head[1] & 0x7F
        if length >= 126:
            extended = self.rfile.read(2 if length == 126 else 8)
            length = int.from_bytes(extended, "big")
        if not head[1] & 0x80 or length > LARGEST_MESSAGE:  # a client's frames are masked
            self.send_frame(CLOSE, struct.pack("!H", 1002))
            return None
        mask = self.rfile.read(4)
        payload = self.rfile.read(length)
        if len(mask) < 4 or len(payload) < length:
            return None
        pad = (mask * (length // 4 + 1))[:length]
        plain = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
        return bool(head[0] & 0x80), head[0] & 0x0F, plain.to_bytes(length, "big")

    def send_frame(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, length)
        self.wfile.write(head + payload)
        self.wfile.flush()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, stub, address, port):
        self.stub = stub
        if ipaddress.ip_address(address).version == 6:
            self.address_family = socket.AF_INET6
        super().__init__((address, port), Handler)

    def server_bind(self):  # without http.server's look-up of the host's name
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description="stands in for an application behind the proxy")
    parser.add_argument("name")
    parser.add_argument("ports", metavar="PORT", type=int, nargs="+")
    parser.add_argument("--bind", metavar="ADDRESS", default="127.0.0.1")
    parser.add_argument("--while-stdin", action="store_true", help="end when standard input closes")
    options = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    try:
        servers = [Server(options.name, options.bind, port) for port in options.ports]
    except (OSError, ValueError, OverflowError) as fault:
        sys.exit(f"stub.py: {options.name} on {options.bind}, ports {options.ports}: {fault}")
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    for asked, server in zip(options.ports, servers):
        if asked == 0:
            print("port", server.server_port)
    print("ready", flush=True)
    if options.while_stdin:
        while sys.stdin.buffer.read(65536):
            pass
    else:
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
