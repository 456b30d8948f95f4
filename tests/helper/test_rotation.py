# SPDX-License-Identifier: Apache-2.0
"""Refresh tokens that a service replaces: the client goes on with its own, whatever happens here."""

import os
import re
import signal
import subprocess
import time

import pytest

from client_credentials import (CODE, REFRESH, UNAVAILABLE, again, ask, expired, has_records,
                                invalid_grant, logged, record, records, sent, token_of)
from rotating_service import RotatingService

DAY = 24 * 60 * 60


@pytest.mark.parametrize("end", [None, signal.SIGKILL, signal.SIGTERM], ids=str)
@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_client_goes_on_with_what_it_has(make_helper, service, grants, authentication, end):
    helper = make_helper().start()
    helper.destination(service.url(), Authentication=authentication)
    own = grants.refresh_token() if authentication == REFRESH else grants.code()
    token = token_of(helper, own)
    for _ in range(3):
        if end:
            helper.stop(end)
            helper.start()
        token = again(helper, own, token)
    presented = sent(service)
    assert presented[0] == own and own not in presented[1:]
    assert len(set(presented)) == len(presented), "a token was presented twice"
    assert not grants.revoked()
    assert has_records(helper, 1)


def test_record_tells_nothing_and_is_ours_alone(helper, service, grants):
    helper.destination(service.url(), Authentication=REFRESH)
    token_of(helper, grants.refresh_token())
    path = record(helper)
    with open(path, "rb") as f:
        content = f.read()
    assert b"canary" not in content and b"mail" not in content and b"127.0.0.1" not in content
    assert re.fullmatch("[0-9a-f]{64}", os.path.basename(path))
    assert os.stat(path).st_mode & 0o7777 == 0o600
    assert os.stat(helper.state).st_mode & 0o7777 == 0o700


def test_token_that_is_not_replaced_needs_no_record(helper, service):
    grants = service.reply = RotatingService(rotates=False, expires_in=1)
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token())
    again(helper, "canary-first", token)
    assert sent(service) == ["canary-first"] * 2
    assert not records(helper)


def test_each_client_has_a_record_of_its_own(helper, service, grants):
    helper.destination(service.url(), Authentication=REFRESH)
    tokens = [token_of(helper, grants.refresh_token(name)) for name in ("one", "two")]
    assert has_records(helper, 2)
    for name, token in zip(("one", "two"), tokens):
        again(helper, name, token)
    assert has_records(helper, 2) and not grants.revoked()


def test_newer_token_of_the_clients_own_is_another_one(helper, service, grants):
    helper.destination(service.url(), Authentication=REFRESH)
    token_of(helper, grants.refresh_token("canary-old"))
    token_of(helper, grants.refresh_token("canary-new"))
    assert sent(service) == ["canary-old", "canary-new"]
    assert has_records(helper, 2)


def test_refused_successor_is_not_passed_over(make_helper, service, grants):
    helper = make_helper().start()
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token())
    for login in grants.logins.values():
        login.revoked = True
    assert invalid_grant(expired(helper, "canary-first", token))
    helper.stop()
    helper.start()  # nothing is remembered but the record
    assert invalid_grant(ask(helper, "canary-first"))
    assert sent(service) == ["canary-first", "canary-refresh-1", "canary-refresh-1"]


def test_unusable_answer_with_a_new_token_keeps_that(helper, service, grants):
    helper.destination(service.url(), Authentication=REFRESH)
    grants.members = {"token_type": "MAC", "expires_in": 1}
    reply = ask(helper, grants.refresh_token())
    assert reply["error"].endswith("TokenServiceUnavailable")
    grants.members = {}
    assert helper.wait_for(lambda: "error" not in ask(helper, "canary-first"))
    assert sent(service) == ["canary-first", "canary-refresh-1"] and not grants.revoked()


def cut_short(path):
    os.truncate(path, 40)


def change_a_bit(path):
    with open(path, "r+b") as f:
        f.seek(-1, os.SEEK_END)
        last = f.read(1)[0]
        f.seek(-1, os.SEEK_END)
        f.write(bytes([last ^ 1]))


def empty(path):
    os.truncate(path, 0)


def make_a_folder(path):
    os.unlink(path)
    os.mkdir(path)


def make_a_link(path):
    os.rename(path, path + ".old")
    os.symlink(path + ".old", path)


def make_huge(path):
    os.truncate(path, 10 << 20)


