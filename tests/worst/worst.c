/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a parser's fuzz target takes at worst for 8 KiB, built as the tracer itself is. In: its seeds, what
 * the fuzzer kept, and files or folders that are named. Each is tried as it is and repeated until it fills
 * 8 KiB, and so are beginnings that nest, quote or count. Out: the slowest, as TAP; over its limit it fails.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SIZE_MAX_IN 8192
#define LIMIT_NS 1000000
#define CONFIG_LIMIT_NS 10000000 /* libyaml's time, once, for a file of the operator's own */
#define RUNS 3			 /* the least of them counts */
#define RUNS_SLOW 40		 /* of one that is over the limit: it must be so each time */

/* Of a target that makes more of its input (records with requests): how many bytes stand for what it made. */
extern size_t fuzz_work __attribute__((weak));

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const repeated[] = {
	"(",
	"((a",
	"'",
	"''",
	"\"",
	"\"\"",
	"$a$",
	"$",
	"--",
	"--\n",
	"/*",
	"/**/",
	"/*a='b'*/",
	"a.",
	"a.b,",
	"a,",
	"select ",
	"from a,",
	"from a join b ",
	"in (1,",
	"1,",
	"0",
	"-",
	"9.9e",
	"\n",
	"\r\n",
	"*1\r\n",
	"*9999\r\n",
	"$1\r\n",
	"$0\r\n\r\n",
	"%1\r\n",
	"~1\r\n",
	"+\r\n",
	"a:b:",
	"0123456789abcdef-",
	"A: b\r\n",
	"GET / HTTP/1.1\r\n\r\n",
	"/1",
	"%41",
	"\\",
	"{a: [",
	"- a: &a\n",
	"*a ",
	"\x01\xff",
	"\x00",
	"\xff",
	"\x7f"
	"ELF",
	"a\x00",
};

static struct {
	char name[512];
	uint64_t ns;
	size_t size;
} worst;
static unsigned long inputs;
static uint64_t limit_ns = LIMIT_NS;

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t run(const uint8_t *data, size_t size)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < RUNS || (i < RUNS_SLOW && least > limit_ns); i++) {
		uint64_t ns = cpu_ns();

		if (&fuzz_work)
			fuzz_work = 0;
		LLVMFuzzerTestOneInput(data, size);
		ns = cpu_ns() - ns;
		if (&fuzz_work && fuzz_work > SIZE_MAX_IN)
			ns = ns * SIZE_MAX_IN / fuzz_work;
		least = ns < least ? ns : least;
	}
	return least;
}

static void try(const char *name, const uint8_t *data, size_t size)
{
	uint64_t ns = run(data, size);

	inputs++;
	if (ns <= worst.ns)
		return;
	worst.ns = ns;
	worst.size = size;
	snprintf(worst.name, sizeof(worst.name), "%s", name);
	for (char *c = worst.name; *c; c++)
		*c = *c >= ' ' && *c <= '~' ? *c : '.';
}

/* `head`, then the piece again and again. */
static void try_filled(const char *name, const uint8_t *head, size_t nhead, const uint8_t *piece,
		       size_t size)
{
	static uint8_t data[SIZE_MAX_IN];

	memcpy(data, head, nhead);
	for (size_t at = nhead; at < sizeof(data); at++)
		data[at] = piece[(at - nhead) % size];
	try(name, data, sizeof(data));
}

static void try_repeated(void)
{
	static const uint8_t heads[][2] = { { 0, 0 }, { 1, 0xff }, { 2, 0xff }, { 0xff, 0xff } };

	for (size_t i = 0; i < sizeof(repeated) / sizeof(*repeated); i++) {
		const uint8_t *piece = (const uint8_t *)repeated[i];
		size_t size = piece[0] ? strlen(repeated[i]) : 1;

		for (size_t k = 0; k < sizeof(heads) / sizeof(*heads); k++)
			for (size_t n = 0; n <= 2; n++)
				try_filled(repeated[i], heads[k], n, piece, size);
	}
}

static void try_file(const char *path)
{
	static uint8_t data[SIZE_MAX_IN];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return;
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	if (n)
		try(path, data, n);
	if (n && n < sizeof(data))
		try_filled(path, data, 0, data, n);
}

static void try_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char file[512];

	while (d && (e = readdir(d))) {
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.')
			try_file(file);
	}
	if (d)
		closedir(d);
}

static void try_path(const char *path)
{
	struct stat st;

	if (!stat(path, &st))
		(S_ISDIR(st.st_mode) ? try_folder : try_file)(path);
}

static void try_known(const char *target)
{
	static const char *const folders[] = { "tests/fuzz/seeds", "build/fuzz/corpus" };
	char path[128];

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], target);
		try_path(path);
	}
}

int main(int argc, char **argv)
{
	const char *target = strstr(argv[0], "test_");

	if (!target) {
		fprintf(stderr, "%s: not named test_TARGET\n", argv[0]);
		return 2;
	}
	target += strlen("test_");
	if (!strcmp(target, "config"))
		limit_ns = CONFIG_LIMIT_NS;
	try_repeated();
	try_known(target);
	for (int i = 1; i < argc; i++)
		try_path(argv[i]);
	printf("1..1\n# %lu inputs, at worst %.3f ms for %zu bytes: %s\n%sok 1 - %s_at_worst\n",
	       inputs, (double)worst.ns / 1e6, worst.size, worst.name,
	       worst.ns > limit_ns ? "not " : "", target);
	return worst.ns > limit_ns;
}
