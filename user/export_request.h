/* SPDX-License-Identifier: Apache-2.0 */
/* One request as a line: for people, or as JSON. */
#ifndef TALLYMAN_EXPORT_REQUEST_H
#define TALLYMAN_EXPORT_REQUEST_H

#include <stdio.h>

#include "user/pipeline.h"

/* `when`: what is printed in front, such as the time of day. */
void export_request_text(FILE *out, const struct pipeline_request *r, const char *when);
/* 0, -ENOMEM or -EIO. */
int export_request_json(FILE *out, const struct pipeline_request *r);

#endif
