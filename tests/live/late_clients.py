#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connections that are open before the tracer comes, in every state that a client can have one in. Opens
them, says "ready" and waits for a line; then uses each so many times. Prints a line a request that was
sent after that: its mark, and CLOCK_MONOTONIC before it was sent and after its answer was read.

A request's mark is in its own text, "late_<connection>_<number>", so whoever sees it knows which it is.

late_clients.py SOCKET_DIR PORT DATABASE REDIS_SOCKET REDIS_PORT FIRST CONNECTIONS ROUNDS [REDIS_TLS_PORT]
With the last one all of them are TLS, over TCP; else half are over Unix sockets.
"""
import json
import socket
import ssl
import struct
import sys
import time

import psycopg
import psycopg2
import redis

MIB = 1 << 20
TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


def dial(host, port):
    sock = socket.create_connection((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Plain:
    """Statements with their text in them."""
    kind = "simple"

    def __init__(self, where, number):
        self.number = number
        self.conn = psycopg2.connect(**where)
        self.conn.autocommit = True
        self.cursor = self.conn.cursor()

    def ask(self, mark):
        self.cursor.execute(f"SELECT 1 AS {mark}")
        self.cursor.fetchall()


class InTransaction(Plain):
    kind = "in_transaction"

    def __init__(self, where, number):
        super().__init__(where, number)
        self.cursor.execute("BEGIN")


class Bound:
    """Parse, Bind, Execute, Sync at once: the unnamed statement."""
    kind = "extended"
    prepare = False

    def __init__(self, where, number):
        where = dict(where)
        self.number = number
        self.conn = psycopg.connect(**where, autocommit=True)

    def ask(self, mark):
        self.conn.execute(f"SELECT %s::int AS {mark}", (7,), prepare=self.prepare).fetchall()


class Prepared(Bound):
    """One statement that was prepared before: its text is not sent again."""
    kind = "prepared"
    prepare = True

    def __init__(self, where, number):
        super().__init__(where, number)
        self.text = f"SELECT %s::text AS prepared_{number}"
        self.conn.execute(self.text, ("before",), prepare=True)

    def ask(self, mark):
        self.conn.execute(self.text, (mark,), prepare=True).fetchall()


class Raw:
    """A PostgreSQL session, byte by byte."""

    def __init__(self, where, number):
        self.number = number
        if where["host"].startswith("/"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(f"{where['host']}/.s.PGSQL.{where['port']}")
        else:
            self.sock = dial(where["host"], where["port"])
        if where["sslmode"] == "require":
            self.sock.sendall(struct.pack("!II", 8, 80877103))
            assert self.sock.recv(1) == b"S"
            self.sock = TLS.wrap_socket(self.sock)
        body = b"user\0" + where["user"].encode() + b"\0database\0" + where["dbname"].encode() + b"\0\0"
        self.sock.sendall(struct.pack("!II", 8 + len(body), 3 << 16) + body)
        self.rest = b""
        self.ready()

    @staticmethod
    def message(kind, body):
        return kind + struct.pack("!I", len(body) + 4) + body

    def query(self, sql):
        return self.message(b"Q", sql.encode() + b"\0")

    def ready(self, count=1):
        """Reads on until the server said so many times that it is ready."""
        while count:
            while len(self.rest) < 5 or len(self.rest) < 1 + struct.unpack("!I", self.rest[1:5])[0]:
                more = self.sock.recv(MIB)
                if not more:
                    raise EOFError
                self.rest += more
            size = 1 + struct.unpack("!I", self.rest[1:5])[0]
            count -= self.rest[:1] == b"Z"
            self.rest = self.rest[size:]

    def ask(self, mark):
        self.sock.sendall(self.query(f"SELECT 1 AS {mark}"))
        self.ready()

    def settle(self):
        pass


class MidReply(Raw):
    """The server stands in the middle of a reply that is larger than all buffers."""
    kind = "mid_reply"

    def __init__(self, where, number):
        super().__init__(where, number)
        self.sock.sendall(self.query("SELECT repeat('Z', 1000) FROM generate_series(1, 20000)"))
        self.rest = self.sock.recv(4096)

    def settle(self):
        self.ready()


class MidQuery(Raw):
    """Half of a query is sent; what follows looks like one of its own."""
    kind = "mid_query"

    def __init__(self, where, number):
        super().__init__(where, number)
        self.whole = self.query("SELECT 1 /*" + " " * 200 + "*/ + 1")
        self.sock.sendall(self.whole[:100])

    def settle(self):
        self.sock.sendall(self.whole[100:])
        self.ready()


class MidBind(Raw):
    """Half of a Bind is sent; the rest is a value that looks like messages up to its very end."""
    kind = "mid_bind"

    def __init__(self, where, number):
        super().__init__(where, number)
        lie = self.message(b"P", b"\0SELECT 1 AS late_lie\0\0\0")
        tail = self.message(b"E", b"\0\0\0\0\0") + self.message(b"S", b"")
        value = b"x" * 50 + lie + b"B" + struct.pack("!I", 4 + 6 + 2) + b"\0" * 6
        body = b"\0\0\0\1\0\1\0\1" + struct.pack("!I", len(value)) + value + b"\0\0"
        self.whole = (self.message(b"P", b"\0SELECT length($1)\0\0\0") + self.message(b"B", body)
                      + tail)
        self.cut = self.whole.index(lie)
        self.sock.sendall(self.whole[:self.cut])

    def settle(self):
        self.sock.sendall(self.whole[self.cut:])
        self.ready()


class MidCopy(Raw):
    """A COPY is under way; each of its pieces looks like a query."""
    kind = "mid_copy"

    def __init__(self, where, number):
        super().__init__(where, number)
        self.sock.sendall(self.query("COPY late_copy FROM STDIN"))
        while b"G" not in self.sock.recv(4096):
            pass
        self.lie = self.query("SELECT 1 AS late_lie")[:-1] + b"\n"
        self.sock.sendall(b"d" + struct.pack("!I", 4 + 4 + 20 * len(self.lie)) + b"row\n")

    def settle(self):
        for _ in range(20):
            self.sock.sendall(self.lie.replace(b"\0", b" "))
            time.sleep(0.001)
        self.sock.sendall(self.message(b"c", b""))
        self.ready()


class Pipeline(Raw):
    """Extended queries in a row; several are unanswered, and the last one is half sent."""
    kind = "pipeline"

    def __init__(self, where, number):
        super().__init__(where, number)
        one = self.one("pg_sleep(0.3)")
        self.half = self.one("2")
        self.sock.sendall(one + self.one("1") * 9 + self.half[:20])

    def one(self, what):
        return (self.message(b"P", f"\0SELECT {what}\0".encode() + b"\0\0")
                + self.message(b"B", b"\0\0\0\0\0\0\0\0") + self.message(b"E", b"\0\0\0\0\0")
                + self.message(b"S", b""))

    def settle(self):
        self.sock.sendall(self.half[20:])
        self.ready(11)

    def ask(self, mark):
        self.sock.sendall(self.one(f"1 AS {mark}"))
        self.ready()


class Redis:
    kind = "redis"

    def __init__(self, where, number):
        self.number = number
        self.conn = redis.Redis(**where, socket_timeout=60)
        self.conn.ping()

    def ask(self, mark):
        self.conn.get(mark)


class RedisRaw:
    def __init__(self, where, number):
        self.number = number
        if "unix_socket_path" in where:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(where["unix_socket_path"])
        else:
            self.sock = dial(where["host"], where["port"])
        if where.get("ssl"):
            self.sock = TLS.wrap_socket(self.sock)
        self.sock.sendall(self.command("PING"))
        self.read(7)

    @staticmethod
    def command(*words):
        text = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else word.encode()
            text += b"$%d\r\n%s\r\n" % (len(word), word)
        return text

    def read(self, size):
        while size > 0:
            more = self.sock.recv(min(size, MIB))
            if not more:
                raise EOFError
            size -= len(more)

    def ask(self, mark):
        self.sock.sendall(self.command("GET", mark))
        self.read(5)

    def settle(self):
        pass


class RedisMidReply(RedisRaw):
    kind = "redis_mid_reply"

    def __init__(self, where, number):
        super().__init__(where, number)
        self.sock.sendall(self.command("GET", "large"))
        self.read(4096)

    def settle(self):
        self.read(16 * MIB + len(f"${16 * MIB}\r\n") + 2 - 4096)


class RedisMidValue(RedisRaw):
    """Half of a SET is sent; the rest of its value looks like a command."""
    kind = "redis_mid_value"

    def __init__(self, where, number):
        super().__init__(where, number)
        lie = self.command("GET", "late_lie") * 2
        self.whole = self.command("SET", "scratch", b"x" * 100 + lie)
        self.cut = self.whole.index(lie)
        self.sock.sendall(self.whole[:self.cut])

    def settle(self):
        self.sock.sendall(self.whole[self.cut:])
        self.read(5)


class RedisPipeline(RedisRaw):
    """Its first command blocks, so none is answered; the last one is half sent."""
    kind = "redis_pipeline"

    def __init__(self, where, number):
        super().__init__(where, number)
        self.half = self.command("GET", "half")
        self.sock.sendall(self.command("BLPOP", f"list{number}", "0.5")
                          + self.command("GET", "none") * 20 + self.half[:7])

    def settle(self):
        self.sock.sendall(self.half[7:])
        self.read(5 + 21 * 5)


class RedisBlocked(RedisRaw):
    """Waits, and more is asked meanwhile."""
    kind = "redis_blocked"

    def __init__(self, where, number):
        super().__init__(where, number)
        self.sock.sendall(self.command("BLPOP", f"queue{number}", "0.5"))

    def settle(self):
        self.sock.sendall(self.command("GET", "none"))
        self.read(10)


POSTGRES = [Plain, Prepared, Bound, InTransaction]
POSTGRES_ODD = [MidReply, MidQuery, MidBind, MidCopy, Pipeline]
REDIS_ODD = [RedisMidReply, RedisMidValue, RedisPipeline, RedisBlocked]


def kinds(count, tls):
    """Which class, and over what: a tenth of each server's connections are in the middle of something."""
    for i in range(count):
        odd = i // 4 % 8 == 7
        nth = i // 32
        tcp = tls or i % 2 == 0
        if i // 2 % 2:
            yield (REDIS_ODD[nth % len(REDIS_ODD)] if odd else Redis), "redis", tcp
        elif odd:
            yield POSTGRES_ODD[nth % len(POSTGRES_ODD)], "postgresql", tcp
        else:
            yield POSTGRES[i // 4 % len(POSTGRES)], "postgresql", tcp


def main(folder, port, database, redis_socket, redis_port, begin, count, rounds,
         tls_port=None):
    both = {"port": int(port), "dbname": database, "user": "postgres",
            "sslmode": "require" if tls_port else "disable"}
    tls = {"ssl": True, "ssl_cert_reqs": None} if tls_port else {}
    where = {("postgresql", True): {"host": "127.0.0.1", **both},
             ("postgresql", False): {"host": folder, **both},
             ("redis", True): {"host": "127.0.0.1", "port": int(tls_port or redis_port), **tls},
             ("redis", False): {"unix_socket_path": redis_socket}}
    store = redis.Redis(unix_socket_path=redis_socket)
    store.set("large", b"y" * 16 * MIB)
    conns = [(cls(where[what, tcp], int(begin) + i), what, tcp)
             for i, (cls, what, tcp) in enumerate(kinds(int(count), bool(tls_port)))]
    print("ready", flush=True)
    sys.stdin.readline()
    for conn, _, _ in conns:
        if hasattr(conn, "settle"):
            conn.settle()
    for n in range(int(rounds)):
        for conn, what, tcp in conns:
            mark = f"late_{conn.number}_{n}"
            begin = time.monotonic_ns()
            conn.ask(mark)
            print(json.dumps({"mark": mark, "kind": conn.kind, "protocol": what, "tcp": tcp,
                              "number": conn.number, "round": n, "begin_ns": begin,
                              "end_ns": time.monotonic_ns()}))
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
