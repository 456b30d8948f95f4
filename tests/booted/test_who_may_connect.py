# SPDX-License-Identifier: Apache-2.0
"""Who may connect to the installed ports, under the sandboxes that the units have."""

import pytest

from rig import visitor
from sessions import PORTS, PROTOCOLS

GROUP = "maildest-clients"
SOCKETS = {
    "connection": tuple(f"maildest-{protocol}.socket" for protocol in PROTOCOLS),
    "forking": tuple(f"maildest-{protocol}-forking.socket" for protocol in PROTOCOLS),
}


@pytest.fixture(params=SOCKETS)
def ports(request, machine, mail):
    machine.systemctl("enable", "--now", *SOCKETS[request.param])
    return machine


def greeting(machine, user):
    """What a program of that user's gets first from the SMTP port."""
    command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    program = ["/usr/bin/python3", "-I", "-c", visitor.PROGRAM, str(PORTS["smtp"]), "stays"]
    return machine.run(*command, *program).strip()


def test_members_of_the_group_and_nobody_else(ports):
    assert greeting(ports, "root").startswith("220 ")
    assert greeting(ports, "daemon").startswith("554 5.7.1 access refused")
    ports.run("usermod", "-aG", GROUP, "daemon")
    assert greeting(ports, "daemon").startswith("220 "), "a new membership counts at once"
    assert greeting(ports, "bin").startswith("554 5.7.1 access refused")
    record = ports.wait_for_journal(1, f"--grep=usermod -aG {GROUP} bin")[0]
    assert f"is not in the group '{GROUP}'" in record["MESSAGE"], record


def test_everyone_if_the_settings_say_so(ports):
    ports.write("maildest.conf", "Clients=everyone\n")
    assert greeting(ports, "bin").startswith("220 ")
