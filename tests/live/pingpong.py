#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two processes pass a byte to and fro over two pipes, COUNT times: pingpong.py COUNT"""
import os
import sys


def main(count):
    there, back = os.pipe(), os.pipe()
    if os.fork() == 0:
        for _ in range(count):
            os.write(back[1], os.read(there[0], 1))
        os._exit(0)
    for _ in range(count):
        os.write(there[1], b"x")
        os.read(back[0], 1)
    os.wait()


main(int(sys.argv[1]))
