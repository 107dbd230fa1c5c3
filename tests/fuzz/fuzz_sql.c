/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL analyser on any bytes. First byte: whether the text is cut. Checks what sql.h
 * promises of every result, also when it is fed back.
 */
#include <stdint.h>
#include <stdlib.h>

#include "probes/postgres/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_str(struct str s, size_t max)
{
	require(s.len <= max && strlen(s.s) == s.len);
	for (size_t i = 0; i < s.len; i++)
		require((unsigned char)s.s[i] >= 0x20 && s.s[i] != 0x7f);
}

static void check(const struct sql_info *info)
{
	check_str(info->text, SQL_TEXT_MAX);
	check_str(info->summary, SQL_SUMMARY_MAX);
	require(info->ntables <= SQL_TABLES_MAX && info->summary.len);
	for (unsigned int i = 0; i < info->ntables; i++) {
		check_str(info->tables[i], SQL_NAME_MAX);
		for (unsigned int k = 0; k < i; k++)
			require(!str_eq(info->tables[i], info->tables[k]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sql_info info, again;
	struct str text = { (const char *)data + 1, size - 1 };
	char value[64];
	int n;

	if (!size)
		return 0;
	sql_analyze(&info, text, data[0] & 1);
	check(&info);
	require(info.text.len <= text.len);
	sql_analyze(&again, info.text, true);
	check(&again);
	n = sql_comment_value(text, STR("key"), value, sizeof(value));
	require(n < (int)sizeof(value) && (n < 0 || strlen(value) == (size_t)n));
	return 0;
}
