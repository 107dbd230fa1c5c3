#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/benchmarks.md, and the plots beside it, of what bench.py measured. Usage: page.py IN.json OUT.md
page.py --check COMMITTED.json NEW.json: fails if an operation costs over 15 % more in the kernel than it did."""
import json
import os
import subprocess
import sys

SLOWER = 1.15
PROBES = ("sock", "sched", "stack", "net", "block", "proc", "mem")
PROMISED = {"Redis GET": 600, "pgbench -S prepared": 1000}
PLOT = """set terminal svg size 640,360 font "sans,12"
set output "{svg}"
set logscale x
set xlabel "{label}"
set ylabel "ns in the kernel per GET"
set y2label "us of the agent's CPU per GET"
set yrange [0:*]
set y2range [0:*]
set ytics nomirror
set y2tics
set key left bottom
plot "{data}" using 1:2 with linespoints lw 2 title "kernel", "" using 1:3 axes x1y2 with linespoints lw 2 title "agent"
"""


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines) + "\n"


def total(costs):
    return sum(ns for probe, ns in costs.items() if probe != "runs")


def kernel(d):
    rows = [
        [load, *(f"{costs.get(p, 0):.0f}" for p in PROBES), f"**{total(costs):.0f}**", f"{costs['runs']:.1f}"]
        for load, costs in d["kernel"]["ours"].items()
    ]
    return table(["load", *PROBES, "all", "programs run"], rows)


def peers(d):
    rows = []
    for p in d["peers"]:
        ours = d["kernel"]["ours"][p["load"]].get(p["probe"], 0)
        theirs = f"{p['ns']:.0f}" if p["ns"] is not None else "does not run here"
        rows.append([p["load"], p["peer"], theirs, f"`{p['probe']}`", f"{ours:.0f}"])
    return table(["load", "peer", "ns per operation", "our probe", "ns per operation"], rows)


def throughput(d):
    rows = []
    for load, found in d["throughput"]["loads"].items():
        detached, ratio, low, high = found["throughput"]
        _, p99, p99_low, p99_high = found["p99_us"]
        rows.append(
            [load, f"{detached:,.0f}/s", f"{ratio:.3f} ({low:.3f} to {high:.3f})", f"{100 * (p99 - 1):+.0f} % ({100 * (p99_low - 1):+.0f} to {100 * (p99_high - 1):+.0f})"]
        )
    return table(["load", "without", "throughput with, as a ratio", "p99"], rows)


def agent(d):
    rows = [[load, f"{a['us']:.2f} us"] for load, a in d["agent"]["price"].items()]
    rows.append(["idle", f"{d['agent']['idle_percent']:.2f} % of a core"])
    return table(["load", "agent's CPU per request"], rows)


def rates(d):
    rows = [
        [f"{a['rate']:,.0f}/s", f"{100 * a['detailed'] / a['seen']:.2f} %", f"{100 * a['coarse'] / a['seen']:.2f} %", f"{100 * a['lost'] / a['seen']:.4f} %", f"{a['seen'] - a['detailed'] - a['coarse'] - a['lost']:.0f}"]
        for a in d["agent"]["rates"]
    ]
    return table(["requests", "detailed", "coarse", "lost, counted", "unaccounted"], rows)


def memory(d):
    rows = [[name, f"{m[0]:.1f} MiB", f"{m[1]:.1f} MiB"] for name, m in d["memory"].items()]
    return table(["", "RSS", "BPF maps"], rows)


def growth(d, out):
    parts = []
    for what, points in d["growth"].items():
        parts.append(table([what, "kernel, ns per GET", "agent, us per GET"], [[n, f"{p['ns']:.0f}", f"{p['us']:.2f}"] for n, p in points.items()]))
        svg = f"benchmarks-{what}.svg"
        data = "\n".join(f"{n} {p['ns']} {p['us']}" for n, p in points.items())
        path = os.path.join(os.path.dirname(out), svg)
        script = f"$d << EOD\n{data}\nEOD\n" + PLOT.format(svg=path, label=what, data="$d").replace('"$d"', "$d")
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
        parts.append(f"![Cost by {what}]({svg})\n")
    return "\n".join(parts)


def page(d, out):
    m = d["machine"]
    starts = sorted(d["start"])
    promised = ", ".join(f"{load} {total(d['kernel']['ours'][load]):.0f} of {ns} ns" for load, ns in PROMISED.items())
    return f"""# Benchmarks

Written by `make bench` on {m['date']}: Linux {m['kernel']}, {m['cpus']} CPUs ({m['cpu']}), {m['version']}. The figures are in
[benchmarks.json](benchmarks.json). Everything is on; servers and clients are on the same machine and over TCP on loopback, so a request costs both
its ends. `tests/bench/bench.py OUT.json SECTION` measures one section: its name stands with each.

## In the kernel (`kernel`)

ns per operation, by the kernel's own statistics of BPF programs, less what as many runs of an empty program take: {d['kernel']['empty_ns']:.0f} ns each.
By probe; the target for both ends together: {promised}. The commands are in `tests/bench/bench.py`.

{kernel(d)}
`make bench-check` measures this again and fails if an operation has become more than 15 % dearer.

## Beside others (`peers`)

The nearest tools that Debian has, by themselves under the same load, measured in the same way. They do less: `runqlat` has one histogram
and does not say who had the CPU, `tcptop` counts bytes and does not look into them.

{peers(d)}
## What a load loses (`throughput`)

A load that saturates both CPUs runs all the time; the tracer comes and goes in {d['throughput']['slices']} slices of 1.5 s. Each slice with it is compared with the
two beside it: median of the ratios, with a bootstrap 95 % interval. The tracer runs as it does by default, with a budget of 1 % of the node's CPU. The Redis client is `tests/bench/load.c`, which asks for keys that do not exist and
does nothing else: with it a GET takes 4 us of the server's thread, the worst case there is.

{throughput(d)}
## The agent (`agent`)

User and system time of `tallyman run`. It has handled each request twice, as the server's and as the client's.

{agent(d)}
Offered by `tests/bench/load.c` in pipelines of 1, 2, 4, 8, 16 and 64, for 5 s each. What the reader cannot take is counted by container (`coarse`): nothing is unaccounted
for if the last column is 0.

{rates(d)}
## Memory (`memory`)

{memory(d)}
## Start (`start`)

From `exec` to metrics that are served with all hooks attached: {starts[len(starts) // 2]:.2f} s (median of {len(starts)}, {starts[0]:.2f} to {starts[-1]:.2f}). Nearly all of it is the kernel's verifier.

## How it grows (`growth`)

{growth(d, out)}"""


def check(committed, new):
    slower = [
        f"{load}: {total(costs):.0f} ns, was {total(committed['kernel']['ours'][load]):.0f}"
        for load, costs in new["kernel"]["ours"].items()
        if load in committed["kernel"]["ours"] and total(costs) > SLOWER * total(committed["kernel"]["ours"][load])
    ]
    print("\n".join(slower) or "no operation has become more than 15 % dearer")
    return 1 if slower else 0


def load_json(path):
    with open(path) as f:
        return json.load(f)


def main():
    if sys.argv[1] == "--check":
        return check(load_json(sys.argv[2]), load_json(sys.argv[3]))
    text = page(load_json(sys.argv[1]), sys.argv[2])
    with open(sys.argv[2], "w") as f:
        f.write(text)
    return 0


sys.exit(main())
