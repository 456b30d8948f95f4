# SPDX-License-Identifier: Apache-2.0
"""The default units: each connection is a process and a unit of its own."""

import re
import signal

import pytest

from records import assert_all_recorded
from rig import waiting
from sessions import PROTOCOLS, Session, at_once, begin

EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
SESSIONS = 20
AT_ONCE = 300


@pytest.fixture
def ports(machine, mail):
    """As the README has it."""
    machine.systemctl(
        "enable", "--now", "maildest-helper.socket", *(f"maildest-{p}.socket" for p in PROTOCOLS)
    )
    return machine


def assert_recorded(machine, protocol, count):
    assert_all_recorded(machine, protocol, count, f"maildest-{protocol}@")


def units(machine):
    return machine.units("--all", "maildest-*@*.service")


def wait_until_over(machine):
    """No session runs any more, and systemd has forgotten them all."""
    waiting.until(lambda: not units(machine), "units of sessions stay")


@EACH
def test_sessions_in_a_row(ports, protocol):
    for _ in range(SESSIONS):
        Session(ports, protocol).whole()
    assert_recorded(ports, protocol, SESSIONS)


def test_many_sessions_at_once(ports, mail, tokens):
    sessions = [Session(ports, PROTOCOLS[i % len(PROTOCOLS)]) for i in range(AT_ONCE)]
    at_once(sessions, Session.greet)
    assert len(units(ports)) == AT_ONCE, "not each connection has a unit of its own"
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    for protocol in PROTOCOLS:
        assert_recorded(ports, protocol, AT_ONCE // len(PROTOCOLS))
        assert len(mail[protocol].connections) == AT_ONCE // len(PROTOCOLS)
    assert len(tokens.requests) == len(PROTOCOLS), "sessions at once do not share one request"
    wait_until_over(ports)


@pytest.mark.parametrize("number", (signal.SIGKILL, signal.SIGSEGV))
def test_a_session_that_dies(ports, number):
    """The journal says so under the unit's name, the unit is forgotten, and others go on."""
    (other,) = begin(ports, 1)
    before = set(units(ports))
    session = Session(ports, "imap").greet()
    (unit,) = set(units(ports)) - before
    ports.systemctl("kill", "-s", number.name, unit)
    assert session.dialogue.rest() == b""
    records = ports.wait_for_journal(2, f"UNIT={unit}", "-p", "warning")
    said = " ".join(record["MESSAGE"] for record in records)
    assert f"status={number.value}/{number.name[3:]}" in said and "'signal'" in said, said
    waiting.until(lambda: unit not in units(ports), "the unit of a dead session stays")
    other.work()
    other.leave()
    Session(ports, "imap").whole()


def test_status_is_readable(ports):
    session = Session(ports, "imap").greet()
    session.work()
    said = ports.systemctl("status", "maildest-imap.socket")
    for words in (
        "maildest-imap.socket - maildest IMAP port",
        "active (listening)",
        "127.0.0.1:143 (Stream)",
        "Accepted: 1; Connected: 1",
    ):
        assert words in said, said
    (unit,) = units(ports)
    title = "maildest: imap relaying"
    waiting.until(lambda: title in ports.systemctl("status", unit), "no title tells the phase")
    said = ports.systemctl("status", unit)
    assert f"{unit} - maildest IMAP session " in said and "active (running)" in said, said
    assert re.search(rf"─\d+ \"?{title}", said), said
    session.leave()
    wait_until_over(ports)
    assert "Accepted: 1; Connected: 0" in ports.systemctl("status", "maildest-imap.socket")
