# SPDX-License-Identifier: Apache-2.0
"""What the helper knows outlives it, in the service manager's hands: whatever ends it, and when."""

import hashlib
import itertools
import os
import re
import signal
import threading
import time

import pytest

from helper_process import is_sanitized
from state_file import (BROKEN, PREFIX, SEALS, entries_of, kernel_seals_against_execution,
                        memory_file, rebuilt, seals_of)
from token_service import error_reply, token_reply

IDENTITY = "io.maildest.Helper.IdentityRefused"
REFUSED = "io.maildest.Helper.TokenRefused"


def sha256(token):
    return hashlib.sha256(token.encode()).hexdigest()


def token_of(helper, *arguments, **parameters):
    return helper.get_token(*arguments, **parameters)["parameters"]["access_token"]


def numbered(service, **members):
    """Makes the service give another token each time."""
    numbers = itertools.count()
    service.reply = lambda _: token_reply(f"token-{next(numbers)}-canary", **members)


def kept(manager, *tokens):
    """The service manager's store, once there is one state in it, with these tokens."""
    def is_there():
        return len(manager.store.items) == 1 and all(
            token.encode() in manager.store.contents() for token in tokens)

    manager.wait_for(is_there, "the state is not handed over")
    return manager.store


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
def test_token_outlives_the_helper(managed, service, end):
    helper, manager = managed
    numbered(service)
    helper.destination(service.url())
    first = helper.get_token()["parameters"]
    manager.restart(end)
    again = helper.get_token()["parameters"]
    assert again["access_token"] == first["access_token"]
    assert first["expires_in"] - 10 <= again["expires_in"] <= first["expires_in"]
    assert len(service.requests) == 1
    assert manager.records("Took over 1 access token from")
    assert len(manager.store.items) == 1


def test_state_is_handed_over_before_the_answer(managed, service):
    helper, manager = managed
    helper.destination(service.url())
    helper.get_token()
    manager.kill()  # at once: what was sent before the answer is there
    manager.wait_ready()
    helper.get_token()
    assert len(service.requests) == 1


def test_token_serves_whom_it_was_fetched_for_and_nobody_else(managed, service):
    helper, manager = managed
    numbered(service)
    helper.destination(service.url())
    helper.destination(service.url(), name="other")
    ask = (lambda: token_of(helper), lambda: token_of(helper, "other"),
           lambda: helper.caller().open(tenant="t").call("GetToken")["parameters"]["access_token"])
    before = [one() for one in ask]
    kept(manager, *before)
    manager.restart()
    assert [one() for one in reversed(ask)] == before[::-1]
    assert len(service.requests) == 3
    helper.destination(service.url(), scope="edited")
    assert token_of(helper) not in before
    assert token_of(helper, "other") == before[1]


def test_rejected_token_stays_rejected(managed, service):
    helper, manager = managed
    numbered(service)
    helper.destination(service.url())
    first = token_of(helper)
    caller = helper.caller().open()
    second = caller.call("RejectToken", {"token_sha256": sha256(first)})
    second = second["parameters"]["access_token"]
    assert second != first
    kept(manager, second)
    manager.restart()
    assert token_of(helper) == second
    assert len(service.requests) == 2
    # A second one within the minute condemns the identity, though the helper is another one.
    caller = helper.caller().open()
    assert caller.call("RejectToken", {"token_sha256": sha256(second)})["error"] == IDENTITY
    manager.wait_for(lambda: second.encode() not in manager.store.contents(), "it is kept")
    manager.restart()
    assert helper.get_token()["error"] == IDENTITY
    assert len(service.requests) == 2


def test_token_that_is_the_only_one_is_not_handed_out_again(managed, service):
    helper, manager = managed
    helper.destination(service.url())
    token = token_of(helper)
    service.gate.clear()
    caller = helper.caller().open()
    caller.send("RejectToken", {"token_sha256": sha256(token)})
    assert service.arrived.acquire(timeout=20) and service.arrived.acquire(timeout=10)
    manager.restart()  # in the middle of the replacement
    service.gate.set()
    caller = helper.caller().open()
    reply = caller.call("RejectToken", {"token_sha256": sha256(token)})
    assert reply["error"] == IDENTITY
    assert helper.get_token()["error"] == IDENTITY


