# SPDX-License-Identifier: Apache-2.0
"""The client sessions that SAP's pages print, typed as they stand there, reply by reply.

`login` is what a client with a refresh token or a code types first: the base64 text of its
XOAUTH2; None where the client needs no login.
"""

import base64

from .dialogue import Dialogue

SENDER = "sender@transparentproxy.com"
TEXT = "Mail text as printed."


def xoauth2(user, credential):
    """What a mail program sends with XOAUTH2, as the pages make it."""
    return base64.b64encode(f"user={user}\1auth=Bearer {credential}\1\1".encode()).decode()


def _expect(line, reply, wanted):
    assert reply.startswith(wanted), f"{line!r} is answered {reply!r}"


def smtp_mail(session, recipient, sender=SENDER, address="{}"):
    """The mail itself: no EHLO, no angle brackets (address="<{}>" has them), no QUIT."""
    for line, wanted in (
        (f"MAIL FROM:{address.format(sender)}", "250"),
        (f"RCPT TO:{address.format(recipient)}", "250"),
        ("DATA", "354"),
    ):
        _expect(line, session.smtp(line)[-1], wanted)
    session.send(TEXT)
    _expect("the dot", session.smtp(".")[-1], "250")


def smtp(port, recipient, login=None, polite=True):
    """The pages leave out the QUIT."""
    with Dialogue(port) as session:
        _expect("nothing", session.smtp()[0], "220 ")
        if login:
            _expect("AUTH XOAUTH2", session.smtp(f"AUTH XOAUTH2 {login}")[-1], "235 ")
        smtp_mail(session, recipient)
        if polite:
            _expect("QUIT", session.smtp("QUIT")[-1], "221 ")


def imap_mailbox(session):
    """Looking around, and the text of the first mail."""
    answer = session.imap('2 LIST "" "*"')
    assert answer[-1].startswith("2 OK"), f"LIST is answered {answer}"
    assert any(line.startswith("* LIST ") for line in answer), f"no folder is listed: {answer}"
    answer = session.imap("3 SELECT INBOX")
    assert answer[-1].startswith("3 OK"), f"SELECT is answered {answer}"
    answer = session.imap("5 FETCH 1 BODY[TEXT]")
    assert answer[-1].startswith("5 OK"), f"FETCH is answered {answer}"
    assert any("BODY[TEXT]" in line for line in answer), f"no text: {answer}"


def imap(port, login=None):
    """The pages leave out the LOGOUT."""
    with Dialogue(port) as session:
        _expect("nothing", session.line(), "* OK ")
        if login:
            answer = session.imap(f"1 AUTHENTICATE XOAUTH2 {login}")
            _expect("1 AUTHENTICATE XOAUTH2", answer[-1], "1 OK")
        imap_mailbox(session)
        _expect("6 LOGOUT", session.imap("6 LOGOUT")[-1], "6 OK")


def pop3_mailbox(session):
    """What is there, and the first two mails of it."""
    answer = session.pop3_lines("list")
    assert answer[0].startswith("+OK") and len(answer) >= 3, f"list is answered {answer}"
    for number in (1, 2):
        answer = session.pop3_lines(f"retr {number}")
        assert answer[0].startswith("+OK"), f"retr {number} is answered {answer}"
        assert TEXT in answer, f"mail {number} is another: {answer}"
    _expect("quit", session.pop3("quit"), "+OK")
    assert session.line() is None, "the connection stays open after quit"


def pop3(port, login=None):
    with Dialogue(port) as session:
        _expect("nothing", session.pop3(), "+OK")
        if login:
            _expect("AUTH XOAUTH2", session.pop3(f"AUTH XOAUTH2 {login}"), "+OK")
        pop3_mailbox(session)
