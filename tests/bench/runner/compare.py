# SPDX-License-Identifier: Apache-2.0
"""Two builds beside each other: whether one of them is slower for each connection."""

from statistics import median

from . import figures
from .plan import PLAIN
from .table import columns, number


def one_by_one(system, load, way, count):
    """The middle session and what one costs: {"p50_ms", "cpu_ms"}."""
    done, cpu_ms = figures.metered(
        system, lambda: figures.latency(system, load, way, count), count
    )
    return {"p50_ms": done["p50_ms"], "cpu_ms": cpu_ms}


class Comparison:
    """`systems` are the two; `tell` gets a line of text for each round."""

    def __init__(self, systems, load, rounds, count, tell):
        self.systems = systems
        self.load = load
        self.count = count
        self.tell = tell
        self.values = {}  # (protocol, figure): for each system a list, a value a round
        for system in systems:
            for way in PLAIN:
                figures.latency(system, load, way, 3)
        for number_of_round in range(rounds):
            self._round(number_of_round)

    def _round(self, number_of_round):
        # Whoever comes second finds a warmer machine.
        order = (0, 1) if number_of_round % 2 == 0 else (1, 0)
        for way in PLAIN:
            texts = ["", ""]
            for at in order:
                found = one_by_one(self.systems[at], self.load, way, self.count)
                for figure, value in found.items():
                    self.values.setdefault((way.name, figure), ([], []))[at].append(value)
                texts[at] = f"{found['p50_ms']:6.2f} ms, {found['cpu_ms']:6.2f} ms processor time"
            self.tell(f"round {number_of_round + 1}  {way.name}  A {texts[0]}   B {texts[1]}")

    def medians(self):
        """{"imap p50_ms": {"a", "b", "ratio", "best_ratio"}, ...}: of the rounds' medians, and of
        their best, which others on the machine disturb least."""
        result = {}
        for (protocol, figure), (a, b) in self.values.items():
            result[f"{protocol} {figure}"] = {
                "a": median(a),
                "b": median(b),
                "ratio": median(b) / median(a),
                "best_ratio": min(b) / min(a),
            }
        return result

    def rounds(self):
        return [
            {"what": protocol, "figure": figure, "a": a, "b": b}
            for (protocol, figure), (a, b) in self.values.items()
        ]


def table(medians):
    rows = [["", "A", "B", "B / A", "best rounds"]]
    for what, found in medians.items():
        label = what.replace("_ms", ", ms").replace("cpu", "processor time")
        ratios = [f"{found[name]:.3f}" for name in ("ratio", "best_ratio")]
        rows.append([label, number(found["a"]), number(found["b"]), *ratios])
    return columns(rows)
