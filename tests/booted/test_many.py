# SPDX-License-Identifier: Apache-2.0
"""Sessions by the hundred, and in full by the thousand, that leave nothing behind."""

import contextlib
import time

from footprint import Footprint, private_kib
from modes import EACH_MODE, open_ports, sessions_left
from rig import waiting
from scale import either, figure
from sessions import Session, at_once
from upstream import KINDS

IN_A_ROW = either(300, 5000)
WARM = 50
# What the manager's memory may differ by: it grows once with the first units, and never again.
MANAGER_KIB = 512
PARENT_KIB = 256
# Files of /run that stay may get longer by a line.
OCTETS = 16384
PIECE = 500  # sessions that one run of the client makes
COLD = either(200, 1000)
# So many wait for the one token before it comes; the others find it in the cache.
WAITING = 100
# systemd takes all connections that there are before it starts a handler for the first.
PATIENCE = 170
# Seconds that the first of them waits for the others: a login may take 25.
WAIT = 12


def in_a_row(upstream, count):
    """Sessions one after the other, half of each protocol: milliseconds that one takes (p50)."""
    found = []
    for protocol in KINDS:
        left = count // len(KINDS)
        while left > 0:
            said = upstream.run_sessions(protocol, min(left, PIECE))
            found.append(said["p50_usec"] / 1000)
            left -= PIECE
    return sorted(found)[len(found) // 2]


def wait_until_over(machine, mode):
    waiting.until(lambda: not machine.units("--all", "maildest-*@*.service"), "units stay")
    # A forking parent may have one in reserve.
    waiting.until(lambda: sessions_left(machine, mode) <= 1, "processes stay")


@EACH_MODE
def test_sessions_in_a_row_leave_nothing(machine, upstream, mode):
    open_ports(machine, mode)
    # Once to have everything that is made with the first sessions.
    in_a_row(upstream, WARM)
    wait_until_over(machine, mode)
    before = Footprint.of(machine)
    parent = int(machine.property(mode.service, "MainPID")) if mode.service else None
    parent_before = private_kib(machine, parent) if parent else 0
    begun = time.monotonic()
    each = in_a_row(upstream, IN_A_ROW)
    took = time.monotonic() - begun
    wait_until_over(machine, mode)
    after = Footprint.settled(machine, before, MANAGER_KIB, OCTETS)
    parent_after = private_kib(machine, parent) if parent else 0

    figure(f"{mode.name}: sessions in a row", f"{IN_A_ROW} in {took:.0f} s, p50 {each:.1f} ms")
    figure(
        f"{mode.name}: private memory of PID 1 before and after",
        f"{before.manager_kib} and {after.manager_kib} KiB",
    )
    figure(
        f"{mode.name}: units, control groups, files in /run, bytes in these",
        f"{len(after.units) - len(before.units):+}, {after.groups - before.groups:+}, "
        f"{len(after.files) - len(before.files):+}, {after.octets - before.octets:+}",
    )
    if parent:
        figure(
            f"{mode.name}: private memory of the parent before and after",
            f"{parent_before} and {parent_after} KiB",
        )
    after.assert_not_beyond(before, MANAGER_KIB, OCTETS)
    assert parent_after - parent_before <= PARENT_KIB, "the parent grows with its sessions"
    machine.records("smtp", (WARM + IN_A_ROW) // len(KINDS))


@EACH_MODE
def test_at_once_on_a_cold_cache(machine, upstream, tokens, mode):
    """All of them ask for a token that nobody has yet, and the service is asked once."""
    open_ports(machine, mode)
    tokens.gate.clear()
    sessions = [Session(machine, "imap", timeout=PATIENCE) for _ in range(COLD)]
    waiting.until(lambda: tokens.requests, "no token is asked for", PATIENCE)
    with contextlib.suppress(TimeoutError):
        waiting.until(lambda: sessions_left(machine, mode) >= WAITING, "they do not begin", WAIT)
    begun = time.monotonic()
    tokens.gate.set()
    at_once(sessions, Session.greet)
    took = time.monotonic() - begun
    figure(
        f"{mode.name}: at once on a cold cache",
        f"{COLD} sessions, {len(tokens.requests)} token request, "
        f"all logged in {took:.1f} s after the token",
    )
    assert len(tokens.requests) == 1, f"{len(tokens.requests)} token requests"
    at_once(sessions, Session.leave)
    wait_until_over(machine, mode)
