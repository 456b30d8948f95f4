# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a configuration of the test's own, and the command that looks at it."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from fakes.fixtures import certificates, maildest, serve, tokens  # noqa: E402, F401
from rig.maildest import BUILD, SANITIZER_REPORT  # noqa: E402

PROGRAM = BUILD / "cli" / "maildest"
PATIENCE = 60


@pytest.fixture
def folder():
    """A short path: Unix sockets lie below it."""
    path = Path(tempfile.mkdtemp(prefix="maildest-"))
    yield path
    shutil.rmtree(path)


class Command:
    """The command, and the configuration that it is told of."""

    def __init__(self, target):
        self.target = target
        self.config = target.config
        (self.config / "services").mkdir()

    def __call__(self, *words, status=0, **options):
        """What it says on standard output; it must end with this status (None: any)."""
        done = self.run(*words, **options)
        assert status in (None, done.returncode), (
            f"maildest {' '.join(words)} ends with {done.returncode} instead of {status}:\n"
            f"{done.stdout}{done.stderr}"
        )
        return done.stdout

    def _program(self, user):
        """Other users need a copy that they can reach."""
        if user is None:
            return PROGRAM
        copy = self.target.folder / "maildest"
        if not copy.exists():
            shutil.copy(PROGRAM, copy)
            self.target.folder.chmod(0o711)
        return copy

    def run(self, *words, env=(), **options):
        done = subprocess.run(
            [self._program(options.get("user")), *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=self.target.environment()
            | {
                "MAILDEST_CONFIG_DIR": str(self.config),
                "MAILDEST_HELPER_SOCKET": str(self.target.socket),
            }
            | dict(env),
            **({} if "input" in options else {"stdin": subprocess.DEVNULL}),
            **options,
        )
        with (self.target.logs / "command.log").open("a") as log:
            log.write(done.stdout + done.stderr)
        assert not SANITIZER_REPORT.search(done.stderr), f"a sanitizer reports:\n{done.stderr}"
        return done

    def json(self, *words, status=0, **options):
        return json.loads(self(*words, "--json", status=status, **options))

    def shown(self, text):
        """An output without what differs from test to test."""
        return text.replace(str(self.config), "CONFIG").replace(str(self.target.socket), "HELPER")

    def resource(self, name, destination, file=None, **metadata):
        """A Destination resource in services/."""
        text = json.dumps(
            {
                "apiVersion": "destination.connectivity.api.sap/v1",
                "kind": "Destination",
                "metadata": {"name": name, **metadata},
                "spec": {"destinationRef": {"name": destination}},
            }
        )
        return self.target.write(f"services/{file or name}.json", text)

    def basic(self, name, **keys):
        """A destination that logs in with a password, which is wiped from what is compared."""
        return self.target.add_destination(
            name,
            {
                "Type": "MAIL",
                "ProxyType": "Internet",
                "Authentication": "BasicAuthentication",
                "mail.user": "app@example.com",
                "mail.password": "marker-password-cli",
                "mail.transport.protocol": "smtp",
                "mail.smtp.host": "mail.example.com",
                **keys,
            },
        )


@pytest.fixture
def command(maildest):  # noqa: F811
    return Command(maildest)
