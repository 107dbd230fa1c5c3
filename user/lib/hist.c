/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exponential histogram of durations. In: nanoseconds. Out: counts per base-2 bucket of seconds,
 * quantiles, and the two interchange shapes. Knows no labels, no metric and no exporter.
 *
 * The bucket bounds repeat every doubling, so 16 thresholds on a value shifted to its top bit
 * decide every bucket. A threshold is the floor of an irrational number (or exact, for powers of
 * two), and values are integers, so comparing with it is exact.
 */
#include "user/lib/hist.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Buckets are added to the window in steps of this many; a power of two. */
#define WINDOW_STEP 8

/* Index range of 64-bit ns at schema 4. */
#define INDEX_MIN (-478)
#define INDEX_MAX 546

/* floor(10^9 * 2^(33 + (k + 2) / 16)), which all lie in [2^63, 2^64); then a sentinel. */
static const uint64_t thresholds[17] = {
	9367390095664785123ULL,
	9782119886672959139ULL,
	10215211334214395865ULL,
	10667477378275455874ULL,
	11139766950770582417ULL,
	11632966569041094487ULL,
	12148001999904198769ULL,
	12685839997375745474ULL,
	13247490117328543392ULL,
	13834006612492462370ULL,
	14446490411353358019ULL,
	15086091184665336863ULL,
	15754009503455335899ULL,
	16451499092570727389ULL,
	17179869184000000000ULL,
	17940486974383847752ULL,
	UINT64_MAX,
};

/*
 * How many thresholds are below each 32nd of the doubling. A 32nd is narrower than a bucket, so one
 * comparison settles the rest.
 */
static const uint8_t below[32] = {
	0,  1,	2,  2,	3,  3,	4,  5,	5,  6,	6,  7,	7,  8,	9,  9,
	10, 10, 10, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 15, 16,
};

/* Prometheus' rule: two neighbours merge into the one whose upper bound is the upper of both. */
static int index_coarser(int index, int steps)
{
	return (index + (1 << steps) - 1) >> steps;
}

int hist_index(uint64_t ns, int schema)
{
	int shift = __builtin_clzll(ns);
	uint64_t top = ns << shift;
	unsigned int k = below[(top >> 58) & 31];

	k += top > thresholds[k];
	return index_coarser((int)k + 2 + 16 * (33 - shift), HIST_SCHEMA_MAX - schema);
}

double hist_bound(int index, int schema)
{
	return exp2(ldexp(index, -schema));
}

int hist_init(struct hist *h, int schema)
{
	if (schema < 0 || schema > HIST_SCHEMA_MAX)
		return -EINVAL;
	*h = (struct hist){ .schema = (int8_t)schema };
	return 0;
}

void hist_clear(struct hist *h)
{
	int8_t schema = h->schema;

	free(h->narrow);
	*h = (struct hist){ .schema = schema };
}

static uint64_t slot_get(const struct hist *h, uint32_t slot)
{
	return h->is_wide ? h->wide[slot] : h->narrow[slot];
}

/*
 * Moves the window to [start, start + n), which covers the old one, with counters of the given
 * width.
 */
static int window_move(struct hist *h, int32_t start, uint32_t n, bool is_wide)
{
	size_t width = is_wide ? sizeof(uint64_t) : sizeof(uint32_t);
	struct hist moved = *h;

	moved.narrow = calloc(n, width);
	if (!moved.narrow)
		return -ENOMEM;
	moved.start = start;
	moved.n = n;
	moved.is_wide = is_wide;
	for (uint32_t i = 0; i < h->n; i++) {
		uint32_t to = (uint32_t)(h->start - start) + i;

		if (is_wide)
			moved.wide[to] = slot_get(h, i);
		else
			moved.narrow[to] = h->narrow[i];
	}
	free(h->narrow);
	*h = moved;
	return 0;
}

static int window_cover(struct hist *h, int index)
{
	int32_t first = index & ~(WINDOW_STEP - 1);
	int32_t end = first + WINDOW_STEP;

	if (h->n && h->start < first)
		first = h->start;
	if (h->n && h->start + (int32_t)h->n > end)
		end = h->start + (int32_t)h->n;
	return window_move(h, first, (uint32_t)(end - first), h->is_wide);
}

