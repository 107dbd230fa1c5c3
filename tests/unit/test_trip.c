/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's time split into its server's and the network's: the parts add up to it, whatever the two ends' clocks
 * say; what is not known is not told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "probes/sock/peer.h"
#include "tests/unit/pair.h"

/* The newest event of that role; its number. */
static int newest(enum role role)
{
	int i = fx.n - 1;

	while (i >= 0 && fx.events[i].role != role)
		i--;
	assert_true(i >= 0);
	return i;
}

static void trip_is(enum trip_basis basis, uint64_t connect_ns, uint64_t queue_ns,
		    uint64_t service_ns, uint64_t network_ns, uint64_t run_queue_ns,
		    uint64_t remote_ns)
{
	const struct event_trip *t = &fx.trips[newest(ROLE_CLIENT)];
	const struct event_request *e = &fx.events[newest(ROLE_CLIENT)];
	uint64_t sum = 0;

	assert_non_null(e->trip);
	assert_int_equal(t->basis, basis);
	assert_int_equal(t->part_ns[TRIP_CONNECT], connect_ns);
	assert_int_equal(t->part_ns[TRIP_QUEUE], queue_ns);
	assert_int_equal(t->part_ns[TRIP_SERVICE], service_ns);
	assert_int_equal(t->part_ns[TRIP_NETWORK], network_ns);
	assert_int_equal(t->part_ns[TRIP_RUN_QUEUE], run_queue_ns);
	assert_int_equal(t->part_ns[TRIP_REMOTE], remote_ns);
	for (int i = 0; i < TRIP_PART_MAX; i++)
		sum += t->part_ns[i];
	assert_int_equal(sum, connect_ns + e->service_ns);
}

/* Request `seq` at one end, "PING\r\n" and 10 bytes of reply. The server's arrived 3 ns before. */
static void told(uint64_t id, uint32_t seq, uint64_t from_ns, uint64_t to_ns)
{
	struct rec_request *r = request_rec(id, 6 * seq, "PING\r\n", 6, from_ns);
	struct rec_reply reply = reply_rec(id, seq, 1, 10 * (seq + 1), to_ns);

	r->seq = seq;
	r->requests = 1;
	feed(r);
	feed(&reply);
}

static void turn(uint32_t seq, uint64_t sent_ns, uint64_t read_ns, uint64_t run_queue_ns)
{
	struct rec_turn r = { .hdr = { REC_TURN, sizeof(r), 0, read_ns },
			      .conn = CLIENT,
			      .pos = 10 * seq,
			      .bytes = 10,
			      .sent_bytes = 6,
			      .sent_pos = 6 * seq,
			      .sent_ns = sent_ns,
			      .run_queue_ns = run_queue_ns };

	feed(&r);
}

static void link_told(uint64_t connect_ns, uint64_t rtt_ns)
{
	struct rec_link r = { .hdr = { REC_LINK, sizeof(r), 0, 1 },
			      .conn = CLIENT,
			      .connect_ns = connect_ns,
			      .rtt_ns = rtt_ns };

	feed(&r);
}

static void received(uint32_t seq, uint64_t time_ns)
{
	struct rec_received r = { .hdr = { REC_RECEIVED, sizeof(r), 0, time_ns },
				  .conn = SERVER,
				  .seq = seq };

	feed(&r);
}

static void a_local_clients_time_is_split(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		restart();
		join();
		link_told(7, 0);
		if (order)
			turn(0, 100, 200, 9);
		told(SERVER, 0, 123, 163); /* arrived at 120 */
		if (!order)
			turn(0, 100, 200, 9);
		trip_is(TRIP_MEASURED, 7, 3, 40, 48, 9, 0);
		assert_int_equal(fx.events[newest(ROLE_CLIENT)].peer, 100 + SERVER);
		assert_int_equal(fx.events[newest(ROLE_CLIENT)].peer_kind, NET_PEER_NODE);
		assert_int_equal(fx.events[newest(ROLE_SERVER)].peer, 100 + CLIENT);
		/* The next one did not have to connect. */
		told(SERVER, 1, 303, 343);
		turn(1, 290, 400, 0);
		trip_is(TRIP_MEASURED, 0, 3, 40, 67, 0, 0);
	}
}

static void clocks_that_disagree_cut_the_servers_parts(void **state)
{
	(void)state;
	join();
	told(SERVER, 0, 123, 163);
	turn(0, 140, 150, 5); /* read before it was written: begins with the arrival */
	trip_is(TRIP_MEASURED, 0, 0, 30, 0, 0, 0);
	told(SERVER, 1, 223, 263);
	turn(1, 200, 270, 1000); /* it waited longer than there was time for */
	trip_is(TRIP_MEASURED, 0, 3, 40, 0, 27, 0);
}

static void without_a_turn_it_begins_at_the_server(void **state)
{
	struct rec_progress p = progress_rec(PROGRESS_REPLY, 0, 10, 200);

	(void)state;
	join();
	told(SERVER, 0, 123, 163);
	feed(&p);
	trip_is(TRIP_MEASURED, 0, 3, 40, 37, 0, 0);
}

