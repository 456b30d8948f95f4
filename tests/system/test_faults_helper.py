# SPDX-License-Identifier: Apache-2.0
"""Token requests in which a call of the helper fails: some of the calls here, all in tests/long."""

import errno
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults import handler, helper, restart  # noqa: E402

# A request is some ten milliseconds, a start a hundred, and with a sanitizer all is ten times that.
SLOWER = 10 if handler.SANITIZED else 1
KINDS = {"http": helper.KINDS, "https": ("memory",)}
EVERY = {"http": 3 * SLOWER, "https": 400 * SLOWER}
OWN_MEMORY = "this sanitizer's memory functions stand before those of the tests"
STARTS = 3 if handler.SANITIZED else 20


@pytest.mark.parametrize("scheme", KINDS)
def test_a_call_that_fails_costs_one_request_and_not_the_helper(scheme):
    with helper.tested(scheme) as here:
        tally = helper.of_helper(here, EVERY[scheme], KINDS[scheme])
    if handler.SANITIZED and tally.runs == 0:
        pytest.skip(OWN_MEMORY)
    assert tally.hits > tally.runs / 2, f"only {tally.hits} of {tally.runs} requests had a fault"
    assert not tally.complaints, f"{tally.summary()}\n{tally.complaints[0][2]}"


def test_an_event_loop_that_fails_some_times_is_no_end():
    with helper.tested() as here:
        here.cold()
        here.control.arm("wait", errno.EINVAL, 1, 5)
        assert here.ask()["parameters"]["access_token"] == helper.TOKEN
        assert here.control.hits == 5, f"the loop has failed {here.control.hits} times"


def test_memory_that_fails_at_its_start_costs_no_token():
    """After the libraries' own start: while the helper takes over what another one knew."""
    with restart.restarted() as here:
        calls = here.calls()["memory"]
        if handler.SANITIZED and calls == 0:
            pytest.skip(OWN_MEMORY)
        starts = range(calls * 7 // 8, calls, calls // 8 // STARTS)
        for n in starts:
            wrong = here.disturb("memory", errno.ENOMEM, n)
            assert not wrong, f"{n} of {calls}, {wrong}:\n{here.log[-2000:]}"
        assert here.asked_anew <= 2, f"{here.asked_anew} of {len(starts)} starts lost the token"
