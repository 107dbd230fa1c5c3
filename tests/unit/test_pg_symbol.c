/* SPDX-License-Identifier: Apache-2.0 */
/* The symbol of a PostgreSQL binary: found in a whole file, and never in a spoilt one. */
#include "tests/unit/elf_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "user/pg_symbol.h"

#define NAME "my_wait_event_info"

static int find_bytes(struct pg_symbol *out, const void *bytes, size_t len)
{
	int fd = elf_file_open(bytes, len), err;

	assert_true(fd >= 0);
	err = pg_symbol_find(out, fd, NAME);
	close(fd);
	return err;
}

static int find(struct pg_symbol *out, const struct elf_file *f)
{
	return find_bytes(out, f, sizeof(*f));
}

static void whole(void **state)
{
	struct pg_symbol s;
	struct elf_file f;

	(void)state;
	elf_file_fill(&f, NAME);
	assert_int_equal(find(&s, &f), 0);
	assert_int_equal(s.address, ELF_FILE_ADDRESS);
	assert_int_equal(s.entry, ELF_FILE_ENTRY);
	assert_int_equal(s.image_start, 0);
	assert_int_equal(s.image_end, 0x3000);
}

static void not_there(void **state)
{
	struct pg_symbol s;
	struct elf_file f;

	(void)state;
	elf_file_fill(&f, NAME "2");
	assert_int_equal(find(&s, &f), -ENOENT);
	elf_file_fill(&f, NAME);
	f.symbols[2].st_shndx = SHN_UNDEF;
	assert_int_equal(find(&s, &f), -ENOENT);
	elf_file_fill(&f, NAME);
	f.symbols[2].st_size = 4;
	assert_int_equal(find(&s, &f), -ENOENT);
	elf_file_fill(&f, NAME);
	f.sections[1].sh_type = SHT_SYMTAB;
	assert_int_equal(find(&s, &f), -ENOENT);
}

/* Every cut of the file is an error, none is a crash. */
static void cut(void **state)
{
	struct pg_symbol s;
	struct elf_file f;

	(void)state;
	elf_file_fill(&f, NAME);
	for (size_t len = 0; len < sizeof(f); len++)
		assert_int_equal(find_bytes(&s, &f, len), -EBADMSG);
	assert_int_equal(find_bytes(&s, "#!/bin/sh\n", 10), -EBADMSG);
}

/* Each field of its own says what cannot be. */
static void spoilt(void **state)
{
	struct elf_file f;
	const struct {
		void *field;
		size_t size;
		uint64_t value;
	} lies[] = {
		{ &f.head.e_ident[EI_CLASS], 1, ELFCLASS32 },
		{ &f.head.e_machine, 2, EM_S390 },
		{ &f.head.e_type, 2, ET_CORE },
		{ &f.head.e_shnum, 2, 0xffff },
		{ &f.head.e_shnum, 2, 0 },
		{ &f.head.e_shoff, 8, UINT64_MAX },
		{ &f.head.e_phoff, 8, UINT64_MAX - 8 },
		{ &f.head.e_phnum, 2, 0xffff },
		{ &f.segments[1].p_memsz, 8, UINT64_MAX },
		{ &f.sections[1].sh_link, 4, 3 },
		{ &f.sections[1].sh_link, 4, 1 },
		{ &f.sections[1].sh_size, 8, UINT64_MAX },
		{ &f.sections[1].sh_offset, 8, UINT64_MAX },
		{ &f.sections[1].sh_entsize, 8, 1 },
		{ &f.sections[2].sh_size, 8, 1ULL << 40 },
		{ &f.sections[2].sh_size, 8, 0 },
		{ &f.symbols[2].st_value, 8, 0x2ffc },
		{ &f.symbols[2].st_value, 8, 0x2011 },
		{ &f.symbols[2].st_value, 8, UINT64_MAX - 7 },
	};
	struct pg_symbol s;

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		elf_file_fill(&f, NAME);
		memcpy(lies[i].field, &lies[i].value, lies[i].size);
		assert_int_equal(find(&s, &f), -EBADMSG);
	}
	elf_file_fill(&f, NAME);
	f.symbols[2].st_name = UINT32_MAX;
	assert_int_equal(find(&s, &f), -ENOENT);
}

static void majors(void **state)
{
	(void)state;
	assert_null(pg_symbol_of_major(0));
	assert_null(pg_symbol_of_major(12));
	assert_string_equal(pg_symbol_of_major(13)->name, "MyProc");
	assert_string_equal(pg_symbol_of_major(14)->name, NAME);
	assert_string_equal(pg_symbol_of_major(18)->name, NAME);
	assert_int_equal(pg_symbol_of_major(18)->offset, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),  cmocka_unit_test(not_there), cmocka_unit_test(cut),
		cmocka_unit_test(spoilt), cmocka_unit_test(majors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
