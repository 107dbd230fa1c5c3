/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of Redis, Valkey and their usual modules: a closed vocabulary, since what clients send
 * as a command's name can be anything. Says where the first key of each is.
 */
#ifndef TALLYMAN_REDIS_COMMAND_H
#define TALLYMAN_REDIS_COMMAND_H

#include <stdint.h>

#include "user/lib/str.h"

enum redis_keys {
	KEYS_PLAIN,   /* the first key is argument `key`, 0: there is none */
	KEYS_NUMBER,  /* as above, if argument key - 1, the number of keys, is not 0 */
	KEYS_STREAMS, /* behind the word STREAMS, which is argument `key` at the earliest */
};

struct redis_command {
	const char *name;  /* upper case; with its subcommand "CONFIG GET" */
	uint8_t key;	   /* arguments count from 0, the command's name */
	uint8_t keys;	   /* enum redis_keys */
	uint8_t container; /* it has subcommands, listed as commands */
};

#define REDIS_NAME_MAX 40

/*
 * Is there a command whose name (sub.s NULL), or name and subcommand, begin with these?
 */
bool redis_command_begins(struct str name, struct str sub);

/* name and sub in any case; sub matters for containers only. NULL: no such command. */
const struct redis_command *redis_command_find(struct str name, struct str sub);

/* All of them, sorted by name. */
const struct redis_command *redis_command_table(size_t *n);

#endif
