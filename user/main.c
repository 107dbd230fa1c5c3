/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands and their help; which command is meant. */
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "user/cli.h"
#include "user/lib/log.h"

#define OPT_LIVE                                                                                 \
	(OPT_CONFIG | OPT_HIERARCHY | OPT_RING_SIZE | OPT_PROGRAM_STATS | OPT_REFUSE | OPT_TLS | \
	 OPT_BUDGET | OPT_DEBUG)

const struct cli_command cli_commands[] = {
	{ "run", OPT_LIVE | OPT_LISTEN, 0, 0, "[OPTIONS]",
	  "trace until SIGTERM and serve metrics for Prometheus",
	  "Serves /metrics, /healthz and /readyz. SIGHUP reads the rules of the configuration again.\n"
	  "\nexample:\n  tallyman run --config /etc/tallyman/tallyman.yaml --listen 0.0.0.0:9464\n",
	  cli_run },
	{ "watch", OPT_LIVE | OPT_FOR | OPT_INTERVAL | OPT_JSON, 0, 0, "[OPTIONS]",
	  "trace and print tables, or JSON lines",
	  "Prints the figures of each interval (2s). With --for and no --interval: all, once, at the "
	  "end.\n"
	  "\nexamples:\n  tallyman watch\n  tallyman watch --for 10s --json\n",
	  cli_watch },
	{ "blame", OPT_LIVE | OPT_FOR | OPT_RESOURCE | OPT_JSON | OPT_REPLAY, 0, 0, "[OPTIONS]",
	  "say who waited for whom, and on what",
	  "Traces for a while (10s), or reads a recording: a sentence for each tenant's workflow, who "
	  "waited longest first, and a table of waiters and of those they waited for.\n"
	  "\nexamples:\n  tallyman blame --for 30s\n  tallyman blame --resource redis --replay "
	  "busy.rec\n",
	  cli_blame },
	{ "net", OPT_LIVE | OPT_FOR | OPT_JSON | OPT_REPLAY, 0, 0, "[OPTIONS]",
	  "print TCP connections by container and peer",
	  "Traces for a while (10s), or reads a recording: connections, failures, bytes, segments sent "
	  "again\nand round trips, and the queues of listening sockets.\n"
	  "\nexamples:\n  tallyman net --for 30s\n  tallyman net --json --replay busy.rec\n",
	  cli_net },
	{ "requests",
	  OPT_LIVE | OPT_FOR | OPT_SLOWER | OPT_TENANT | OPT_WORKFLOW | OPT_JSON | OPT_REPLAY, 0, 0,
	  "[OPTIONS]", "print slow requests as they end, and where their time went",
	  "A line for each request that was served here and took longer than --slower. Without it: "
	  "longer\nthan 99 of 100 requests of its own workflow. At most 20 a second; the others are "
	  "counted.\n"
	  "\nexamples:\n  tallyman requests --slower 20ms\n  tallyman requests --tenant acme "
	  "--replay busy.rec\n",
	  cli_requests },
	{ "record", OPT_LIVE | OPT_OUTPUT | OPT_FOR | OPT_RAW | OPT_JSON, 0, 0, "-o FILE [OPTIONS]",
	  "trace into a file, and print what was traced",
	  "Literals, bind values, Redis values and raw keys do not get into the file, unless --raw "
	  "says so.\nWith --raw it holds whatever your clients send: passwords, names, card "
	  "numbers.\n"
	  "\nexample:\n  tallyman record -o busy.rec --for 30s\n",
	  cli_record },
	{ "replay", OPT_CONFIG | OPT_JSON, 1, 1, "FILE [OPTIONS]",
	  "print what a recording holds, as record printed it",
	  "Needs no root and no particular kernel. \"-\" is standard input. With --config, with other "
	  "rules.\n"
	  "\nexample:\n  tallyman replay busy.rec --json\n",
	  cli_replay },
	{ "explain", OPT_CONFIG | OPT_JSON | OPT_WINDOW, 2, 2, "sql|redis|cgroup TEXT [OPTIONS]",
	  "show what tallyman makes of a statement, command or cgroup",
	  "\nexamples:\n  tallyman explain sql \"SELECT * FROM stock_picking WHERE id = 7\"\n"
	  "  tallyman explain redis \"GET session:123\"\n"
	  "  tallyman explain cgroup /system.slice/docker-0123.scope --json\n",
	  cli_explain },
	{ "check-config", 0, 0, 1, "[FILE]", "check a configuration, without tracing",
	  "Exit status 2 and one line of what is wrong, if something is.\n"
	  "\nexample:\n  tallyman check-config ./tallyman.yaml\n",
	  cli_check_config },
	{ "doctor", OPT_CONFIG | OPT_JSON | OPT_HIERARCHY | OPT_REFUSE | OPT_DEBUG, 0, 0,
	  "[OPTIONS]", "say what this node allows, and what to change",
	  "Loads and attaches every variant of every hook for a moment. Exit status 1 if the minimum "
	  "does not work.\n"
	  "\nexample:\n  sudo tallyman doctor\n",
	  cli_doctor },
	{ 0 },
};

