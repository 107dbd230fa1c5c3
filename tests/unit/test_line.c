/* SPDX-License-Identifier: Apache-2.0 */
/* The line before a server's thread: pieces add up to the wait whatever the marks say, and name who had it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probes/sock/line.h"
#include "user/event.h"

static const struct subject alice = { .id = 1, .client_cgroup = 11 };
static const struct subject alice_too = { .id = 2, .client_cgroup = 11 };
static const struct subject bob = { .id = 3, .client_cgroup = 12 };
static const struct subject far = { .id = 4 };
static const struct subject farther = { .id = 5 };
static const struct statement get = { .id = 1, .operation = "GET" };
static const struct statement set = { .id = 2, .operation = "SET" };

static const struct occupant alice_get = { &alice, &get, NULL }, bob_get = { &bob, &get, NULL },
			     bob_set = { &bob, &set, NULL };

static struct line line;
static struct line_pieces pieces;

static uint64_t charged(enum wait_cause cause, const struct subject *who)
{
	uint64_t ns = 0;

	for (unsigned int i = 0; i < pieces.n; i++)
		if (pieces.piece[i].cause == cause && pieces.piece[i].who.subject == who)
			ns += pieces.piece[i].ns;
	return ns;
}

static void charge(uint64_t from, uint64_t to, const struct subject *waiter)
{
	unsigned __int128 sum = 0;

	line_charge(&line, from, to, waiter, &pieces);
	for (unsigned int i = 0; i < pieces.n; i++) {
		assert_true(pieces.piece[i].ns > 0);
		sum += pieces.piece[i].ns;
	}
	assert_true(sum == (to > from ? to - from : 0));
}

static int setup(void **state)
{
	(void)state;
	line_init(&line);
	return 0;
}

/* Reads at 100 and 150, writes at 180 and 190, nothing, a read at 300. */
static void a_turn_of_the_loop(void **state)
{
	uint32_t turn;

	(void)state;
	turn = line_read(&line, 100, 0, alice_get, false);
	assert_int_equal(line_read(&line, 150, 0, bob_get, false), turn);
	line_write(&line, 180, turn, alice_get);
	line_write(&line, 190, turn, bob_get);
	assert_int_not_equal(line_read(&line, 300, 0, bob_set, false), turn);
	charge(90, 300, &alice);
	assert_int_equal(charged(WAIT_SELF, &alice), 50);
	assert_int_equal(charged(WAIT_NEIGHBOUR, &bob), 40);
	assert_int_equal(charged(WAIT_IDLE, NULL), 110);
	assert_int_equal(charged(WAIT_UNKNOWN, NULL), 10);
	charge(160, 170, &bob);
	assert_int_equal(charged(WAIT_SELF, &bob), 10);
	charge(185, 185, &bob);
	assert_int_equal(pieces.n, 0);
	charge(300, 400, &alice); /* goes on */
	assert_int_equal(charged(WAIT_NEIGHBOUR, &bob), 100);
}

static void one_container_is_oneself(void **state)
{
	(void)state;
	line_read(&line, 100, 0, (struct occupant){ &alice, &get, NULL }, false);
	line_read(&line, 200, 0, (struct occupant){ &far, &get, NULL }, false);
	line_write(&line, 300, 1, alice_get);
	charge(100, 300, &alice_too);
	assert_int_equal(charged(WAIT_SELF, &alice), 100);
	assert_int_equal(charged(WAIT_NEIGHBOUR, &far), 100);
	charge(200, 300, &far);
	assert_int_equal(charged(WAIT_SELF, &far), 100);
	charge(200, 300, &farther); /* neither has a container: they are not the same for that */
	assert_int_equal(charged(WAIT_NEIGHBOUR, &far), 100);
}

/* A BLPOP may wait for seconds: nobody is charged for that, also not by its late reply. */
static void sleeping_commands_have_nothing(void **state)
{
	uint32_t turn;

	(void)state;
	turn = line_read(&line, 100, 0, alice_get, true);
	assert_int_equal(turn, LINE_NO_TURN);
	line_write(&line, 5000, turn, alice_get);
	charge(100, 5000, &bob);
	assert_int_equal(charged(WAIT_IDLE, NULL), 4900);
	turn = line_read(&line, 6000, 0, alice_get, false);
	line_write(&line, 6010, turn, alice_get);
	line_write(&line, 6010 + 5000000, turn, alice_get); /* no write takes so long */
	charge(6010, 6010 + 5000000, &bob);
	assert_int_equal(charged(WAIT_IDLE, NULL), 5000000);
}

