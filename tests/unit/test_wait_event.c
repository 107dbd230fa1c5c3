/* SPDX-License-Identifier: Apache-2.0 */
/* Wait events by name: what servers of each version say, and what nobody says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bpf/wire.h"
#include "probes/postgres/wait_event.h"
#include "probes/postgres/wait_event_table.h"

/* Read beside pg_stat_activity of those versions, not from the table. */
static const struct {
	uint32_t info;
	uint32_t major;
	const char *class;
	const char *name;
} facts[] = {
	{ 0x06000000, 13, "Client", "ClientRead" },
	{ 0x06000000, 18, "Client", "ClientRead" },
	{ 0x09000001, 13, "Timeout", "PgSleep" },
	{ 0x09000002, 15, "Timeout", "PgSleep" },
	{ 0x03000005, 15, "Lock", "transactionid" },
	{ 0x03000000, 16, "Lock", "relation" },
	{ 0x0300000a, 18, "Lock", "advisory" },
	{ 0x0300000b, 15, "Lock", "event_11" },
	{ 0x0300000b, 16, "Lock", "applytransaction" },
	{ 0x01000008, 15, "LWLock", "WALWrite" },
	{ 0x01000031, 13, "LWLock", "CommitTsBuffer" },
	{ 0x04000000, 17, "BufferPin", "BufferPin" },
	{ 0x07000000, 14, "Extension", "Extension" },
	{ 0x0700ffff, 17, "Extension", "event_255" },
	{ 0x010000ff, 15, "LWLock", "extension" },
	{ 0x03000005, 0, "Lock", "event_5" },
	{ 0x03000005, 12, "Lock", "event_5" },
	{ 0x03000005, 19, "Lock", "event_5" },
	{ 0x02000001, 15, "unknown", "event_1" },
	{ 0xff000001, 15, "unknown", "event_1" },
	{ 0, 15, "", "" },
};

static void named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		uint32_t ev = wait_event_pack(facts[i].info, facts[i].major);
		struct wait_event_name name = wait_event_name(ev);

		assert_string_equal(wait_event_class(ev), facts[i].class);
		assert_string_equal(name.s, facts[i].name);
		assert_int_equal(wait_event_is_lock(ev), !strcmp(facts[i].class, "Lock"));
		if (ev)
			assert_int_equal(wait_event_major(ev), facts[i].major);
	}
}

/* No version gives one number two names, or one name two numbers; and all fit. */
static void table_is_one_to_one(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < wait_event_rows; i++) {
		const struct wait_event_row *a = &wait_event_table[i];

		assert_true(strlen(a->name) < WAIT_EVENT_NAME_MAX);
		for (unsigned int k = 0; k < WAIT_EVENT_MAJORS; k++)
			assert_in_range(a->id[k] + 1, 0, PG_EVENT_ID_MAX);
		for (unsigned int j = 0; j < i; j++) {
			const struct wait_event_row *b = &wait_event_table[j];

			if (a->wait_class != b->wait_class)
				continue;
			assert_string_not_equal(a->name, b->name);
			for (unsigned int k = 0; k < WAIT_EVENT_MAJORS; k++)
				assert_false(a->id[k] >= 0 && a->id[k] == b->id[k]);
		}
	}
}

static void parts(void **state)
{
	(void)state;
	assert_int_equal(wait_event_part(0x03000005), PART_LOCK);
	assert_int_equal(wait_event_part(0x01000008), PART_LOCK);
	assert_int_equal(wait_event_part(0x04000000), PART_LOCK);
	assert_int_equal(wait_event_part(0x0a000001), PART_BLOCK);
	assert_int_equal(wait_event_part(0x06000000), PART_CLIENT);
	assert_int_equal(wait_event_part(0x09000000), PART_OTHER);
	assert_int_equal(wait_event_part(0), PART_OTHER);
	assert_int_equal(wait_event_part(0xffffffff), PART_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named),
		cmocka_unit_test(table_is_one_to_one),
		cmocka_unit_test(parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
