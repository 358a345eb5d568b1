"""What a browser does, out on the internet: cookies, forms, JSON and websockets, over verified TLS."""

import base64
import hashlib
import http.client
import http.cookies
import json
import os
import socket
import struct
import urllib.parse

import harness


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.location = headers.get("Location", "")

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        """The body as JSON; what is none is told by what it is instead."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {"status": self.status, "text": self.text[:500]}


class Browser:
    """Keeps the cookies of one site; follows no redirect by itself."""

    def __init__(self, name, headers=None):
        self.host = harness.host(name)
        self.headers = headers or {}
        self.cookies = {}
        self._context = harness.trusted()

    def ask(self, method, path, body=None, headers=None, seconds=30):
        headers = {**self.headers, **(headers or {})}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={cookie.value}" for name, cookie in self.cookies.items())
        connection = http.client.HTTPSConnection(self.host, timeout=seconds, context=self._context)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.cookies.update(http.cookies.SimpleCookie(line))
        return answer

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def form(self, path, **fields):
        return self.ask("POST", path, urllib.parse.urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})

    def send(self, path, value, method="POST", headers=None, seconds=60):
        return self.ask(method, path, json.dumps(value), {"Content-Type": "application/json", **(headers or {})}, seconds)

    def websocket(self, path, seconds=20):
        """Opens one; gives the status, and how it went: a ping is sent, and the pong to it awaited."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1", f"Host: {self.host}", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", f"Origin: https://{self.host}",
            "User-Agent: tests", "Cookie: " + "; ".join(f"{name}={cookie.value}" for name, cookie in self.cookies.items()),
        ]
        with socket.create_connection((self.host, 443), timeout=seconds) as plain:
            with self._context.wrap_socket(plain, server_hostname=self.host) as secure:
                secure.sendall("\r\n".join([*lines, "", ""]).encode())
                file = secure.makefile("rb")
                status = int(file.readline().split()[1])
                headers = http.client.parse_headers(file)
                if status != 101:
                    return status, file.read(500).decode(errors="replace")
                accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
                if headers["Sec-WebSocket-Accept"] != accept.decode():
                    return status, "the answer is to another key"
                # What a client sends is masked; a mask of zeros changes nothing.
                secure.sendall(b"\x89\x84\0\0\0\0ping")
                while True:
                    first, second = file.read(2)
                    size = second & 127
                    if size == 126:
                        size = struct.unpack(">H", file.read(2))[0]
                    elif size == 127:
                        size = struct.unpack(">Q", file.read(8))[0]
                    text = file.read(size)
                    if first & 15 == 10:
                        return status, text.decode()
                    if first & 15 == 8:
                        return status, f"closed: {text!r}"


def flags(answer, name):
    """Of a cookie that the answer sets: its attributes as a list of words in small letters, or None without it."""
    for line in answer.headers.get_all("Set-Cookie") or []:
        first, *rest = [word.strip() for word in line.split(";")]
        if first.partition("=")[0] == name:
            return sorted(word.lower() for word in rest)
    return None
