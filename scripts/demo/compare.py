#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The clients' own counts beside the tracer's: compare.py TRACED.json TENANT.STEP.sent...

Exit status 1 if one number differs.
"""
import collections
import json
import os
import sys


def sent_by_clients(paths):
    sent = collections.Counter()
    for path in paths:
        tenant = os.path.basename(path).split(".")[0]
        with open(path, encoding="utf-8") as lines:
            for workflow, protocol, count in map(str.split, lines):
                sent[tenant, workflow, protocol] += int(count)
    return sent


def traced(path):
    seen = {"server": collections.Counter(), "client": collections.Counter()}
    with open(path, encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["kind"] == "requests" and row["role"] in seen:
                seen[row["role"]][row["tenant"], row["workflow"], row["protocol"]] += row["count"]
    return seen


def main(path, *clients):
    sent = sent_by_clients(clients)
    seen = traced(path)
    wrong = 0
    print(f"{'TENANT':10} {'WORKFLOW':14} {'PROTOCOL':11} {'SENT':>9} {'SERVER':>9} {'CLIENT':>9} "
          f"{'DIFFERENCE':>11}")
    for key in sorted(sent):
        server, client = seen["server"][key], seen["client"][key]
        wrong += server != sent[key] or client != sent[key]
        print(f"{key[0]:10} {key[1]:14} {key[2]:11} {sent[key]:9} {server:9} {client:9} "
              f"{f'{server - sent[key]:+}/{client - sent[key]:+}':>11}")
    print(f"{sum(sent.values())} requests sent, {wrong} of {len(sent)} counts differ")
    return 1 if wrong or not sent else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