def test_refusal_is_remembered(managed, service):
    helper, manager = managed
    service.reply = error_reply(400, "invalid_client", "go away")
    helper.destination(service.url())
    before = helper.get_token()
    assert before["error"] == REFUSED
    manager.restart()
    assert helper.get_token() == before
    assert len(service.requests) == 1


def test_pause_is_kept(managed, service):
    helper, manager = managed
    service.reply = (503, {"Retry-After": "200"}, "")
    helper.destination(service.url())
    before = helper.get_token()["parameters"]
    manager.restart()
    after = helper.get_token()["parameters"]
    assert after["reason"] == before["reason"] and 150 < after["retry_after"] <= 200
    assert len(service.requests) == 1


def test_renewal_goes_on(managed, service):
    helper, manager = managed
    numbered(service, expires_in=4)
    helper.destination(service.url())
    assert token_of(helper).startswith("token-0")
    manager.restart()
    assert service.arrived.acquire(timeout=20)
    assert service.arrived.acquire(timeout=20), "nobody renews the token"
    assert helper.wait_for(lambda: not token_of(helper).startswith("token-0"))


def test_what_has_expired_is_taken_back(managed, service):
    helper, manager = managed
    service.reply = token_reply(expires_in=1)
    helper.destination(service.url())
    token_of(helper)
    manager.wait_for(lambda: manager.store.pushes, "the state is not handed over")
    manager.wait_for(lambda: not manager.store.items, "an expired token stays in the store")


def test_state_that_is_over_is_ignored_with_a_record(managed, service):
    helper, manager = managed
    numbered(service, expires_in=4)
    helper.destination(service.url())
    token_of(helper)
    end = time.monotonic() + 4
    manager.restart(while_dead=lambda: time.sleep(max(0, end - time.monotonic())))
    assert len(manager.records("is ignored: all that it held is over")) == 1
    manager.wait_for(lambda: not manager.store.items, "a state that is over stays")
    assert token_of(helper).startswith("token-1")


@pytest.mark.parametrize("what", BROKEN)
def test_bad_state_is_ignored_with_a_record(managed, service, what):
    helper, manager = managed
    numbered(service)
    helper.destination(service.url())
    token_of(helper)
    good = kept(manager).contents()
    make, reason = BROKEN[what]

    def put():
        manager.store.clear()
        manager.store.add(PREFIX + "7", make(good))

    manager.restart(while_dead=put)
    assert manager.records("'(.*)' is ignored: (.*)") == [(PREFIX + "7", reason)]
    manager.wait_for(lambda: not manager.store.items, "a bad state stays in the store")
    assert token_of(helper).startswith("token-1")
    assert manager.deaths == [-9]


@pytest.mark.parametrize("name", ["7", "1"], ids=["its own name", "the good one's name"])
@pytest.mark.parametrize("first", [True, False], ids=["before it", "after it"])
def test_bad_state_does_no_harm_to_a_good_one(managed, service, first, name):
    helper, manager = managed
    numbered(service)
    helper.destination(service.url())
    token = token_of(helper)
    kept(manager)
    assert manager.store.names() == [PREFIX + "1"]
    bad = (PREFIX + name, memory_file(b"garbage"))
    manager.restart(while_dead=lambda: manager.store.items.insert(0 if first else 1, bad))
    manager.wait_for(lambda: len(manager.store.items) == 1, "the bad state stays")
    manager.restart()
    assert token_of(helper) == token and len(service.requests) == 1
    assert len(manager.records("is ignored")) == 1


