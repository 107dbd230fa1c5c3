#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writes vmlinux/vmlinux.h and vmlinux/<arch>/regs.h from a kernel's BTF and vmlinux/types.txt.
# Usage: scripts/vmlinux.sh [BTF]   BTF: /sys/kernel/btf/vmlinux unless given; of an x86_64 kernel, since
# the arm64 registers are declared by hand in types.txt. Not part of the build: its output is kept.
set -euo pipefail

cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin"
btf=${1:-/sys/kernel/btf/vmlinux}

if [ ! -r "$btf" ]; then
	echo "vmlinux.sh: $btf: cannot read; give the path of an x86_64 kernel's BTF" >&2
	exit 1
fi
bpftool -j btf dump file "$btf" | python3 vmlinux/btf2c.py vmlinux/types.txt vmlinux
