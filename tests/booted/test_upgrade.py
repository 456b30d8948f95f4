# SPDX-License-Identifier: Apache-2.0
"""Sockets restarted, and files of another version installed, while sessions run: none is cut."""

import shutil

import pytest

from modes import EACH_MODE, FORKING, open_ports
from rig import waiting
from sessions import PROTOCOLS, Load, Session, at_once, begin

PROGRAM = "maildest-handler"
OPEN = 15
RESTARTS = 3
# How the kernel marks a program whose file has been replaced.
OLD = " (deleted)"


@pytest.fixture
def newer(tree, tmp_path):
    """Another version: units that are called otherwise, programs that are longer by a byte."""
    copy = tmp_path / "newer"
    shutil.copytree(tree, copy)
    units = list(copy.rglob("maildest-*.service"))
    programs = list(copy.rglob("libexec/maildest/maildest-*"))
    assert units and programs
    for unit in units:
        text = unit.read_text()
        unit.write_text(text.replace("Description=maildest", "Description=newer maildest"))
    for program in programs:
        program.write_bytes(program.read_bytes() + b"\n")
    return copy


def old_programs(machine):
    return [pid for pid, file in machine.programs(PROGRAM).items() if file.endswith(OLD)]


@EACH_MODE
def test_restarted_sockets_cut_nothing(machine, mail, mode):
    open_ports(machine, mode)
    sessions = []
    for _ in range(RESTARTS):
        sessions += begin(machine, OPEN // RESTARTS)
        machine.systemctl("restart", *mode.sockets)
        machine.systemctl("restart", "maildest-helper.socket")
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    at_once(begin(machine, len(PROTOCOLS)), Session.leave)


@EACH_MODE
def test_an_upgrade_cuts_nothing(machine, mail, tokens, newer, mode):
    """Not those that run, not those that come meanwhile; and afterwards the new one serves."""
    open_ports(machine, mode)
    sessions = begin(machine, OPEN)
    at_once(sessions, Session.work)
    with Load(machine) as load:
        machine.install(newer)
        load.wait_for_more("with new programs and old units")
        machine.systemctl("daemon-reload")
        load.wait_for_more("with new units")
        machine.systemctl("restart", *mode.services)
        load.wait_for_more("after the restart")
    assert len(old_programs(machine)) >= OPEN, "sessions do not run what they were begun with"
    (fresh,) = begin(machine, 1)
    service = mode.service or machine.units("maildest-smtp@*.service")[-1]
    assert machine.property(service, "Description").startswith("newer maildest")
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    waiting.until(lambda: not old_programs(machine), "what serves is the old program")
    fresh.work()
    fresh.leave()
    assert len(tokens.requests) == len(PROTOCOLS), "the new helper has forgotten the tokens"


def test_a_manager_that_starts_anew_cuts_nothing(machine, mail):
    """An upgrade of systemd itself."""
    open_ports(machine, FORKING)
    sessions = begin(machine, OPEN)
    with Load(machine) as load:
        machine.systemctl("daemon-reexec")
        load.wait_for_more("after that")
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
