/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block I/O is counted to the last request and byte, timed as the load generator times it, and a victim
 * of another container's queue is told whose it is. The truths are the kernel's own statistics of the
 * device (a loop device of this test's own) and fio's report.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/disk.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"
#include "user/recording.h"

struct fio {
	long ios;
	long bytes;
	double lat_ns; /* mean, from asking to the end */
};

/* Ahead of everything else on the CPU: its clock is to tell the device's times, not the scheduler's. */
static pid_t fio_start(const struct disk *d, const char *tenant, const char *options)
{
	char *cgroup = tenant_cgroup(tenant);
	pid_t pid = shell_start(cgroup,
				"exec chrt -f 10 fio --name=%s --filename=%s --rw=randwrite "
				"--time_based --output-format=json --output=%s/%s.json %s",
				tenant, d->path, workdir(), tenant, options);

	free(cgroup);
	return pid;
}

static struct fio fio_read(const char *tenant)
{
	char path[128];
	json_t *report, *write;
	struct fio f;

	snprintf(path, sizeof(path), "%s/%s.json", workdir(), tenant);
	report = json_load_file(path, JSON_DISABLE_EOF_CHECK, NULL);
	write = json_object_get(json_array_get(json_object_get(report, "jobs"), 0), "write");
	assert_non_null(write);
	f.ios = json_integer_value(json_object_get(write, "total_ios"));
	f.bytes = json_integer_value(json_object_get(write, "io_bytes"));
	f.lat_ns = json_number_value(json_object_get(json_object_get(write, "lat_ns"), "mean"));
	json_decref(report);
	return f;
}

static uint64_t cgroup_id(const char *tenant)
{
	char *path = tenant_cgroup(tenant);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_ino;
}

struct waits {
	uint64_t waiter, occupant; /* cgroups */
	uint64_t all_ns, by_ns;
};

static void wait_add(struct waits *w, const void *rec, size_t len)
{
	const struct rec_wait *r = rec;

	if (len < sizeof(*r) || r->hdr.kind != REC_WAIT || r->resource != RESOURCE_DISK ||
	    r->waiter.cgroup != w->waiter)
		return;
	w->all_ns += r->wait_ns;
	if (r->cause == WAIT_NEIGHBOUR && r->occupant.cgroup == w->occupant)
		w->by_ns += r->wait_ns;
}

static struct waits waits_read(const char *tape, const char *waiter, const char *occupant)
{
	struct waits w = { .waiter = cgroup_id(waiter), .occupant = cgroup_id(occupant) };
	FILE *f = fopen(tape, "r");
	struct recording *tape_read;
	const void *rec;
	char err[256];
	size_t len;

	assert_non_null(f);
	if (recording_open(&tape_read, f, tape, err, sizeof(err)))
		fail_msg("%s", err);
	while (recording_next(tape_read, &rec, &len, err, sizeof(err)) > 0)
		wait_add(&w, rec, len);
	recording_free(tape_read);
	fclose(f);
	print_message("%s waited %.0f ms for the disk, %.0f ms of it behind %s\n", waiter,
		      w.all_ns / 1e6, w.by_ns / 1e6, occupant);
	return w;
}

static void need_disk(struct disk *d)
{
	need_live();
	if (access("/usr/bin/fio", X_OK)) {
		print_message("skip: no fio\n");
		skip();
	}
	if (!disk_open(d, 384))
		skip();
}

/* One queue of known depth, and nobody else on the device. */
static bool times_measured(void *arg)
{
	long marks[MARKS][STAT_FIELDS];
	struct agent agent;
	struct disk disk;
	struct fio fio;
	double traced, kernel;
	long writes;
	json_t *facts;

	(void)arg;
	need_disk(&disk);
	disk_trace(&disk, &agent, tenant_config, marks);
	shell_end(fio_start(&disk, "acme",
			    "--bs=512k --direct=1 --ioengine=libaio --iodepth=16 --runtime=4"));
	facts = disk_finish(&disk, &agent, marks);
	fio = fio_read("acme");
	same_as_kernel(facts, &disk, marks, 1000);
	writes = facts_sum(facts, "writes", "kind=block tenant=acme device=%s", disk.number);
	same_count("fio's requests", writes, fio.ios, 1000);
	same_count("fio's bytes",
		   facts_sum(facts, "write_bytes", "kind=block tenant=acme device=%s", disk.number),
		   fio.bytes, 1000);
	traced = (double)(facts_sum(facts, "queue_sum_ns", "kind=block tenant=acme device=%s",
				    disk.number) +
			  facts_sum(facts, "device_sum_ns", "kind=block tenant=acme device=%s",
				    disk.number)) /
		 writes;
	truth_figure("disk: latency against fio's own", "within 5 %", "%+.2f %% of %.3f ms",
		     100 * (traced / fio.lat_ns - 1), fio.lat_ns / 1e6);
	kernel =
		(marks[MARK_END][STAT_WRITE_MS] - marks[MARK_BEGIN][STAT_WRITE_MS]) * 1e6 / fio.ios;
	print_message("by the kernel's statistics %.3f ms\n", kernel / 1e6);
	assert_true(traced < 1.01 * kernel);
	assert_true(traced > 0.99 * kernel);
	json_decref(facts);
	close(disk.fd);
	return traced < 1.05 * fio.lat_ns && traced > 0.95 * fio.lat_ns;
}

static void times_are_fios(void **state)
{
	(void)state;
	need_live();
	truth_holds(times_measured, NULL);
}

/* A small transaction log beside somebody's bulk load. */
static bool aggressor_measured(void *arg)
{
	long marks[MARKS][STAT_FIELDS];
	struct waits victim;
	struct agent agent;
	struct disk disk;
	pid_t aggressor;
	json_t *facts;

	(void)arg;
	need_disk(&disk);
	disk_trace(&disk, &agent, tenant_config, marks);
	aggressor = fio_start(&disk, "globex",
			      "--bs=512k --direct=1 --ioengine=libaio --iodepth=16 --offset=128M "
			      "--size=256M --runtime=5");
	nap_ms(1000);
	shell_end(fio_start(&disk, "acme",
			    "--bs=4k --fsync=1 --ioengine=sync --size=64M --runtime=3"));
	shell_end(aggressor);
	facts = disk_finish(&disk, &agent, marks);
	same_as_kernel(facts, &disk, marks, 1000);
	victim = waits_read(agent.tape, "acme", "globex");
	waits_read(agent.tape, "globex", "acme");
	truth_figure("disk: of the victim's wait charged to the aggressor", "at least 80 %",
		     "%.1f %% of %.0f ms", 100.0 * victim.by_ns / victim.all_ns,
		     victim.all_ns / 1e6);
	json_decref(facts);
	close(disk.fd);
	return victim.all_ns > 100000000 && victim.by_ns > victim.all_ns / 10 * 8;
}

static void aggressor_is_named(void **state)
{
	(void)state;
	need_live();
	truth_holds(aggressor_measured, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_fios),
		cmocka_unit_test(aggressor_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
