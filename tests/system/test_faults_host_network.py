# SPDX-License-Identifier: Apache-2.0
"""Routes that lead nowhere and name servers that never answer, in a network of the test's own."""

import ctypes
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.fixtures import certificates, maildest, serve, shim  # noqa: F401
from fakes.network import Network
from fakes.target import SOON
from fakes.token_service import TokenService, token_reply

sys.path.append(str(Path(__file__).resolve().parents[1] / "helper"))

from helper_process import Helper  # noqa: E402

PROTOCOLS = ("smtp", "imap4", "pop3")
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
NAME = "both.example"
CLONE_NEWNS = 0x20000
# What is routed to the loopback device and not its own, is dropped there: for a second at least,
# nobody is told.
SILENT = "2001:db8:1::"
MANY_SILENT = [(f"{SILENT}{i}", NAME) for i in range(10, 30)]
ROUTES = (
    "-6 addr add 2001:db8::1/128 dev lo",
    f"-6 route add {SILENT}/64 dev lo",
    "-6 route add blackhole 2001:db8:2::/64",
    "-6 route add unreachable 2001:db8:3::/64",
    "-6 route add prohibit 2001:db8:4::/64",
    "route add 198.51.100.0/24 dev lo",
)
FILES = {
    "nsswitch.conf": "hosts: files dns\n",
    "resolv.conf": "nameserver 198.51.100.53\noptions timeout:30\n",
}


class Host(Network):
    """A network with dead ends, where /etc knows `names` and a name server that is silent."""

    def __init__(self, folder, names, knows_itself):
        if knows_itself:  # as a host's installation notes it
            names = ("127.0.1.1", socket.gethostname()), *names
        self._files = FILES | {"hosts": "".join(f"{a} {n}\n" for a, n in names)}
        self._folder = folder
        super().__init__()

    def _enter(self):
        super()._enter()
        for words in ROUTES:
            subprocess.run(["ip", *words.split()], check=True)
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        for name, text in self._files.items():
            file = self._folder / name
            file.write_text(text)
            file.chmod(0o644)
            subprocess.run(["mount", "--bind", file, f"/etc/{name}"], check=True)


@pytest.fixture
def host(tmp_path):
    """Starts such a host: host((address, name), ...)."""
    started = []

    def start(*names, knows_itself=True):
        started.append(Host(tmp_path, names, knows_itself))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def assert_greeted(session, at_most):
    """The greeting comes in time."""
    begun = time.monotonic()
    line = session.line()
    took = time.monotonic() - begun
    assert line.startswith(("220 ", "* OK ", "+OK ")), f"{line!r}: {session.process.output()}"
    session.close()
    assert session.record()["RESULT"] == "ok"
    assert took < at_most, f"the server was reached after {took:.1f} s"


# --- IPv6 that leads nowhere


@EACH
def test_ipv6_that_is_silent_costs_a_moment(maildest, serve, host, protocol):
    """However many addresses it has; the resolver puts them first, as they have a route."""
    there = host(*MANY_SILENT, (Network.ADDRESS, NAME))
    server = there.run(serve, protocol, tls=None, host=Network.ADDRESS)
    maildest.destination(protocol, server, host=NAME)
    assert_greeted(there.run(maildest.connect, protocol), at_most=SOON)


@pytest.mark.parametrize("dead", ("2001:db8:2::1", "2001:db8:3::1", "2001:db8:4::1"))
def test_ipv6_that_is_refused_here_costs_nothing(maildest, serve, shim, host, dead):
    """Routes of the types blackhole, unreachable and prohibit."""
    there = host()
    server = there.run(serve, "smtp", tls=None, host=Network.ADDRESS)
    maildest.destination("smtp", server, host=NAME)
    env = shim.environment(HOST=NAME, ADDRESSES=f"{dead},{Network.ADDRESS}")
    assert_greeted(there.run(maildest.connect, "smtp", env=env), at_most=SOON)


