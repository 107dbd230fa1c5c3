/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes all out of a request's header that is not its method, route, host, length and trace, in place and
 * length-preserving, so that the decoder makes of it what it made of the original. A header may be a
 * part of one, from its first byte on.
 */
#ifndef TALLYMAN_HTTP_SCRUB_H
#define TALLYMAN_HTTP_SCRUB_H

#include "probes/http/http.h"

void http_scrub(char *p, size_t n);

#endif
