# SPDX-License-Identifier: Apache-2.0
"""maildest-handler in forking mode, given the sockets that a test made as systemd gives them."""

import contextlib
import fcntl
import os
import re
import signal
import socket
import threading
import time

from . import process, waiting
from .dialogue import Dialogue
from .maildest import SANITIZERS, Records, parse_record

# Puts descriptors at 3 and above ("500-" moves one there, "-" leaves a gap), and the handler's own
# pid where a variable is to name it.
LAUNCH = r"""
fds=$1 limits=$2
shift 2
at=3
for fd in $fds; do
	eval "exec $at<&$fd"
	at=$((at + 1))
done
for name in LISTEN_PID SYSTEMD_EXEC_PID WATCHDOG_PID; do
	if [[ ${!name-} == self ]]; then export "$name=$$"; fi
done
[[ -z $limits ]] || ulimit $limits || exit 125
exec "$@"
"""
# Where they wait for the launcher: out of the way of where they go.
HIGH = 500
SAID = re.compile(r"^<(\d)>maildest-handler: (.*)$", re.M)


def sanitizer(options):
    """Further options for a sanitizer, as an environment for ForkingHandler."""
    return {"ASAN_OPTIONS": f"{SANITIZERS['ASAN_OPTIONS']}:{options}"}


def tcp(host="127.0.0.1"):
    """A listening socket at a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family, backlog=512)


def unix(path):
    """A listening socket at a path."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen(512)
    return listener


def visit(session):
    """A whole session of whichever protocol, to its polite end: its first line."""
    with session:
        line = session.line() or ""
        session.send("a LOGOUT" if line.startswith("*") else "QUIT")
        session.rest()
    return line


class Notifications:
    """A service manager's ear: what a program says to $NOTIFY_SOCKET, and when."""

    def __init__(self, path, deaf=False):
        self.address = str(path)
        self.heard = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self.address[1:] if self.address[0] == "@" else self.address)
        if not deaf:
            threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                words = self._socket.recv(65536).decode()
            except OSError:
                return
            if not words:
                return
            self.heard += [(time.monotonic(), word) for word in words.split("\n") if word]

    def fill(self):
        """Takes all the room there is for what a deaf one is told."""
        while True:
            # Each sender has room for so much only, the receiver for so many.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                try:
                    sender.sendto(b"X=1", socket.MSG_DONTWAIT, self._socket.getsockname())
                except BlockingIOError:
                    return

    def all(self, prefix):
        return [word for _, word in self.heard if word.startswith(prefix)]

    def times(self, prefix):
        return [when for when, word in self.heard if word.startswith(prefix)]

    def close(self):
        with contextlib.suppress(OSError):
            # An empty datagram wakes the thread; close() alone would leave it waiting.
            self._socket.sendto(b"", socket.MSG_DONTWAIT, self._socket.getsockname())
        self._socket.close()


def _address(one):
    return one.getsockname() if isinstance(one, socket.socket) else None


