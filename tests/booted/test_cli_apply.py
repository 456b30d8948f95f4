# SPDX-License-Identifier: Apache-2.0
"""maildest apply and add where units, ports or modes stand in each other's way."""

import pytest

from fakes.target import PASSWORD
from test_cli import RESOURCE, ServiceSession, command  # noqa: F401 (a fixture)

MODES = ("accept", "forking", "grouped")
OTHER = (
    "import socket; s = socket.create_server(('', 587));"
    "print(1, flush=True); input()"
)


def in_namespace(machine, name, namespace):
    text = RESOURCE.format(name=name, port=587)
    text = text.replace("metadata:\n", f"metadata:\n  namespace: {namespace}\n")
    machine.write(f"services/{name}.yaml", text)


@pytest.mark.parametrize("before, after", [(a, b) for a in MODES for b in MODES if a != b])
def test_another_mode_cuts_no_session(machine, command, before, after):  # noqa: F811
    machine.write("maildest.conf", f"Activation={before}\n")
    command.resource("mail")
    command.steps()
    old = ServiceSession(machine, command.row("mail")).greet()
    machine.write("maildest.conf", f"Activation={after}\n")
    assert command.steps(), "another mode is no change"
    assert command.steps() == [], "and again it is one"
    new = ServiceSession(machine, command.row("mail")).greet()
    for session in (old, new):
        session.work()
        session.leave()


def test_services_move_between_groups(machine, command):  # noqa: F811
    """Each group's socket lets go of its addresses before another opens them."""
    machine.write("maildest.conf", "Activation=grouped\nClients=everyone\nNamespace.x=root\n")
    for i in range(20):
        command.resource(f"a{i}")
        in_namespace(machine, f"b{i}", "x")
    assert len(command.steps()) == 2
    session = ServiceSession(machine, command.row("a1")).greet()
    for i in range(10):
        in_namespace(machine, f"a{i}", "x")
        command.resource(f"b{i}")
    assert [action for action, _ in command.steps()] == ["restart", "restart"]
    for name in ("a1", "a19", "b1", "b19"):
        ServiceSession(machine, command.row(name)).whole()
    session.work()
    session.leave()


def test_a_masked_socket_is_left_out(machine, command):  # noqa: F811
    for name in ("mail", "other", "zz"):
        command.resource(name)
    machine.systemctl("mask", "maildest-svc-other.socket")
    said = command.json("apply")
    assert said["masked"] == "maildest-svc-other.socket"
    assert len(said["steps"]) == 2
    assert "unmask" in command("apply"), "it is not said why it is left out"
    for name in ("mail", "zz"):
        assert command.row(name)["state"] == "listening"
    machine.systemctl("unmask", "maildest-svc-other.socket")
    assert command.steps() == [("start", "maildest-svc-other.socket")]


def test_a_socket_that_fails_costs_no_other(machine, command):  # noqa: F811
    for name in ("mail", "other", "zz"):
        command.resource(name)
    unit = "maildest-svc-other.socket"
    machine.drop_in(unit, "[Socket]\nExecStartPre=/bin/false\n")
    assert command.json("apply", status=1)["failed"] == unit
    for name in ("mail", "zz"):
        assert command.row(name)["state"] == "listening"
    machine.run("rm", "-r", f"/etc/systemd/system/{unit}.d")
    assert command.steps() == [("start", unit)]


def test_a_port_of_others_costs_no_other_service(machine, command):  # noqa: F811
    command.resource("mail")
    command.resource("other", 2525)
    with machine.start("python3", "-c", OTHER) as other:
        assert other.stdout.readline() == "1\n"
        said = command.json("apply", status=3)
        assert [step["unit"] for step in said["steps"]] == ["maildest-svc-other.socket"]
        assert said["conflicts"].startswith("mail ") and "python3" in said["conflicts"]
        assert command.row("other")["state"] == "listening"
        assert "left out" in command("apply", status=3)
        other.communicate("\n", 10)
    # As a boot does it, before the other program has its port.
    machine.run("rm", "-r", "/run/maildest/units")
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "sockets.target")
    assert command.row("mail", status=3)["state"] == "left out", "a boot gives it others' port"
    assert command.row("other")["state"] == "listening"
    assert command.steps() == [("start", "maildest-svc-mail.socket")]


def test_add_leaves_no_service_whose_port_others_have(machine, command, mail):  # noqa: F811
    port = mail["smtp"].port
    words = (
        "--preset=password", "--protocol=smtp", "--host=localhost", f"--port={port}",
        "--user=app@example.com", "--password-file=-", "--no-test",
    )  # fmt: skip
    with machine.start("python3", "-c", OTHER) as other:
        assert other.stdout.readline() == "1\n"
        said = command("add", "office", *words, text=PASSWORD, status=3)
        assert "\nmaildest: office 127." in said and "python3" in said
        assert "services/office.yaml" not in said
        assert machine.run("ls", "/etc/maildest/services") == ""
        assert command.steps() == [], "what add refused is in the way of apply"
        other.communicate("\n", 10)
    command("add", "office", *words, text=PASSWORD)
    assert command.row("office")["state"] == "listening"


def test_add_says_that_systemd_cannot_be_asked(machine, command, mail):  # noqa: F811
    words = (
        "--preset=password", "--protocol=smtp", "--host=localhost", "--user=a",
        "--password-file=-", "--no-test",
    )  # fmt: skip
    hidden = "mount -t tmpfs none /run/systemd && mount -t tmpfs none /run/dbus; exec \"$@\""
    alone = ("unshare", "--mount", "sh", "-c", hidden, "sh", "maildest", "add", "office")
    said = machine.run(*alone, *words, text=PASSWORD, status=1)
    assert "the port was not opened: systemd does not run here" in said
    assert "maildest-handler(8)" in said
