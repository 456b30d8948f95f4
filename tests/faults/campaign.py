# SPDX-License-Identifier: Apache-2.0
"""Faults one after the other: which, and what became of the sessions with them."""

import collections
import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

from . import control, handler

# Fewer calls may be made the next time, as bytes come in other pieces.
SPARE = 2
# How many calls of a kind fail at least, one after the other, however few are to be tried.
AT_LEAST = 3
SHOWN = 12


class Fault(NamedTuple):
    """The nth call of a kind fails."""

    kind: str
    words: str
    error: int
    harmless: bool
    n: int

    def __str__(self):
        return f"{self.kind} {self.n} ({self.words})"


@dataclass
class Tally:
    """What a campaign found."""

    runs: int = 0
    hits: int = 0
    calls: dict = field(default_factory=dict)  # of an undisturbed session, by kind
    complaints: list = field(default_factory=list)

    def note(self, where, hits, wrong, evidence):
        """One more run, in which so many calls have failed; `wrong` may be None."""
        self.runs += 1
        self.hits += hits
        if wrong:
            self.complaints.append((wrong, where, evidence))

    def add(self, other):
        self.runs += other.runs
        self.hits += other.hits
        self.complaints += other.complaints
        for kind, count in other.calls.items():
            self.calls[kind] = max(count, self.calls.get(kind, 0))

    def summary(self):
        """The complaints, the like ones together."""
        groups = collections.defaultdict(list)
        for what, where, _ in self.complaints:
            groups[what].append(where)
        return "\n".join(
            f"{what}: {', '.join(where[:SHOWN])}{f' and {len(where) - SHOWN} more' * (len(where) > SHOWN)}"
            for what, where in groups.items()
        )


def chosen(calls, every, name):
    """Which of the calls 1..calls fail: every so manieth, starting with one that the name gives."""
    first = zlib.crc32(name.encode()) % every + 1
    return range(first, calls + 1, every)


def plan(calls, every, name, kinds):
    """All faults for these numbers of calls."""
    for table, harmless in ((control.ERRORS, False), (control.HARMLESS, True)):
        for kind, errors in table.items():
            if kind not in kinds or not calls[kind]:
                continue
            step = max(1, min(every, calls[kind] // AT_LEAST))
            for words, error in errors.items():
                for n in chosen(calls[kind] + SPARE, step, f"{name} {kind} {words}"):
                    yield Fault(kind, words, error, harmless, n)


def of_process(name, here, every, kinds):
    """Faults one after the other in what one process is asked for, or does: a Tally.

    Of a process, calls() are those of an undisturbed run; disturb(kind, error, n) says what is
    wrong with one, and `hits` how many of its calls have failed.
    """
    tally = Tally(calls=here.calls())
    for fault in plan(tally.calls, every, name, kinds):
        wrong = here.disturb(fault.kind, fault.error, fault.n)
        tally.note(f"{name} {fault}", here.hits, wrong, here.log[-2000:])
        if here.is_over:
            break
    return tally


def count_calls(tested):
    """How often a session that nobody disturbs makes each kind of call, at most."""
    most = dict.fromkeys(control.KINDS, 0)
    for _ in range(3):
        tested.control.clear()
        session = tested.session()
        wrong = handler.complaint(session, tested.peers.protocol, "", True)
        assert not wrong, f"undisturbed, {wrong}: {session}"
        most = {kind: max(most[kind], count) for kind, count in tested.control.counts.items()}
    return most


def of_handler(peers, every, kinds=control.KINDS, part=0, parts=1):
    """The part of all sessions' faults (of so many parts) for these peers: a Tally."""
    tested = handler.Handler(peers)
    try:
        return _run(tested, every, kinds, part, parts)
    finally:
        tested.close()


def _run(tested, every, kinds, part, parts):
    protocol, login = tested.peers.protocol, tested.peers.login
    calls = count_calls(tested)
    tally = Tally(calls=calls)
    faults = list(plan(calls, every, f"{protocol} {login}", kinds))
    for fault in faults[part::parts]:
        tested.control.arm(fault.kind, fault.error, fault.n)
        session = tested.session()
        how = f"{fault.kind}: {fault.words}"
        wrong = handler.complaint(session, protocol, how, fault.harmless)
        tally.note(f"{protocol} {login} {fault}", session.hits, wrong, session)
    return tally
