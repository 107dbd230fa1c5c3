/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No parser takes more than a millisecond for 8 KiB, and twice the bytes take no more than about twice as long,
 * whatever they are: each is given every motif, over and over. The least of several runs counts,
 * so that a busy machine does not matter; with the sanitizers, which these tests run with, there is
 * some time to spare in the first bound, and none is given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "probes/http/http.h"
#include "probes/http/http_scrub.h"
#include "probes/postgres/postgres_scrub.h"
#include "probes/postgres/sql.h"
#include "probes/redis/redis.h"
#include "user/cgroup_path.h"
#include "user/config.h"
#include "user/lib/clock.h"

#define BYTES 8192
#define LIMIT_NS NS_PER_MS
#define RUNS 7
#define TRIES 5
#define GROWTH 3	/* of 2: a cache that is too small by then, and noise */
#define NOISE_NS 100000 /* below this nothing is told by a ratio */

static const char *const motifs[] = {
	"(",
	")",
	"[",
	"'",
	"\"",
	"$a$",
	"$",
	"/*",
	"*/",
	"/*/*",
	"--\n",
	";",
	",",
	"1,",
	"'a',",
	"(1),",
	"IN (1,",
	"x.",
	"x,",
	"a b ",
	"E'\\'",
	"''",
	"FROM a,",
	"FROM (",
	"JOIN a ",
	"WITH a AS (",
	"SELECT ",
	"UNION ",
	"/*a='b',",
	"'%27",
	"::a",
	"\\",
	"\0",
	"\xff",
	"\xc3\xa9",
	"0",
	"9a",
	"-",
	"a-",
	":",
	":1",
	"{",
	"*1\r\n",
	"*1\r\n$1\r\na\r\n",
	"$1\r\n",
	"$0\r\n\r\n",
	"PING\r\n",
	"\r\n",
	"\n",
	"GET / HTTP/1.1\r\n\r\n",
	"/a1",
	"%2",
	"A: b\r\n",
	"Host: a\r\n",
	"a: ",
	"- ",
	"? ",
	"&a ",
	"*a ",
	"a: {",
	"[[",
	"? [",
	"!a ",
	"%a\n",
	"# \n",
	"'a': ",
	"\t",
	"/docker-",
	"/kubepods.slice",
	".slice/",
	"0123456789abcdef",
};
#define MOTIFS (sizeof(motifs) / sizeof(*motifs))

struct parser {
	const char *name;
	void (*run)(char *p, size_t n);
};

static void sql(char *p, size_t n)
{
	static struct sql_info info;
	char value[64];

	sql_analyze(&info, (struct str){ p, n }, false);
	sql_comment_value((struct str){ p, n }, STR("key"), value, sizeof(value));
}

static void sql_scrub(char *p, size_t n)
{
	p[0] = 'Q';
	memset(p + 1, 0, 2);
	p[3] = (char)((n - 1) >> 8);
	p[4] = (char)(n - 1);
	postgres_scrub(PHASE_READY, p, n, NULL);
}

static void resp(char *p, size_t n)
{
	static struct redis_scan scan;
	uint64_t bytes;
	bool counted;

	for (size_t at = 0; at < n;) {
		scan = (struct redis_scan){ 0 };
		if (redis_scan(&scan, p + at, n - at, &bytes, &counted) <= 0 || !bytes)
			return;
		at += bytes;
	}
}

static void key(char *p, size_t n)
{
	char out[REDIS_PATTERN_MAX + 1];

	redis_key_pattern(out, (struct str){ p, n }, false);
	redis_key_scrub(p, n, false);
}

static void web(char *p, size_t n)
{
	struct http_scan scan = { 0 };
	uint64_t bytes;
	bool counted;

	http_scan(&scan, p, n, &bytes, &counted);
	http_scrub(p, n);
}

static void cgroup(char *p, size_t n)
{
	struct cgroup_path out;

	cgroup_path_parse((struct str){ p, n }, &out);
}

static void yaml(char *p, size_t n)
{
	char err[CONFIG_ERR_MAX];
	struct config *cfg = NULL;

	config_parse(&cfg, "f.yaml", (struct str){ p, n }, err, sizeof(err));
	config_free(cfg);
}

/* The configuration is the operator's own, and read once: only its growth matters. */
static const struct parser parsers[] = {
	{ "sql", sql },	 { "sql_scrub", sql_scrub }, { "resp", resp }, { "key", key },
	{ "http", web }, { "cgroup", cgroup },	     { "yaml", yaml },
};

static void fill(char *p, size_t n, const char *a, const char *b)
{
	size_t la = strlen(a) ? strlen(a) : 1, lb = strlen(b);

	for (size_t i = 0; i < n; i++) {
		size_t k = i % (la + lb);

		p[i] = k < la ? a[k] : b[k - la];
	}
}

/* Of this thread alone: others may be given the CPU in between. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

static uint64_t least(const struct parser *x, const char *a, const char *b, size_t n)
{
	uint64_t best = UINT64_MAX, took;
	char *p = malloc(n); /* of the exact size, for the sanitizer */

	for (int i = 0; i < RUNS && (best > NOISE_NS || !i); i++) {
		fill(p, n, a, b);
		took = cpu_ns();
		x->run(p, n);
		took = cpu_ns() - took;
		best = took < best ? took : best;
	}
	free(p);
	return best;
}

static uint64_t worst;

static void check(const struct parser *x, const char *a, const char *b)
{
	uint64_t once = 0, twice = 0;

	/* What is too long is measured again: a busy machine is not slow each time. */
	for (int i = 0; i < TRIES; i++) {
		once = least(x, a, b, BYTES);
		twice = once < NOISE_NS ? 0 : least(x, a, b, 2 * BYTES);
		if ((once <= LIMIT_NS || x->run == yaml) && twice <= GROWTH * once)
			break;
		if (i == TRIES - 1)
			fail_msg("%s: \"%s%s\": %lu us for 8 KiB, %lu us for twice as much",
				 x->name, a, b, once / 1000, twice / 1000);
	}
	worst = once > worst ? once : worst;
}

static void linear(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parsers) / sizeof(*parsers); i++) {
		worst = 0;
		for (size_t a = 0; a < MOTIFS; a++) {
			check(&parsers[i], motifs[a], "");
			for (size_t b = 0; b < MOTIFS && parsers[i].run != yaml; b += 1 + a % 3)
				check(&parsers[i], motifs[a], motifs[b]);
		}
		print_message("%s: %lu us at the most\n", parsers[i].name, worst / 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
