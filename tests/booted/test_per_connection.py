# SPDX-License-Identifier: Apache-2.0
"""The default units: each connection is a process and a unit of its own."""

import pytest

from rig import waiting
from sessions import KINDS, PROTOCOLS, Session, at_once

EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
SESSIONS = 50
MANY = 2000


@pytest.fixture
def ports(machine, mail):
    """As the README has it."""
    machine.systemctl(
        "enable", "--now", "maildest-helper.socket", *(f"maildest-{p}.socket" for p in PROTOCOLS)
    )
    return machine


def in_a_row(machine, protocol, count):
    for _ in range(count):
        Session(machine, protocol).whole()


def assert_fields(record, protocol):
    """The fields that the README promises, and where they come from."""
    assert record["MAILDEST_DESTINATION"] == protocol
    assert record["MAILDEST_PROTOCOL"] == KINDS[protocol]
    assert record["MAILDEST_CLIENT"].startswith("127.0.0.1:")
    assert record["MAILDEST_UPSTREAM"].startswith("127.0.0.1:")
    assert record["MAILDEST_TLS"].startswith("TLSv1.3")
    assert record["MAILDEST_MECHANISM"] == "XOAUTH2"
    assert record["MAILDEST_RESULT"] == "ok"
    for number in ("BYTES_IN", "BYTES_OUT", "DURATION_USEC"):
        assert int(record[f"MAILDEST_{number}"]) > 0
    assert record["PRIORITY"] == "5"
    assert record["SYSLOG_IDENTIFIER"] == "maildest-handler"
    # The journal asks the kernel for the unit, and the process may be gone by then.
    unit = f"maildest-{protocol}@"
    assert record.get("_SYSTEMD_UNIT", unit).startswith(unit)


def assert_all_recorded(machine, protocol, count):
    records = machine.records(protocol, count)
    for record in records:
        assert_fields(record, protocol)
    assert len({record["MAILDEST_SESSION"] for record in records}) == count
    assert len({record["_PID"] for record in records}) == count


@EACH
def test_sessions_in_a_row(ports, protocol):
    in_a_row(ports, protocol, SESSIONS)
    assert_all_recorded(ports, protocol, SESSIONS)


@EACH
def test_sessions_at_once(ports, mail, tokens, protocol):
    sessions = [Session(ports, protocol) for _ in range(SESSIONS)]
    at_once(sessions, Session.greet)
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    assert_all_recorded(ports, protocol, SESSIONS)
    assert len(mail[protocol].connections) == SESSIONS
    assert len(tokens.requests) == 1, "sessions at once do not share one token request"


def units(machine):
    return machine.units("--all", "maildest-*@*.service")


def wait_until_over(machine):
    """No session runs any more, and systemd has forgotten them all."""
    waiting.until(lambda: not units(machine), "units of sessions stay")


def test_a_session_that_dies_leaves_no_unit(ports):
    session = Session(ports, "smtp").greet()
    (unit,) = units(ports)
    ports.systemctl("kill", "-s", "KILL", unit)
    assert session.dialogue.rest() == b""
    wait_until_over(ports)
    Session(ports, "smtp").whole()


def test_many_sessions_leave_nothing(ports):
    def files():
        return set(ports.run("find", "/run", "-not", "-path", "/run/log/*").splitlines())

    Session(ports, "smtp").whole()
    wait_until_over(ports)
    before, each = files(), MANY // len(PROTOCOLS)
    at_once(PROTOCOLS, lambda protocol: in_a_row(ports, protocol, each))
    wait_until_over(ports)
    assert files() == before, f"left in /run: {files() - before}"
    ports.records("imap", each)
