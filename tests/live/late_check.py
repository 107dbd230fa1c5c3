#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares a raw recording with what late_clients.py wrote, request by request, by the marks in their texts.
Prints a line of JSON: how many requests were asked, and seen at either end; and what must be none.

late_check.py RECORDING LINES...
"""
import collections
import fileinput
import json
import re
import struct
import sys

CONN, REQUEST, REPLY = 1, 2, 3
SERVER, CLIENT = 1, 2
MARK = re.compile(rb"late_\d+_\d+")
LIE = b"late_lie"
SLACK_NS = 5000000  # a client can have read what the server's call has not returned from yet


def records(path):
    data = open(path, "rb").read()
    at = struct.unpack_from("<H", data, 14)[0]
    while at + 16 <= len(data):
        kind, size, _, time_ns = struct.unpack_from("<HHIQ", data, at)
        if not kind:
            return
        yield kind, time_ns, data[at:at + size]
        at += size


def main(tape, *lines):
    asked = {}
    for line in fileinput.input(lines):
        if line.startswith("{"):
            fact = json.loads(line)
            asked[fact["mark"].encode()] = fact
    out = collections.Counter(asked=len(asked), lies=0, wrong_times=0, twice=0, unanswered=0)
    open_requests = {}
    seen = collections.defaultdict(list)
    for kind, time_ns, rec in records(tape):
        if kind == CONN:
            family, role, _, late = struct.unpack_from("<BBBB", rec, 84)
            peer_cgroup = struct.unpack_from("<Q", rec, 104)[0]
            if late and role == SERVER:
                out["unix_servers" if family == 1 else "tcp_servers"] += 1
                out["peers"] += bool(peer_cgroup)
        elif kind == REQUEST:
            conn, arrival_ns, _, seq, _, _, count, size, role = struct.unpack_from("<QQQIIIHHB", rec, 16)
            text = rec[64:64 + size]
            out["lies"] += LIE in text
            marks = set(MARK.findall(text))
            if len(marks) == 1:
                open_requests[conn, seq] = (marks.pop(), role, arrival_ns)
        elif kind == REPLY:
            conn, _, _, seq, count = struct.unpack_from("<QQQIH", rec, 16)
            for i in range(count):
                mark, role, arrival_ns = open_requests.pop((conn, seq + i), (None, 0, 0))
                if mark in asked:
                    seen[mark, role].append((arrival_ns, time_ns))
    for (mark, role), times in seen.items():
        fact = asked[mark]
        out["server" if role == SERVER else "client"] += 1
        out["twice"] += len(times) > 1
        begin_ns, end_ns = times[0]
        if begin_ns < fact["begin_ns"] or end_ns > fact["end_ns"] + SLACK_NS:
            out["wrong_times"] += 1
            print(role, fact, begin_ns - fact["begin_ns"], end_ns - fact["end_ns"], file=sys.stderr)
    out["unanswered"] = sum(mark in asked for mark, _, _ in open_requests.values())
    for key, (mark, role, _) in open_requests.items():
        if mark in asked:
            print("unanswered", key, role, asked[mark], file=sys.stderr)
    late = collections.Counter()
    for mark, fact in asked.items():
        if (mark, SERVER) not in seen:
            late[fact["kind"], fact["round"], fact["tcp"]] += 1
    out["late_in_round_2"] = sum(n for (_, r, _), n in late.items() if r > 0)
    for key, n in sorted(late.items()):
        print("not seen at the server's end", *key, n, file=sys.stderr)
    print(json.dumps(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
