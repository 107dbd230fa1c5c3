/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Made by scripts/vmlinux.sh from vmlinux/types.txt: do not edit. The kernel types that the BPF
 * programs name, with only the fields that they use. Offsets here mean nothing, CO-RE relocates
 * every access.
 */
#ifndef __VMLINUX_REGS_ARM64_H__
#define __VMLINUX_REGS_ARM64_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

struct user_pt_regs {
	unsigned long long regs[31];
	unsigned long long sp;
	unsigned long long pc;
	unsigned long long pstate;
};

struct pt_regs {
	union {
		struct user_pt_regs user_regs;
		struct {
			unsigned long long regs[31];
			unsigned long long sp;
			unsigned long long pc;
			unsigned long long pstate;
		};
	};
	unsigned long long orig_x0;
	int syscallno;
};

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif
