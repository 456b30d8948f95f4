# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a token service, and a helper whose exit and log are judged after each test."""

import os
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from helper_process import CLIENT_SECRET, Helper, is_sanitized  # noqa: E402
from rotating_service import RotatingService  # noqa: E402
from service_manager import ServiceManager  # noqa: E402
from token_service import TokenService, make_certificates, numbered_tokens  # noqa: E402

REPORTS = ("AddressSanitizer", "LeakSanitizer", "runtime error:")
# A sanitizer wants to be the first library: what these put before the helper, it does not bear.
PRELOADED = {"clock", "shim"}


def pytest_configure(config):
    config.addinivalue_line("markers", "release: says something only about the release build")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """`-m release` is what tests/all wants of these tests after those with sanitizers."""
    for item in items:
        if os.path.dirname(__file__) == str(item.path.parent) and PRELOADED & set(item.fixturenames):
            item.add_marker(pytest.mark.release)


@pytest.fixture
def folder():
    """Short, since a socket's path must fit 107 bytes, and reachable for other users."""
    path = tempfile.mkdtemp(prefix="mdh-", dir="/tmp")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def service():
    service = TokenService()
    yield service
    service.close()


@pytest.fixture
def grants(service):
    """The service gives a new refresh token with each access token, which lives for a second."""
    service.reply = RotatingService(expires_in=1)
    return service.reply


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    path = tmp_path_factory.mktemp("certificates")
    make_certificates(path)
    return path


def judge(helper):
    if helper.process is None:
        return
    status = helper.stop()
    assert status in (0, -9), helper.log.decode()
    log = helper.log.decode()
    assert not any(report in log for report in REPORTS), log
    assert CLIENT_SECRET not in log
    assert "canary" not in log, "a secret, token or credential is in the log"
    for path, _, names in os.walk(helper.state):
        for name in names:
            with open(f"{path}/{name}", "rb") as f:
                assert b"canary" not in f.read(), "a credential is in a file"


class Clock:
    """What a helper takes for its clocks, in seconds beside the real ones (clock.c)."""

    def __init__(self, folder):
        library = f"{folder}/clock.so"
        source = os.path.join(os.path.dirname(__file__), "clock.c")
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source],
            check=True)
        self.path = f"{folder}/clocks"
        self.seconds = {"boot": 0, "wall": 0}
        self.environment = {"LD_PRELOAD": library, "SHIM_CLOCKS": self.path}

    def set(self, **seconds):
        """Both at once: nobody sees the one moved and the other not."""
        self.seconds.update(seconds)
        with open(f"{self.path}.new", "w", encoding="ascii") as f:
            f.write("{boot} {wall}".format(**self.seconds))
        os.rename(f"{self.path}.new", self.path)


@pytest.fixture
def clock(folder):
    if is_sanitized():
        pytest.skip("a sanitizer wants to be the first library")
    return Clock(folder)


@pytest.fixture
def make_helper(folder):
    """For tests that need a say in how the helper starts."""
    helpers = []

    def make(**options):
        helpers.append(Helper(folder, **options))
        return helpers[-1]

    yield make
    for helper in helpers:
        judge(helper)


@pytest.fixture
def helper(make_helper):
    return make_helper().start()


@pytest.fixture
def aged(make_helper, service, clock):
    """A helper whose clocks can be moved, and whose token service numbers its tokens."""
    clock.set(boot=0, wall=0)
    helper = make_helper(environment=clock.environment).start()
    service.reply = numbered_tokens()
    helper.destination(service.url())
    return helper


@pytest.fixture
def make_managed(folder):
    """For tests that need a say in how the service manager starts the helper; one each."""
    managers = []

    def make(environment=None):
        helper = Helper(folder)
        os.mkdir(os.path.dirname(helper.path))
        inherited = {name: value for name, value in os.environ.items()
                     if name.endswith("SAN_OPTIONS")}
        managers.append(ServiceManager(
            [helper.program(), f"--config-dir={helper.config}"], helper.path, folder,
            inherited | {"MAILDEST_LOG_TARGET": "stderr", "STATE_DIRECTORY": helper.state}
            | (environment or {})))
        return helper, managers[-1]

    yield make
    for manager in managers:
        assert manager.stop() == 0, manager.log.decode()
        log = manager.log.decode()
        assert not any(report in log for report in REPORTS), log
        assert "canary" not in log, "a secret or a token is in the log"


@pytest.fixture
def managed(make_managed):
    """A helper that a service manager brings back whenever it ends, and that manager."""
    helper, manager = make_managed()
    manager.start()
    return helper, manager
