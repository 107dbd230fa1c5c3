/* SPDX-License-Identifier: Apache-2.0 */
/* Loop devices for tests. In: a size. Out: the device, and its statistics by the kernel and by the tracer. */
#define _GNU_SOURCE
#include "tests/live/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/teardown.h"

bool disk_open(struct disk *d, int megabytes)
{
	char *text, path[96];

	if (shell_try(&text, "fallocate -l %dM %s/disk && losetup --direct-io=on -f --show %s/disk",
		      megabytes, workdir(), workdir())) {
		print_message("skip: no loop device: %s\n", text);
		free(text);
		return false;
	}
	text[strcspn(text, "\n")] = '\0';
	snprintf(d->path, sizeof(d->path), "%s", text);
	free(text);
	d->name = strrchr(d->path, '/') + 1;
	d->fd = open(d->path, O_RDONLY | O_CLOEXEC);
	assert_true(d->fd >= 0);
	free(shell(NULL, "losetup -d %s", d->path));
	snprintf(path, sizeof(path), "/sys/block/%s/dev", d->name);
	text = file_read(path);
	text[strcspn(text, "\n")] = '\0';
	snprintf(d->number, sizeof(d->number), "%s", text);
	free(text);
	return true;
}

void disk_mount(const struct disk *d, const char *folder)
{
	free(shell(NULL, "mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 %s", d->path));
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(d->path, folder, "ext4", MS_NOATIME, NULL))
		fail_msg("cannot mount %s: %s", d->path, strerror(errno));
}

void disk_flush(const struct disk *d)
{
	free(shell(NULL, "blockdev --flushbufs %s", d->path));
}

void disk_stat(const struct disk *d, long stat[STAT_FIELDS])
{
	char path[96], *text, *at;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", d->name);
	at = text = file_read(path);
	for (int i = 0; i < STAT_FIELDS; i++)
		stat[i] = strtol(at, &at, 10);
	free(text);
}

void same_count_within(const char *what, long traced, long least, long most, long missed_of)
{
	print_message("%s: traced %ld, truth %ld", what, traced, least);
	print_message(least == most ? "\n" : " to %ld\n", most);
	assert_true(traced <= most);
	assert_true(least - traced <= (least / missed_of > 2 ? least / missed_of : 2));
}

void same_count(const char *what, long traced, long truth, long missed_of)
{
	same_count_within(what, traced, truth, truth, missed_of);
}

void same_as_kernel(const json_t *facts, const struct disk *d, long marks[MARKS][STAT_FIELDS],
		    long missed_of)
{
	static const struct {
		const char *field;
		int stat;
		int unit;
	} counts[] = { { "reads", STAT_READS, 1 },
		       { "read_bytes", STAT_READ_SECTORS, SECTOR },
		       { "writes", STAT_WRITES, 1 },
		       { "write_bytes", STAT_WRITE_SECTORS, SECTOR },
		       { "flushes", STAT_FLUSHES, 1 } };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		long traced = facts_sum(facts, counts[i].field, "kind=block device=%s", d->number);
		int at = counts[i].stat;

		same_count_within(counts[i].field, traced,
				  (marks[MARK_END][at] - marks[MARK_BEGIN][at]) * counts[i].unit,
				  (marks[MARK_AFTER][at] - marks[MARK_BEFORE][at]) * counts[i].unit,
				  missed_of);
	}
}

void disk_trace(const struct disk *d, struct agent *a, const char *config,
		long marks[MARKS][STAT_FIELDS])
{
	disk_flush(d);
	disk_stat(d, marks[MARK_BEFORE]);
	agent_record(a, config, "");
	disk_stat(d, marks[MARK_BEGIN]);
}

json_t *disk_finish(const struct disk *d, struct agent *a, long marks[MARKS][STAT_FIELDS])
{
	json_t *facts;

	disk_flush(d);
	disk_stat(d, marks[MARK_END]);
	facts = agent_finish(a);
	disk_stat(d, marks[MARK_AFTER]);
	return facts;
}
