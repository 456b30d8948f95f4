# SPDX-License-Identifier: Apache-2.0
"""The outside world on loopback: token service, Dovecot and Postfix, ready to be used."""

import contextlib
import shutil
import tempfile
from pathlib import Path

from .dovecot import Dovecot
from .oauth import TokenService
from .pki import Authority
from .postfix import Postfix


class World:
    """Everything that lies beyond maildest."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.authority = Authority(self.folder / "pki")
        self._stack = contextlib.ExitStack()
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise

    def _start(self):
        self.tokens = TokenService(self.folder, self.authority)
        self._stack.callback(self.tokens.stop)
        self.postfix = Postfix(self.folder / "postfix")
        self.dovecot = Dovecot(
            self.folder / "dovecot", self.authority, self.tokens, self.postfix.ports["relay"]
        )
        self._stack.callback(self.dovecot.stop)
        self._stack.callback(self.postfix.stop)
        self.postfix.start(self.authority, self.dovecot.auth_socket, self.dovecot.lmtp_socket)

    def logs(self):
        return f"--- Dovecot\n{self.dovecot.log()}\n--- Postfix\n{self.postfix.log()}"

    def stop(self):
        self._stack.close()


@contextlib.contextmanager
def world():
    """A World below a temporary folder; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="maildest-"))
    try:
        # Dovecot's and Postfix's own users must pass through.
        folder.chmod(0o755)
        here = World(folder)
        try:
            yield here
        finally:
            here.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