/*
 * The slow half of slot_add: no such slot yet, 64-bit counters, or a 32-bit one that would
 * overflow.
 */
static int slot_add_slow(struct hist *h, int index, uint64_t n)
{
	uint32_t slot = (uint32_t)(index - h->start);
	int err = 0;

	if (slot >= h->n)
		err = window_cover(h, index);
	slot = (uint32_t)(index - h->start);
	if (!err && !h->is_wide && n > UINT32_MAX - h->narrow[slot])
		err = window_move(h, h->start, h->n, true);
	if (err)
		return err;
	if (h->is_wide)
		h->wide[slot] += n;
	else
		h->narrow[slot] += (uint32_t)n;
	return 0;
}

static inline int slot_add(struct hist *h, int index, uint64_t n)
{
	uint32_t slot = (uint32_t)(index - h->start);

	if (slot >= h->n || h->is_wide || n > UINT32_MAX - h->narrow[slot])
		return slot_add_slow(h, index, n);
	h->narrow[slot] += (uint32_t)n;
	return 0;
}

int hist_add(struct hist *h, uint64_t ns)
{
	return hist_add_n(h, ns, 1);
}

int hist_add_n(struct hist *h, uint64_t ns, uint64_t n)
{
	if (!n)
		return 0;
	if (ns) {
		int err = slot_add(h, hist_index(ns, h->schema), n);

		if (err)
			return err;
	} else {
		h->zero_count += n;
	}
	h->count += n;
	h->sum_ns += (unsigned __int128)ns * n;
	return 0;
}

int hist_add_bucket(struct hist *h, int index, uint64_t n)
{
	int steps = HIST_SCHEMA_MAX - h->schema;
	int err;

	if (index < index_coarser(INDEX_MIN, steps) || index > index_coarser(INDEX_MAX, steps))
		return -ERANGE;
	if (!n)
		return 0;
	err = slot_add(h, index, n);
	if (!err)
		h->count += n;
	return err;
}

int hist_downscale(struct hist *h, int schema)
{
	int steps = h->schema - schema;
	struct hist coarse;
	int err = steps < 0 ? -EINVAL : hist_init(&coarse, schema);

	if (err || !steps)
		return err;
	for (uint32_t i = 0; !err && i < h->n; i++) {
		uint64_t n = slot_get(h, i);

		if (n)
			err = slot_add(&coarse, index_coarser(h->start + (int32_t)i, steps), n);
	}
	if (err) {
		hist_clear(&coarse);
		return err;
	}
	coarse.sum_ns = h->sum_ns;
	coarse.count = h->count;
	coarse.zero_count = h->zero_count;
	free(h->narrow);
	*h = coarse;
	return 0;
}

int hist_merge(struct hist *dst, const struct hist *src)
{
	int steps = src->schema - dst->schema;
	int first, last;
	int err = 0;

	if (steps < 0) {
		err = hist_downscale(dst, src->schema);
		steps = 0;
	}
	/* Both ends first: whatever may fail for lack of memory fails before a count is added. */
	if (!err && hist_range(src, &first, &last)) {
		err = slot_add_slow(dst, index_coarser(first, steps), 0);
		err = err ?: slot_add_slow(dst, index_coarser(last, steps), 0);
		if (!err && !dst->is_wide && (src->is_wide || src->count > UINT32_MAX - dst->count))
			err = window_move(dst, dst->start, dst->n, true);
	}
	if (err)
		return err;
	for (uint32_t i = 0; i < src->n; i++) {
		uint64_t n = slot_get(src, i);

		if (n)
			slot_add(dst, index_coarser(src->start + (int32_t)i, steps), n);
	}
	dst->sum_ns += src->sum_ns;
	dst->count += src->count;
	dst->zero_count += src->zero_count;
	return 0;
}

uint64_t hist_bucket(const struct hist *h, int index)
{
	uint32_t slot = (uint32_t)(index - h->start);

	return slot < h->n ? slot_get(h, slot) : 0;
}

