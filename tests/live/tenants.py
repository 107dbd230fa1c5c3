#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One tenant's work on shared servers: known numbers of requests for each workflow.

tenants.py SOCKET_DIR PORT DATABASE REDIS_SOCKET STYLE WORKFLOW=COUNT...

STYLE is psycopg2 (literals in the text, simple protocol), psycopg (bind values, extended protocol) or
prepared (the same, server-side prepared). A count is of requests: statements, or Redis commands.
"""
import sys

# By workflow: statements as Odoo sends them. %s are its values.
STATEMENTS = {
    "order_intake": (
        'SELECT "sale_order"."id", "sale_order"."name", "sale_order"."state" FROM "sale_order" '
        'WHERE "sale_order"."partner_id" = %s ORDER BY "sale_order"."date_order" DESC LIMIT 80',
        'UPDATE "sale_order" SET "state" = %s, "write_date" = now() WHERE id = %s',
    ),
    "warehouse": (
        'SELECT "stock_quant"."id", "stock_quant"."quantity" FROM "stock_quant" LEFT JOIN "stock_location" '
        'ON ("stock_quant"."location_id" = "stock_location"."id") WHERE "stock_quant"."product_id" = %s',
        'INSERT INTO "stock_move" ("name", "product_id", "state") VALUES (%s, %s, %s) RETURNING "id"',
    ),
    "dispatch": (
        'SELECT "delivery_carrier"."id" FROM "delivery_carrier" WHERE "delivery_carrier"."active" AND id > %s',
        'UPDATE "stock_picking_batch" SET "state" = %s WHERE id = %s',
    ),
    "invoicing": (
        'SELECT "account_move"."id", "sale_order"."id" FROM "account_move" LEFT JOIN "sale_order" ON '
        '("account_move"."invoice_origin" = "sale_order"."name") WHERE "account_move"."partner_id" = %s',
        'INSERT INTO "account_move_line" ("move_id", "name") VALUES (%s, %s)',
    ),
}
# A key of each workflow that is done on Redis.
KEYS = {"portal": "session:%d"}
VALUES = {1: (7,), 2: ("done", 7), 3: ("SO0007", 7, "draft")}


def connection(host, port, database, style):
    if style == "psycopg2":
        import psycopg2

        conn = psycopg2.connect(host=host, port=port, dbname=database, user="postgres")
        conn.autocommit = True
    else:
        import psycopg

        conn = psycopg.connect(
            host=host, port=port, dbname=database, user="postgres", autocommit=True,
            prepare_threshold=0 if style == "prepared" else None,
        )
    return conn.cursor()


def value_of(statement, workflow):
    values = VALUES[statement.count("%s")]
    return (7, "line") if "account_move_line" in statement else values


def work(cursor, redis, workflow, count):
    for i in range(count):
        if workflow in KEYS:
            key = KEYS[workflow] % i
            redis.set(key, "x" * 40) if i % 2 else redis.get(key)
        else:
            statement = STATEMENTS[workflow][i % 2]
            cursor.execute(statement, value_of(statement, workflow))


def main(host, port, database, socket, style, *todo):
    import redis

    cursor = connection(host, port, database, style)
    store = redis.Redis(unix_socket_path=socket)
    for item in todo:
        workflow, count = item.split("=")
        work(cursor, store, workflow, int(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
