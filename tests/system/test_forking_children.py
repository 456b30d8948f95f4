# SPDX-License-Identifier: Apache-2.0
"""A session in forking mode is a process of its own: what it inherits, and how it may end."""

import os
import re
import signal

import pytest

from fakes.fixtures import certificates, maildest, serve, shim  # noqa: F401
from rig import proc, process, waiting
from rig.forking import ForkingHandler, sanitizer, tcp

STANDARD = {0, 1, 2}


def beyond_standard(pid):
    """What a process holds, but for what all of them have from the start."""
    return {n: what for n, what in proc.descriptors(pid).items() if n not in STANDARD}


# By what a session may die -> the record's priority: SIGTERM is what somebody wanted.
DEADLY = {signal.SIGSEGV: 3, signal.SIGKILL: 3, signal.SIGABRT: 3, signal.SIGTERM: 5}


@pytest.fixture
def handler(maildest, serve):
    """One that serves "alpha" and "beta"; both servers speak TLS."""
    for name, protocol in (("alpha", "smtp"), ("beta", "imap4")):
        maildest.destination(name, serve(protocol))
    sockets = [("alpha", tcp()), ("beta", tcp())]
    listening = {proc.socket_name(one) for _, one in sockets}
    # What the tests kill dies of the signal, also where a sanitizer would explain it.
    started = ForkingHandler(maildest, sockets, environment=sanitizer("handle_segv=0"))
    started.listening = listening
    return started


def running(handler, name):
    """A session that has begun: the client's end, and its process."""
    before = handler.sessions()
    session = handler.dial(name)
    assert session.line().startswith(("220 ", "* OK"))
    return session, handler.session_of(before)


def let_go(handler):
    """Waits until the parent, which may be slower than a session, has nothing that one has."""
    sessions = handler.sessions()

    def is_apart():
        own = set(beyond_standard(handler.pid).values())
        return not any(own & set(beyond_standard(pid).values()) for pid in sessions)

    waiting.until(is_apart, f"parent and sessions share: {beyond_standard(handler.pid)}")


def test_a_session_is_one_process_and_leaves_none_behind(handler):
    opened = [running(handler, name)[0] for name in ("alpha", "beta", "alpha")]
    assert len(handler.sessions()) == 3
    for session in opened:
        session.close()
    # A process that has ended and is not waited for would still be counted.
    handler.wait_until_idle()


def test_a_session_holds_nothing_of_the_parents_or_of_others(handler):
    first, one = running(handler, "alpha")
    second, two = running(handler, "beta")
    let_go(handler)
    parents = set(beyond_standard(handler.pid).values())
    held = {pid: set(beyond_standard(pid).values()) for pid in (one, two)}
    for pid, whats in held.items():
        assert not handler.listening & whats, "a session listens"
        odd = {what for what in whats if what.startswith(("anon_inode:", "/dev/", "pipe:"))}
        assert not odd, f"a session holds {odd}"
        assert not parents & whats, f"a session holds the parent's {parents & whats}"
    sockets = {what for what in held[one] & held[two] if what.startswith("socket:")}
    assert not sockets, f"two sessions share {sockets}"
    first.close()
    second.close()


def test_the_parent_keeps_nothing_of_a_session(handler):
    before = proc.descriptors(handler.pid)
    session, _ = running(handler, "alpha")
    let_go(handler)
    what = "the parent keeps what is the session's"
    waiting.until(lambda: proc.descriptors(handler.pid) == before, what)
    session.close()
    handler.wait_until_idle()
    for name in ("alpha", "beta") * 5:
        handler.visit(name)
    handler.wait_until_idle()
    waiting.until(lambda: proc.descriptors(handler.pid) == before, "descriptors stay open")


def test_a_session_inherits_no_signal_handling(handler):
    session, pid = running(handler, "beta")
    sets = proc.signals(pid)
    assert not sets["SigBlk"], f"a session blocks signals {sets['SigBlk']}"
    ours = proc.signals(os.getpid())["SigIgn"]  # who starts the tests may ignore some
    assert sets["SigIgn"] <= ours | {signal.SIGPIPE}, f"a session ignores {sets['SigIgn']}"
    inherited = sets["SigCgt"] & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
    assert not inherited, f"a session catches {inherited}"
    session.close()


