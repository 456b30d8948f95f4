# SPDX-License-Identifier: Apache-2.0
"""NoAuthentication and mail.<p>.auth=false: the client logs in itself, or the server wants none."""

import imaplib
import poplib
import smtplib

import pytest

from rig import logins, mail, printed
from rig.company import MAIL, VIRTUAL_PORTS
from rig.dialogue import Dialogue
from rig.scene import NO_LOGIN

PROTOCOLS = ("smtp", "smtps", "imap4", "imap4s", "pop3", "pop3s")
TIMEOUT = 30


LIBRARIES = {"smtp": smtplib.SMTP, "imap4": imaplib.IMAP4, "pop3": poplib.POP3}
REFUSALS = (smtplib.SMTPAuthenticationError, imaplib.IMAP4.error, poplib.error_proto)


def connect(protocol, port):
    """A library's client at our port."""
    return LIBRARIES[logins.family(protocol)]("127.0.0.1", port, timeout=TIMEOUT)


def log_in(client, user, password):
    if isinstance(client, poplib.POP3):
        client.user(user.address)
        client.pass_(password)
    else:
        client.login(user.address, password)


def leave(client):
    (client.logout if isinstance(client, imaplib.IMAP4) else client.quit)()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_library_logs_in(scene, protocol):
    scene.maildest.secrets.append(scene.user.password)
    client = connect(protocol, scene.serve(protocol, NO_LOGIN))
    log_in(client, scene.user, scene.user.password)
    leave(client)
    record = scene.maildest.wait_for_end(protocol, RESULT="ok")
    assert "MECHANISM" not in record, f"whose login is that? {record}"
    assert record["TLS"].startswith("TLSv1"), f"the login went out unencrypted: {record}"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_wrong_password_is_the_servers_to_refuse(scene, protocol):
    client = connect(protocol, scene.serve(protocol, NO_LOGIN))
    with pytest.raises(REFUSALS):
        log_in(client, scene.user, "wrong password of nobody")
    leave(client)
    scene.maildest.wait_for_end(protocol, RESULT="ok")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_clients_own_token_goes_through(scene, protocol):
    """A program that does OAuth itself, but no TLS."""
    port = scene.serve(protocol, NO_LOGIN)
    token = scene.client.token()
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        if logins.family(protocol) == "smtp":
            session.smtp("EHLO client.example.com")
        answer = logins.log_in(session, protocol, "two-lines", scene.user.address, token)
        assert logins.is_accepted(answer), f"the login is answered {answer!r}"
        logins.leave(session, protocol)
    scene.maildest.wait_for_end(protocol, RESULT="ok")
    assert scene.client.requests == 1, "maildest asked for a token of its own"


@pytest.mark.parametrize("protocol", ("smtp", "imap4", "pop3"))
def test_auth_false_wins_and_is_said(scene, protocol):
    """Authentication would need credentials: they stay unused, with a warning."""
    port = scene.serve(protocol, "OAuth2ClientCredentials", **{f"mail.{protocol}.auth": "false"})
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        logins.leave(session, protocol)
    scene.maildest.wait_for_end(protocol, RESULT="ok")
    assert f"mail.{protocol}.auth" in scene.maildest.log(protocol), "the journal says nothing"
    assert scene.client.requests == 0, "a token is got for nothing"


@pytest.mark.parametrize("protocol", ("smtp", "imap4", "pop3"))
def test_what_is_shown_is_the_servers(scene, protocol):
    port = scene.serve(protocol, NO_LOGIN)
    with Dialogue(port) as session:
        greeting = logins.greet(session, protocol)
        if protocol == "smtp":
            assert "dovecot.example.com" in greeting, "this is not the server's greeting"
        mechanisms = logins.offered(session, protocol)
        assert "XOAUTH2" in mechanisms and "PLAIN" in mechanisms, f"it offers {mechanisms}"
        if protocol == "pop3":
            assert "<" not in greeting, f"an APOP stamp from before TLS: {greeting}"
        logins.leave(session, protocol)


@pytest.fixture
def relay(scene, company):
    """A port of ours before a server that takes mail without a login."""
    port = company.serve("smtp", NO_LOGIN, "postfix")
    address = ("127.0.0.1", scene.world.postfix.ports["relay"])
    company.map(MAIL, VIRTUAL_PORTS["smtp"], address)
    return port


def arrived(scene):
    client = scene.world.dovecot.mailbox(scene.user)
    try:
        return mail.newest(client)
    finally:
        client.logout()


def test_a_server_that_wants_no_login(scene, relay):
    """The printed session: no EHLO, no brackets, no login at all."""
    printed.smtp(relay, scene.user.address)
    scene.maildest.wait_for_end("smtp", RESULT="ok")
    assert arrived(scene).endswith(f"{printed.TEXT}\r\n".encode())


@pytest.mark.parametrize("brackets", ("<{}>", "{}"), ids=("brackets", "none"))
@pytest.mark.parametrize("body", mail.BODIES.values(), ids=mail.BODIES)
def test_mails_arrive_as_sent(scene, relay, body, brackets):
    sent = mail.message(body, sender=scene.user.address)
    address = brackets.format(scene.user.address)
    with Dialogue(relay) as session:
        session.smtp()
        session.smtp("EHLO client.example.com")
        for line in (f"MAIL FROM:{address} BODY=8BITMIME", f"RCPT TO:{address}", "DATA"):
            assert session.smtp(line)[-1][0] in "23", f"{line!r} is refused"
        session.send_bytes(mail.stuffed(sent))
        assert session.smtp()[-1].startswith("250")
        assert session.smtp("QUIT")[-1].startswith("221")
        assert session.line() is None
    mail.assert_same(arrived(scene), sent)


def test_a_pipelined_session(scene, relay):
    """Everything in one segment, before the server has said a word."""
    sent = mail.message(b"All at once.\r\n", sender=scene.user.address)
    lines = ["EHLO client.example.com", f"MAIL FROM:<{scene.user.address}>"]
    lines += [f"RCPT TO:<{scene.user.address}>", "DATA"]
    with Dialogue(relay) as session:
        session.send_bytes("".join(f"{line}\r\n" for line in lines).encode())
        for _ in range(5):
            assert session.smtp()[-1][0] in "23"
        session.send_bytes(mail.stuffed(sent) + b"QUIT\r\n")
        assert session.smtp()[-1].startswith("250")
        assert session.smtp()[-1].startswith("221")
    mail.assert_same(arrived(scene), sent)
