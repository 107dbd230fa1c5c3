/* SPDX-License-Identifier: Apache-2.0 */
/* A time in, text for people out: three digits and a unit. */
#include <math.h>
#include <stdio.h>

#include "user/export_table.h"

const char *export_table_duration(char buf[TABLE_DURATION_MAX], double ns)
{
	static const struct {
		double ns;
		const char *unit;
	} units[] = { { 1, "ns" }, { 1e3, "\u00b5s" }, { 1e6, "ms" }, { 1e9, "s" } };
	double value;
	size_t i = 0;

	if (isnan(ns) || ns == 0) {
		snprintf(buf, TABLE_DURATION_MAX, "%s", ns == 0 ? "0" : "-");
		return buf;
	}
	/* 999.5 and more rounds to 1000: that is 1.00 of the next unit. */
	while (i < 3 && ns / units[i].ns >= 999.5)
		i++;
	value = ns / units[i].ns;
	snprintf(buf, TABLE_DURATION_MAX, "%.*f %s",
		 value >= 99.95	  ? 0
		 : value >= 9.995 ? 1
				  : 2,
		 value, units[i].unit);
	return buf;
}
