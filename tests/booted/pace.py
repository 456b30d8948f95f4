# SPDX-License-Identifier: Apache-2.0
"""Sessions that begin at fixed times, however long the ones before take."""

import concurrent.futures
import time

from sessions import Session

# How many may run at once: more than there are in a second, so that none waits for another.
WORKERS = 128


class Pace:
    """Whole sessions of one protocol, so many a second: run() fills `took` and `failures`."""

    def __init__(self, machine, protocol, rate):
        self.took = []  # seconds, from when a session had to begin to its end, in order of ends
        self.failures = []  # what was raised, as text
        self._machine = machine
        self._protocol = protocol
        self._rate = rate

    def _one(self, due):
        try:
            Session(self._machine, self._protocol).whole()
        except (AssertionError, OSError) as failure:
            self.failures.append(repr(failure))
        else:
            self.took.append(time.monotonic() - due)

    def run(self, seconds):
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
            for number in range(self._rate * seconds):
                due = begun + number / self._rate
                time.sleep(max(0, due - time.monotonic()))
                workers.submit(self._one, due)

    def percentile(self, percent):
        """In milliseconds."""
        ordered = sorted(self.took)
        return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] * 1000
