#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In: a kernel's BTF (bpftool's JSON) and types.txt. Out: vmlinux.h and one <arch>/regs.h for each
[arch] section, holding the listed types cut down to the listed fields. Offsets in the output are
wrong on purpose: libbpf relocates every access (preserve_access_index). Knows nothing of the probes.
Run it by scripts/vmlinux.sh.
"""
import json
import os
import re
import sys

QUALIFIERS = ("CONST", "VOLATILE", "RESTRICT", "TYPE_TAG")
AGGREGATES = ("STRUCT", "UNION")
ANON = "(anon)"


class Entry:
    """One line of types.txt and the indented C lines below it."""

    def __init__(self, line, text):
        match = re.fullmatch(r"(struct|union|enum|typedef)(\s+\w+)?\s*(?::(.*))?", text)
        if not match:
            sys.exit(f"types.txt:{line}: cannot read '{text}'")
        self.line = line
        self.kind = match.group(1)
        self.name = (match.group(2) or "").strip()
        self.fields = (match.group(3) or "").split()
        self.raw = []


def read_list(path):
    sections, entries = {}, None
    with open(path, encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            text = line.split("#")[0].rstrip()
            if not text:
                continue
            if text.startswith("["):
                entries = sections.setdefault(text.strip("[]"), [])
            elif text[0].isspace():
                entries[-1].raw.append(text.rstrip())
            else:
                entries.append(Entry(number, text))
    return sections


class Emitter:
    """Writes definitions in the order that C needs: what is embedded comes first."""

    def __init__(self, types, entries):
        self.types = {t["id"]: t for t in types}
        self.by_name = {}
        for t in types:
            self.by_name.setdefault((t["kind"].replace("ENUM64", "ENUM"), t["name"]), t)
        self.entries = {(e.kind, e.name): e for e in entries if e.name}
        self.done = set()
        self.out = []

    def skip(self, type_id, kinds):
        t = self.types.get(type_id)
        while t and t["kind"] in kinds:
            t = self.types.get(t["type_id"])
        return t

    def decl(self, type_id, inner, depth):
        """The C declaration of `inner` as this type."""
        t = self.skip(type_id, QUALIFIERS)
        if t and t["kind"] == "ARRAY":
            return self.decl(t["type_id"], f"{inner}[{t['nr_elems']}]", depth)
        if not t or t["kind"] != "PTR":
            return f"{self.base(t, depth)} {inner}"
        to = self.skip(t["type_id"], QUALIFIERS)
        if to and to["kind"] == "PTR":
            return self.decl(to["id"], "*" + inner, depth)
        return f"{self.pointee(to)} *{inner}"

    def pointee(self, t):
        root = self.skip(t["id"], QUALIFIERS + ("TYPEDEF",)) if t else None
        if not root or root["kind"] in ("FUNC_PROTO", "ARRAY"):
            return "void"
        if root["kind"] in AGGREGATES + ("FWD",):
            kind = root.get("fwd_kind", root["kind"].lower())
            return "void" if root["name"] == ANON else f"{kind} {root['name']}"
        return self.base(t, 0)

    def base(self, t, depth):
        if not t:
            return "void"
        kind = t["kind"].replace("ENUM64", "ENUM")
        if kind in AGGREGATES and t["name"] == ANON:
            return self.body(t, None, depth)
        if kind == "ENUM" and t["name"] == ANON:
            return "unsigned int"
        if kind in AGGREGATES + ("ENUM", "TYPEDEF"):
            self.need(t)
        return t["name"] if kind in ("INT", "TYPEDEF") else f"{kind.lower()} {t['name']}"

    def names(self, t):
        """All member names, those of anonymous members included, as C sees them."""
        found = set()
        for m in t["members"]:
            if m["name"] != ANON:
                found.add(m["name"])
            else:
                found |= self.names(self.skip(m["type_id"], QUALIFIERS))
        return found

    def body(self, t, wanted, depth, raw=()):
        name = "" if t["name"] == ANON else " " + t["name"]
        tab = "\t" * (depth + 1)
        lines = [f"{t['kind'].lower()}{name} {{"]
        for m in t["members"]:
            if m["name"] == ANON:
                sub = self.skip(m["type_id"], QUALIFIERS)
                if wanted is None or self.names(sub) & wanted:
                    lines.append(f"{tab}{self.body(sub, wanted, depth + 1)};")
            elif wanted is None or m["name"] in wanted:
                bits = f": {m['bitfield_size']}" if m.get("bitfield_size") else ""
                lines.append(f"{tab}{self.decl(m['type_id'], m['name'], depth + 1)}{bits};")
        lines += raw
        return "\n".join(lines + ["\t" * depth + "}"])

    def enum(self, t, wanted):
        name = "" if t["name"] == ANON else " " + t["name"]
        values = [v for v in t["values"] if not wanted or v["name"] in wanted]
        wide = "ULL" if t["kind"] == "ENUM64" else ""
        lines = [f"\t{v['name']} = {v['val']}{wide}," for v in values]
        return "\n".join([f"enum{name} {{"] + lines + ["}"])

    def need(self, t):
        """Defines a named type, once, cut down as types.txt says; unlisted ones come whole."""
        kind = t["kind"].replace("ENUM64", "ENUM").lower()
        key = (kind, t["name"])
        if key in self.done:
            return
        self.done.add(key)
        entry = self.entries.get(key)
        fields = entry.fields if entry else []
        if kind == "typedef":
            text = "typedef " + self.decl(t["type_id"], t["name"], 0)
        elif kind == "enum":
            self.check(entry, {v["name"] for v in t["values"]})
            text = self.enum(t, set(fields))
        else:
            self.check(entry, self.names(t))
            text = self.body(t, set(fields) if entry and fields != ["*"] else None, 0,
                             entry.raw if entry else ())
        self.out.append(text + (";" if kind == "typedef" else ";\n"))

    def check(self, entry, known):
        missing = [f for f in entry.fields if f not in known and f != "*"] if entry else []
        if missing:
            sys.exit(f"types.txt:{entry.line}: this BTF's {entry.kind} {entry.name} has no "
                     f"{', '.join(missing)}: declare by hand below the line, or drop")

    def add(self, entry):
        if not entry.name:  # an anonymous enum, found by any of its values
            for t in self.types.values():
                if t["kind"].startswith("ENUM") and t["name"] == ANON \
                        and entry.fields[0] in [v["name"] for v in t["values"]]:
                    self.out.append(self.enum(t, entry.fields[1:] and set(entry.fields)) + ";\n")
                    return
            sys.exit(f"types.txt:{entry.line}: no anonymous enum with {entry.fields[0]}")
        if entry.raw and not entry.fields:
            self.out.append(f"{entry.kind} {entry.name} {{\n" + "\n".join(entry.raw) + "\n};\n")
            return
        t = self.by_name.get((entry.kind.upper(), entry.name))
        if not t:
            sys.exit(f"types.txt:{entry.line}: this BTF has no {entry.kind} {entry.name}")
        self.need(t)


HEAD = """/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Made by scripts/vmlinux.sh from vmlinux/types.txt: do not edit. The kernel types that the BPF
 * programs name, with only the fields that they use. Offsets here mean nothing, CO-RE relocates
 * every access.
 */
