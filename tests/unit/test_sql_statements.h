/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that PostgreSQL 15's parser takes, for the tests of the SQL analyser. */
#ifndef TALLYMAN_TEST_SQL_STATEMENTS_H
#define TALLYMAN_TEST_SQL_STATEMENTS_H

static const char *const statements[] = {
	/* pgbench */
	"BEGIN;",
	"UPDATE pgbench_accounts SET abalance = abalance + -2345 WHERE aid = 12345;",
	"SELECT abalance FROM pgbench_accounts WHERE aid = 12345;",
	"UPDATE pgbench_tellers SET tbalance = tbalance + 17 WHERE tid = 3;",
	"UPDATE pgbench_branches SET bbalance = bbalance + 17 WHERE bid = 1;",
	"INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, -4, "
	"CURRENT_TIMESTAMP);",
	"END;",
	"select o.n, p.partstrat, pg_catalog.count(i.inhparent) from pg_catalog.pg_class as c "
	"join pg_catalog.pg_namespace as n on (n.oid = c.relnamespace) cross join lateral (select "
	"pg_catalog.array_position(pg_catalog.current_schemas(true), n.nspname)) as o(n) left "
	"join pg_catalog.pg_partitioned_table as p on (p.partrelid = c.oid) left join "
	"pg_catalog.pg_inherits as i on (c.oid = i.inhparent) where c.relname = "
	"'pgbench_accounts' and o.n is not null group by 1, 2 order by 1 asc limit 1",
	"truncate pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers",
	"copy pgbench_accounts from stdin with (freeze on)",
	"create table pgbench_history(tid int,bid int,aid bigint,delta int,mtime timestamp,filler "
	"char(22)) with (fillfactor=100)",
	"alter table pgbench_branches add primary key (bid)",
	"vacuum analyze pgbench_branches",
	"drop table if exists pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers",
	/* Odoo */
	"BEGIN ISOLATION LEVEL REPEATABLE READ",
	"DISCARD ALL",
	"SELECT \"res_users\".\"id\", \"res_users\".\"login\", \"res_users\".\"active\" FROM "
	"\"res_users\" WHERE \"res_users\".\"id\" IN (2)",
	"SELECT \"stock_picking\".\"id\" FROM \"stock_picking\" LEFT JOIN \"res_partner\" AS "
	"\"stock_picking__partner_id\" ON (\"stock_picking\".\"partner_id\" = "
	"\"stock_picking__partner_id\".\"id\") WHERE ((\"stock_picking\".\"state\" NOT IN "
	"('done', 'cancel')) AND (\"stock_picking\".\"company_id\" IN (1, 2) OR "
	"\"stock_picking\".\"company_id\" IS NULL)) ORDER BY \"stock_picking\".\"priority\" DESC, "
	"\"stock_picking\".\"scheduled_date\" ASC LIMIT 80",
	"SELECT COUNT(*) FROM (SELECT FROM \"sale_order\" WHERE (\"sale_order\".\"state\" = "
	"'sale') LIMIT 10001) t",
	"INSERT INTO \"sale_order_line\" (\"create_uid\", \"name\", \"price_unit\", \"sequence\") "
	"VALUES (2, 'A ''quoted'' thing', '12.50', 10), (2, 'B', '0.00', 11) RETURNING \"id\"",
	"UPDATE \"stock_quant\" SET \"quantity\" = \"__tmp\".\"quantity\"::float8, \"write_date\" "
	"= \"__tmp\".\"write_date\"::timestamp FROM (VALUES (5, 3.0, '2026-01-01 00:00:00'), (6, "
	"4.0, '2026-01-01 00:00:00')) AS \"__tmp\"(\"id\", \"quantity\", \"write_date\") WHERE "
	"\"stock_quant\".\"id\" = \"__tmp\".\"id\"",
	"UPDATE \"res_partner\" SET \"name\" = 'Azure', \"write_uid\" = 2 WHERE id IN (14)",
	"DELETE FROM \"mail_followers\" WHERE id IN (4, 5, 6)",
	"SELECT \"id\" FROM \"stock_move\" WHERE \"picking_id\" IN (1,2,3) FOR UPDATE NOWAIT",
	"SELECT * FROM ir_cron WHERE active AND (nextcall <= (now() at time zone 'UTC')) ORDER BY "
	"priority LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
	"WITH RECURSIVE locs AS (SELECT id, parent_path FROM stock_location WHERE id = 8 UNION "
	"ALL SELECT l.id, l.parent_path FROM stock_location l JOIN locs ON l.location_id = "
	"locs.id) SELECT q.product_id, SUM(q.quantity) FROM stock_quant q JOIN locs ON "
	"q.location_id = locs.id GROUP BY 1",
	"SELECT \"res_partner\".\"id\" FROM \"res_partner\" WHERE (\"res_partner\".\"active\" = "
	"true) AND EXISTS (SELECT 1 FROM \"mail_followers\" AS f WHERE f.res_id = "
	"\"res_partner\".\"id\" AND f.res_model = 'res.partner')",
	"SELECT \"account_move\".\"id\", (SELECT SUM(l.balance) FROM account_move_line l WHERE "
	"l.move_id = account_move.id) AS total FROM \"account_move\" WHERE "
	"(\"account_move\".\"move_type\" in ('out_invoice', 'out_refund'))",
	"SELECT nextval('ir_sequence_012')",
	"SELECT number_next FROM ir_sequence WHERE id=7 FOR UPDATE NOWAIT",
	"SELECT \"product_template\".\"id\", COALESCE(\"product_template\".\"name\"->>'de_DE', "
	"\"product_template\".\"name\"->>'en_US') FROM \"product_template\" WHERE "
	"\"product_template\".\"name\" ? 'en_US'",
	"SELECT data.id, data.name FROM ir_model_data AS data WHERE module='base' AND "
	"name='main_company'",
	"INSERT INTO bus_bus (channel, message) VALUES ('[\"a\",1]', '{\"k\": \"v\"}')",
	"SELECT pg_notify('imbus', '[\"x\"]')",
	"LISTEN imbus",
	"SELECT \"ir_attachment\".\"id\" FROM \"ir_attachment\" WHERE "
	"((\"ir_attachment\".\"res_field\" IS NULL OR \"ir_attachment\".\"res_field\" NOT LIKE "
	"'image%') AND \"ir_attachment\".\"res_model\" = 'sale.order')",
	"INSERT INTO \"res_groups_users_rel\" (\"gid\", \"uid\") VALUES (1, 2), (3, 4) ON "
	"CONFLICT DO NOTHING",
	"COMMENT ON TABLE \"stock_picking\" IS 'Transfer'",
	"COMMENT ON COLUMN \"stock_picking\".\"name\" IS 'Reference'",
	"ALTER TABLE \"stock_picking\" ADD COLUMN \"note\" text",
	"ALTER TABLE \"stock_picking\" ADD FOREIGN KEY (\"partner_id\") REFERENCES "
	"\"res_partner\"(\"id\") ON DELETE set null",
	"CREATE INDEX IF NOT EXISTS \"stock_picking_name_index\" ON \"stock_picking\" (\"name\")",
	"CREATE TABLE \"stock_picking\" (id SERIAL NOT NULL, PRIMARY KEY(id))",
	"SELECT c.relname FROM pg_class c JOIN pg_namespace n ON (n.oid = c.relnamespace) WHERE "
	"c.relname IN ('a', 'b') AND c.relkind IN ('r', 'v', 'm') AND n.nspname = current_schema",
	"SELECT \"sale_order\".\"partner_id\", COUNT(*) FROM \"sale_order\" LEFT JOIN "
	"\"res_company\" AS \"sale_order__company_id\" ON (\"sale_order\".\"company_id\" = "
	"\"sale_order__company_id\".\"id\") GROUP BY \"sale_order\".\"partner_id\" HAVING "
	"COUNT(*) > 3",
	"SAVEPOINT \"5b1c0e9a\"",
	"ROLLBACK TO SAVEPOINT \"5b1c0e9a\"",
	"RELEASE SAVEPOINT \"5b1c0e9a\"",
	"COMMIT",
	"ROLLBACK",
	"SELECT SUM(a.value), b.id FROM stock_valuation_layer a, product_product b, "
	"product_template c WHERE a.product_id = b.id AND b.product_tmpl_id = c.id GROUP BY b.id",
	"DELETE FROM stock_move_line USING stock_move, stock_picking p WHERE "
	"stock_move_line.move_id = stock_move.id AND p.id = stock_move.picking_id",
	"UPDATE sale_order so SET amount_total = t.s FROM (SELECT order_id, sum(price_total) s "
	"FROM sale_order_line GROUP BY order_id) t JOIN res_currency rc ON true WHERE so.id = "
	"t.order_id",
	"WITH upd AS (UPDATE ir_sequence SET number_next = number_next + 1 WHERE id = 3 RETURNING "
	"number_next) SELECT number_next FROM upd",
	"WITH old AS (DELETE FROM mail_mail WHERE state = 'sent' RETURNING id) INSERT INTO "
	"mail_archive (id) SELECT id FROM old",
	"SELECT EXTRACT(year FROM \"sale_order\".\"date_order\"), date_trunc('month', "
	"date_order::timestamp) FROM \"sale_order\"",
	"SELECT array_agg(id ORDER BY id) FROM crm_lead WHERE stage_id = ANY(ARRAY[1, 2, 3])",
	"SELECT id FROM product_product WHERE id = ANY('{1,2,3}'::int[])",
	/* queries */
	"SELECT 1",
	"VALUES (1, 'a'), (2, 'b')",
	"TABLE foo",
	"(SELECT a FROM b) UNION ALL (SELECT c FROM d) ORDER BY 1",
	"((SELECT a FROM b))",
	"SELECT a FROM b UNION SELECT c FROM d INTERSECT SELECT e FROM f EXCEPT SELECT g FROM h",
	"SELECT * FROM ONLY a, ONLY (b), c AS x (i, j), d AS y",
	"SELECT * FROM a CROSS JOIN b NATURAL JOIN c INNER JOIN d USING (id, k) LEFT OUTER JOIN e "
	"ON a.x = e.x",
	"SELECT * FROM (a JOIN b ON a.i = b.i) JOIN (c CROSS JOIN d) ON true",
	"SELECT * FROM ((a JOIN b USING (i)) AS ab CROSS JOIN c)",
	"SELECT * FROM generate_series(1, 10) AS g, a, pg_catalog.unnest(ARRAY[1]) u",
	"SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[3])) AS r, a",
	"SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.i = a.i) x, LATERAL f(a.i) y",
	"SELECT * FROM (SELECT * FROM (SELECT * FROM inner_most) a) b",
	"SELECT * FROM a WHERE x IN (SELECT y FROM b WHERE z IN (SELECT w FROM c))",
	"SELECT * FROM a WHERE (x, y) IN ((1, 2), (3, 4)) AND (x, y) NOT IN (SELECT 1, 2 FROM b)",
	"SELECT (SELECT max(x) FROM a), (SELECT min(y) FROM b), 3",
	"SELECT CASE WHEN EXISTS (SELECT 1 FROM a) THEN 1 ELSE (SELECT 2 FROM b) END",
	"SELECT substring('abc' from 2 for 1), trim(both 'x' from y), overlay('a' placing 'b' "
	"from 1), position('a' in z) FROM a",
	"SELECT * FROM a WHERE x IS DISTINCT FROM y AND z IS NOT DISTINCT FROM 3",
	"SELECT DISTINCT ON (a, b) a, b FROM c ORDER BY a, b, d",
	"SELECT a, count(*) FILTER (WHERE b > 3) OVER (PARTITION BY c ORDER BY d ROWS BETWEEN 1 "
	"PRECEDING AND CURRENT ROW) FROM e WINDOW w AS (PARTITION BY f)",
	"SELECT a FROM b GROUP BY GROUPING SETS ((a, b), (a), ()), c HAVING a > 1",
	"SELECT a FROM b ORDER BY c USING >, d NULLS LAST OFFSET 5 FETCH FIRST 3 ROWS ONLY",
	"SELECT a FROM b AS x, c y FOR UPDATE OF x, y",
	"SELECT * FROM a TABLESAMPLE bernoulli (1.5) REPEATABLE (3), b",
	"SELECT a.*, b.c, public.d.e FROM a, b, public.d",
	"SELECT a INTO new_table FROM b",
	"SELECT a INTO TEMP TABLE new_table FROM b",
	"SELECT \"select\", \"from\" FROM \"where\" WHERE \"group\" = 'order'",
	"SELECT a AS select_it, b AS \"from\" FROM c",
	"SELECT x.from_date, x.to_date, x.values, x.set FROM t AS x",
	"SELECT set, show, copy, lock, values.a FROM comment, role, session, values",
	"SELECT 1 FROM a WHERE b LIKE 'x%' ESCAPE '!' AND c ~* '^a' AND d @> '{1}' AND e && f AND "
	"g #>> '{a,b}' = 'x'",
	"SELECT -1, - 1, +1, 1-1, a-1, a -1, a*-1, 2^-3 FROM b",
	"SELECT 1.5, .5, 5., 1.5e10, 1e-3, 1E+3, 12345678901234567890 FROM a",
	"SELECT a[1], b[1:2], (c).d, (e.f).g FROM h, e",
	"SELECT a::int, a::numeric(10,2), CAST(b AS varchar(20)), int '3', interval '1 day', "
	"timestamp with time zone '2020-01-01' FROM c",
	"SELECT a FROM b WHERE c = $1 AND d IN ($2, $3, $4)",
	"SELECT xmlelement(name foo, 'bar'), json_build_object('a', 1) FROM a",
	"SELECT * FROM XMLTABLE('/r/x' PASSING d.doc COLUMNS a int) x, docs d",
	"SELECT a FROM s.t, \"S\".\"T\", db.s.t2",
	"SELECT a FROM t1 JOIN t2 ON t1.a = t2.a AND t2.b IN (1,2), t3 LEFT JOIN t4 USING (x)",
	"SELECT a FROM UPPER_Case, \"Quoted_Case\", mIxEd",
	"SELECT a FROM b WHERE c = ALL (SELECT d FROM e) OR f = SOME (VALUES (1), (2))",
	"SELECT * FROM unnest(ARRAY[1,2], ARRAY['a','b']) WITH ORDINALITY AS t(a, b, n)",
	"SELECT * FROM a WHERE (SELECT count(*) FROM b) > 1 AND NOT EXISTS (SELECT FROM c)",
	"SELECT (SELECT a FROM b LIMIT 1) + (SELECT c FROM d LIMIT 1) FROM e",
	"SELECT current_date, current_user, session_user, localtime FROM a",
	"SELECT count(*) FROM a, b WHERE a.x BETWEEN SYMMETRIC 1 AND -5",
	"SELECT coalesce(a.x, (SELECT y FROM b), 3) FROM a",
	/* CTEs */
	"WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM a, b, c",
	"WITH t AS (SELECT * FROM t) SELECT * FROM t",
	"WITH t AS MATERIALIZED (SELECT * FROM x), u (i, j) AS NOT MATERIALIZED (SELECT * FROM y) "
	"SELECT * FROM t JOIN u USING (i)",
	"WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT "
	"sum(n) FROM t",
	"WITH \"Q\" AS (SELECT 1 FROM a) SELECT * FROM \"Q\", q",
	"WITH q AS (SELECT 1) SELECT * FROM Q, public.q",
	"SELECT * FROM (WITH q AS (SELECT * FROM a) SELECT * FROM q) x, q",
	"WITH a AS (WITH b AS (SELECT * FROM c) SELECT * FROM b) SELECT * FROM a, b",
	"INSERT INTO t WITH q AS (SELECT * FROM s) SELECT * FROM q",
	"WITH q AS (INSERT INTO a VALUES (1) RETURNING *), r AS (DELETE FROM b RETURNING *) "
	"UPDATE c SET x = 1 FROM q, r",
	"WITH q AS (SELECT 1) DELETE FROM a USING q WHERE a.i = q.i",
	"WITH q AS (SELECT 1) MERGE INTO a USING q ON a.i = q.i WHEN MATCHED THEN DELETE",
	"WITH q AS (SELECT 1) (SELECT * FROM q UNION SELECT * FROM z)",
	"WITH RECURSIVE s AS (SELECT * FROM a UNION ALL SELECT a.* FROM a JOIN s ON a.p = s.i) "
	"SEARCH DEPTH FIRST BY i SET o SELECT * FROM s ORDER BY o",
	"WITH q AS (VALUES (1, 'x'), (2, 'y')) SELECT * FROM q",
	/* writes */
	"INSERT INTO a DEFAULT VALUES",
	"INSERT INTO a VALUES (1, 2), (3, 4)",
	"INSERT INTO a (b, c) SELECT d, e FROM f WHERE g = 1",
	"INSERT INTO s.a AS x (b) OVERRIDING SYSTEM VALUE VALUES (DEFAULT) RETURNING x.b",
	"INSERT INTO a (b) VALUES (1) ON CONFLICT (b) DO UPDATE SET c = excluded.c + a.c WHERE "
	"a.d > 3",
	"INSERT INTO a (b) VALUES ((SELECT max(x) FROM c)), (2)",
	"INSERT INTO a (SELECT * FROM b)",
	"INSERT INTO a TABLE b",
	"INSERT INTO a SELECT 1, 2 UNION ALL SELECT 3, 4",
	"UPDATE ONLY a SET b = 1, c = DEFAULT, (d, e) = (2, 3), (f, g) = (SELECT 1, 2 FROM h)",
	"UPDATE a * SET b = 1",
	"UPDATE a AS x SET b = y.b FROM c AS y, d JOIN e USING (i) WHERE x.i = y.i RETURNING x.*",
	"UPDATE a SET b = 1 WHERE CURRENT OF cur",
	"DELETE FROM a",
	"DELETE FROM ONLY a AS x WHERE x.i = 1 RETURNING *",
	"DELETE FROM a USING b JOIN c USING (i), d WHERE a.i = b.i",
	"DELETE FROM a USING (SELECT * FROM b) c WHERE a.i = c.i",
	"DELETE FROM a WHERE b IN (SELECT c FROM d) AND e IS DISTINCT FROM f",
	"MERGE INTO a AS x USING b AS y ON x.i = y.i WHEN MATCHED AND y.d THEN DELETE WHEN "
	"MATCHED THEN UPDATE SET v = y.v WHEN NOT MATCHED THEN INSERT (i, v) VALUES (y.i, y.v)",
	"MERGE INTO ONLY a USING (SELECT * FROM b) y ON a.i = y.i WHEN NOT MATCHED THEN DO NOTHING",
	"COPY a FROM STDIN",
	"COPY s.a (b, c) FROM '/tmp/x.csv' WITH (FORMAT csv, DELIMITER ';')",
	"COPY (SELECT * FROM a JOIN b USING (i)) TO STDOUT",
	"COPY (INSERT INTO a VALUES (1) RETURNING *) TO STDOUT",
	"TRUNCATE a",
	"TRUNCATE TABLE ONLY a, b, s.c RESTART IDENTITY CASCADE",
	"LOCK TABLE a IN ACCESS EXCLUSIVE MODE",
	"LOCK a, ONLY b IN SHARE MODE NOWAIT",
	/* transactions and session */
	"START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
	"BEGIN TRANSACTION",
	"END TRANSACTION",
	"ABORT",
	"ROLLBACK AND CHAIN",
	"COMMIT PREPARED 'x'",
	"PREPARE TRANSACTION 'x'",
	"SET search_path TO a, public",
	"SET LOCAL statement_timeout = '5s'",
	"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
	"SET TIME ZONE 'UTC'",
	"RESET ALL",
	"SHOW server_version",
	"DISCARD PLANS",
	"DECLARE c CURSOR FOR SELECT * FROM a",
	"DECLARE \"c\" SCROLL CURSOR WITH HOLD FOR WITH q AS (SELECT * FROM b) SELECT * FROM q",
	"FETCH FORWARD 100 FROM c",
	"FETCH ALL IN c",
	"MOVE NEXT FROM c",
	"CLOSE c",
	"CLOSE ALL",
	"PREPARE p AS SELECT * FROM a WHERE i = $1",
	"PREPARE p (int, text) AS INSERT INTO a VALUES ($1, $2)",
	"EXECUTE p (1, 'x')",
	"DEALLOCATE p",
	"DEALLOCATE PREPARE ALL",
	"CALL do_it(1, 'x')",
	"DO $body$ BEGIN DELETE FROM a; END $body$",
	"EXPLAIN SELECT * FROM a",
	"EXPLAIN ANALYZE VERBOSE UPDATE a SET b = 1",
	"EXPLAIN (ANALYZE, FORMAT json) WITH q AS (SELECT * FROM a) DELETE FROM b USING q",
	"EXPLAIN CREATE TABLE a AS SELECT * FROM b",
	"NOTIFY ch, 'payload'",
	"UNLISTEN *",
	"CHECKPOINT",
	"LOAD 'auto_explain'",
	/* definitions and maintenance */
	"CREATE TABLE IF NOT EXISTS s.a (i int PRIMARY KEY, j int REFERENCES b (i) ON DELETE "
	"CASCADE, CHECK (j > 0 AND k LIKE 'x'), FOREIGN KEY (j) REFERENCES c)",
	"CREATE TEMP TABLE a ON COMMIT DROP AS SELECT * FROM b WITH NO DATA",
	"CREATE UNLOGGED TABLE a AS (SELECT * FROM b)",
	"CREATE TABLE a (LIKE b INCLUDING ALL, c int) INHERITS (d, e)",
	"CREATE TABLE a PARTITION OF b FOR VALUES FROM (1) TO (10)",
	"CREATE TABLE a PARTITION OF b FOR VALUES IN (1, 2)",
	"CREATE TABLE a AS WITH q AS (SELECT * FROM b) SELECT * FROM q",
	"CREATE UNIQUE INDEX CONCURRENTLY ON a USING btree (lower(b), c DESC) WHERE d IS NOT NULL",
	"CREATE INDEX i ON ONLY s.a (b)",
	"CREATE OR REPLACE VIEW v (x, y) AS SELECT a, b FROM c",
	"CREATE MATERIALIZED VIEW v AS SELECT * FROM a, b",
	"CREATE TRIGGER t BEFORE INSERT OR UPDATE OF x ON a FOR EACH ROW EXECUTE FUNCTION f('x')",
	"CREATE FUNCTION f(a int) RETURNS TABLE (b int) LANGUAGE sql AS 'SELECT * FROM x'",
	"CREATE EXTENSION IF NOT EXISTS unaccent",
	"CREATE POLICY p ON a FOR SELECT USING (owner = current_user)",
	"REFRESH MATERIALIZED VIEW CONCURRENTLY v",
	"ALTER TABLE IF EXISTS ONLY s.a DROP COLUMN b, ALTER COLUMN c SET NOT NULL, ADD "
	"CONSTRAINT x UNIQUE (d)",
	"ALTER TABLE a RENAME COLUMN b TO c",
	"ALTER TABLE a ALTER COLUMN b TYPE int USING b::int",
	"ALTER INDEX i SET (fillfactor = 70)",
	"DROP TABLE a",
	"DROP VIEW IF EXISTS v, s.w CASCADE",
	"DROP MATERIALIZED VIEW v",
	"DROP INDEX CONCURRENTLY i",
	"DROP TRIGGER t ON a",
	"VACUUM",
	"VACUUM (FULL, ANALYZE) a, b (c, d)",
	"VACUUM FULL FREEZE VERBOSE s.a",
	"ANALYZE a (b)",
	"CLUSTER a USING i",
	"REINDEX TABLE CONCURRENTLY a",
	"REINDEX INDEX i",
	"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA s TO bob",
	"ALTER ROLE bob PASSWORD 'secret'",
	/* quoting */
	"SELECT 'it''s', E'it\\'s', E'a\\\\', 'back\\', b FROM a",
	"SELECT $$dollar$$, $x$a $$ b$x$, $_1$a$_$ b$_1$ FROM a",
	"SELECT B'0101', X'1F', N'n', U&'\\0441', U&'d!0061' UESCAPE '!' FROM a",
	"SELECT 'a'\n'b' FROM a WHERE b = E'x\\''\n'y\\'' AND c = 1",
	"SELECT \"a\"\"b\", \"c'd\", \"e--f\", \"g/*h\" FROM \"i\"\"j\", \"k l\".\"m.n\"",
	"SELECT '--', '/*', '*/', ';', '\"' FROM a -- b FROM c\n WHERE d = 1",
	"SELECT /* FROM x /* nested */ FROM y */ a FROM /* c */ b",
	"SELECT 1 FROM a WHERE b=E'\\'' OR c='' OR d='''' OR e='''''' OR f='\\'",
	"SELECT a$b$c, a$1 FROM t$1",
	"SELECT 1::int FROM a",
	"CREATE TABLE a AS TABLE b",
	"SELECT U&\"d\\0061t\" FROM a",
	"SELECT 'FROM x', $$FROM y$$ FROM z",
	"SELECT a.\"b\".c, \"a\" . \"b\" FROM \"Sch\" . tab",
	"SELECT \xc3\xa9t\xc3\xa9 FROM \"t\xc3\xa4glich\" WHERE x = '\xe2\x82\xac'",
	"\n\t /* x */ -- y\n SELECT\n\t1\r\nFROM\n\n a",
};

#define STATEMENTS (sizeof(statements) / sizeof(statements[0]))

#endif
