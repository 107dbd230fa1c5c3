#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends secrets in every place where clients put them: literals, bind values, COPY data, passwords,
Redis values, keys' parts, AUTH, HTTP's queries, bodies and headers, texts of errors. Each is "S3cr3t"
and a number; prints how many it sent.

secrets.py SOCKET_DIR PORT DATABASE REDIS_SOCKET ROUNDS
"""
import http.client
import http.server
import sys
import threading

import psycopg
import psycopg2
import redis

sent = 0


def secret():
    global sent
    sent += 1
    return f"S3cr3t{sent:06d}"


def quietly(call, *errors):
    try:
        call()
    except errors:
        pass


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Set-Cookie", f"session={secret()}")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


def web():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return http.client.HTTPConnection("127.0.0.1", server.server_port)


def main(host, port, database, socket, rounds):
    site = web()
    simple = psycopg2.connect(host=host, port=port, dbname=database, user="postgres")
    simple.autocommit = True
    bound = psycopg.connect(host=host, port=port, dbname=database, user="postgres", autocommit=True)
    store = redis.Redis(unix_socket_path=socket)
    cursor = simple.cursor()
    for _ in range(int(rounds)):
        cursor.execute(f"SELECT id FROM sale_order WHERE name = '{secret()}' OR state = $x${secret()}$x$")
        cursor.execute(f"UPDATE sale_order SET name = E'{secret()}' /* {secret()} */ WHERE id = 0")
        cursor.execute(f"ALTER ROLE postgres PASSWORD '{secret()}'")
        quietly(lambda: cursor.execute(f"SELECT '{secret()}"), psycopg2.Error)
        bound.execute("SELECT id FROM sale_order WHERE name = %s", (secret(),))
        bound.execute("INSERT INTO sale_order (name) VALUES (%b)", (secret(),))
        with bound.cursor().copy("COPY sale_order (name) FROM STDIN") as copy:
            copy.write_row((secret(),))
        store.set("session:1", secret())
        store.hset("cart:1", mapping={"card": secret()})
        store.eval("return 1", 0, secret())
        site.request("POST", f"/web/login?password={secret()}", f"login=admin&password={secret()}",
                     {"Authorization": f"Bearer {secret()}", "Cookie": f"session={secret()}"})
        site.getresponse().read()
        quietly(lambda: cursor.execute(f"SELECT '{secret()}'::int"), psycopg2.Error)
        quietly(lambda: store.eval(f"return redis.error_reply('ERR {secret()}')", 0), redis.ResponseError)
        quietly(lambda: store.execute_command("HELLO", 3, "AUTH", "odoo", secret()), redis.ResponseError)
        quietly(lambda: store.execute_command("AUTH", secret()), redis.ResponseError)
        quietly(lambda: store.execute_command("AUTH", "odoo", secret()), redis.ResponseError)
        pipe = store.pipeline(transaction=False)
        for i in range(4):
            pipe.set(f"job:{i}", secret() * 50)
        pipe.execute()
    quietly(lambda: psycopg2.connect(host="127.0.0.1", port=port, dbname=database, user="odoo",
                                     password=secret()), psycopg2.Error)
    print(sent)


if __name__ == "__main__":
    main(*sys.argv[1:])
