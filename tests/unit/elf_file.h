/* SPDX-License-Identifier: Apache-2.0 */
/* A small executable with one dynamic symbol, for tests: its parts can be spoilt one by one. */
#ifndef TALLYMAN_UNIT_ELF_FILE_H
#define TALLYMAN_UNIT_ELF_FILE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct elf_file {
	Elf64_Ehdr head;
	Elf64_Phdr segments[2];
	Elf64_Shdr sections[3];
	Elf64_Sym symbols[3];
	char strings[64];
};

#define ELF_FILE_ADDRESS 0x2010
#define ELF_FILE_ENTRY 0x1000

static inline void elf_file_fill(struct elf_file *f, const char *name)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->head.e_ident, ELFMAG, SELFMAG);
	f->head.e_ident[EI_CLASS] = ELFCLASS64;
	f->head.e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB
									     : ELFDATA2MSB;
	f->head.e_type = ET_DYN;
#if defined(__aarch64__)
	f->head.e_machine = EM_AARCH64;
#else
	f->head.e_machine = EM_X86_64;
#endif
	f->head.e_entry = ELF_FILE_ENTRY;
	f->head.e_phoff = offsetof(struct elf_file, segments);
	f->head.e_phentsize = sizeof(Elf64_Phdr);
	f->head.e_phnum = 2;
	f->head.e_shoff = offsetof(struct elf_file, sections);
	f->head.e_shentsize = sizeof(Elf64_Shdr);
	f->head.e_shnum = 3;
	f->segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_memsz = 0x1800 };
	f->segments[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_vaddr = 0x2000, .p_memsz = 0x1000 };
	f->sections[1] = (Elf64_Shdr){ .sh_type = SHT_DYNSYM,
				       .sh_offset = offsetof(struct elf_file, symbols),
				       .sh_size = sizeof(f->symbols),
				       .sh_entsize = sizeof(Elf64_Sym),
				       .sh_link = 2 };
	f->sections[2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				       .sh_offset = offsetof(struct elf_file, strings),
				       .sh_size = sizeof(f->strings) };
	/* A function of the same name is not it. */
	f->symbols[1] = (Elf64_Sym){ .st_name = 1,
				     .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
				     .st_shndx = 1,
				     .st_value = 0x1100,
				     .st_size = 8 };
	f->symbols[2] = (Elf64_Sym){ .st_name = 1,
				     .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
				     .st_shndx = 1,
				     .st_value = ELF_FILE_ADDRESS,
				     .st_size = 8 };
	strncpy(f->strings + 1, name, sizeof(f->strings) - 2);
}

/* A descriptor of a file in memory with these bytes. */
static inline int elf_file_open(const void *bytes, size_t len)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, bytes, len) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	return fd;
}

#endif
