#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the tracer for arm64 in build/arm64/, with the machine's own clang and lld and the libraries of a Debian 12
# for arm64, which is unpacked below build/ and never installed. Prints TAP: one test, skipped where that Debian
# cannot be had. "sysroot": only unpacks it, and prints its folder.
# Usage: scripts/arm64.sh [sysroot]
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
libraries=(libc6-dev libgcc-12-dev libbpf-dev libelf-dev zlib1g-dev libmicrohttpd-dev libyaml-dev libjansson-dev libpq-dev uthash-dev)
guest=(redis-server redis-tools busybox-static) # see tests/vm/run.sh

if [ "${1-}" = sysroot ]; then
	exec scripts/unpack.sh bookworm:arm64 "${libraries[@]/%/+}" "${guest[@]/%/+}"
fi
echo "1..1"
if ! sysroot=$(scripts/unpack.sh bookworm:arm64 "${libraries[@]/%/+}" 2>&1); then
	echo "skip: ${sysroot##*$'\n'}"
	echo "ok 1 # SKIP arm64"
	exit 0
fi
# Not the jobs of the make that may have called this.
if MAKEFLAGS='' make -j"$(nproc)" BUILD=build/arm64 BPF_ARCH=arm64 LDFLAGS=-fuse-ld=lld \
	CC="clang --target=aarch64-linux-gnu --sysroot=$sysroot" build/arm64/tallyman >build/arm64.log 2>&1 &&
	readelf -h build/arm64/tallyman | grep -q AArch64; then
	echo "ok 1 - build/arm64/tallyman"
else
	tail -n 20 build/arm64.log | sed 's/^/# /'
	echo "not ok 1 - build/arm64/tallyman"
	exit 1
fi
