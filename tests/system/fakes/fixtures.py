# SPDX-License-Identifier: Apache-2.0
"""Fixtures for test modules to import; `maildest` replaces the one with the real servers."""

import functools

import pytest

from rig.pki import Authority

from .mail_server import MailServer, server_tls
from .network import Network
from .shim import Shim
from .target import Target
from .token_service import TokenService


class Certificates:
    """Certificates for fake servers, each made once."""

    def __init__(self, folder):
        self.authority = Authority(folder / "pki")
        self.stranger = Authority(folder / "stranger", "somebody else's CA")
        self.pair = functools.cache(self.authority.issue)
        self.foreign_pair = functools.cache(self.stranger.issue)

    def context(self, label="good", **options):
        return server_tls(self.pair(label), **options)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def maildest(folder, certificates):
    fresh = Target(folder, certificates.authority)
    yield fresh
    fresh.stop()
    fresh.assert_clean()


@pytest.fixture
def serve(certificates):
    """Starts fake mail servers: serve("smtp", tls="starttls", answers={...})."""
    running = []

    def start(protocol, tls="starttls", context=None, **options):
        if tls and not context:
            context = certificates.context()
        running.append(MailServer(protocol, context, tls, **options))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def tokens():
    """A token service on loopback."""
    service = TokenService()
    yield service
    service.close()


@pytest.fixture
def network():
    """A network where connections are not loopback's."""
    here = Network()
    yield here
    here.stop()


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """Makes a handler's clocks run faster and its names resolve as the test says."""
    return Shim(tmp_path_factory.mktemp("shim"))
