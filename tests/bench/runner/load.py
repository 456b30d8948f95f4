# SPDX-License-Identifier: Apache-2.0
"""The program bench-load: the upstream, and clients' sessions."""

import contextlib
import json
import subprocess
from dataclasses import dataclass
from urllib.request import urlopen

from rig import process

TIMEOUT = 300


@dataclass(frozen=True)
class Way:
    """One way to a mailbox: the destination's name, and how the upstream is reached."""

    name: str
    protocol: str  # of the client's session
    service: str  # of the upstream
    transport: str  # mail.transport.protocol
    tls: str  # what a client without maildest has to do


WAYS = {
    way.name: way
    for way in (
        Way("imap", "imap", "imaps", "imap4s", "implicit"),
        Way("smtp", "smtp", "smtps", "smtps", "implicit"),
        Way("imap-starttls", "imap", "imap", "imap4", "starttls"),
        Way("smtp-starttls", "smtp", "smtp", "smtp", "starttls"),
    )
}


class Broken(Exception):
    """Something could not be measured; says what."""


class Load:
    """Runs the program for as long as a measurement takes."""

    def __init__(self, program):
        self.program = program

    def _command(self, verb, options, **more):
        words = [f"--{name}" if value is True else f"--{name}={value}"
                 for name, value in more.items() if value]  # fmt: skip
        return [str(self.program), verb, *options, *words]

    def _run(self, command):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Broken(f"no end within {TIMEOUT} s: {' '.join(command)}") from None
        if done.returncode:
            raise Broken(f"{' '.join(command)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def sessions(self, options, count, concurrency=1, kib=None):
        """Runs whole sessions: what the program says of them."""
        return self._run(
            self._command("run", options, count=count, concurrency=concurrency, kib=kib)
        )

    def tokens(self, socket, destination, count, anew):
        return self._run(
            self._command(
                "tokens", [], socket=socket, destination=destination, count=count, anew=anew
            )
        )

    @contextlib.contextmanager
    def held(self, options, count):
        """Holds so many sessions within the context."""
        command = self._command("hold", options, count=count)
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with child:
            begun = json.loads(child.stdout.readline() or '{"failed": "all"}')
            if begun["failed"]:
                raise Broken(f"{begun['failed']} of {count} idle sessions failed")
            yield
            child.stdin.close()
            if child.wait(TIMEOUT):
                raise Broken(f"an idle session of {count} was cut")


class Upstream(process.Process):
    """The mail server and token service."""

    def __init__(self, program, authority, folder):
        certificate, key = authority.issue("upstream")
        self.authority = authority
        super().__init__(
            [program, "upstream", f"--certificate={certificate}", f"--key={key}"],
            folder / "upstream.log",
            stdout=subprocess.PIPE,
        )
        line = self.child.stdout.readline()
        if not line:
            self.stop()
            raise Broken(f"the upstream does not start: {self.output()}")
        self.ports = json.loads(line)

    def counters(self):
        """{"logins", "messages", "token_requests"} since it was started."""
        with urlopen(f"http://127.0.0.1:{self.ports['http']}/", timeout=10) as answer:
            return json.load(answer)
