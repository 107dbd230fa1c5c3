/* SPDX-License-Identifier: Apache-2.0 */
/* Strings that others chose, made fit for labels: bounded, valid UTF-8, no control characters. */
#ifndef TALLYMAN_LABEL_H
#define TALLYMAN_LABEL_H

#include <stddef.h>

#include "user/lib/str.h"

/* Writes at most size - 1 bytes and a NUL; what does not belong becomes '?'. The length written. */
size_t label_clean(char *out, size_t size, struct str in);

#endif
