#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests of every framing. Prints what it made: "COUNT OUTCOME OPERATION" a line. http_client.py PORT ROUNDS"""
import collections
import socket
import sys
import time

made = collections.Counter()


def connect():
    sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock, sock.makefile("rb")


def skip_reply(file, head):
    status = int(file.readline().split()[1])
    fields = {}
    while (line := file.readline()) not in (b"\r\n", b""):
        key, _, value = line.partition(b":")
        fields[key.lower()] = value.strip()
    if status == 100:
        return skip_reply(file, head)
    if head or status in (101, 204, 304):
        return status
    if b"transfer-encoding" in fields:
        while n := int(file.readline().split(b";")[0], 16):
            file.read(n + 2)
        while file.readline() != b"\r\n":
            pass
    else:
        file.read(int(fields.get(b"content-length", -1)))
    return status


def ask(peer, method, target, route=None, fields="", body=b"", step=0, pause=0.0):
    sock, file = peer
    head = f"{method} {target} HTTP/1.1\r\nHost: acme.example.com:80\r\n{fields}\r\n".encode()
    for at in range(0, len(head), step or len(head)):
        sock.sendall(head[at:at + (step or len(head))])
    time.sleep(pause)
    sock.sendall(body)
    status = skip_reply(file, method == "HEAD")
    made["ok" if status < 400 else f"{status // 100}xx", f"{method} {route or target}"] += 1


def pipeline(peer, depth):
    methods = ["GET" if i % 3 else "HEAD" for i in range(depth)]
    peer[0].sendall(b"".join(b"%s /pipe HTTP/1.1\r\nHost: a\r\n\r\n" % m.encode() for m in methods))
    for method in methods:
        skip_reply(peer[1], method == "HEAD")
        made["ok", f"{method} /pipe"] += 1


def one_round(peer):
    for method in ("GET", "HEAD"):
        for target in ("/empty", "/same", "/chunked", "/plain", "/slow/chunked", "/slow/plain", "/big"):
            ask(peer, method, target)
        ask(peer, method, "/404", "/*")
        ask(peer, method, "/500", "/*")
        ask(peer, method, "/orders/1001/lines?key=hunter", "/orders/*/lines")
    ask(peer, "POST", "/post", fields="Content-Length: 2000\r\n", body=b"GET / HTTP/1.1\r\n\r\n" * 111 + b"xx")
    ask(peer, "POST", "/post", fields="Transfer-Encoding: chunked\r\n", body=b"5\r\nhello\r\n0\r\n\r\n")
    ask(peer, "POST", "/post", fields="Expect: 100-continue\r\nContent-Length: 5\r\n", body=b"hello", pause=0.001)
    ask(peer, "PUT", "/put", fields="Content-Length: 1048576\r\n", body=b"y" * 1048576)
    ask(peer, "GET", "/bytewise", step=1)
    ask(peer, "GET", "/long", fields="Cookie: " + "k" * 6000 + "\r\n")
    for depth in (2, 16, 70):
        pipeline(peer, depth)
    for target, step in (("/close", 0), ("/first", 1)):
        other = connect()
        ask(other, "GET", target, step=step)
        other[1].close()
        other[0].close()


def main():
    peer = connect()
    for _ in range(int(sys.argv[2])):
        one_round(peer)
    ask(peer, "GET", "/socket", fields="Upgrade: websocket\r\n")
    peer[0].sendall(b"GET /not/http/any/more HTTP/1.1\r\n\r\n")
    time.sleep(0.1)
    for (outcome, operation), count in made.items():
        print(count, outcome, operation)


main()
