#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks context_server.py: context_client.py PORT REQUESTS CLIENTS. Says how many were answered."""
import random
import socket
import sys
import threading

ROUTES = ["/orders", "/warehouse", "/dispatch", "/invoices", "/portal"]
answered = []


def client(n, seed):
    dice, sock, done = random.Random(seed), None, 0
    while done < n:
        if not sock:
            sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        close = dice.random() < 0.2
        sock.sendall(
            b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
            % (dice.choice(ROUTES).encode(), b"Connection: close\r\n" if close else b"")
        )
        reply = b""
        while not reply.endswith(b"ok\n"):
            reply += sock.recv(4096)
        done += 1
        if close:
            sock.close()
            sock = None
    answered.append(done)


clients = int(sys.argv[3])
threads = [
    threading.Thread(target=client, args=(int(sys.argv[2]) // clients, i)) for i in range(clients)
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sum(answered))
