#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Boots another kernel in a virtual machine, with Redis and the tracer in a file system of its own, and
# compares the tracer's counts with those of Redis, and what a loop with a cpu.max waited for with the
# kernel's count. Needs qemu-system-x86, busybox-static, redis-server. GUEST_ONLY=quota: only the latter.
# Usage: tests/vm/run.sh VMLINUZ [KIND[,KIND...]]   KIND: hook kinds that the tracer shall do without
# Also, that what listens already is known. With GUEST_DEBUG=1 the guest prints what libbpf and the kernel's verifier say.
set -euo pipefail

kernel=$1
refuse=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
tallyman=${TALLYMAN:-$here/../../build/tallyman}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Programs and the libraries that they name, at their own paths.
put_program() {
	local library

	install -D "$1" "$work/root/bin/$(basename "$1")"
	for library in $(ldd "$1" | grep -o '/[^ ]*'); do
		[ -e "$work/root$library" ] || install -D "$library" "$work/root$library"
	done
}

mkdir -p "$work"/root/{bin,dev,proc,sys,tmp,etc}
put_program "$tallyman"
for program in redis-server redis-cli redis-benchmark; do
	put_program "$(readlink -f "$(command -v "$program")")"
	name=$(basename "$(readlink -f "$(command -v "$program")")")
	[ "$name" = "$program" ] || ln -sf "$name" "$work/root/bin/$program"
done
install "$(command -v busybox)" "$work/root/bin/busybox"
install -m 755 "$here/guest.sh" "$work/root/init"
(cd "$work/root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initramfs"

# A guest's own start-up may not last: the time limit is qemu's, whom nobody else waits for.
timeout "${GUEST_SECONDS:-180}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 \
	-nographic -no-reboot -nic none -kernel "$kernel" -initrd "$work/initramfs" \
	-append "console=ttyS0 panic=-1 quiet refuse=$refuse debug=${GUEST_DEBUG:-} only=${GUEST_ONLY:-}" </dev/null \
	>"$work/console" 2>&1 || echo "run.sh: qemu ended with status $?" >>"$work/console"
tr -d '\r' <"$work/console" | tee "${GUEST_LOG:-/dev/null}" | "$here/counts.py"
