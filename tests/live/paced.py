#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Redis client that asks so often and no oftener. Prints how many GETs were answered.
Usage: paced.py PORT RATE SECONDS"""
import socket
import sys
import time

port, rate, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
server = socket.create_connection(("127.0.0.1", port))
server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
begin, done = time.monotonic(), 0
while time.monotonic() < begin + seconds:
    wait = begin + done / rate - time.monotonic()
    if wait > 0:
        time.sleep(wait)
    server.sendall(b"*2\r\n$3\r\nGET\r\n$8\r\norders:1\r\n")
    if server.recv(64) != b"$-1\r\n":
        sys.exit("no such key was to be the answer")
    done += 1
print(done)
