#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The session that is kept as redis.rec: redis.py SOCKET"""
import socket
import sys


def request(*words):
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)

    def send(self, *requests):
        """All of them at once; then what comes until the answer to an ECHO behind them."""
        self.socket.sendall(b"".join(requests) + request("ECHO", "the-end"))
        got = b""
        while not got.endswith(b"the-end\r\n"):
            got += self.socket.recv(65536)


def main(path):
    client = Client(path)
    for i in range(10):
        client.send(request("SET", f"session:{i}", "x" * 2000, "EX", "60"))
        client.send(request("GET", f"session:{i}"), request("GET", "session:none"))
        client.send(*[request("HINCRBY", f"cart:{i}:lines", "qty", "1")] * 16)
    client.send(request("LPUSH", "session:1", "x"), request("INCR", "session:1"))
    client.send(request("EVALSHA", "0" * 40, "0"), request("NOSUCHCOMMAND"))
    client.send(request("MULTI"), request("INCR", "stock:reserve:7"), request("EXEC"))
    client.send(b"PING\r\n", request("AUTH", "a-password"))


if __name__ == "__main__":
    main(*sys.argv[1:])
