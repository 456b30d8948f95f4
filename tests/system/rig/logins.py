# SPDX-License-Identifier: Apache-2.0
"""How programs show a refresh token or a code, beside the way that SAP's pages print."""

import base64

from .printed import xoauth2

FORMS = ("before-asking", "after-asking", "two-lines", "oauthbearer")
OAUTH = ("XOAUTH2", "OAUTHBEARER")


def oauthbearer(user, credential):
    """RFC 7628: the same for the other mechanism."""
    text = f"n,a={user},\1host=localhost\1port=1\1auth=Bearer {credential}\1\1"
    return base64.b64encode(text.encode()).decode()


def family(protocol):
    """smtp, imap4 or pop3, whether or not it has TLS from the first byte."""
    return protocol.removesuffix("s")


def greet(session, protocol):
    """Reads what the server says first."""
    greeting = session.smtp()[0] if family(protocol) == "smtp" else session.line()
    wanted = {"smtp": "220 ", "imap4": "* OK ", "pop3": "+OK"}[family(protocol)]
    assert greeting and greeting.startswith(wanted), f"the greeting is {greeting!r}"
    return greeting


def offered(session, protocol):
    """Asks what the server can do: the mechanisms that it offers."""
    if family(protocol) == "imap4":
        answer = session.imap("a1 CAPABILITY")
        assert answer[-1].startswith("a1 OK"), f"CAPABILITY is answered {answer}"
        return [word[5:] for word in answer[0].split() if word.startswith("AUTH=")]
    if family(protocol) == "pop3":
        found = [line.split()[1:] for line in session.pop3_lines("CAPA") if line[:5] == "SASL "]
    else:
        answer = session.smtp("EHLO client.example.com")
        found = [line[4:].split()[1:] for line in answer if line[4:9] == "AUTH "]
    return found[0] if found else []


def _answer(session):
    """The next line that answers: IMAP may tell what it can do before."""
    line = session.line()
    while line and line.startswith("* "):
        line = session.line()
    return line


def _inline(session, protocol, mechanism, text):
    """The answer to a login on one line."""
    verb = "1 AUTHENTICATE" if family(protocol) == "imap4" else "AUTH"
    session.send(f"{verb} {mechanism} {text}")
    return _answer(session)


def _two_lines(session, protocol, mechanism, text):
    """The answer to a login whose text is asked for."""
    verb = "1 AUTHENTICATE" if family(protocol) == "imap4" else "AUTH"
    session.send(f"{verb} {mechanism}")
    challenge = session.line()
    wanted = "334 " if family(protocol) == "smtp" else "+ "
    assert challenge == wanted, f"{mechanism} without its text is answered {challenge!r}"
    session.send(text)
    return _answer(session)


def log_in(session, protocol, form, user, credential):
    """Logs in at a server that has greeted: the answer, OAUTHBEARER's challenge answered too."""
    mechanism = "OAUTHBEARER" if form == "oauthbearer" else "XOAUTH2"
    text = (oauthbearer if form == "oauthbearer" else xoauth2)(user, credential)
    if form == "after-asking":
        mechanisms = offered(session, protocol)
        assert mechanisms == list(OAUTH), f"the server offers {mechanisms}"
    way = _two_lines if form == "two-lines" else _inline
    answer = way(session, protocol, mechanism, text)
    if form == "oauthbearer" and answer.startswith(("334 ", "+ ")):
        session.send("AQ==")
        answer = _answer(session)
    return answer


def is_accepted(answer):
    return answer.startswith(("235 ", "1 OK", "+OK"))


def leave(session, protocol):
    """Ends a session of which nothing was wanted but its login."""
    session.send("z LOGOUT" if family(protocol) == "imap4" else "QUIT")
    session.rest()
