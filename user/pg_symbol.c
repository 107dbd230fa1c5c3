/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One symbol of a PostgreSQL binary, by the rules of elf_symbols. An address outside of the file's own
 * image is refused.
 */
#include "user/pg_symbol.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "user/elf_symbols.h"

/*
 * 13: src/include/pgstat.h, pgstat_report_wait_start() writes MyProc->wait_event_info; the field's place
 * in PGPROC was read off running servers 13.6 and 13.23 of two builds (64 bit: PGPROC has no part that
 * the build changes before it). 14 and later: src/include/utils/wait_event.h, *my_wait_event_info.
 */
static const struct pg_symbol_name names[] = {
	{ 13, 13, "MyProc", 684 },
	{ 14, UINT32_MAX, "my_wait_event_info", 0 },
};

const struct pg_symbol_name *pg_symbol_of_major(uint32_t major)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (major >= names[i].major_min && major <= names[i].major_max)
			return &names[i];
	return NULL;
}

/* What is looked for, and what was found. */
struct wanted {
	const char *name;
	uint64_t address;
	bool found;
};

static bool is_wanted(void *ctx, const char *name, const Elf64_Sym *s)
{
	struct wanted *w = ctx;

	if (ELF64_ST_TYPE(s->st_info) != STT_OBJECT || s->st_size != sizeof(uint64_t) ||
	    strcmp(name, w->name))
		return false;
	w->address = s->st_value;
	w->found = true;
	return true;
}

int pg_symbol_find(struct pg_symbol *out, int fd, const char *name)
{
	struct wanted w = { .name = name };
	struct elf_image image;
	int err = elf_symbols_each(fd, &image, is_wanted, &w);

	if (err)
		return err;
	if (!w.found)
		return -ENOENT;
	if (w.address < image.start || w.address > image.end - sizeof(uint64_t) ||
	    w.address % sizeof(uint64_t))
		return -EBADMSG;
	*out = (struct pg_symbol){ .address = w.address,
				   .entry = image.entry,
				   .image_start = image.start,
				   .image_end = image.end };
	return 0;
}
