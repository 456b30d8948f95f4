# SPDX-License-Identifier: Apache-2.0
"""A booted machine with sessions of every kind of login: its journal, its files and its processes
tell no password, token, grant or client secret."""

import os
import time
from pathlib import Path

from fakes.target import CLIENT_SECRET, PASSWORD, TOKEN, USER
from fakes.token_service import token_reply
from rig import logins
from rig.memory import Needle
from sessions import Session

REFRESH = "marker-brought-6d1e83b2-refreshes"
NEXT = "marker-rotated-4a7f09c2-instead"
SECRETS = {
    "password": PASSWORD,
    "token": TOKEN,
    "client secret": CLIENT_SECRET,
    "what the client brought": REFRESH,
    "what took its place": NEXT,
}
# Where programs write; the helper's tokens that outlive it are in memory that systemd holds.
FOLDERS = ("run", "dev/shm", "var/lib", "var/log", "var/tmp", "var/cache/private")
PROCESSES = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true"
SOCKETS = ("maildest-smtp.socket", "maildest-imap-forking.socket", "maildest-pop3.socket")


def files(machine, since):
    """What was written since a moment to the folders that programs write to: (path, content)."""
    root = Path(f"/proc/{machine.pid}/root")
    for folder in FOLDERS:
        for base, _, names in os.walk(root / folder):
            for path in (Path(base, name) for name in names):
                if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since:
                    yield str(path.relative_to(root)), path.read_bytes()


def places(machine, since):
    """All that anybody could read."""
    yield "the journal", machine.run("journalctl", "--no-pager", "-o", "export").encode()
    yield "arguments and environments", machine.run("sh", "-c", PROCESSES).encode()
    yield "the units", machine.systemctl("show", "*").encode()
    yield from files(machine, since)


def bring_refresh_token(machine):
    """A session whose client logs in with a refresh token, which is replaced."""
    session = Session(machine, "pop3")
    logins.greet(session.dialogue, "pop3")
    answer = logins.log_in(session.dialogue, "pop3", "before-asking", USER, REFRESH)
    assert logins.is_accepted(answer), f"the login is answered {answer!r}"
    return session


def test_nothing_secret_can_be_read_anywhere(machine, mail, tokens):
    since = time.time() - 1
    tokens.reply = token_reply(TOKEN, refresh_token=NEXT)
    mail["smtp"].mechanisms = ("PLAIN",)
    machine.destination("smtp", mail["smtp"])
    refresh = {"Authentication": "OAuth2RefreshToken"}
    machine.destination("pop3", mail["pop3"], oauth=tokens.url(), **refresh)
    machine.systemctl("start", *SOCKETS)
    sessions = [Session(machine, one).greet() for one in ("smtp", "imap")]
    sessions.append(bring_refresh_token(machine))
    for session in sessions:
        session.work()
    needles = {name: Needle(secret) for name, secret in SECRETS.items()}
    found, seen = [], []
    for place, content in places(machine, since):
        seen.append(place)
        found += [f"{name} in {place}" for name, one in needles.items() if one.find(content)]
    assert any(path.startswith("var/lib/maildest-helper/") for path in seen), seen
    assert not found, f"secrets can be read: {found}"
    for session in sessions:
        session.leave()
