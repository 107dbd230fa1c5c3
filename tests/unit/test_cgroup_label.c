/* SPDX-License-Identifier: Apache-2.0 */
/* The `container` label: bounded, well-formed UTF-8, nothing that a terminal would act upon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "user/cgroup_path.h"

static char label[CGROUP_LABEL_MAX + 1];

static const char *label_of(struct str path)
{
	struct cgroup_path p;
	size_t len;

	cgroup_path_parse(path, &p);
	len = cgroup_path_label(path, &p, label);
	assert_int_equal(len, strlen(label));
	return label;
}

#define LABEL(literal) label_of(STR(literal))

static void good_text_is_kept(void **state)
{
	(void)state;
	assert_string_equal(LABEL("/mandanten/m\xc3\xbcller"), "/mandanten/m\xc3\xbcller");
	assert_string_equal(LABEL("/\xe2\x82\xac/\xf0\x9f\x9a\x9a"),
			    "/\xe2\x82\xac/\xf0\x9f\x9a\x9a");
	assert_string_equal(LABEL("/\xed\x9f\xbf/\xee\x80\x80"), "/\xed\x9f\xbf/\xee\x80\x80");
	assert_string_equal(LABEL("/\xf4\x8f\xbf\xbf"), "/\xf4\x8f\xbf\xbf");
	assert_string_equal(LABEL("/with blank/\"quoted\"\\"), "/with blank/\"quoted\"\\");
}

static void bad_bytes_are_replaced(void **state)
{
	(void)state;
	assert_string_equal(LABEL("/a\xff"
				  "b"),
			    "/a?b");
	assert_string_equal(LABEL("/\x80"), "/?");
	assert_string_equal(LABEL("/\xc0\xaf"), "/??");		  /* overlong '/' */
	assert_string_equal(LABEL("/\xe0\x9f\xbf"), "/???");	  /* overlong */
	assert_string_equal(LABEL("/\xf0\x8f\xbf\xbf"), "/????"); /* overlong */
	assert_string_equal(LABEL("/\xed\xa0\x80"), "/???");	  /* surrogate */
	assert_string_equal(LABEL("/\xf4\x90\x80\x80"), "/????"); /* above U+10FFFF */
	assert_string_equal(LABEL("/\xf5\x80\x80\x80"), "/????");
	assert_string_equal(LABEL("/\xe2\x82"), "/??"); /* cut short */
	assert_string_equal(LABEL("/\xe2\x82x"), "/??x");
}

static void control_characters_are_replaced(void **state)
{
	(void)state;
	assert_string_equal(LABEL("/a\nb\tc\x7f"), "/a?b?c?");
	assert_string_equal(LABEL("/\x1b[2J"), "/?[2J");
	assert_string_equal(LABEL("/nul\0byte"), "/nul?byte");
	assert_string_equal(LABEL("/\xc2\x9b"
				  "31m"),
			    "/??31m"); /* CSI, the 8-bit escape */
	assert_string_equal(LABEL("/\xc2\xa0"), "/\xc2\xa0");
}

static void long_text_keeps_its_tail(void **state)
{
	char path[400];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	memcpy(path + sizeof(path) - 5, "/leaf", 5);
	label_of((struct str){ path, CGROUP_LABEL_MAX });
	assert_int_equal(strlen(label), CGROUP_LABEL_MAX);
	assert_int_equal(label[0], '/');
	label_of((struct str){ path, sizeof(path) });
	assert_int_equal(strlen(label), CGROUP_LABEL_MAX);
	assert_memory_equal(label, "...xxx", 6);
	assert_string_equal(label + CGROUP_LABEL_MAX - 6, "x/leaf");
}

/* 124 x behind a euro sign: the cut falls on the sign's second or third byte, which then goes too. */
static void the_cut_is_between_characters(void **state)
{
	char path[200];
	size_t len;

	(void)state;
	for (size_t xs = 123; xs <= 124; xs++) {
		len = snprintf(path, sizeof(path), "/abc\xe2\x82\xac");
		memset(path + len, 'x', xs);
		label_of((struct str){ path, len + xs });
		assert_int_equal(strlen(label), 3 + xs);
		assert_memory_equal(label, "...x", 4);
	}
	len = snprintf(path, sizeof(path), "/abc\xe2\x82\xac");
	memset(path + len, 'x', 122);
	label_of((struct str){ path, len + 122 });
	assert_int_equal(strlen(label), CGROUP_LABEL_MAX);
	assert_memory_equal(label, "...\xe2\x82\xacx", 7);
}

static void long_names_are_cut_too(void **state)
{
	char path[1 + 12 + 200 + 1] = "/lxc.payload.";

	(void)state;
	memset(path + 13, 'n', 199);
	path[13 + 199] = 'z';
	label_of((struct str){ path, 13 + 200 });
	assert_int_equal(strlen(label), CGROUP_LABEL_MAX);
	assert_memory_equal(label, "...nn", 5);
	assert_int_equal(label[CGROUP_LABEL_MAX - 1], 'z');
	memcpy(path + 13 + 200 - 8, ".service", 8);
	memset(path + 1, 'u', 12);
	label_of((struct str){ path, 13 + 200 });
	assert_int_equal(strlen(label), CGROUP_LABEL_MAX);
	assert_string_equal(label + CGROUP_LABEL_MAX - 9, "n.service");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_text_is_kept),
		cmocka_unit_test(bad_bytes_are_replaced),
		cmocka_unit_test(control_characters_are_replaced),
		cmocka_unit_test(long_text_keeps_its_tail),
		cmocka_unit_test(the_cut_is_between_characters),
		cmocka_unit_test(long_names_are_cut_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