@pytest.mark.parametrize("order", [1, -1])
def test_newer_of_two_states_counts(managed, service, order):
    helper, manager = managed
    numbered(service)
    helper.destination(service.url())
    token = token_of(helper)
    old = kept(manager).contents()
    helper.caller().open().call("RejectToken", {"token_sha256": sha256(token)})
    kept(manager, "token-1")

    def put():
        manager.store.add(PREFIX + "1", memory_file(old))
        manager.store.items.sort(reverse=order < 0)

    manager.restart(while_dead=put)
    manager.wait_for(lambda: len(manager.store.items) == 1, "the older state stays")
    assert token_of(helper).startswith("token-1") and len(service.requests) == 2
    assert "is ignored" not in manager.log.decode()


def lose(manager, key):
    """As if each helper was killed just before it said this."""
    manager.keep = lambda pairs: key not in dict(pairs)


def test_killed_before_the_older_state_is_taken_back(managed, service):
    helper, manager = managed
    numbered(service)
    for i in range(3):
        helper.destination(service.url(), name=f"d{i}")
    token_of(helper, "d0")
    kept(manager)
    for i in (1, 2):
        lose(manager, "FDSTOREREMOVE")
        token_of(helper, f"d{i}")
        manager.wait_for(lambda: len(manager.store.items) == 2, "no second state")
        manager.restart(while_dead=lambda: setattr(manager, "keep", lambda _: True))
        manager.wait_for(lambda: len(manager.store.items) == 1, "two states stay")
    for i in range(3):
        assert token_of(helper, f"d{i}").startswith(f"token-{i}-")
    assert "is ignored" not in manager.log.decode()


def test_killed_before_the_state_is_handed_over(managed, service):
    helper, manager = managed
    numbered(service)
    helper.destination(service.url())
    helper.destination(service.url(), name="second")
    first = token_of(helper)
    kept(manager)
    lose(manager, "FDNAME")
    token_of(helper, "second")
    manager.restart(while_dead=lambda: setattr(manager, "keep", lambda _: True))
    assert token_of(helper) == first
    assert token_of(helper, "second").startswith("token-2")


def test_there_is_a_state_at_every_moment(managed, service):
    helper, manager = managed
    numbered(service)
    numbers, original = [], manager._handle

    def handle(pairs, descriptors):
        original(pairs, descriptors)
        numbers.append(len(manager.store.items))

    manager._handle = handle
    for i in range(30):
        helper.destination(service.url(), name=f"d{i}")
        token_of(helper, f"d{i}")
    manager.wait_for(lambda: entries_of(manager.store.contents()) == 30, "not all are kept")
    first = next(i for i, number in enumerate(numbers) if number)
    assert set(numbers[first:]) == {1, 2}


def test_a_thousand_tokens_cost_few_writes_and_all_survive(managed, service):
    helper, manager = managed
    filler = "x" * 2000
    service.reply = lambda r: token_reply(f"{dict(r.form)['client_id']}-{filler}")
    for i in range(1000):
        helper.destination(
            service.url(), name=f"d{i}", clientId=f"client-{i}", clientSecret="canary-4711")
    start = time.monotonic()
    callers = [helper.caller() for _ in range(1000)]
    for i, caller in enumerate(callers):
        caller.send("OpenSession", {"service": "smtp", "destination": f"d{i}"})
        caller.send("GetToken")
    for caller in callers:
        assert caller.receive() == {"parameters": {}}
        assert "access_token" in caller.receive()["parameters"]
        caller.close()
    took = time.monotonic() - start
    manager.wait_for(lambda: entries_of(manager.store.contents()) == 1000, "not all are kept")
    print(f"{manager.store.pushes} writes in {took:.1f} s; "
          f"{len(manager.store.contents())} bytes at last")
    assert manager.store.pushes <= took / 0.04 + 3
    asked = len(service.requests)
    start = time.monotonic()
    manager.restart()
    print(f"back after {time.monotonic() - start - 0.1:.3f} s")
    for i in range(1000):
        caller = helper.caller().open(f"d{i}")
        assert caller.call("GetToken")["parameters"]["access_token"] == f"client-{i}-{filler}"
        caller.close()
    assert len(service.requests) == asked


