#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/kernels.md, of what check.sh left in build/vm/. In: that folder, and the kernels' names in order. Out: the page."""
import os
import re
import sys

HEAD = """# Kernels

Written by `UPDATE=1 make check-vm`, which boots Debian's kernels under qemu's software emulation: Redis, PostgreSQL, a web server with
sendfile() and a container with a `cpu.max`, each against its own count. The floor is Linux 5.17 (the BPF helper `bpf_loop`);
kernels between it and 6.1 were not run. The arm64 guest has no PostgreSQL.

*Accepts timed*: of the connections, those whose accept() was timed; all must be, or none where the hook is missing.

*Requests*: of both ends, those that were traced, of those that were made. *Lost*: by tallyman's own count, which is the difference, or more.
A kernel that may switch tasks while a hook runs (7.x) leaves the hook out for the next task on that CPU, and its request is lost
(`recursion`): under emulation, where a hook takes some 20 us, in the order of one in a hundred. There some runs miss more than is counted,
and fail; these kernels are therefore not in `make check`. *cpu.max*: how much of a throttled loop's waiting was told to be its quota.
*Verifier*: the instructions that the kernel looked at for the costliest program; 1,000,000 are allowed, and `make check-vm` fails above
half of it, or if any program's number (tests/vm/verifier.txt) grew by a tenth.

| kernel | hooks | requests | lost | accepts timed | cpu.max | verifier | check |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def first(pattern, text, default="-"):
    found = re.search(pattern, text, re.M)
    return found.group(1) if found else default


def row(name, log, console):
    release = first(r"^@kernel (\S+)", console)
    without = first(r"^@kernel \S+ --refuse (\S+)", console, "")
    title = f"{release}" + (f", without {without}" if without else "")
    verdict = "passed" if re.search("^(counts agree|refused in one line)$", log, re.M) else "failed"
    refused = re.search(r"^@refused \d+\n(.*)$", console, re.M)
    if refused:
        return f"| {title} | none: \"{refused.group(1)}\" | - | - | - | - | - | {verdict} |\n"
    pairs = re.findall(r"traced (\d+), made (\d+)", log)
    verified = re.findall(r"^(\w+) (\d+) instructions$", console, re.M)
    program, most = max(verified, key=lambda v: int(v[1]), default=("-", "0"))
    return (f"| {title} | {first(r'tracing: (.*?[)]);', console)} | {sum(int(p[0]) for p in pairs):,} of "
            f"{sum(int(p[1]) for p in pairs):,} | {first(r'^lost: (.*) by the', log)} | "
            f"{first(r'timed until then: ([0-9]+)', log)} of {first(r'connections accepted: ([0-9]+)', log)} | "
            f"{first(r'quota .*? ms .([0-9.]+ %)', log)} | `{program}` {int(most):,} | {verdict} |\n")


def main():
    folder, names = sys.argv[1], sys.argv[2:]
    missing = {}
    sys.stdout.write(HEAD)
    for name in names:
        path = os.path.join(folder, name)
        if not os.path.exists(path + ".console"):
            continue
        with open(path + ".log", encoding="utf-8", errors="replace") as f:
            log = f.read()
        with open(path + ".console", encoding="utf-8", errors="replace") as f:
            console = f.read()
        sys.stdout.write(row(name, log, console))
        for hook, loss in re.findall(r"^tallyman: (\w+: hook \w+) is missing: .*?; lost: (.*)$", console, re.M):
            missing.setdefault(f"{hook}: {loss}", []).append(name)
    sys.stdout.write("\nWhat is lost for want of a hook:\n\n")
    for what, kernels in missing.items():
        sys.stdout.write(f"- {what} ({', '.join(kernels)})\n")


main()
