/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings and log lines: what callers rely on, at the limits too. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/lib/intern.h"
#include "user/lib/log.h"

static void reserved_ids(void **state)
{
	struct intern *in = intern_new(100);

	(void)state;
	assert_int_equal(intern_id(in, STR("")), INTERN_EMPTY);
	assert_int_equal(intern_id(in, (struct str){ NULL, 0 }), INTERN_EMPTY);
	assert_int_equal(intern_id(in, STR("other")), INTERN_OTHER);
	assert_string_equal(intern_cstr(in, 0), "");
	assert_string_equal(intern_cstr(in, 1), "other");
	assert_int_equal(intern_count(in), 2);
	intern_free(in);
}

static void ids_are_dense_and_stable(void **state)
{
	struct intern *in = intern_new(20000);
	const char *first;
	char name[32];

	(void)state;
	assert_int_equal(intern_id(in, STR("acme")), 2);
	first = intern_cstr(in, 2);
	for (uint32_t i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "tenant-%u", i);
		assert_int_equal(intern_id(in, str_of(name)), i + 3);
	}
	for (uint32_t i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "tenant-%u", i);
		assert_int_equal(intern_id(in, str_of(name)), i + 3);
		assert_string_equal(intern_cstr(in, i + 3), name);
	}
	assert_ptr_equal(intern_cstr(in, 2), first);
	assert_string_equal(first, "acme");
	assert_int_equal(intern_count(in), 10003);
	assert_string_equal(intern_cstr(in, 10003), "");
	assert_string_equal(intern_cstr(in, UINT32_MAX), "");
	intern_free(in);
}

static void bytes_are_compared_not_text(void **state)
{
	struct intern *in = intern_new(100);
	uint32_t a = intern_id(in, (struct str){ "a\0b", 3 });
	uint32_t b = intern_id(in, (struct str){ "a\0c", 3 });
	uint32_t c = intern_id(in, (struct str){ "ab", 1 });

	(void)state;
	assert_int_not_equal(a, b);
	assert_string_equal(intern_cstr(in, c), "a");
	assert_int_equal(intern_str(in, a).len, 3);
	assert_memory_equal(intern_str(in, a).s, "a\0b", 4);
	intern_free(in);
}

static void full_table_says_other(void **state)
{
	struct intern *in = intern_new(4);

	(void)state;
	assert_int_equal(intern_id(in, STR("a")), 2);
	assert_int_equal(intern_id(in, STR("b")), 3);
	assert_int_equal(intern_id(in, STR("c")), INTERN_OTHER);
	assert_int_equal(intern_id(in, STR("a")), 2);
	assert_int_equal(intern_find(in, STR("b")), 3);
	assert_int_equal(intern_find(in, STR("c")), INTERN_EMPTY);
	assert_int_equal(intern_count(in), 4);
	assert_int_equal(intern_overflows(in), 1);
	intern_free(in);
}

static void long_strings_have_their_own_room(void **state)
{
	struct intern *in = intern_new(10);
	char *big = malloc(200000);

	(void)state;
	memset(big, 'x', 200000);
	assert_int_equal(intern_id(in, (struct str){ big, 200000 }), 2);
	assert_int_equal(intern_id(in, (struct str){ big, 199999 }), 3);
	assert_int_equal(intern_id(in, (struct str){ big, 200000 }), 2);
	assert_int_equal(intern_str(in, 3).len, 199999);
	free(big);
	intern_free(in);
}

/* What log_line() wrote to stderr, which is put back. */
static void log_caught(enum log_level level, const char *text, char *out, size_t cap)
{
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	dup2(fds[1], STDERR_FILENO);
	errno = EBUSY;
	log_line(level, "%s", text);
	assert_int_equal(errno, EBUSY);
	dup2(saved, STDERR_FILENO);
	n = read(fds[0], out, cap - 1);
	out[n > 0 ? n : 0] = '\0';
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

static void log_lines(void **state)
{
	char out[4096], big[4000];

	(void)state;
	log_caught(LOG_LEVEL_ERROR, "disk\x1b[31m gone\nnow\n", out, sizeof(out));
	assert_string_equal(out, "tallyman: disk?[31m gone?now\n");
	log_caught(LOG_LEVEL_DEBUG, "not at this level", out, sizeof(out));
	assert_string_equal(out, "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_caught(LOG_LEVEL_DEBUG, "at this level", out, sizeof(out));
	assert_string_equal(out, "tallyman: at this level\n");
	log_set_level(LOG_LEVEL_INFO);
	assert_int_equal(log_get_level(), LOG_LEVEL_INFO);
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_caught(LOG_LEVEL_WARN, big, out, sizeof(out));
	assert_int_equal(strlen(out), 2048);
	assert_int_equal(out[2047], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reserved_ids),
		cmocka_unit_test(ids_are_dense_and_stable),
		cmocka_unit_test(bytes_are_compared_not_text),
		cmocka_unit_test(full_table_says_other),
		cmocka_unit_test(long_strings_have_their_own_room),
		cmocka_unit_test(log_lines),
	};

	return cmocka_run_group_tests_name("intern", tests, NULL, NULL);
}
