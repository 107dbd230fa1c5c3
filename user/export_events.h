/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a table: what became of all that was seen. */
#ifndef TALLYMAN_EXPORT_EVENTS_H
#define TALLYMAN_EXPORT_EVENTS_H

#include <stdio.h>

#include "user/agg_view.h"

void export_events_write(FILE *out, const struct agg_view *v);

#endif
