/* SPDX-License-Identifier: Apache-2.0 */
/* Names of DNS queries as patterns: what they look like, what is no name, and that so many are told apart. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/wire.h"
#include "probes/net/dns_stats.h"
#include "user/dns_name.h"
#include "user/dns_names.h"

/* "a.bc" as it is in a message. */
static size_t wire_of(const char *name, unsigned char *out)
{
	size_t n = 0;

	while (*name) {
		size_t len = strcspn(name, ".");

		out[n++] = (unsigned char)len;
		memcpy(out + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	out[n++] = 0;
	return n;
}

static void becomes(const char *name, const char *pattern)
{
	unsigned char wire[512];
	char out[NET_NAME_MAX];

	dns_name_pattern(wire, wire_of(name, wire), out);
	assert_string_equal(out, pattern);
}

static void names(void **state)
{
	(void)state;
	becomes("db-12.prod.svc.cluster.local", "db-*.prod.svc.cluster.local");
	becomes("WWW.Example.COM", "www.example.com");
	becomes("7.1.168.192.in-addr.arpa", "*.in-addr.arpa");
	becomes("b.a.9.8.7.6.5.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "*.ip*.arpa");
	becomes("localhost", "localhost.");
	becomes("", ".");
	becomes("other", "other.");
	becomes("3f2504e0-4f89-11d3-9a0c-0305e82c3301.acme.example.com", "*.acme.example.com");
	becomes("deadbeef01.example.com", "*.example.com");
	becomes("web-7f9c4d5b6-x2k9q.shop.svc", "*.shop.svc");
	becomes("one.two.three.four.five.six.com", "*.three.four.five.six.com");
	becomes("a-label-that-is-longer-than-most-are.example.com", "*.example.com");
	becomes("secret_of a user.example.com", "*.example.com");
	becomes("eighteen-letters-a.eighteen-letters-b.eighteen-letters-c.com",
		"*.eighteen-letters-b.eighteen-letters-c.com");
	becomes("_ldap._tcp.dc._msdcs.corp", "_ldap._tcp.dc._msdcs.corp");
}

/* n bytes. */
static void is(const void *wire, size_t n, const char *pattern)
{
	unsigned char *copy = malloc(n + !n); /* for the address sanitizer */
	char out[NET_NAME_MAX];

	memcpy(copy, wire, n);
	dns_name_pattern(copy, n, out);
	assert_string_equal(out, pattern);
	free(copy);
}

static void what_is_no_name(void **state)
{
	unsigned char longest[260], *p = longest;

	(void)state;
	is("", 0, "unread");
	is("\3com", 4, "malformed");	      /* has no end */
	is("\77cut", 4, "malformed");	      /* a label that is cut */
	is("\300\14", 2, "malformed");	      /* a pointer to itself */
	is("\3www\300\14\0", 7, "malformed"); /* one behind a label */
	is("\100x\0", 3, "malformed");	      /* a kind of label that there is not */
	is("\3a\377b\3com\0", 9, "*.com");
	is("\3a\0b\3com\0", 9, "*.com");
	is("\3www\3com\0behind", 15, "www.com");
	/* 255 bytes are a name, one more is none. */
	for (int i = 0; i < 127; i++, p += 2)
		memcpy(p, "\1x", 2);
	*p = 0;
	is(longest, 255, "*");
	memset(longest, 'y', sizeof(longest));
	longest[0] = longest[64] = longest[128] = 63;
	longest[192] = 62;
	longest[255] = 0;
	is(longest, 256, "malformed");
	longest[192] = 61;
	longest[254] = 0;
	is(longest, 255, "*");
}

struct told {
	int records;
	uint64_t answers, failed, timeouts, wait_ns;
	uint64_t other; /* answers */
};

static void take(void *ctx, const void *record, size_t len)
{
	const struct rec_named *r = record;
	struct told *t = ctx;

	assert_int_equal(len, sizeof(*r));
	assert_int_equal(r->what, NET_NAMED_DNS);
	t->records++;
	t->answers += r->n[0];
	t->failed += r->n[1];
	t->timeouts += r->n[2];
	t->wait_ns += r->n[3];
	if (!strcmp(r->name, "other"))
		t->other += r->n[0];
}

static void ask(struct dns_names *n, uint64_t cgroup, const char *name, uint8_t answer)
{
	struct dns_named q = { .cgroup = cgroup, .wait_ns = 1000, .answer = answer };

	q.len = (uint16_t)wire_of(name, q.bytes);
	dns_names_add(n, &q);
}

static void sums_are_exact(void **state)
{
	struct dns_names *n = dns_names_new();
	struct told t = { 0 };
	char name[64];

	(void)state;
	ask(n, 1, "db-1.svc", DNS_NOERROR);
	ask(n, 1, "db-2.svc", DNS_SERVFAIL);
	ask(n, 1, "db-2.svc", DNS_TIMED_OUT);
	ask(n, 2, "db-2.svc", DNS_NXDOMAIN);
	dns_names_emit(n, 1, take, &t);
	assert_int_equal(t.records, 2);
	assert_int_equal(t.answers, 3);
	assert_int_equal(t.failed, 2);
	assert_int_equal(t.timeouts, 1);
	assert_int_equal(t.wait_ns, 3000);
	dns_names_emit(n, 2, take, &t);
	assert_int_equal(t.records, 2); /* nothing was added */
	/* One that invents names has so many, and others are not disturbed. */
	t = (struct told){ 0 };
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%c%c%c.test", 'g' + i % 10, 'g' + i / 10 % 10,
			 'g' + i / 100);
		ask(n, 3, name, DNS_NOERROR);
	}
	ask(n, 2, "new.svc", DNS_NOERROR);
	dns_names_add_lost(n, 7);
	dns_names_emit(n, 3, take, &t);
	assert_int_equal(t.answers, 1008);
	assert_int_equal(t.other, 1000 - 32 + 7);
	assert_int_equal(t.records, 32 + 1 + 1 + 1);
	dns_names_forget(n, 3);
	t = (struct told){ 0 };
	ask(n, 3, "ggg.test", DNS_NOERROR);
	dns_names_emit(n, 4, take, &t);
	assert_int_equal(t.other, 0);
	dns_names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(what_is_no_name),
		cmocka_unit_test(sums_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
