# SPDX-License-Identifier: Apache-2.0
"""The machine sleeps while sessions are open, or their processes are stopped for longer than any
of their deadlines: each goes on, or ends soon afterwards with one record, and with a reply where
one can stand.
"""

import signal
import struct
import time

import pytest

from fakes.fixtures import certificates, maildest, serve, shim, tokens  # noqa: F401
from fakes.shim import Hurry
from rig import waiting
from test_hostile_peers import EACH, SPEED, begin_relay

NIGHT = 8 * 60 * 60
# Of the handler's clocks, which are faster then, 37 minutes: more than IMAP's idle time.
STOPPED_SEC = 3.2
GREETED = {"smtp": "220 ", "imap4": "* OK ", "pop3": "+OK"}


class Bed:
    """Where handlers sleep that are started in its environment."""

    def __init__(self, path, shim):  # noqa: F811
        self._path = path
        self._path.write_bytes(struct.pack("l", 0))
        self.environment = shim.environment(SLEPT=path)

    def sleep(self, seconds):
        """All at once: calendar and time since boot go on, the monotonic clock does not."""
        with self._path.open("r+b") as file:
            file.write(struct.pack("l", seconds))


@pytest.fixture
def bed(folder, shim):  # noqa: F811
    return Bed(folder / "slept", shim)


def stop(*sessions):
    """Their processes do not get to run until let_go()."""
    for session in sessions:
        session.process.child.send_signal(signal.SIGSTOP)


def let_go(*sessions):
    for session in sessions:
        session.process.child.send_signal(signal.SIGCONT)


def assert_it_works(session, protocol):
    """And nothing else comes of it than the one record of a session that went well."""
    command = {"imap4": "n "}.get(protocol, "") + "NOOP"
    session.send(command + "\r\n")
    assert session.line().startswith({"smtp": "250", "imap4": "n OK", "pop3": "+OK"}[protocol])
    session.send({"imap4": "q LOGOUT"}.get(protocol, "QUIT") + "\r\n")
    session.rest()
    session.close()
    assert session.record()["RESULT"] == "ok"


@EACH
def test_idle_sessions_go_on_after_a_night(maildest, serve, bed, protocol):  # noqa: F811
    """In the dialogue with the client, before the first command, and in the relay."""
    maildest.destination("a", serve(protocol))
    greeted, relayed = (maildest.connect("a", env=bed.environment) for _ in range(2))
    assert greeted.line().startswith(GREETED[protocol])
    begin_relay(relayed, protocol)
    bed.sleep(NIGHT)
    assert_it_works(greeted, protocol)
    assert_it_works(relayed, protocol)


@EACH
def test_logins_go_on_after_a_night(maildest, serve, tokens, bed, protocol):  # noqa: F811
    """One waits for the server, one for its token, which is of this morning then."""
    held = serve(protocol, hold=("HANDSHAKE",))
    maildest.destination("held", held)
    server = serve(protocol, mechanisms=("XOAUTH2",))
    maildest.destination("token", server, oauth=tokens.url())
    maildest.start_helper()
    tokens.gate.clear()
    sessions = [maildest.connect(name, env=bed.environment) for name in ("held", "token")]
    held.wait_for("HANDSHAKE")
    waiting.until(lambda: tokens.requests, "no token is asked for")
    bed.sleep(NIGHT)
    held.release()
    tokens.gate.set()
    for session in sessions:
        assert session.line().startswith(GREETED[protocol]), session.process.output()
        assert_it_works(session, protocol)


def test_logins_that_are_stopped_end_when_they_go_on(maildest, serve, tokens, shim):  # noqa: F811
    """Though what they waited for has come: nobody has waited for them for so long."""
    server = serve("smtp", hold=("AUTH",))
    maildest.destination("held", server)
    maildest.destination("token", server, oauth=tokens.url())
    maildest.start_helper()
    tokens.gate.clear()
    names = ("held", "token")
    hurry = Hurry(shim, maildest.folder / "hurry", SPEED)
    sessions = [maildest.connect(name, env=hurry.environment) for name in names]
    server.wait_for("AUTH")
    waiting.until(lambda: tokens.requests, "no token is asked for")
    stop(*sessions)
    hurry.begin()
    server.release()
    tokens.gate.set()
    time.sleep(STOPPED_SEC)  # what passes is what is tested
    let_go(*sessions)
    for session in sessions:
        maildest.assert_refused(session, "smtp", "timeout")


def test_relays_that_are_stopped(maildest, serve, shim):  # noqa: F811
    """What came from either side meanwhile is passed on; if nothing did, the session is over."""
    maildest.destination("a", serve("imap4"))
    hurry = Hurry(shim, maildest.folder / "hurry", SPEED)
    sessions = [maildest.connect("a", env=hurry.environment) for _ in range(2)]
    for session in sessions:
        begin_relay(session, "imap4")
    silent, busy = sessions
    stop(*sessions)
    hurry.begin()
    busy.send("n NOOP\r\n")
    time.sleep(STOPPED_SEC)  # what passes is what is tested
    let_go(*sessions)
    assert busy.line().startswith("n OK"), "what the client said meanwhile is lost"
    assert silent.rest() == ""
    assert silent.record()["RESULT"] == "client-idle"
