# SPDX-License-Identifier: Apache-2.0
"""Helpers that die, again and again, and sessions that do not notice."""

import importlib.util
import random
import threading
import time
from pathlib import Path

import pytest

from rig.dialogue import Dialogue

KILLS = 60
WORKERS = 2  # of each protocol

_path = Path(__file__).resolve().parents[1] / "helper" / "service_manager.py"
_spec = importlib.util.spec_from_file_location("maildest_tests_service_manager", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


class ManagedHelper(_module.ServiceManager):
    """The helper as Maildest knows it, brought back by a service manager whenever it dies."""

    def __init__(self, maildest):
        super().__init__(
            [maildest.build / "helper" / "maildest-helper", f"--config-dir={maildest.config}"],
            maildest.socket, maildest.folder, maildest.environment())
        self.log_file = maildest.logs / "helper.log"
        self.child = self
        self.returncode = None

    @property
    def pid(self):
        return self.process.pid

    def stop(self, *_):
        self.returncode = super().stop()
        self.log_file.write_bytes(self.log)
        return self.returncode


@pytest.fixture
def helper(maildest):
    """A managed helper, in the place of the one that Maildest would start."""
    maildest.helper = ManagedHelper(maildest)
    maildest.helper.start()
    maildest.watcher.watch(maildest.helper.pid)
    return maildest.helper


def smtp_session(port):
    """What went wrong, or None."""
    with Dialogue(port) as session:
        greeting = session.line() or "nothing"
        if not greeting.startswith("220 "):
            return greeting
        for command, code in (("MAIL FROM:<a@example.com>", "250"), ("QUIT", "221")):
            reply = session.smtp(command)[-1]
            if not reply.startswith(code):
                return f"{command}: {reply}"
    return None


def imap_session(port):
    with Dialogue(port) as session:
        greeting = session.line() or "nothing"
        if not greeting.startswith("* OK"):
            return greeting
        for command in ("a SELECT INBOX", "b LOGOUT"):
            answer = session.imap(command)[-1]
            if not answer.startswith(f"{command[0]} OK"):
                return f"{command}: {answer}"
    return None


class Load:
    """Threads that have one session after the other until they are told to stop."""

    def __init__(self, *what):
        self.sessions = 0
        self.failures = []
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=one) for one in what for _ in range(WORKERS)
        ]

    def _run(self, session, port):
        while not self.over.is_set():
            try:
                failure = session(port)
            except (AssertionError, OSError) as error:
                failure = f"{session.__name__}: {error}"
            with self._lock:
                self.sessions += 1
                if failure:
                    self.failures.append(failure)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self._threads:
            thread.join(60)


def has_kept(helper, tokens):
    return len(helper.store.items) == 1 and all(
        token.encode() in helper.store.contents() for token in tokens)


@pytest.mark.slow
def test_sixty_kills_lose_no_session(scene, helper):
    """The token service refuses after the first two requests: only kept tokens can serve."""
    ports = {name: scene.serve(name) for name in ("smtp", "imap4")}
    assert smtp_session(ports["smtp"]) is None
    assert imap_session(ports["imap4"]) is None
    helper.wait_for(lambda: has_kept(helper, scene.client.issued), "the tokens are not kept")
    assert len(scene.client.issued) == scene.client.requests == 2
    scene.client.change(secret="no-longer-the-same-4711")
    moments = random.Random(60)
    with Load((smtp_session, ports["smtp"]), (imap_session, ports["imap4"])) as load:
        for _ in range(KILLS):
            helper.wait_ready()
            time.sleep(moments.uniform(0, 0.1))  # wherever that finds it
            before = load.sessions
            helper.kill()
            helper.wait_for(lambda n=before: load.sessions > n, "no session goes on")
        helper.wait_ready()
    print(f"{load.sessions} sessions, {len(load.failures)} failed")
    assert helper.deaths == [-9] * KILLS
    assert not load.failures, (
        f"{len(load.failures)} of {load.sessions} sessions failed: {load.failures[:3]}")
    assert scene.client.requests == 2, "a kept token is not used"
    assert load.sessions > KILLS
