#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a core dump of a process would hold: reads all of its memory that is not left out of dumps, and
prints how many different texts in it match, and then some of them with their surroundings.

core_scan.py PID REGEX
"""
import re
import sys


def regions(pid):
    """Begin, end and flags of each."""
    at = None
    for line in open(f"/proc/{pid}/smaps"):
        words = line.split()
        if re.match(r"[0-9a-f]+-[0-9a-f]+$", words[0]):
            at = [int(n, 16) for n in words[0].split("-")]
            readable = words[1].startswith("r")
            name = words[5] if len(words) > 5 else ""
        elif words[0] == "VmFlags:" and readable and "dd" not in words and "io" not in words:
            yield at[0], at[1], name


def main(pid, regex):
    found = {}
    total = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for begin, end, name in regions(pid):
            try:
                mem.seek(begin)
                data = mem.read(end - begin)
            except (OSError, OverflowError, ValueError):
                continue
            total += len(data)
            for m in re.finditer(regex.encode(), data):
                near = data[max(0, m.start() - 40):m.end() + 20]
                found.setdefault(m.group(), f"{name} {begin + m.start():x}: {near!r}")
    if total < 1 << 20:
        sys.exit("no memory was read")
    print(len(found))
    for line in list(found.values())[:10]:
        print(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
