#!/usr/bin/env python3
"""dns.py ADDRESS [NAME=IP...] [--port N] [--file PATH]: a name server for tests, over UDP and TCP.

Answers A queries for the given names, without case; a name may be given several times. Everything else is NXDOMAIN, and
a known name asked for another type has no records. --file names a file with further NAME=IP, separated by blanks or
lines, which is read again for every query: so names come and go while it runs. Says "ready" once it listens; a port of
0 takes a free one and says "port NUMBER" before. SIGTERM ends it with 0.
"""

import argparse
import ipaddress
import signal
import socket
import socketserver
import struct
import sys
import threading

A, IN, NXDOMAIN, TTL = 1, 1, 3, 1


def table(entries):
    names = {}
    for entry in entries:
        name, _, address = entry.partition("=")
        names.setdefault(name.lower().rstrip("."), []).append(ipaddress.IPv4Address(address).packed)
    return names


def question(packet):
    """The name asked for in lower case, its type, and the bytes of the whole question."""
    labels, at = [], 12
    while packet[at]:
        length = packet[at]
        if length > 63:
            raise ValueError("a compressed name in a question")
        labels.append(packet[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    kind, _ = struct.unpack_from("!HH", packet, at + 1)
    return ".".join(labels), kind, packet[12 : at + 5]


def answer(packet, names):
    name, kind, asked = question(packet)
    addresses = names.get(name, []) if kind == A else []
    code = 0 if name in names else NXDOMAIN
    # A response that is authoritative and offers recursion, as a resolver expects from the one server it knows.
    flags = 0x8480 | (packet[2] & 0x01) << 8 | code
    records = b"".join(struct.pack("!HHHIH", 0xC00C, A, IN, TTL, 4) + address for address in addresses)
    return struct.pack("!HHHHHH", *struct.unpack_from("!H", packet), flags, 1, len(addresses), 0, 0) + asked + records


class OverTcp(socketserver.StreamRequestHandler):
    """The same answers, each after its length; some resolvers ask over TCP only."""

    timeout = 5

    def handle(self):
        while len(head := self.rfile.read(2)) == 2:
            reply = self.server.reply(self.rfile.read(*struct.unpack("!H", head)))
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("names", nargs="*", metavar="NAME=IP")
    parser.add_argument("--port", type=int, default=53)
    parser.add_argument("--file")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    def reply(packet):
        more = open(options.file, encoding="utf-8").read().split() if options.file else []
        return answer(packet, table(options.names + more))

    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((options.address, options.port))
    socketserver.ThreadingTCPServer.allow_reuse_address = socketserver.ThreadingTCPServer.daemon_threads = True
    tcp = socketserver.ThreadingTCPServer((options.address, server.getsockname()[1]), OverTcp)
    tcp.reply = reply
    threading.Thread(target=tcp.serve_forever, daemon=True).start()
    if options.port == 0:
        print("port", server.getsockname()[1])
    print("ready", flush=True)
    while True:
        packet, client = server.recvfrom(4096)
        try:
            server.sendto(reply(packet), client)
        except (OSError, ValueError, IndexError, struct.error) as fault:
            print(f"dns.py: {fault}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
