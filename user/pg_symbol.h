/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a PostgreSQL binary keeps the pointer to a process' own slot in shared memory: the offset of a
 * dynamic symbol in an ELF file, which a stripped binary still has. In: an open file, maybe a hostile
 * one. Out: addresses as the file has them; where it was loaded is pg_cluster's to know.
 */
#ifndef TALLYMAN_PG_SYMBOL_H
#define TALLYMAN_PG_SYMBOL_H

#include <stdint.h>

struct pg_symbol {
	uint64_t address; /* of the pointer, as linked */
	uint64_t entry;	  /* of the program's first instruction, as linked */
	uint64_t image_start;
	uint64_t image_end;
};

/* What to look for in one range of major versions. */
struct pg_symbol_name {
	uint32_t major_min;
	uint32_t major_max;
	const char *name;
	uint32_t offset; /* of wait_event_info in what the symbol points to */
};

/* NULL: a version that cannot be followed. */
const struct pg_symbol_name *pg_symbol_of_major(uint32_t major);

/*
 * Finds a symbol of the size of a pointer in the file's dynamic symbols. -ENOENT: it has none of that
 * name; -EBADMSG: not an executable of this machine's kind, or damaged; or what the read failed with.
 * Reads by pread() only, a few MB at most.
 */
int pg_symbol_find(struct pg_symbol *out, int fd, const char *name);

#endif
