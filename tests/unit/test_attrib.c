/* SPDX-License-Identifier: Apache-2.0 */
/* Owners: whose facts count, what is remembered and forgotten, and where Odoo's statements land. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "user/attrib.h"
#include "user/attrib_cache.h"

#define CGROUPS 8

/* A node: cgroup i has paths[i] and labels[i]. */
struct node {
	const char *paths[CGROUPS];
	const char *labels[CGROUPS];
	unsigned int asked;
};

static const char *node_path(void *ctx, uint64_t cgroup)
{
	struct node *n = ctx;

	n->asked++;
	return cgroup < CGROUPS ? n->paths[cgroup] : NULL;
}

static const char *node_label(void *ctx, uint64_t cgroup)
{
	struct node *n = ctx;

	return cgroup < CGROUPS ? n->labels[cgroup] : "";
}

static struct config *config_of(const char *text)
{
	struct config *cfg = NULL;
	char err[CONFIG_ERR_MAX];

	if (config_parse(&cfg, "t.yaml", str_of(text), err, sizeof(err)))
		fail_msg("%s", err);
	return cfg;
}

static struct subject subject_of(uint32_t id, uint64_t cgroup, uint64_t client)
{
	return (struct subject){ .id = id,
				 .cgroup = cgroup,
				 .client_cgroup = client,
				 .process = "",
				 .client_process = "",
				 .database = "",
				 .user = "",
				 .application_name = "" };
}

static const struct statement ping = { .id = 1,
				       .protocol = PROTO_REDIS,
				       .operation = "PING",
				       .summary = "",
				       .text = "",
				       .key_pattern = "" };

static void check_owner(struct attrib *a, struct owner o, const char *tenant, const char *workflow,
			const char *container)
{
	assert_string_equal(intern_cstr(attrib_names(a), o.tenant), tenant);
	assert_string_equal(intern_cstr(attrib_names(a), o.workflow), workflow);
	assert_string_equal(intern_cstr(attrib_names(a), o.container), container);
}

static void the_client_goes_before_the_server(void **state)
{
	struct node node = {
		.paths = { [1] = "/db", [2] = "/tenants.slice-acme/app", [3] = "/cron" },
		.labels = { [1] = "postgres", [2] = "app", [3] = "cron" }
	};
	struct config *cfg = config_of("tenants:\n"
				       "- {match: {cgroup: /db}, name: platform}\n"
				       "- {match: {cgroup: '/tenants.slice-{n}'}, name: '{n}'}\n"
				       "- {match: {database: zen}, name: zen}\n"
				       "workflows:\n"
				       "- {match: {process: redis-server}, name: server}\n"
				       "- {match: {process: batch}, name: batch}\n");
	struct attrib *a = attrib_new(cfg, node_path, node_label, &node);
	struct subject s = subject_of(1, 1, 2);

	(void)state;
	s.process = "redis-server";
	s.client_process = "batch";
	check_owner(a, attrib_request(a, &s, &ping), "acme", "batch", "postgres");
	/* The client matches no tenant rule: the server's own facts, for the tenant only. */
	s.id = 2;
	s.client_cgroup = 3;
	check_owner(a, attrib_request(a, &s, &ping), "platform", "batch", "postgres");
	/* The database is a fact of both ends: with the client's, before the server's cgroup. */
	s.id = 3;
	s.database = "zen";
	check_owner(a, attrib_request(a, &s, &ping), "zen", "batch", "postgres");
	/* No client on this node: rules in their order, with the server's. */
	s.id = 4;
	s.client_cgroup = 0;
	s.client_process = "";
	check_owner(a, attrib_request(a, &s, &ping), "platform", "server", "postgres");
	s.id = 5;
	s.cgroup = 0;
	s.database = "";
	s.process = "";
	check_owner(a, attrib_request(a, &s, &ping), "unattributed", "unattributed",
		    "unattributed");
	attrib_free(a);
	config_free(cfg);
}

