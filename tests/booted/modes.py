# SPDX-License-Identifier: Apache-2.0
"""The two ways in which the installed ports are served, for tests that must hold in both."""

from dataclasses import dataclass

import pytest

from sessions import PROTOCOLS


@dataclass(frozen=True)
class Mode:
    name: str
    sockets: tuple  # the units of all ports, in the order of PROTOCOLS
    service: str | None  # what runs all the time, if anything does

    @property
    def services(self):
        """What an administrator restarts after an upgrade."""
        return ("maildest-helper.service", *([self.service] if self.service else []))


CONNECTION = Mode("connection", tuple(f"maildest-{p}.socket" for p in PROTOCOLS), None)
FORKING = Mode(
    "forking",
    tuple(f"maildest-{p}-forking.socket" for p in PROTOCOLS),
    "maildest-forking.service",
)
EACH_MODE = pytest.mark.parametrize("mode", (CONNECTION, FORKING), ids=lambda mode: mode.name)


def open_ports(machine, mode):
    """As the README has it."""
    machine.systemctl("enable", "--now", "maildest-helper.socket", *mode.sockets)


def sessions_left(machine, mode):
    """How many processes have a client, or are about to; none is forked in reserve for long."""
    programs = set(machine.programs("maildest-handler"))
    if mode.service:
        programs.discard(int(machine.property(mode.service, "MainPID")))
    return len(programs)
