/* SPDX-License-Identifier: Apache-2.0 */
/* In: bpftool's lists, and what living processes have open. Out: what a process that ended left in the kernel. */
#define _GNU_SOURCE
#include "tests/live/kernel_objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/live/child.h"

#define RELEASE_MS 20000

char *bpf_objects(void)
{
	return shell(NULL, "for kind in prog map link; do bpftool -j $kind show | "
			   "grep -oE '\"id\":[0-9]+,' | tr -dc '0-9\\n' | sed \"s/^/$kind /\"; "
			   "done | sort");
}

/* Those that a living process has open. Ours have ended: they are others'. */
static char *bpf_objects_open(void)
{
	return shell(NULL, "cat /proc/[0-9]*/fdinfo/* 2>/dev/null | "
			   "sed -nE 's/^(prog|map|link)_id:[[:space:]]*/\\1 /p' | sort -u");
}

/* The kernel takes a moment to let go. */
char *bpf_objects_left(const char *before)
{
	char *old = file_name("before"), *new = file_name("after"), *text = strdup("");

	for (int ms = 0; ms <= RELEASE_MS; ms += 250) {
		char *now = bpf_objects(), *others = bpf_objects_open(), *known;

		if (asprintf(&known, "%s%s", before, others) < 0)
			abort();
		file_write(old, known);
		file_write(new, now);
		free(now);
		free(others);
		free(known);
		free(text);
		text = shell(NULL, "comm -13 <(sort -u %s) %s", old, new);
		if (!*text)
			break;
		nap_ms(250);
	}
	free(old);
	free(new);
	return text;
}

int lines_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}
