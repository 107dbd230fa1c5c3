/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a command's arguments. Out: struct cli_options, or one line of what is wrong. One table holds all
 * options; a command says which of them it takes.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli.h"
#include "user/hooks.h"
#include "user/ledger.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"

struct description {
	enum cli_option option;
	const char *name;
	char letter;
	const char *argument; /* NULL: none */
	const char *help;
};

static const struct description descriptions[] = {
	{ OPT_CONFIG, "config", 'c', "FILE", "configuration (" CONFIG_DEFAULT_PATH ")" },
	{ OPT_LISTEN, "listen", 'l', "ADDR:PORT", "serve metrics there (127.0.0.1:9464)" },
	{ OPT_OUTPUT, "output", 'o', "FILE", "the recording to write" },
	{ OPT_FOR, "for", 'f', "DURATION", "end after 500ms, 10s, 2m, ..." },
	{ OPT_INTERVAL, "interval", 'i', "DURATION", "print once an interval" },
	{ OPT_JSON, "json", 'j', NULL, "print JSON" },
	{ OPT_RAW, "raw", 0, NULL,
	  "keep statements as they are, with SECRETS: literals, values, keys, names" },
	{ OPT_HIERARCHY, "cgroup-hierarchy", 0, "NAME",
	  "auto, unified or a controller of cgroup version 1" },
	{ OPT_RING_SIZE, "ring-size", 0, "BYTES", "room between the kernel and us: 64K, 8M" },
	{ OPT_BUDGET, "cpu-budget", 0, "PERCENT",
	  "of the node's CPU that tracing may take; or off (1)" },
	{ OPT_PROGRAM_STATS, "program-stats", 0, NULL,
	  "have the kernel measure the BPF programs (some 60 ns a run)" },
	{ OPT_WINDOW, "window", 0, "BYTES", "cut the statement as this text_window would" },
	{ OPT_REFUSE, "refuse", 0, "KIND[,KIND]",
	  "do without such hooks: tp_btf, fentry, fexit or kprobe" },
	{ OPT_REPLAY, "replay", 0, "FILE", "look at a recording instead; \"-\" is standard input" },
	{ OPT_RESOURCE, "resource", 0, "NAME",
	  "only waits for cpu, redis, disk, lock, memory or softirq" },
	{ OPT_SLOWER, "slower", 0, "DURATION",
	  "than that (the slowest hundredth of each workflow)" },
	{ OPT_TENANT, "tenant", 0, "NAME", "only of that tenant" },
	{ OPT_WORKFLOW, "workflow", 0, "NAME", "only of that workflow" },
	{ OPT_TLS, "tls", 0, NULL,
	  "look into TLS connections of OpenSSL (costs: see docs/tls.md)" },
	{ OPT_DEBUG, "debug", 0, NULL, "print what libbpf and the kernel's verifier say" },
};

#define DESCRIPTIONS (sizeof(descriptions) / sizeof(descriptions[0]))
/* getopt's value of description i is FIRST_VALUE + i. */
#define FIRST_VALUE 256
#define HELP_VALUE 'h'

struct unit {
	const char *name;
	uint64_t factor;
};

static int number_with_unit(const char *text, const struct unit *units, uint64_t *out)
{
	char *end;
	unsigned long long n;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || !n)
		return -EINVAL;
	for (; units->name; units++)
		if (!strcmp(end, units->name))
			return __builtin_mul_overflow(n, units->factor, out) ? -EINVAL : 0;
	return -EINVAL;
}

int cli_duration(const char *text, uint64_t *ns)
{
	static const struct unit units[] = {
		{ "us", 1000 },		  { "ms", NS_PER_MS },	      { "s", NS_PER_SEC },
		{ "m", 60 * NS_PER_SEC }, { "h", 3600 * NS_PER_SEC }, { NULL, 0 }
	};
	uint64_t value;

	/* Ten years: nothing that is added to a time can overflow. */
	if (number_with_unit(text, units, &value) || value > 87600 * 3600 * NS_PER_SEC)
		return -EINVAL;
	*ns = value;
	return 0;
}

