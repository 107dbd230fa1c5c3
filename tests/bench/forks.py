#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes that end as they are born, COUNT of them: forks.py COUNT"""
import os
import sys

for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        os._exit(0)
    os.wait()
