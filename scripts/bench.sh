#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measures what tracing costs on this machine, some 15 minutes, and writes docs/benchmarks.md with its figures and plots. With --check it only measures
# the hooks, and fails if one has become more than 15 % dearer than docs/benchmarks.json says. Needs root and a quiet machine.
set -euo pipefail

cd "$(dirname "$0")/.."
built=build/tests/bench
peers=(libbpf-tools bpftrace gnuplot-nox)

build_tools() {
	local arch

	arch=$(uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
	mkdir -p "$built"
	clang -target bpf -D__TARGET_ARCH_"$arch" -g -O2 -mcpu=v3 -Wall -Werror -Ivmlinux -I. \
		-c tests/bench/empty.bpf.c -o "$built/empty.bpf.o"
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror tests/bench/empty.c -lbpf -o "$built/empty"
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror tests/bench/load.c -o "$built/load"
}

[ "$(id -u)" = 0 ] || { echo "bench.sh: needs root" >&2; exit 1; }
make -s all
build_tools
if [ "${1-}" = --check ]; then
	rm -f "$built/check.json"
	tests/bench/bench.py "$built/check.json" kernel
	tests/bench/page.py --check docs/benchmarks.json "$built/check.json"
	exit
fi
dpkg-query -W "${peers[@]}" >/dev/null 2>&1 || apt-get install -y --no-install-recommends "${peers[@]}"
tests/bench/bench.py docs/benchmarks.json
tests/bench/page.py docs/benchmarks.json docs/benchmarks.md
echo "bench.sh: wrote docs/benchmarks.md"
