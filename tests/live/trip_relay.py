#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Passes bytes on between sockets by splice(), so that they are in no process' memory, where a tracer might see them:
to it, who connects here might as well talk to another node. Usage: trip_relay.py ADDRESS PORT TO_PORT
"""
import os
import socket
import sys
import threading


def pass_on(source, to):
    out, into = os.pipe()
    try:
        while n := os.splice(source.fileno(), into, 65536):
            while n:
                n -= os.splice(out, to.fileno(), n)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    os.close(out)
    os.close(into)


def main():
    address, port, to_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    listener = socket.create_server((address, port))
    print("ready", flush=True)
    while True:
        client = listener.accept()[0]
        server = socket.create_connection((address, to_port))
        for s in client, server:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for ends in (client, server), (server, client):
            threading.Thread(target=pass_on, args=ends, daemon=True).start()


main()
