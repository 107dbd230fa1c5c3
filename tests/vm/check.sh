#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Boots the kernels of kernels.txt, or those that are named, one after the other, each as run.sh does, and prints
# TAP: one test a kernel. What the verifier had to look at is compared with verifier.txt (budget.py). Their
# consoles stay in build/vm/. UPDATE=1 writes verifier.txt and docs/kernels.md anew. Without names and with CHECK_VM=some: only the kernels with a star.
# Usage: tests/vm/check.sh [NAME...]
set -uo pipefail
shopt -s extglob nullglob

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
logs=$top/build/vm
tests=0
mkdir -p "$logs"

skip() {
	echo "skip: $2"
	echo "ok $tests # SKIP $1"
}

# The newest kernel that the suite's folder has.
kernel_in() {
	local images=("$1"/boot/vmlinuz-* "$1"/usr/lib/modules/*/vmlinuz)

	printf '%s\n' "${images[@]}" | sort -V | tail -n 1
}

# Prints the folder of arm64 programs; the tracer is built.
arm64() {
	command -v qemu-system-aarch64 >/dev/null || { echo "no qemu-system-aarch64" >&2 && return 1; }
	"$top/scripts/arm64.sh" sysroot && "$top/scripts/arm64.sh" >&2
}

# With boot()'s variables.
guest() {
	SYSROOT=$sysroot GUEST_LOG=$logs/$name.console "$here/run.sh" "$@" >"$logs/$name.log" 2>&1
}

boot() {
	local name=$1 suite=$2 package=$3 refuse=$4 expected=$5 root why sysroot='' good=1

	tests=$((tests + 1))
	if ! root=$("$top/scripts/unpack.sh" "$suite" "$package" 2>"$logs/why") ||
		{ [[ $suite == *:arm64 ]] && ! sysroot=$(arm64 2>"$logs/why"); }; then
		why=$(tail -n 1 "$logs/why")
		skip "$name" "$why"
		return
	fi
	guest "$(kernel_in "$root")" "${refuse#-}" "$expected" || good=
	# What the guest's kernel patched in its own code an emulated CPU may not see at once: not the tracer's doing.
	if grep -q 'Oops: int3' "$logs/$name.console"; then
		echo "$name: the emulator did not see that the kernel patched itself: booted once more"
		good=1
		guest "$(kernel_in "$root")" "${refuse#-}" "$expected" || good=
	fi
	"$here/budget.py" "$name" "$logs/$name.console" >>"$logs/$name.log" 2>&1 || good=
	if [ $good ]; then
		echo "ok $tests - $name"
	else
		echo "not ok $tests - $name"
		grep -E 'DIFFERS|FAILED|panic - |cpu.max|accepted:|instructions:|^@refused|status|^tallyman: ' "$logs/$name.log" | sed 's/^/# /'
	fi
}

# Is this row of kernels.txt asked for?
asked() {
	[ $# = 1 ] && { [ "${CHECK_VM:-all}" = all ] || [[ $1 == *\* ]]; return; }
	[[ " ${*:2} " == *" ${1%\*} "* ]]
}

for program in qemu-system-x86_64 busybox redis-server; do
	if ! command -v "$program" >/dev/null; then
		echo "1..1"
		tests=1
		skip "kernels" "no $program"
		exit 0
	fi
done
names=()
mapfile -t rows < <(grep -v '^#' "$here/kernels.txt")
planned=0
for row in "${rows[@]}"; do
	! asked "${row%% *}" "$@" || planned=$((planned + 1))
done
echo "1..$planned"
for row in "${rows[@]}"; do
	read -r name suite package refuse expected <<<"$row"
	names+=("${name%\*}")
	if asked "$name" "$@"; then
		boot "${name%\*}" "$suite" "$package" "$refuse" "$expected"
	fi
done
[ -z "${UPDATE-}" ] || "$here/table.py" "$logs" "${names[@]}" >"$top/docs/kernels.md"
