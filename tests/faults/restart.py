# SPDX-License-Identifier: Apache-2.0
"""A helper that is killed and started again, while a call of its start fails."""

import os
import signal

from . import campaign, helper, control, life  # noqa: I001  (sets the path for those below)
from fakes.token_service import TokenService, token_reply
from helper_process import CLIENT_SECRET, Helper
from service_manager import ServiceManager

KINDS = ("memory", "read", "write", "open", "socket", "wait", "store")


class Restarted:
    """A helper with a token, and the service manager that keeps what it knows."""

    is_over = False  # a helper that has ended is started again

    def __init__(self, folder):
        self.service = TokenService()
        self.service.reply = token_reply(helper.TOKEN)
        self.control = control.Control(f"{folder}/control", helper.LIBRARY, "maildest-helper")
        self._helper = Helper(folder)
        self._helper.destination(self.service.url())
        os.mkdir(os.path.dirname(self._helper.path))
        more = {"MAILDEST_LOG_TARGET": "stderr", "STATE_DIRECTORY": self._helper.state}
        self.manager = ServiceManager(
            [self._helper.program(), f"--config-dir={self._helper.config}"],
            self._helper.path,
            folder,
            life.SANITIZERS | self.control.environment() | more,
        )
        self.manager.start()
        self.hits = 0  # the calls that failed within the last start
        self.asked_anew = 0  # how often the token had to be fetched again
        assert self._token() == helper.TOKEN

    def stop(self):
        status = self.manager.stop()
        self.service.close()
        life.assert_good_end(status, self.log, [CLIENT_SECRET, helper.TOKEN])

    @property
    def log(self):
        return self.manager.log.decode(errors="replace")

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

    def disturb(self, kind, error, n):
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
    return campaign.of_process("restart", here, every, kinds)


def restarted():
    """Such a helper in a folder of its own, whose end is judged."""
    return life.of(Restarted)
