/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger for people: who waited, for whom. A sentence for each waiter, who waited longest first, and
 * a matrix of waiters and occupants. Equal rows print equal text.
 */
#ifndef TALLYMAN_EXPORT_BLAME_H
#define TALLYMAN_EXPORT_BLAME_H

#include <stdio.h>

#include "user/ledger.h"

/* 0, -ENOMEM, or -EIO if writing failed. */
int export_blame_write(FILE *out, const struct wait_row *rows, size_t n);

#endif
