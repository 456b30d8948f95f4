# SPDX-License-Identifier: Apache-2.0
"""Clients that leave: after any byte, at any step of the login, and while the server thinks."""

import pytest

from fakes.fixtures import certificates, maildest, serve  # noqa: F401
from fakes.mail_server import IMAP_STEPS, POP3_STEPS, SMTP_STEPS
from test_bad_clients import assert_ended, connect, greeting  # noqa: F401

TALK = {
    "smtp": ("smtp", b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
             b"Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n"),
    "smtp-auth": ("smtp", b"AUTH LOGIN\r\nYQ==\r\nYQ==\r\nHELO c\r\nQUIT\r\n"),
    "smtp-line-mode": ("smtp", b"MAIL FROM:a@b\r\nRCPT TO:c@d\r\nDATA\r\nbody\r\n.\r\nQUIT\r\n"),
    "imap": ("imap4", b'a LOGIN "u" {3}\r\nabc\r\nb SELECT INBOX\r\nc NOOP\r\nd LOGOUT\r\n'),
    "imap-auth": ("imap4", b"a AUTHENTICATE LOGIN\r\nYQ==\r\nYQ==\r\nb LOGOUT\r\n"),
    "pop3": ("pop3", b"USER u\r\nPASS p\r\nLIST\r\nDELE 1\r\nQUIT\r\n"),
    "pop3-auth": ("pop3", b"AUTH LOGIN\r\nYQ==\r\nYQ==\r\nQUIT\r\n"),
}  # fmt: skip
DOT = b"\r\n.\r\n"
AT_ONCE = 12


@pytest.mark.parametrize("how", ("close", "half_close", "reset"))
@pytest.mark.parametrize("label", TALK)
def test_a_client_that_leaves_after_any_byte(maildest, serve, label, how):
    protocol, text = TALK[label]
    server = serve(protocol, tls=None)
    maildest.destination(protocol, server)
    cuts = list(range(len(text) + 1))
    complete = [k for k in cuts if DOT in text[:k]]
    for first in range(0, len(cuts), AT_ONCE):
        sessions = [maildest.connect(protocol) for _ in cuts[first : first + AT_ONCE]]
        for k, session in zip(cuts[first:], sessions):
            greeting(session)
            session.send(text[:k])
            getattr(session, how)()
        for k, session in zip(cuts[first:], sessions):
            if how == "half_close":
                # Whatever was asked is answered to the last reply.
                session.rest()
                session.close()
            record = session.record()
            wanted = ("ok",) if how == "half_close" else ("ok", "client-gone")
            assert record["RESULT"] in wanted, f"after {text[:k]!r}: {record}"
            assert record["PRIORITY"] == 5, f"after {text[:k]!r}: {record}"
    assert_ended(server)
    if how == "half_close":
        assert len(server.mails) == len(complete), "a mail was lost, or sent twice"
    assert len(server.mails) <= len(complete), "half a mail was delivered"


LOGIN_STEPS = [("smtp", step) for step in SMTP_STEPS[:6]]
LOGIN_STEPS += [("imap4", step) for step in IMAP_STEPS] + [("pop3", step) for step in POP3_STEPS]
RELAY_STEPS = [("smtp", step) for step in SMTP_STEPS[6:]] + [("imap4", "SELECT"), ("pop3", "LIST")]


@pytest.mark.parametrize("protocol,step", LOGIN_STEPS)
def test_a_client_that_resets_during_the_login(connect, protocol, step):
    """Nobody is left to log in for: the handler does not wait for the server."""
    session, server = connect(protocol, tls="starttls", hold=(step,))
    server.wait_for(step)
    session.reset()
    record = session.record()
    assert record["RESULT"] == "client-gone" and record["PRIORITY"] == 5, record
    server.release()
    assert_ended(server)


@pytest.mark.parametrize("protocol,step", LOGIN_STEPS)
@pytest.mark.parametrize("how", ("close", "half_close"))
def test_a_client_that_ends_during_the_login(connect, protocol, step, how):
    """An early end may be all that a script sends; the login goes on."""
    session, server = connect(protocol, tls="starttls", hold=(step,))
    server.wait_for(step)
    getattr(session, how)()
    server.release()
    if how == "half_close":
        greeting(session)
        session.rest()
        session.close()
    assert session.record()["RESULT"] in ("ok", "client-gone")
    assert_ended(server)


def hear_all_before(session, protocol, step):
    """What the client does not read tells the handler sooner that it has left."""
    if protocol == "smtp":
        replies = SMTP_STEPS[5:].index(step)
    else:
        replies = {"imap4": 1, "pop3": 2}[protocol]
    while replies > 0:
        line = session.line()
        replies -= protocol != "smtp" or line[3] == " "


@pytest.mark.parametrize("protocol,step", RELAY_STEPS)
@pytest.mark.parametrize("how", ("close", "half_close", "reset"))
def test_a_client_that_leaves_while_the_server_thinks(connect, protocol, step, how):
    session, server = connect(protocol, tls="starttls", hold=(step,))
    greeting(session)
    session.send(TALK[protocol.rstrip("4")][1])
    server.wait_for(step)
    hear_all_before(session, protocol, step)
    getattr(session, how)()
    if how == "reset":
        assert session.record()["RESULT"] == "client-gone"
    server.release()
    if how == "half_close":
        session.rest()
        session.close()
    record = session.record()
    assert record["RESULT"] in ("ok", "client-gone") and record["PRIORITY"] == 5, record
    assert_ended(server)
    if protocol == "smtp" and how == "half_close":
        assert len(server.mails) == 1
