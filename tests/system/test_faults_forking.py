# SPDX-License-Identifier: Apache-2.0
"""Forking mode when the parent gets no descriptor or process: it tells the client, and goes on."""

import errno
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.fixtures import certificates, maildest, serve  # noqa: E402, F401
from faults import control, handler  # noqa: E402
from rig import waiting  # noqa: E402
from rig.forking import ForkingHandler, tcp  # noqa: E402

# The call and its error, and whether the client has to be told; else nobody may notice.
FAULTS = {
    "no descriptor": ("accept", errno.EMFILE, True),
    "no file in the system": ("accept", errno.ENFILE, True),
    "no memory for it": ("accept", errno.ENOMEM, True),
    "gone before it was accepted": ("accept", errno.ECONNABORTED, False),
    "interrupted": ("accept", errno.EINTR, False),
    "no more processes": ("fork", errno.EAGAIN, True),
    "no memory for a process": ("fork", errno.ENOMEM, True),
}
GREETING = "220 "
REFUSAL = re.compile(r"421 4\.3\.2 [^\r\n]+")
VISITS = 3


@pytest.fixture
def forking(folder, maildest, serve):
    """A forking handler whose parent's calls can be made to fail: it, and how."""
    maildest.destination("alpha", serve("smtp", tls=None))
    faults = control.Control(folder / "faults", handler.LIBRARY, "maildest-handler")
    faults.clear(scope="parent")
    words = faults.environment()
    return ForkingHandler(maildest, [("alpha", tcp())], environment=words), faults


def ends(handling):
    return [one["RESULT"] for one in handling.records("alpha") if "RESULT" in one]


@pytest.mark.parametrize("words", FAULTS)
def test_a_call_of_the_parent_that_fails_costs_one_client_at_most(forking, words):
    handling, faults = forking
    kind, error, is_told = FAULTS[words]
    for n in range(1, VISITS):
        before = len(ends(handling))
        faults.arm(kind, error, n, scope="parent")
        lines = [handling.visit("alpha") for _ in range(VISITS)]
        what = f"{words}, at the {n}. {kind}: {lines}\n{handling.log()}"
        assert faults.hits == 1, f"nothing has failed: {what}"
        told = [line for line in lines if not line.startswith(GREETING)]
        assert all(REFUSAL.fullmatch(line) for line in told), f"these are no words: {what}"
        # The parent also looks whether there is another: to that nobody belongs.
        wanted = {is_told} if n == 1 or kind == "fork" else {False, is_told}
        assert len(told) in wanted, f"{len(told)} clients are sent away: {what}"
        waiting.until(lambda: len(ends(handling)) >= before + VISITS, f"records: {what}")
        new = sorted(ends(handling)[before:])
        wanted = ["ok"] * (VISITS - len(told)) + ["overload"] * len(told)
        assert new == wanted, f"{new}: {what}"


def test_calls_that_go_on_failing_are_no_end(forking):
    """For as long as nothing is to be had clients wait or are told, and then all is as before."""
    handling, faults = forking
    for kind, error in (("accept", errno.EMFILE), ("fork", errno.EAGAIN)):
        faults.arm(kind, error, 1, control.FOREVER, scope="parent")
        with handling.dial("alpha") as client:
            waiting.until(lambda: faults.hits >= 2 or client.is_readable(0), f"no {kind}")
            faults.clear(scope="parent")
            line = client.line()
        assert line.startswith(GREETING) or REFUSAL.fullmatch(line), f"{kind}: {line!r}"
        assert handling.visit("alpha").startswith(GREETING), f"{kind}: it does not go on"
