# SPDX-License-Identifier: Apache-2.0
"""Redis commands over TLS, one after the other. Usage: tls_client.py PORT HOW COMMANDS GO
HOW: "socket" (the library has the socket), or "memory" (it has only memory, and Python moves the bytes).
Connects, prints "connected", and sends the commands once the file GO is there."""

import asyncio
import os
import socket
import ssl
import sys
import time

REQUEST = b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"
REPLY = b"$-1\r\n"

port, how, commands, go = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def wait_for_go():
    print("connected", flush=True)
    while not os.path.exists(go):
        time.sleep(0.02)


def by_socket():
    with socket.create_connection(("127.0.0.1", port)) as plain:
        with context.wrap_socket(plain) as conn:
            wait_for_go()
            for _ in range(commands):
                conn.sendall(REQUEST)
                assert conn.recv(100) == REPLY


async def by_memory():
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    wait_for_go()
    for _ in range(commands):
        writer.write(REQUEST)
        assert await reader.readexactly(len(REPLY)) == REPLY
    writer.close()


if how == "socket":
    by_socket()
else:
    asyncio.run(by_memory())
