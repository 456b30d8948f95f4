# SPDX-License-Identifier: Apache-2.0
"""maildest sessions and stop: whose sessions run, and their end."""

import os
import shutil
import subprocess

import pytest

from fakes.target import NOBODY
from rig import waiting
from rig.forking import ForkingHandler, tcp

NAME = f"service-{os.getpid()}"


@pytest.fixture
def session(command, maildest, serve):
    """A session that has logged in; its destination has a name of this process's own."""
    maildest.destination(NAME, serve("smtp"))
    maildest.start_helper()
    here = maildest.connect(NAME)
    here.smtp()
    yield here
    here.close()


def test_a_session_is_listed(command, session):
    session.smtp("EHLO x")
    (row,) = command.json("sessions", NAME)["sessions"]
    assert row["service"] == NAME
    assert row["uid"] == os.geteuid()
    assert row["pid"] == session.process.pid
    assert row["client"] == "127.0.0.1:%d" % session.socket.getsockname()[1]
    assert row["bytes_from_client"] == len("EHLO x\r\n")
    # what the client's kernel has not confirmed yet is not counted
    assert 0 < row["bytes_to_client"] <= len(session.got)
    assert 0 <= row["age"] < 60
    assert NAME in command("sessions", NAME)


def test_the_client_of_a_forked_session(command, maildest, serve):
    """Its descriptor is above that of the connection to the server."""
    maildest.destination(NAME, serve("smtp"))
    maildest.start_helper()
    handler = ForkingHandler(maildest, [("x", tcp())], destination=NAME)
    with handler.dial("x") as here:
        assert here.line().startswith("220 ")
        (row,) = command.json("sessions", NAME)["sessions"]
        assert row["client"] == "%s:%d" % here.address()
        assert row["bytes_from_client"] == 0, "these are the server's"
        here.send("QUIT")
        here.rest()


def test_no_session_of_that_name(command):
    assert command.json("sessions", "nothing", status=7)["sessions"] == []
    command("stop", "--sessions", "nothing", status=7)


def test_stop_ends_the_sessions_of_a_service(command, session):
    assert command.json("stop", "--sessions", NAME)["ended"] == 1
    assert session.rest() == "", "the session goes on"
    assert session.process.child.wait(20) == -15


def test_others_learn_no_user(command, session):
    """Who may not look into others' processes is still told that they are there."""
    done = command.run("sessions", NAME, "--json", user=NOBODY)
    assert done.returncode in (0, 7), done.stderr


@pytest.fixture
def sleeper(folder):
    """Starts something that is called like a handler; it only sleeps."""
    program = folder / "maildest-handler"
    shutil.copy("/usr/bin/sleep", program)
    folder.chmod(0o755)
    started = []

    def start(title, before=(), **options):
        words = ["/usr/bin/python3", "-c", EXECUTE, program, title]
        started.append(subprocess.Popen([*before, *words], **options))
        pid = started[-1].pid
        waiting.until(
            lambda: os.readlink(f"/proc/{pid}/exe") == str(program), "the sleeper does not start"
        )
        return pid

    yield start
    for process in started:
        process.kill()
        process.wait()


EXECUTE = "import os, sys; os.execv(sys.argv[1], [os.fsencode(sys.argv[2]), b'600'])"


def listed(command):
    return {row["pid"]: row for row in command.json("sessions")["sessions"]}


def test_a_title_that_is_no_text(command, sleeper):
    pid = sleeper(b"maildest: x\xff \xc2\x9b2J")
    row = listed(command)[pid]
    assert row["service"] == r"x\xff" and row["phase"].startswith(r"\xc2\x9b2J"), row


def test_others_processes_are_no_sessions(command, sleeper):
    pid = sleeper("maildest: x", user=NOBODY)
    assert pid not in listed(command), "anybody can make up a session"


def test_other_network_namespaces_have_no_sessions(command, sleeper):
    """What listens there would be taken for a session, as its sockets are not seen."""
    pid = sleeper("maildest: x", before=["unshare", "--map-root-user", "--net"])
    assert pid not in listed(command)