static void what_the_client_did_not_read_has_no_trip(void **state)
{
	(void)state;
	join();
	told(SERVER, 0, 123, 163);
	finish();
	assert_null(fx.events[newest(ROLE_CLIENT)].trip);
}

static void a_client_that_tells_itself_finds_the_servers_times(void **state)
{
	(void)state;
	fx.full = true;
	join();
	link_told(7, 1000);
	told(SERVER, 0, 123, 163);
	told(CLIENT, 0, 100, 200);
	trip_is(TRIP_MEASURED, 7, 3, 40, 57, 0, 0);
	told(CLIENT, 1, 300, 400); /* the server's end was lost: nothing is guessed */
	assert_null(fx.events[newest(ROLE_CLIENT)].trip);
}

static void a_server_elsewhere_is_estimated(void **state)
{
	struct rec_conn c = conn_rec(CLIENT, PROTO_REDIS);

	(void)state;
	fx.full = true;
	feed(&c);
	told(CLIENT, 0, 100, 200);
	assert_null(fx.events[newest(ROLE_CLIENT)].trip);
	link_told(7, 30);
	told(CLIENT, 1, 300, 400);
	trip_is(TRIP_ESTIMATED, 7, 0, 0, 30, 0, 70);
	assert_int_equal(fx.events[newest(ROLE_CLIENT)].peer, 0);
	assert_int_equal(fx.events[newest(ROLE_CLIENT)].peer_kind, NET_PEER_PRIVATE);
	link_told(0, 500); /* more than the request took */
	told(CLIENT, 2, 500, 600);
	trip_is(TRIP_ESTIMATED, 0, 0, 0, 100, 0, 0);
}

static void pieces_are_the_networks_until_the_last(void **state)
{
	(void)state;
	join();
	received(0, 153);
	told(SERVER, 0, 123, 163);
	assert_int_equal(fx.events[newest(ROLE_SERVER)].receive_ns, 30);
	assert_int_equal(fx.events[newest(ROLE_SERVER)].service_ns, 40);
	turn(0, 100, 200, 0);
	trip_is(TRIP_MEASURED, 0, 3, 10, 87, 0, 0);
	received(7, 250); /* another request's */
	told(SERVER, 1, 223, 263);
	assert_int_equal(fx.events[newest(ROLE_SERVER)].receive_ns, 0);
}

static void addresses_have_a_class(void **state)
{
	static const struct {
		int family;
		uint8_t remote[16];
		enum net_peer peer;
	} known[] = {
		{ CONN_INET, { 127, 1, 2, 3 }, NET_PEER_LOOPBACK },
		{ CONN_INET, { 169, 254, 1, 1 }, NET_PEER_LINK },
		{ CONN_INET, { 172, 31, 0, 1 }, NET_PEER_PRIVATE },
		{ CONN_INET, { 172, 32, 0, 1 }, NET_PEER_PUBLIC },
		{ CONN_INET, { 100, 127, 0, 1 }, NET_PEER_PRIVATE },
		{ CONN_INET, { 100, 128, 0, 1 }, NET_PEER_PUBLIC },
		{ CONN_INET, { 192, 168, 0, 1 }, NET_PEER_PRIVATE },
		{ CONN_INET, { 0 }, NET_PEER_UNKNOWN },
		{ CONN_INET6, { [15] = 1 }, NET_PEER_LOOPBACK },
		{ CONN_INET6, { 0xfe, 0x80, [15] = 1 }, NET_PEER_LINK },
		{ CONN_INET6, { 0xfd, [15] = 1 }, NET_PEER_PRIVATE },
		{ CONN_INET6, { 0x20, 1, [15] = 1 }, NET_PEER_PUBLIC },
		{ CONN_INET6, { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 }, NET_PEER_PRIVATE },
		{ CONN_UNIX, { 0 }, NET_PEER_LOOPBACK },
		{ 77, { 1 }, NET_PEER_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct rec_conn r = { .family = known[i].family, .local_addr = { 9, 9, 9, 9 } };

		memcpy(r.remote_addr, known[i].remote, sizeof(r.remote_addr));
		assert_int_equal(peer_of(&r), known[i].peer);
		if (known[i].peer == NET_PEER_UNKNOWN)
			continue;
		memcpy(r.local_addr, known[i].remote, sizeof(r.local_addr));
		assert_int_equal(peer_of(&r), NET_PEER_LOOPBACK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_local_clients_time_is_split),
		T(clocks_that_disagree_cut_the_servers_parts),
		T(without_a_turn_it_begins_at_the_server),
		T(what_the_client_did_not_read_has_no_trip),
		T(a_client_that_tells_itself_finds_the_servers_times),
		T(a_server_elsewhere_is_estimated),
		T(pieces_are_the_networks_until_the_last),
		T(addresses_have_a_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
