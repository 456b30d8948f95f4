# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the servers, one set a test process, and a fresh maildest for each test."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rig import company as companies  # noqa: E402
from rig import maildest as product  # noqa: E402
from rig import servers  # noqa: E402
from rig.scene import Scene  # noqa: E402

SANITIZED = b"__asan_init" in (
    (product.BUILD / "handler" / "maildest-handler").read_bytes()
    if (product.BUILD / "handler" / "maildest-handler").exists()
    else b""
)


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes many seconds or much data")
    config.addinivalue_line("markers", "release: says something only about the release build")
    assert os.geteuid() == 0, "the system tests start mail servers and need root"


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="only the release build is measured")
    for item in items:
        if SANITIZED and "release" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def world():
    with servers.world() as here:
        yield here


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed


@pytest.fixture
def folder():
    """A short path: Unix sockets lie below it."""
    path = Path(tempfile.mkdtemp(prefix="maildest-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def maildest(folder, world, request):
    """maildest with an empty configuration; what must always hold is checked at the end."""
    fresh = product.Maildest(folder, world.authority)
    yield fresh
    fresh.stop()
    if getattr(request.node, "failed", False):
        for name, text in fresh.all_logs().items():
            request.node.add_report_section("teardown", name, text[-20000:])
    fresh.assert_clean()


@pytest.fixture
def scene(world, maildest):
    """A new mailbox, its client of the token service, and maildest in front of them."""
    here = Scene(world, maildest)
    yield here
    maildest.secrets += here.client.issued


@pytest.fixture
def smtp(scene):
    """A port that sends by Postfix."""
    return scene.serve("smtp", "OAuth2ClientCredentials", "postfix")


@pytest.fixture
def imap(scene):
    """A port to the same mailbox."""
    return scene.serve("imap4")


@pytest.fixture
def company(scene):
    """The same mail and token services in a company network, behind a Cloud Connector."""
    with companies.company(scene) as here:
        yield here
