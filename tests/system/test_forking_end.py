# SPDX-License-Identifier: Apache-2.0
"""Ends of a forking handler that nobody asked for by its name: a terminal's, its sockets', the
watchdog's.
"""

import os
import signal
import socket

import pytest

from fakes.fixtures import certificates, maildest, serve, shim  # noqa: F401
from rig import process, waiting
from rig.forking import ForkingHandler, tcp
from test_forking_life import assert_deaf, assert_works


@pytest.fixture
def alpha(maildest, serve):
    maildest.destination("alpha", serve("smtp"))


def greeted(session):
    assert session.line().startswith("220 ")
    return session


def leave(session):
    assert_works(session)
    session.smtp("QUIT")
    session.close()


def test_an_interrupt_from_the_terminal(maildest, alpha):
    """Which goes to all of the process group: no session is cut, and the handler waits."""
    handler = ForkingHandler(maildest, [("alpha", tcp())])
    sessions = [greeted(handler.dial("alpha")) for _ in range(3)]
    assert os.getpgid(handler.pid) == handler.pid, "it has no group of its own to try this on"
    os.killpg(handler.pid, signal.SIGINT)
    assert_deaf(handler)
    for session in sessions:
        leave(session)
    assert handler.wait() == 0
    handler.wait_for_record("alpha", len(sessions), RESULT="ok")
    assert not handler.said(3), f"an interrupt is an error: {handler.log()}"


def test_two_interrupts_from_the_terminal(maildest, alpha):
    """The second one ends the handler, and still no session."""
    handler = ForkingHandler(maildest, [("alpha", tcp())])
    session = greeted(handler.dial("alpha"))
    pid = handler.session_of()
    os.killpg(handler.pid, signal.SIGINT)
    assert_deaf(handler)
    os.killpg(handler.pid, signal.SIGINT)
    assert handler.wait() == 0
    leave(session)
    waiting.until(lambda: not process.is_running(pid), "the session does not end")
    handler.wait_for_record("alpha", RESULT="ok")


def test_an_interrupt_when_a_process_is_new(maildest, alpha, shim):  # noqa: F811
    """It is in the parent's group still, where the terminal finds it: its client is served."""
    interrupted = shim.environment(FORKED=signal.SIGINT.value)
    handler = ForkingHandler(maildest, [("alpha", tcp())], environment=interrupted)
    leave(greeted(handler.dial("alpha")))
    handler.wait_for_record("alpha", RESULT="ok")


def test_the_watchdog_bites_when_a_connection_is_in_hand(maildest, alpha, shim):  # noqa: F811
    """As after a pause, when the service manager looks at its clock first. That one is served."""
    watchdog = shim.environment(ACCEPTED=signal.SIGABRT.value)
    handler = ForkingHandler(maildest, [("alpha", tcp())], environment=watchdog)
    session = greeted(handler.dial("alpha"))
    handler.status = -signal.SIGABRT
    assert handler.wait() == handler.status, "it does not end when it is told to"
    leave(session)
    handler.wait_for_record("alpha", RESULT="ok")


def shut(one):
    """Nothing can be accepted from it any more, whoever has it."""
    one.shutdown(socket.SHUT_RDWR)
    one.close()


def test_the_last_socket_is_lost(maildest, alpha):
    """Then it is of no use, and says so to whoever can start another."""
    sockets = [("alpha", tcp()), ("alpha", tcp())]
    handler = ForkingHandler(maildest, sockets, keep=True)
    session = greeted(handler.dial(0))
    pid = handler.session_of()
    shut(sockets[0][1])
    waiting.until(lambda: handler.said(3), "a socket is lost without a word")
    assert handler.visit(1).startswith("220 "), "the other socket suffers"
    before = len(handler.said(3))
    shut(sockets[1][1])
    handler.status = handler.wait()
    assert handler.status > 0, f"it ends with status {handler.status} as if all were well"
    assert len(handler.said(3)) > before, f"no word of why it ends: {handler.log()}"
    assert process.is_running(pid), "the session has ended with its parent"
    leave(session)
    waiting.until(lambda: not process.is_running(pid), "the session does not end")
