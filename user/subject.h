/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of subjects (see event.h): same facts, same pointer, for as long as the table lives.
 * Bounded: when it is full, a new subject loses its strings, then its client, and is counted.
 */
#ifndef TALLYMAN_SUBJECT_H
#define TALLYMAN_SUBJECT_H

#include <stdint.h>

#include "user/event.h"

#define SUBJECT_LABEL 64 /* bytes of each string, its NUL included */

struct subjects;

struct subjects *subjects_new(uint32_t max);
void subjects_free(struct subjects *t);

/*
 * facts->id is ignored; its strings may be NULL, are copied, cut to SUBJECT_LABEL, and cleaned of
 * control characters and broken UTF-8. Never NULL.
 */
const struct subject *subject_intern(struct subjects *t, const struct subject *facts);

uint32_t subjects_count(const struct subjects *t);
uint64_t subjects_reduced(const struct subjects *t); /* look-ups that got a lesser subject */

#endif
