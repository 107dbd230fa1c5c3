/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a level and a printf format. Out: one write of one line to stderr. No state but the level, no
 * allocation, so it can be called from any thread and when memory is short.
 */
#include "user/lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char prefix[] = "tallyman: ";
static enum log_level max_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	max_level = level;
}

enum log_level log_get_level(void)
{
	return max_level;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	const size_t start = sizeof(prefix) - 1;
	int saved = errno;
	char line[LINE_BYTES];
	va_list ap;
	size_t len;

	if (level > max_level)
		return;
	memcpy(line, prefix, sizeof(prefix));
	va_start(ap, fmt);
	vsnprintf(line + start, sizeof(line) - start, fmt, ap);
	va_end(ap);
	len = strlen(line);
	while (len > start && line[len - 1] == '\n')
		len--;
	for (size_t i = start; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len] = '\n';
	/* One write, so that lines of several threads do not mix. Nobody to tell if it fails. */
	if (write(STDERR_FILENO, line, len + 1) < 0)
		errno = 0;
	errno = saved;
}
