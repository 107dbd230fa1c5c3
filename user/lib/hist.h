/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exponential histogram of durations: nanoseconds go in, and are kept in base-2 buckets of
 * SECONDS.
 *
 * At schema s there are 2^s buckets per doubling. Bucket i holds (2^((i-1)/2^s), 2^(i/2^s)]
 * seconds, upper bound included: a Prometheus native histogram's index. OTLP numbers the same
 * bucket i - 1. Which bucket a value belongs to is decided exactly, for every 64-bit count of ns.
 * 0 ns has a bucket of its own. Count and sum are exact. Only the window of buckets in use takes
 * memory.
 */
#ifndef TALLYMAN_HIST_H
#define TALLYMAN_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIST_SCHEMA_MAX 4

/* Zero bytes are an empty histogram of schema 0; hist_init() sets another. */
struct hist {
	unsigned __int128 sum_ns;
	uint64_t count; /* all observations, zero_count included */
	uint64_t zero_count;
	union {
		uint32_t *narrow;
		uint64_t *wide; /* after a bucket outgrew 32 bits */
	};
	int32_t start; /* index of the first bucket of the window */
	uint32_t n;    /* buckets in the window */
	int8_t schema; /* 0 to HIST_SCHEMA_MAX */
	bool is_wide;
};

/* -EINVAL: schema out of range. */
int hist_init(struct hist *h, int schema);

/* Frees what the histogram holds and leaves it empty, at its schema. */
void hist_clear(struct hist *h);

/* One observation, or n of the same value. -ENOMEM: the histogram is unchanged. */
int hist_add(struct hist *h, uint64_t ns);
int hist_add_n(struct hist *h, uint64_t ns, uint64_t n);

/*
 * n observations of which only the bucket is known, as from a histogram that the kernel kept.
 * `index` is at the histogram's own schema. The sum is the caller's to add. -ERANGE: no ns has
 * that index.
 */
int hist_add_bucket(struct hist *h, int index, uint64_t n);

/*
 * Adds src to dst. dst ends at the coarser of the two schemas. -ENOMEM: dst may be coarser, not
 * fuller.
 */
int hist_merge(struct hist *dst, const struct hist *src);

/*
 * Same observations with fewer buckets: exact, each pair becomes one. -EINVAL: that would be
 * finer.
 */
int hist_downscale(struct hist *h, int schema);

/* The index of ns > 0 at a schema of 0 to HIST_SCHEMA_MAX. */
int hist_index(uint64_t ns, int schema);

/* The upper bound of a bucket in seconds. */
double hist_bound(int index, int schema);

/* Observations in one bucket; 0 outside of the window. */
uint64_t hist_bucket(const struct hist *h, int index);

/* First and last index with observations. false: there is none but perhaps the zero bucket. */
bool hist_range(const struct hist *h, int *first, int *last);

/*
 * The q-quantile (0 to 1) in ns: NaN when empty, 0 within the zero bucket, else interpolated on the
 * log scale between the bounds of its bucket.
 */
double hist_quantile(const struct hist *h, double q);

double hist_sum_seconds(const struct hist *h);

/* The sum as a 64-bit number of ns; UINT64_MAX if it does not fit (585 years). */
uint64_t hist_sum_ns(const struct hist *h);

/*
 * Prometheus native histogram: runs of buckets. The first span's offset is the index of its first
 * bucket, a later one's the number of empty buckets skipped. deltas[0] is the first bucket's count,
 * each other the difference to the bucket before. Runs with gaps of up to two buckets are joined.
 */
struct hist_span {
	int32_t offset;
	uint32_t length;
};

struct hist_native {
	int schema;
	double zero_threshold; /* always 0 */
	uint64_t zero_count;
	uint64_t count;
	double sum; /* seconds */
	struct hist_span *spans;
	size_t nspans;
	int64_t *deltas;
	size_t ndeltas;
};

int hist_to_native(const struct hist *h, struct hist_native *out);
void hist_native_clear(struct hist_native *nh);

/*
 * OTLP ExponentialHistogramDataPoint: bucket_counts[i] is of (base^(offset+i), base^(offset+i+1)].
 */
struct hist_otlp {
	int scale;
	uint64_t zero_count;
	uint64_t count;
	double sum; /* seconds */
	int32_t offset;
	uint64_t *bucket_counts;
	size_t n;
};

int hist_to_otlp(const struct hist *h, struct hist_otlp *out);
void hist_otlp_clear(struct hist_otlp *oh);

#endif
