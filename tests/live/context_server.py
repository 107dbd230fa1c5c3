#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web server whose routes ask PostgreSQL and Redis, each route in its own words:

context_server.py PORT PG_DIR PG_PORT REDIS_SOCKET prefork|threads WORKERS

It says what it asked, a line "ROUTE STATEMENTS COMMANDS" for each route, when it gets SIGTERM.
"""
import mmap
import os
import signal
import socket
import struct
import sys
import threading

import psycopg2

ROUTES = {
    b"/orders": "SELECT * FROM stock_quant WHERE id = 1",
    b"/warehouse": "INSERT INTO stock_quant VALUES (2)",
    b"/dispatch": "UPDATE stock_quant SET id = 3 WHERE id = 3",
    b"/invoices": "DELETE FROM stock_quant WHERE id = 4",
    b"/portal": "SET work_mem = '4MB'",
}
NAMES = list(ROUTES)
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: %s\r\n\r\nok\n"
counts = mmap.mmap(-1, 1 << 16)


def count(slot, route, statements, commands):
    at = (slot * len(NAMES) + route) * 16
    now = struct.unpack_from("<qq", counts, at)
    struct.pack_into("<qq", counts, at, now[0] + statements, now[1] + commands)


def backends(slot):
    host = sys.argv[2] if slot % 2 else "127.0.0.1"
    pg = psycopg2.connect(host=host, port=sys.argv[3], user="postgres", dbname="postgres")
    pg.autocommit = True
    redis = socket.socket(socket.AF_UNIX)
    redis.connect(sys.argv[4])
    return pg.cursor(), redis


def answer(slot, peer, pg, redis):
    """One request; whether another one may follow on the connection."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = peer.recv(65536)
        if not data:
            return False
        head += data
    path = head.split()[1]
    route = NAMES.index(path)
    close = b"Connection: close" in head
    for _ in range(route + 1):
        pg.execute(ROUTES[path])
    redis.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
    redis.recv(4096)
    count(slot, route, route + 1, 1)
    peer.sendall(REPLY % (b"close" if close else b"keep-alive"))
    pg.execute("SHOW work_mem")  # what is done after the reply is nobody's
    return not close


def serve(listener, slot):
    pg, redis = backends(slot)
    while True:
        peer, _ = listener.accept()
        with peer:
            try:
                while answer(slot, peer, pg, redis):
                    pass
            except ConnectionError:
                pass


def report(*_):
    for i, name in enumerate(NAMES):
        sums = [0, 0]
        for slot in range(workers):
            n = struct.unpack_from("<qq", counts, (slot * len(NAMES) + i) * 16)
            sums = [sums[0] + n[0], sums[1] + n[1]]
        print(name.decode()[1:], *sums, flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
workers = int(sys.argv[6])
children = []
for slot in range(workers):
    if sys.argv[5] == "threads":
        threading.Thread(target=serve, args=(listener, slot), daemon=True).start()
        continue
    pid = os.fork()
    if not pid:
        serve(listener, slot)
    children.append(pid)
listener.listen(512)
signal.signal(signal.SIGTERM, report)
while True:
    signal.pause()