"""
PUSH = """#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

"""
POP = """
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

"""


def header(guard, first, body, last):
    return (f"{HEAD}#ifndef {guard}\n#define {guard}\n\n{first}{PUSH}{body.strip()}\n{POP}"
            f"{last}#endif\n")


def main():
    types = json.load(sys.stdin)["types"]
    listing, outdir = sys.argv[1:]
    for arch, entries in read_list(listing).items():
        emitter = Emitter(types, entries)
        for entry in entries:
            emitter.add(entry)
        body = re.sub(r"(?m)(^typedef [^{\n]*;\n|^\} \w+;\n)(?!typedef)", r"\1\n",
                      "\n".join(emitter.out))
        if arch == "common":
            regs = ("#if defined(__TARGET_ARCH_x86)\n#include \"x86_64/regs.h\"\n"
                    "#elif defined(__TARGET_ARCH_arm64)\n#include \"arm64/regs.h\"\n"
                    "#else\n#error \"no register layout for this architecture\"\n#endif\n\n")
            path, text = "vmlinux.h", header("__VMLINUX_H__", "", body, regs)
        else:
            path = os.path.join(arch, "regs.h")
            text = header(f"__VMLINUX_REGS_{arch.upper()}_H__", "", body, "")
        os.makedirs(os.path.dirname(os.path.join(outdir, path)), exist_ok=True)
        with open(os.path.join(outdir, path), "w", encoding="ascii") as file:
            file.write(text)


if __name__ == "__main__":
    main()
