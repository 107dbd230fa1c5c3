/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL decoder: which statement each request is, whatever cuts its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/session.h"

static struct session s;

static void begin(void)
{
	memset(&s, 0, sizeof(s));
	s.protocol = PROTO_POSTGRESQL;
	s.role = ROLE_SERVER;
	s.conn = 3;
}

static size_t at(void *arg, size_t from, size_t to)
{
	size_t p = *(size_t *)arg;

	return from < p && p < to ? p : to;
}

static size_t single(void *arg, size_t from, size_t to)
{
	(void)arg;
	(void)to;
	return from + 1;
}

/* The session, and its variants cut at each byte and at every byte, give these lines. */
static void gives(const char *expected)
{
	char *lines = session_lines(&s, NULL, NULL);

	assert_string_equal(lines, expected);
	free(lines);
	lines = session_lines(&s, single, NULL);
	assert_string_equal(lines, expected);
	free(lines);
	for (size_t p = 1; p < s.len; p++) {
		lines = session_lines(&s, at, &p);
		assert_string_equal(lines, expected);
		free(lines);
	}
}

static void bind_execute(const char *portal, const char *name)
{
	pg(&s, 'B', "sshhbh", portal, name, 0, 1, "secret42", 0);
	pg(&s, 'E', "si", portal, 0);
}

static void simple_queries(void **state)
{
	(void)state;
	begin();
	pg_startup(&s, "user", "alice", "database", "shop", "application_name", "odoo-1", NULL);
	session_reply(&s, 0);
	pg(&s, 'Q', "s", "SELECT * FROM sale_order WHERE id = 42");
	session_reply(&s, 1);
	pg(&s, 'Q', "s", "DELETE FROM t");
	session_error(&s, 1, 0, "42501");
	pg(&s, 'Q', "s", "SELECT 1; SELECT 1/0");
	session_error(&s, 1, 1, "22012"); /* the second of its statements */
	pg(&s, 'Q', "s", "COPY t FROM STDIN");
	pg(&s, 'd', "s", "1\t2\tsecret\n");
	pg(&s, 'c', "");
	session_reply(&s, 1);
	pg(&s, 'F', "i", 3);
	session_reply(&s, 1);
	gives("SELECT * FROM sale_order WHERE id = ?|ok|shop|alice|odoo-1|7|1000|44|100\n"
	      "DELETE FROM t|42501|shop|alice|odoo-1|7|1000|19|100\n"
	      "SELECT ?; SELECT ?/?|22012|shop|alice|odoo-1|7|1000|26|100\n"
	      "COPY t FROM STDIN|ok|shop|alice|odoo-1|7|1000|45|100\n"
	      "function call|ok|shop|alice|odoo-1|7|1000|9|100\n");
}

static void the_database_is_the_user_s_by_default(void **state)
{
	(void)state;
	begin();
	pg_startup(&s, "user", "bob\n\xff", NULL);
	session_reply(&s, 0);
	pg(&s, 'Q', "s", "BEGIN");
	session_reply(&s, 1);
	gives("BEGIN|ok|bob??|bob??||7|1000|11|100\n");
}

static void prepared_statements(void **state)
{
	(void)state;
	begin();
	pg(&s, 'P', "ssh", "s1", "SELECT a FROM t WHERE id = $1", 0);
	pg(&s, 'S', "");
	session_reply(&s, 0);
	bind_execute("", "s1");
	pg(&s, 'S', "");
	session_reply(&s, 1);
	bind_execute("p1", "s1");
	pg(&s, 'S', "");
	session_reply(&s, 1);
	pg(&s, 'P', "ssh", "s1", "SELECT b FROM u", 0); /* again, as another one */
	bind_execute("", "s1");
	pg(&s, 'E', "si", "p1", 0); /* the portal is still the first one's */
	pg(&s, 'C', "1s", 'S', "s1");
	bind_execute("", "s1");
	pg(&s, 'S', "");
	session_reply(&s, 3);
	gives("SELECT a FROM t WHERE id = $1|ok||||7|1000|42|100\n"
	      "SELECT a FROM t WHERE id = $1|ok||||7|1000|46|100\n"
	      "SELECT b FROM u|ok||||7|1000|63|100\n"
	      "SELECT a FROM t WHERE id = $1|ok||||7|1000|12|100\n"
	      "prepared before attach|ok||||7|1000|51|100\n");
}

static void an_error_skips_the_rest_of_its_unit(void **state)
{
	(void)state;
	begin();
	pg(&s, 'P', "ssh", "", "INSERT INTO t VALUES ($1)", 0);
	bind_execute("", "");
	bind_execute("", "");
	bind_execute("", "");
	pg(&s, 'S', "");
	session_error(&s, 3, 1, "23505");
	bind_execute("", "");
	pg(&s, 'S', "");
	session_error(&s, 1, 0, "not a state");
	gives("INSERT INTO t VALUES ($1)|ok||||7|1000|69|100\n"
	      "INSERT INTO t VALUES ($1)|23505||||7|1000|35|100\n"
	      "INSERT INTO t VALUES ($1)|skipped||||7|1000|40|100\n"
	      "INSERT INTO t VALUES ($1)|error||||7|1000|40|100\n");
}

