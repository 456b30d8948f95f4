# SPDX-License-Identifier: Apache-2.0
"""What a group of processes uses: processor time and memory."""

import contextlib
import os
import re
from pathlib import Path

from rig import process

TICKS = os.sysconf("SC_CLK_TCK")
MEMORY = re.compile(r"^(Private_Clean|Private_Dirty|Pss): +(\d+) kB$", re.M)


def _mounts():
    """Where processor time is accounted: (mount point, line prefix in /proc/self/cgroup)."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, options, *_ = line.split()
        if kind == "cgroup" and "cpuacct" in options.split(","):
            yield Path(point), re.compile(r"^\d+:(?:[^:]+,)?cpuacct(?:,[^:]+)?:(.*)$", re.M)
        elif kind == "cgroup2":
            yield Path(point), re.compile(r"^0::(.*)$", re.M)


def _own_groups():
    """The cgroups that this process is in and that account processor time, v1 first."""
    own = Path("/proc/self/cgroup").read_text()
    for point, pattern in sorted(_mounts(), key=lambda one: one[1].pattern.startswith("^0")):
        match = pattern.search(own)
        if match:
            yield point / match[1].lstrip("/")


class CgroupAccount:
    """The kernel's own account of a cgroup, which whatever is started in it never leaves."""

    def __init__(self, parent, name):
        self._parent = parent
        self._group = parent / f"maildest-bench-{os.getpid()}-{name}"
        self._group.mkdir()
        self.describe = f"cgroup v{1 if self._file('cpuacct.usage').exists() else 2}"
        try:
            with self:  # whether we may
                self.usage_ms()
        except (OSError, StopIteration):
            self.close()
            raise OSError(f"{self._group} cannot be used") from None

    def _file(self, name):
        return self._group / name

    def __enter__(self):
        """Whatever is started from here on belongs to the group."""
        self._file("cgroup.procs").write_text("0")
        return self

    def __exit__(self, *_):
        (self._parent / "cgroup.procs").write_text("0")

    def pids(self):
        return [int(pid) for pid in self._file("cgroup.procs").read_text().split()]

    def usage_ms(self):
        """The processor time used since the beginning, by those that have ended too."""
        if self._file("cpuacct.usage").exists():
            return int(self._file("cpuacct.usage").read_text()) / 1e6
        lines = self._file("cpu.stat").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("usage_usec")) / 1e3

    def close(self):
        with contextlib.suppress(OSError):
            self._group.rmdir()


class TreeAccount:
    """The same from /proc, where no cgroup can be made: in ticks, and without children that
    nobody waited for."""

    describe = "/proc"

    def __init__(self):
        self._roots = set()
        self._before = set()

    def __enter__(self):
        self._before = set(process.children(os.getpid()))
        return self

    def __exit__(self, *_):
        self._roots |= set(process.children(os.getpid())) - self._before

    def pids(self):
        """Those that run now."""
        found, new = [], [pid for pid in self._roots if process.is_running(pid)]
        while new:
            found += new
            new = [child for pid in new for child in process.children(pid)]
        return found

    def usage_ms(self):
        ticks = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, stat[11:15]))  # own and of children waited for
        return ticks * 1000 / TICKS

    def close(self):
        pass


def open_account(name):
    """A cgroup of its own if one can be made, else the next best."""
    for parent in _own_groups():
        with contextlib.suppress(OSError):
            return CgroupAccount(parent, name)
    return TreeAccount()


def memory_kib(pids):
    """[{"private", "pss"}] of each of these processes; None if it may not be read."""
    found = []
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except PermissionError:
            return None
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        one = {"private": 0, "pss": 0}
        for name, kib in MEMORY.findall(text):
            one["pss" if name == "Pss" else "private"] += int(kib)
        found.append(one)
    return found
