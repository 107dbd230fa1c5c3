/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fast 64-bit hash for tables and for names that are only compared. Not for secrets; the seed
 * chains runs of bytes.
 */
#ifndef TALLYMAN_HASH_H
#define TALLYMAN_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m =
		(unsigned __int128)(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd6e8feb86659fd93);

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t hash_u64(uint64_t v)
{
	return hash_mix(v, 0x2545f4914f6cdd1d);
}

static inline uint64_t hash_tail(const char *p, size_t n)
{
	uint64_t v = 0;

	if (n >= 4) {
		uint32_t a, b;

		memcpy(&a, p, 4);
		memcpy(&b, p + n - 4, 4);
		return (uint64_t)a << 32 | b;
	}
	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static inline uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed)
{
	const char *p = bytes;
	uint64_t h = seed ^ n, v;

	for (; n > 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = hash_mix(h, v);
	}
	if (n == 8)
		memcpy(&v, p, 8);
	else
		v = n ? hash_tail(p, n) : 0;
	return hash_mix(h, v + 1);
}

#endif
