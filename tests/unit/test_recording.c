/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: what is written is read again; what others wrote, cut or damaged is told of. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/recording.h"

#define FILE_MAX 65536

struct fixture {
	char path[64];
	char bytes[FILE_MAX];
	size_t len;
	char err[256];
	int count; /* records it got */
	uint64_t skipped;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	strcpy(f->path, "/tmp/test_recording.XXXXXX");
	fd = mkstemp(f->path);
	close(fd);
	*state = f;
	return fd < 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	free(f);
	return 0;
}

static struct recorder *open_recorder(const char *path, bool raw)
{
	struct recorder *r = NULL;

	assert_int_equal(recorder_new(&r, &(struct recorder_config){ .path = path,
								     .version = "1.2.3",
								     .layout = "hybrid",
								     .controller = "memory",
								     .raw = raw }),
			 0);
	return r;
}

static struct rec_close close_of(uint64_t conn)
{
	return (struct rec_close){ .hdr = { REC_CLOSE, sizeof(struct rec_close), 1, 1000 + conn },
				   .conn = conn };
}

/* A recording of n closes, into f->bytes. */
static void record(struct fixture *f, int n)
{
	struct recorder *r = open_recorder(f->path, false);
	FILE *in;

	for (int i = 0; i < n; i++) {
		struct rec_close rec = close_of(i);

		recorder_record(r, &rec, sizeof(rec));
	}
	assert_int_equal(recorder_count(r), n);
	assert_int_equal(recorder_close(r), 0);
	in = fopen(f->path, "r");
	f->len = fread(f->bytes, 1, FILE_MAX, in);
	fclose(in);
}

/* Reads f->bytes to the end: as recording_next() at last, or recording_open(). */
static int read_all(struct fixture *f)
{
	FILE *in = f->len ? fmemopen(f->bytes, f->len, "r") : fopen("/dev/null", "r");
	struct recording *r;
	const void *rec;
	size_t len;
	int ret;

	f->count = 0;
	f->err[0] = 0;
	ret = recording_open(&r, in, "x", f->err, sizeof(f->err));
	if (!ret) {
		while ((ret = recording_next(r, &rec, &len, f->err, sizeof(f->err))) > 0) {
			assert_int_equal((uintptr_t)rec % 8, 0);
			assert_int_equal(((const struct rec_hdr *)rec)->len, len);
			f->count++;
		}
		assert_int_equal(recording_count(r), f->count);
		f->skipped = recording_skipped(r);
		recording_free(r);
	}
	fclose(in);
	return ret;
}

static void what_is_written_is_read(void **state)
{
	struct fixture *f = *state;
	struct recording *r;
	struct stat st;
	const void *rec;
	size_t len;
	FILE *in;

	record(f, 3);
	assert_int_equal(f->len, 120 + 3 * 32 + 24);
	assert_int_equal(stat(f->path, &st), 0);
	in = fmemopen(f->bytes, f->len, "r");
	assert_int_equal(recording_open(&r, in, "x", f->err, sizeof(f->err)), 0);
	assert_string_equal(recording_header(r)->version, "1.2.3");
	assert_string_equal(recording_header(r)->layout, "hybrid");
	assert_string_equal(recording_header(r)->controller, "memory");
	assert_int_equal(recording_header(r)->flags, 0);
	for (uint64_t i = 0; i < 3; i++) {
		struct rec_close want = close_of(i);

		assert_int_equal(recording_next(r, &rec, &len, f->err, sizeof(f->err)), 1);
		assert_int_equal(len, sizeof(want));
		assert_memory_equal(rec, &want, sizeof(want));
	}
	assert_int_equal(recording_next(r, &rec, &len, f->err, sizeof(f->err)), 0);
	recording_free(r);
	fclose(in);
}

