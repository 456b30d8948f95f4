# SPDX-License-Identifier: Apache-2.0
"""maildest add where there is a systemd: from answers to an open port, and to an application."""

import re

from fakes.target import CLIENT_SECRET, PASSWORD
from rig.destinations import TRUST_ANCHOR
from test_cli import ServiceSession, command  # noqa: F401 (a fixture)

ADVICE = re.compile(
    r"\nApplication: host (?P<address>[\d.]+), port (?P<port>\d+), no TLS, (?P<login>.+)\.\n"
    r"(?P<who>.+)\n$"
)
# What an application is told, by the settings: its login, and who may run it.
TOLD = {
    "": (
        "any user and password, or none",
        "It runs as root, or as a user of group maildest-clients: "
        "usermod -aG maildest-clients USER.",
    ),
    "ClientLogin=required\nClients=everyone\n": (
        "a user and password of clients/office",
        "It may run as any user of this host.",
    ),
    "ClientLogin=none\nClients=staff\n": (
        "no login",
        "It runs as root, or as a user of group staff: usermod -aG staff USER.",
    ),
}


def test_add_to_a_tested_path(machine, command, mail):  # noqa: F811
    """From answers to a login, as root types it; the login is that of the service's user."""
    port = mail["smtp"].port
    words = (
        "--preset=password", "--protocol=smtp", "--host=localhost", f"--port={port}",
        "--user=app@example.com", "--password-file=-",
    )  # fmt: skip
    said = command("add", "Office_1", *words, text=PASSWORD, status=None)
    assert "reading the configuration" in said, said
    journal = machine.run("journalctl", "--identifier=maildest", "--output=cat", status=None)
    assert "UNCONFINED" not in journal, journal
    assert command.row("office-1")["state"] == "listening"
    modes = machine.run("stat", "-c", "%a %U %G", "/etc/maildest/destinations/Office_1.json")
    assert modes.split() == ["640", "root", "maildest"]


def test_what_the_application_is_to_be_told(machine, command, mail, tokens):  # noqa: F811
    """Last, when the login has succeeded: what it says is where a session works."""
    server = ("--host=127.0.0.1", f"--port={mail['smtp'].port}", "--user=app@example.com")
    oauth = (f"--token-url={tokens.url()}", "--client-id=id", "--secret-file=-")
    for settings, wanted in TOLD.items():
        machine.write("maildest.conf", f"AdditionalCAs={TRUST_ANCHOR}\n{settings}")
        said = command("add", "office", "--preset=m365", *server, *oauth, text=CLIENT_SECRET)
        assert "Logged in to" in said
        told = ADVICE.search(said)
        assert told and (told["login"], told["who"]) == wanted, said
        row = {"address": told["address"], "port": int(told["port"])}
        assert row == {key: command.row("office")[key] for key in row}
    ServiceSession(machine, row).whole()

    words = ("--preset=gmail-oauth", "--user=me@gmail.com", "--client-id=id", "--secret-file=-")
    said = command("add", "own", *words, "--no-test", text=CLIENT_SECRET)
    assert "with the user's refresh token" in ADVICE.search(said)["login"], said
