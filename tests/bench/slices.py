# SPDX-License-Identifier: Apache-2.0
"""What the tracer costs a load that saturates the machine. In: a load that runs all the while; the tracer is attached
and detached in short alternating slices. Out: each attached slice as a ratio to the detached ones before and after it:
the median over all, with a bootstrap 95 % interval, so that what else drifts on the machine drops out."""
import glob
import os
import random
import statistics
import subprocess
import tempfile
import threading
import time

from machine import start

SLICE_S = 1.5
SETTLE_S = 0.8  # after the tracer went
SETTLE_ON_S = 6  # after it came: neither its start is measured, nor how long it takes to find what its budget allows


class RedisLoad:
    """tests/bench/load.c, which prints a line each 100 ms."""

    def __init__(self, port, connections, depth):
        self.lines = []
        command = ["build/tests/bench/load", str(port), str(connections), str(depth), "100000"]
        self.child = start(command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.child.stdout:
            end_ns, requests, _, p99_us, _ = map(int, line.split())
            self.lines.append((end_ns / 1e9, requests, p99_us))

    def stop(self):
        self.child.kill()
        self.child.wait()

    def facts(self, begin, end):
        """Of a slice: requests a second, p99 in us."""
        inside = [line for line in self.lines if begin + 0.1 < line[0] <= end]
        return sum(line[1] for line in inside) / len(inside) * 10, statistics.median(line[2] for line in inside)


class PgbenchLoad:
    """pgbench with its own log of a twentieth of the transactions."""

    SAMPLED = 0.05

    def __init__(self, login, options):
        self.folder = tempfile.mkdtemp(prefix="tallyman-bench-")
        self.offset = time.time() - time.monotonic()
        command = f"exec pgbench {options} -n -T 100000 --log --sampling-rate={self.SAMPLED} {login}"
        self.child = start(command, shell=True, cwd=self.folder)
        self.lines = []

    def stop(self):
        self.child.terminate()
        self.child.wait()
        for path in glob.glob(f"{self.folder}/*"):
            with open(path) as f:
                for line in f:
                    fields = line.split()
                    if len(fields) == 6:
                        self.lines.append((int(fields[4]) + int(fields[5]) / 1e6 - self.offset, int(fields[2])))
            os.unlink(path)
        os.rmdir(self.folder)
        self.lines.sort()

    def facts(self, begin, end):
        inside = sorted(us for at, us in self.lines if begin < at <= end)
        return len(inside) / self.SAMPLED / (end - begin), inside[int(len(inside) * 0.99)]


def window():
    begin = time.monotonic()
    time.sleep(SLICE_S)
    return begin, time.monotonic()


def interval(values):
    medians = sorted(statistics.median(random.choices(values, k=len(values))) for _ in range(5000))
    return statistics.median(values), medians[125], medians[4874]


def alternate(load, tracer, slices):
    """{"throughput": (detached, ratio, low, high), "p99_us": the same}"""
    time.sleep(2)
    windows = [window()]
    for _ in range(slices // 2):
        on = tracer()
        time.sleep(SETTLE_ON_S)
        windows.append(window())
        on.stop()
        time.sleep(SETTLE_S)
        windows.append(window())
    load.stop()
    facts = [load.facts(*w) for w in windows]
    result = {}
    for i, what in enumerate(("throughput", "p99_us")):
        ratios = [2 * facts[k][i] / (facts[k - 1][i] + facts[k + 1][i]) for k in range(1, len(facts), 2)]
        result[what] = (statistics.median(f[i] for f in facts[::2]), *interval(ratios))
    return result