static void a_new_file_is_its_owners_alone(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	unlink(f->path);
	record(f, 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(read_all(f), 0);
	assert_int_equal(f->count, 0);
}

/* Every cut is told of, with the records that were whole. */
static void every_cut_is_told(void **state)
{
	struct fixture *f = *state;
	size_t whole;

	record(f, 3);
	whole = f->len;
	for (f->len = 0; f->len < 120; f->len++)
		assert_int_equal(read_all(f), -EINVAL);
	for (f->len = 120; f->len < whole; f->len++) {
		assert_int_equal(read_all(f), -EPIPE);
		assert_int_equal(f->count, f->len - 120 < 96 ? (f->len - 120) / 32 : 3);
	}
	assert_string_equal(f->err, "x: is cut after 3 records; what follows is not read");
}

static void unknown_kinds_are_passed_over(void **state)
{
	struct fixture *f = *state;
	uint16_t kind = 900;

	record(f, 3);
	memcpy(f->bytes + 120 + 32, &kind, sizeof(kind));
	assert_int_equal(read_all(f), 0);
	assert_int_equal(f->count, 2);
	assert_int_equal(f->skipped, 1);
}

static void damage_is_told(void **state)
{
	struct fixture *f = *state;
	uint16_t len = 15;

	record(f, 3);
	memcpy(f->bytes + 120 + 32 + 2, &len, sizeof(len));
	assert_int_equal(read_all(f), -EBADMSG);
	assert_int_equal(f->count, 1);
	assert_string_equal(f->err, "x: is damaged after 1 records; what follows is not read");

	record(f, 3);
	f->bytes[120 + 3 * 32 + 16]++; /* the end's count */
	assert_int_equal(read_all(f), -EBADMSG);

	record(f, 3);
	f->bytes[f->len++] = 0; /* something behind the end */
	assert_int_equal(read_all(f), -EBADMSG);
}

static void others_are_refused_in_one_line(void **state)
{
	struct fixture *f = *state;

	record(f, 1);
	f->bytes[0] = 'X';
	assert_int_equal(read_all(f), -EINVAL);
	assert_string_equal(f->err, "x: is no recording of tallyman");

	record(f, 1);
	((struct recording_header *)f->bytes)->wire_version = WIRE_VERSION + 1;
	assert_int_equal(read_all(f), -EINVAL);
	assert_non_null(strstr(f->err, "replay it with tallyman 1.2.3"));
	assert_null(strchr(f->err, '\n'));

	record(f, 1);
	((struct recording_header *)f->bytes)->order = __builtin_bswap32(RECORDING_ORDER);
	assert_int_equal(read_all(f), -EINVAL);
	assert_string_equal(f->err, "x: was recorded on a machine of the other byte order");
}

/* A later header may be longer: what is behind our part of it is passed over. */
static void a_longer_header_is_read(void **state)
{
	struct fixture *f = *state;

	record(f, 2);
	memmove(f->bytes + 136, f->bytes + 120, f->len - 120);
	f->len += 16;
	((struct recording_header *)f->bytes)->bytes = 136;
	assert_int_equal(read_all(f), 0);
	assert_int_equal(f->count, 2);
}

static void write_query(struct fixture *f, bool raw)
{
	static const char query[] = "Q\0\0\0\x1eSELECT 'top secret' AS x";
	union {
		struct rec_request r;
		char bytes[sizeof(struct rec_request) + 32];
	} u = { .r = { .hdr = { REC_REQUEST, sizeof(u.r) + 31, 0, 1 },
		       .requests = 1,
		       .text_len = 31,
		       .protocol = PROTO_POSTGRESQL,
		       .role = ROLE_SERVER,
		       .phase = PHASE_READY } };
	struct recorder *r = open_recorder(f->path, raw);
	FILE *in;

	memcpy(u.r.text, query, sizeof(query));
	recorder_record(r, &u, u.r.hdr.len);
	assert_int_equal(recorder_close(r), 0);
	assert_memory_equal(u.r.text, query, sizeof(query)); /* the record itself stays as it is */
	in = fopen(f->path, "r");
	f->len = fread(f->bytes, 1, FILE_MAX, in);
	fclose(in);
}

static void secrets_stay_out_unless_asked_for(void **state)
{
	struct fixture *f = *state;

	write_query(f, false);
	assert_null(memmem(f->bytes, f->len, "secret", 6));
	assert_non_null(memmem(f->bytes, f->len, "SELECT", 6));
	assert_int_equal(((struct recording_header *)f->bytes)->flags, 0);
	write_query(f, true);
	assert_non_null(memmem(f->bytes, f->len, "top secret", 10));
	assert_int_equal(((struct recording_header *)f->bytes)->flags, RECORDING_RAW);
}

static void a_full_disk_ends_it(void **state)
{
	struct recorder *r = NULL;
	struct recorder_config cfg = {
		.path = "/dev/full", .version = "", .layout = "", .controller = ""
	};

	(void)state;
	assert_int_equal(recorder_new(&r, &cfg), -ENOSPC);
	cfg.path = "/nonexistent/file";
	assert_int_equal(recorder_new(&r, &cfg), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_file_is_its_owners_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(every_cut_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_kinds_are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(others_are_refused_in_one_line, setup, teardown),
		cmocka_unit_test_setup_teardown(a_longer_header_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_stay_out_unless_asked_for, setup, teardown),
		cmocka_unit_test(a_full_disk_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
