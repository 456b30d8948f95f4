# SPDX-License-Identifier: Apache-2.0
"""The mail servers, and the mail programs, that are used where thousands are wanted."""

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

from machine import ROOT  # noqa: E402
from rig.maildest import BUILD  # noqa: E402
from runner import load  # noqa: E402
from sessions import PORTS  # noqa: E402

PROGRAM = BUILD / "tests" / "bench" / "bench-load"
KINDS = {"smtp": "smtp", "imap": "imap4"}
# A token request that a test holds up does not end before the test lets it.
PATIENT = {"tokenServiceURL.SocketReadTimeoutInSeconds": "60"}
LOADER = "lib64/ld-linux-x86-64.so.2"
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def _program(folder):
    """The program, which may be made for the libraries of the machines' root."""
    if not ROOT:
        return PROGRAM
    script = folder / PROGRAM.name
    libraries = f"{ROOT}/{LIBRARIES}"
    script.write_text(
        f"#!/bin/sh\nexec {ROOT}/{LOADER} --library-path {libraries} {PROGRAM} \"$@\"\n"
    )
    script.chmod(0o755)
    return script


class Upstream(load.Upstream):
    """SMTP and IMAP servers in a machine's network, the destinations that lead there, and
    clients."""

    def __init__(self, machine, authority, folder, tokens):
        self._machine = machine
        self._client = load.Load(_program(folder))
        super().__init__(self._client.program, authority, folder)
        for name, kind in KINDS.items():
            server = SimpleNamespace(
                protocol=kind, tls="starttls", host="127.0.0.1", port=self.ports[name]
            )
            machine.destination(name, server, oauth=tokens.url(), **PATIENT)

    def run_sessions(self, protocol, count):
        """Runs whole sessions through a port of the machine: what load.Load says of them."""
        options = [f"--protocol={protocol}", f"--port={PORTS[protocol]}"]
        said = self._machine.network.run(self._client.sessions, options, count)
        assert said["ok"] == count and not said["failed"], f"of {count} sessions: {said}"
        return said
