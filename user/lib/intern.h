/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned strings: equal bytes, equal id, equal pointer. Ids are dense, from 0, in the order of
 * first use. The table holds a bounded number of strings; what comes after is "other". Nothing is
 * ever taken out: pointers and ids are good until intern_free().
 */
#ifndef TALLYMAN_INTERN_H
#define TALLYMAN_INTERN_H

#include <stdint.h>

#include "user/lib/str.h"

#define INTERN_EMPTY 0U /* id of "" */
#define INTERN_OTHER 1U /* id of "other", and of all that found no room */

struct intern;

/* Holds at most `max` strings, "" and "other" included (so at least 2). NULL: out of memory. */
struct intern *intern_new(uint32_t max);
void intern_free(struct intern *in);

/* The id of s. INTERN_OTHER where the table is full or memory is short: never fails. */
uint32_t intern_id(struct intern *in, struct str s);

/* As intern_id(), but for the id of a string that is already in; INTERN_EMPTY if it is not. */
uint32_t intern_find(const struct intern *in, struct str s);

/* The string of an id, NUL at the end; "" for an id that was never given out. */
const char *intern_cstr(const struct intern *in, uint32_t id);
struct str intern_str(const struct intern *in, uint32_t id);

/* Strings held, and how often one found no room. */
uint32_t intern_count(const struct intern *in);
uint64_t intern_overflows(const struct intern *in);

#endif
