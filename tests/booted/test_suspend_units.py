# SPDX-License-Identifier: Apache-2.0
"""A machine that stands still, its manager with it, as a container does that is paused."""

import contextlib
import time
from pathlib import Path

from modes import EACH_MODE, open_ports
from rig import waiting
from sessions import PROTOCOLS, Session, at_once, begin

WATCHDOG_SEC = 1


@contextlib.contextmanager
def paused(machine):
    """No process inside gets to run; their clocks go on."""
    group = Path(f"/proc/{machine.pid}/root/sys/fs/cgroup")
    (group / "cgroup.freeze").write_text("1")
    try:
        waiting.until(
            lambda: "frozen 1" in (group / "cgroup.events").read_text(), "it does not freeze"
        )
        yield
    finally:
        (group / "cgroup.freeze").write_text("0")


@EACH_MODE
def test_a_pause_ends_no_session(machine, mail, tokens, mode):
    """Though it lasts for longer than any watchdog waits, which may bite when it is over."""
    for unit in mode.services:
        machine.drop_in(unit, f"[Service]\nWatchdogSec={WATCHDOG_SEC}s\n")
    open_ports(machine, mode)
    sessions = begin(machine, len(PROTOCOLS))
    with paused(machine):
        late = [Session(machine, protocol) for protocol in PROTOCOLS]
        time.sleep(2.5 * WATCHDOG_SEC)  # what passes is what is tested
    at_once(late, Session.greet)
    at_once(sessions + late, Session.work)
    at_once(sessions + late, Session.leave)
    assert len(tokens.requests) == len(PROTOCOLS), "tokens that are good are had anew"
