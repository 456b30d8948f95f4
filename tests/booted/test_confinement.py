# SPDX-License-Identifier: Apache-2.0
"""What the units allow is enough for sessions to close walls of their own."""

import re

from modes import EACH_MODE, open_ports
from rig import waiting
from sessions import PROTOCOLS, Session


def status_of_session(machine, mode):
    """/proc/PID/status of the one session that runs: {name: value}."""

    def only_one():
        programs = set(machine.programs("maildest-handler"))
        if mode.service:
            programs.discard(int(machine.property(mode.service, "MainPID")))
        return programs if len(programs) == 1 else None

    (pid,) = waiting.until(only_one, "there is not just one session")
    return dict(re.findall(r"^(\w+):\t(.*)$", machine.run("cat", f"/proc/{pid}/status"), re.M))


@EACH_MODE
def test_sessions_close_all_their_walls(machine, mail, mode):
    """Or they would be refused."""
    machine.write("maildest.conf", "RequireSandbox=yes\n")
    open_ports(machine, mode)
    for protocol in PROTOCOLS:
        Session(machine, protocol).whole()
    session = Session(machine, "imap").greet()
    status = status_of_session(machine, mode)
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert int(status["Seccomp_filters"]) >= 2, "not both phases have their filter"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, "it has capabilities"
    session.leave()
    said = [one["MESSAGE"] for one in machine.journal("-p", "warning") if "MESSAGE" in one]
    lacks = [text for text in said if "walls" in text or "UNCONFINED" in text]
    assert not lacks, f"walls are lacking: {lacks}"
