/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a view as exporters want them: sorted, those with equal labels added up. */
#ifndef TALLYMAN_ROWS_H
#define TALLYMAN_ROWS_H

#include <stddef.h>

struct rows_kind {
	size_t size;				  /* of one row */
	int (*cmp)(const void *a, const void *b); /* as qsort() wants it; 0: they are one */
	void (*add)(void *to, const void *from);  /* what is counted in equal rows */
};

/* Sorts and joins in place; returns how many rows are left. */
size_t rows_join(void *rows, size_t n, const struct rows_kind *kind);

#endif
