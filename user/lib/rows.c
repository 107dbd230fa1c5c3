/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are equal are neighbours once they are sorted. */
#include "user/lib/rows.h"

#include <stdlib.h>
#include <string.h>

size_t rows_join(void *rows, size_t n, const struct rows_kind *kind)
{
	char *first = rows;
	size_t kept = 0;

	if (n)
		qsort(rows, n, kind->size, kind->cmp);
	for (size_t i = 0; i < n; i++) {
		char *row = first + i * kind->size, *end = first + kept * kind->size;

		if (kept && !kind->cmp(end - kind->size, row)) {
			kind->add(end - kind->size, row);
			continue;
		}
		if (row != end)
			memcpy(end, row, kind->size);
		kept++;
	}
	return kept;
}