static void beyond_the_ring_is_unknown(void **state)
{
	uint64_t t = 1000;

	(void)state;
	for (int i = 0; i < 2 * LINE_SLICES; i++, t += 10)
		line_read(&line, t, 0, i % 2 ? bob_get : bob_set, false);
	charge(1000, t, &alice);
	assert_int_equal(charged(WAIT_NEIGHBOUR, &bob), 10 * LINE_SLICES);
	assert_int_equal(charged(WAIT_UNKNOWN, NULL), 10 * LINE_SLICES);
	line_init(&line);
	for (int i = 0; i < 2 * LINE_SLICES; i++, t += 10)
		line_read(&line, t, 0, bob_get, false);
	assert_int_equal(line.nslices, 1); /* without a gap it is one slice */
}

static void too_many_occupants(void **state)
{
	static struct subject many[3 * LINE_PIECES];

	(void)state;
	for (int i = 0; i < 3 * LINE_PIECES; i++) {
		many[i] = (struct subject){ .id = i + 1, .client_cgroup = 100 + i };
		line_read(&line, 1000 + 10 * i, 0, (struct occupant){ &many[i], &get, NULL },
			  false);
	}
	charge(1000, 1000 + 30 * LINE_PIECES, &alice);
	assert_int_equal(pieces.n, LINE_PIECES);
	assert_int_equal(charged(WAIT_NEIGHBOUR, &many[3 * LINE_PIECES - 1]), 10);
	assert_int_equal(charged(WAIT_UNKNOWN, NULL), 10 * (2 * LINE_PIECES + 1));
}

static void reads_at_once_on_two_cpus_are_threads(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		line_read(&line, 10000 * (i + 1), i % 2, alice_get, false);
	assert_false(line.threaded); /* it was moved, again and again */
	for (int i = 0; i < 10; i++)
		line_read(&line, 2000000 + 100 * i, i % 2, alice_get, false);
	assert_true(line.threaded);
	charge(2000000, 2000500, &bob);
	assert_int_equal(charged(WAIT_UNKNOWN, NULL), 500);
}

static uint64_t rnd_state = 88172645463325252ULL;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

/* Times of a hostile recording: charge() checks that the pieces add up. */
static void any_marks_add_up(void **state)
{
	static const struct occupant who[] = { { &alice, &get, NULL },
					       { &bob, &set, NULL },
					       { &far, &get, NULL } };

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint64_t scale = rnd() % 64;

		line_init(&line);
		for (int i = 0; i < 600; i++) {
			uint64_t t = rnd() >> scale;

			if (rnd() % 2)
				line_read(&line, t, rnd() % 4, who[rnd() % 3], rnd() % 8 == 0);
			else
				line_write(&line, t, rnd() % 4, who[rnd() % 3]);
			charge(rnd() >> scale, rnd() >> scale, &alice);
		}
	}
}

/* What is billed is CPU time: while the thread is off the CPU the reader still has it, but uses nothing. */
static void preempted_time_is_not_used(void **state)
{
	uint64_t busy = 0;
	uint32_t turn;

	(void)state;
	line_off_cpu(&line, UINT32_MAX - 10);
	turn = line_read(&line, 1000, 0, alice_get, false);
	line_meter(&line, &busy);
	line_off_cpu(&line, 19); /* 30 more: it wraps */
	assert_int_equal(line_write(&line, 1100, turn, alice_get), 0);
	assert_int_equal(busy, 70);
	line_off_cpu(&line, 24);
	assert_int_equal(line_write(&line, 1120, turn, bob_get), 15);
	/* A thread that is not followed any more: wall time is all that is known. */
	line_off_cpu(&line, 0);
	assert_int_equal(line_write(&line, 1130, turn, bob_get), 10);
	charge(1000, 1130, &far);
	assert_int_equal(charged(WAIT_NEIGHBOUR, &alice) + charged(WAIT_NEIGHBOUR, &bob), 130);
}

static void lines_are_shared_and_bounded(void **state)
{
	struct lines t;
	struct line *a, *b;

	(void)state;
	lines_init(&t, 2);
	a = lines_join(&t, 7);
	assert_ptr_equal(lines_join(&t, 7), a);
	b = lines_join(&t, 8);
	assert_non_null(b);
	assert_null(lines_join(&t, 9));
	line_leave(a);
	assert_null(lines_join(&t, 9));
	line_leave(a);
	a = lines_join(&t, 9);
	assert_non_null(a);
	line_leave(a);
	line_leave(b);
	line_leave(NULL);
	lines_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_turn_of_the_loop, setup),
		cmocka_unit_test_setup(one_container_is_oneself, setup),
		cmocka_unit_test_setup(sleeping_commands_have_nothing, setup),
		cmocka_unit_test_setup(beyond_the_ring_is_unknown, setup),
		cmocka_unit_test_setup(too_many_occupants, setup),
		cmocka_unit_test_setup(reads_at_once_on_two_cpus_are_threads, setup),
		cmocka_unit_test_setup(any_marks_add_up, setup),
		cmocka_unit_test_setup(preempted_time_is_not_used, setup),
		cmocka_unit_test(lines_are_shared_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
