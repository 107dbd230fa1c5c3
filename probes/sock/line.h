/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line before a server's only thread, and who had the thread: a ring of slices. In: when the thread
 * read whose bytes, and wrote whose reply, in the order of time. Out: the pieces of a wait, which add up
 * to it. The user-space counterpart of the kernel's ledger: knows no record and no owner.
 */
#ifndef TALLYMAN_LINE_H
#define TALLYMAN_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/wire.h"
#include "user/lib/u64map.h"

#define LINE_SLICES 256 /* a power of two */
#define LINE_PIECES 16
#define LINE_NO_TURN 0

struct subject;
struct statement;

/* Whose request it is. Compared by pointer: all are interned. */
struct occupant {
	const struct subject *subject;
	const struct statement *statement;
	const struct statement *context; /* see event.h */
};

static inline bool occupant_same(struct occupant a, struct occupant b)
{
	return a.subject == b.subject && a.statement == b.statement && a.context == b.context;
}

/* A part of a wait. `who` is all NULL unless WAIT_NEIGHBOUR or WAIT_SELF. */
struct line_piece {
	enum wait_cause cause;
	struct occupant who;
	uint64_t ns;
};

struct line_pieces {
	unsigned int n;
	struct line_piece piece[LINE_PIECES];
};

struct slice {
	uint64_t start_ns;
	uint64_t end_ns;
	struct occupant who;
};

struct line {
	uint64_t since_ns; /* of the first mark: nothing is known of the time before */
	uint64_t last_ns;  /* of the last mark: a read or a write */
	uint64_t last_read_ns;
	uint64_t strike_ns;
	uint64_t *busy_ns; /* of the reader whose slice is open; adds what is not added yet */
	uint64_t busy_from_ns;
	uint32_t off_cpu_ns;  /* as the last record had it */
	uint32_t last_off_ns; /* at the last mark */
	uint32_t busy_off_ns; /* at busy_from_ns */
	uint32_t last_cpu;
	uint32_t made;	  /* slices so far; wraps */
	uint32_t nslices; /* of them in the ring */
	uint32_t turn;	  /* of the event loop: reads, then writes; never LINE_NO_TURN */
	uint8_t strikes;
	bool open;     /* the newest slice has not ended */
	bool wrote;    /* the last mark is a write */
	bool threaded; /* more than one thread reads: nobody can be told to have had it */
	struct slice slices[LINE_SLICES];
	/* Of the table of lines; line_init() leaves them alone, as it does the slices. */
	struct lines *lines;
	uint32_t refs;
	uint32_t pid;
};

void line_init(struct line *l);

/* A record of the thread's; what is told of it next, was then. Wraps; 0: not known. */
void line_off_cpu(struct line *l, uint32_t off_cpu_ns);

/*
 * At time_ns the thread, on that CPU, read bytes of `who`, and works for it until the next mark; with
 * `sleeps` it may wait for something else instead, and nothing is said about what follows. Returns the
 * turn, to be handed to line_write(). Times that run backwards are taken for the last mark's.
 */
uint32_t line_read(struct line *l, uint64_t time_ns, uint32_t cpu, struct occupant who,
		   bool sleeps);
/* It wrote the reply to bytes that it read in that turn. What the writing alone used of the CPU, if that is known. */
uint64_t line_write(struct line *l, uint64_t time_ns, uint32_t turn, struct occupant who);

/* After line_read(): the CPU time that the thread uses for the reader is added to *busy_ns, which outlives that. */
void line_meter(struct line *l, uint64_t *busy_ns);
/* Adds what it had so far. */
void line_meter_settle(struct line *l, uint64_t time_ns);
/* *busy_ns goes. l may be NULL. */
void line_meter_end(struct line *l, const uint64_t *busy_ns);

/*
 * Who had the thread while `waiter` waited, [from_ns, to_ns). A client's own container is WAIT_SELF.
 * Pieces of one occupant are one; if there are too many, the oldest end up in WAIT_UNKNOWN.
 */
void line_charge(const struct line *l, uint64_t from_ns, uint64_t to_ns,
		 const struct subject *waiter, struct line_pieces *out);

/* Lines by process. At most `max` at a time. */
struct lines {
	struct u64map by_pid;
	uint64_t threaded; /* lines that were found to be, so far */
};

void lines_init(struct lines *t, uint32_t max);
/* All lines must have been left. */
void lines_clear(struct lines *t);

/* The line of a process, to be left with line_leave(). NULL: no room, or no memory. */
struct line *lines_join(struct lines *t, uint32_t pid);
/* l may be NULL. */
void line_leave(struct line *l);

/* Of a client on another node there is no container: what is known of both must be the same. */
bool line_is_self(const struct subject *a, const struct subject *b);

#endif
