"""Passes bytes between a socket and standard input and output, as `docker system dial-stdio` does."""

import os
import socket
import sys
import threading

engine = socket.socket(socket.AF_UNIX)
engine.connect(sys.argv[1])


def send():
    while piece := os.read(0, 65536):
        engine.sendall(piece)
    engine.shutdown(socket.SHUT_WR)


threading.Thread(target=send, daemon=True).start()
while piece := engine.recv(65536):
    os.write(1, piece)
