#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One worker of one tenant's Odoo: does one business step again and again until the time is over.

workload.py SOCKET_DIR PORT DATABASE REDIS_SOCKET STEP SECONDS PAUSE_MS

Prints what it sent, one line for each workflow: WORKFLOW PROTOCOL COUNT. What has no workflow of its
own (BEGIN, looking up a partner) is "unattributed"; a COMMIT is of the step that it ends.
"""
import collections
import random
import sys
import time
import uuid

import psycopg2
import redis


class Worker:
    def __init__(self, host, port, database, socket):
        self.sent = collections.Counter()
        conn = psycopg2.connect(host=host, port=port, dbname=database, user="postgres")
        conn.autocommit = True  # BEGIN and COMMIT are said, and counted, by sql()
        self.cursor = conn.cursor()
        self.store = redis.Redis(unix_socket_path=socket)

    def sql(self, workflow, statement, *values):
        self.cursor.execute(statement, values)
        self.sent[workflow, "postgresql"] += 1
        return self.cursor.fetchall() if self.cursor.description else []

    def key(self, workflow, command, *args):
        self.sent[workflow, "redis"] += 1
        return self.store.execute_command(command, *args)

    def begin(self):
        self.sql("unattributed", "BEGIN ISOLATION LEVEL REPEATABLE READ")

    def commit(self, workflow):
        self.sql(workflow, "COMMIT")

    def order_intake(self):
        self.begin()
        partner = random.randint(1, 500)
        self.sql("unattributed", 'SELECT "res_partner"."id", "res_partner"."name" FROM "res_partner" '
                                 'WHERE "res_partner"."id" IN %s', (partner,))
        order = self.sql("order_intake", 'INSERT INTO "sale_order" ("name", "state", "partner_id") '
                                         'VALUES (%s, %s, %s) RETURNING "id"', "S%05d" % partner, "draft",
                         partner)[0][0]
        for _ in range(3):
            self.sql("order_intake", 'INSERT INTO "sale_order_line" ("order_id", "product_id", '
                                     '"product_uom_qty", "price_unit") VALUES (%s, %s, %s, %s)', order,
                     random.randint(1, 500), 2, 9.5)
        self.sql("order_intake", 'UPDATE "sale_order" SET "amount_total" = %s, "state" = %s, '
                                 '"write_date" = now() WHERE id IN %s', 57, "sale", (order,))
        self.commit("order_intake")

    def warehouse(self):
        self.begin()
        product = random.randint(1, 500)
        self.key("warehouse", "INCRBY", f"stock:reserve:{product}", 1)
        self.sql("warehouse", 'SELECT "stock_quant"."id", "stock_quant"."quantity" FROM "stock_quant" LEFT '
                              'JOIN "stock_location" ON ("stock_quant"."location_id" = '
                              '"stock_location"."id") WHERE "stock_quant"."product_id" = %s', product)
        self.sql("warehouse", 'INSERT INTO "stock_move" ("product_id", "product_uom_qty", "state") VALUES '
                              '(%s, %s, %s) RETURNING "id"', product, 1, "assigned")
        self.commit("warehouse")
        self.key("warehouse", "DECRBY", f"stock:reserve:{product}", 1)

    def dispatch(self):
        self.sql("dispatch", 'SELECT "delivery_carrier"."id" FROM "delivery_carrier" WHERE '
                             '"delivery_carrier"."active" ORDER BY "delivery_carrier"."name"')
        self.sql("dispatch", 'UPDATE "stock_picking_batch" SET "state" = %s WHERE id = %s', "in_progress",
                 random.randint(1, 50))

    def invoicing(self):
        self.sql("invoicing", 'SELECT "account_move"."partner_id", sum("account_move_line"."debit") FROM '
                              '"account_move_line" JOIN "account_move" ON ("account_move_line"."move_id" = '
                              '"account_move"."id") WHERE "account_move"."state" = %s GROUP BY 1 ORDER BY 2 '
                              'DESC LIMIT 80', "posted")

    def portal(self):
        session = f"session:{uuid.uuid4()}"
        self.key("portal", "SET", session, "x" * 300, "EX", 60)
        for _ in range(4):
            self.key("portal", "GET", session)
        self.key("portal", "HINCRBY", f"cart:{random.randint(1, 500)}", "qty", 1)


def main(host, port, database, socket, step, seconds, pause_ms):
    worker = Worker(host, port, database, socket)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        getattr(worker, step)()
        time.sleep(float(pause_ms) / 1000)
    for (workflow, protocol), count in sorted(worker.sent.items()):
        print(workflow, protocol, count)


if __name__ == "__main__":
    main(*sys.argv[1:])
