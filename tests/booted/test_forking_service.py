# SPDX-License-Identifier: Apache-2.0
"""The forking units: one service for all ports, and restarts that cut nothing."""

import signal
import time

import pytest

from records import assert_all_recorded
from rig import waiting
from sessions import PORTS, PROTOCOLS, Load, Session, at_once, begin

SERVICE = "maildest-forking.service"
SOCKETS = tuple(f"maildest-{protocol}-forking.socket" for protocol in PROTOCOLS)
DESCRIPTION = "maildest sessions"
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
AT_ONCE = 300
OPEN = 21
# Who has waited so long for another session to end is refused, and then hears of it so soon.
PATIENCE = 10
SOON = 20


@pytest.fixture
def ports(machine, mail):
    machine.systemctl("enable", "--now", *SOCKETS)
    return machine


def parent(machine):
    """The pid of the process that listens."""
    return int(machine.property(SERVICE, "MainPID"))


def serving(machine):
    """The pids of the processes that have a client, whoever forked them."""
    sockets = {f"socket:[{n}]" for port in PORTS.values() for n in machine.connections(port)}
    folders = [f"/proc/{pid}/fd" for pid in machine.processes(SERVICE)]
    lines = machine.run("find", *folders, "-printf", "%h %l\n", status=None).splitlines()
    links = [line.split(" ", 1) for line in lines if line.startswith("/proc/")]
    return {int(folder.split("/")[2]) for folder, link in links if link in sockets}


def wait_for_serving(machine, count):
    """Each connection has a process of its own; the parent may be slow to let go of one."""
    waiting.until(lambda: len(serving(machine)) == count, f"not {count} processes have a client")
    return serving(machine)


def limit(machine, count):
    """As an administrator would."""
    program = "/usr/libexec/maildest/maildest-handler"
    text = f"[Service]\nExecStart=\nExecStart={program} --sessions-max={count}\n"
    machine.drop_in(SERVICE, text)


def assert_over(machine):
    """No session runs any more: all that may be left are the parent and one in reserve."""
    waiting.until(lambda: not serving(machine), "sessions stay")
    waiting.until(lambda: len(machine.processes(SERVICE)) <= 2, "processes without a client stay")


def test_sessions_of_all_ports(ports):
    for protocol in PROTOCOLS:
        Session(ports, protocol).whole()
    for protocol in PROTOCOLS:
        assert_all_recorded(ports, protocol, 1, SERVICE)
    assert_over(ports)
    assert ports.property(SERVICE, "NRestarts") == "0"


