/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's own names, which its forks and successors kept. */
#include "user/tls_library.h"

#include <errno.h>
#include <string.h>

#include "user/elf_symbols.h"

static const char *const names[TLS_FN_MAX] = {
	[TLS_FN_READ] = "SSL_read",
	[TLS_FN_WRITE] = "SSL_write",
	[TLS_FN_READ_EX] = "SSL_read_ex",
	[TLS_FN_WRITE_EX] = "SSL_write_ex",
	[TLS_FN_HANDSHAKE] = "SSL_do_handshake",
	[TLS_FN_FREE] = "SSL_free",
};

struct search {
	struct elf_image image;
	struct tls_library found;
};

/* One at an address that is not in the file's code is as good as none. */
static bool on_symbol(void *ctx, const char *name, const Elf64_Sym *symbol)
{
	struct search *s = ctx;

	if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || strncmp(name, "SSL_", 4))
		return false;
	for (int i = 0; i < TLS_FN_MAX; i++)
		if (!strcmp(name, names[i]))
			s->found.offset[i] = elf_code_offset(&s->image, symbol->st_value);
	return false;
}

int tls_library_read(struct tls_library *out, int fd)
{
	struct search s;
	int err;

	for (int i = 0; i < TLS_FN_MAX; i++)
		s.found.offset[i] = -1;
	err = elf_symbols_each(fd, &s.image, on_symbol, &s);
	if (err)
		return err;
	if (s.found.offset[TLS_FN_READ] < 0 || s.found.offset[TLS_FN_WRITE] < 0)
		return -ENOENT;
	*out = s.found;
	return 0;
}
