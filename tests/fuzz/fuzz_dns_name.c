/* SPDX-License-Identifier: Apache-2.0 */
/* A DNS name's pattern: bounded, of few characters, and without digits, whatever the bytes are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/dns_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[NET_NAME_MAX];
	size_t len;

	dns_name_pattern(data, size, out);
	len = strnlen(out, sizeof(out));
	if (!len || len == sizeof(out) || strspn(out, "abcdefghijklmnopqrstuvwxyz-_*.") != len)
		abort();
	return 0;
}
