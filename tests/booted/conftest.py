# SPDX-License-Identifier: Apache-2.0
"""Fixtures: maildest installed once, and a machine for each test with servers in its network."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "system"))

from fakes.fixtures import certificates, network  # noqa: E402, F401
from fakes.mail_server import MailServer  # noqa: E402
from fakes.target import SANITIZED, TOKEN  # noqa: E402
from fakes.token_service import TokenService, token_reply  # noqa: E402
from machine import PATH, ROOT, Machine  # noqa: E402
from rig.maildest import BUILD  # noqa: E402
from sessions import KINDS, PROTOCOLS  # noqa: E402
from upstream import Upstream  # noqa: E402

INSTALL = ("meson", "install", "--no-rebuild", "--quiet")
# How much of a journal is worth showing when a test has failed.
SHOWN = 20000


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """What `meson install` would lay over the root."""
    assert not SANITIZED, "the sandboxes of the units have no room for sanitizers"
    folder = tmp_path_factory.mktemp("installed")
    folder.chmod(0o755)
    if ROOT:
        _install_from(Path(ROOT), folder)
        return folder
    subprocess.run([*INSTALL, "-C", BUILD], env=os.environ | {"DESTDIR": str(folder)}, check=True)
    return folder


def _install_from(root, folder):
    """The same where the machines have another root, below which BUILD is, and its sources."""
    with tempfile.TemporaryDirectory(dir=root / "var") as inside:
        target = {"PATH": PATH, "DESTDIR": f"/var/{Path(inside).name}"}
        build = f"/{BUILD.resolve().relative_to(root.resolve())}"
        subprocess.run(["chroot", root, *INSTALL, "-C", build], env=target, check=True)
        shutil.copytree(inside, folder, symlinks=True, dirs_exist_ok=True)
    folder.chmod(0o755)


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


@pytest.fixture
def upstream(machine, certificates, network, tokens, tmp_path):  # noqa: F811
    """SMTP and IMAP servers for thousands of sessions, and destinations with a token."""
    server = network.run(Upstream, machine, certificates.authority, tmp_path, tokens)
    yield server
    server.stop()
