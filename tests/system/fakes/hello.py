# SPDX-License-Identifier: Apache-2.0
"""What a client says first in TLS (RFC 8446 4.1.2), read without taking it from the socket."""

import socket
from dataclasses import dataclass, field

RECORD_HEADER = 5
HANDSHAKE = 22
SESSION_TICKET = 35  # RFC 5077 3.2, for TLS 1.2
PRE_SHARED_KEY = 41  # RFC 8446 4.2.11, for TLS 1.3


@dataclass
class Hello:
    """A ClientHello: what a server could resume by, and what must never come twice."""

    random: bytes
    session_id: bytes
    tickets: list = field(default_factory=list)


class _Reader:
    def __init__(self, data):
        self._data = data

    def __bool__(self):
        return bool(self._data)

    def take(self, count):
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def number(self, octets):
        return int.from_bytes(self.take(octets), "big")

    def vector(self, octets):
        return self.take(self.number(octets))


def _tickets(kind, body):
    if kind == SESSION_TICKET:
        return [body] if body else []
    found = []
    identities = _Reader(_Reader(body).vector(2))
    while identities:
        found.append(identities.vector(2))
        identities.take(4)  # its obfuscated age
    return found


def parse(record):
    """The Hello in a handshake record."""
    body = _Reader(record[RECORD_HEADER + 4 :])
    body.take(2)
    hello = Hello(body.take(32), body.vector(1))
    body.vector(2)
    body.vector(1)
    extensions = _Reader(body.vector(2))
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind in (SESSION_TICKET, PRE_SHARED_KEY):
            hello.tickets += _tickets(kind, content)
    return hello


def _look(connected, count):
    return connected.recv(count, socket.MSG_PEEK | socket.MSG_WAITALL)


def peek(connected):
    """The Hello that waits in a connected socket; None if something else comes."""
    header = _look(connected, RECORD_HEADER)
    if len(header) < RECORD_HEADER or header[0] != HANDSHAKE:
        return None
    count = RECORD_HEADER + int.from_bytes(header[3:], "big")
    record = _look(connected, count)
    return parse(record) if len(record) == count else None
