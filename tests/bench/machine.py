# SPDX-License-Identifier: Apache-2.0
"""What benchmarks need of the machine: servers of their own, cgroups, the tracer and its peers as child processes, and
the kernel's own statistics of BPF programs and maps. All that is started here is stopped by its process id."""
import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
STATS = "/proc/sys/kernel/bpf_stats_enabled"
CGROUPS = "/sys/fs/cgroup/unified" if os.path.exists("/sys/fs/cgroup/unified/cgroup.procs") else "/sys/fs/cgroup"
CONFIG = """cgroup_hierarchy: unified
tenants:
  - match: {cgroup: "bench-{name}"}
    name: "{name}"
workflows:
  - match: {redis.key: "w{name}:*"}
    name: "{name}"
"""


CHILDREN = []


def start(command, **options):
    """A child that does not outlive us."""
    child = subprocess.Popen(command, **{**QUIET, **options})
    CHILDREN.append(child)
    return child


@atexit.register
def stop_all():
    for child in CHILDREN:
        if child.poll() is None:
            stop(child)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stop(child):
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def run(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def redis_server():
    port = free_port()
    child = start(["redis-server", "--port", str(port), "--save", "", "--maxclients", "20000"])
    try:
        wait_for(lambda: subprocess.run(["redis-cli", "-p", str(port), "ping"], **QUIET).returncode == 0)
        yield port
    finally:
        stop(child)


@contextlib.contextmanager
def postgres_server():
    """A cluster of its own, by the user postgres, with pgbench's tables."""
    programs = "/usr/lib/postgresql/15/bin"
    folder = tempfile.mkdtemp(prefix="tallyman-bench-")
    port = free_port()
    shutil.chown(folder, "postgres", "postgres")
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    subprocess.run([*become, f"{programs}/initdb", "-A", "trust", "-D", f"{folder}/data"], check=True, cwd="/", **QUIET)
    options = [f"-k{folder}", f"-p{port}", "-cmax_connections=200", "-cshared_buffers=256MB", "-csynchronous_commit=off"]
    child = start([*become, f"{programs}/postgres", "-D", f"{folder}/data", *options], cwd="/")
    try:
        login = f"-h 127.0.0.1 -p {port} -U postgres"
        wait_for(lambda: subprocess.run(f"pg_isready {login}", shell=True, **QUIET).returncode == 0)
        run(f"pgbench {login} -i -s 5 -q postgres 2>&1")
        yield f"{login} postgres"
    finally:
        child.send_signal(signal.SIGINT)
        child.wait()
        shutil.rmtree(folder)


def wait_for(ready, seconds=15):
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError("it did not start")
        time.sleep(0.01)


class Tracer:
    """`tallyman run` on a port of its own, with everything on whatever it costs, unless told otherwise."""

    def __init__(self, config=CONFIG, options=("--cpu-budget", "off")):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".yaml")
        self.file.write(config)
        self.file.flush()
        self.port = free_port()
        self.maps_before = map_bytes()
        begin = time.monotonic()
        self.child = start(["build/tallyman", "run", "-c", self.file.name, "-l", f"127.0.0.1:{self.port}", *options])
        wait_for(self.serves)
        self.start_s = time.monotonic() - begin

    def serves(self):
        try:
            return "tallyman_probe_info" in self.metrics()
        except OSError:
            return False

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def sum(self, start):
        """Of the samples whose line starts so."""
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.metrics().splitlines() if line.startswith(start))

    def cpu_s(self):
        with open(f"/proc/{self.child.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self):
        with open(f"/proc/{self.child.pid}/status") as f:
            return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1]) / 1024

    def maps_mib(self):
        return sum(size for key, size in map_bytes().items() if key not in self.maps_before) / 2**20

    def stop(self):
        stop(self.child)
        self.file.close()


def map_bytes():
    """What each BPF map in the kernel takes, by id."""
    return {m["id"]: int(m["bytes_memlock"]) for m in json.loads(run("bpftool -j map show"))}


def programs():
    """Of all BPF programs in the kernel, by id: name, runs, ns."""
    found = json.loads(run("bpftool -j prog show"))
    return {p["id"]: (p.get("name", "?"), p.get("run_cnt", 0), p.get("run_time_ns", 0)) for p in found}


@contextlib.contextmanager
def statistics():
    """The kernel measures BPF programs meanwhile."""
    with open(STATS) as f:
        before = f.read()
    with open(STATS, "w") as f:
        f.write("1")
    try:
        yield
    finally:
        with open(STATS, "w") as f:
            f.write(before)


@contextlib.contextmanager
def cgroups(count):
    """So many tenants' cgroups: their folders."""
    folders = [f"{CGROUPS}/bench-t{i}" for i in range(count)]
    for folder in folders:
        os.mkdir(folder)
    try:
        yield folders
    finally:
        for folder in folders:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
                if not os.path.exists(folder):
                    break
                time.sleep(0.02)
