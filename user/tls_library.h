/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS library's file: where in it the functions are that plaintext goes through. In: an open file, maybe a
 * hostile one. Out: offsets in that file, for the kernel to hook. Nothing of the file is mapped or run, and
 * nothing is known of how the library lays out its objects: any version that has the functions will do.
 */
#ifndef TALLYMAN_TLS_LIBRARY_H
#define TALLYMAN_TLS_LIBRARY_H

#include <stdint.h>

enum tls_function {
	TLS_FN_READ,
	TLS_FN_WRITE,
	TLS_FN_READ_EX,
	TLS_FN_WRITE_EX,
	TLS_FN_HANDSHAKE,
	TLS_FN_FREE,
	TLS_FN_MAX
};

struct tls_library {
	int64_t offset[TLS_FN_MAX]; /* -1: it has no such function */
};

/*
 * 0, or -ENOENT: it lacks SSL_read or SSL_write; -EBADMSG: not a library of this machine's kind, or damaged;
 * or what the read failed with.
 */
int tls_library_read(struct tls_library *out, int fd);

#endif
