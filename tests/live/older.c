/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: packages of another suite. Out: a folder of scripts first in PATH, each of which runs one of their
 * programs with their libraries; nobody else gets to see those.
 */
#define _GNU_SOURCE
#include "tests/live/older.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/live/child.h"
#include "tests/live/teardown.h"

static void program_put(const char *root, const char *program)
{
	free(shell(
		NULL,
		"f=%s/bin/%s; printf '#!/bin/sh\\nLD_LIBRARY_PATH=%s/usr/lib/x86_64-linux-gnu exec "
		"%s/%s \"$@\"\\n' >$f && chmod 755 $f",
		root, strrchr(program, '/') + 1, root, root, program));
}

char *older_programs(const struct older *o, char root[128])
{
	char *text, *path;

	if (shell_try(&text, "scripts/unpack.sh %s %s", o->suite, o->packages)) {
		text[strcspn(text, "\n")] = 0;
		return text;
	}
	free(text);
	snprintf(root, 128, "%s/%s", workdir(), o->suite);
	/* Servers run as a user of their own, who may not be allowed to read the build's folder. */
	free(shell(NULL, "mkdir -p %s/bin && cp -a build/debian-%s/usr %s/", root, o->suite, root));
	for (int i = 0; o->programs[i]; i++)
		program_put(root, o->programs[i]);
	if (asprintf(&path, "%s/bin:%s", root, getenv("PATH")) < 0)
		abort();
	setenv("PATH", path, 1);
	free(path);
	return NULL;
}
