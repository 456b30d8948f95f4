# SPDX-License-Identifier: Apache-2.0
"""Nothing but apply and a boot changes what systemd knows of services; and it is said what waits."""

import signal

import pytest

from rig import waiting
from test_cli import ServiceSession, command  # noqa: F401 (a fixture)

KEPT = "/run/maildest/units"
SOCKET = "maildest-svc-{}.socket".format
SLOW_STOP = "[Socket]\nExecStopPre=/bin/sh -c ': >/run/stops; exec sleep 2'\n"


def reload(machine):
    machine.systemctl("daemon-reload")


def problems(command):  # noqa: F811
    said = command.json("status", status=None)
    return {row["problem"]: row["level"] for row in said["problems"]}, said


def edit(machine, command):  # noqa: F811
    """One has another port, one is gone, one is new."""
    command.resource("mail", 2525)
    machine.run("rm", "/etc/maildest/services/other.yaml")
    command.resource("third", 2526)


@pytest.mark.parametrize("mode", ("accept", "forking", "grouped"))
def test_after_boot_too(machine, command, mode):  # noqa: F811
    """Where nobody has applied anything since."""
    machine.write("maildest.conf", f"Activation={mode}\n")
    for name in ("mail", "other"):
        command.resource(name)
    reload(machine)
    machine.systemctl("restart", "sockets.target")  # as a boot does
    rows = [command.row(name) for name in ("mail", "other")]
    waiting.until(
        lambda: machine.property("maildest-units.service", "SubState") == "exited",
        "the units are not kept",
    )
    edit(machine, command)
    machine.write("maildest.conf", "Activation=accept\n")
    reload(machine)
    for row in rows:
        ServiceSession(machine, row).whole()
    assert command.steps(), "nothing is to be applied"
    for name in ("mail", "third"):
        ServiceSession(machine, command.row(name)).whole()
    assert command.steps() == []


def test_templates_that_are_being_replaced(machine, command):  # noqa: F811
    """An installer that removes files before it writes them: a reload meanwhile waits for it."""
    command.resource("mail")
    command("apply")
    row = command.row("mail")
    command.resource("mail", 2525)
    template = machine.run("readlink", f"/run/systemd/generator/{SOCKET('mail')}").strip()
    machine.run("mv", template, f"{template}.new")
    with machine.start("systemctl", "daemon-reload") as reloading:
        waiting.until(
            lambda: machine.programs("maildest-generator") or reloading.poll() is not None,
            "the generator does not run",
        )
        machine.run("mv", f"{template}.new", template)
        reloading.communicate()
    ServiceSession(machine, row).whole()
    assert listens(machine, "mail") == "587"
    # whoever edits a resource is not told to have systemd reload what that does not change
    machine.run("touch", "/etc/maildest/services/mail.yaml")
    assert machine.property(SOCKET("mail"), "NeedDaemonReload") == "no"
    assert "services/mail.yaml" in machine.systemctl("cat", SOCKET("mail"))


def test_what_waits_for_apply_is_said(machine, command):  # noqa: F811
    for name in ("mail", "other", "same"):
        command.resource(name)
    command("apply")
    assert "maildest apply" not in command("sync", "--quiet")
    before = problems(command)[1]["services_available"]
    edit(machine, command)
    machine.run("sed", "-i", "s/587/589/", "/etc/maildest/services/same.yaml")

    assert command.row("mail", status=3)["state"] == "changed, not applied"
    assert command.row("third", status=3)["state"] == "not applied"
    states = {row["service"]: row["state"] for row in command.json("list", status=3)["services"]}
    assert states[SOCKET("other")] == "removed, not applied"
    expected = {
        ("restart", SOCKET("mail")), ("restart", SOCKET("same")),
        ("stop", SOCKET("other")), ("start", SOCKET("third")),
    }  # fmt: skip
    assert set(command.steps("--dry-run")) == expected
    found, said = problems(command)
    for name in ("mail", "same", "third"):
        (level,) = [found[text] for text in found if text.startswith(f"service {name} does not")]
        assert level == "critical"
    assert [text for text in found if SOCKET("other") in text]
    assert (before, said["services_available"]) == (3, 0)

    machine.systemctl("start", "maildest-sync.service")
    (record,) = machine.wait_for_journal(1, "-u", "maildest-sync.service", "--grep=apply")
    assert record["MESSAGE"].startswith("maildest: 4 sockets are not as they shall be")
    assert set(command.steps()) == expected
    assert "maildest apply" not in command("sync", "--quiet")
    assert problems(command)[1]["services_available"] == 3


def begin_apply(machine):
    """An apply that is between its stops and its starts: (what runs it, its pid inside)."""
    machine.run("rm", "-f", "/run/stops")
    apply = machine.start("sh", "-c", "echo $$; exec maildest apply")
    pid = apply.stdout.readline().strip()
    waiting.until(lambda: machine.run("ls", "/run/stops", status=None) == "/run/stops\n", "no stop")
    return apply, pid


def test_an_apply_that_is_ended(machine, command):  # noqa: F811
    """By a signal, it ends its work first; killed, it leaves nothing that goes on to close ports."""
    for name in ("mail", "other"):
        command.resource(name)
    command("apply")
    other = command.row("other")
    machine.drop_in(SOCKET("mail"), SLOW_STOP)
    command.resource("mail", 2525)
    apply, pid = begin_apply(machine)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        machine.run("kill", f"-{int(number)}", pid)
    said, _ = apply.communicate()
    assert apply.returncode != 0 and "interrupted" in said
    ServiceSession(machine, command.row("mail")).whole()

    command.resource("mail", 2526)
    apply, pid = begin_apply(machine)
    machine.run("kill", "-9", pid)
    apply.communicate()
    waiting.until(
        lambda: machine.property(SOCKET("mail"), "ActiveState") == "inactive", "it does not stop"
    )
    reload(machine)
    ServiceSession(machine, other).whole()
    assert "mail does not listen" in command("sync", "--quiet")
    assert "service mail does not listen" in command("status", status=3)
    assert command.steps() == [("start", SOCKET("mail"))]
    ServiceSession(machine, command.row("mail")).whole()


def listens(machine, name):
    return machine.property(SOCKET(name), "Listen").split()[0].rpartition(":")[2]


def test_what_is_kept_is_roots_alone(machine, command):  # noqa: F811
    command.resource("mail")
    command("apply")
    command.resource("mail", 2525)
    # whatever becomes of the configuration
    machine.run("mv", "/etc/maildest", "/etc/elsewhere")
    reload(machine)
    assert listens(machine, "mail") == "587"
    machine.run("mv", "/etc/elsewhere", "/etc/maildest")
    machine.run("chown", "nobody", KEPT)
    reload(machine)
    assert listens(machine, "mail") == "2525", "what is not root's is believed"
    machine.wait_for_journal(1, "-t", "maildest-generator", "--grep=units as they were|may have")
    command.resource("mail", 2526)
    command("apply")
    assert machine.run("stat", "-c", "%a %U %G", KEPT).split() == ["755", "root", "root"]
    assert machine.run("ls", "-A", "/run/maildest/.units", status=None).count("No such file")
    ServiceSession(machine, command.row("mail")).whole()
    # as at boot
    machine.run("rm", "-r", KEPT)
    command.resource("mail", 2527)
    reload(machine)
    assert listens(machine, "mail") == "2527"
    command("apply")
    machine.run("rm", "-r", "/run/maildest/units")
    said = command("apply", "--keep")
    assert said == "" and machine.run("ls", KEPT).count(SOCKET("mail"))
