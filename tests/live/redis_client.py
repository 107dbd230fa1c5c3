#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a Redis server can be asked, over RESP2 or RESP3; the server's own INFO says what came of it.

redis_client.py PORT TASK RESP. RESP: 2, 3, or py (RESP2 by way of redis-py). Tasks that time something, or of which
INFO says nothing, print it.
"""
import socket
import sys
import threading
import time


class Error(Exception):
    pass


class Client:
    """A connection that is spoken by hand, so that nothing is asked but what is written here."""

    def __init__(self, port, version=2):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        if version == 3:
            self.do("HELLO", "3", "SETNAME", "by-hand")

    def send(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.sock.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind in b"*~>":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        if kind == b"%":
            return {str(self.read()): self.read() for _ in range(int(rest))}
        if kind in b"$=":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"-":
            return Error(rest.decode())
        if kind == b"_":
            return None
        if kind in b"+:,(#":
            return rest
        raise EOFError(line)

    def do(self, *words):
        self.send(*words)
        return self.read()

    def pipeline(self, commands):
        words = [[str(w).encode() for w in command] for command in commands]
        self.sock.sendall(b"".join(b"*%d\r\n" % len(c) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in c)
                                   for c in words))
        return [self.read() for _ in commands]


class Packaged:
    """The same by way of redis-py."""

    def __init__(self, port):
        import redis

        self.error = redis.RedisError
        self.redis = redis.Redis(port=port)

    def do(self, *words):
        try:
            return self.redis.execute_command(*words)
        except self.error as error:
            return Error(str(error))

    def pipeline(self, commands):
        pipe = self.redis.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        return pipe.execute(raise_on_error=False)


def commands(do, pipeline):
    do("SET", "cart:1", "x" * 300)
    do("SET", "cart:2", "y", "EX", "100")
    do("HSET", "hash:1", "a", "1", "b", "2")
    do("RPUSH", "list:1", *range(10))
    do("SADD", "set:1", "a", "b")
    do("ZADD", "zset:1", "1", "a")
    for i in range(50):
        do("GET", f"cart:{i % 5}")
        do("MGET", *[f"cart:{k}" for k in range(i % 7 + 1)])
        do("EXISTS", f"cart:{i % 5}")
        do("TTL", f"cart:{i % 5}")
        do("HGETALL", f"hash:{i % 3}")
        do("HGET", f"hash:{i % 3}", "a")
        do("LRANGE", f"list:{i % 3}", "0", "-1")
        do("LLEN", f"list:{i % 3}")
        do("SMEMBERS", f"set:{i % 3}")
        do("SCARD", f"set:{i % 3}")
        do("ZSCORE", f"zset:{i % 3}", "a")
        do("STRLEN", f"cart:{i % 5}")
        do("GETSET", f"other:{i}", "v")
    for i in range(20):
        do("EVAL", "redis.call('setrange', KEYS[1], 0, 'x') return {1, false}", "1", f"script:{i}")
    do("FUNCTION", "LOAD", "REPLACE", "#!lua name=lib\nredis.register_function('f', function(k, a) return a[1] end)")
    do("FCALL", "f", "1", "script:1", "arg")
    do("SELECT", "3")
    do("SET", "elsewhere", "1")
    do("SELECT", "0")
    do("CLIENT", "SETNAME", "tester")
    do("CONFIG", "GET", "maxmemory")
    do("DEL", "cart:9", "cart:8")


def pipelines(do, pipeline):
    do("SET", "cart:1", "x")
    pipeline([("GET", f"cart:{i % 4}") for i in range(10000)])
    pipeline([("MGET", f"cart:{i % 4}", "cart:1", f"cart:{i % 3}") for i in range(1000)])
    pipeline([("INCR", f"n:{i % 9}") for i in range(3000)])
    pipeline([("SET", f"big:{i}", "z" * 20000) for i in range(100)])
    pipeline([("GET", f"big:{i}") for i in range(130)])
    for depth in (2, 3, 63, 64, 65, 128, 500):
        pipeline([("GET", f"cart:{i % 4}") if i % 3 else ("EXISTS", f"cart:{i % 4}") for i in range(depth)])


def errors(do, pipeline):
    do("SET", "text", "x")
    for i in range(17):
        do("INCR", "text")
        do("LPUSH", "text", "x")
    for i in range(5):
        do("EVALSHA", "0" * 40, "0")
        do("AUTH", "nobody", "wrong-password")
        do("GET")
        do("NOSUCHCOMMAND", "secret")
        do("EXEC")
    pipeline([("INCR", "text") if i % 3 else ("LPUSH", "text", "x") for i in range(100)])
    pipeline([("GET", "text") if i % 10 else ("LLEN", "text") for i in range(100)])


def pubsub(port, version):
    """Nobody asked for what comes; what is asked meanwhile is counted all the same."""
    listener, other = Client(port, version), Client(port, version)
    listener.send("SUBSCRIBE", "news")
    listener.read()
    listener.send("PSUBSCRIBE", "n*")
    listener.read()
    for i in range(100):
        other.do("PUBLISH", "news", f"item {i}")
        other.do("GET", "cart:1")
    for _ in range(200):
        listener.read()
    listener.send("PING")
    listener.read()
    listener.send("UNSUBSCRIBE", "news")
    listener.read()
    listener.send("PUNSUBSCRIBE", "n*")
    listener.read()
    for _ in range(10):
        listener.do("GET", "cart:2")
    monitor = Client(port)
    monitor.do("MONITOR")
    for i in range(100):
        other.do("SET", "cart:1", i)
    for _ in range(100):
        monitor.read()
    monitor.sock.close()
    if version == 3:
        tracker = Client(port, 3)
        tracker.do("CLIENT", "TRACKING", "ON")
        for i in range(20):
            tracker.do("GET", "cart:1")
            other.do("SET", "cart:1", i)
            tracker.read()  # that it is invalid
            tracker.do("PING")


def transactions(port, version):
    do, other = Client(port, version).do, Client(port, version).do
    for i in range(10):
        for command in (("MULTI",), ("INCR", "n:1"), ("SET", "k", i), ("GET", "k"), ("EXEC",)):
            do(*command)
    for i in range(7):
        do("WATCH", "k")
        other("SET", "k", i)
        do("MULTI")
        do("SET", "k", "mine")
        assert do("EXEC") is None
    for i in range(5):
        do("MULTI")
        do("SET", "k", "1")
        do("SET")
        assert "EXECABORT" in str(do("EXEC"))
    for i in range(3):
        do("MULTI")
        do("SET", "k", "1")
        do("SET", "k", "2")
        do("DISCARD")
    do("MULTI")
    assert do("EXEC") == []
    do("SET", "text", "x")
    do("MULTI")
    do("SET", "k", "1")
    do("INCR", "text")
    assert isinstance(do("EXEC")[-1], Error)


def blocking(port, version):
    """Prints how often it waited for data, and for how many ns."""
    waiter, other = Client(port, version).do, Client(port, version).do
    other("DEL", "jobs:1", "events:1")
    waits = (("BLPOP", "jobs:1", 0), ("BRPOP", "jobs:1", 0), ("BLMOVE", "jobs:1", "done:1", "LEFT", "RIGHT", 0),
             ("XREAD", "BLOCK", 0, "STREAMS", "events:1", "$"))
    waited = 0
    for command in waits * 3:
        push = ("XADD", "events:1", "*", "a", "b") if command[0] == "XREAD" else ("RPUSH", "jobs:1", "x")
        timer = threading.Timer(0.05, other, push)
        timer.start()
        begin = time.monotonic_ns()
        waiter(*command)
        waited += time.monotonic_ns() - begin
        timer.join()
    begin = time.monotonic_ns()
    waiter("BLPOP", "jobs:1", "0.1")
    waiter("WAIT", 1, 100)
    waited += time.monotonic_ns() - begin
    waiter("XREAD", "STREAMS", "events:1", "0")
    print(len(waits) * 3 + 2, waited)


def queues(port, version):
    """Leaves something in each."""
    client = Client(port, version)
    do = client.do
    for i in range(40):
        do("LPUSH", f"mail:{i % 4}", "a", "b", "c")
        do("RPUSH", "jobs:1", i)
        do("XADD", "events:1", "*", "n", i)
        do("LPUSHX", "nothing:1", "x")
    do("MULTI")
    do("RPUSH", "jobs:1", "x", "y")
    do("EXEC")
    for i in range(13):
        do("RPOP", f"mail:{i % 4}")
        do("LPOP", "jobs:1", 2)
        do("BRPOP", "jobs:1", 1)
        do("LPOP", "nothing:1")
    do("RPOP", "jobs:1", 100)  # what is left is less
    do("RPUSH", "jobs:1", "x", "y", "z")
    client.pipeline([("LPOP", "mail:1"), ("RPOPLPUSH", "mail:2", "moved"), ("LPOP", "mail:3")])
    do("XGROUP", "CREATE", "events:1", "g", "0")
    got = do("XREADGROUP", "GROUP", "g", "me", "COUNT", 12, "STREAMS", "events:1", ">")
    ids = [item[0] for item in (got[0][1] if isinstance(got, list) else list(got.values())[0])]
    do("XACK", "events:1", "g", *ids[:10])
    do("XACK", "events:1", "g", ids[0])
    mails = sum(int(do("LLEN", f"mail:{i}")) for i in range(4))
    print(mails, int(do("LLEN", "jobs:1")), 40 - 10)


def large(port, version):
    """100,000 keys at once, 50 MB in one value; the requests behind them."""
    client = Client(port, version)
    do = client.do
    keys = [f"key:{i}" for i in range(100000)]
    for at in range(0, 90000, 1000):
        do("MSET", *[word for key in keys[at:at + 1000] for word in (key, "v")])
    for _ in range(2):
        assert sum(v is None for v in do("MGET", *keys)) == 10000
        do("GET", "key:1")
        do("SET", "blob", "b" * 50000000)
        assert len(do("GET", "blob")) == 50000000
        do("GET", "key:99999")
    client.pipeline([("GET", "key:1"), ("MGET", *keys), ("GET", "key:99999"), ("PING",)])
    do("LRANGE", "nothing", "0", "-1")


def unanswered(port, version):
    """CLIENT REPLY; says what had a reply, as "COUNT OUTCOME OPERATION"."""
    client = Client(port, version)
    do, send = client.do, client.send
    for _ in range(20):
        do("GET", "n:1")
    send("CLIENT", "REPLY", "OFF")
    for i in range(3000):
        send("SET", f"n:{i}", i)
    do("CLIENT", "REPLY", "ON")
    for _ in range(50):
        do("INCR", "n:1")
    for i in range(10):
        send("CLIENT", "REPLY", "SKIP")
        send("DEL", f"n:{i}")
        assert do("STRLEN", f"n:{i}") == b"0"
    print("20 ok GET", "1 ok CLIENT REPLY", "50 ok INCR", "10 ok STRLEN", sep="\n")


def main():
    port, task, version = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    if task in ("commands", "pipelines", "errors"):
        client = Packaged(port) if version == "py" else Client(port, int(version))
        globals()[task](client.do, client.pipeline)
    else:
        globals()[task](port, int(version))


main()
