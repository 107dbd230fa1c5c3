/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histogram: every bucket decision against a slow reference that compares ns^16 with 10^144 * 2^i
 * in big integers, then sums, merges, quantiles and the two interchange shapes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/lib/hist.h"

#define LIMBS 80 /* 2560 bits: 10^144 * 2^(546 + 478 + 478) fits */

struct big {
	uint32_t w[LIMBS];
};

static void big_mul(struct big *b, uint64_t by)
{
	unsigned __int128 carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		carry += (unsigned __int128)b->w[i] * by;
		b->w[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_true(carry == 0);
}

static void big_shift(struct big *b, unsigned int bits)
{
	memmove(b->w + bits / 32, b->w, sizeof(b->w) - bits / 32 * 4);
	memset(b->w, 0, bits / 32 * 4);
	big_mul(b, 1ULL << (bits % 32));
}

static int big_cmp(const struct big *a, const struct big *b)
{
	for (int i = LIMBS - 1; i >= 0; i--)
		if (a->w[i] != b->w[i])
			return a->w[i] < b->w[i] ? -1 : 1;
	return 0;
}

/* Is ns <= 10^9 * 2^(i/16)? Raised to the 16th: ns^16 <= 10^144 * 2^i, exactly. */
static bool ref_at_most(uint64_t ns, int i)
{
	struct big l = { { 1 } }, r = { { 1 } };

	for (int k = 0; k < 16; k++) {
		big_mul(&l, ns);
		big_mul(&r, 1000000000);
	}
	big_shift(i < 0 ? &l : &r, (unsigned int)abs(i));
	/* r * 2^i for positive i, or l * 2^-i for negative i */
	return big_cmp(&l, &r) <= 0;
}

static void check_index(uint64_t ns)
{
	int i = hist_index(ns, 4);

	if (!ref_at_most(ns, i) || ref_at_most(ns, i - 1))
		fail_msg("%llu ns: index %d is wrong", (unsigned long long)ns, i);
	for (int schema = 0; schema < 4; schema++) {
		int per = 1 << (4 - schema);
		int want = (int)ceil((double)i / per);

		assert_int_equal(hist_index(ns, schema), want);
	}
}

static uint64_t rnd_state = 88172645463325252ULL;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static void index_is_exact(void **state)
{
	(void)state;
	for (uint64_t ns = 1; ns < 300; ns++)
		check_index(ns);
	for (int bit = 0; bit < 64; bit++)
		for (int d = -2; d <= 2; d++)
			if ((1ULL << bit) + (uint64_t)d - 1 < UINT64_MAX - 1)
				check_index((1ULL << bit) + (uint64_t)d ?: 1);
	check_index(UINT64_MAX);
	check_index(UINT64_MAX - 1);
	for (int i = 0; i < 2000; i++)
		check_index((rnd() >> (rnd() % 64)) | 1);
}

/* The largest ns of each bucket, found by bisection in the reference, and its successor. */
static void index_is_exact_at_every_bound(void **state)
{
	(void)state;
	for (int i = -470; i < 546; i += (i % 16 == 3 ? 5 : 1)) {
		uint64_t lo = 1, hi = UINT64_MAX;

		if (!ref_at_most(1, i) || ref_at_most(UINT64_MAX, i))
			continue;
		while (hi - lo > 1) {
			uint64_t mid = lo + (hi - lo) / 2;

			if (ref_at_most(mid, i))
				lo = mid;
			else
				hi = mid;
		}
		/* lo may lie in a lower bucket when bounds are closer than 1 ns. */
		assert_true(hist_index(lo, 4) <= i);
		assert_true(hist_index(hi, 4) > i);
		check_index(lo);
		check_index(hi);
	}
}

static void powers_of_two_seconds(void **state)
{
	(void)state;
	assert_int_equal(hist_index(1000000000, 4), 0); /* 1 s is the upper bound of bucket 0 */
	assert_int_equal(hist_index(1000000001, 4), 1);
	assert_int_equal(hist_index(999999999, 4), 0);
	assert_int_equal(hist_index(2000000000, 4), 16);
	assert_int_equal(hist_index(2000000001, 4), 17);
	assert_int_equal(hist_index(500000000, 4), -16);
	assert_int_equal(hist_index(500000001, 4), -15);
	assert_int_equal(hist_index(1953125, 4), -144); /* 2^-9 s, the last that is a whole ns */
	assert_int_equal(hist_index(1953126, 4), -143);
	assert_int_equal(hist_index(1414213562, 1), 1); /* sqrt(2) s = 1.41421356237... */
	assert_int_equal(hist_index(1414213563, 1), 2);
	assert_int_equal(hist_index(1000000000, 0), 0);
	assert_int_equal(hist_index(1, 4), -478);
	assert_int_equal(hist_index(UINT64_MAX, 4), 546);
	assert_true(hist_bound(0, 4) == 1.0);
	assert_true(hist_bound(-16, 4) == 0.5);
	assert_true(hist_bound(3, 0) == 8.0);
}

static void counts_and_sums(void **state)
{
	struct hist h;
	int first, last;

	(void)state;
	assert_int_equal(hist_init(&h, 5), -EINVAL);
	assert_int_equal(hist_init(&h, -1), -EINVAL);
	assert_int_equal(hist_init(&h, 4), 0);
	assert_false(hist_range(&h, &first, &last));
	assert_int_equal(hist_add(&h, 0), 0);
	assert_false(hist_range(&h, &first, &last));
	assert_int_equal(hist_add(&h, 1000000000), 0);
	assert_int_equal(hist_add_n(&h, 1000000001, 3), 0);
	assert_int_equal(hist_add_n(&h, 1, 0), 0);
	assert_int_equal(hist_add(&h, 1), 0);
	assert_int_equal(hist_add(&h, UINT64_MAX), 0);
	assert_int_equal(h.count, 7);
	assert_int_equal(h.zero_count, 1);
	assert_int_equal(hist_bucket(&h, 0), 1);
	assert_int_equal(hist_bucket(&h, 1), 3);
	assert_int_equal(hist_bucket(&h, -478), 1);
	assert_int_equal(hist_bucket(&h, 546), 1);
	assert_int_equal(hist_bucket(&h, 5000), 0);
	assert_int_equal(hist_bucket(&h, -5000), 0);
	assert_true(hist_range(&h, &first, &last));
	assert_int_equal(first, -478);
	assert_int_equal(last, 546);
	assert_true(h.sum_ns == (unsigned __int128)UINT64_MAX + 4000000004ULL);
	assert_true(hist_sum_ns(&h) == UINT64_MAX);
	assert_true(h.n <= 1040);
	hist_clear(&h);
	assert_int_equal(h.count, 0);
	assert_int_equal(h.schema, 4);
	hist_add(&h, 1500000000);
	assert_true(hist_sum_seconds(&h) == 1.5);
	assert_true(hist_sum_ns(&h) == 1500000000);
	hist_clear(&h);
}

static void a_bucket_outgrows_32_bits(void **state)
{
	struct hist h, other;

	(void)state;
	hist_init(&h, 4);
	hist_init(&other, 4);
	hist_add_n(&h, 1000, UINT32_MAX);
	assert_false(h.is_wide);
	hist_add_n(&other, 1000, UINT32_MAX - 1);
	hist_merge(&other, &h);
	assert_int_equal(hist_bucket(&other, hist_index(1000, 4)), 2ULL * UINT32_MAX - 1);
	hist_add(&h, 1000);
	assert_true(h.is_wide);
	assert_int_equal(hist_bucket(&h, hist_index(1000, 4)), 1ULL << 32);
	hist_add_n(&h, 1000000, 1ULL << 40);
	assert_int_equal(hist_bucket(&h, hist_index(1000000, 4)), 1ULL << 40);
	assert_int_equal(h.count, (1ULL << 32) + (1ULL << 40));
	assert_int_equal(hist_downscale(&h, 0), 0);
	assert_int_equal(hist_bucket(&h, hist_index(1000, 0)), 1ULL << 32);
	hist_clear(&h);
	hist_clear(&other);
}

static uint64_t rnd_ns(void)
{
	return rnd() % 50 ? rnd() >> (20 + rnd() % 44) : 0;
}

static void assert_same(const struct hist *a, const struct hist *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->zero_count, b->zero_count);
	assert_int_equal(a->schema, b->schema);
	assert_true(a->sum_ns == b->sum_ns);
	for (int i = -600; i < 600; i++)
		assert_int_equal(hist_bucket(a, i), hist_bucket(b, i));
}

