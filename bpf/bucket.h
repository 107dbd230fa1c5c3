/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The bucket of a time in the histograms that hooks keep: exponential, schema 1, see rec_sched in wire.h.
 * Arithmetic only: no helper, no branch that depends on the data but the two that it needs.
 */
#ifndef TALLYMAN_BUCKET_H
#define TALLYMAN_BUCKET_H

static __always_inline __u32 bucket_log2(__u64 v)
{
	__u32 r = 0, shift;

	shift = (v > 0xffffffff) << 5;
	v >>= shift;
	r |= shift;
	shift = (v > 0xffff) << 4;
	v >>= shift;
	r |= shift;
	shift = (v > 0xff) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xf) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	return r | (v >> 1);
}

/*
 * In units of 2^-30 s the bounds are powers of sqrt(2): the upper bound belongs to the bucket, hence
 * the -1.
 */
static __always_inline __u32 bucket_index(__u64 ns)
{
	__u64 v = ((ns < (1ULL << 32) ? ns : (1ULL << 32) - 1) * 4611686018ULL >> 32) - 1;
	__u32 log, index;

	if (ns < 954)
		return 0;
	log = bucket_log2(v);
	index = 2 * (log - 10) + 1;
	/* sqrt(2) = 0xb504f333 / 2^31 */
	if ((v << (63 - log)) >> 32 >= 0xb504f333)
		index++;
	return index < SCHED_BUCKETS ? index : SCHED_BUCKETS - 1;
}

#endif
