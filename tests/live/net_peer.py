#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The two ends of tests/live/net.sh. A client prints one JSON object: what it did, by its own count.
# Usage: net_peer.py serve|deaf|names ADDRESS PORT | hold ADDRESS PORT BACKLOG
#        net_peer.py connections|bulk|quiet|rtt|fill|drops|dns ADDRESS PORT [PORT...]
import errno
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

BULK_BYTES = 40 << 20


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def take(sock, n):
    """n bytes, or fewer at the end."""
    data = bytearray()
    while len(data) < n:
        piece = sock.recv(min(n - len(data), 1 << 16))
        if not piece:
            break
        data += piece
    return bytes(data)


def answer(sock):
    """E: the same back, until the client ends; S: only a byte; R: a reset, as something is left unread."""
    try:
        while head := take(sock, 5):
            size = struct.unpack("!I", head[1:])[0]
            if head[:1] == b"R":
                break
            left = size
            while left and head[:1] == b"S":
                left -= len(take(sock, min(left, 1 << 16)))
            sock.sendall(take(sock, size) if head[:1] == b"E" else b"!")
    except ConnectionError:
        pass
    sock.close()


def serve(address, port):
    listener = socket.create_server((address, port), backlog=128, family=family(address))
    print("ready", flush=True)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def hold(address, port, backlog):
    listener = socket.create_server((address, port), backlog=backlog)
    print("ready", listener.fileno(), flush=True)
    time.sleep(3600)


def deaf(address, port):
    """Takes a connection and datagrams, and reads neither."""
    listener = socket.create_server((address, port), backlog=8)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    datagrams.bind((address, port))
    print("ready", flush=True)
    kept = listener.accept()
    time.sleep(3600)
    print(kept)


def echo(sock, size):
    sock.sendall(b"E" + struct.pack("!I", size) + b"x" * size)
    assert len(take(sock, size)) == size