static void merge_and_downscale_equal_direct_adding(void **state)
{
	(void)state;
	for (int schema = 0; schema <= 4; schema++) {
		struct hist fine, coarse, half, want;

		hist_init(&fine, 4);
		hist_init(&coarse, schema);
		hist_init(&half, 4);
		hist_init(&want, schema);
		for (int i = 0; i < 2000; i++) {
			uint64_t ns = rnd_ns();

			hist_add(i % 3 ? &fine : i % 2 ? &half : &coarse, ns);
			hist_add(&want, ns);
		}
		assert_int_equal(hist_merge(&fine, &half), 0);
		assert_int_equal(hist_merge(&coarse, &fine), 0); /* finer into coarser */
		assert_same(&coarse, &want);
		hist_clear(&coarse);
		assert_int_equal(hist_merge(&half, &coarse), 0); /* coarser into finer */
		assert_int_equal(half.schema, schema);
		assert_int_equal(hist_downscale(&fine, schema), 0);
		if (schema < 4)
			assert_int_equal(hist_downscale(&fine, schema + 1), -EINVAL);
		assert_int_equal(fine.schema, schema);
		hist_clear(&fine);
		hist_clear(&half);
		hist_clear(&want);
	}
}

static void quantiles(void **state)
{
	struct hist h;

	(void)state;
	hist_init(&h, 4);
	assert_true(isnan(hist_quantile(&h, 0.5)));
	hist_add_n(&h, 0, 50);
	assert_true(hist_quantile(&h, 1) == 0);
	hist_add_n(&h, 1000000000, 50); /* bucket 0: (2^-1/16, 1] s */
	assert_true(hist_quantile(&h, 0.5) == 0);
	assert_float_equal(hist_quantile(&h, 1), 1e9, 1);
	assert_float_equal(hist_quantile(&h, 0.75), 1e9 * exp2(-1.0 / 32), 1);
	assert_float_equal(hist_quantile(&h, 0.51), 1e9 * exp2(-0.98 / 16), 10);
	hist_clear(&h);
	for (uint64_t ns = 1; ns <= 100000; ns++)
		hist_add(&h, ns * 1000);
	for (int pct = 5; pct < 100; pct += 5)
		assert_true(fabs(hist_quantile(&h, pct / 100.0) / (pct * 1e6) - 1) < 0.005);
	hist_clear(&h);
}

