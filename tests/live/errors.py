#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that fail, each kind its own number of times.

errors.py postgres SOCKET_DIR PORT DATABASE LIBRARY SQLSTATE=COUNT...   (LIBRARY: psycopg2 or psycopg)
errors.py redis SOCKET WORD=COUNT...
"""
import importlib
import sys

SQL = {
    "22012": "SELECT 1 / 0",
    "42P01": "SELECT id FROM sale_order_that_is_not_there",
    "42601": "SELEC id FROM sale_order",
    "23505": "INSERT INTO sale_order (id) VALUES (1)",
}
REDIS = {
    "WRONGTYPE": ("LPUSH", "a_string", "x"),
    "ERR": ("INCR", "a_string"),
    "NOSCRIPT": ("EVALSHA", "0" * 40, "0"),
}


def postgres(host, port, database, library, *todo):
    module = importlib.import_module(library)
    conn = module.connect(host=host, port=port, dbname=database, user="postgres")
    conn.autocommit = True
    for item in todo:
        state, count = item.split("=")
        for _ in range(int(count)):
            try:
                conn.cursor().execute(SQL[state])
                sys.exit(f"{SQL[state]} did not fail")
            except module.Error as error:
                got = getattr(error, "pgcode", None) or error.sqlstate
                assert got == state, got


def redis(socket, *todo):
    import redis as client

    conn = client.Redis(unix_socket_path=socket)
    conn.set("a_string", "text")
    for item in todo:
        word, count = item.split("=")
        for _ in range(int(count)):
            try:
                conn.execute_command(*REDIS[word])
                sys.exit(f"{word} did not fail")
            except client.ResponseError:
                pass


if __name__ == "__main__":
    {"postgres": postgres, "redis": redis}[sys.argv[1]](*sys.argv[2:])
