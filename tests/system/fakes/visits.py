# SPDX-License-Identifier: Apache-2.0
"""Whole sessions against a fake server, and whether their TLS was resumed."""

import ssl

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def visit(maildest, name, **options):
    """A session of a handler of its own, from its greeting to its goodbye: its record."""
    session = maildest.connect(name, **options)
    line = session.line()
    session.send("QUIT\r\n" if line.startswith("220") else "a LOGOUT\r\n")
    session.rest()
    session.close()
    return session.record()


def assert_ok(record, what="the session"):
    assert record["RESULT"] == "ok", f"{what} fails: {record}"
    return record


def assert_handshake(server, record, resumed):
    """The server's newest connection was resumed or not, and the record says the same."""
    assert_ok(record)
    newest = server.connections[-1]
    offered = len(newest.hello.tickets)
    what = f"{record['TLS']}, {offered} tickets offered"
    assert newest.resumed == resumed, f"{'not ' if resumed else ''}resumed: {what}"
    assert ("resumed" in record["TLS"].split()) == resumed, f"the record says otherwise: {what}"


def assert_resumed(server, record):
    assert_handshake(server, record, True)


def assert_full(server, record):
    """A full handshake, and no session was even offered."""
    assert_handshake(server, record, False)
    assert not server.connections[-1].hello.tickets, "a session is offered that must not be"