static void print_version(void)
{
	printf("tallyman %s (libbpf %s, records version %d)\n", TALLYMAN_VERSION,
	       libbpf_version_string(), WIRE_VERSION);
}

static void print_usage(void)
{
	puts("usage: tallyman COMMAND [OPTIONS]\n\n"
	     "Tells who waits on a shared node, and for which tenant and business workflow: traces\n"
	     "PostgreSQL, Redis and HTTP requests, and waits for CPU, disk, memory and locks.\n\ncommands:");
	for (const struct cli_command *c = cli_commands; c->name; c++)
		printf("  %-13s %s\n", c->name, c->summary);
	puts("\noptions:\n"
	     "  -h, --help     print this; \"tallyman COMMAND --help\" has the command's options\n"
	     "  -V, --version  print the version\n\n"
	     "examples:\n"
	     "  sudo tallyman doctor                    # what works on this node?\n"
	     "  sudo tallyman watch                     # a table that refreshes\n"
	     "  sudo tallyman run --listen 0.0.0.0:9464 # metrics for Prometheus\n"
	     "  sudo tallyman record -o f.rec --for 30s # keep what happens ...\n"
	     "  tallyman replay f.rec                   # ... and look at it elsewhere\n\n"
	     "exit status: 0 good, 1 failed, 2 wrong usage or configuration");
}

static void print_help(const struct cli_command *c)
{
	printf("usage: tallyman %s %s\n\nTo %s.\n%s\noptions:\n", c->name, c->usage, c->summary,
	       c->help);
	cli_print_options(c->options);
}

static const struct cli_command *command_of(const char *name)
{
	const struct cli_command *c = cli_commands;

	while (c->name && strcmp(c->name, name))
		c++;
	return c->name ? c : NULL;
}

static int run_command(const struct cli_command *c, int argc, char **argv)
{
	struct cli_options o = { 0 };
	bool help;
	int status = cli_parse(c, argc, argv, &o, &help);

	if (status != CLI_OK)
		return status;
	if (!help)
		return c->run(&o);
	print_help(c);
	return cli_finish(CLI_OK);
}

/* libbpf tells of what it tries in vain; we say what came of it. */
static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	const struct cli_command *c = command_of(word);

	/* A reader that went away is an error of a write, and told as such. */
	signal(SIGPIPE, SIG_IGN);
	libbpf_set_print(print_nothing);
	if (c)
		return run_command(c, argc - 1, argv + 1);
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		print_version();
		return cli_finish(CLI_OK);
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
		print_usage();
		return cli_finish(CLI_OK);
	}
	log_error("%s%s%s (see tallyman --help)",
		  *word ? "there is no command \"" : "which command?", word, *word ? "\"" : "");
	return CLI_USAGE;
}
