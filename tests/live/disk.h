/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop device of the test's own, what the kernel's statistics say of it, and what the tracer does. What
 * cannot be done fails the running test.
 */
#ifndef TALLYMAN_LIVE_DISK_H
#define TALLYMAN_LIVE_DISK_H

#include <jansson.h>
#include <stdbool.h>

#include "tests/live/agent.h"

/* Of /sys/block/NAME/stat. */
enum { STAT_READS, STAT_READ_SECTORS = 2, STAT_WRITES = 4, STAT_WRITE_SECTORS = 6 };
enum { STAT_WRITE_MS = 7, STAT_FLUSHES = 15, STAT_FIELDS = 17 };

#define SECTOR 512

struct disk {
	char path[64];
	const char *name; /* in path */
	char number[32];  /* "7:0" */
	int fd;		  /* the last one to close it takes it away */
};

/* Prints why and returns false if the machine has no loop devices. Gone when this process is. */
bool disk_open(struct disk *d, int megabytes);

/* With an empty file system on it, at that folder, for this process and its children alone. */
void disk_mount(const struct disk *d, const char *folder);

/* What is in the device's own cache first. */
void disk_flush(const struct disk *d);
void disk_stat(const struct disk *d, long stat[STAT_FIELDS]);

/*
 * To the last one in most runs. In some, up to 30 of 5,000 completions of a loop device, which are made within
 * the interrupts of the disk below it, never reached the hook; the kernel's own count of misses is zero.
 * One of `missed_of` may be missing.
 */
void same_count(const char *what, long traced, long truth, long missed_of);
void same_count_within(const char *what, long traced, long least, long most, long missed_of);

/* When statistics were read: before and after tracing began, and before and after it ended. */
enum { MARK_BEFORE, MARK_BEGIN, MARK_END, MARK_AFTER, MARKS };

/* Traces, with that configuration, and makes the marks. The facts at its end. */
void disk_trace(const struct disk *d, struct agent *a, const char *config,
		long marks[MARKS][STAT_FIELDS]);
json_t *disk_finish(const struct disk *d, struct agent *a, long marks[MARKS][STAT_FIELDS]);

/* All of the device's requests and bytes, whosever they are. */
void same_as_kernel(const json_t *facts, const struct disk *d, long marks[MARKS][STAT_FIELDS],
		    long missed_of);

#endif
