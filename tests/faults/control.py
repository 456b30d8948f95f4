# SPDX-License-Identifier: Apache-2.0
"""The file by which a test and the preloaded library understand each other (control.h)."""

import errno
import mmap
import socket
import struct

MAGIC = 0x544C4146
KINDS = (
    "memory", "read", "write", "connect", "accept", "fork", "resolve", "open", "socket", "wait",
    "store",
)  # fmt: skip
SCOPES = ("all", "parent", "children")
HEAD = struct.Struct("=IIIiIIIi")
COUNTS = struct.Struct(f"={len(KINDS)}I")
FOREVER = 0xFFFFFFFF
# A call that does less than it was asked for, and is none that failed.
SHORT = -1

# What each kind fails with, and in which words. The harmless ones no session may notice.
ERRORS = {
    "memory": {"none left": errno.ENOMEM},
    "read": {"broken": errno.ECONNRESET},
    "write": {"broken": errno.EPIPE},
    "connect": {"refused": errno.ECONNREFUSED},
    "accept": {"no descriptors": errno.EMFILE},
    "fork": {"no processes": errno.EAGAIN},
    "resolve": {"not now": socket.EAI_AGAIN, "no memory": socket.EAI_MEMORY},
    "open": {"no descriptors": errno.EMFILE, "disk": errno.EIO},
    "socket": {"no descriptors": errno.ENFILE},
    "wait": {"no memory": errno.ENOMEM},
    "store": {"disk full": errno.ENOSPC},
}
HARMLESS = {
    "read": {"interrupted": errno.EINTR, "short": SHORT},
    "write": {"interrupted": errno.EINTR, "short": SHORT},
    "wait": {"interrupted": errno.EINTR},
    "accept": {"interrupted": errno.EINTR},
}


class Control:
    """What shall fail in whoever has environment() about it, and what was counted there."""

    def __init__(self, path, library, program=None):
        self._path = str(path)
        self._library = str(library)
        self._program = program
        with open(self._path, "wb") as file:
            file.write(bytes(HEAD.size + COUNTS.size))
        with open(self._path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self.clear()

    def environment(self):
        words = {"LD_PRELOAD": self._library, "FAULTS_CONTROL": self._path}
        return words | ({"FAULTS_PROGRAM": self._program} if self._program else {})

    def arm(self, kind, error, first, last=None, scope="all"):
        """Lets the calls first..last of a kind fail (`last` is FOREVER: from the first on)."""
        head = HEAD.pack(
            MAGIC, SCOPES.index(scope), KINDS.index(kind), error, first, last or first, 0, -1
        )
        self._map[:] = head + bytes(COUNTS.size)

    def clear(self, scope="all"):
        """Counts, and lets nothing fail."""
        self.arm("memory", errno.ENOMEM, 0, scope=scope)

    @property
    def hits(self):
        return HEAD.unpack_from(self._map)[6]

    @property
    def fd(self):
        """The descriptor of the last call that failed; -1 if it had none."""
        return HEAD.unpack_from(self._map)[7]

    @property
    def counts(self):
        return dict(zip(KINDS, COUNTS.unpack_from(self._map, HEAD.size)))
