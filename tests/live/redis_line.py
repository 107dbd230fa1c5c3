#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of one Redis that are in each other's way, timed by their own clock.

redis_line.py busy SOCKET MILLISECONDS SECONDS  scripts that keep the server busy, one after the other
redis_line.py get SOCKET SECONDS PAUSE_MS       short GETs with pauses: prints their number, the sum of
                                                their times and the median, in nanoseconds
redis_line.py pipe SOCKET SECONDS               pipelines of ten GETs, a thousand a second
"""
import os
import random
import socket
import statistics
import sys
import time

BUSY = """
local t = redis.call('TIME')
local until_us = t[1] * 1000000 + t[2] + ARGV[1] * 1000
repeat
    t = redis.call('TIME')
until t[1] * 1000000 + t[2] >= until_us
return 1
"""


def first_of_all():
    """The client's clock must not measure who else wants a CPU."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        os.nice(-15)


def request(*words):
    words = [word if isinstance(word, bytes) else word.encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def connect(path):
    conn = socket.socket(socket.AF_UNIX)
    conn.connect(path)
    return conn


def busy(path, ms, seconds):
    conn = connect(path)
    script = request("EVAL", BUSY, "0", ms)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        conn.sendall(script)
        assert conn.recv(64) == b":1\r\n"


def get(path, seconds, pause_ms):
    conn = connect(path)
    short = request("GET", "session:1")
    first_of_all()
    times = []
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        time.sleep(random.random() * float(pause_ms) / 1000)
        start = time.monotonic_ns()
        conn.sendall(short)
        assert conn.recv(64) == b"$-1\r\n"
        times.append(time.monotonic_ns() - start)
    print(len(times), sum(times), int(statistics.median(times)))


def pipe(path, seconds):
    conn = connect(path)
    short = request("GET", "cart:1") * 10
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        conn.sendall(short)
        got = 0
        while got < 50:
            got += len(conn.recv(64))
        time.sleep(0.001)


if __name__ == "__main__":
    {"busy": busy, "get": get, "pipe": pipe}[sys.argv[1]](*sys.argv[2:])
