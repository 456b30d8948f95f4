# SPDX-License-Identifier: Apache-2.0
"""Records that nobody uses go in the end, whatever the clock does; those of living clients never."""

import os
import signal
import time

import pytest

from client_credentials import (REFRESH, again, ask, record, records, sent,
                                token_of)

DAY = 24 * 60 * 60


@pytest.fixture
def aged(make_helper, service, clock):
    clock.set(boot=0, wall=0)
    helper = make_helper(environment=clock.environment).start()
    helper.destination(service.url(), Authentication=REFRESH)
    helper.held = []  # connections that are to last
    return helper


def pass_days(helper, clock, first, last, wall=0):
    """
    Both clocks go on, a day at a time, as the helper sees when it is called. It sleeps between
    the calls, also when the one clock is moved and the other not yet: so no connection ends.
    """
    caller = helper.caller()
    for day in range(first, last + 1):
        caller.call("Status")
        clock.set(boot=day * DAY, wall=(wall + day) * DAY)
        caller.call("Status")
    helper.held.append(caller)


def age(path, days):
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def forget_tokens(helper):
    """Else it renews them, and so uses the records."""
    helper.stop()
    helper.start()


def test_unused_records_go_and_used_ones_stay(aged, clock, service, grants):
    names = {}
    for own, days in (("one", 80), ("two", 91), ("three", 500)):
        token_of(aged, grants.refresh_token(own))
        (name,) = set(records(aged)) - set(names)
        names[name] = own
        age(f"{aged.state}/{name}", days)
    forget_tokens(aged)
    pass_days(aged, clock, 1, 6)
    assert len(records(aged)) == 3, "the clock has not been watched for a week"
    pass_days(aged, clock, 7, 8)
    assert [names[name] for name in records(aged)] == ["one"]
    assert "error" not in ask(aged, "one")
    ask(aged, "two")
    assert sent(service)[-1] == "two"


def test_nothing_goes_at_the_start(aged, clock, grants):
    token_of(aged, grants.refresh_token())
    age(record(aged), 500)
    for _ in range(3):
        aged.stop()
        with open(f"{aged.state}/{'0' * 64}.new", "w", encoding="ascii"):
            pass
        aged.start()
    assert len(records(aged)) == 1, "a writer that was killed leaves something"
    assert "error" not in ask(aged, "canary-first")


@pytest.mark.parametrize("end", [None, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_clock_that_was_slow_at_first_costs_no_client_its_login(aged, clock, grants, end):
    """A host without a battery: the record is years old when the clock is right."""
    clock.set(wall=-2000 * DAY)
    aged.stop()
    aged.start()
    token = token_of(aged, grants.refresh_token())
    assert os.stat(record(aged)).st_mtime < time.time() - 1999 * DAY
    if end:
        clock.set(wall=0)
        aged.stop(end)
        aged.start()
    else:  # the record is of a helper that is still there
        pass_days(aged, clock, 1, 1)
    pass_days(aged, clock, 2, 6)
    if end == signal.SIGKILL:  # nobody has seen it: a week is left
        again(aged, "canary-first", token)
    pass_days(aged, clock, 7, 40)
    assert len(records(aged)) == 1, "the client is stranded"
    assert "error" not in ask(aged, "canary-first")
    assert not grants.revoked()


@pytest.mark.parametrize("years", [-30, 30])
def test_clock_that_is_set_wrong_for_days_costs_no_client_its_login(aged, clock, grants, years):
    token_of(aged, grants.refresh_token())
    forget_tokens(aged)
    pass_days(aged, clock, 1, 9)
    pass_days(aged, clock, 10, 30, wall=years * 365)
    pass_days(aged, clock, 31, 50)
    assert len(records(aged)) == 1, "the client is stranded"
    assert "error" not in ask(aged, "canary-first")
    assert not grants.revoked()
