/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages for people, on stderr: one line each, "tallyman: " first. Control characters in what is
 * printed (names come from other people's processes) become '?', so that a line stays a line.
 */
#ifndef TALLYMAN_LOG_H
#define TALLYMAN_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is above the level is not printed. The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Prints one line, cut at 2 KiB; a new line at the end of fmt is not needed. errno is kept. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
