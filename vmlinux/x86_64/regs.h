/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Made by scripts/vmlinux.sh from vmlinux/types.txt: do not edit. The kernel types that the BPF
 * programs name, with only the fields that they use. Offsets here mean nothing, CO-RE relocates
 * every access.
 */
#ifndef __VMLINUX_REGS_X86_64_H__
#define __VMLINUX_REGS_X86_64_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

typedef short unsigned int __u16;
typedef __u16 u16;

struct pt_regs {
	long unsigned int r15;
	long unsigned int r14;
	long unsigned int r13;
	long unsigned int r12;
	long unsigned int bp;
	long unsigned int bx;
	long unsigned int r11;
	long unsigned int r10;
	long unsigned int r9;
	long unsigned int r8;
	long unsigned int ax;
	long unsigned int cx;
	long unsigned int dx;
	long unsigned int si;
	long unsigned int di;
	long unsigned int orig_ax;
	long unsigned int ip;
	union {
		u16 cs;
	};
	long unsigned int flags;
	long unsigned int sp;
};

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif
