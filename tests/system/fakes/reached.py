# SPDX-License-Identifier: Apache-2.0
"""What a destination's address leads to, and whether a session got there."""

from rig.secrets import find

from .target import PASSWORD, TOKEN

IMPLICIT = {"smtp": "smtps", "imap4": "imap4s", "pop3": "pop3s"}
GREETING = {"smtp": "220 ", "imap4": "* OK ", "pop3": "+OK "}


def assert_greeted(session, protocol):
    line = session.line()
    assert line.startswith(GREETING[protocol]), f"{line!r}: {session.process.output()}"
    session.close()
    assert session.record()["RESULT"] == "ok"


def assert_nothing_leaked(server):
    received = {"the server": server.received.decode(errors="replace")}
    assert not find([PASSWORD, TOKEN], received), f"a secret went out: {server.received!r}"


def at(host, port):
    """A destination's address in place of a fake server."""

    class Address:
        tls = "starttls"

    Address.host, Address.port = host, port
    return Address
