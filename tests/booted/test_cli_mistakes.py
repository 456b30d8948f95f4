# SPDX-License-Identifier: Apache-2.0
"""maildest apply and status after an administrator's mistakes, and after these are mended."""

import contextlib

from rig import waiting
from test_cli import ServiceSession, command  # noqa: F401 (a fixture)


def test_a_port_of_the_installed_sockets_is_told_of(machine, command):  # noqa: F811
    command.resource("mail")
    machine.drop_in("maildest-smtp.socket", "[Socket]\nListenStream=\nListenStream=0.0.0.0:587\n")
    machine.systemctl("start", "maildest-smtp.socket")
    said = command.json("apply", status=3)
    assert said["conflicts"].startswith("mail ") and "maildest-smtp.socket" in said["conflicts"]
    machine.systemctl("stop", "maildest-smtp.socket")
    assert command.steps() == [("start", "maildest-svc-mail.socket")]


def test_mended_mistakes_leave_nothing_behind(machine, command):  # noqa: F811
    for name in ("mail", "other"):
        command.resource(name)
    unit = "maildest-svc-other.socket"
    machine.drop_in(unit, "[Socket]\nExecStartPre=/bin/false\n")
    assert command.json("apply", status=1)["failed"] == unit
    assert f"{unit} has failed" in command("status", status=3)
    machine.run("rm", "-r", f"/etc/systemd/system/{unit}.d", "/etc/maildest/services/other.yaml")
    command("apply")
    assert f"{unit} has failed" not in command("status", status=None)

    machine.run("rm", "/run/maildest/services/mail.sock")
    assert command.row("mail", status=3)["state"] == "deaf"
    assert "service mail does not listen" in command("status", status=3)
    assert command.steps() == [("restart", "maildest-svc-mail.socket")]
    ServiceSession(machine, command.row("mail")).whole()

    machine.write("maildest.conf", "Activation=forkin\n")
    said = command.json("apply", status=3)
    assert "forking or grouped" in said["warning"] and said["steps"] == []
    machine.run("rm", "-r", "/etc/maildest/.state", "/etc/maildest/maildest.conf")
    machine.systemctl("start", "maildest-sync.service")
    assert command.row("mail")["state"] == "listening"


def test_a_flood_is_told_of_and_then_forgotten(machine, command):  # noqa: F811
    """systemd counts what it closed since the socket was opened: that alone would warn for ever."""
    command.resource("mail")
    machine.drop_in("maildest-svc-mail.socket", "[Socket]\nMaxConnections=1\n")
    command("apply")
    row = command.row("mail")
    session = ServiceSession(machine, row).greet()
    with contextlib.suppress(OSError):
        ServiceSession(machine, row).dialogue.line()
    machine.wait_for_journal(1, "UNIT=maildest-svc-mail.socket", "-p", "warning")
    said = command("status", status=8)
    assert "too many at once (MaxConnections=; 1 since it was opened)" in said

    def is_forgotten():
        machine.run("journalctl", "--rotate", "--vacuum-time=1s")  # what is younger stays
        return "too many at once" not in command("status", status=None)

    waiting.until(is_forgotten, "it warns for ever")
    session.work()
    session.leave()
