# SPDX-License-Identifier: Apache-2.0
"""One session of a handler in which a call fails, and whether it was as it must be."""

import contextlib
import os
import select
import signal
import socket
from dataclasses import dataclass

from . import peers as around  # noqa: I001  (sets the path for those below)
from . import client
from .control import Control
from rig.maildest import BUILD, SANITIZER_REPORT, parse_record
from rig.secrets import disguises

LIBRARY = BUILD / "tests" / "faults" / "faults.so"
PROGRAM = BUILD / "handler" / "maildest-handler"
SANITIZED = b"__asan_init" in PROGRAM.read_bytes()
PATIENCE = 30 if SANITIZED else 15
STDIN, STDOUT, STDERR = range(3)
DISGUISES = sorted({form for secret in around.SECRETS for form in disguises(secret)})
# How the last words of a session look, in which no word is missing.
GOODBYE = {"smtp": "421 4.", "imap4": "* BYE [UNAVAILABLE] ", "pop3": "-ERR [SYS/TEMP] "}


@dataclass
class Session:
    """What became of one."""

    status: int  # as waitpid(2) has it; None: it had to be killed
    log: str
    heard: str
    complete: bool  # the client's session went to its good end
    silent: bool  # the client waited in vain
    mails: list  # what the server was given
    hits: int
    fd: int  # of the call that failed

    @property
    def records(self):
        """The records of the session's end."""
        found = [parse_record(line) for line in self.log.splitlines()]
        return [one for one in found if one and "RESULT" in one]


class Handler:
    """Starts a handler for each session, on a connection of its own."""

    def __init__(self, peers):
        self.peers = peers
        self.control = Control(peers.maildest.folder / "control", LIBRARY)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._log = os.open(peers.maildest.folder / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._command = [str(PROGRAM), *peers.maildest.options(), peers.name]
        self._environment = peers.maildest.environment() | self.control.environment()

    def close(self):
        self._listener.close()
        os.close(self._log)

    def session(self):
        """One session, with whatever the control says."""
        self.peers.forget()
        os.ftruncate(self._log, 0)
        with socket.create_connection(self._listener.getsockname()) as ours:
            theirs, _ = self._listener.accept()
            with theirs:
                pid = self._spawn(theirs.fileno())
            visitor = client.Client(ours, self.peers.protocol)
            visitor.run(self.peers.login == "grant")
            status = self._wait(pid)
        log = os.pread(self._log, 1 << 20, 0).decode(errors="replace")
        return Session(
            status, log, visitor.heard.decode(errors="replace"), visitor.complete, visitor.silent,
            self.peers.server.mails, self.control.hits, self.control.fd,
        )  # fmt: skip

    def _spawn(self, connection):
        actions = [
            (os.POSIX_SPAWN_DUP2, connection, STDIN),
            (os.POSIX_SPAWN_DUP2, connection, STDOUT),
            (os.POSIX_SPAWN_DUP2, self._log, STDERR),
        ]
        return os.posix_spawn(
            self._command[0], self._command, self._environment, file_actions=actions
        )

    @staticmethod
    def _wait(pid):
        """The status of a process that ends in time; None if it has to be killed."""
        fd = os.pidfd_open(pid)
        with contextlib.closing(os.fdopen(fd)):
            in_time = select.select([fd], [], [], PATIENCE)[0]
        if not in_time:
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        return status if in_time else None


def _is_clients(session):
    return session.fd in (STDIN, STDOUT)


def process_complaint(session):
    """What is wrong with its end, whatever it was to tell; None if nothing is."""
    if session.status is None:
        return "it does not end"
    if os.WIFSIGNALED(session.status):
        return f"signal {os.WTERMSIG(session.status)} ends it"
    if SANITIZER_REPORT.search(session.log):
        return "a sanitizer complains"
    if os.WEXITSTATUS(session.status) != 0:
        return f"its status is {os.WEXITSTATUS(session.status)}"
    if leak := next((form for form in DISGUISES if form in session.log + session.heard), None):
        return f"a secret is told: {leak!r}"
    return None


def _reply_complaint(session, protocol, hit_client):
    if session.silent:
        return "the client waits in vain"
    if hit_client:
        return None
    if not session.heard:
        return "the client is told nothing"
    if not session.heard.endswith("\r\n"):
        return "the client is told half a line"
    began = session.heard.splitlines()
    if not session.complete and len(began) == 1 and not began[0].startswith(GOODBYE[protocol]):
        greeted = began[0].startswith(("220", "* OK", "+OK"))
        return None if greeted else "the client's only line is no refusal"
    return None


def _record_complaint(session, hit_client):
    records = session.records
    if len(records) != 1:
        return f"{len(records)} records"
    # A client that takes no answers has mostly left, which is no failure.
    if records[0]["RESULT"] == "ok" and not session.complete and not hit_client:
        return "the record knows of no failure"
    return None


def complaint(session, protocol, how, harmless):
    """What is wrong with a session in which a call failed so; None if nothing is."""
    kind = how.split(":")[0]
    hit_client = session.hits and kind in ("read", "write", "wait") and _is_clients(session)
    hit_log = session.hits and kind == "write" and session.fd == STDERR
    wrong = process_complaint(session)
    if not wrong:
        wrong = _reply_complaint(session, protocol, hit_client and not harmless)
    if not wrong and not (hit_log and not harmless):
        wrong = _record_complaint(session, hit_client)
    if not wrong and (harmless or not session.hits) and not session.complete:
        wrong = "the session ends before its end"
    if not wrong and session.complete and protocol == "smtp":
        arrived = [mail.lstrip() + b"\r\n" for mail in session.mails]
        wrong = None if arrived == [client.MAIL] else "the mail is not what was sent"
    return wrong
