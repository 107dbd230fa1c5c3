#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The session that is kept as postgres.rec: postgres.py SOCKET_DIR PORT DATABASE"""
import sys

import psycopg
import psycopg2


def quietly(call, error):
    try:
        call()
    except error:
        pass


def simple(where):
    conn = psycopg2.connect(application_name="odoo-7", **where)
    conn.autocommit = True
    cursor = conn.cursor()
    for i in range(5):
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute('SELECT "sale_order"."id" FROM "sale_order" WHERE "sale_order"."name" = %s', (f"SO{i}",))
        cursor.execute('INSERT INTO "stock_move" ("product_id", "state") VALUES (%s, %s)', (i, "draft"))
        cursor.execute("COMMIT")
    wide = ", ".join(f'"account_move"."{column}"' for column in ["id", "name", "state", "partner_id"] * 60)
    cursor.execute(f'SELECT {wide} FROM "account_move" WHERE id IN %s', ((1, 2, 3),))
    cursor.execute("SELECT 1 /*workflow='close',traceparent='00-1-2-01'*/")
    cursor.execute("SELECT 1; SELECT 2; UPDATE stock_quant SET quantity = 1 WHERE id = 0")
    for statement in ("SELECT 1 / 0", "SELEC 1", "SELECT id FROM nothing_here"):
        quietly(lambda text=statement: cursor.execute(text), psycopg2.Error)
    conn.close()


def extended(where):
    with psycopg.connect(autocommit=True, prepare_threshold=2, **where) as conn:
        for i in range(8):
            conn.execute("SELECT id FROM delivery_carrier WHERE id > %s", (i,))
        with conn.pipeline():
            for i in range(4):
                conn.execute("UPDATE stock_picking_batch SET state = %s WHERE id = %s", ("done", i))
        quietly(lambda: conn.execute("INSERT INTO sale_order (id) VALUES (%s), (%s)", (9, 9)), psycopg.Error)
        with conn.cursor().copy("COPY res_partner (name) FROM STDIN") as copy:
            copy.write_row(("somebody",))


def main(host, port, database):
    where = {"host": host, "port": port, "dbname": database, "user": "postgres"}
    simple(where)
    extended(where)


if __name__ == "__main__":
    main(*sys.argv[1:])
