# SPDX-License-Identifier: Apache-2.0
"""tests/demo, the first thing that a newcomer runs: it works, and it cleans up behind itself."""

import ctypes
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rig import process, waiting

DEMO = Path(__file__).resolve().parents[1] / "demo"
PR_SET_CHILD_SUBREAPER = 36

pytestmark = pytest.mark.release


@pytest.fixture
def demo(folder, maildest):
    """Runs tests/demo; nothing that it started or wrote may be left."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    temporary = folder / "tmp"
    temporary.mkdir()
    # Dovecot's and Postfix's own users must pass through.
    folder.chmod(0o755)
    before = set(process.children(os.getpid()))

    def left_over():
        return [
            pid
            for pid in process.children(os.getpid())
            if pid not in before and process.is_running(pid)
        ]

    def run(*words):
        done = subprocess.run(
            [DEMO, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=170,
            env=os.environ | {"MAILDEST_BUILD": str(maildest.build), "TMPDIR": str(temporary)},
        )
        waiting.until(lambda: not left_over(), f"processes stay: {left_over()}\n{done.stdout}")
        assert not list(temporary.iterdir()), "the demo leaves files behind"
        return done

    return run


def test_with_its_own_servers(demo):
    done = demo()
    assert done.returncode == 0, f"the demo fails:\n{done.stdout}{done.stderr}"
    for line in (
        "    C: MAIL FROM:demo@example.com",
        "    S: 250 2.0.0",
        '    C: 2 LIST "" "*"',
        "    S: This mail needed no login and no TLS to be sent.",
        "MAILDEST_MECHANISM=XOAUTH2",
    ):
        assert line in done.stdout, f"the demo does not show {line!r}:\n{done.stdout}"


@pytest.fixture
def file(scene, folder):
    """Writes a destination's file as a user keeps it, its trust anchor beside it."""

    def write(protocol, **keys):
        shutil.copy(scene.world.authority.certificate, folder / "test-ca.pem")
        path = folder / f"{protocol}.json"
        text = {"Name": f"my-{protocol}", **scene.keys(protocol, **keys)}
        path.write_text(json.dumps(text))
        return path

    return write


def test_with_given_destinations(demo, file, scene):
    done = demo("--to", scene.user.address, file("smtp"), file("imap4s"), file("pop3"))
    assert done.returncode == 0, f"the demo fails:\n{done.stdout}{done.stderr}"
    assert f"C: RCPT TO:{scene.user.address}" in done.stdout
    assert "C: 2 LOGOUT" in done.stdout and "C: list" in done.stdout
    assert scene.client.secret not in done.stdout + done.stderr, "the demo shows a secret"


def test_sends_nothing_unasked(demo, file):
    done = demo(file("smtp"))
    assert done.returncode == 0, f"the demo fails:\n{done.stdout}{done.stderr}"
    assert "C: QUIT" in done.stdout and "MAIL FROM" not in done.stdout


def test_a_destination_that_does_not_work(demo, file):
    done = demo(file("smtp", **{"clientSecret": "not-the-secret-4711"}))
    assert done.returncode == 1, "the demo calls a failure a success"
    assert "S: 421 4." in done.stdout, f"the refusal is not shown:\n{done.stdout}"


def test_a_file_that_is_not_there(demo):
    done = demo("/no/such/destination.json")
    assert done.returncode == 2 and "is no file" in done.stderr, done.stderr