def abort_at_close(sock):
    """A reset in place of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def failure(address, port):
    sock = socket.socket(family(address))
    try:
        sock.connect((address, port))
    except OSError as e:
        return errno.errorcode[e.errno]
    finally:
        sock.close()
    return "none"


def connections(address, port, silent):
    """silent: a port whose segments are dropped; those to the next one cannot be delivered."""
    did = {"opened": 0, "sent": 0, "received": 0, "ordered": 0, "reset_sent": 0, "reset_received": 0,
           "connect_ns": 0, "open_ns": 0}
    for i in range(20):
        asked = time.monotonic_ns()
        sock = socket.create_connection((address, port))
        opened = time.monotonic_ns()
        did["connect_ns"] += opened - asked
        did["opened"] += 1
        echo(sock, 100 * i)
        did["sent"] += 5 + 100 * i
        did["received"] += 100 * i
        time.sleep(0.02)
        if i % 4 == 3:
            abort_at_close(sock)
            did["reset_sent"] += 1
        else:
            did["ordered"] += 1
        sock.close()
        did["open_ns"] += time.monotonic_ns() - opened
    for i in range(3):
        sock = socket.create_connection((address, port))
        did["opened"] += 1
        sock.sendall(b"R" + struct.pack("!I", 7) + b"unread!")
        did["sent"] += 12
        try:
            while sock.recv(1):
                pass
        except ConnectionResetError:
            did["reset_received"] += 1
        sock.close()
    for name, errors in {
        "refused": [failure(address, port + 1) for _ in range(5)],
        "timed_out": [failure(address, silent)],
        "unreachable": [failure(address, silent + 1)],
    }.items():
        did[name] = len(errors)
        did[name + "_errors"] = ",".join(sorted(set(errors)))
    did["abandoned"] = 2
    for _ in range(did["abandoned"]):
        sock = socket.socket(family(address))
        sock.setblocking(False)
        sock.connect_ex((address, silent))
        sock.close()
    return did


def bulk(address, port):
    sock = socket.create_connection((address, port))
    sock.sendall(b"S" + struct.pack("!I", BULK_BYTES))
    piece = b"x" * (1 << 16)
    for _ in range(BULK_BYTES // len(piece)):
        sock.sendall(piece)
    assert take(sock, 1) == b"!"
    sock.close()
    return {"sent": BULK_BYTES + 5, "received": 1}


def quiet(address, port):
    sock = socket.create_connection((address, port))
    for _ in range(200):
        echo(sock, 1000)
    sock.close()
    return {"sent": 200 * 1005, "received": 200 * 1000}


def rtt(address, port):
    """What ss says of a connection that is silent by then; nothing is acknowledged after it."""
    sock = socket.create_connection((address, port))
    for _ in range(300):
        echo(sock, 10)
    told = subprocess.run(["ss", "-tinH", "dport", "=", f":{port}"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    abort_at_close(sock)
    sock.close()
    field = next(f for f in told.split() if f.startswith("rtt:"))
    return {"rtt_us": float(field[4:].split("/")[0]) * 1000}


def fill(address, port):
    """Until the third connection that finds the queue full; those that got in stay open."""
    kept, dropped, first = [], 0, None
    while dropped < 3:
        sock = socket.socket()
        sock.settimeout(0.5)
        try:
            sock.connect((address, port))
            kept.append(sock)
            first = first or time.monotonic()
        except TimeoutError:
            dropped += 1
            sock.close()
    print(json.dumps({"kept": len(kept), "dropped": dropped, "oldest_s": time.monotonic() - first}),
          flush=True)
    time.sleep(3600)


def name_answer(query):
    """The first label says what becomes of a query: "lost-7" has no answer. Answers take 10 ms, slow ones 100."""
    what = query[13:13 + query[12]].split(b"-")[0]
    if what == b"lost":
        return None
    time.sleep(0.1 if what == b"slow" else 0.01)
    rcode = {b"none": 3, b"fail": 2}.get(what, 0)
    return query[:2] + struct.pack("!H", 0x8180 | rcode) + query[4:]


def names_stream(sock):
    """Answers are cut: in the length, in the number, and behind it."""
    while head := take(sock, 2):
        reply = name_answer(take(sock, struct.unpack("!H", head)[0]))
        if reply is None:
            continue
        reply = struct.pack("!H", len(reply)) + reply
        for piece in reply[:1], reply[1:3], reply[3:9], reply[9:]:
            sock.sendall(piece)
    sock.close()


def names_streams(listener):
    while True:
        threading.Thread(target=names_stream, args=(listener.accept()[0],), daemon=True).start()


def names(address, port):
    """A DNS server of one word."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
    listener = socket.create_server((address, port), backlog=128)
    threading.Thread(target=names_streams, args=(listener,), daemon=True).start()
    print("ready", flush=True)
    while True:
        query, client = sock.recvfrom(512)
        reply = name_answer(query)
        if reply:
            sock.sendto(reply, client)


def query(number, what):
    label = f"{what}-{number}".encode()
    return (struct.pack("!HHHHHH", number, 0x100, 1, 0, 0, 0) + bytes([len(label)]) + label
            + b"\x04test\0" + struct.pack("!HH", 1, 1))


class Asked:
    """What was asked by our own count, and how long answers took by our clock."""

    def __init__(self):
        self.did = {"queries": 0, "answer_ns": 0, "slow_ns": 0, "cut": 0}
        for what in "lost", "none", "fail", "good", "slow":
            self.did[what] = self.did[what + "_cut"] = 0

    def query(self, number, what, cut=False):
        self.did["queries"] += 1
        self.did["cut"] += cut
        self.did[what] += 1
        self.did[what + "_cut"] += cut
        return query(number, what)

    def answered(self, what, start):
        took = time.monotonic_ns() - start
        self.did["answer_ns"] += took
        self.did["slow_ns"] += took if what == "slow" else 0


