/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agg's view as tables for people: requests, containers, and what each probe saw and lost. The
 * order is the view's, so equal views print equal text.
 */
#ifndef TALLYMAN_EXPORT_TABLE_H
#define TALLYMAN_EXPORT_TABLE_H

#include <stdio.h>

#include "user/agg_view.h"

struct table_options {
	double seconds;		 /* that the view is of, for rates; 0: no rates */
	size_t rows_max;	 /* of each table, then "... and N more"; 0: all */
	unsigned int name_width; /* names longer than this are cut; 0: 24 */
};

/* 0, -ENOMEM, or -EIO if writing failed. */
int export_table_write(FILE *out, const struct agg_view *v, const struct table_options *options);

/* The same of TCP connections, and of listening sockets. */
int export_table_net(FILE *out, const struct agg_view *v, const struct table_options *options);

#define TABLE_DURATION_MAX 16

/*
 * Writes ns for people: three significant digits and ns, us, ms or s ("1.23 ms", with the micro
 * sign); "-" for NaN, "0" for 0. Returns buf.
 */
const char *export_table_duration(char buf[TABLE_DURATION_MAX], double ns);

/* What packets took of CPUs, and how long they waited to be sent: a sentence a container. */
void export_table_stack(FILE *out, const struct agg_view *v);

#endif
