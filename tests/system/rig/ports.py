# SPDX-License-Identifier: Apache-2.0
"""Free loopback ports that stay ours until this process ends."""

import random
import socket

# Below the kernel's range for outgoing connections, which could take a port between our look
# and the server's bind.
FIRST, LAST = 10000, 32000
_claims = []


def _claim(port):
    """An abstract socket of the port's name keeps parallel test processes apart."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0maildest-test-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def is_free(port, everywhere=False):
    """Whether the port can be bound on loopback; everywhere: and no wildcard has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("" if everywhere else "127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    while True:
        port = random.randint(FIRST, LAST)
        if is_free(port) and _claim(port):
            return port
