# SPDX-License-Identifier: Apache-2.0
"""Sessions that stay for long while others come and go: none is lost, and all are served."""

import os
import re
import select

from footprint import private_kib
from modes import FORKING, open_ports
from pace import Pace
from rig import waiting
from scale import either, figure
from sessions import Session, at_once

IDLE = either(200, 2000)
RATE = either(20, 50)
SECONDS = either(5, int(os.environ.get("MAILDEST_LOAD_SECONDS", "600")))
PIECE = 30  # seconds after which the idle ones are looked at
CLIENT_PATIENCE = 120
# What the service manager's memory may differ by.
MANAGER_KIB = 512
USAGE = "/sys/fs/cgroup/system.slice/maildest-forking.service/cpu.stat"
SHARE = re.compile(r"^Pss: +(\d+) kB$", re.M)


def processor_ms(machine):
    """What the service has used, the sessions that have ended included."""
    said = machine.run("cat", USAGE)
    return int(re.search(r"^usage_usec (\d+)$", said, re.M)[1]) / 1000


def memory_kib(machine):
    """Of all of the service's processes together, each page counted once."""
    pids = machine.processes(FORKING.service)
    said = machine.run("cat", *(f"/proc/{pid}/smaps_rollup" for pid in pids), status=None)
    return sum(map(int, SHARE.findall(said)))


def silent(sessions):
    """Those that the other side has neither ended nor said anything to."""
    poll = select.poll()
    for session in sessions:
        poll.register(session.dialogue.fileno(), select.POLLIN | select.POLLHUP)
    return len(sessions) - len(poll.poll(0))


def tell(steady, used_ms, each_kib):
    """The figures, for whoever plans a host; what a session takes depends on what else runs."""
    count = len(steady.took) + len(steady.failures)
    figure("idle IMAP sessions, held for", f"{IDLE}, {SECONDS} s")
    figure("SMTP sessions meanwhile", f"{count}, {RATE} a second, {len(steady.failures)} failed")
    figure(
        "an SMTP session, p50, p99 and longest",
        f"{steady.percentile(50):.0f}, {steady.percentile(99):.0f} and "
        f"{steady.percentile(100):.0f} ms",
    )
    figure("processor time of the service for an SMTP session", f"{used_ms / count:.2f} ms")
    figure("memory of the service for an idle session", f"{each_kib:.0f} KiB")


def test_idle_sessions_under_load(machine, upstream):
    open_ports(machine, FORKING)
    Session(machine, "imap").whole()
    empty, manager = memory_kib(machine), private_kib(machine, 1)
    idle = [Session(machine, "imap", timeout=CLIENT_PATIENCE) for _ in range(IDLE)]
    at_once(idle, Session.greet)
    at_once(idle, Session.work)
    each_kib = (memory_kib(machine) - empty) / IDLE
    used = processor_ms(machine)
    steady = Pace(machine, "smtp", RATE)
    for begin in range(0, SECONDS, PIECE):
        steady.run(min(PIECE, SECONDS - begin))
        left = silent(idle)
        assert left == IDLE, f"after {begin + PIECE} s {IDLE - left} of {IDLE} idle ones are lost"
    tell(steady, processor_ms(machine) - used, each_kib)
    assert not steady.failures, f"{len(steady.failures)} failed: {steady.failures[0]}"
    at_once(idle, Session.work)
    at_once(idle, Session.leave)
    waiting.until(lambda: len(machine.processes(FORKING.service)) <= 2, "processes stay")
    mails = machine.network.run(upstream.counters)["messages"]
    assert mails == RATE * SECONDS, f"{mails} mails have come of {RATE * SECONDS}"
    manager = private_kib(machine, 1) - manager
    figure("growth of PID 1 meanwhile", f"{manager} KiB")
    assert manager <= MANAGER_KIB, f"the service manager has grown by {manager} KiB"