/* Reads a native histogram back as Prometheus does. */
static void of_native(struct hist *h, const struct hist_native *nh)
{
	int index = 0;
	int64_t n = 0;
	size_t d = 0;

	hist_init(h, nh->schema);
	h->zero_count = h->count = nh->zero_count;
	for (size_t s = 0; s < nh->nspans; s++) {
		index += nh->spans[s].offset;
		for (uint32_t k = 0; k < nh->spans[s].length; k++) {
			n += nh->deltas[d++];
			assert_true(n >= 0);
			assert_int_equal(hist_add_bucket(h, index++, (uint64_t)n), 0);
		}
	}
	assert_int_equal(d, nh->ndeltas);
}

static void of_otlp(struct hist *h, const struct hist_otlp *oh)
{
	hist_init(h, oh->scale);
	h->zero_count = h->count = oh->zero_count;
	for (size_t i = 0; i < oh->n; i++)
		assert_int_equal(hist_add_bucket(h, oh->offset + (int)i + 1, oh->bucket_counts[i]),
				 0);
}

static void conversions_lose_nothing(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct hist h, back;
		struct hist_native nh;
		struct hist_otlp oh;

		hist_init(&h, round % 5);
		for (int i = round / 4; i > 0; i--)
			hist_add_n(&h, rnd_ns(), 1 + rnd() % 5);
		assert_int_equal(hist_to_native(&h, &nh), 0);
		of_native(&back, &nh);
		back.sum_ns = h.sum_ns;
		assert_same(&h, &back);
		assert_int_equal(nh.count, h.count);
		assert_true(nh.sum == hist_sum_seconds(&h));
		hist_clear(&back);
		assert_int_equal(hist_to_otlp(&h, &oh), 0);
		of_otlp(&back, &oh);
		back.sum_ns = h.sum_ns;
		assert_same(&h, &back);
		hist_clear(&back);
		hist_clear(&h);
		hist_native_clear(&nh);
		hist_otlp_clear(&oh);
	}
}

