# SPDX-License-Identifier: Apache-2.0
"""Mail sessions with the ports of a machine."""

import concurrent.futures
import threading

from rig import waiting
from rig.dialogue import Dialogue

PORTS = {"smtp": 587, "imap": 143, "pop3": 110}
PROTOCOLS = tuple(PORTS)
# What a destination calls them.
KINDS = {"smtp": "smtp", "imap": "imap4", "pop3": "pop3"}
GREETINGS = {"smtp": "220 ", "imap": "* OK ", "pop3": "+OK "}
AT_ONCE = 16


class Session:
    """One connection to a port; each method fails unless what must come does."""

    def __init__(self, machine, protocol, **options):
        self.protocol = protocol
        self.dialogue = machine.network.run(Dialogue, PORTS[protocol], **options)

    def greet(self):
        """The login has been done for us."""
        reply = self.dialogue.line()
        assert reply and reply.startswith(GREETINGS[self.protocol]), f"greeted with {reply!r}"
        return self

    def work(self):
        """Something that only the mail server can have answered."""
        if self.protocol == "imap":
            answer = self.dialogue.imap("a SELECT INBOX")[-1]
            assert answer.startswith("a OK "), f"SELECT is answered {answer!r}"
            return
        if self.protocol == "pop3":
            assert self.dialogue.pop3_lines("LIST") == ["+OK"]
            return
        for line in ("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>"):
            assert self.dialogue.smtp(line) == ["250 2.0.0 OK"]
        assert self.dialogue.smtp("DATA")[-1].startswith("354 ")
        answer = self.dialogue.smtp("Subject: a mail\r\n\r\nHello.\r\n.")[-1]
        assert answer.startswith("250 2.0.0 "), f"the mail is answered {answer!r}"

    def leave(self):
        """Says goodbye, and the other side ends the connection."""
        if self.protocol == "smtp":
            assert self.dialogue.smtp("QUIT")[-1].startswith("221 ")
        elif self.protocol == "pop3":
            assert self.dialogue.pop3("QUIT").startswith("+OK")
        else:
            assert self.dialogue.imap("b LOGOUT")[-1].startswith("b OK")
        assert self.dialogue.rest() == b"", "something comes after the goodbye"
        self.dialogue.close()

    def whole(self):
        """All of it; the session."""
        self.greet().work()
        self.leave()
        return self


def begin(machine, count):
    """So many sessions that have been greeted, one after the other of all protocols."""
    return [Session(machine, PROTOCOLS[i % len(PROTOCOLS)]).greet() for i in range(count)]


def at_once(those, step):
    """step() of each of them, many at a time."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(step, those))


class Load:
    """Whole sessions with all ports, without a pause while the block runs."""

    def __init__(self, machine):
        self.counts = dict.fromkeys(PROTOCOLS, 0)
        self._machine = machine
        self._over = threading.Event()
        self._threads = concurrent.futures.ThreadPoolExecutor(len(PROTOCOLS))

    def _run(self, protocol):
        while not self._over.is_set():
            Session(self._machine, protocol).whole()
            self.counts[protocol] += 1

    def wait_for_more(self, what):
        """Waits until a session of each protocol has begun and ended from now on."""
        seen = {protocol: count + 1 for protocol, count in self.counts.items()}
        waiting.until(
            lambda: all(self.counts[one] > count for one, count in seen.items()),
            f"no session {what}",
        )

    def __enter__(self):
        self._running = [self._threads.submit(self._run, protocol) for protocol in PROTOCOLS]
        return self

    def __exit__(self, *_):
        """Raises what a session has raised."""
        self._over.set()
        with self._threads:
            for one in self._running:
                one.result()
