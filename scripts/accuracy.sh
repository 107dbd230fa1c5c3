#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measures how true the tracer's figures are on this machine and writes docs/accuracy.md (or the file given).
# Loads, truths and bounds are those of the live tests, in their long runs; this is the page around.
# Needs root.
set -euo pipefail

cd "$(dirname "$0")/.."
page=${1:-docs/accuracy.md}
tests=(counts latency ledger_cpu ledger_redis block lock pg_sleep parts billing context)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

write_page() {
	cat <<END
# Accuracy

Measured by the tests of \`make accuracy\` on $(date -u +%Y-%m-%d): Linux $(uname -r), $(nproc) CPUs
($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(build/tallyman --version).
Each line is a live test against a truth that is not ours: the servers' own counters, the client's clock,
\`/proc/PID/schedstat\`, \`fio\`, \`pg_stat_activity\`, \`pg_blocking_pids\`. What noise of a shared machine can only
spoil is measured up to four times, and the last measurement is the one that is here; what must hold whatever the
noise fails the test at once. The figures of \`cpu.max\` (cgroup version 2) are those of
\`tests/vm/run.sh\`, which boots other kernels.

| test | what | bound | measured |
| --- | --- | --- | --- |
$(cat "$work/figures")
END
}

[ "$(id -u)" = 0 ] || { echo "accuracy.sh: needs root" >&2; exit 1; }
make -s all live-build
: >"$work/figures"
status=0
for test in "${tests[@]}"; do
	: >"$work/rows"
	TALLYMAN_THOROUGH=1 TALLYMAN_FIGURES=$work/rows "build/tests/live/test_$test" || status=1
	sed "s/^|/| \`$test\` |/" "$work/rows" >>"$work/figures"
done
write_page >"$page"
echo "accuracy.sh: wrote $page"
exit "$status"
