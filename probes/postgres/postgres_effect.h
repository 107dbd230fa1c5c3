/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that change what the decoder keeps about a connection: its prepared statements and its
 * application_name. In: a statement's text. Knows no connection.
 */
#ifndef TALLYMAN_POSTGRES_EFFECT_H
#define TALLYMAN_POSTGRES_EFFECT_H

#include "user/lib/str.h"

#define PG_EFFECT_TEXT 64

enum pg_effect_kind {
	PG_NOTHING,
	PG_DEALLOCATE, /* the statement of that name */
	PG_DEALLOCATE_ALL,
	PG_DISCARD_ALL, /* as above, and the application_name is the start-up packet's again */
	PG_SET_NAME,	/* application_name */
	PG_RESET_NAME,
};

struct pg_effect {
	enum pg_effect_kind kind;
	/* Within the statement's text: the name, or what is between the quotes. With PG_NOTHING, an
	 * application_name whose end is not there. */
	struct str value;
};

struct pg_effect pg_effect_of(struct str sql);

#endif
