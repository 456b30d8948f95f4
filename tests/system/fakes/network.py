# SPDX-License-Identifier: Apache-2.0
"""Addresses that behave badly, and a network of the test's own."""

import concurrent.futures
import contextlib
import ctypes
import fcntl
import os
import random
import socket
import struct

CLONE_NEWNET = 0x40000000
SIOCSIFADDR, SIOCSIFFLAGS = 0x8916, 0x8914
IFF_UP = 1


def random_loopback():
    """An address of 127/8 that no other test is likely to hold: its low ports are ours."""
    return f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"


@contextlib.contextmanager
def black_hole(host="127.0.0.1", port=0):
    """An address that answers nothing at all to whoever connects: (host, port)."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind((host, port))
        full.listen(0)
        # A full queue makes the kernel drop what comes next.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield full.getsockname()


class Network:
    """A network namespace, whose only interface has an address that is not loopback's."""

    ADDRESS = "192.0.2.1"

    def __init__(self):
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self.run(self._enter)

    def run(self, call, *args, **options):
        """Runs call() within: sockets that it makes and processes that it starts live there."""
        return self._thread.submit(call, *args, **options).result()

    def _enter(self):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for name, address in (("lo", "127.0.0.1"), ("lo:0", self.ADDRESS)):
                body = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
                fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16s24s", name.encode(), body))
                flags = struct.pack("16sH22x", name.encode(), IFF_UP)
                fcntl.ioctl(control, SIOCSIFFLAGS, flags)

    def stop(self):
        self._thread.shutdown()
