# SPDX-License-Identifier: Apache-2.0
"""maildest apply on a full disk: it refuses, and every port stays as it is."""

import pytest

from test_cli import Command, ServiceSession

SOCKET = "maildest-svc-{}.socket".format


@pytest.fixture
def small(machine, mail, request):
    """The command, where one folder is a small file system of its own."""
    machine.run("install", "-d", "-m", "0755", request.param)
    machine.run("mount", "-t", "tmpfs", "-o", "mode=755,size=256k", "none", request.param)
    machine.run("systemd-tmpfiles", "--create", "maildest.conf")
    machine.systemctl("start", "maildest-helper.socket")
    return Command(machine), request.param


@pytest.mark.parametrize("small", ("/run/maildest", "/etc/maildest/.state"), indirect=True)
def test_apply_on_a_full_disk_touches_no_port(machine, small):
    command, folder = small
    for name in ("mail", "other"):
        command.resource(name)
    command("apply")
    rows = [command.row(name) for name in ("mail", "other")]
    command.resource("mail", 2525)
    command.resource("third", 2526)
    machine.run("rm", "/etc/maildest/services/other.yaml")
    machine.run("sh", "-c", f"head -c 1M /dev/zero >{folder}/filler", status=1)
    said = command("apply", status=1)
    assert folder in said and "No space left on device" in said, f"the reason is not said: {said}"
    for _ in range(2):
        for row in rows:
            ServiceSession(machine, row).whole()
        machine.systemctl("daemon-reload")
    machine.run("rm", f"{folder}/filler")
    assert sorted(command.steps()) == [
        ("restart", SOCKET("mail")), ("start", SOCKET("third")), ("stop", SOCKET("other")),
    ]  # fmt: skip
    for name in ("mail", "third"):
        ServiceSession(machine, command.row(name)).whole()
    assert command.steps() == []
