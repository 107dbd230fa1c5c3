#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Checks the house rules that a compiler does not: which way includes point, sizes, SPDX lines, format,
# shell scripts. One line a finding, "file:line: what"; exit 1 if there is any. Reads, never writes.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
findings=$(mktemp)
trap 'rm -f "$findings"' EXIT

mapfile -t c_files < <(find bpf probes user tests -name '*.[ch]' | sort)
mapfile -t shell_files < <(find scripts tests .ci -type f -exec grep -lE '^#!.*\b(ba)?sh\b' {} + | sort)
mapfile -t python_files < <(find scripts vmlinux tests -name '*.py' | sort)
mapfile -t all_files < <(printf '%s\n' Makefile .clang-format "${c_files[@]}" "${shell_files[@]}" \
	"${python_files[@]}" vmlinux/*.h vmlinux/*/*.h)

# What a file may include of the project. Quoted includes only; "x.h" means the includer's own folder.
lint_includes() {
	awk '
	# Place in the one-way flow, by file name; 0: not a stage.
	function stage(file,   i) {
		for (i = 1; i <= stages; i++)
			if (file ~ "^user/(" order[i] ")[a-z0-9_]*\\.[ch]$")
				return i
		return 0
	}
	BEGIN {
		stages = split("config|rules hooks|session|drain|ring|record|replay decode attrib" \
			" agg export cli main", order, " ")
	}
	function bad(why) { printf "%s:%d: includes %s: %s\n", FILENAME, FNR, path, why }
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		path = $0
		sub(/^[^"]*"/, "", path)
		sub(/".*/, "", path)
		dir = FILENAME
		sub(/\/[^\/]*$/, "", dir)
		full = path ~ /\// || path ~ /\.skel\.h$/ || path == "vmlinux.h" ? path : dir "/" path
		while (sub(/^\.\.\//, "", full)) { sub(/\/?[^\/]*$/, "", dir); up = 1 }
		if (up) full = (dir == "" ? "" : dir "/") full
		up = 0
		kernel = FILENAME ~ /\.bpf\.[ch]$/ || FILENAME ~ /^bpf\//
		test = FILENAME ~ /^tests\//
		if (full ~ /\.c$/)
			bad("a .c file is never included")
		else if (FILENAME ~ /^user\/lib\// && full !~ /^user\/lib\//)
			bad("user/lib knows nothing of the project")
		else if (FILENAME == "user/event.h" && full != "bpf/wire.h")
			bad("event.h takes only bpf/wire.h")
		else if (FILENAME ~ /^bpf\/wire/ && full !~ /^bpf\/wire_/)
			bad("the wire records need nothing")
		else if (kernel && full ~ /^user\//)
			bad("the kernel side knows nothing of user space")
		else if (!kernel && full ~ /^bpf\// && full !~ /^bpf\/(wire|lane|cell)\.h$/)
			bad("user space takes only bpf/wire.h, lane.h and cell.h of the kernel side")
		else if (!kernel && !(test && full ~ /^tests\//) && (full ~ /\.bpf\.h$/ || full == "vmlinux.h"))
			bad("user space takes only bpf/wire.h of the kernel side")
		else if (full ~ /\.skel\.h$/ && FILENAME !~ /^user\/session[a-z_]*\.c$/ && !test)
			bad("only the session knows the skeleton")
		else if (!kernel && FILENAME ~ /^probes\// && full ~ /^user\// &&
			 full !~ /^user\/(lib\/.*|event|statement|subject)\.h$/)
			bad("a probe takes only event.h, its two tables and lib of user/")
		else if (stage(FILENAME) && stage(full) > stage(FILENAME))
			bad("a stage knows nothing of a later one")
		else if (full ~ /^tests\// && !test)
			bad("only tests include tests")
	}' "${c_files[@]}"
}

# A function is what stands between "{" and "}" in column 1.
lint_sizes() {
	awk '
	FNR == 1 { start = 0 }
	FNR == 501 { printf "%s:501: file is longer than 500 lines\n", FILENAME }
	/^[A-Za-z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
	/^\{/ { start = FNR }
	/^\}/ && start {
		if (FNR - start - 1 > 60)
			printf "%s:%d: function %s is %d lines long, more than 60\n", FILENAME, start,
				name, FNR - start - 1
		start = 0
	}' "${c_files[@]}"
	awk 'FNR == 501 { printf "%s:501: file is longer than 500 lines\n", FILENAME }' \
		"${shell_files[@]}" "${python_files[@]}"
}

lint_spdx() {
	local file want line

	for file in "${all_files[@]}"; do
		case $file in
		bpf/* | vmlinux/*.h | *.bpf.[ch]) want='(GPL-2.0-only OR BSD-2-Clause)' ;;
		*) want='Apache-2.0' ;;
		esac
		line=$(head -n 2 "$file" | grep -F "SPDX-License-Identifier:")
		[[ $line == *": $want"* ]] && continue
		# A record's header is read by both sides of its probe.
		[[ $file == probes/*.h && $line == *"(GPL-2.0-only OR BSD-2-Clause)"* ]] && continue
		echo "$file:1: no line 'SPDX-License-Identifier: $want'"
	done
}

# The words are put together here so that this file is not a finding itself.
lint_words() {
	grep -nHwE 'TO''DO|FIX''ME|X''XX|HA''CK' "${all_files[@]}" README.md docs/*.md 2>/dev/null |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: unfinished work: finish it or open an issue/'
	grep -nHE '[[:blank:]]+$' "${shell_files[@]}" "${python_files[@]}" Makefile |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: blanks at the end of the line/'
}

lint_format() {
	clang-format --dry-run -Werror --ferror-limit=1 "${c_files[@]}" 2>&1 |
		sed -nE 's/^([^:]*:[0-9]+):[0-9]+: error: .*/\1: format differs: run make fmt/p'
}

lint_shell() {
	shellcheck -x -f gcc "${shell_files[@]}" | sed -E 's/^([^:]*:[0-9]+):[0-9]+:/\1:/'
}

# What is built must load on Linux 6.1, too, whose verifier counts the stack of all calls together.
lint_stack() {
	local object=build/tallyman.bpf.o

	[ ! -e $object ] || scripts/bpf-stack.py $object | sed "s|^|$object:0: |"
}

for tool in clang-format shellcheck; do
	command -v $tool >/dev/null || echo "$tool:0: not installed: run scripts/setup.sh"
done >"$findings"
for check in includes sizes spdx words format shell stack; do
	"lint_$check"
done >>"$findings"
cat "$findings"
[ ! -s "$findings" ]
