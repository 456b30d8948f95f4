# SPDX-License-Identifier: Apache-2.0
"""The maildest command where there is a systemd: ports that open, move and close without a cut."""

import json
import resource

import pytest

from fakes.target import TOKEN
from machine import processor_seconds
from rig.dialogue import Dialogue
from sessions import Session

MODES = pytest.mark.parametrize("mode", ("accept", "forking", "grouped"))
RESOURCE = """\
apiVersion: destination.connectivity.api.sap/v1
kind: Destination
metadata:
  name: {name}
spec:
  destinationRef:
    name: smtp
  service:
    port: {port}
"""


class Command:
    """The command inside of the machine."""

    def __init__(self, machine):
        self.machine = machine

    def __call__(self, *words, status=0, text=None):
        return self.machine.run("maildest", *words, status=status, text=text)

    def json(self, *words, status=0):
        return json.loads(self(*words, "--json", status=status))

    def resource(self, name, port=587):
        self.machine.write(f"services/{name}.yaml", RESOURCE.format(name=name, port=port))

    def steps(self, *words):
        """What apply has done: (action, unit)."""
        return [(step["action"], step["unit"]) for step in self.json("apply", *words)["steps"]]

    def row(self, name, status=0):
        (row,) = self.json("list", name, status=status)["services"]
        return row


class ServiceSession(Session):
    def __init__(self, machine, row):
        self.protocol = "smtp"
        self.dialogue = machine.network.run(Dialogue, row["port"], host=row["address"])


@pytest.fixture
def command(machine, mail):
    machine.systemctl("start", "maildest-helper.socket")
    return Command(machine)


@MODES
def test_ports_open_move_and_close(machine, command, mode):
    machine.write("maildest.conf", f"Activation={mode}\n")
    command.resource("mail")
    assert command.row("mail", status=3)["state"] == "not applied"
    ((action, unit),) = command.steps()
    assert action == "start"
    row = command.row("mail")
    assert row["state"] == "listening"
    assert command.steps() == [], "what is as it shall be is touched"

    first = ServiceSession(machine, row).greet()
    command.resource("mail", 2525)
    assert ("restart", unit) in command.steps()
    moved = command.row("mail")
    assert (moved["address"], moved["port"]) == (row["address"], 2525)
    second = ServiceSession(machine, moved).greet()

    machine.run("rm", "/etc/maildest/services/mail.yaml")
    assert [action for action, _ in command.steps()] == ["stop"]
    for session in (first, second):  # none was cut
        session.work()
        session.leave()
    with pytest.raises(OSError):
        ServiceSession(machine, moved)


def test_no_port_is_closed_but_by_apply(machine, command):
    """systemd closes the ports of units that have changed whenever it reads them anew."""
    for name in ("mail", "other"):
        command.resource(name)
    command("apply")
    before = {name: command.row(name) for name in ("mail", "other")}
    command.resource("mail", 2525)
    command.resource("third", 2526)
    machine.run("rm", "/etc/maildest/services/other.yaml")
    for _ in range(2):
        machine.systemctl("daemon-reload")
        for row in before.values():
            ServiceSession(machine, row).whole()
    assert "service mail does not listen" in command("status", status=3)
    unit = "maildest-svc-{}.socket".format
    assert sorted(command.steps()) == [
        ("restart", unit("mail")), ("start", unit("third")), ("stop", unit("other")),
    ]  # fmt: skip
    for name in ("mail", "third"):
        ServiceSession(machine, command.row(name)).whole()
    machine.systemctl("daemon-reload")
    ServiceSession(machine, command.row("mail")).whole()
    with pytest.raises(OSError):
        ServiceSession(machine, before["other"])


def test_a_socket_whose_file_is_gone_is_opened_anew(machine, command):
    command.resource("mail")
    command("apply")
    machine.run("rm", "/run/maildest/services/mail.sock")
    assert command.row("mail", status=3)["state"] == "deaf"
    assert [action for action, _ in command.steps()] == ["restart"]
    ServiceSession(machine, command.row("mail")).whole()


def test_a_dry_run_changes_nothing(machine, command):
    command.resource("mail")
    assert command.steps("--dry-run") == [("start", "maildest-svc-mail.socket")]
    assert command.row("mail", status=3)["state"] == "not applied"


def test_a_broken_resource_keeps_its_socket(machine, command):
    command.resource("mail")
    command("apply")
    machine.write("services/mail.yaml", "kind: [")
    said = command.json("apply", status=3)
    assert said["steps"] == [] and said["broken"].startswith("mail.yaml: ConfigurationFailed")
    ServiceSession(machine, command.row("mail", status=3)).whole()


