/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose protocol the kernel recognised and left alone, such as HTTP/2: who has them. */
#ifndef TALLYMAN_UNDECODED_H
#define TALLYMAN_UNDECODED_H

#include "probes/probe.h"

/* False: it is one that is decoded. */
bool undecoded_conn(const void *rec, const struct probe_sink *sink);

#endif
