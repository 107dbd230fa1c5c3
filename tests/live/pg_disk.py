#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One client of PostgreSQL whose backend has to use the disk, and what the kernel says that the backend did.

pg_disk.py HOST PORT DATABASE scan TABLE SECONDS    reads the table from the disk, again and again
pg_disk.py HOST PORT DATABASE fetch TABLE SECONDS   reads single blocks of it, here and there
pg_disk.py HOST PORT DATABASE commit TABLE TIMES    adds rows, each in a transaction that is synced

Says "ready" as it begins. Then prints the bytes that its backend read of block devices and that it wrote,
by /proc/PID/io; the bytes of the table's blocks that PostgreSQL asked for, by its own count, of a scan
with those that it had itself, over which the kernel reads ahead; and when it began and ended. Needs to be root on the server's machine.
"""
import os
import random
import sys
import time

import psycopg2

PAGE = 8192


def io_of(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        counts = dict(line.split(": ") for line in file.read().splitlines())
    return int(counts["read_bytes"]), int(counts["write_bytes"])


def one(cursor, sql, *args):
    cursor.execute(sql, args)
    return cursor.fetchone()[0]


def forget(path):
    """What the kernel has of the file in memory."""
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def blocks_read(cursor, what, table):
    one(cursor, "SELECT pg_stat_force_next_flush()::text")
    count = "heap_blks_read + heap_blks_hit" if what == "scan" else "heap_blks_read"
    return one(cursor, f"SELECT {count} FROM pg_statio_user_tables WHERE relname = %s", table)


def scan(cursor, table, seconds, path):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        forget(path)
        cursor.execute(f"SELECT count(*) FROM {table}")


def fetch(cursor, table, seconds, path):
    forget(path)
    end = time.monotonic() + seconds
    # Not one after the other, or the kernel would read ahead.
    blocks = list(range(0, os.path.getsize(path) // PAGE, 8))
    random.shuffle(blocks)
    for block in blocks:
        cursor.execute(f"SELECT 1 FROM {table} WHERE ctid = '({block},1)'")
        if time.monotonic() > end:
            break


def commit(cursor, table, times, _path):
    for i in range(times):
        cursor.execute(f"INSERT INTO {table} VALUES ({i})")


def main(host, port, database, what, table, amount):
    conn = psycopg2.connect(host=host, port=port, dbname=database, user="postgres",
                            options="-c synchronous_commit=on -c max_parallel_workers_per_gather=0")
    conn.autocommit = True
    cursor = conn.cursor()
    path = os.path.join(one(cursor, "SHOW data_directory"),
                        one(cursor, "SELECT pg_relation_filepath(%s)", table))
    pid = conn.get_backend_pid()
    blocks = blocks_read(cursor, what, table)
    print("ready", flush=True)
    begin, before = time.monotonic(), io_of(pid)
    {"scan": scan, "fetch": fetch, "commit": commit}[what](cursor, table, int(amount), path)
    end, after = time.monotonic(), io_of(pid)
    print(after[0] - before[0], after[1] - before[1],
          PAGE * (blocks_read(cursor, what, table) - blocks), begin, end)


if __name__ == "__main__":
    main(*sys.argv[1:])