static void statements_that_change_the_connection(void **state)
{
	(void)state;
	begin();
	pg_startup(&s, "user", "alice", "application_name", "web", NULL);
	session_reply(&s, 0);
	pg(&s, 'P', "ssh", "s1", "SELECT 1", 0);
	pg(&s, 'S', "");
	session_reply(&s, 0);
	pg(&s, 'Q', "s", "SET application_name TO 'job 7'");
	session_reply(&s, 1);
	pg(&s, 'P', "ssh", "", " set session application_name = worker", 0);
	pg(&s, 'B', "sshhh", "", "", 0, 0, 0);
	pg(&s, 'E', "si", "", 0);
	pg(&s, 'S', "");
	session_reply(&s, 1);
	pg(&s, 'Q', "s", "DISCARD ALL");
	bind_execute("", "s1");
	pg(&s, 'S', "");
	session_reply(&s, 2);
	pg(&s, 'P', "ssh", "s2", "SELECT 2", 0);
	pg(&s, 'Q', "s", "DEALLOCATE s2");
	bind_execute("", "s2");
	pg(&s, 'S', "");
	session_reply(&s, 2);
	gives("SET application_name TO ?|ok|alice|alice|job 7|7|1000|37|100\n"
	      "set session application_name = worker|ok|alice|alice|worker|7|1000|75|100\n"
	      "DISCARD ALL|ok|alice|alice|web|7|1000|17|100\n"
	      "prepared before attach|ok|alice|alice|web|7|1000|42|100\n"
	      "DEALLOCATE ?|ok|alice|alice|web|7|1000|38|100\n"
	      "prepared before attach|ok|alice|alice|web|7|1000|42|100\n");
}

static void a_statement_beyond_the_window_is_cut(void **state)
{
	char sql[2100] = "SELECT \"sale_order\".\"id\"";
	char *lines, bytes[64];

	(void)state;
	begin();
	for (size_t n = strlen(sql); n < 2000; n = strlen(sql))
		sprintf(sql + n, ", \"sale_order\".\"column_%c\"", (int)('a' + n % 26));
	strcat(sql, " FROM sale_order");
	pg(&s, 'Q', "s", sql);
	session_reply(&s, 1);
	pg(&s, 'P', "ssh", "", sql, 0);
	bind_execute("", "");
	pg(&s, 'S', "");
	session_reply(&s, 1);
	s.window = 256;
	lines = session_lines(&s, NULL, NULL);
	assert_memory_equal(lines, "SELECT \"sale_order\".\"id\"", 24);
	assert_null(strstr(lines, "FROM"));
	assert_null(strstr(lines, "unknown"));
	/* Its bytes are counted beyond the window: header, text, NUL; Parse, Bind, Execute, Sync. */
	snprintf(bytes, sizeof(bytes), "|ok||||7|1000|%zu|100\n", 5 + strlen(sql) + 1);
	assert_non_null(strstr(lines, bytes));
	snprintf(bytes, sizeof(bytes), "|ok||||7|1000|%zu|100\n", 5 + strlen(sql) + 4 + 40);
	assert_non_null(strstr(lines, bytes));
	free(lines);
}

static size_t lost; /* the record that is */

static void record_but_one(void *ctx, void *rec, size_t len)
{
	static size_t n;
	struct rec_hdr *hdr = rec;

	if (hdr->kind == REC_CONN)
		n = 0;
	if (n++ != lost)
		lines_record(ctx, rec, len);
}

/* Whatever record is lost, the others' requests are what they were, and no request is made up. */
static void a_lost_record_costs_only_itself(void **state)
{
	static struct lines l;
	struct rec_conn r;

	(void)state;
	begin();
	for (int i = 0; i < 8; i++) {
		char sql[40];

		sprintf(sql, "SELECT a FROM t%c", 'a' + i);
		pg(&s, 'Q', "s", sql);
		pg(&s, 'P', "ssh", "", "SELECT b FROM u", 0);
		bind_execute("", "");
		pg(&s, 'S', "");
		session_reply(&s, 1);
		session_reply(&s, 1);
	}
	r = session_conn(&s);
	for (lost = 1; lost < 25; lost++) {
		memset(&l, 0, sizeof(l));
		l.decode = decode_new(&(struct decode_config){ 0 });
		s.tell = record_but_one;
		s.ctx = &l;
		record_but_one(&l, &r, sizeof(r));
		session_tell(&s, NULL, NULL);
		/* Three records a round: a read, two replies. A lost read leaves two unknown. */
		assert_int_equal(l.n, lost % 3 == 1 ? 16 : 15);
		assert_int_equal(decode_counts(l.decode).unknown_requests, lost % 3 == 1 ? 2 : 0);
		for (int i = 0; i < 8; i++) {
			char text[40];

			sprintf(text, "SELECT a FROM t%c|ok", 'a' + i);
			if ((int)(lost - 1) / 3 == i && lost % 3 != 0)
				assert_null(strstr(l.text, text));
			else
				assert_non_null(strstr(l.text, text));
		}
		decode_free(l.decode);
	}
}

static void comments_are_kept_if_asked_for(void **state)
{
	static const char *const keys[] = { "tenant", NULL };
	struct decode_config cfg = { .comment_keys = keys };
	static struct lines l;

	(void)state;
	begin();
	pg(&s, 'Q', "s", "SELECT 1 /* tenant='acme',secret='x' */");
	session_reply(&s, 1);
	memset(&l, 0, sizeof(l));
	l.decode = decode_new(&cfg);
	s.tell = lines_record;
	s.ctx = &l;
	session_tell(&s, NULL, NULL);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.comments, 1);
	assert_string_equal(l.comment, "tenant=acme");
	decode_free(l.decode);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_queries),
		cmocka_unit_test(the_database_is_the_user_s_by_default),
		cmocka_unit_test(prepared_statements),
		cmocka_unit_test(an_error_skips_the_rest_of_its_unit),
		cmocka_unit_test(statements_that_change_the_connection),
		cmocka_unit_test(a_statement_beyond_the_window_is_cut),
		cmocka_unit_test(a_lost_record_costs_only_itself),
		cmocka_unit_test(comments_are_kept_if_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
