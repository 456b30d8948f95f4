# SPDX-License-Identifier: Apache-2.0
"""Which ports are open, in which mode, and to whom, after what an administrator types."""

import socket

import pytest

from rig import waiting
from sessions import PORTS, PROTOCOLS, Session, at_once, begin

SERVICE = "maildest-forking.service"
PLAIN = {protocol: f"maildest-{protocol}.socket" for protocol in PROTOCOLS}
FORKING = {protocol: f"maildest-{protocol}-forking.socket" for protocol in PROTOCOLS}
EVERY = (*PLAIN.values(), *FORKING.values())
MODES = pytest.mark.parametrize("sockets", (PLAIN, FORKING), ids=("plain", "forking"))


def active(machine, units):
    """Which of them are active."""
    states = machine.systemctl("is-active", *units, status=None).split()
    return {unit for unit, state in zip(units, states) if state == "active"}


def test_none_is_open_after_the_installation(machine):
    assert not active(machine, EVERY)
    states = machine.systemctl("is-enabled", *EVERY, status=None).split()
    assert set(states) == {"disabled"}


@MODES
def test_a_port_brings_the_helper(machine, mail, sockets):
    machine.systemctl("start", sockets["smtp"])
    assert active(machine, ["maildest-helper.socket"])
    Session(machine, "smtp").whole()
    assert active(machine, EVERY) == {sockets["smtp"]}, "more than was asked for is open"


@MODES
def test_systemd_has_no_complaint(machine, mail, sockets):
    """Each version of it knows all that the units say, as they were built for it."""
    machine.systemctl("start", *sockets.values(), "maildest-sync.path", "maildest-sync.timer")
    for protocol in PROTOCOLS:
        Session(machine, protocol).whole()
    machine.systemctl("start", "maildest-sync.service")
    complaints = [one["MESSAGE"] for one in machine.journal("_PID=1", "-p", "notice")]
    complaints = [one for one in complaints if "maildest" in one]
    assert not complaints, complaints


@MODES
def test_only_this_host_may_connect(machine, mail, sockets):
    """The kernel drops what comes from elsewhere, without an answer."""
    machine.systemctl("start", *sockets.values())
    for protocol in PROTOCOLS:
        options = {"timeout": 1, "source_address": (machine.network.ADDRESS, 0)}
        with pytest.raises(TimeoutError):
            machine.network.run(
                socket.create_connection, ("127.0.0.1", PORTS[protocol]), **options
            )
        Session(machine, protocol).whole()


def test_at_boot_the_forking_port_wins(machine, mail):
    machine.systemctl("enable", *EVERY)
    # As a boot does it: all that is enabled, in one transaction.
    machine.systemctl("restart", "sockets.target")
    assert active(machine, EVERY) == set(FORKING.values())
    at_once(begin(machine, len(PROTOCOLS)), Session.leave)


def test_a_port_changes_its_mode(machine, mail):
    """Back and forth, without cutting a session or losing the port to an old one."""
    sessions = []
    for sockets in (PLAIN, FORKING, PLAIN, FORKING):
        machine.systemctl("start", *sockets.values())
        assert active(machine, EVERY) == set(sockets.values())
        sessions += begin(machine, len(PROTOCOLS))
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)


def test_a_second_forking_port_is_added(machine, mail):
    machine.systemctl("enable", "--now", FORKING["smtp"])
    (old,) = begin(machine, 1)
    # The service runs, and systemd can give it no more ports; said, and harmless.
    said = machine.systemctl("start", FORKING["imap"], status=1)
    assert "failed" in said
    machine.systemctl("enable", FORKING["imap"])
    machine.systemctl("restart", FORKING["imap"])
    at_once(begin(machine, 2), Session.leave)
    old.work()
    old.leave()


def test_a_forking_port_is_removed(machine, mail):
    machine.systemctl("enable", "--now", *FORKING.values())
    sessions = begin(machine, 2 * len(PROTOCOLS))
    machine.systemctl("disable", "--now", FORKING["imap"])
    with pytest.raises(ConnectionRefusedError):
        Session(machine, "imap")
    left = [protocol for protocol in PROTOCOLS if protocol != "imap"]
    for protocol in left:
        Session(machine, protocol).whole()
    assert active(machine, EVERY) == {FORKING[protocol] for protocol in left}
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)


def test_the_forking_service_without_a_port(machine):
    """It says what is missing, once, and does not try for ever."""
    machine.systemctl("start", SERVICE, status=1)
    records = machine.wait_for_journal(1, "-t", "maildest-handler", "-p", "err")
    assert "sockets" in records[0]["MESSAGE"], records[0]["MESSAGE"]
    waiting.until(
        lambda: machine.property(SERVICE, "ActiveState") == "failed", "it is tried again"
    )
    machine.systemctl("reset-failed", SERVICE)
