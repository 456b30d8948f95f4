# SPDX-License-Identifier: Apache-2.0
"""Sessions in which one call of the handler fails: some of the calls here, all in tests/long."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults import campaign, control, handler, peers  # noqa: E402

PROTOCOLS = ("smtp", "imap4", "pop3")
LOGINS = tuple(peers.LOGINS)
# A session is ten milliseconds, and with a sanitizer some two hundred.
EVERY = 5000 if handler.SANITIZED else 400
SESSIONS = [
    (protocol, login)
    for at, protocol in enumerate(PROTOCOLS)
    for login in ((LOGINS[at + 1],) if handler.SANITIZED else LOGINS)
]


@pytest.mark.parametrize("protocol,login", SESSIONS)
def test_a_call_that_fails_is_told_and_recorded_once(protocol, login):
    with peers.peers(protocol, login) as here:
        tally = campaign.of_handler(here, EVERY)
    assert tally.hits > tally.runs / 2, f"only {tally.hits} of {tally.runs} sessions had a fault"
    assert not tally.complaints, f"{tally.summary()}\n{tally.complaints[0][2]}"


def test_a_session_without_memory_from_some_call_on_ends():
    """Nothing can be promised of its words then; but it ends, and with status 0 or 1."""
    with peers.peers("smtp", "basic") as here:
        tested = handler.Handler(here)
        calls = campaign.count_calls(tested)["memory"]
        try:
            if handler.SANITIZED and calls == 0:
                pytest.skip("this sanitizer's memory functions stand before those of the tests")
            for n in range(calls // 4, calls, calls // (5 if handler.SANITIZED else 20)):
                tested.control.arm("memory", 12, n, control.FOREVER)
                session = tested.session()
                wrong = handler.process_complaint(session)
                assert not wrong, f"without memory from call {n} on, {wrong}: {session}"
                assert not session.silent, f"without memory from call {n} on the client waits"
        finally:
            tested.close()
