#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One session again and again over a Unix socket, its requests and its replies cut at every byte.

torture.py redis|http. Prints what it made: "COUNT OUTCOME OPERATION" a line. Both ends are this script's, so
what was asked and answered is known; a Unix socket's ends are traced each for itself.
"""
import collections
import os
import socket
import sys
import tempfile
import time

PAUSE = 0.0006


def resp(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


# operation, outcome, request, reply
REDIS = [
    ("PING", "ok", resp(b"PING"), b"+PONG\r\n"),
    ("PING", "ok", b"PING\r\n", b"+PONG\r\n"),
    ("GET", "ok", resp(b"GET", b"cart:1001"), b"$5\r\nhello\r\n"),
    ("GET", "ok", resp(b"get", b"cart:2"), b"$-1\r\n"),
    ("SET", "ok", resp(b"SET", b"k", b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n"), b"+OK\r\n"),
    ("GET", "ok", resp(b"GET", b"k"), b"$18\r\n*1\r\n$4\r\nPING\r\n-ERR\r\n"),
    ("MGET", "ok", resp(b"MGET", b"cart:1", b"cart:2", b"cart:3"), b"*3\r\n$1\r\na\r\n$-1\r\n$-1\r\n"),
    ("INCR", "ERR", resp(b"INCR", b"k"), b"-ERR value is not an integer\r\n"),
    ("LPUSH", "WRONGTYPE", resp(b"LPUSH", b"k", b"x"), b"-WRONGTYPE Operation against a key\r\n"),
    ("MULTI", "ok", resp(b"MULTI"), b"+OK\r\n"),
    ("GET", "ok", resp(b"GET", b"k"), b"+QUEUED\r\n"),
    ("INCR", "ok", resp(b"INCR", b"k"), b"+QUEUED\r\n"),
    ("EXEC", "ok", resp(b"EXEC"), b"*2\r\n$-1\r\n-ERR value is not an integer\r\n"),
    ("LPUSH", "ok", resp(b"LPUSH", b"jobs:7", b"a", b"b"), b":2\r\n"),
    ("HELLO", "ok", resp(b"HELLO", b"3"), b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nmodules\r\n*0\r\n"),
    ("HGETALL", "ok", resp(b"HGETALL", b"h:1"), b"%1\r\n+field\r\n,3.25\r\n"),
    ("GET", "ok", resp(b"GET", b"cart:3"), b"_\r\n"),
    ("SUBSCRIBE", "ok", resp(b"SUBSCRIBE", b"news"), b">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"),
    (None, None, b"", b">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"),
    ("SMEMBERS", "ok", resp(b"SMEMBERS", b"s"), b"~3\r\n#t\r\n(12345678901234567890\r\n=7\r\ntxt:abc\r\n"),
    ("GET", "ok", resp(b"GET", b"cart:4"), b"|1\r\n+ttl\r\n:0\r\n$1\r\nx\r\n"),
    ("TTL", "ok", b"TTL cart:5\r\n", b":-2\r\n"),
    ("PING", "ok", resp(b"PING"), b"+PONG\r\n"),
]

HOST = b"Host: acme.example.com\r\n"
HTTP = [
    ("GET /first", "ok", b"GET /first HTTP/1.1\r\n" + HOST + b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ("HEAD /first", "ok", b"HEAD /first HTTP/1.1\r\n" + HOST + b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    ("POST /orders/*", "ok", b"POST /orders/1001 HTTP/1.1\r\n" + HOST + b"Content-Length: 19\r\n\r\nGET / HTTP/1.1\r\n\r\nx",
     b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n"),
    ("PUT /x", "ok", b"PUT /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
     b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
    ("GET /gone", "4xx", b"GET /gone HTTP/1.1\r\n" + HOST + b"\r\n", b"HTTP/1.1 404 Not Found\r\ncontent-length:3\r\n\r\nno\n"),
    ("DELETE /x", "5xx", b"DELETE /x HTTP/1.1\r\n" + HOST + b"\r\n", b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
    ("GET /same", "ok", b"\r\nGET /same HTTP/1.1\r\n" + HOST + b"\r\n", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"),
    ("GET /last", "ok", b"GET /last HTTP/1.1\r\n" + HOST + b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
]


def take(sock, total, cut):
    """Reads so many bytes, those before the cut by themselves."""
    got = 0
    while got < total:
        data = sock.recv((cut if got < cut else total) - got)
        if not data:
            sys.exit("the other end hung up")
        got += len(data)


def give(sock, data, cut):
    sock.sendall(data[:cut])
    time.sleep(PAUSE)
    sock.sendall(data[cut:])


def serve(listener, asked, answers, cuts):
    for cut in range(1, cuts):
        sock, _ = listener.accept()
        take(sock, len(asked), min(cut, len(asked) - 1))
        give(sock, answers, min(cut, len(answers) - 1))
        sock.recv(1)
        sock.close()


def main():
    session = {"redis": REDIS, "http": HTTP}[sys.argv[1]]
    asked = b"".join(step[2] for step in session)
    answers = b"".join(step[3] for step in session)
    cuts = max(len(asked), len(answers))
    path = os.path.join(tempfile.mkdtemp(), "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    server = os.fork()
    if not server:
        serve(listener, asked, answers, cuts)
        os._exit(0)
    made = collections.Counter()
    for cut in range(1, cuts):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        give(sock, asked, min(cut, len(asked) - 1))
        take(sock, len(answers), min(cut, len(answers) - 1))
        sock.close()
        made.update((outcome, operation) for operation, outcome, _, _ in session if operation)
    if os.waitpid(server, 0)[1]:
        sys.exit("the server failed")
    for (outcome, operation), count in made.items():
        print(count, outcome, operation)


main()