bool hist_range(const struct hist *h, int *first, int *last)
{
	uint32_t from = 0, to = h->n;

	while (from < to && !slot_get(h, from))
		from++;
	while (to > from && !slot_get(h, to - 1))
		to--;
	*first = h->start + (int32_t)from;
	*last = h->start + (int32_t)to - 1;
	return from < to;
}

double hist_quantile(const struct hist *h, double q)
{
	double rank = q * (double)h->count;
	double seen = (double)h->zero_count;
	int last = 0;

	if (!h->count)
		return NAN;
	if (h->zero_count && rank <= seen)
		return 0;
	for (uint32_t i = 0; i < h->n; i++) {
		uint64_t n = slot_get(h, i);

		if (!n)
			continue;
		last = h->start + (int32_t)i;
		if (seen + (double)n >= rank) {
			double within = fmax(0, (rank - seen) / (double)n);

			return 1e9 * exp2(ldexp(last - 1 + within, -h->schema));
		}
		seen += (double)n;
	}
	return 1e9 * hist_bound(last, h->schema);
}

double hist_sum_seconds(const struct hist *h)
{
	/* Whole seconds and the rest apart: one rounding, so that 1.5 s prints as 1.5. */
	return (double)(h->sum_ns / 1000000000) + (double)(uint64_t)(h->sum_ns % 1000000000) / 1e9;
}

uint64_t hist_sum_ns(const struct hist *h)
{
	return h->sum_ns > UINT64_MAX ? UINT64_MAX : (uint64_t)h->sum_ns;
}

/* A gap of one or two empty buckets is cheaper as zeros than as a new span. */
#define SPAN_GAP 2

static void native_append(struct hist_native *out, int index, int *next, int64_t *prev, int64_t n)
{
	struct hist_span *span = out->nspans ? &out->spans[out->nspans - 1] : NULL;

	if (!span || index - *next > SPAN_GAP) {
		out->spans[out->nspans++] = (struct hist_span){ index - *next, 0 };
		span = &out->spans[out->nspans - 1];
	} else {
		for (; *next < index; ++*next) {
			out->deltas[out->ndeltas++] = -*prev;
			*prev = 0;
			span->length++;
		}
	}
	out->deltas[out->ndeltas++] = n - *prev;
	*prev = n;
	span->length++;
	*next = index + 1;
}

int hist_to_native(const struct hist *h, struct hist_native *out)
{
	int next = 0;
	int64_t prev = 0;

	*out = (struct hist_native){ .schema = h->schema,
				     .zero_count = h->zero_count,
				     .count = h->count,
				     .sum = hist_sum_seconds(h) };
	if (!h->n)
		return 0;
	out->spans = calloc(h->n, sizeof(*out->spans));
	out->deltas = calloc(h->n, sizeof(*out->deltas));
	if (!out->spans || !out->deltas) {
		hist_native_clear(out);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < h->n; i++) {
		uint64_t n = slot_get(h, i);

		if (n)
			native_append(out, h->start + (int32_t)i, &next, &prev, (int64_t)n);
	}
	return 0;
}

void hist_native_clear(struct hist_native *nh)
{
	free(nh->spans);
	free(nh->deltas);
	*nh = (struct hist_native){ 0 };
}

int hist_to_otlp(const struct hist *h, struct hist_otlp *out)
{
	int first, last;

	*out = (struct hist_otlp){ .scale = h->schema,
				   .zero_count = h->zero_count,
				   .count = h->count,
				   .sum = hist_sum_seconds(h) };
	if (!hist_range(h, &first, &last))
		return 0;
	out->offset = first - 1;
	out->n = (size_t)(last - first + 1);
	out->bucket_counts = calloc(out->n, sizeof(*out->bucket_counts));
	if (!out->bucket_counts)
		return -ENOMEM;
	for (size_t i = 0; i < out->n; i++)
		out->bucket_counts[i] = hist_bucket(h, first + (int)i);
	return 0;
}

void hist_otlp_clear(struct hist_otlp *oh)
{
	free(oh->bucket_counts);
	*oh = (struct hist_otlp){ 0 };
}
