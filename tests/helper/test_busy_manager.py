# SPDX-License-Identifier: Apache-2.0
"""A service manager whose queue is full: the helper waits for it nowhere, and forgets nothing."""

import contextlib
import itertools
import os
import re
import time

import pytest

from token_service import token_reply

# Waiting for the manager would have no end, or that of the caller's patience.
SOON = 15


def numbered(service):
    """Makes the service give another token each time."""
    numbers = itertools.count()
    service.reply = lambda _: token_reply(f"token-{next(numbers)}-canary")


def fetch(helper, service, name):
    """A token of a destination that is new."""
    helper.destination(service.url(), name=name)
    start = time.monotonic()
    token = helper.get_token(name)["parameters"]["access_token"]
    assert time.monotonic() - start < SOON, "the helper waited for the service manager"
    return token


def wait_for_the_newest(manager, tokens):
    def is_there():
        try:
            return len(manager.store.items) == 1 and all(
                token.encode() in manager.store.contents() for token in tokens)
        except (OSError, IndexError):  # another one has just taken its place
            return False

    manager.wait_for(is_there, f"not just the newest state is kept: {manager.store.names()}")


def statuses(manager):
    return [message["STATUS"] for message in manager.said if "STATUS" in message]


def test_starts_and_answers_though_nobody_reads(make_managed, service):
    helper, manager = make_managed()
    numbered(service)
    manager.overload()
    manager.launch()
    assert helper.status()["sessions"] == 1
    tokens = [fetch(helper, service, f"d{i}") for i in range(5)]
    assert "error" not in helper.caller().call("org.varlink.service.GetInfo")
    assert helper.status()["token_requests"] == 5
    assert not manager.said and not manager.ready.is_set()
    manager.attentive.set()
    manager.wait_ready()
    wait_for_the_newest(manager, tokens)
    manager.wait_for(lambda: any(status.startswith("5 tokens, ") for status in statuses(manager)),
                     "the status is not told")
    assert sum("READY" in message for message in manager.said) == 1
    assert manager.store.pushes == 1, "states wait that are not the newest"
    assert "would not survive" not in manager.log.decode()


def states_mapped(manager):
    """Which states the helper holds: one, for a moment two."""
    with open(f"/proc/{manager.process.pid}/maps", encoding="ascii") as f:
        return set(re.findall(r" (\d+) +/memfd:maildest-tokens", f.read()))


def make_room_for_one_state(manager, before):
    """One message at a time; what the helper has to say besides may come first. So if it is slow
    there may be room for the next state, too, which takes the place of those before at once."""
    end = time.monotonic() + 20
    while before & states_mapped(manager):
        assert time.monotonic() < end, "the state is not handed over though there is room"
        manager.read_one()
        soon = time.monotonic() + 0.5
        while before & states_mapped(manager) and time.monotonic() < soon:
            time.sleep(0.01)


def test_older_states_are_taken_back_however_little_room_there_is(managed, service):
    helper, manager = managed
    numbered(service)
    tokens = [fetch(helper, service, "first")]
    wait_for_the_newest(manager, tokens)
    manager.overload()
    for i in range(6):  # more than the store has room for
        before = states_mapped(manager)
        tokens.append(fetch(helper, service, f"d{i}"))
        make_room_for_one_state(manager, before)
    manager.attentive.set()
    wait_for_the_newest(manager, tokens)
    assert manager.store.most == 2, "states are handed over before older ones are taken back"


def has_closed_its_listener(manager):
    folder = f"/proc/{manager.process.pid}/fd"
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # closed in this moment
            if os.path.samestat(os.stat(f"{folder}/{name}"), os.fstat(manager.listener.fileno())):
                return False
    return True


@pytest.mark.parametrize("reads", [True, False], ids=["reads at last", "never reads"])
def test_end_waits_for_the_manager_but_not_for_long(managed, service, reads):
    helper, manager = managed
    numbered(service)
    tokens = [fetch(helper, service, "first")]
    wait_for_the_newest(manager, tokens)
    manager.overload()
    tokens.append(fetch(helper, service, "second"))
    manager.held.clear()
    start = time.monotonic()
    manager.process.terminate()
    manager.wait_for(lambda: has_closed_its_listener(manager), "the helper does not stop")
    if reads:
        manager.attentive.set()
    manager.wait_for(lambda: manager.deaths, "the helper does not end")
    assert time.monotonic() - start < SOON, "the helper waits for ever at its end"
    assert manager.deaths == [0]
    assert ("service manager: its queue is full" in manager.log.decode()) != reads
    manager.attentive.set()
    manager.held.set()
    manager.wait_ready()
    again = [helper.get_token(name)["parameters"]["access_token"] for name in ("first", "second")]
    assert again[0] == tokens[0] and (again[1] == tokens[1]) == reads


def test_is_alive_as_often_as_it_must_say(make_managed, service):
    helper, manager = make_managed({"WATCHDOG_USEC": "400000"})
    times = []
    original = manager._handle

    def handle(pairs, descriptors):
        if ("WATCHDOG", "1") in pairs:
            times.append(time.monotonic())
        original(pairs, descriptors)

    def is_told_in_time():
        """Of late: the machine may stand still, but not each time."""
        late = times[-6:]
        return len(late) == 6 and max(b - a for a, b in itertools.pairwise(late)) < 0.4

    manager._handle = handle
    manager.start()
    manager.wait_for(is_told_in_time, "the watchdog is not told, or left alone")
    assert times[-1] - times[0] > 0.15 * (len(times) - 1), "the watchdog is told all the time"
    manager.overload()
    fetch(helper, service, "mail")
    said = len(times)
    manager.attentive.set()
    manager.wait_for(lambda: len(times) > said, "the watchdog is not told any more")
