#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measures what tracing costs on this machine and writes docs/benchmarks.md (or the file given). The loads
# and the arithmetic are tests/live/test_cost.c's; this adds what an empty program costs and the page
# around. Needs root and a quiet machine.
set -euo pipefail

cd "$(dirname "$0")/.."
page=${1:-docs/benchmarks.md}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

empty_ns() {
	local arch

	arch=$(uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
	clang -target bpf -D__TARGET_ARCH_"$arch" -g -O2 -mcpu=v3 -Wall -Werror -Ivmlinux -I. \
		-c tests/bench/empty.bpf.c -o "$work/empty.bpf.o"
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror tests/bench/empty.c -lbpf -o "$work/empty"
	"$work/empty" "$work/empty.bpf.o"
}

write_page() {
	cat <<END
# Benchmarks

Written by \`make bench\` on $(date -u +%Y-%m-%d): Linux $(uname -r), $(nproc) CPUs
($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(build/tallyman --version).
Servers and clients are on the same machine, so a request costs both its ends.

- **kernel**: the time of all socket programs (for a context switch: all scheduler programs) by the
  kernel's own program statistics, less that of empty programs: $empty ns per run, here.
- **agent's CPU**: user and system time of \`tallyman run\`, without program statistics. It has handled
  each request twice, as the server's and as the client's.

| what | measured | promised |
| --- | --- | --- |
$(cat "$work/figures")

## The loads

| name | command |
| --- | --- |
| Redis GET | \`redis-benchmark -t get -c 20\` |
| Redis SET | \`redis-benchmark -t set -c 20 -P 16\` |
| pgbench | \`pgbench -n -S -M simple\\|extended\\|prepared -c 4 -j 2\` |
| ping-pong | \`taskset -c 1 tests/live/pingpong.py 100000\` |
| empty programs | \`tests/bench/empty.c\`, \`tests/bench/empty.bpf.c\` |

All of them over TCP on the loopback interface.
END
}

[ "$(id -u)" = 0 ] || { echo "bench.sh: needs root" >&2; exit 1; }
make -s all build/tests/live/test_cost
empty=$(empty_ns)
: >"$work/figures"
status=0
TALLYMAN_EMPTY_NS=$empty TALLYMAN_FIGURES=$work/figures build/tests/live/test_cost || status=$?
write_page >"$page"
echo "bench.sh: wrote $page"
exit "$status"
