# SPDX-License-Identifier: Apache-2.0
"""Units read anew, and services that come and go, under two hundred sessions: none is cut."""

import pytest

from modes import CONNECTION, FORKING, open_ports
from rig import waiting
from sessions import PROTOCOLS, Session, at_once
from test_cli import ServiceSession, command  # noqa: F401 (a fixture)

SESSIONS = 200
MODES = pytest.mark.parametrize(
    "ports, activation", ((CONNECTION, "accept"), (FORKING, "forking")), ids=("accept", "forking")
)


@MODES
def test_two_hundred_sessions(machine, command, ports, activation):  # noqa: F811
    machine.write("maildest.conf", f"Activation={activation}\n")
    command.resource("mail")
    command("apply")
    open_ports(machine, ports)
    row = command.row("mail")
    sessions = [Session(machine, PROTOCOLS[i % len(PROTOCOLS)]) for i in range(SESSIONS // 2)]
    sessions += [ServiceSession(machine, row) for _ in range(SESSIONS // 2)]
    at_once(sessions, Session.greet)

    machine.systemctl("daemon-reload")
    at_once(sessions, Session.work)

    command.resource("other", 2525)
    assert command.steps() == [("start", "maildest-svc-other.socket")]
    ServiceSession(machine, command.row("other")).whole()
    command.resource("mail", 2526)
    steps = command.steps()
    assert ("restart", "maildest-svc-mail.socket") in steps and len(steps) == 1, steps
    ServiceSession(machine, command.row("mail")).whole()
    machine.run("rm", "/etc/maildest/services/mail.yaml")
    assert [action for action, _ in command.steps()] == ["stop"]
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    waiting.until(lambda: not machine.units("maildest-*@*.service"), "units of sessions stay")
    records = machine.wait_for_journal(SESSIONS // 2 + 1, "MAILDEST_SERVICE=mail")
    assert len(records) == SESSIONS // 2 + 1, f"{len(records)} records"
    assert {record["MAILDEST_RESULT"] for record in records} == {"ok"}
