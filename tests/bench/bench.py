#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what tallyman costs, and what its nearest peers cost under the same loads. Out: one JSON file, from which
page.py makes docs/benchmarks.md. Needs root and a quiet machine. Usage: bench.py OUT.json [SECTION...]"""
import contextlib
import json
import os
import platform
import subprocess
import sys
import time

from machine import Tracer, cgroups, postgres_server, programs, redis_server, run, statistics, stop
from machine import start as launch
from slices import PgbenchLoad, RedisLoad, alternate

LOAD = "build/tests/bench/load"
PINGPONG = "taskset -c 0 tests/live/pingpong.py 100000"
FORKS = "tests/bench/forks.py 5000"
FIO = "fio --name=bench --filename={file} --size=64M --rw=randread --bs=4k --direct=1 --runtime=5 --time_based --minimal"
EMPTY = "build/tests/bench/empty build/tests/bench/empty.bpf.o"

# name, command of the tool, the part of ours that does the like, the load
RUNQ = 'tracepoint:sched:sched_wakeup,tracepoint:sched:sched_wakeup_new{@q[args->pid]=nsecs} tracepoint:sched:sched_switch{if(args->prev_state==0){@q[args->prev_pid]=nsecs} $n=@q[args->next_pid]; if($n){@us[cgroup]=hist((nsecs-$n)/1000)} delete(@q[args->next_pid])}'
PEERS = (
    ("runqlat (libbpf-tools)", ["runqlat"], "sched", "ping-pong"),
    ("bpftrace, run queue by cgroup", ["bpftrace", "-e", RUNQ], "sched", "ping-pong"),
    ("exitsnoop (libbpf-tools)", ["exitsnoop"], "proc", "fork storm"),
    ("biolatency (libbpf-tools)", ["biolatency", "-F"], "block", "fio, 4 KiB reads"),
    ("tcptop (libbpf-tools)", ["tcptop", "1", "1000"], "sock", "Redis GET"),
    ("tcprtt (libbpf-tools)", ["tcprtt", "-i", "100"], "net", "Redis GET"),
    ("softirqs (libbpf-tools)", ["softirqs", "-d", "100"], "stack", "Redis GET"),
)


class Loads:
    """Each is a command and how many operations it is."""

    def __init__(self, redis_port, login):
        benchmark = f"redis-benchmark -h 127.0.0.1 -p {redis_port} -c 20 -q"
        pgbench = f"pgbench -n -c 4 -j 2 {login}"
        self.all = {
            "Redis GET": (f"{benchmark} -t get -n 200000", 200000),
            "Redis SET, pipelines of 16": (f"{benchmark} -t set -P 16 -n 1000000", 1000000),
            "pgbench -S simple": (f"{pgbench} -S -M simple -t 20000", 80000),
            "pgbench -S extended": (f"{pgbench} -S -M extended -t 20000", 80000),
            "pgbench -S prepared": (f"{pgbench} -S -M prepared -t 20000", 80000),
            "pgbench write, 7 statements": (f"{pgbench} -t 2000", 8000),
            "ping-pong": (PINGPONG, 200000),
            "fork storm": (FORKS, 5000),
            "fio, 4 KiB reads": (FIO.format(file="/var/tmp/tallyman-bench.fio"), None),
        }


def operations(name, output, count):
    """fio runs for a time, and tells how many reads that were."""
    if count:
        return count
    fields = output.strip().splitlines()[-1].split(";")
    return int(fields[5]) // 4  # KiB read


def probe_of(name):
    for probe, starts in (("sched", ("sched_",)), ("sock", ("sock_", "conns_")), ("stack", ("stack_", "egress_")), ("net", ("net_",)), ("block", ("block_",)), ("proc", ("proc_",)), ("mem", ("mem_",))):
        if name.startswith(starts):
            return probe
    return "peer"


def kernel_cost(loads, name, before, empty_ns):
    """ns per operation of the programs that were not there before, by probe, less what empty ones take."""
    first = programs()
    command, count = loads.all[name]
    count = operations(name, run(command), count)
    costs = {}
    for key, (program, runs, ns) in programs().items():
        if key not in before and key in first:
            runs, ns = runs - first[key][1], ns - first[key][2]
            probe = probe_of(program)
            costs[probe] = costs.get(probe, 0) + (ns - runs * empty_ns) / count
            costs["runs"] = costs.get("runs", 0) + runs / count
    return costs


def kernel(redis_port, login):
    """(a): ours."""
    loads, before = Loads(redis_port, login), programs()
    empty_ns = float(run(EMPTY))
    found = {"empty_ns": empty_ns, "ours": {}}
    with statistics():
        tracer = Tracer()
        for name in loads.all:
            found["ours"][name] = kernel_cost(loads, name, before, empty_ns)
        tracer.stop()
    return found


def peers(redis_port, login):
    """(a): the others, each with its own load, and nothing of ours attached."""
    loads, found = Loads(redis_port, login), []
    empty_ns = float(run(EMPTY))
    with statistics():
        for name, command, probe, load in PEERS:
            before = programs()
            child = launch(command)
            time.sleep(4)
            cost = kernel_cost(loads, load, before, empty_ns) if child.poll() is None else None
            stop(child)
            found.append({"peer": name, "probe": probe, "load": load, "ns": sum(v for k, v in cost.items() if k != "runs") if cost else None, "runs": cost["runs"] if cost else None})
    return found


def throughput(redis_port, login):
    """(b)"""
    slices = int(os.environ.get("BENCH_SLICES", "60"))
    found = {}
    for name, make in (
        ("Redis GET, 20 connections", lambda: RedisLoad(redis_port, 20, 1)),
        ("Redis GET, 20 connections, pipelines of 16", lambda: RedisLoad(redis_port, 20, 16)),
        ("pgbench -S, prepared, 4 clients", lambda: PgbenchLoad(login, "-S -M prepared -c 4 -j 2")),
        ("pgbench write, 4 clients", lambda: PgbenchLoad(login, "-c 4 -j 2")),
    ):
        found[name] = alternate(make(), lambda: Tracer(options=()), slices)  # with its default budget
    return {"slices": slices, "loads": found}


def agent_price(command, options=()):
    """us of the agent's CPU per request, both ends; and its counts."""
    tracer = Tracer(options=options)
    cpu = tracer.cpu_s()
    begin = time.monotonic()
    run(command)
    seconds = time.monotonic() - begin
    time.sleep(0.5)
    cpu = tracer.cpu_s() - cpu
    seen = tracer.sum('tallyman_events_seen_total{probe="sock"')
    fates = {f: tracer.sum(f'tallyman_events_total{{probe="sock",fate="{f}"') for f in ("detailed", "coarse", "lost")}
    tracer.stop()
    return {"us": 2e6 * cpu / seen, "rate": seen / 2 / seconds, "seen": seen, **fates}


