# SPDX-License-Identifier: Apache-2.0
"""Fixtures: maildest installed once, and a machine for each test with servers in its network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "system"))

from fakes.fixtures import certificates, network  # noqa: E402, F401
from fakes.mail_server import MailServer  # noqa: E402
from fakes.target import SANITIZED, TOKEN  # noqa: E402
from fakes.token_service import TokenService, token_reply  # noqa: E402
from machine import Machine  # noqa: E402
from rig.maildest import BUILD  # noqa: E402
from sessions import KINDS, PROTOCOLS  # noqa: E402

# How much of a journal is worth showing when a test has failed.
SHOWN = 20000


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """What `meson install` would lay over the root."""
    assert not SANITIZED, "the sandboxes of the units have no room for sanitizers"
    folder = tmp_path_factory.mktemp("installed")
    folder.chmod(0o755)
    subprocess.run(
        ["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"],
        env=os.environ | {"DESTDIR": str(folder)},
        check=True,
    )
    return folder


@pytest.fixture
def machine(network, tree, certificates, tmp_path):  # noqa: F811
    """A booted machine; at the end no unit has failed, and the journal knows no secret."""
    fresh = Machine(network, tree, tmp_path / "boot.log")
    try:
        fresh.prepare(certificates.authority)
        yield fresh
        print(fresh.journal_text()[-SHOWN:])
        fresh.assert_clean()
    finally:
        fresh.stop()


@pytest.fixture
def tokens(network):  # noqa: F811
    """A token service in the machine's network."""
    service = network.run(TokenService)
    service.reply = token_reply(TOKEN)
    yield service
    service.close()


@pytest.fixture
def mail(machine, certificates, network, tokens):  # noqa: F811
    """A mail server for each protocol, and destinations that log in with a token."""
    servers = {}
    for protocol in PROTOCOLS:
        context = certificates.context()
        servers[protocol] = network.run(
            MailServer, KINDS[protocol], context, "starttls", mechanisms=("XOAUTH2",)
        )
        machine.destination(protocol, servers[protocol], oauth=tokens.url())
    yield servers
    for server in servers.values():
        server.stop()
