/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which function of a TLS library was called: what user space gives each hook as its cookie. */
#ifndef TALLYMAN_TLS_KIND_H
#define TALLYMAN_TLS_KIND_H

enum tls_kind {
	TLS_READ = 1,
	TLS_WRITE = 2,
	TLS_HANDSHAKE = 4,
	TLS_EX = 8, /* the number of bytes is where the fourth argument says, not the result */
};

#endif
