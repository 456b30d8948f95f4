# SPDX-License-Identifier: Apache-2.0
"""The helper is killed between any two steps of a rotation, and what is on the disk by then."""

import os
import signal
import subprocess
import threading
import time

import pytest

from client_credentials import (CODE, REFRESH, REFUSED, ask, has_records, invalid_grant,
                                records, sent, token_of)
from helper_process import is_sanitized
from rotating_service import RotatingService


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    if is_sanitized():
        pytest.skip("a sanitizer wants to be the first library")
    path = tmp_path_factory.mktemp("shim") / "shim.so"
    source = os.path.join(os.path.dirname(__file__), "shim.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", path, source],
                   check=True)
    return str(path)


STEPS = ["remove", "create", "write", "synchronise file", "rename", "synchronise folder"]


def order_of(path):
    with open(path, encoding="ascii") as f:
        return f.read().splitlines()


@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_record_is_on_the_disk_before_its_token_is_handed_out(
        make_helper, service, folder, shim, authentication):
    grants = service.reply = RotatingService()
    order = f"{folder}/order"
    helper = make_helper(environment={"LD_PRELOAD": shim, "SHIM_ORDER": order}).start()
    helper.destination(service.url(), Authentication=authentication)
    os.mkdir(helper.state, 0o700)
    if authentication == REFRESH:
        token_of(helper, grants.refresh_token())
        assert order_of(order) == STEPS + ["answer"]
        return
    service.gate.clear()
    caller = helper.caller().open()
    caller.send("GetToken", {"credential": grants.code()})
    assert service.arrived.acquire(timeout=20)
    assert order_of(order) == STEPS, "the code was posted before it was noted"
    service.gate.set()
    caller.receive()
    assert order_of(order) == STEPS + STEPS + ["answer"]


@pytest.mark.parametrize("step", range(1, len(STEPS) + 3))
def test_killed_between_any_two_steps_of_a_rotation(make_helper, service, folder, shim, step):
    """The first rotation, and the second, when there is a record already."""
    grants = service.reply = RotatingService(expires_in=1)
    helper = make_helper().start()
    helper.destination(service.url(), Authentication=REFRESH)
    os.mkdir(helper.state, 0o700)
    own = grants.refresh_token()
    for _ in range(2):
        helper.stop()
        helper.environment = {"LD_PRELOAD": shim, "SHIM_KILL_AT": str(step)}
        helper.start()
        try:
            reply = ask(helper, own)
            assert step > len(STEPS) + 1 and "error" not in reply, reply
        except (EOFError, ConnectionError):
            assert step <= len(STEPS) + 1, "it was not killed where it should be"
            assert helper.process.wait(20) == -signal.SIGKILL
        helper.stop(signal.SIGKILL)
        helper.environment = {}
        helper.start()
        assert not [name for name in records(helper) if name.endswith(".new")]
        assert "error" not in ask(helper, own), "the client is stranded"
    assert not grants.revoked()


@pytest.mark.parametrize("step", range(1, 2 * len(STEPS) + 2))
def test_killed_between_any_two_steps_of_a_code(make_helper, service, folder, shim, step):
    """Not every kill leaves a code its token, but none has it posted twice."""
    grants = service.reply = RotatingService()
    helper = make_helper(environment={"LD_PRELOAD": shim, "SHIM_KILL_AT": str(step)}).start()
    helper.destination(service.url(), Authentication=CODE)
    os.mkdir(helper.state, 0o700)
    with pytest.raises((EOFError, ConnectionError)):
        ask(helper, grants.code())
    helper.stop(signal.SIGKILL)
    helper.environment = {}
    helper.start()
    reply = ask(helper, "canary-code")
    noted = step >= STEPS.index("rename") + 2
    redeemed = step >= len(STEPS) + STEPS.index("rename") + 2
    assert invalid_grant(reply) if noted and not redeemed else "error" not in reply, reply
    assert sent(service).count("canary-code") <= 1, "the code was posted twice"
    assert not grants.revoked()


