#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web server with forked workers; the path says how it answers: http_server.py PORT WORKERS"""
import os
import signal
import socket
import sys

CRLF = b"\r\n"
END = CRLF + CRLF
REPLIES = {
    b"/404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n",
    b"/500": b"HTTP/1.1 500 Oops\r\ncontent-length:0\r\n\r\n",
    b"/empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    b"/same": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\n\r\n",
    b"/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 b"5\r\nhello\r\na;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
    b"/close": b"HTTP/1.0 200 OK\r\n\r\n" + b"z" * 5000,
    b"/big": b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + b"b" * 1048576,
    b"/socket": b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n",
}
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"


class Peer:
    def __init__(self, sock):
        self.sock, self.held = sock, b""

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.held += data

    def until(self, mark):
        while mark not in self.held:
            self.more()
        head, _, self.held = self.held.partition(mark)
        return head

    def take(self, n):
        while len(self.held) < n:
            self.more()
        self.held = self.held[n:]


def answer(peer):
    lines = peer.until(END).split(CRLF)
    method, target = lines[0].split()[:2]
    fields = {k.lower(): v.strip() for k, _, v in (line.partition(b":") for line in lines[1:])}
    if b"expect" in fields:
        peer.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    peer.take(int(fields.get(b"content-length", 0)))
    if b"transfer-encoding" in fields:
        while n := int(peer.until(CRLF), 16):
            peer.take(n + 2)
        peer.until(CRLF)
    slow = target.startswith(b"/slow")
    reply = REPLIES.get(target[5:] if slow else target, PLAIN)
    if method == b"HEAD":
        reply = reply.partition(END)[0] + END
    step = 1 if slow else len(reply)
    for at in range(0, len(reply), step):
        peer.sock.sendall(reply[at:at + step])
    return target != b"/close"


def serve(listener):
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with sock:
            peer = Peer(sock)
            try:
                while answer(peer):
                    pass
            except (EOFError, ConnectionError, ValueError):
                pass


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(512)
    workers = []
    for _ in range(int(sys.argv[2])):
        pid = os.fork()
        if not pid:
            serve(listener)
        workers.append(pid)
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(pid, signal.SIGKILL) for pid in workers] and os._exit(0))
    while True:
        signal.pause()


main()