@pytest.mark.parametrize(
    "damage", [cut_short, change_a_bit, empty, make_a_folder, make_a_link, make_huge])
def test_damaged_record_is_refused_told_and_left(helper, service, grants, damage):
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token())
    path = record(helper)
    damage(path)
    reply = expired(helper, "canary-first", token)
    assert invalid_grant(reply)
    assert logged(helper, path) and logged(helper, "cannot be opened")
    assert os.path.lexists(path)
    assert len(service.requests) == 1 and not grants.revoked()


@pytest.mark.parametrize("change", [
    {"clientId": "another"}, {"url": "/elsewhere"}], ids=lambda c: next(iter(c)))
def test_edited_destination_sends_no_token_of_the_one_before(helper, service, grants, change):
    """To another client or service goes what is presented; what comes from there stays there."""
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token())
    service.reply = RotatingService()
    if "url" in change:
        change = {"url": service.url("/elsewhere")}
    helper.destination(**{"url": service.url(), "Authentication": REFRESH, **change})
    token_of(helper, service.reply.refresh_token())
    assert sent(service) == ["canary-first"] * 2
    assert has_records(helper, 2)
    service.reply = grants
    helper.destination(service.url(), Authentication=REFRESH)
    again(helper, "canary-first", token)
    assert sent(service)[2] == "canary-refresh-1" and not grants.revoked()


def test_other_edits_do_not_matter(helper, service, grants):
    helper.destination(service.url(), Authentication=REFRESH)
    token_of(helper, grants.refresh_token())
    helper.destination(service.url(), Authentication=REFRESH, scope="more",
                       **{"mail.smtp.host": "other.example.com",
                          "tokenServiceURL.queries.a": "b"})
    helper.write("secrets/mail.json", {"clientSecret": "canary-rotated-too"})
    assert "error" not in ask(helper, "canary-first")
    assert sent(service) == ["canary-first", "canary-refresh-1"]


def test_destination_edited_meanwhile_does_not_present_a_token_twice(helper, service, grants):
    helper.destination(service.url(), Authentication=REFRESH)
    service.gate.clear()
    caller = helper.caller().open()
    caller.send("GetToken", {"credential": grants.refresh_token()})
    assert service.arrived.acquire(timeout=20)
    helper.destination(service.url(), Authentication=REFRESH, scope="more")
    second = helper.caller().open()
    second.send("GetToken", {"credential": "canary-first"})
    assert helper.wait_for(
        lambda: sum(t["waiters"] for t in helper.status()["tokens"]) == 2)
    service.gate.set()
    for one in (caller, second):
        assert "error" not in one.receive()
    assert sent(service) == ["canary-first", "canary-refresh-1"] and not grants.revoked()


# --- a folder that cannot be written to

def blocked(helper):
    """In the place of a folder above it there is a file: so not even root can make it."""
    helper.state = f"{helper.folder}/file/state"
    with open(f"{helper.folder}/file", "w", encoding="ascii"):
        pass


def test_folder_that_cannot_be_written_to_strands_nobody(make_helper, service, grants):
    helper = make_helper()
    blocked(helper)
    helper.start()
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token())
    for _ in range(3):
        token = again(helper, "canary-first", token)
    os.unlink(f"{helper.folder}/file")
    assert has_records(helper, 1), "the write is not tried again"
    assert logged(helper, "are noted in")
    helper.stop(signal.SIGKILL)
    assert helper.log.decode().count("cannot be noted in") == 1
    helper.start()
    assert "error" not in ask(helper, "canary-first")
    assert not grants.revoked()


def test_unwritten_record_outlives_the_helper(make_managed, service, grants):
    helper, manager = make_managed()
    blocked(helper)
    manager.environment["STATE_DIRECTORY"] = helper.state
    manager.start()
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token())
    for end in (signal.SIGKILL, signal.SIGTERM):
        manager.restart(end)
        token = again(helper, "canary-first", token)
    assert b"canary-refresh" not in manager.store.contents()
    manager.restart(while_dead=lambda: os.unlink(f"{helper.folder}/file"))
    assert has_records(helper, 1), "it is not written at the start"
    again(helper, "canary-first", token)
    assert not grants.revoked()


def test_code_is_not_held_up_by_such_a_folder(make_helper, service, grants):
    helper = make_helper()
    blocked(helper)
    helper.start()
    helper.destination(service.url(), Authentication=CODE)
    token = token_of(helper, grants.code())
    again(helper, "canary-code", token)
    assert sent(service).count("canary-code") == 1


