/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a PostgreSQL binary: what is found lies in the image that the file says it has. And as a TLS
 * library: what is found lies in the file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/pg_symbol.h"
#include "user/tls_library.h"

#define CHECK(what)              \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct tls_library library;
	struct pg_symbol s;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	CHECK(fd >= 0 && !ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
	if (!tls_library_read(&library, fd))
		for (int i = 0; i < TLS_FN_MAX; i++)
			CHECK(library.offset[i] >=
			      (i == TLS_FN_READ || i == TLS_FN_WRITE ? 0 : -1));
	if (pg_symbol_find(&s, fd, "my_wait_event_info"))
		return 0;
	CHECK(s.image_start < s.image_end);
	CHECK(s.address >= s.image_start && s.address <= s.image_end - sizeof(uint64_t));
	return 0;
}