int cli_size(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {
		{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { NULL, 0 }
	};

	return number_with_unit(text, units, bytes);
}

static int set_duration(const char *name, const char *value, uint64_t *ns)
{
	if (!cli_duration(value, ns))
		return CLI_OK;
	log_error("--%s: \"%s\" is no duration (use 500ms, 10s, 2m or 1h)", name, value);
	return CLI_USAGE;
}

static int set_size(const char *name, const char *value, uint64_t min, uint64_t max,
		    uint64_t *bytes)
{
	if (!cli_size(value, bytes) && *bytes >= min && *bytes <= max)
		return CLI_OK;
	log_error("--%s: \"%s\" is no size from %" PRIu64 " to %" PRIu64 " (use 4096, 64K or 8M)",
		  name, value, min, max);
	return CLI_USAGE;
}

static int set_kinds(const char *name, const char *value, unsigned int *kinds)
{
	if (!hooks_refusal(value, kinds))
		return CLI_OK;
	log_error("--%s: \"%s\" is no list of hook kinds (use tp_btf,fentry,fexit,kprobe)", name,
		  value);
	return CLI_USAGE;
}

static int set_resource(const char *name, const char *value, const char **resource)
{
	for (unsigned int i = 0; ledger_resource_name(i); i++) {
		if (strcmp(ledger_resource_name(i), value))
			continue;
		*resource = value;
		return CLI_OK;
	}
	log_error("--%s: there is no \"%s\" (use cpu, redis, disk, lock, memory or softirq)", name,
		  value);
	return CLI_USAGE;
}

static int set(struct cli_options *o, const struct description *d, const char *value)
{
	switch (d->option) {
	case OPT_CONFIG:
		o->config = value;
		return CLI_OK;
	case OPT_LISTEN:
		o->listen = value;
		return CLI_OK;
	case OPT_OUTPUT:
		o->output = value;
		return CLI_OK;
	case OPT_HIERARCHY:
		o->hierarchy = value;
		return CLI_OK;
	case OPT_FOR:
		return set_duration(d->name, value, &o->for_ns);
	case OPT_INTERVAL:
		return set_duration(d->name, value, &o->interval_ns);
	case OPT_RING_SIZE:
		return set_size(d->name, value, 4096, 1 << 30, &o->ring_bytes);
	case OPT_WINDOW:
		return set_size(d->name, value, 1, WIRE_TEXT_MAX, &o->window_bytes);
	case OPT_JSON:
		o->json = true;
		return CLI_OK;
	case OPT_RAW:
		o->raw = true;
		return CLI_OK;
	case OPT_REFUSE:
		return set_kinds(d->name, value, &o->refuse);
	case OPT_DEBUG:
		log_set_level(LOG_LEVEL_DEBUG);
		return CLI_OK;
	case OPT_REPLAY:
		o->replay = value;
		return CLI_OK;
	case OPT_RESOURCE:
		return set_resource(d->name, value, &o->resource);
	case OPT_SLOWER:
		return set_duration(d->name, value, &o->slower_ns);
	case OPT_TENANT:
		o->tenant = value;
		return CLI_OK;
	case OPT_WORKFLOW:
		o->workflow = value;
		return CLI_OK;
	case OPT_TLS:
		o->tls = true;
		return CLI_OK;
	case OPT_BUDGET:
		o->budget = value;
		return CLI_OK;
	case OPT_PROGRAM_STATS:
		o->program_stats = true;
		return CLI_OK;
	}
	return CLI_USAGE;
}

/* What getopt_long() wants to have: only the options that the command takes. */
static void getopt_tables(unsigned int options, char *letters, struct option *longs)
{
	*letters++ = ':';
	*letters++ = HELP_VALUE;
	*longs++ = (struct option){ "help", no_argument, NULL, HELP_VALUE };
	for (size_t i = 0; i < DESCRIPTIONS; i++) {
		const struct description *d = &descriptions[i];

		if (!(options & d->option))
			continue;
		*longs++ = (struct option){ d->name, d->argument ? required_argument : no_argument,
					    NULL, (int)(FIRST_VALUE + i) };
		if (d->letter)
			*letters++ = d->letter;
		if (d->letter && d->argument)
			*letters++ = ':';
	}
	*longs = (struct option){ 0 };
	*letters = '\0';
}

static const struct description *description_of(int value)
{
	if (value >= FIRST_VALUE)
		return &descriptions[value - FIRST_VALUE];
	for (size_t i = 0; i < DESCRIPTIONS; i++)
		if (value && descriptions[i].letter == value)
			return &descriptions[i];
	return NULL;
}

static int complain(const struct cli_command *c, const char *what, const char *about)
{
	log_error("%s: %s%s%s%s (see tallyman %s --help)", c->name, what, about ? " \"" : "",
		  about ? about : "", about ? "\"" : "", c->name);
	return CLI_USAGE;
}

/* `word`: the argument that getopt stumbled on. */
static int complain_option(const struct cli_command *c, int value, const char *word)
{
	const char letter[] = { '-', (char)optopt, '\0' };

	if (value == ':')
		return complain(c, "a value is missing after", word);
	return complain(c, "unknown option", optopt > 0 && optopt < FIRST_VALUE ? letter : word);
}

int cli_parse(const struct cli_command *c, int argc, char **argv, struct cli_options *o, bool *help)
{
	struct option longs[DESCRIPTIONS + 2];
	char letters[2 * DESCRIPTIONS + 3];
	int value, status = CLI_OK;

	*help = false;
	getopt_tables(c->options, letters, longs);
	opterr = 0;
	optind = 1;
	while (status == CLI_OK && (value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct description *d = description_of(value);

		if (value == HELP_VALUE) {
			*help = true;
			return CLI_OK;
		}
		status = d ? set(o, d, optarg) : complain_option(c, value, argv[optind - 1]);
	}
	if (status != CLI_OK)
		return status;
	o->args = argv + optind;
	o->nargs = argc - optind;
	if (o->nargs < c->args_min)
		return complain(c, "an argument is missing", NULL);
	if (o->nargs > c->args_max)
		return complain(c, "too many arguments at", o->args[c->args_max]);
	return CLI_OK;
}

void cli_print_options(unsigned int options)
{
	for (size_t i = 0; i < DESCRIPTIONS; i++) {
		const struct description *d = &descriptions[i];
		char left[64];

		if (!(options & d->option))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", d->name, d->argument ? " " : "",
			 d->argument ? d->argument : "");
		if (d->letter)
			printf("  -%c, %-24s %s\n", d->letter, left, d->help);
		else
			printf("      %-24s %s\n", left, d->help);
	}
	printf("  -h, %-24s %s\n", "--help", "print this");
}