def test_other_descriptors_are_closed_with_a_record(managed, service):
    helper, manager = managed
    helper.destination(service.url())
    token_of(helper)
    kept(manager)
    reading, writing = os.pipe()
    manager.restart(while_dead=lambda: manager.store.add("something", reading))
    os.close(writing)
    assert manager.records("Closed descriptor (.*), given .* as '(.*)'") == [("5", "something")]
    manager.wait_for(lambda: len(manager.store.items) == 1, "it stays in the store")
    token_of(helper)
    assert len(service.requests) == 1


def test_service_manager_that_is_deaf_costs_one_record(make_helper, service, folder):
    helper = make_helper().start()
    os.unlink(f"{folder}/notify")
    for i in range(3):
        helper.destination(service.url(), name=f"d{i}")
        token_of(helper, f"d{i}")
    assert helper.final_log().count("would not survive a restart") == 1


def test_nothing_is_handed_over_without_a_service_manager(make_helper, service):
    """By hand there is no $NOTIFY_SOCKET, and no word about it."""
    helper = make_helper()
    helper.start_unmanaged()
    helper.destination(service.url())
    token_of(helper)
    with open(f"/proc/{helper.process.pid}/maps", encoding="ascii") as f:
        assert "memfd" not in f.read()
    assert helper.stop() == 0
    assert helper.log == b""


def mapping(helper_pid):
    """The entry of /proc/PID/smaps for the kept state, as numbers of KiB by name."""
    with open(f"/proc/{helper_pid}/smaps", encoding="ascii") as f:
        text = f.read()
    found = re.search(r"^\S+ (\S+) .*memfd:maildest-tokens.*\n((?:\w+: .*\n)+)", text, re.M)
    return found.group(1), dict(re.findall(r"^(\w+):\s+(\d+) kB$", found.group(2), re.M))


@pytest.mark.release
def test_state_is_locked_in_memory_sealed_and_told_to_nobody(managed, service):
    helper, manager = managed
    numbered(service)
    helper.destination(service.url())
    token = token_of(helper)
    kept(manager)
    for _ in range(2):
        rights, numbers = mapping(manager.process.pid)
        assert rights == "r--p"
        if os.geteuid() == 0 and not is_sanitized():
            assert numbers["Locked"] == numbers["Size"] != "0"
        descriptor = manager.store.items[-1][1]
        assert seals_of(descriptor) & SEALS == SEALS
        if kernel_seals_against_execution():
            assert os.fstat(descriptor).st_mode & 0o111 == 0
        assert token.encode() in manager.store.contents()
        manager.restart()


def test_rebuilt_state_is_taken(managed, service):
    """That the broken ones are refused for what is broken in them."""
    helper, manager = managed
    helper.destination(service.url())
    token_of(helper)
    good = kept(manager).contents()

    def put():
        manager.store.clear()
        manager.store.add(PREFIX + "7", memory_file(rebuilt(good)))

    manager.restart(while_dead=put)
    token_of(helper)
    assert len(service.requests) == 1


def patient_token(helper, failures):
    """Asks until there is an answer, as a handler does when the helper dies."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            return token_of(helper)
        except (EOFError, OSError):
            continue
        except KeyError as error:
            failures.append(error)
            return None
    failures.append("no answer")
    return None


def test_sixty_kills_under_load_cost_no_token(managed, service):
    helper, manager = managed
    numbered(service)
    helper.destination(service.url())
    token = token_of(helper)
    failures, wrong, stop = [], [], threading.Event()

    def ask():
        while not stop.is_set():
            got = patient_token(helper, failures)
            if got != token:
                wrong.append(got)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(60):
        manager.wait_ready()
        time.sleep(i % 7 / 300)  # wherever that finds it
        manager.kill()
    manager.wait_ready()
    stop.set()
    for thread in threads:
        thread.join(30)
    assert not failures and not wrong
    assert len(service.requests) == 1
    assert len(manager.deaths) == 60 and set(manager.deaths) == {-9}