def dns_datagrams(asked, address, port, connected):
    """Both ways to use a socket."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(0.4)
    if connected:
        sock.connect((address, port))
    send = sock.send if connected else lambda data, to=sock: to.sendto(data, (address, port))
    for i in range(40):
        what = ("good", "slow", "none", "lost", "fail")[i % 5]
        send(asked.query((1000 if connected else 4000) + i, what))
        start = time.monotonic_ns()
        try:
            sock.recv(512)
            asked.answered(what, start)
        except TimeoutError:
            pass


def dns_answer(sock):
    """Its number. As libraries do: the length, then the rest."""
    return struct.unpack("!H", take(sock, struct.unpack("!H", take(sock, 2))[0])[:2])[0]


def dns_stream(asked, address, port):
    """One connection: queries one by one, cut in several ways; then ten at once, one without an answer."""
    sock = socket.create_connection((address, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(20):
        what = ("good", "slow", "none", "fail")[i % 4]
        data = asked.query(2000 + i, what, cut=i // 4 % 4 >= 2) # its name is no longer seen
        data = struct.pack("!H", len(data)) + data
        cuts = ([0], [0, 2], [0, 1, 3, 7, 15], range(len(data)))[i // 4 % 4]
        for at, end in zip(cuts, [*cuts[1:], len(data)]):
            sock.sendall(data[at:end])
        start = time.monotonic_ns()
        dns_answer(sock)
        asked.answered(what, start)
    kinds = ("good", "lost", "none", "good", "fail", "good", "good", "good", "good", "good")
    data = [asked.query(3000 + i, what) for i, what in enumerate(kinds)]
    pieces = [piece for d in data for piece in (struct.pack("!H", len(d)), d)]
    sock.sendmsg(pieces[:8]) # a vector: of more than eight buffers there is another test
    sock.sendall(b"".join(pieces[8:]))
    start = time.monotonic_ns()
    for _ in range(len(kinds) - 1):
        asked.answered(kinds[dns_answer(sock) - 3000], start)
    sock.close()


def dns(address, port):
    """Datagrams, streams; then the C library's resolver, which asks for two addresses at once."""
    asked = Asked()
    dns_datagrams(asked, address, port, True)
    dns_datagrams(asked, address, port, False)
    for _ in range(3):
        dns_stream(asked, address, port)
    asked.did["odd"] = 3
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for name in b"\x3fcut", b"\xc0\x0c", b"\x03a\xffb\x07" + b"example\0":
        sock.sendto(struct.pack("!HHHHHH", 1, 0x100, 1, 0, 0, 0) + name + b"\0\1\0\1", (address, port))
        sock.recv(512)
    try:
        socket.getaddrinfo("none.test", 80)
    except socket.gaierror:
        pass
    time.sleep(7)
    return asked.did


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def spoil(raw, address, port, source):
    """A SYN whose checksum is wrong by one bit."""
    segment = struct.pack("!HHIIBBHHH", 4000, port, 1, 0, 5 << 4, 2, 1000, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(address) + struct.pack("!BBH", 0, 6, len(segment))
    wrong = checksum(pseudo + segment) ^ 1
    raw.sendto(segment[:16] + struct.pack("!H", wrong) + segment[18:], (address, 0))


def drops(address, port, silent):
    """silent: a port whose packets are dropped. The TCP connection is left with a closed window for 4 s."""
    did = {"datagrams": 200, "silenced": 50, "spoiled": 11, "unheard": 7}
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(did["datagrams"]):
        datagrams.sendto(b"x" * 1000, (address, port))
    for _ in range(did["silenced"]):
        datagrams.sendto(b"x", (address, silent))
    for _ in range(did["unheard"]):
        # Of one that is not connected, since an ICMP error would come back at the next call.
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (address, port + 50))
    sock = socket.create_connection((address, port))
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    for _ in range(did["spoiled"]):
        spoil(raw, address, port, sock.getsockname()[0])
    sock.setblocking(False)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        try:
            sock.send(b"x" * 65536)
        except BlockingIOError:
            time.sleep(0.05)
    abort_at_close(sock)
    sock.close()
    return did


def main():
    what, address, *numbers = sys.argv[1:]
    did = globals()[what](address, *map(int, numbers))
    if did:
        did["pid"] = os.getpid()
        print(json.dumps(did))


main()
