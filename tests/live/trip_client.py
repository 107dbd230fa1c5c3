#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Redis client that measures by its own clock. Usage: trip_client.py get|set|eval ADDRESS PORT

get: 10 kB come back. set: 10 kB go there. eval: the server computes for a while. Prints one JSON object: how many
requests, the sums of their time and of the time that connecting took, in ns, and between which two TCP's own round trip was, in us.
"""
import json
import socket
import struct
import sys
import time

REQUESTS, CONNECTIONS = 50, 4
BUSY = b"local x = 0 for i = 1, 300000 do x = x + i end return x"

what, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
words = {"get": [b"GET", b"large"],
         "set": [b"SET", b"small", b"x" * 10000],
         "eval": [b"EVAL", BUSY, b"0"]}[what]
request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
did = {"client": what, "requests": 0, "ns": 0, "connect_ns": 0, "rtt_min_us": 1 << 31, "rtt_max_us": 0}


def whole(reply):
    if reply[:1] == b"$":
        head, _, rest = reply.partition(b"\r\n")
        return len(rest) == int(head[1:]) + 2 if rest else False
    return reply.endswith(b"\r\n")


def note_rtt(s):
    us = struct.unpack_from("I", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 68)[0]
    did["rtt_min_us"] = min(did["rtt_min_us"], us)
    did["rtt_max_us"] = max(did["rtt_max_us"], us)


for _ in range(CONNECTIONS):
    begin = time.monotonic_ns()
    s = socket.create_connection((address, port))
    did["connect_ns"] += time.monotonic_ns() - begin
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    note_rtt(s)
    for _ in range(REQUESTS):
        reply = b""
        begin = time.monotonic_ns()
        s.sendall(request)
        while not whole(reply):
            reply += s.recv(65536)
        did["ns"] += time.monotonic_ns() - begin
        did["requests"] += 1
        note_rtt(s)
    s.close()
print(json.dumps(did))