@pytest.mark.parametrize("number", DEADLY, ids=lambda one: one.name)
def test_a_killed_session_is_told_of_and_costs_no_other(handler, number):
    handler.deaths = ["killed"]
    other, _ = running(handler, "beta")
    session, pid = running(handler, "alpha")
    process.os.kill(pid, number)
    assert session.rest() == b"", "something is said by a process that is dead"
    session.close()
    record = handler.wait_for_record("alpha", RESULT="killed", PRIORITY=DEADLY[number])
    words = rf"a session of alpha \(process {pid}\) was killed by signal {int(number)} \(.+\)"
    assert re.fullmatch(words, record["MESSAGE"]), record["MESSAGE"]
    assert other.imap("a NOOP")[-1].startswith("a OK")
    other.imap("b LOGOUT")
    other.close()
    assert handler.visit("alpha").startswith("220 ")
    handler.wait_for_record("alpha", 2, RESULT="ok")
    assert len(re.findall("was killed by", handler.log())) == 1, handler.log()


def test_many_deaths_at_once(handler):
    """One signal may stand for many children that ended."""
    handler.deaths = ["killed"] * 12
    opened = [running(handler, "alpha") for _ in range(12)]
    with handler.stopped():
        for session, pid in opened:
            process.os.kill(pid, signal.SIGKILL)
            session.close()
    handler.wait_until_idle()
    handler.wait_for_record("alpha", 12, RESULT="killed")
    told = re.findall(r"\(process (\d+)\) was killed by signal 9", handler.log())
    assert sorted(map(int, told)) == sorted(pid for _, pid in opened)


def test_a_session_that_ends_with_a_status(maildest, serve, shim):
    maildest.destination("alpha", serve("smtp"), host="broken.example")
    maildest.destination("beta", serve("imap4"))
    preload = shim.environment(HOST="broken.example", EXIT=77)
    handler = ForkingHandler(maildest, [("alpha", tcp()), ("beta", tcp())], environment=preload)
    handler.deaths = ["crashed"]
    with handler.dial("alpha") as session:
        assert session.rest() == b""
    record = handler.wait_for_record("alpha", RESULT="crashed", PRIORITY=3)
    assert "77" in record["MESSAGE"], f"the status is not told: {record}"
    assert handler.visit("beta").startswith("* OK")
    handler.wait_for_record("beta", RESULT="ok")


def test_a_session_that_hangs_says_its_last_words(maildest, serve, shim):
    """Its alarm is its own, and holds up neither its parent nor others."""
    mark = maildest.folder / "hangs"
    maildest.destination("alpha", serve("smtp"), host="slow.example")
    maildest.destination("beta", serve("imap4"))
    preload = shim.environment(SPEED=5, HOST="slow.example", HANG=mark)
    handler = ForkingHandler(maildest, [("alpha", tcp()), ("beta", tcp())], environment=preload)
    with handler.dial("alpha") as session:
        waiting.until(lambda: mark.stat().st_size, "the name is not asked for")
        assert handler.visit("beta").startswith("* OK")
        assert session.rest().startswith(b"421 4.4.2 "), handler.log()
    handler.wait_for_record("alpha", RESULT="timeout", PRIORITY=4)


def test_sessions_draw_their_own_random_numbers(maildest, serve):
    """What a parent had drawn, each of its children would use again."""
    server = serve("imap4", mechanisms=("SCRAM-SHA-256",), answers={"AUTHENTICATE": "{tag} NO no"})
    maildest.destination("beta", server, **{"mail.imap4.auth.mechanisms": "SCRAM-SHA-256"})
    handler = ForkingHandler(maildest, [("beta", tcp())])
    for _ in range(5):
        handler.visit("beta")
    handler.wait_for_record("beta", 5)
    randoms = {connection.hello.random for connection in server.connections}
    assert len(randoms) == 5, "sessions say the same hello"
    nonces = set(re.findall(rb"AUTHENTICATE SCRAM-SHA-256 (\S+)", server.received))
    logins = [one for one in server.connections if "AUTHENTICATE" in one.steps]
    assert len(logins) == len(nonces) == 5, f"{len(nonces)} nonces in {len(logins)} logins"
    assert len({record["SESSION"] for record in handler.records("beta")}) == 5
