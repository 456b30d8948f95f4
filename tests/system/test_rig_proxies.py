# SPDX-License-Identifier: Apache-2.0
"""The doubles of proxies and the token service's login page: what they are trusted to notice."""

import contextlib
import socket
import urllib.error

import pytest

from rig import doubles, oauth, socks
from rig.connectivity import Connectivity
from rig.oauth import PROVIDER
from rig.socks import SocksProxy

VERIFIER = "v" * 43
GREETING = b"+OK hello\r\n"
# What SAP's page on the TCP protocol prints, and what follows from it.
METHOD = b"\x05\x01\x80"
TO_NAME = bytes.fromhex("05010003 0c 6d61696c2e7669727475616c 024b")
TO_ADDRESS = bytes.fromhex("05010001 0a000005 008f")


def login(jwt, location_id=b""):
    length = len(jwt).to_bytes(4, "big")
    return b"\1" + length + jwt.encode() + bytes((len(location_id),)) + location_id


class Client:
    """Talks to a proxy octet by octet."""

    def __init__(self, proxy):
        self._socket = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)

    def ask(self, octets, count):
        self._socket.sendall(octets)
        return self.read(count)

    def read(self, count):
        data = b""
        while len(data) < count and (piece := self._socket.recv(count - len(data))):
            data += piece
        return data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()


@pytest.fixture
def proxy(world):
    """A Connectivity proxy in front of a server that greets."""
    with Connectivity(world.tokens).run() as here, doubles.server(doubles.says(GREETING)) as server:
        for place in ("", "orlando"):
            here.mappings[place, "mail.virtual", 587] = ("127.0.0.1", server.port)
            here.mappings[place, "10.0.0.5", 143] = ("127.0.0.1", server.port)
        yield here


@pytest.mark.parametrize("pace", ("whole", "split", "joined"))
@pytest.mark.parametrize("request_,host", ((TO_NAME, "mail.virtual"), (TO_ADDRESS, "10.0.0.5")))
@pytest.mark.parametrize("location_id", (b"", b"b3JsYW5kbw=="))
def test_a_right_client_is_connected(proxy, location_id, request_, host, pace):
    proxy.usual.pace = pace
    jwt = proxy.client.token(PROVIDER)
    with Client(proxy) as client:
        assert client.ask(METHOD, 2) == b"\5\x80"
        assert client.ask(login(jwt, location_id), 2) == b"\1\0"
        assert client.ask(request_, 10) == b"\5\0\0\1" + bytes(6)
        assert client.read(len(GREETING)) == GREETING
    (tunnel,) = proxy.tunnels
    assert (tunnel.host, tunnel.location_id) == (host, "orlando" if location_id else "")
    assert tunnel.heard == METHOD + login(jwt, location_id) + request_
    proxy.assert_clean()


def refused(proxy, *steps):
    """What a client hears at its last step; nothing if it is cut off."""
    answer = b""
    with Client(proxy) as client, contextlib.suppress(ConnectionResetError):
        for octets, count in steps:
            answer = client.ask(octets, count)
    return answer


def test_a_wrong_client_is_noticed(proxy):
    jwt = proxy.client.token(PROVIDER)
    good = ((METHOD, 2), (login(jwt), 2))
    wrong = {
        "offers no method of SAP's": ((b"\5\1\0", 2),),
        "a location id that is no base64": ((METHOD, 2), (login(jwt, b"orlando"), 2)),
        "a JWT of no length": ((METHOD, 2), (b"\1\0\0\0\0\0", 2)),
        "speaks too early": ((METHOD + login(jwt), 2),),
        "an IPv6 address": (*good, (b"\5\1\0\4" + bytes(16) + b"\0\x19", 10)),
        "an address as a name": (*good, (b"\5\1\0\3\x0810.0.0.5\0\x8f", 10)),
        "another command": (*good, (b"\5\2\0\1" + bytes(6), 10)),
    }
    for what, steps in wrong.items():
        refused(proxy, *steps)
        assert proxy.tunnels[-1].trouble, f"it does not notice {what}"
    with pytest.raises(AssertionError):
        proxy.assert_clean()


def test_refusals(proxy):
    stranger = proxy.client.service.add_client("stranger").token()
    proxy.client.change(ttl=-1)
    expired = proxy.client.token(PROVIDER)
    proxy.client.change(ttl=3600)
    for jwt in (stranger, expired, "not.a.jwt"):
        assert refused(proxy, (METHOD, 2), (login(jwt), 2)) == b"\1\1", "any JWT is good"
    good = ((METHOD, 2), (login(proxy.client.token(PROVIDER)), 2))
    elsewhere = ((METHOD, 2), (login(proxy.client.token(PROVIDER), b"cGFyaXM="), 2))
    assert refused(proxy, *elsewhere, (TO_NAME, 10))[1] == socks.NETWORK_UNREACHABLE
    assert refused(proxy, *good, (TO_NAME[:-1] + b"\0", 10))[1] == socks.FORBIDDEN
    proxy.assert_clean()


def test_ordinary_socks():
    with doubles.server(doubles.says(GREETING)) as server:
        address = b"\5\1\0\1\x7f\0\0\1" + server.port.to_bytes(2, "big")
        with SocksProxy().run() as proxy, Client(proxy) as client:
            assert client.ask(b"\5\2\0\2", 2) == b"\5\0"
            assert client.ask(address, 10)[:2] == b"\5\0"
            assert client.read(len(GREETING)) == GREETING
        with SocksProxy("me", "secret").run() as proxy:
            good = ((b"\5\2\0\2", 2), (b"\1\2me\6secret", 2), (address, 10))
            assert refused(proxy, *good)[:2] == b"\5\0"
            assert refused(proxy, good[0], (b"\1\2me\5wrong", 2)) == b"\1\1"
            assert refused(proxy, (b"\5\1\0", 2)) == b"\5\xff"


def test_a_refresh_token_is_good_for_once(world):
    client = world.tokens.add_client("somebody@example.com")
    first = client.refresh_token()
    second = client.exchange(grant_type="refresh_token", refresh_token=first)["refresh_token"]
    assert client.revoked == 0
    for token in (first, second):
        with pytest.raises(urllib.error.HTTPError):
            client.exchange(grant_type="refresh_token", refresh_token=token)
    assert client.revoked == 1, "a used token does not end its family"
    assert {first, second} < set(client.issued)


def test_a_code_is_good_for_once_and_its_verifier(world):
    client = world.tokens.add_client("somebody@example.com")
    code = client.code(verifier=VERIFIER)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": oauth.REDIRECT}
    with pytest.raises(urllib.error.HTTPError):
        client.exchange(**form)
    assert "refresh_token" in client.exchange(**form, code_verifier=VERIFIER)
    with pytest.raises(urllib.error.HTTPError):
        client.exchange(**form, code_verifier=VERIFIER)
    assert [one.get("answer") for one in client.asked] == ["invalid_grant", None, "invalid_grant"]
