/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic symbols of an executable or a library, which a stripped file still has. In: an open file, maybe
 * a hostile one. Out: each defined symbol, and where the file's parts are to be loaded. Reads by pread()
 * only, a few MB at most.
 */
#ifndef TALLYMAN_ELF_SYMBOLS_H
#define TALLYMAN_ELF_SYMBOLS_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

#define ELF_CODE_MAX 4 /* parts with code; files have one */

struct elf_code {
	uint64_t address; /* as linked */
	uint64_t offset;  /* in the file */
	uint64_t bytes;
};

struct elf_image {
	uint64_t entry; /* the program's first instruction, as linked */
	uint64_t start;
	uint64_t end;
	struct elf_code code[ELF_CODE_MAX];
	unsigned int ncode;
};

/* true: enough, no more symbols are wanted. */
typedef bool (*elf_symbol_fn)(void *ctx, const char *name, const Elf64_Sym *symbol);

/*
 * 0: the file was read to its end, or as far as wanted. -ENOENT: it has no dynamic symbols; -EBADMSG: not an
 * executable of this machine's kind, or damaged; or what the read failed with. *image is filled in
 * before the first symbol.
 */
int elf_symbols_each(int fd, struct elf_image *image, elf_symbol_fn fn, void *ctx);

/* Where in the file an address of its code is; -1: nowhere. */
int64_t elf_code_offset(const struct elf_image *image, uint64_t address);

#endif
