# SPDX-License-Identifier: Apache-2.0
"""One helper in which a call fails for each of many token requests, and what it must go on doing."""

import json
import os
import sys
from pathlib import Path

from . import campaign, control, life  # noqa: I001  (sets the path for those below)
from fakes.token_service import TokenService, token_reply
from rig.maildest import BUILD
from rig.pki import Authority

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helper"))
from helper_process import CLIENT_SECRET, Caller, Helper  # noqa: E402

LIBRARY = BUILD / "tests" / "faults" / "faults.so"
TOKEN = "marker-access-token-91c7f2ab"
PATIENCE = 20
KINDS = ("memory", "read", "write", "connect", "accept", "open", "socket", "wait")


def pem_of(authority, folder):
    """A file with a key and a certificate for a token service on loopback."""
    path = Path(folder) / "service.pem"
    path.write_text("".join(part.read_text() for part in authority.issue("service")))
    return path


class Tested:
    """A helper, its token service, and destinations that nobody has asked for yet."""

    def __init__(self, folder, scheme="http"):
        """With https libcurl and OpenSSL fail as well, which are left no memory."""
        authority = Authority(Path(folder) / "pki") if scheme == "https" else None
        self.service = TokenService(authority and pem_of(authority, folder))
        self.service.reply = token_reply(TOKEN)
        self.control = control.Control(f"{folder}/control", LIBRARY)
        environment = self.control.environment() | life.SANITIZERS
        self.helper = Helper(folder, environment=environment)
        os.makedirs(os.path.dirname(self.helper.path), exist_ok=True)
        if authority:
            self.helper.write("maildest.conf", f"AdditionalCAs={authority.certificate}\n")
        self.helper.start()
        self._names = 0
        self.hits = 0  # the calls that failed within the last request

    def stop(self):
        self.control.clear()
        status = self.helper.stop()
        self.service.close()
        life.assert_good_end(status, self.log, [CLIENT_SECRET, TOKEN])

    @property
    def log(self):
        return self.helper.log.decode(errors="replace")

    @property
    def is_over(self):
        return self.helper.process.poll() is not None

    def cold(self):
        """A destination whose token is in no cache, in the place of the one before."""
        self._names += 1
        self.helper.destination(self.service.url(), clientId=f"client-{self._names}")

    def ask(self):
        """The answer to a token request; {} if the helper ends the connection instead."""
        try:
            caller = Caller(self.helper.path)
        except OSError:
            return {}
        caller.socket.settimeout(PATIENCE)
        try:
            names = {"service": "smtp", "destination": "mail"}
            caller.send_raw(
                Caller.message("OpenSession", names) + Caller.message("GetToken")
            )
            opened = caller.receive()
            return caller.receive() if "error" not in opened else opened
        except (EOFError, ConnectionError):
            return {}
        except json.JSONDecodeError as wrong:
            raise AssertionError("the helper's answer is no JSON") from wrong
        finally:
            caller.close()

    def calls(self):
        """How many of each kind a request makes that nobody disturbs, and that is not the first."""
        for _ in range(2):
            self.cold()
            self.control.clear()
            assert self.ask()["parameters"]["access_token"] == TOKEN
        return self.control.counts

    def disturb(self, kind, error, n):
        """What is wrong with a request whose nth call fails, and with the next one; or None."""
        self.cold()
        self.control.arm(kind, error, n)
        try:
            answer = self.ask()
        except TimeoutError:
            return "it is not answered"
        finally:
            self.hits = self.control.hits
            self.control.clear()
        if answer and "error" not in answer and answer["parameters"]["access_token"] != TOKEN:
            return "the token is not the one that was issued"
        self.cold()
        after = self.ask()
        if self.is_over:
            return f"the helper has ended with {self.helper.process.returncode}"
        if after.get("parameters", {}).get("access_token") != TOKEN:
            return f"the next request is answered {after}"
        return None


def of_helper(here, every, kinds=KINDS):
    """Requests to one helper with faults one after the other: a Tally."""
    return campaign.of_process("helper", here, every, kinds)


def tested(scheme="http"):
    """A helper in a folder of its own, whose end is judged."""
    return life.of(lambda folder: Tested(folder, scheme))
