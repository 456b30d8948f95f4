# SPDX-License-Identifier: Apache-2.0
"""Services whose destination lives in a Destination service: sync finds out their protocol."""

import json
import sys
from pathlib import Path

import pytest

from fakes.target import PASSWORD, USER

sys.path.append(str(Path(__file__).resolve().parents[1] / "helper"))

from destination_service import PROVIDER, DestinationService, Xsuaa  # noqa: E402

PORTS = {"smtp": 587, "imap4": 143, "pop3": 110}


@pytest.fixture
def remote(command, maildest):
    xsuaa = Xsuaa()
    service = DestinationService(xsuaa)
    (command.config / "instances").mkdir()
    maildest.write("instances/ds.json", json.dumps(service.key()))
    maildest.write("maildest.conf", "DefaultInstance=ds\n")
    maildest.secrets.append(service.key()["clientsecret"])
    maildest.start_helper()
    yield service
    service.close()
    xsuaa.close()


def put(remote, maildest, server, name="Remote", tenant=PROVIDER):
    """The destination that a file would describe, in the Destination service."""
    maildest.destination(name, server)
    path = maildest.config / "destinations" / f"{name}.json"
    remote.destinations[tenant, name] = json.loads(path.read_text())
    path.unlink()


@pytest.mark.parametrize("protocol", PORTS)
def test_the_protocol_decides_the_port(command, maildest, serve, remote, protocol):
    put(remote, maildest, serve(protocol))
    command.resource("mail", "Remote")
    (before,) = command.json("list", "mail", status=3)["services"]
    assert "port" not in before, "it is served before anybody knows what it is"
    command("sync")
    (row,) = command.json("list", "mail", status=3)["services"]
    assert row["port"] == PORTS[protocol] and row["available"] == "True"
    # Known from now on, whether the helper is there or not.
    maildest.stop_helper()
    command("sync", status=None)
    (row,) = command.json("list", "mail", status=3)["services"]
    assert row["port"] == PORTS[protocol]


def test_a_destination_that_is_not_there(command, remote):
    command.resource("mail", "Missing")
    said = command.json("sync", status=3)
    (row,) = [row for row in said["results"] if row["kind"] == "service"]
    assert row["name"] == "mail" and row["result"] == "error" and "Missing" in row["reason"]


def test_the_whole_path_is_tested(command, maildest, serve, remote):
    put(remote, maildest, serve("smtp"))
    command.resource("mail", "Remote")
    command("sync")
    said = command.json("test", "mail")
    assert said["ok"] and USER in said["result"], said
    assert PASSWORD not in json.dumps(said)