def test_code_is_posted_once_though_it_cannot_be_noted(make_managed, service, grants):
    """What says that it has been posted is in the service manager's hands before it is."""
    helper, manager = make_managed()
    blocked(helper)
    manager.environment["STATE_DIRECTORY"] = helper.state
    manager.start()
    helper.destination(service.url(), Authentication=CODE)
    service.gate.clear()
    caller = helper.caller().open()
    caller.send("GetToken", {"credential": grants.code()})
    assert service.arrived.acquire(timeout=20)
    manager.restart(signal.SIGKILL)
    service.gate.set()
    assert invalid_grant(ask(helper, "canary-code"))
    assert sent(service) == ["canary-code"] and not grants.revoked()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_folder_of_somebody_else_is_not_trusted(helper, service, grants):
    """What has replaced the token may lie there: so it is not presented, and that is told."""
    helper.destination(service.url(), Authentication=REFRESH)
    os.mkdir(helper.state)
    os.chown(helper.state, 4711, 4711)
    reply = ask(helper, grants.refresh_token())
    assert reply["error"] == UNAVAILABLE
    assert helper.state in reply["parameters"]["reason"]
    assert "somebody else's" in reply["parameters"]["reason"]
    assert not service.requests


# --- what goes

def age(path, days):
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def test_use_without_a_new_token_is_noted(helper, service, grants):
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token())
    grants.rotates = False
    age(record(helper), 30)
    again(helper, "canary-first", token)
    assert os.stat(record(helper)).st_mtime > time.time() - DAY
    assert sent(service) == ["canary-first", "canary-refresh-1"]


def test_a_thousand_records_are_kept(make_helper, service, grants):
    helper = make_helper().start()
    helper.destination(service.url(), Authentication=REFRESH)
    again(helper, "canary-oldest", token_of(helper, grants.refresh_token("canary-oldest")))
    helper.stop()
    oldest = record(helper)
    age(oldest, 50)
    holder = os.path.basename(oldest)[:16]
    for i in range(999):
        path = f"{helper.state}/{holder}{i:048x}"
        with open(path, "wb") as f:
            f.write(b"x" * 100)
        age(path, 40)
    helper.start()
    token_of(helper, grants.refresh_token("canary-newest"))
    assert has_records(helper, 1000)
    assert logged(helper, "is full: 1 refresh token")
    helper.stop()
    helper.start()
    assert "error" not in ask(helper, "canary-newest")
    assert invalid_grant(ask(helper, "canary-oldest"))


def test_unknown_codes_drive_out_no_record(helper, service, grants):
    """Not even while they are on their way, the folder being full."""
    helper.destination(service.url(), Authentication=CODE,
                       **{"tokenServiceURL.SocketReadTimeoutInSeconds": "60"})
    os.mkdir(helper.state, 0o700)
    names = {f"{i:064x}" for i in range(1000)}
    for name in names:
        with open(f"{helper.state}/{name}", "wb") as f:
            f.write(b"x" * 100)
    service.gate.clear()
    callers = [helper.caller().open() for _ in range(8)]
    for i, caller in enumerate(callers):
        caller.send("GetToken", {"credential": f"canary-guess-{i}"})
        assert service.arrived.acquire(timeout=20)
    assert len(set(records(helper)) - names) == len(callers), "a code is not noted"
    assert names <= set(records(helper)), "a client is stranded"
    service.gate.set()
    for caller in callers:
        assert invalid_grant(caller.receive())
    assert set(records(helper)) == names


def test_state_folder_of_the_option_counts(make_helper, service, grants, folder):
    helper = make_helper()
    helper.start([f"--state-dir={folder}/elsewhere"])
    helper.destination(service.url(), Authentication=REFRESH)
    token_of(helper, grants.refresh_token())
    assert len(os.listdir(f"{folder}/elsewhere")) == 1 and not records(helper)


def test_relative_state_folder_is_refused(make_helper):
    helper = make_helper()
    result = subprocess.run(
        [helper.program(), "--state-dir=here", f"--helper-socket={helper.path}"],
        capture_output=True, env={"MAILDEST_LOG_TARGET": "stderr"}, timeout=30, check=False)
    assert result.returncode == 1 and b"Cannot start" in result.stderr
