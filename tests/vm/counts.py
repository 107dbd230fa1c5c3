#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a guest's console; prints it without the traces, compares counts and the charge for a CPU quota.
Status 0: they agree."""
import collections
import json
import re
import sys


def quota_is_told(delay, throttled, rows):
    """At least 95 % of a throttled loop's delay is its quota, at most 1 % a neighbour's."""
    charged = collections.Counter()
    for row in rows:
        charged[row["cause"]] += row["wait_ns"]
    total = sum(charged.values())
    good = total > 1e9 and charged["quota"] >= 0.95 * total and charged["neighbour"] <= 0.01 * total
    # The last period is charged when it is over.
    good &= abs(charged["quota"] - throttled) <= 0.05 * throttled + 100e6
    print(f"cpu.max: delay {delay / 1e6:.1f} ms, throttled {throttled / 1e6:.1f} ms; charged "
          + ", ".join(f"{cause} {ns / 1e6:.1f} ms ({100 * ns / total:.2f} %)" for cause, ns in charged.items()))
    return good


def main():
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
    stats |= {"GET /file": 10, "GET /none": 10}  # of the guest's web server
    for op in ("GET", "SET", "GET /file", "GET /none"):
        want = stats.get(op)
        for role in ("server", "client"):
            got = traced[role, op]
            good &= got == want
            print(f"{op} {role}: traced {got}, made {want}{'' if got == want else '  DIFFERS'}")
    print("others:", {f"{r} {o}": n for (r, o), n in traced.items() if o not in ("GET", "SET", "GET /file", "GET /none")}, stats)
    print("counts agree" if good else "FAILED")
    sys.exit(not good)


main()
