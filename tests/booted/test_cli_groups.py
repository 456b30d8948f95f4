# SPDX-License-Identifier: Apache-2.0
"""maildest apply where others have the port of one service of a group."""

from test_cli import ServiceSession, command  # noqa: F401 (a fixture)
from test_cli_apply import OTHER

ENABLED = "[Socket]\nListenStream=0.0.0.0:2525\n\n[Install]\nWantedBy=sockets.target\n"


def test_a_port_of_others_costs_no_other_of_the_group(machine, command):  # noqa: F811
    """In a group, systemd would open either all ports or none."""
    machine.write("maildest.conf", "Activation=grouped\n")
    command.resource("mail")
    command.resource("other", 2525)
    with machine.start("python3", "-c", OTHER) as other:
        assert other.stdout.readline() == "1\n"
        said = command.json("apply", status=3)
        assert said["conflicts"].startswith("mail ") and "python3" in said["conflicts"]
        assert len(said["steps"]) == 1 and "failed" not in said
        ServiceSession(machine, command.row("other")).whole()
        left = command.row("mail", status=3)
        assert left["state"] == "left out" and "maildest apply" in left["message"], left
        assert "service mail: left out" in command("status", status=None)
        # The others would lose their ports at the next boot if it came back by itself.
        machine.systemctl("daemon-reload")
        command("sync")
        machine.systemctl("restart", "sockets.target")
        ServiceSession(machine, command.row("other")).whole()
        other.communicate("\n", 10)
    session = ServiceSession(machine, command.row("other")).greet()
    assert [action for action, _ in command.steps()] == ["restart"]
    for name in ("mail", "other"):
        ServiceSession(machine, command.row(name)).whole()
    session.work()
    session.leave()


def test_apply_closes_no_port_of_a_group_that_others_want_too(machine, command):  # noqa: F811
    machine.write("maildest.conf", "Activation=grouped\n")
    command.resource("mail")
    command.resource("other", 2525)
    command("apply")
    path = "/etc/systemd/system/wants-it-too.socket"
    machine.run("install", "-m", "0644", "/dev/stdin", path, text=ENABLED)
    machine.run("ln", "-s", "/bin/true", path.replace(".socket", ".service"))
    machine.systemctl("enable", "wants-it-too.socket")
    command.resource("third")
    said = command.json("apply", status=3)
    assert said["conflicts"].startswith("other ") and "next boot" in said["conflicts"]
    for name in ("mail", "other", "third"):
        ServiceSession(machine, command.row(name)).whole()
