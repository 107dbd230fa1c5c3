/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes records fit to be kept: takes every literal, bind value, Redis value, password and raw key
 * out of request records, in place and length-preserving, so that decoding what is left gives the
 * same events. All records of a recording go through, in order.
 */
#ifndef TALLYMAN_SCRUB_H
#define TALLYMAN_SCRUB_H

#include <stddef.h>

struct scrub;

/*
 * comment_keys: as in struct decode_config; the values of these stay. NULL: out of memory.
 */
struct scrub *scrub_new(const char *const *comment_keys);
void scrub_free(struct scrub *s);

/* rec is 8-byte aligned; a record that decode_record() would refuse is zeroed behind its header. */
void scrub_record(struct scrub *s, void *rec, size_t len);

#endif