def test_many_sessions_at_once(ports, mail, tokens):
    sessions = [Session(ports, PROTOCOLS[i % len(PROTOCOLS)]) for i in range(AT_ONCE)]
    at_once(sessions, Session.greet)
    wait_for_serving(ports, AT_ONCE)
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    for protocol in PROTOCOLS:
        assert_all_recorded(ports, protocol, AT_ONCE // len(PROTOCOLS), SERVICE)
    assert len(tokens.requests) == len(PROTOCOLS), "sessions at once do not share one request"
    assert_over(ports)


def test_a_restart_cuts_nothing(ports):
    sessions = begin(ports, OPEN)
    before = parent(ports)
    with Load(ports) as load:
        for _ in range(3):
            ports.systemctl("restart", SERVICE)
            load.wait_for_more("after a restart")
    assert parent(ports) != before
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    assert_over(ports)
    for protocol in PROTOCOLS:
        records = ports.records(protocol, OPEN // len(PROTOCOLS) + load.counts[protocol])
        assert {record["MAILDEST_RESULT"] for record in records} == {"ok"}


def test_left_over_sessions_count(ports):
    limit(ports, 3)
    old = begin(ports, 2)
    ports.systemctl("restart", SERVICE)
    new = begin(ports, 1)
    # One that ends makes room for one that waits.
    waits = Session(ports, "imap")
    old[0].leave()
    waits.greet()  # who does not get the room is refused
    # Nobody ends.
    begun = time.monotonic()
    excess = Session(ports, "smtp")
    reply = excess.dialogue.smtp()
    assert reply[0].startswith("421 4.3.2 "), f"one too many is told {reply}"
    took = time.monotonic() - begun
    assert PATIENCE - 1 < took < PATIENCE + SOON, f"one too many waits {took:.1f} s"
    assert excess.dialogue.rest() == b""
    at_once([old[1], *new, waits], Session.work)
    (record,) = [one for one in ports.records("smtp", 2) if one["MAILDEST_RESULT"] != "ok"]
    assert "--sessions-max=" in record["MESSAGE"], record


@EACH
@pytest.mark.parametrize("number", (signal.SIGKILL, signal.SIGSEGV))
def test_a_session_that_dies(ports, protocol, number):
    other = Session(ports, protocol).greet()
    before = wait_for_serving(ports, 1)
    session = Session(ports, protocol).greet()
    (victim,) = wait_for_serving(ports, 2) - before
    ports.run("kill", f"-{number.value}", victim)
    assert session.dialogue.rest() == b""
    match = (f"MAILDEST_DESTINATION={protocol}", "MAILDEST_RESULT=killed")
    (record,) = ports.wait_for_journal(1, *match)
    assert record["PRIORITY"] == "3"
    assert f"(process {victim}) was killed by signal {number.value}" in record["MESSAGE"]
    other.work()
    Session(ports, protocol).whole()
    assert ports.property(SERVICE, "NRestarts") == "0"


def stop_empty_handed(machine, pid):
    """Stops the parent where it has no connection that it has just accepted: who is killed with
    one in hand loses it, whatever he does."""

    def is_empty_handed():
        machine.run("kill", "-STOP", pid)
        stat = f"/proc/{pid}/stat"
        waiting.until(lambda: ") T " in machine.run("cat", stat), "it does not stop")
        if pid in serving(machine):
            machine.run("kill", "-CONT", pid)
            return False
        return True

    waiting.until(is_empty_handed, "it always has a connection in hand")


def test_the_parent_dies(ports):
    sessions = begin(ports, OPEN)
    before = parent(ports)
    with Load(ports) as load:
        stop_empty_handed(ports, before)
        ports.systemctl("kill", "--kill-whom=main", "-s", "KILL", SERVICE)
        waiting.until(lambda: parent(ports) not in (0, before), "it is not started again")
        load.wait_for_more("after that")
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    assert_over(ports)


def test_the_parent_hangs(ports):
    ports.drop_in(SERVICE, "[Service]\nWatchdogSec=1s\n")
    sessions = begin(ports, 2)
    before = parent(ports)
    ports.run("kill", "-STOP", before)
    # It waits in the kernel until somebody listens again.
    Session(ports, "smtp").whole()
    assert parent(ports) != before
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)


def test_a_stop_lets_sessions_end(ports):
    sessions = begin(ports, 2)
    Session(ports, "smtp").whole()
    ports.systemctl("stop", SERVICE, *SOCKETS)
    for protocol in PROTOCOLS:
        with pytest.raises(ConnectionRefusedError):
            Session(ports, protocol)
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    assert ports.property(SERVICE, "ActiveState") == "inactive"
    waiting.until(lambda: not ports.processes(SERVICE), "processes stay")
    assert [len(ports.records(protocol, n)) for protocol, n in (("smtp", 2), ("imap", 1))]


def test_the_journal_takes_every_record(ports):
    """However many: each connection is a record of one and the same service."""
    path = "/etc/systemd/journald.conf.d/test.conf"
    ports.run("install", "-D", "/dev/stdin", path, text="[Journal]\nRateLimitBurst=1\n")
    ports.systemctl("restart", "systemd-journald.service")
    for _ in range(OPEN):
        Session(ports, "smtp").whole()
    ports.records("smtp", OPEN)


def test_a_kill_ends_every_session(ports):
    """And nothing else: new ones are served."""
    old = begin(ports, 2)
    ports.systemctl("restart", SERVICE)
    sessions = old + begin(ports, 2)
    ports.systemctl("kill", SERVICE)
    for session in sessions:
        assert session.dialogue.rest() == b""
    at_once(begin(ports, 2), Session.leave)
    assert_over(ports)


def test_status_is_readable(ports):
    sessions = begin(ports, len(PROTOCOLS))
    at_once(sessions, Session.work)

    def said(words, unit=SERVICE):
        return words in ports.systemctl("status", unit)

    waiting.until(lambda: said('Status: "3 sessions"'), "the status tells no sessions")
    for protocol in PROTOCOLS:
        title = f"maildest: {protocol} relaying"
        waiting.until(lambda title=title: said(title), f"no process is called {title!r}")
    for words in ("active (running)", "maildest-smtp-forking.socket", f"- {DESCRIPTION}"):
        assert said(words), ports.systemctl("status", SERVICE)
    for words in ("127.0.0.1:587 (Stream)", "active (running)", f"Triggers: ● {SERVICE}"):
        assert said(words, SOCKETS[0]), ports.systemctl("status", SOCKETS[0])
    at_once(sessions, Session.leave)
    waiting.until(lambda: said('Status: "0 sessions"'), "the status still tells sessions")
