# SPDX-License-Identifier: Apache-2.0
"""What /proc tells about a running process: descriptors, signals, time, memory."""

import contextlib
import os
import re
from pathlib import Path

SIGNAL_SETS = ("SigBlk", "SigIgn", "SigCgt")
# A block of memory is read in pieces that overlap by more than any needle.
BLOCK = 1 << 20
OVERLAP = 1 << 12


def descriptors(pid):
    """What each descriptor is: {number: "socket:[123]", "/dev/null", "anon_inode:[eventpoll]"}."""
    found = {}
    with contextlib.suppress(OSError):  # it has ended
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
    return found


def socket_name(one):
    """How descriptors() shows a socket of ours."""
    return f"socket:[{os.fstat(one.fileno()).st_ino}]"


def signals(pid):
    """The signal numbers that a process blocks, ignores and catches: {"SigBlk": {15}, ...}."""
    text = Path(f"/proc/{pid}/status").read_text()
    sets = {}
    for name in SIGNAL_SETS:
        mask = int(re.search(rf"^{name}:\s+(\S+)$", text, re.M)[1], 16)
        sets[name] = {number for number in range(1, 65) if mask >> (number - 1) & 1}
    return sets


def sleeps(pid):
    """Whether a process waits for something; what it had to do before is done then."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def cpu_seconds(pid):
    """The processor time that a process has used itself."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _writable(pid):
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        bounds, rights = line.split()[:2]
        if rights.startswith("rw"):
            yield tuple(int(bound, 16) for bound in bounds.split("-"))


def find_in_memory(pid, needles):
    """Which of these texts stand in what a process may write to: heap, stack, data."""
    wanted = {needle: needle.encode() for needle in needles}
    found = set()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end in _writable(pid):
            for at in range(start, end, BLOCK):
                memory.seek(at)
                block = memory.read(min(BLOCK + OVERLAP, end - at))
                found |= {needle for needle, octets in wanted.items() if octets in block}
    return found