static void conversions_by_hand(void **state)
{
	struct hist h;
	struct hist_native nh;
	struct hist_otlp oh;

	(void)state;
	hist_init(&h, 0);
	hist_add_n(&h, 1000000000, 2);	/* index 0 */
	hist_add_n(&h, 4000000000, 5);	/* index 2: gap of one is bridged */
	hist_add_n(&h, 64000000000, 1); /* index 6: gap of three is a span */
	hist_to_native(&h, &nh);
	assert_int_equal(nh.nspans, 2);
	assert_int_equal(nh.spans[0].offset, 0);
	assert_int_equal(nh.spans[0].length, 3);
	assert_int_equal(nh.spans[1].offset, 3);
	assert_int_equal(nh.spans[1].length, 1);
	assert_int_equal(nh.ndeltas, 4);
	assert_int_equal(nh.deltas[0], 2);
	assert_int_equal(nh.deltas[1], -2);
	assert_int_equal(nh.deltas[2], 5);
	assert_int_equal(nh.deltas[3], -4);
	hist_to_otlp(&h, &oh);
	assert_int_equal(oh.offset, -1);
	assert_int_equal(oh.n, 7);
	assert_int_equal(oh.bucket_counts[0], 2);
	assert_int_equal(oh.bucket_counts[6], 1);
	hist_native_clear(&nh);
	hist_otlp_clear(&oh);
	assert_int_equal(hist_add_bucket(&h, 36, 1), -ERANGE);
	assert_int_equal(hist_add_bucket(&h, -31, 1), -ERANGE);
	hist_clear(&h);
}

/* Prints the best of some rounds; sanitisers and a busy machine make a limit meaningless here. */
static void cost(void **state)
{
	enum { N = 1 << 14, ROUNDS = 100 };
	static uint64_t ns[N];
	double best = 1e9, took;
	struct timespec a, b;
	struct hist h;

	(void)state;
	hist_init(&h, 4);
	for (int i = 0; i < N; i++)
		ns[i] = 20000 + (rnd() >> (44 + rnd() % 8));
	for (int r = 0; r < ROUNDS; r++) {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		for (int i = 0; i < N; i++)
			hist_add(&h, ns[i]);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		took = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
		best = took < best ? took : best;
	}
	assert_int_equal(h.count, N * ROUNDS);
	print_message("hist_add: %.2f ns, %u buckets, %zu bytes\n", best / N, h.n,
		      sizeof(h) + h.n * 4);
	hist_clear(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_is_exact),
		cmocka_unit_test(index_is_exact_at_every_bound),
		cmocka_unit_test(powers_of_two_seconds),
		cmocka_unit_test(counts_and_sums),
		cmocka_unit_test(a_bucket_outgrows_32_bits),
		cmocka_unit_test(merge_and_downscale_equal_direct_adding),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(conversions_lose_nothing),
		cmocka_unit_test(conversions_by_hand),
		cmocka_unit_test(cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
