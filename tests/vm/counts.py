#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a guest's console; prints it without the traces, compares counts and the charge for a CPU quota.
Status 0: they agree.
An argument: "counts", "redis" (there was no PostgreSQL), or "refused"."""
import collections
import json
import re
import sys

OPERATIONS = ("GET", "SET", "GET /file", "GET /none", "SELECT", "UPDATE", "INSERT")


def quota_is_told(delay, throttled, rows):
    """Nearly all of a throttled loop's delay is its quota; an emulated CPU is slow enough for others to be in its way."""
    charged = collections.Counter()
    for row in rows:
        charged[row["cause"]] += row["wait_ns"]
    total = sum(charged.values())
    good = total > 1e9 and charged["quota"] >= 0.93 * total and charged["neighbour"] <= 0.03 * total
    # The last period is charged when it is over.
    good &= abs(charged["quota"] - throttled) <= 0.05 * throttled + 100e6
    print(f"cpu.max: delay {delay / 1e6:.1f} ms, throttled {throttled / 1e6:.1f} ms; charged "
          + ", ".join(f"{cause} {ns / 1e6:.1f} ms ({100 * ns / total:.2f} %)" for cause, ns in charged.items()))
    return good


def is_refused(lines):
    """The tracer ended with status 1 and one line."""
    good = len(lines) == 2 and lines[0] == "@refused 1" and lines[1].startswith("tallyman: this kernel ")
    print("refused in one line" if good else "FAILED: not refused in one line")
    return good


def losses(rows):
    """Requests that the tracer itself counts as lost: at most 2 % (a hook that a preemptible kernel interrupted)."""
    for row in rows:
        if row.get("probe") == "sock" and "lost" in row:
            print(f"lost: {row['lost']} of {row['seen']} by the tracer's own count")
            return row["lost"] if row["lost"] <= 0.02 * row["seen"] else 0
    return 0


def main():
    if sys.argv[1:] == ["refused"]:
        lines = [line.rstrip("\n") for line in sys.stdin]
        print(*lines, sep="\n")
        at = next((i for i, line in enumerate(lines) if line.startswith("@refused")), len(lines))
        end = next((i for i, line in enumerate(lines) if line == "@end"), at)
        sys.exit(not is_refused(lines[at:end]))
    stats = {}
    quota, waits, listening = None, [], set()
    opened = accepts = 0
    traced = collections.Counter()
    probes, section, ended = [], "", False
    for line in sys.stdin:
        line = line.rstrip("\n")
        if line.startswith("@"):
            section = line.split()[0]
            ended |= section == "@end"
            if section == "@quota":
                quota = [float(word) for word in line.split()[1:]]
        m = re.match(r"cmdstat_([^:]+):calls=(\d+)", line)
        if m:
            stats[m.group(1).replace("|", " ").upper()] = int(m.group(2))
        elif section == "@stats" and line.startswith("statement "):
            stats[line.split()[1]] = int(line.split()[2])
        elif section == "@quota" and line.startswith("{"):
            waits.append(json.loads(line))
        elif section == "@listening" and line.startswith("{"):
            listening.add(json.loads(line)["port"])
        elif section == "@trace" and line.startswith("{"):
            row = json.loads(line)
            if row.get("kind", "requests") == "requests" and "role" in row:
                traced[row["role"], row["operation"]] += row["count"]
            elif row.get("kind") == "network" and row["role"] == "server":
                opened += row["opened"]
            elif row.get("kind") == "listener":
                accepts += row["accepts"]
            elif "seen" in row or row.get("kind") == "program":
                probes.append(row)
        elif section != "@stats":
            print(line)
    for row in probes:
        print(json.dumps(row))
    good = ended and quota is not None and quota_is_told(*quota, waits)
    if not traced and good:  # only=quota
        print("quota agrees")
        sys.exit(0)
    good &= bool(traced)
    good &= 6379 in listening
    # Of kernels that do not let accept() be timed none is.
    good &= opened > 0 and accepts in (0, opened)
    print(f"connections accepted: {opened}, timed until then: {accepts}")
    print(f"listening, by the iterators over sockets: {sorted(listening)}")
    lost = losses(probes)
    missing = 0
    stats |= {"GET /file": 10, "GET /none": 10}  # of the guest's web server
    for op in OPERATIONS[:4] if sys.argv[1:] == ["redis"] else OPERATIONS:
        want = stats.get(op)
        for role in ("server", "client"):
            got = traced[role, op]
            missing += abs((want or 0) - got)
            good &= want is not None and got <= want
            print(f"{op} {role}: traced {got}, made {want}{'' if got == want else '  DIFFERS'}")
    good &= missing <= lost
    print("others:", {f"{r} {o}": n for (r, o), n in traced.items() if o not in OPERATIONS}, stats)
    print("counts agree" if good else "FAILED")
    sys.exit(not good)


main()
