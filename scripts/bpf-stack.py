#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How deep the stack of each BPF program is, by the disassembly of an object file.

bpf-stack.py OBJECT [LIMIT]  fails, and prints the calls, if a program's functions need more than LIMIT (512)
                             bytes together, each rounded up to 32 as Linux does it before 6.6
"""
import re
import subprocess
import sys

FRAME = 32
CALLS_MAX = 8
STACK_MAX = 512  # of one function


def functions(path):
    """Name to [own bytes, names called]; and the programs: those in sections of their own."""
    text = subprocess.run(["llvm-objdump", "-dr", "--no-show-raw-insn", path],
                          check=True, capture_output=True, text=True).stdout
    found, programs, starts = {}, set(), {}
    section, name, call, frame = "", None, None, None
    for line in text.splitlines():
        if match := re.match(r"Disassembly of section (\S+):", line):
            section = match[1]
        elif match := re.match(r"([0-9a-f]+) <(?!LBB)(\w+)>:", line):
            name = match[2]
            found[name] = [0, set()]
            if section == ".text":
                starts[int(match[1], 16) // 8] = name
            else:
                programs.add(name)
        elif name:
            for depth in re.findall(r"\(r10 - (\d+)\)", line):
                found[name][0] = max(found[name][0], int(depth))
            if match := re.search(r"\t(r\d+) = r10$", line):
                frame = match[1]
            if match := re.search(r"\t(r\d+) \+= -(\d+)$", line):
                if match[1] == frame and int(match[2]) <= STACK_MAX:
                    found[name][0] = max(found[name][0], int(match[2]))
            if match := re.search(r"\tcall (-?\d+)$", line):
                call = int(match[1])
            if match := re.search(r"r\d+ = (-?\d+) ll$", line):
                call = int(match[1]) // 8 - 1
            if match := re.search(r"R_BPF_64_(?:32|64)\s+(\S+)$", line):  # 64: handed to bpf_loop()
                found[name][1].add(call + 1 if match[1] == ".text" else match[1])
    for _, calls in found.values():  # of static functions only the place is known
        calls |= {starts[c] for c in calls if c in starts}
    return found, programs


def deepest(found, name, seen=()):
    """The most bytes that name and what it calls need, and those calls."""
    if name not in found or name in seen:
        return 0, []
    own, calls = found[name]
    own = (max(own, 1) + FRAME - 1) // FRAME * FRAME
    below = max((deepest(found, c, seen + (name,)) for c in calls), default=(0, []))
    return own + below[0], [(name, own)] + below[1]


def main():
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else 512
    found, programs = functions(sys.argv[1])
    bad = 0
    for name in sorted(programs):
        bytes_, calls = deepest(found, name)
        if bytes_ > limit or len(calls) > CALLS_MAX:
            bad += 1
            print(f"{name}: {bytes_} bytes of stack: " +
                  ", ".join(f"{call} {own}" for call, own in calls))
    sys.exit(1 if bad else 0)


main()
