#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One session as an application has it, through one library: transactions, errors, prepared statements,
cursors, COPY, pipelines. Prints what the library itself saw: "SQLSTATE count" of every failed request.

pg_clients.py LIBRARY HOST PORT DATABASE      (LIBRARY: psycopg2 or psycopg)
"""
import collections
import importlib
import io
import sys

states = collections.Counter()


def failing(module, conn, sql, *args):
    try:
        conn.cursor().execute(sql, *args)
    except module.Error as error:
        states[getattr(error, "pgcode", None) or error.sqlstate] += 1
        return
    sys.exit(f"{sql} did not fail")


def common(module, conn):
    """What both libraries have; conn is not in autocommit mode: each first statement comes after a BEGIN."""
    cursor = conn.cursor()
    cursor.execute("CREATE TABLE stock (id int PRIMARY KEY, n int DEFAULT 0)")
    conn.commit()
    for i in range(20):  # prepared by psycopg from the sixth on
        cursor.execute("INSERT INTO stock (id, n) VALUES (%s, %s)", (i, i * i))
        cursor.execute("SELECT n FROM stock WHERE id = %s", (i,))
        assert cursor.fetchone()[0] == i * i
    conn.commit()
    failing(module, conn, "INSERT INTO stock (id) VALUES (%s)", (7,))
    failing(module, conn, "SELECT 1")
    conn.rollback()
    failing(module, conn, "SELECT nothing FROM stock")
    conn.rollback()
    failing(module, conn, "SELEC 1")
    conn.rollback()
    for i in range(3):
        failing(module, conn, "SELECT %s / (%s - 1)", (i, 1))
        conn.rollback()
    cursor.execute("UPDATE stock SET n = n + 1")
    cursor.execute("SAVEPOINT s")
    failing(module, conn, "UPDATE stock SET id = 1")
    cursor.execute("ROLLBACK TO SAVEPOINT s")
    cursor.execute("RELEASE SAVEPOINT s")
    conn.commit()
    cursor.execute("LISTEN news")
    cursor.execute("NOTIFY news, 'hello'")  # a NotificationResponse comes behind it
    conn.commit()
    cursor.execute("DO $$ BEGIN RAISE NOTICE 'hello'; END $$")  # a NoticeResponse within
    conn.commit()


def named_cursor(conn):
    cursor = conn.cursor("c1")
    cursor.itersize = 7
    cursor.execute("SELECT id FROM stock ORDER BY id")
    assert len(list(cursor)) == 20
    cursor.close()
    conn.commit()


def psycopg2(module, conn):
    cursor = conn.cursor()
    common(module, conn)
    named_cursor(conn)
    cursor.copy_expert("COPY stock FROM STDIN", io.StringIO("".join(f"{i}\t1\n" for i in range(100, 5000))))
    out = io.StringIO()
    cursor.copy_expert("COPY stock TO STDOUT", out)
    assert out.getvalue().count("\n") == 4920
    conn.commit()
    try:
        cursor.copy_expert("COPY stock FROM STDIN", io.StringIO("1\t1\n"))
    except module.Error as error:
        states[error.pgcode] += 1
    conn.rollback()
    cursor.callproc("pg_sleep", [0])
    conn.commit()


def copies(module, conn):
    cursor = conn.cursor()
    for args in ((), ((100,),)):  # with parameters it cannot be a simple query
        sql = "COPY (SELECT id FROM stock WHERE id < %s) TO STDOUT" if args else "COPY stock TO STDOUT"
        with cursor.copy(sql, *args) as copy:
            assert len(list(copy)) > 0
        conn.commit()
    for name in ("", ' (FORMAT binary)'):
        with cursor.copy("COPY stock FROM STDIN" + name) as copy:
            if name:
                copy.set_types(["int4", "int4"])
            for i in range(100, 5000):
                copy.write_row((i + 10000 * len(name), 1))
        cursor.execute("SELECT count(*) FROM stock")  # its reply is this one's own
        conn.commit()
    try:
        with cursor.copy("COPY stock FROM STDIN") as copy:
            copy.write_row((1, 1))
    except module.Error as error:
        states[error.sqlstate] += 1
    conn.rollback()


def extended_copy(conn):
    """The Sync that comes with the Execute of COPY FROM is passed over; one that follows CopyDone counts."""
    pg = conn.pgconn
    for i in range(3):
        result = pg.exec_params(b"COPY stock FROM STDIN", None)
        assert result.status == 4, result.status  # PGRES_COPY_IN
        pg.put_copy_data(b"%d\t1\n" % (i + 1000000))
        assert pg.put_copy_end() == 1
        assert pg.get_result().status == 1
        assert pg.get_result() is None
        result = pg.exec_params(b"SELECT $1::int FROM stock LIMIT 1", [b"1"])
        assert result.get_value(0, 0) == b"1"


def pipelines(module, conn):
    conn.commit()
    conn.autocommit = True
    with conn.pipeline():
        for i in range(300):
            conn.execute("UPDATE stock SET n = %s WHERE id = %s", (i, i % 20))
    try:
        with conn.pipeline() as pipeline:
            for i in range(50):
                conn.execute("DELETE FROM stock WHERE id = %s", (-i,))
            pipeline.sync()
            for i in range(9):
                conn.execute("SELECT 1 / (%s - 4)", (i,))
    except module.Error as error:
        states[error.sqlstate] += 1
    cursor = conn.cursor()
    cursor.executemany("INSERT INTO stock (id) VALUES (%s)", [(i,) for i in range(2000000, 2000100)])


def psycopg(module, conn):
    common(module, conn)
    conn.prepare_threshold = 0
    named_cursor(conn)
    copies(module, conn)
    pipelines(module, conn)
    extended_copy(conn)
    conn.execute("DEALLOCATE ALL")
    conn.execute("SELECT id FROM stock WHERE id = %s", (1,), prepare=False)
    conn.execute("DISCARD ALL")


def main(library, host, port, database):
    module = importlib.import_module(library)
    conn = module.connect(host=host, port=port, dbname=database, user="postgres", sslmode="disable")
    globals()[library](module, conn)
    conn.close()
    for state, count in states.items():
        print(state, count)


if __name__ == "__main__":
    main(*sys.argv[1:])
