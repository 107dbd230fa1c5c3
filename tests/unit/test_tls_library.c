/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a TLS library's file: where they are in a whole file, and never anywhere in a spoilt one. */
#include "tests/unit/elf_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/tls_library.h"

#define CODE_ADDRESS 0x1000
#define CODE_OFFSET 0x400
#define CODE_BYTES 0x800

/* SSL_read at the code's first byte, SSL_write at its last, and one that is no hook. */
static void fill(struct elf_file *f)
{
	static const char names[] = "\0SSL_read\0SSL_write\0SSL_peek";

	elf_file_fill(f, "");
	memcpy(f->strings, names, sizeof(names));
	f->segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
				       .p_flags = PF_R | PF_X,
				       .p_offset = CODE_OFFSET,
				       .p_vaddr = CODE_ADDRESS,
				       .p_filesz = CODE_BYTES,
				       .p_memsz = CODE_BYTES };
	for (int i = 0; i < 3; i++)
		f->symbols[i] = (Elf64_Sym){ .st_name = (Elf64_Word[]){ 1, 10, 20 }[i],
					     .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
					     .st_shndx = 1,
					     .st_value = CODE_ADDRESS + (i ? CODE_BYTES - 1 : 0) };
}

static int find(struct tls_library *out, const struct elf_file *f, size_t len)
{
	int fd = elf_file_open(f, len), err;

	assert_true(fd >= 0);
	err = tls_library_read(out, fd);
	close(fd);
	return err;
}

static void whole(void **state)
{
	struct tls_library l;
	struct elf_file f;

	(void)state;
	fill(&f);
	assert_int_equal(find(&l, &f, sizeof(f)), 0);
	assert_int_equal(l.offset[TLS_FN_READ], CODE_OFFSET);
	assert_int_equal(l.offset[TLS_FN_WRITE], CODE_OFFSET + CODE_BYTES - 1);
	for (int i = TLS_FN_READ_EX; i < TLS_FN_MAX; i++)
		assert_int_equal(l.offset[i], -1);
}

static void no_library(void **state)
{
	struct tls_library l;
	struct elf_file f;

	(void)state;
	fill(&f);
	f.symbols[1].st_value = CODE_ADDRESS + CODE_BYTES; /* not code */
	assert_int_equal(find(&l, &f, sizeof(f)), -ENOENT);
	fill(&f);
	f.symbols[0].st_shndx = SHN_UNDEF; /* another library's */
	assert_int_equal(find(&l, &f, sizeof(f)), -ENOENT);
	fill(&f);
	f.symbols[0].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
	assert_int_equal(find(&l, &f, sizeof(f)), -ENOENT);
	fill(&f);
	f.segments[0].p_flags = PF_R;
	assert_int_equal(find(&l, &f, sizeof(f)), -ENOENT);
	f.segments[0].p_flags = PF_X;
	f.segments[0].p_offset = UINT64_MAX;
	assert_int_equal(find(&l, &f, sizeof(f)), -ENOENT);
}

static void cut(void **state)
{
	struct tls_library l;
	struct elf_file f;

	(void)state;
	fill(&f);
	for (size_t len = 0; len < sizeof(f); len++)
		assert_int_equal(find(&l, &f, len), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(no_library),
		cmocka_unit_test(cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
