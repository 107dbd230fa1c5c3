#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a kernel's verifier had to look at, against verifier.txt. In: a kernel's name, and a guest's console. Fails if a
program's number grew by more than 10 %, is more than half of what the verifier allows, or is not in the file.
UPDATE=1: writes the file's lines of this kernel anew."""
import os
import sys

LIMIT = 1_000_000  # BPF_COMPLEXITY_LIMIT_INSNS, linux/bpf_verifier.h
FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "verifier.txt")


def read_console(path):
    """{program: instructions}; a program that is loaded twice has its larger number."""
    found, inside = {}, False
    for line in open(path, encoding="utf-8", errors="replace"):
        words = line.split()
        if line.startswith("@"):
            inside = words[0] == "@verified"
        elif inside and len(words) == 3 and words[2] == "instructions":
            found[words[0]] = max(int(words[1]), found.get(words[0], 0))
    return found


def read_file():
    rows = [line.split() for line in open(FILE, encoding="utf-8") if not line.startswith("#")]
    return {(kernel, program): int(number) for kernel, program, number in rows}


def write_file(kept):
    with open(FILE, encoding="utf-8") as f:
        head = [line for line in f if line.startswith("#")]
    with open(FILE, "w", encoding="utf-8") as f:
        f.writelines(head)
        f.writelines(f"{kernel} {program} {number}\n" for (kernel, program), number in sorted(kept.items()))


def judge(kernel, found, kept):
    bad = 0
    for program, number in sorted(found.items()):
        allowed = kept.get((kernel, program))
        why = ""
        if number > LIMIT // 2:
            why = f"more than half of {LIMIT}"
        elif allowed is None:
            why = "not in verifier.txt"
        elif number > allowed * 1.1:
            why = f"was {allowed}"
        if why:
            print(f"{kernel}: {program}: {number} instructions: {why} (UPDATE=1 writes the file anew)")
            bad += 1
    return bad


def main():
    kernel, found = sys.argv[1], read_console(sys.argv[2])
    kept = read_file()
    if os.environ.get("UPDATE"):
        kept = {key: number for key, number in kept.items() if key[0] != kernel}
        kept |= {(kernel, program): number for program, number in found.items()}
        write_file(kept)
    sys.exit(judge(kernel, found, kept) > 0)


main()
