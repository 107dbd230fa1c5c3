/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading the kernel's memory at an address that is known as a number only. Included by one object, whose
 * function others call: the linker takes bpf_rdonly_cast() from one object only.
 */
#ifndef TALLYMAN_KERNEL_WORD_H
#define TALLYMAN_KERNEL_WORD_H

#include "bpf/payload.h"

__attribute__((noinline)) __u32 kernel_word(__u64 at)
{
	__u32 word = 0;

	if (cfg_direct) /* as the first member of any structure */
		return ((struct upid *)bpf_rdonly_cast((void *)at,
						       bpf_core_type_id_kernel(struct upid)))
			->nr;
	bpf_probe_read_kernel(&word, sizeof(word), (void *)at);
	return word;
}

#endif
