/* SPDX-License-Identifier: Apache-2.0 */
/* A key's pattern: bounded, printable, without digits, and the same of the scrubbed key. */
#include <stdint.h>
#include <stdlib.h>

#include "probes/redis/redis_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *pattern, size_t len)
{
	if (len > REDIS_PATTERN_MAX || pattern[len])
		abort();
	for (size_t i = 0; i < len; i++)
		if (pattern[i] < ' ' || pattern[i] > '~' ||
		    (pattern[i] >= '0' && pattern[i] <= '9'))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char before[REDIS_PATTERN_MAX + 1], after[REDIS_PATTERN_MAX + 1];
	char *key = malloc(size + 1);
	size_t part = size ? data[0] % size : 0;
	bool cut = size & 1;

	memcpy(key, data, size);
	check(before, redis_key_pattern(before, (struct str){ key, size }, cut));
	redis_key_scrub(key, part, true);
	redis_key_scrub(key, size, cut);
	check(after, redis_key_pattern(after, (struct str){ key, size }, cut));
	if (strcmp(before, after))
		abort();
	free(key);
	return 0;
}
