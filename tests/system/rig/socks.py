# SPDX-License-Identifier: Apache-2.0
"""SOCKS5 proxies (RFC 1928, 1929) that check and remember each byte, and misbehave on demand."""

import contextlib
import ipaddress
import select
import socket
import threading
import time
from dataclasses import dataclass, field

from . import doubles

VERSION = 5
CONNECT = 1
IPV4, NAME, IPV6 = 1, 3, 4
NO_AUTHENTICATION, USER_AND_PASSWORD, NONE_ACCEPTABLE = 0, 2, 0xFF
# REP of a reply.
CONNECTED, FAILURE, FORBIDDEN, NETWORK_UNREACHABLE, HOST_UNREACHABLE, REFUSED = range(6)
COMMAND_UNSUPPORTED, ADDRESS_UNSUPPORTED = 7, 8
# How a byte of a split answer is kept apart from the next one.
PAUSE = 0.002


def reply(code, address=b"\1\0\0\0\0\0\0"):
    """The answer to CONNECT; the address with its type and port."""
    return bytes((VERSION, code, 0)) + address


@dataclass
class Answer:
    """What a connection is told: the bytes of each step, or None for what is right.

    At the step `end` it is the last word: after it comes nothing ("silence") or the end of the
    connection ("close"). The pace is "whole", "split" (each byte in a segment of its own) or
    "joined" (the last reply in one segment with what the server says first).
    """

    method: bytes = None
    login: bytes = None
    connect: bytes = None
    end: str = None
    how: str = "close"
    pace: str = "whole"


@dataclass
class Tunnel:
    """What one connection said and was told until the relay began, and what it said then."""

    heard: bytes = b""
    told: bytes = b""
    relayed: bytearray = field(default_factory=bytearray)
    user: str = None
    password: str = None
    jwt: str = None
    tenant: str = None
    location_id: str = None
    kind: int = None  # of the address
    host: str = None
    port: int = None
    connected: bool = False
    trouble: str = None  # what it did that no client may do


class Ended(Exception):
    """The connection is over before its relay."""


class Wire:
    """One connection of a client to a proxy, read to the byte."""

    def __init__(self, connection, tunnel, answer):
        self._socket = connection
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tunnel = tunnel
        self._answer = answer

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise Ended
            data += piece
            self._tunnel.heard += piece
        return data

    def byte(self):
        return self.read(1)[0]

    def insist(self, condition, trouble):
        """Notes what is wrong with the client, and ends the connection."""
        if not condition:
            self._tunnel.trouble = trouble
            raise Ended

    def say(self, step, right, more=b""):
        """The answer of a step; `more` follows in the same segment."""
        self.insist(not self._has_more(), f"it speaks before its {step} is answered")
        wanted = getattr(self._answer, step)
        data = right if wanted is None else wanted
        self._tunnel.told += data
        self._send(data + more)
        if self._answer.end == step:
            self._stop()

    def _has_more(self):
        """Whether the client has said something that nobody asked for; its end is no such thing."""
        if not select.select([self._socket], [], [], 0)[0]:
            return False
        return bool(self._socket.recv(1, socket.MSG_PEEK))

    def _send(self, data):
        if self._answer.pace != "split":
            self._socket.sendall(data)
            return
        for octet in data:
            self._socket.sendall(bytes((octet,)))
            time.sleep(PAUSE)

    def _stop(self):
        if self._answer.how == "silence":
            doubles.silent(self._socket)
        raise Ended

    def connected(self, target):
        """Says so, and relays until both sides have ended."""
        greeting = target.recv(65536) if self._answer.pace == "joined" else b""
        self.say("connect", reply(CONNECTED), greeting)
        self._tunnel.connected = True
        relay(self._socket, target, self._tunnel.relayed)


def _copy(source, sink, seen=None):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if seen is not None:
                seen += data
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def relay(one, other, seen):
    """Copies both ways; the end of a side's bytes is passed on at once. `seen` gets what `one`
    sends."""
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other, seen)
    back.join()


def read_request(wire, tunnel):
    """CONNECT and where to."""
    version, command, zero, tunnel.kind = wire.read(4)
    wire.insist((version, command, zero) == (VERSION, CONNECT, 0), "this is no CONNECT")
    if tunnel.kind == NAME:
        tunnel.host = wire.read(wire.byte()).decode()
    else:
        octets = wire.read({IPV4: 4, IPV6: 16}[tunnel.kind])
        tunnel.host = str(ipaddress.ip_address(octets))
    tunnel.port = int.from_bytes(wire.read(2), "big")


class Proxy:
    """What all have in common: run() it, and look at its tunnels.

    `script` holds the Answers to the next connections, `usual` is the answer to all further ones.
    """

    def __init__(self):
        self.tunnels = []
        self.script = []
        self.usual = Answer()
        self._server = None

    @contextlib.contextmanager
    def run(self):
        with doubles.server(self._talk) as self._server:
            yield self

    @property
    def port(self):
        return self._server.port

    def _talk(self, connection):
        tunnel = Tunnel()
        self.tunnels.append(tunnel)
        wire = Wire(connection, tunnel, self.script.pop(0) if self.script else self.usual)
        with contextlib.suppress(Ended):
            self._login(wire, tunnel)
            read_request(wire, tunnel)
            code, target = self._dial(tunnel)
            if target:
                with target:
                    wire.connected(target)
            else:
                wire.say("connect", reply(code))

    def assert_clean(self):
        """Each byte of each client was right."""
        for tunnel in self.tunnels:
            assert not tunnel.trouble, f"{tunnel.trouble}: {tunnel.heard!r}"


def dial(address):
    """(REP, the connection or None)"""
    try:
        return CONNECTED, socket.create_connection(address, timeout=5)
    except OSError:
        return HOST_UNREACHABLE, None


class SocksProxy(Proxy):
    """An ordinary one, with a user and password if they are given."""

    def __init__(self, user=None, password=None, routes=None):
        super().__init__()
        self._known = (user, password)
        self._routes = routes or {}  # (host, port) -> where it really is

    def _login(self, wire, tunnel):
        version, count = wire.read(2)
        wire.insist(version == VERSION, "this is not SOCKS5")
        offered = wire.read(count)
        wanted = USER_AND_PASSWORD if self._known[0] else NO_AUTHENTICATION
        if wanted not in offered:
            wire.say("method", bytes((VERSION, NONE_ACCEPTABLE)))
            raise Ended
        wire.say("method", bytes((VERSION, wanted)))
        if wanted == USER_AND_PASSWORD:
            self._check_password(wire, tunnel)

    def _check_password(self, wire, tunnel):
        wire.insist(wire.byte() == 1, "this is no RFC 1929 request")
        tunnel.user = wire.read(wire.byte()).decode()
        tunnel.password = wire.read(wire.byte()).decode()
        good = (tunnel.user, tunnel.password) == self._known
        wire.say("login", b"\1\0" if good else b"\1\1")
        if not good:
            raise Ended

    def _dial(self, tunnel):
        return dial(self._routes.get((tunnel.host, tunnel.port), (tunnel.host, tunnel.port)))
