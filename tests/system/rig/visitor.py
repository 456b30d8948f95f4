# SPDX-License-Identifier: Apache-2.0
"""Programs of other users that connect to a port, as they come."""

import subprocess
import sys

# Run with the address (a port of 127.0.0.1 or a path) and how to behave.
PROGRAM = r"""
import socket, sys

address, manner = sys.argv[1:]
if address.isdigit():
    s = socket.create_connection(("127.0.0.1", int(address)), timeout=30)
else:
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(address)
if manner == "hit-and-run":
    s.sendall(b"MAIL FROM:<a@example.com>\r\n")
    s.close()
else:
    print(s.makefile("rb").readline().decode().rstrip())
"""


def visit(address, uid, groups=(), manner="stays"):
    """A program of this uid (its group the same number) connects: the first line it gets."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(address), manner],
        user=uid, group=uid, extra_groups=list(groups), cwd="/",
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.strip()