class ForkingHandler(Records):
    """One handler in forking mode and the sockets that it was given.

    `sockets` is a list of (name, socket), the name being what LISTEN_FDNAMES says, in the order of
    the descriptors; None in place of a socket leaves its descriptor closed. The test's own copies
    are closed, so that only the handler listens. `environment` lays over what systemd would set;
    None takes a variable away.
    """

    def __init__(
        self, maildest, sockets, destination=None, args=(), environment=None, limits="", user=None,
        ready=True, keep=False,
    ):  # fmt: skip
        self.maildest = maildest
        self.status = 0  # what it shall end with
        self.deaths = []  # results of sessions that may end badly: "killed", "crashed"
        self._addresses = {}
        for number, (name, one) in enumerate(sockets):
            self._addresses[number] = self._addresses[name] = _address(one)
        number = len(maildest.forking)
        self.notifications = Notifications(maildest.folder / f"notify-{number}")
        (maildest.folder / f"notify-{number}").chmod(0o666)
        self._log = maildest.logs / f"forking-{number}.log"
        variables = {
            "LISTEN_FDS": str(len(sockets)),
            "LISTEN_FDNAMES": ":".join(name for name, _ in sockets),
            "LISTEN_PID": "self",
            "NOTIFY_SOCKET": self.notifications.address,
        } | (environment or {})
        words = [*args, destination] if destination else [*args]
        self.process = self._start(sockets, words, variables, limits, user)
        maildest.forking.append(self)
        maildest.watcher.watch(self.pid)
        if not keep:
            for one in filter(None, (one for _, one in sockets)):
                one.close()
        if ready:
            self.process.wait_for(self.is_ready, "the forking handler never says READY=1")

    def _start(self, sockets, words, variables, limits, user):
        passed = [fcntl.fcntl(one, fcntl.F_DUPFD, HIGH) for _, one in sockets if one]
        left = iter(passed)
        moves = [f"{next(left)}-" if one else "-" for _, one in sockets]
        environment = self.maildest.environment() | variables
        options = {"user": user, "group": user, "extra_groups": []} if user else {}
        try:
            return process.Process(
                [
                    "bash", "-c", LAUNCH, "launch", " ".join(moves), limits,
                    *self.maildest.handler(user), *self.maildest.options(), *words,
                ],
                self._log,
                env={key: value for key, value in environment.items() if value is not None},
                pass_fds=passed,
                **options,
            )  # fmt: skip
        finally:
            for fd in passed:
                os.close(fd)

    # --- talking to it

    @property
    def pid(self):
        return self.process.pid

    def is_ready(self):
        return bool(self.notifications.all("READY=1"))

    def is_over(self):
        return self.process.child.poll() is not None

    def dial(self, name, **options):
        """A connection to the socket of this name, or of this place in the list."""
        address = self._addresses[name]
        if isinstance(address, str):
            return Dialogue(address, **options)
        return Dialogue(address[1], host=address[0], **options)

    def port(self, name):
        return self._addresses[name][1]

    def visit(self, name, **options):
        """visit() at the socket of this name."""
        return visit(self.dial(name, **options))

    def sessions(self):
        """The pids of the running sessions, and of those that nobody has waited for."""
        return process.children(self.pid)

    def session_of(self, before=()):
        """The pid of the one session that was not among those before."""
        fresh = waiting.until(lambda: set(self.sessions()) - set(before), "no session is forked")
        assert len(fresh) == 1, f"{len(fresh)} processes for one connection"
        return fresh.pop()

    def signal(self, number):
        self.process.child.send_signal(number)

    @contextlib.contextmanager
    def stopped(self):
        """The handler does not get to run: what happens meanwhile it finds afterwards."""
        self.signal(signal.SIGSTOP)
        yield
        self.signal(signal.SIGCONT)

    def wait(self, seconds=20):
        """Waits until it has ended by itself; its exit status."""
        waiting.until(self.is_over, f"the forking handler does not end:\n{self.log()}", seconds)
        return self.process.child.returncode

    def drain(self, name):
        """Waits until all who have come to the socket of this name were served, and have left."""
        self.visit(name)
        self.wait_until_idle()

    def wait_until_idle(self):
        """Waits until no session runs."""
        waiting.until(lambda: not self.sessions(), f"sessions stay: {self.sessions()}")

    # --- what was logged

    def log(self, _=None):
        return self._log.read_text(errors="replace")

    def said(self, priority):
        """The records of a priority as they stand in the log, oldest first."""
        return [text for digit, text in SAID.findall(self.log()) if int(digit) == priority]

    def ended_badly(self):
        """The results of sessions that did not end by themselves."""
        found = [parse_record(line) or {} for line in self.log().splitlines()]
        return [one["RESULT"] for one in found if one.get("RESULT") in ("killed", "crashed")]

    # --- the end

    def stop(self):
        """Ends it and what it forked; the sessions get the time to end by themselves."""
        with contextlib.suppress(TimeoutError):
            waiting.until(lambda: not self.sessions(), "sessions")
        self._ended_badly = self.ended_badly()
        self._left = self.sessions()
        if self._left:
            self.process.child.kill()
        for pid in self._left:
            process.end(pid)
        self._returned = self.process.stop()
        self.notifications.close()

    def assert_clean(self):
        log = self.log()
        assert not self._left, f"sessions {self._left} did not end:\n{log}"
        assert self._returned == self.status, f"it ended with {self._returned}:\n{log}"
        assert self._ended_badly == self.deaths, f"sessions ended badly: {log}"