def test_nothing_but_silent_ipv6_is_told_in_time(maildest, serve, shim, host):
    there = host((f"{SILENT}2", NAME), (f"{SILENT}3", NAME))
    server = there.run(serve, "smtp", tls=None, host=Network.ADDRESS)
    maildest.destination("smtp", server, host=NAME)
    session = there.run(maildest.connect, "smtp", env=shim.environment(SPEED=25))
    maildest.assert_refused(session, "smtp", "timeout", "connecting", at_most=SOON)


# --- a name server that never answers


@EACH
def test_a_silent_name_server(maildest, serve, shim, host, protocol):
    """The C library would wait for it longer than a login may take."""
    there = host()
    server = there.run(serve, protocol, tls=None, host=Network.ADDRESS)
    maildest.destination(protocol, server, host="mail.example.com")
    session = there.run(maildest.connect, protocol, env=shim.environment(SPEED=25))
    maildest.assert_refused(session, protocol, "timeout", "name resolution", at_most=SOON)
    assert int(session.record()["DURATION_USEC"]) >= 25_000_000, "as if it had not waited"
    assert not server.connections


@pytest.mark.parametrize("protocol, more", (
    ("smtp", {"mail.smtp.localhost": "client.example.com"}), ("imap4", {}), ("pop3", {})))
def test_a_silent_name_server_is_not_asked_who_we_are(maildest, serve, host, protocol, more):
    """The host's full name is for EHLO alone, and for that only where no other is given."""
    there = host(knows_itself=False)
    server = there.run(serve, protocol, tls=None, host=Network.ADDRESS)
    maildest.destination(protocol, server, host=Network.ADDRESS, **more)
    assert_greeted(there.run(maildest.connect, protocol), at_most=SOON)


@pytest.fixture
def helper(folder, host, certificates):
    """A helper where `both.example` has silent IPv6 addresses, and a token service there."""
    there = host(*MANY_SILENT, ("127.0.0.1", NAME))
    pair = folder / "pair.pem"
    pair.write_text("".join(path.read_text() for path in certificates.pair("good")))
    service = there.run(TokenService, str(pair))
    service.reply = token_reply("token")
    fresh = Helper(folder)
    there.run(fresh.start)
    yield fresh, service
    assert fresh.stop() == 0, fresh.log.decode()
    service.close()


def test_a_silent_name_server_holds_up_no_other_token(helper):
    helper, service = helper
    helper.destination(service.url(), name="fast", TrustAll="true")
    helper.destination("https://token.example.com/t", name="slow", **{
        "tokenServiceURL.ConnectionTimeoutInSeconds": "4",
        "tokenServiceURL.SocketReadTimeoutInSeconds": "4"})
    waits = helper.caller().open("slow")
    waits.send("GetToken")
    done, longest = [], 0.0
    waits.socket.settimeout(0.05)
    begun = time.monotonic()
    while not done and time.monotonic() - begun < 40:
        asked = time.monotonic()
        assert "error" not in helper.get_token("fast")
        longest = max(longest, time.monotonic() - asked)
        try:
            done.append(waits.receive())
        except TimeoutError:
            continue
    assert done, "who waits for the silent name server is never answered"
    assert done[0]["error"].endswith("TokenServiceUnavailable"), done
    # Whatever the library does with its thread, it is not waited for.
    assert "error" not in helper.get_token("fast")
    assert longest < 3.5, f"a token in the cache took {longest:.1f} s"
    begun = time.monotonic()
    assert helper.stop() == 0
    assert time.monotonic() - begun < SOON, "the end waits for a name"


def test_a_token_service_whose_ipv6_is_silent(helper):
    helper, service = helper
    helper.destination(service.url(host=NAME), TrustAll="true")
    begun = time.monotonic()
    assert "error" not in helper.get_token(), helper.log.decode()
    took = time.monotonic() - begun
    assert took < 9, f"the token took {took:.1f} s"
