/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing text for exporters, and what makes other people's bytes fit to print. An error is kept
 * and makes all that follows do nothing: look at err once, at the end.
 */
#ifndef TALLYMAN_EXPORT_BUF_H
#define TALLYMAN_EXPORT_BUF_H

#include <stddef.h>
#include <stdint.h>

struct export_buf {
	char *s; /* not NUL-terminated; the owner frees it */
	size_t len;
	size_t room;
	int err; /* 0 or -ENOMEM */
};

void export_buf_put(struct export_buf *b, const char *s, size_t len);
void export_buf_puts(struct export_buf *b, const char *s);
void export_buf_u64(struct export_buf *b, uint64_t n);

/* ns as decimal seconds: exact, and no longer than that needs. */
void export_buf_seconds(struct export_buf *b, unsigned __int128 ns);

/* A label's value between its quotes: escaped, and valid UTF-8 whatever came in. */
void export_buf_label(struct export_buf *b, const char *value);

/* The same for HELP texts, where quotes stand as they are. */
void export_buf_help(struct export_buf *b, const char *text);

/* Length of the UTF-8 character at s (NUL-terminated, not empty), or 0: that byte starts none. */
size_t export_utf8_len(const char *s);

#endif