def agent(redis_port, login):
    """(c)"""
    loads = Loads(redis_port, login).all
    found = {name: agent_price(loads[name][0]) for name in ("Redis GET", "Redis SET, pipelines of 16", "pgbench -S prepared")}
    rates = [agent_price(f"{LOAD} {redis_port} 20 {depth} 5") for depth in (1, 2, 4, 8, 16, 64)]
    tracer = Tracer()
    time.sleep(1)
    cpu = tracer.cpu_s()
    time.sleep(20)
    idle = (tracer.cpu_s() - cpu) / 20 * 100
    tracer.stop()
    return {"price": found, "rates": rates, "idle_percent": idle}


def tenant_work(folders, port, workflows):
    """From each cgroup, a client that asks for a key of each workflow."""
    for folder in folders:
        keys = "".join(f"GET w{i}:{{k}}\n" for i in range(workflows))
        script = f"echo $$ >{folder}/cgroup.procs; printf '{keys}' | redis-cli -p {port} >/dev/null"
        subprocess.run(["sh", "-c", script], check=True)


def memory(redis_port, _login):
    """(d)"""
    tracer = Tracer()
    time.sleep(2)
    found = {"idle": (tracer.rss_mib(), tracer.maps_mib())}
    with cgroups(200) as folders:
        tenant_work(folders, redis_port, 20)
        time.sleep(2)
        found["200 containers x 20 workflows"] = (tracer.rss_mib(), tracer.maps_mib())
    tracer.stop()
    return found


def start(_redis_port, _login):
    """(e): from exec to metrics that name the probes."""
    found = []
    for _ in range(7):
        tracer = Tracer()
        found.append(tracer.start_s)
        tracer.stop()
    return found


def priced_run(command, count, empty_ns):
    """ns in socket programs and us of the agent per request."""
    before = programs()
    with statistics():
        tracer = Tracer()
        first = programs()
        run(command)
        last = programs()
        tracer.stop()
    done = count() if callable(count) else count
    ns = sum((n - first[k][2]) - (r - first[k][1]) * empty_ns for k, (name, r, n) in last.items() if k in first and k not in before and probe_of(name) == "sock")
    return {"ns": ns / done, "us": agent_price(command)["us"]}


def growth(redis_port, _login):
    """(f)"""
    empty_ns = float(run(EMPTY))
    found = {"connections": {}, "containers": {}}

    def served():
        return int(run(f"redis-cli -p {redis_port} info commandstats | sed -n 's/^cmdstat_get:calls=\\([0-9]*\\).*/\\1/p'"))

    def reset():
        run(f"redis-cli -p {redis_port} config resetstat")

    for n in (10, 100, 1000, 10000):
        reset()
        found["connections"][n] = priced_run(f"{LOAD} {redis_port} {n} 1 4", served, empty_ns)
    for n in (1, 10, 50, 200):
        with cgroups(n) as folders:
            script = " ".join(
                f"(echo $BASHPID >{folder}/cgroup.procs; exec redis-benchmark -p {redis_port} -t get -c 2 -q -n {200000 // n} >/dev/null) &" for folder in folders
            )
            found["containers"][n] = priced_run(f"bash -c '{script} wait'", 200000 // n * n, empty_ns)
    return found


SECTIONS = (kernel, peers, throughput, agent, memory, start, growth)


def main():
    os.chdir(os.path.join(os.path.dirname(__file__), "../.."))
    out, wanted = sys.argv[1], sys.argv[2:]
    found = {}
    if os.path.exists(out):
        with open(out) as f:
            found = json.load(f)
    found["machine"] = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "cpu": run("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1").strip(),
        "version": run("build/tallyman --version").strip(),
    }
    with redis_server() as redis_port, postgres_server() as login:
        for section in SECTIONS:
            if not wanted or section.__name__ in wanted:
                print(f"bench: {section.__name__}", file=sys.stderr, flush=True)
                found[section.__name__] = section(redis_port, login)
                with open(out, "w") as f:
                    json.dump(found, f, indent=1)
    with contextlib.suppress(FileNotFoundError):
        os.unlink("/var/tmp/tallyman-bench.fio")


main()