static void the_context_names_the_workflow(void **state)
{
	static const struct statement order = { .id = 2,
						.protocol = PROTO_HTTP,
						.operation = "GET /orders",
						.key_pattern = "/orders",
						.host = "zen.example.com" };
	static const struct statement other = { .id = 3,
						.protocol = PROTO_HTTP,
						.operation = "GET /x",
						.key_pattern = "/x",
						.host = "" };
	struct node node = { .paths = { [1] = "/db", [2] = "/app" },
			     .labels = { [1] = "postgres", [2] = "app" } };
	struct config *cfg = config_of("tenants:\n"
				       "- {match: {user: bob}, name: bob}\n"
				       "- {match: {host: '{n}.example.com'}, name: '{n}'}\n"
				       "workflows:\n"
				       "- {match: {redis.command: PING}, name: health}\n"
				       "- {match: {http.route: /orders}, name: orders}\n"
				       "- {match: {container: app}, name: any}\n");
	struct attrib *a = attrib_new(cfg, node_path, node_label, &node);
	struct subject s = subject_of(1, 1, 2);

	(void)state;
	check_owner(a, attrib_inherit(a, &s, &ping, &order), "zen", "orders", "postgres");
	check_owner(a, attrib_inherit(a, &s, &ping, NULL), "unattributed", "health", "postgres");
	/* A route that no rule knows; what a rule says about the container is no answer. */
	check_owner(a, attrib_inherit(a, &s, &ping, &other), "unattributed", "health", "postgres");
	/* The same statement as a request of its own is another question. */
	check_owner(a, attrib_request(a, &s, &other), "unattributed", "any", "postgres");
	check_owner(a, attrib_inherit(a, &s, &ping, &other), "unattributed", "health", "postgres");
	s.id = 2;
	s.user = "bob";
	check_owner(a, attrib_inherit(a, &s, &ping, &order), "bob", "orders", "postgres");
	check_owner(a, attrib_server(a, 1), "system", "unattributed", "postgres");
	attrib_free(a);
	config_free(cfg);
}

static void containers_alone(void **state)
{
	struct node node = { .paths = { [1] = "/tenants.slice-acme", [2] = "/x" },
			     .labels = { [1] = "app", [2] = "kube/etcd" } };
	struct config *cfg =
		config_of("tenants:\n"
			  "- {match: {cgroup: '/tenants.slice-{n}', database: '*'}, name: no}\n"
			  "- {match: {cgroup: '/tenants.slice-{n}'}, name: '{n}'}\n"
			  "workflows:\n"
			  "- {match: {container: 'kube/*'}, name: platform}\n");
	struct attrib *a = attrib_new(cfg, node_path, node_label, &node);

	(void)state;
	check_owner(a, attrib_cgroup(a, 1), "acme", "unattributed", "app");
	check_owner(a, attrib_cgroup(a, 2), "unattributed", "platform", "kube/etcd");
	check_owner(a, attrib_cgroup(a, 7), "unattributed", "unattributed", "unattributed");
	check_owner(a, attrib_cgroup(a, 0), "unattributed", "unattributed", "unattributed");
	assert_int_equal(attrib_cgroup(a, 7).tenant, ATTRIB_UNATTRIBUTED);
	attrib_free(a);
	config_free(cfg);
}

static void remembered_until_forgotten(void **state)
{
	struct node node = { .paths = { [2] = "/tenants.slice-acme" }, .labels = { "" } };
	struct config *cfg =
		config_of("tenants: [{match: {cgroup: '/tenants.slice-{n}'}, name: '{n}'}]\n");
	struct attrib *a = attrib_new(cfg, node_path, node_label, &node);
	struct subject s = subject_of(9, 1, 2);
	unsigned int asked;

	(void)state;
	check_owner(a, attrib_request(a, &s, &ping), "acme", "unattributed", "unattributed");
	asked = node.asked;
	node.paths[2] = "/tenants.slice-zen";
	node.labels[1] = "redis";
	check_owner(a, attrib_request(a, &s, &ping), "acme", "unattributed", "unattributed");
	attrib_forget(a, 5); /* never asked about: nothing to forget */
	check_owner(a, attrib_request(a, &s, &ping), "acme", "unattributed", "unattributed");
	assert_int_equal(node.asked, asked);
	attrib_forget(a, 2);
	check_owner(a, attrib_request(a, &s, &ping), "zen", "unattributed", "redis");
	node.labels[1] = "valkey";
	attrib_forget(a, 1);
	check_owner(a, attrib_request(a, &s, &ping), "zen", "unattributed", "valkey");
	attrib_free(a);
	config_free(cfg);
}