def test_a_generator_that_fails_is_told_of(machine, command):
    """systemd makes no units then, and says so to nobody but the journal."""
    command.resource("mail")
    generators = "/etc/systemd/system-generators"
    machine.run("mkdir", "-p", generators)
    machine.run("ln", "-s", "/dev/null", f"{generators}/maildest-generator")
    try:
        said = command.json("apply", status=3)
        assert "has no maildest-svc-mail.socket" in said["warning"] and said["steps"] == []
    finally:
        machine.run("rm", f"{generators}/maildest-generator")
    assert command.steps() == [("start", "maildest-svc-mail.socket")]


def test_other_listeners_are_named(machine, command):
    command.resource("mail", 2525)
    program = (
        "import socket, time; s = socket.create_server(('', 2525));"
        "print(1, flush=True); time.sleep(60)"
    )
    with machine.start("python3", "-c", program) as other:
        assert other.stdout.readline() == "1\n"
        said = command("apply", status=3)
        assert "python3" in said and "0.0.0.0:2525" in said
        row = command.row("mail", status=3)
        assert row["state"] == "left out" and "python3 (pid " in row["message"], row
        other.kill()


def test_enabled_sockets_of_others_are_named(machine, command):
    """One that is not started yet would have the port after the next boot."""
    unit = "[Socket]\nListenStream=2525\nAccept=yes\n[Install]\nWantedBy=sockets.target\n"
    path = "/etc/systemd/system/other.socket"
    machine.run("install", "-m", "0644", "/dev/stdin", path, text=unit)
    machine.systemctl("enable", "other.socket")
    command.resource("mail", 2525)
    assert "other.socket" in command("apply", status=3)
    command("apply", "--force")
    assert command.row("mail")["state"] == "listening"


@MODES
def test_sessions_are_listed_and_ended(machine, command, mode):
    machine.write("maildest.conf", f"Activation={mode}\n")
    command.resource("mail")
    command.resource("other")
    command("apply")
    ours = ServiceSession(machine, command.row("mail")).greet()
    theirs = ServiceSession(machine, command.row("other")).greet()
    (row,) = command.json("sessions", "mail")["sessions"]
    assert row["service"] == "mail" and row["user"] == "root" and row["bytes_to_client"] > 0
    assert len(command.json("sessions")["sessions"]) == 2
    command("stop", "--sessions", "mail")
    assert ours.dialogue.rest() == b""
    theirs.work()
    theirs.leave()


def test_status_counts(machine, command):
    command.resource("mail")
    command("apply")
    ServiceSession(machine, command.row("mail")).whole()
    said = command.json("status", status=None)
    (socket,) = [row for row in said["sockets"] if row["unit"] == "maildest-svc-mail.socket"]
    assert socket["accepted"] == 1 and socket["refused"] == 0
    assert said["services_available"] == 1
    assert [token["state"] for token in said["tokens"]] == ["valid"]
    assert TOKEN not in json.dumps(said)
    assert "tp_tcp_connections_total 1" in command("status", "--openmetrics")


def test_the_service_tests_as_its_user(machine, command):
    """Root could read this one; the service cannot, and so says the test."""
    machine.run("chgrp", "root", "/etc/maildest/destinations/smtp.json")
    assert "may not be read" in command("test", "smtp", status=3)
    assert "chgrp maildest" in command("check", "smtp", status=None)


def test_a_session_by_the_unix_socket_has_its_user(machine, command):
    command.resource("mail")
    command("apply")
    program = (
        "import socket; s = socket.socket(socket.AF_UNIX);"
        "s.connect('/run/maildest/services/mail.sock'); print(s.recv(99), flush=True); input()"
    )
    with machine.start("python3", "-c", program) as client:
        assert "220 " in client.stdout.readline()
        (row,) = command.json("sessions", "mail")["sessions"]
        assert row["client"] == "unix" and row["user"] == "root"
        client.communicate("\n", 10)


def used(machine):
    """Processor time, in seconds, of the commands so far, and of what they had systemd do."""
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ours.ru_utime + ours.ru_stime + sum(processor_seconds(machine))


def test_two_thousand_services(machine, command):
    """Opened, found unchanged, and listed, each in a time that somebody waits for."""
    machine.write("maildest.conf", "Activation=grouped\n")
    names = [f"mail-{i}" for i in range(2000)]
    machine.write("services/all.yaml", "---\n".join(
        RESOURCE.format(name=name, port=587) for name in names
    ))  # fmt: skip
    begun = used(machine)
    said = machine.run("script", "-qec", "maildest apply", "/dev/null")
    assert " ..." in said, "a terminal is shown no sign of life"
    assert "\x1b[2mSOCKET" in said, "and no colours"
    opened = used(machine)
    assert command.steps() == []
    again = used(machine)
    rows = command.json("list")["services"]
    listed = used(machine)
    assert {row["state"] for row in rows} == {"listening"} and len(rows) == 2000
    times = (opened - begun, again - opened, listed - again)
    print("opened, looked at again, listed: %.1f s, %.1f s, %.1f s" % times)
    # The clock also counts what else this host is doing.
    assert times[0] < 15 and times[1] < 10 and times[2] < 5, f"it takes {times} seconds"
