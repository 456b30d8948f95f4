# SPDX-License-Identifier: Apache-2.0
"""How much is measured, and in which order: in rounds, so that noise hits all systems alike."""

from dataclasses import dataclass
from statistics import median

from . import figures
from .load import WAYS, Broken

PLAIN = [WAYS["imap"], WAYS["smtp"]]
# What ends one measurement and not the others.
TROUBLE = (Broken, TimeoutError, RuntimeError, OSError)


@dataclass(frozen=True)
class Plan:
    """Numbers of sessions: in each round, or once where it says so."""

    rounds: int
    one_by_one: int
    at_16: int
    large: int
    tokens: int
    idle: tuple  # once
    at_once: int  # once

    @classmethod
    def scaled(cls, rounds, scale):
        def some(full, least):
            return max(round(full * scale), least)

        return cls(
            rounds=rounds,
            one_by_one=some(200, 4),
            at_16=some(640, 16),
            large=some(3, 1),
            tokens=some(1000, 10),
            idle=(1, some(100, 2), some(1000, 4)),
            at_once=some(1000, 20),
        )


class Measurement:
    """All figures of some systems; `tell` gets a line of text for each step."""

    def __init__(self, plan, systems, load, upstream, tell):
        self.plan = plan
        self.systems = list(systems)
        self.load = load
        self.upstream = upstream
        self.tell = tell
        self.failures = []
        self._rounds = {}  # (system, what, figure): one value a round

    def run(self):
        """{system: {what: {figure: median of the rounds}}}"""
        self.systems = [one for one in self.systems if self._warm_up(one)]
        for number in range(self.plan.rounds):
            self.tell(f"round {number + 1} of {self.plan.rounds}")
            first = number % len(self.systems)
            self._round(self.systems[first:] + self.systems[:first])
        self._once()
        result = {}
        for (system, what, figure), values in self._rounds.items():
            result.setdefault(system, {}).setdefault(what, {})[figure] = median(values)
        return result

    def rounds(self):
        """The same with all that the medians are of."""
        return [
            {"system": system, "what": what, "figure": figure, "values": values}
            for (system, what, figure), values in self._rounds.items()
        ]

    def _try(self, system, measure, *words):
        """What measure() returns; None if it fails, which is noted."""
        try:
            return measure(system, self.load, *words)
        except TROUBLE as reason:
            self.failures.append(f"{system.name}: {reason}")
            return None

    def _note(self, system, what, measure, *words):
        for figure, value in (self._try(system, measure, *words) or {}).items():
            self._rounds.setdefault((system.name, what, figure), []).append(value)

    def _warm_up(self, system):
        """Whether it works at all."""
        done = [self._try(system, figures.latency, way, 3) for way in WAYS.values()]
        return all(done)

    def _round(self, systems):
        plan = self.plan
        for way in WAYS.values():
            for system in systems:
                self._note(system, way.name, figures.latency, way, plan.one_by_one)
        for measure, count in ((figures.rate, plan.at_16), (figures.throughput, plan.large)):
            for way in PLAIN:
                for system in systems:
                    self._note(system, way.name, measure, way, count)
        for system in systems:
            if system.account:
                for what, anew in (("token", False), ("token, new connection", True)):
                    self._note(system, what, figures.token, PLAIN[0], plan.tokens, anew)

    def _once(self):
        for system in self.systems:
            self.tell(f"many sessions: {system.title}")
            if system.account:
                for count in self.plan.idle:
                    self._note(system, f"{count} idle", figures.idle, PLAIN[0], count)
            words = (PLAIN[0], self.plan.at_once, self.upstream)
            self._note(system, "at once", figures.at_once, *words)
