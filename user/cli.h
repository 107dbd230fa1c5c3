/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: one function a command, what they share, and the options that they understand.
 * Data goes to stdout, messages to stderr.
 */
#ifndef TALLYMAN_CLI_H
#define TALLYMAN_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/agent.h"
#include "user/config.h"
#include "user/pipeline.h"

enum cli_status { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Bits of cli_command.options. */
enum cli_option {
	OPT_CONFIG = 1 << 0,
	OPT_LISTEN = 1 << 1,
	OPT_PROGRAM_STATS = 1 << 2,
	OPT_HIERARCHY = 1 << 3,
	OPT_RING_SIZE = 1 << 4,
	OPT_FOR = 1 << 5,
	OPT_INTERVAL = 1 << 6,
	OPT_JSON = 1 << 7,
	OPT_OUTPUT = 1 << 8,
	OPT_RAW = 1 << 9,
	OPT_WINDOW = 1 << 10,
	OPT_REFUSE = 1 << 11,
	OPT_DEBUG = 1 << 12,
	OPT_REPLAY = 1 << 13,
	OPT_RESOURCE = 1 << 14,
	OPT_SLOWER = 1 << 15,
	OPT_TENANT = 1 << 16,
	OPT_WORKFLOW = 1 << 17,
	OPT_TLS = 1 << 18,
	OPT_BUDGET = 1 << 19,
};

/* NULL and 0: not given. */
struct cli_options {
	const char *config;
	const char *listen;
	const char *hierarchy;
	const char *output;
	const char *replay; /* look at this recording instead */
	const char *resource;
	const char *tenant;
	const char *workflow;
	unsigned int refuse; /* bits of enum hook_kind */
	const char *budget;  /* percent, or "off" */
	uint64_t ring_bytes;
	uint64_t window_bytes;
	uint64_t for_ns;
	uint64_t interval_ns;
	uint64_t slower_ns;
	bool program_stats;
	bool tls;
	bool json;
	bool raw;
	char **args; /* what is no option, nargs of it */
	int nargs;
};

struct cli_command {
	const char *name;
	unsigned int options;
	int args_min, args_max;
	const char *usage;   /* behind the name */
	const char *summary; /* one line */
	const char *help;    /* more lines; may be "" */
	int (*run)(const struct cli_options *o);
};

/* Behind the last one is one without a name. */
extern const struct cli_command cli_commands[];

int cli_run(const struct cli_options *o);
int cli_watch(const struct cli_options *o);
int cli_record(const struct cli_options *o);
int cli_replay(const struct cli_options *o);
int cli_blame(const struct cli_options *o);
int cli_net(const struct cli_options *o);
int cli_requests(const struct cli_options *o);
int cli_explain(const struct cli_options *o);
int cli_check_config(const struct cli_options *o);
int cli_doctor(const struct cli_options *o);

/*
 * Reads argv[1...] (argv[0] is the command) into o. CLI_OK; CLI_USAGE, and it was told what is wrong.
 * *help: --help was among them.
 */
int cli_parse(const struct cli_command *c, int argc, char **argv, struct cli_options *o,
	      bool *help);

/* "10s", "500ms", "2m", "1h"; "64K", "8M", "4096". -EINVAL: no such thing, or none at all. */
int cli_duration(const char *text, uint64_t *ns);
int cli_size(const char *text, uint64_t *bytes);

/* Prints what an option takes, a line each, for --help. */
void cli_print_options(unsigned int options);

/*
 * The configuration of the options, or of the default place, with what the options override. CLI_OK;
 * else what is wrong was told, and it is the exit status.
 */
int cli_config(const struct cli_options *o, struct config **out);

/* What a command that traces has in common with the others; takes over the configuration. */
struct agent_options cli_agent_options(const struct cli_options *o, struct config *config);

/* What is made of a recording. */
struct cli_replay {
	/* At its end; a negative errno is a failure that was told. */
	int (*report)(void *ctx, struct pipeline *p);
	/* Each request; may be NULL. */
	void (*request)(void *ctx, const struct pipeline_request *r);
	void *ctx;
};

/* Replays the file ("-": standard input). The exit status; what went wrong was told. */
int cli_replay_file(const struct cli_options *o, const char *name, const struct cli_replay *what);

/*
 * Prints what a pipeline has counted: as tables, or as JSON lines. rows_max: of each table, 0 all. A
 * recording's replay prints the same bytes. 0 or a negative errno.
 */
int cli_print(struct pipeline *p, bool json, size_t rows_max);

/*
 * Traces for a while (10 s unless --for says how long), or reads the recording of --replay; reports once,
 * with the options as context. The exit status.
 */
int cli_once(const struct cli_options *o, int (*report)(void *ctx, struct pipeline *p));

/* After something was printed: `err`, or what became of it. It is told if it is an error. */
int cli_printed(int err);

/* Warns of what did not fit. */
void cli_print_limits(const struct pipeline *p);

/* Flushes stdout: `status`, or CLI_FAILED (and it is told) if something could not be written. */
int cli_finish(int status);

#endif