/* More pairs than the cache holds, and more cgroups: all answers stay right. */
static void full_caches_stay_right(void **state)
{
	struct node node = { .paths = { "" }, .labels = { "" } };
	struct config *cfg = config_of("tenants: [{match: {user: '{n}'}, name: '{n}'}]\n");
	struct attrib *a = attrib_new(cfg, node_path, node_label, &node);
	char user[16];

	(void)state;
	for (unsigned int round = 0; round < 2; round++) {
		for (uint32_t id = 1; id <= 120000; id++) {
			struct subject s = subject_of(id, id, 0);

			snprintf(user, sizeof(user), "u%u", id % 100);
			s.user = user;
			check_owner(a, attrib_request(a, &s, &ping), user, "unattributed",
				    "unattributed");
		}
	}
	assert_int_equal(intern_count(attrib_names(a)), 103);
	attrib_free(a);
	config_free(cfg);
}

static void cache_grows_and_flushes(void **state)
{
	struct attrib_cache c;

	(void)state;
	assert_int_equal(attrib_cache_init(&c, 256), 0);
	for (uint32_t i = 0; i < 192; i++) {
		assert_true(attrib_cache_has_room(&c, 1));
		attrib_cache_put(&c, i, (struct owner){ i, i + 1, i + 2 });
	}
	assert_false(attrib_cache_has_room(&c, 1));
	for (uint32_t i = 0; i < 192; i++) {
		assert_non_null(attrib_cache_get(&c, i));
		assert_int_equal(attrib_cache_get(&c, i)->workflow, i + 1);
	}
	assert_null(attrib_cache_get(&c, 192));
	c.generation = UINT32_MAX; /* all slots are old now, as after a flush */
	c.used = 0;
	attrib_cache_put(&c, 5, (struct owner){ 1, 1, 1 });
	attrib_cache_flush(&c);
	assert_int_equal(c.generation, 1);
	assert_null(attrib_cache_get(&c, 5));
	assert_null(attrib_cache_get(&c, 6));
	assert_true(attrib_cache_has_room(&c, 1));
	attrib_cache_release(&c);
}

/* Tables of statements that Odoo sends, up to three each. */
static const struct {
	const char *workflow;
	const char *tables[3];
	const char *process;
} odoo[] = {
	{ "order_intake", { "sale_order" }, NULL },
	{ "order_intake", { "res_partner", "sale_order_line" }, NULL },
	{ "order_intake", { "crm_lead", "mail_followers" }, NULL },
	{ "order_intake", { "product_pricelist_item", "product_product" }, NULL },
	{ "order_intake", { "account_tax_sale_order_line_rel", "account_tax" }, NULL },
	{ "order_intake", { "sale_order", "account_payment_term" }, NULL },
	{ "order_intake", { "public.sale_order" }, NULL },
	{ "warehouse", { "stock_move" }, NULL },
	{ "warehouse", { "stock_quant", "stock_location" }, NULL },
	{ "warehouse", { "stock_picking", "sale_order" }, NULL },
	{ "warehouse", { "stock_picking_type" }, NULL },
	{ "warehouse", { "procurement_group" }, NULL },
	{ "dispatch", { "delivery_carrier" }, NULL },
	{ "dispatch", { "stock_picking", "delivery_carrier" }, NULL },
	{ "dispatch", { "stock_picking_batch" }, NULL },
	{ "dispatch", { "stock_picking", "stock_picking_batch" }, NULL },
	{ "dispatch", { "fleet_vehicle" }, NULL },
	{ "invoicing", { "account_move" }, NULL },
	{ "invoicing",
	  { "account_move_line", "sale_order_line_invoice_rel", "sale_order_line" },
	  NULL },
	{ "invoicing", { "sale_order_line_invoice_rel" }, NULL },
	{ "invoicing", { "stock_valuation_layer", "account_move" }, NULL },
	{ "invoicing", { "account_journal" }, NULL },
	{ "invoicing", { "payment_transaction" }, NULL },
	{ "portal", { "website" }, NULL },
	{ "portal", { "website_page", "res_users" }, NULL },
	{ "portal", { "rating_rating" }, NULL },
	{ "messaging", { "mail_message" }, NULL },
	{ "messaging", { "bus_bus" }, NULL },
	{ "messaging", { "discuss_channel_member" }, NULL },
	{ "scheduled_jobs", { "ir_cron" }, NULL },
	{ "scheduled_jobs", { "ir_cron", "ir_cron_progress" }, NULL },
	{ "scheduled_jobs", { "sale_order" }, "odoo: WorkerCro" },
	{ "order_intake", { "sale_order" }, "odoo: WorkerHTT" },
	{ "unattributed", { "res_partner" }, NULL },
	{ "unattributed", { "ir_model_data", "product_product" }, NULL },
	{ "unattributed", { "websites" }, NULL },
	{ "unattributed", { NULL }, NULL },
};

