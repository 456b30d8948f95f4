# SPDX-License-Identifier: Apache-2.0
"""What a machine holds for us: in its first process, in its units, in /run."""

import contextlib
import re
from dataclasses import dataclass

from rig import waiting

# Not Private_Clean: whose pages of libraries those are depends on what else runs.
PRIVATE = re.compile(r"^Private_Dirty: +(\d+) kB$", re.M)
# The journal grows with what is written to it, and is bounded by itself.
RUN = ("find", "/run", "-not", "-path", "/run/log/*")


def private_kib(machine, pid):
    """The memory that this process has made its own."""
    return sum(map(int, PRIVATE.findall(machine.run("cat", f"/proc/{pid}/smaps_rollup"))))


@dataclass(frozen=True)
class Footprint:
    """Taken at one moment; two of them are compared."""

    manager_kib: int  # private memory of the service manager
    units: frozenset  # that it has in memory
    groups: int  # control groups
    files: frozenset  # in /run, of whatever kind
    octets: int  # in these files

    @classmethod
    def of(cls, machine):
        rows = machine.run(*RUN, "-printf", "%y %s %p\n").splitlines()
        rows = [row.split(" ", 2) for row in rows]
        groups = machine.run("find", "/sys/fs/cgroup", "-type", "d").splitlines()
        return cls(
            private_kib(machine, 1),
            frozenset(machine.units("--all")),
            len(groups),
            frozenset(path for _, _, path in rows),
            sum(int(size) for kind, size, _ in rows if kind == "f"),
        )

    @classmethod
    def settled(cls, machine, before, *bounds):
        """What is left when those have followed who learn of an end later, as the journal does."""

        def is_not_beyond():
            with contextlib.suppress(AssertionError):
                cls.of(machine).assert_not_beyond(before, *bounds)
                return True

        with contextlib.suppress(TimeoutError):
            waiting.until(is_not_beyond, "it stays")
        return cls.of(machine)

    def assert_not_beyond(self, before, manager_kib, octets):
        """Nothing has come since then but so much memory, and changes in files that stay."""
        assert self.units <= before.units, f"units: {sorted(self.units - before.units)}"
        assert self.groups <= before.groups, "control groups stay"
        assert self.files <= before.files, f"in /run: {sorted(self.files - before.files)}"
        grown = self.octets - before.octets
        assert grown <= octets, f"files in /run have grown by {grown} bytes"
        grown = self.manager_kib - before.manager_kib
        assert grown <= manager_kib, f"the service manager has grown by {grown} KiB"
