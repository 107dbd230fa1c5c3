/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic symbols of an ELF file. Not by libelf: it takes as much memory as the file says, and the
 * file may be anybody's. Here each table has a limit, is read by pread() (a file that shrinks meanwhile
 * is an error, not a signal), and every offset is checked where it is used.
 */
#include "user/elf_symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define SECTIONS_MAX 1024
#define SEGMENTS_MAX 128
#define SYMBOLS_MAX 262144 /* PostgreSQL has 15,000 */
#define SYMBOLS_CHUNK 1024
#define STRINGS_BYTES_MAX (8U << 20)

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "which e_machine is this?"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_HERE ELFDATA2LSB
#else
#define BYTE_ORDER_HERE ELFDATA2MSB
#endif

static int read_at(int fd, void *buf, size_t len, uint64_t at)
{
	char *p = buf;

	if (at > INT64_MAX - len)
		return -EBADMSG;
	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EBADMSG;
		p += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* A table that was read whole; freed by the caller. */
static int read_table(int fd, void **out, size_t bytes, uint64_t at)
{
	int err;

	*out = malloc(bytes ? bytes : 1);
	if (!*out)
		return -ENOMEM;
	err = read_at(fd, *out, bytes, at);
	if (err) {
		free(*out);
		*out = NULL;
	}
	return err;
}

static bool header_is_ours(const Elf64_Ehdr *h)
{
	return !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == BYTE_ORDER_HERE && h->e_machine == MACHINE &&
	       (h->e_type == ET_EXEC || h->e_type == ET_DYN) &&
	       h->e_shentsize == sizeof(Elf64_Shdr) && h->e_phentsize == sizeof(Elf64_Phdr) &&
	       h->e_shnum && h->e_shnum <= SECTIONS_MAX && h->e_phnum && h->e_phnum <= SEGMENTS_MAX;
}

static void image_add(struct elf_image *out, const Elf64_Phdr *p)
{
	if (p->p_vaddr < out->start)
		out->start = p->p_vaddr;
	if (p->p_vaddr + p->p_memsz > out->end)
		out->end = p->p_vaddr + p->p_memsz;
	if (!(p->p_flags & PF_X) || out->ncode == ELF_CODE_MAX || p->p_filesz > p->p_memsz ||
	    p->p_offset > INT64_MAX / 2)
		return;
	out->code[out->ncode++] = (struct elf_code){ .address = p->p_vaddr,
						     .offset = p->p_offset,
						     .bytes = p->p_filesz };
}

static int image_read(struct elf_image *out, int fd, const Elf64_Ehdr *h)
{
	Elf64_Phdr *all;
	int err = read_table(fd, (void **)&all, h->e_phnum * sizeof(*all), h->e_phoff);

	if (err)
		return err;
	out->start = UINT64_MAX;
	for (int i = 0; i < h->e_phnum; i++)
		if (all[i].p_type == PT_LOAD && all[i].p_memsz <= UINT64_MAX - all[i].p_vaddr)
			image_add(out, &all[i]);
	free(all);
	return out->start < out->end ? 0 : -EBADMSG;
}

/* What is handed on is asked for symbol by symbol. */
struct walk {
	elf_symbol_fn fn;
	void *ctx;
	const char *strings; /* ends in a NUL, so any offset inside it is a string */
	size_t strings_len;
};

/* true: enough. */
static bool chunk_walk(const struct walk *w, const Elf64_Sym *chunk, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (chunk[i].st_shndx != SHN_UNDEF && chunk[i].st_name < w->strings_len &&
		    w->fn(w->ctx, w->strings + chunk[i].st_name, &chunk[i]))
			return true;
	return false;
}

static int symbols_walk(struct walk *w, int fd, const Elf64_Shdr *symbols,
			const Elf64_Shdr *strings)
{
	static const size_t size = sizeof(Elf64_Sym);
	uint64_t count = symbols->sh_size / size;
	Elf64_Sym *chunk;
	bool enough = false;
	char *text;
	int err;

	if (symbols->sh_entsize != size || count > SYMBOLS_MAX || strings->sh_type != SHT_STRTAB ||
	    !strings->sh_size || strings->sh_size > STRINGS_BYTES_MAX ||
	    symbols->sh_offset > INT64_MAX / 2)
		return -EBADMSG;
	err = read_table(fd, (void **)&text, strings->sh_size, strings->sh_offset);
	if (err)
		return err;
	text[strings->sh_size - 1] = '\0';
	w->strings = text;
	w->strings_len = strings->sh_size;
	chunk = malloc(SYMBOLS_CHUNK * size);
	err = chunk ? 0 : -ENOMEM;
	for (uint64_t at = 0; !err && !enough && at < count; at += SYMBOLS_CHUNK) {
		size_t n = count - at < SYMBOLS_CHUNK ? count - at : SYMBOLS_CHUNK;

		err = read_at(fd, chunk, n * size, symbols->sh_offset + at * size);
		enough = !err && chunk_walk(w, chunk, n);
	}
	free(chunk);
	free(text);
	return err;
}

static int sections_walk(struct walk *w, int fd, const Elf64_Ehdr *h)
{
	Elf64_Shdr *all;
	int err = read_table(fd, (void **)&all, h->e_shnum * sizeof(*all), h->e_shoff);

	if (err)
		return err;
	err = -ENOENT;
	for (int i = 0; i < h->e_shnum; i++) {
		if (all[i].sh_type != SHT_DYNSYM)
			continue;
		err = all[i].sh_link < h->e_shnum
			      ? symbols_walk(w, fd, &all[i], &all[all[i].sh_link])
			      : -EBADMSG;
		break; /* a file has one */
	}
	free(all);
	return err;
}

int elf_symbols_each(int fd, struct elf_image *image, elf_symbol_fn fn, void *ctx)
{
	struct walk w = { .fn = fn, .ctx = ctx };
	Elf64_Ehdr h;
	int err = read_at(fd, &h, sizeof(h), 0);

	if (err)
		return err;
	if (!header_is_ours(&h))
		return -EBADMSG;
	*image = (struct elf_image){ .entry = h.e_entry };
	err = image_read(image, fd, &h);
	return err ?: sections_walk(&w, fd, &h);
}

int64_t elf_code_offset(const struct elf_image *image, uint64_t address)
{
	for (unsigned int i = 0; i < image->ncode; i++) {
		const struct elf_code *c = &image->code[i];

		if (address >= c->address && address - c->address < c->bytes)
			return (int64_t)(c->offset + (address - c->address));
	}
	return -1;
}