static void odoo_statements_land_where_they_belong(void **state)
{
	struct node node = { .paths = { "" }, .labels = { "" } };
	struct config *cfg = config_of("");
	struct attrib *a = attrib_new(cfg, node_path, node_label, &node);

	(void)state;
	for (uint32_t i = 0; i < sizeof(odoo) / sizeof(odoo[0]); i++) {
		struct statement st = { .id = i + 1,
					.protocol = PROTO_POSTGRESQL,
					.operation = "SELECT",
					.tables = odoo[i].tables,
					.key_pattern = "" };
		struct subject s = subject_of(i + 1, 1, 2);
		const char *got;

		while (st.ntables < 3 && odoo[i].tables[st.ntables])
			st.ntables++;
		s.process = "postgres";
		s.client_process = odoo[i].process ? odoo[i].process : "python3";
		got = intern_cstr(attrib_names(a), attrib_request(a, &s, &st).workflow);
		if (strcmp(got, odoo[i].workflow))
			fail_msg("%s, ...: %s, want %s", odoo[i].tables[0], got, odoo[i].workflow);
	}
	attrib_free(a);
	config_free(cfg);
}

/* The operator's rules go before the built-in ones, which can be left out. */
static void own_workflows_go_first(void **state)
{
	static const char *const tables[] = { "stock_move" };
	struct node node = { .paths = { "" }, .labels = { "" } };
	struct statement st = { .id = 1,
				.protocol = PROTO_POSTGRESQL,
				.operation = "SELECT",
				.tables = tables,
				.ntables = 1,
				.key_pattern = "" };
	struct subject s = subject_of(1, 1, 0);
	static const struct {
		const char *text;
		const char *workflow;
	} cases[] = {
		{ "", "warehouse" },
		{ "workflows: [{match: {sql.table: stock_*}, name: mine}]\n", "mine" },
		{ "builtin_workflows: none\n", "unattributed" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *cfg = config_of(cases[i].text);
		struct attrib *a = attrib_new(cfg, node_path, node_label, &node);

		check_owner(a, attrib_request(a, &s, &st), "unattributed", cases[i].workflow,
			    "unattributed");
		attrib_free(a);
		config_free(cfg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_goes_before_the_server),
		cmocka_unit_test(the_context_names_the_workflow),
		cmocka_unit_test(containers_alone),
		cmocka_unit_test(remembered_until_forgotten),
		cmocka_unit_test(full_caches_stay_right),
		cmocka_unit_test(cache_grows_and_flushes),
		cmocka_unit_test(odoo_statements_land_where_they_belong),
		cmocka_unit_test(own_workflows_go_first),
	};

	return cmocka_run_group_tests_name("attrib", tests, NULL, NULL);
}