@pytest.mark.parametrize("authentication, step", [
    *((REFRESH, step) for step in range(1, 2 * len(STEPS) + 3)),
    *((CODE, step) for step in range(1, 3 * len(STEPS) + 3))])
def test_killed_between_any_two_steps_of_two_destinations(
        make_helper, service, folder, shim, authentication, step):
    """They are asked at once for one credential, so one waits for the other."""
    grants = service.reply = RotatingService()
    helper = make_helper(environment={"LD_PRELOAD": shim, "SHIM_KILL_AT": str(step)}).start()
    for name in ("one", "two"):
        helper.destination(service.url(), name=name, Authentication=authentication)
    os.mkdir(helper.state, 0o700)
    own = grants.refresh_token() if authentication == REFRESH else grants.code()
    with pytest.raises((EOFError, ConnectionError)):
        callers = [helper.caller().open(name) for name in ("one", "two")]
        for caller in callers:
            caller.send("GetToken", {"credential": own})
        for caller in callers:
            assert "error" not in caller.receive()
    assert helper.process.wait(20) == -signal.SIGKILL
    helper.stop(signal.SIGKILL)
    helper.environment = {}
    helper.start()
    replies = [ask(helper, own, name) for name in ("one", "two")]
    is_lost = authentication == CODE and (
        STEPS.index("rename") + 2 <= step < len(STEPS) + STEPS.index("rename") + 2)
    for reply in replies:
        assert invalid_grant(reply) if is_lost else "error" not in reply, reply
    assert authentication == REFRESH or sent(service).count(own) <= 1, "it was posted twice"
    assert not grants.revoked() and has_records(helper, 1)


@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_killed_while_the_answer_is_on_its_way(make_helper, service, grants, authentication):
    helper = make_helper().start()
    helper.destination(service.url(), Authentication=authentication)
    own = grants.refresh_token() if authentication == REFRESH else grants.code()
    service.gate.clear()
    caller = helper.caller().open()
    caller.send("GetToken", {"credential": own})
    assert service.arrived.acquire(timeout=20)
    helper.stop(signal.SIGKILL)
    service.gate.set()
    helper.start()
    reply = ask(helper, own)
    if authentication == CODE:
        assert invalid_grant(reply) and len(service.requests) == 1
    else:
        assert "error" not in reply, "the service's grace was not made use of"


@pytest.mark.parametrize("caller_leaves", [False, True])
def test_end_waits_for_an_answer_that_comes_once(make_helper, service, grants, caller_leaves):
    helper = make_helper().start()
    helper.destination(service.url(), Authentication=REFRESH)
    service.gate.clear()
    caller = helper.caller().open()
    caller.send("GetToken", {"credential": grants.refresh_token()})
    assert service.arrived.acquire(timeout=20)
    if caller_leaves:
        caller.close()
    helper.process.send_signal(signal.SIGTERM)
    assert helper.notified("STOPPING=1")
    opener = threading.Timer(0.5, service.gate.set)
    opener.start()
    assert helper.stop() == 0
    opener.join()
    helper.start()
    assert "error" not in ask(helper, "canary-first")
    assert sent(service) == ["canary-first", "canary-refresh-1"]


def test_many_kills_strand_nobody(managed, service):
    """Wherever they find the helper; tokens live for a second, so that there is much to lose."""
    helper, manager = managed
    grants = service.reply = RotatingService(expires_in=1)
    helper.destination(service.url(), Authentication=REFRESH)
    names = [grants.refresh_token(f"canary-client-{i}") for i in range(4)]
    refused, stop = [], threading.Event()

    def use(name):
        while not stop.is_set():
            try:
                reply = ask(helper, name)
            except (EOFError, OSError):
                continue
            if reply.get("error") == REFUSED:
                refused.append(reply)

    threads = [threading.Thread(target=use, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for i in range(25):
        manager.wait_ready()
        time.sleep(i % 9 / 60)  # wherever that finds it
        manager.kill()
    manager.wait_ready()
    stop.set()
    for thread in threads:
        thread.join(30)
    assert not refused and not grants.revoked()
    assert len(service.requests) > 10
    for name in names:
        assert helper.wait_for(lambda name=name: "error" not in ask(helper, name))
