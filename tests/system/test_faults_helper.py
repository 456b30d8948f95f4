# SPDX-License-Identifier: Apache-2.0
"""Token requests in which a call of the helper fails: some of the calls here, all in tests/long."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults import helper  # noqa: E402

KINDS = [kind for kind in helper.KINDS if kind != "write"]  # whose failures take long, see there


def test_a_call_that_fails_costs_one_request_and_not_the_helper():
    with helper.tested() as here:
        tally = helper.of_helper(here, 1, KINDS)
    assert tally.hits > tally.runs / 2, f"only {tally.hits} of {tally.runs} requests had a fault"
    assert not tally.complaints, f"{tally.summary()}\n{tally.complaints[0][2]}"
