# SPDX-License-Identifier: Apache-2.0
"""Peers that wear a session out: a byte now and then, all at once, or nothing and then a reset."""

import socket
import threading
import time

import pytest

from fakes.fixtures import certificates, maildest, serve, shim, tokens  # noqa: F401
from fakes.mail_server import Over, endless, reset
from fakes.shim import Hurry
from rig import waiting
from rig.proc import cpu_seconds

PROTOCOLS = ("smtp", "imap4", "pop3")
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
# The handler's clocks, once it has logged in: 11 minutes without a whole command are then one
# second of ours, 35 are three.
SPEED = 700
HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x\r\n\r\n"
BEGIN = {"smtp": b"N", "imap4": b"a", "pop3": b"N"}


def drip_until_closed(connected, first, stop):
    """A byte each 50 ms, for ever."""
    try:
        connected.sendall(first)
        while not stop.wait(0.05):
            connected.sendall(b"x")
    except OSError:
        pass  # the other side has had enough


@EACH
def test_a_client_that_drips_has_its_time_and_no_more(maildest, shim, serve, protocol):
    """Seconds lie between its bytes, and each comes before the handler has lost patience."""
    maildest.destination("a", serve(protocol))
    hurry = Hurry(shim, maildest.folder / "hurry", SPEED)
    session = maildest.connect("a", env=hurry.environment)
    session.line()
    hurry.begin()
    stop = threading.Event()
    thread = threading.Thread(
        target=drip_until_closed, args=(session.socket, BEGIN[protocol], stop)
    )
    thread.start()
    try:
        said = session.rest()
        record = session.record()
    finally:
        stop.set()
        thread.join(20)
    assert record["RESULT"] == "client-idle", record
    assert said.startswith({"smtp": "421 4.4.2", "imap4": "* BYE", "pop3": "-ERR"}[protocol]), said


@EACH
def test_a_client_that_floods_before_the_greeting(maildest, serve, protocol):
    """While the server thinks, what a client says waits in the kernel."""
    server = serve(protocol, hold=("GREETING",))
    maildest.destination("a", server)
    session = maildest.connect("a")
    server.wait_for("GREETING")
    session.socket.setblocking(False)
    sent = 0
    with session.watch_memory() as memory:
        end = time.monotonic() + 1
        while time.monotonic() < end and sent < 1 << 26:
            try:
                sent += session.socket.send(b"NOOP\r\n" * 4096)
            except BlockingIOError:
                time.sleep(0.01)
    memory.assert_bounded()
    assert sent < 32 << 20, f"{sent} bytes were taken before anybody was greeted"
    session.reset()
    server.release()
    assert session.record()["RESULT"] == "client-gone"


@pytest.mark.parametrize("block", (b"x" * 65536, b"250-more\r\n" * 8192), ids=("line", "lines"))
def test_a_server_that_floods_before_the_greeting(maildest, serve, block):
    server = serve("smtp", answers={"GREETING": endless(block)})
    maildest.destination("a", server)
    session = maildest.connect("a")
    with session.watch_memory() as memory:
        maildest.assert_refused(session, "smtp", "protocol")
    memory.assert_bounded()


# --- half-open connections and resets, in the relay


def begin_relay(session, protocol):
    session.line()
    if protocol == "smtp":
        session.smtp("EHLO client.example.com")
        assert session.smtp("MAIL FROM:<a@example.com>").startswith("250")
    elif protocol == "imap4":
        assert "OK" in session.imap("a SELECT INBOX")
    else:
        session.pop3("LIST")
        assert session.line() == ".\r\n"


def record_of_relay(maildest, serve, protocol, answer):
    """The record of a relay that a server ends by such an answer to a command."""
    server = serve(protocol, answers={"NOOP": answer})
    maildest.destination("a", server)
    session = maildest.connect("a")
    begin_relay(session, protocol)
    session.send({"imap4": "b "}.get(protocol, "") + "NOOP\r\n")
    assert session.rest() == ""
    return session.record()


@EACH
def test_a_server_that_resets_the_relay(maildest, serve, protocol):
    record = record_of_relay(maildest, serve, protocol, reset)
    assert record["RESULT"] == "disconnected"


@EACH
def test_a_server_that_ends_the_relay_without_an_answer(maildest, serve, protocol):
    """In order, as far as TCP and TLS can tell: only that the client waits gives it away."""

    def leave(connection):
        connection.socket = connection.socket.unwrap()
        connection.socket.shutdown(socket.SHUT_WR)
        raise Over

    record = record_of_relay(maildest, serve, protocol, leave)
    assert record["RESULT"] == "disconnected" and "without an answer" in record["MESSAGE"], record


@EACH
def test_a_client_that_resets_the_relay(maildest, serve, protocol):
    server = serve(protocol)
    maildest.destination("a", server)
    session = maildest.connect("a")
    begin_relay(session, protocol)
    session.reset()
    assert session.record()["RESULT"] == "client-gone"
    for connection in server.connections:
        assert connection.ended.wait(20), "the server's session stays open"


@EACH
def test_a_half_open_connection_costs_no_processor_time(maildest, serve, protocol):
    """Both sides are silent, the client's direction has ended, and the server does not care."""
    server = serve(protocol, answers={"NOOP": lambda connection: connection.server.stopped.wait()})
    maildest.destination("a", server)
    session = maildest.connect("a")
    begin_relay(session, protocol)
    session.send({"imap4": "b "}.get(protocol, "") + "NOOP\r\n")
    session.half_close()
    before = cpu_seconds(session.process.pid)
    time.sleep(0.5)
    spent = cpu_seconds(session.process.pid) - before
    assert spent < 0.2, f"{spent:.2f} s of processor time in half a second of waiting"
    server.stop()
    session.wait()


# --- HTTP


@EACH
@pytest.mark.parametrize("authentication", (None, "NoAuthentication", "OAuth2RefreshToken"))
def test_http_at_every_port(maildest, serve, tokens, protocol, authentication):
    """Whoever logs in: a browser's request is refused, and the mail server sees none of it."""
    server = serve(protocol)
    keys = {"Authentication": authentication} if authentication else {}
    oauth = tokens.url() if authentication and authentication.startswith("OAuth2") else None
    maildest.destination("a", server, oauth=oauth, **keys)
    maildest.start_helper()
    session = maildest.connect("a")
    session.line()
    session.send(HTTP)
    session.rest()
    assert session.record()["RESULT"] == "client-refused"
    assert b"HTTP" not in server.received and b"Host" not in server.received


def test_http_at_the_helpers_socket(maildest):
    maildest.start_helper()
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(str(maildest.socket))
        link.sendall(HTTP + b"\0")
        assert link.recv(65536) == b"", "a request in HTTP is answered"
    waiting.until(
        lambda: "<4>" in maildest.log("helper"), "the helper does not say who spoke no varlink"
    )
