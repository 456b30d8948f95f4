# SPDX-License-Identifier: Apache-2.0
"""A helper that is killed and started again, while a call of its start fails."""

import contextlib
import os
import shutil
import signal
import tempfile

from . import campaign, helper, control  # noqa: I001  (sets the path for those below)
from fakes.token_service import TokenService, token_reply
from rig.maildest import SANITIZER_REPORT, SANITIZERS
from rig.secrets import find
from helper_process import CLIENT_SECRET, Helper
from service_manager import ServiceManager

KINDS = ("memory", "read", "write", "open", "socket", "wait", "store")


class Restarted:
    """A helper with a token, and the service manager that keeps what it knows."""

    def __init__(self, folder):
        self.service = TokenService()
        self.service.reply = token_reply(helper.TOKEN)
        self.control = control.Control(f"{folder}/control", helper.LIBRARY, "maildest-helper")
        self._helper = Helper(folder)
        self._helper.destination(self.service.url())
        os.mkdir(os.path.dirname(self._helper.path))
        order = SANITIZERS["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
        more = {"MAILDEST_LOG_TARGET": "stderr", "STATE_DIRECTORY": self._helper.state}
        self.manager = ServiceManager(
            [self._helper.program(), f"--config-dir={self._helper.config}"],
            self._helper.path,
            folder,
            SANITIZERS | self.control.environment() | more | {"ASAN_OPTIONS": order},
        )
        self.manager.start()
        self.hits = 0  # the calls that failed within the last start
        self.asked_anew = 0  # how often the token had to be fetched again
        assert self._token() == helper.TOKEN

    def stop(self):
        status = self.manager.stop()
        self.service.close()
        log = self.manager.log.decode(errors="replace")
        assert status == 0, f"the helper ended with {status}: {log[-4000:]}"
        assert not SANITIZER_REPORT.search(log), log
        leaks = find([CLIENT_SECRET, helper.TOKEN], {"log": log})
        assert not leaks, f"a secret is in the log: {leaks}"

    def _token(self):
        """The token that it has for us; None if it says another thing or nothing."""
        try:
            return self._helper.get_token().get("parameters", {}).get("access_token")
        except (EOFError, ConnectionError):
            return None

    def calls(self):
        """How many of each kind it makes from its start until it is ready."""
        self.manager.restart(while_dead=self.control.clear)
        return self.control.counts

    def start(self, kind, error, n):
        """What is wrong with a start whose nth call fails; or None."""
        lives, asked = len(self.manager.deaths), len(self.service.requests)
        self.manager.restart(while_dead=lambda: self.control.arm(kind, error, n))
        self.hits = self.control.hits
        self.control.clear()
        killed, *further = self.manager.deaths[lives:]
        if killed != -signal.SIGKILL or any(status not in (0, 1) for status in further):
            return f"the helper ends with {[killed, *further]}"
        if len(further) > 1:
            return "one failure ends the helper more than once"
        token = self._token()
        self.asked_anew += len(self.service.requests) - asked
        return None if token == helper.TOKEN else f"the token is then {token!r}"


def of_restarts(here, every, kinds=KINDS):
    """Starts with faults one after the other: a Tally."""
    tally = campaign.Tally(calls=here.calls())
    for kind, words, error, _, n in campaign.plan(tally.calls, every, "restart", kinds):
        wrong = here.start(kind, error, n)
        tally.runs += 1
        tally.hits += here.hits
        if wrong:
            log = here.manager.log.decode(errors="replace")[-2000:]
            tally.complaints.append((wrong, f"restart {kind} {n} ({words})", log))
    return tally


@contextlib.contextmanager
def restarted():
    """Such a helper in a folder of its own, whose end is judged."""
    folder = tempfile.mkdtemp(prefix="mdh-", dir="/tmp")
    try:
        here = Restarted(folder)
        try:
            yield here
        finally:
            here.stop()
    finally:
        shutil.rmtree(folder)
