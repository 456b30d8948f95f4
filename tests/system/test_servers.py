# SPDX-License-Identifier: Apache-2.0
"""The servers themselves, without maildest: they let nobody in who has no right to come in."""

import base64
import imaplib
import json
import smtplib
import subprocess

import pytest

from rig import mail, postfix
from rig.dialogue import Dialogue
from rig.direct import imap_xoauth2, smtp, smtp_xoauth2

SUBMISSIONS = ("dovecot", "postfix")


@pytest.fixture
def user(world):
    return world.dovecot.new_user()


@pytest.fixture
def token(world, user):
    return world.tokens.add_client(user.address).token()


def forged(token, **claims):
    """The token with other claims under the old signature."""
    head, payload, signature = token.split(".")
    old = json.loads(base64.urlsafe_b64decode(payload + "=="))
    new = base64.urlsafe_b64encode(json.dumps(old | claims).encode()).decode().rstrip("=")
    return f"{head}.{new}.{signature}"


@pytest.mark.parametrize("server", SUBMISSIONS)
def test_submission_takes_a_real_token(world, user, token, server):
    assert smtp_xoauth2(world, server, user.address, token) == 235, f"{server} refuses a good token"


@pytest.mark.parametrize("server", SUBMISSIONS)
def test_submission_refuses_a_forged_token(world, user, token, server):
    forgery = forged(token, exp=9999999999)
    code = smtp_xoauth2(world, server, user.address, forgery)
    assert code == 535, f"{server} takes a forged token: {code}"


@pytest.mark.parametrize("server", SUBMISSIONS)
def test_submission_refuses_another_users_token(world, token, server):
    code = smtp_xoauth2(world, server, world.dovecot.new_user().address, token)
    assert code == 535, f"{server} lets one user in with another's token: {code}"


def test_imap_takes_a_real_token(world, user, token):
    assert imap_xoauth2(world, user.address, token) == "OK", "Dovecot refuses a good token"


def test_imap_refuses_a_forged_token(world, user, token):
    other = world.dovecot.new_user().address
    assert imap_xoauth2(world, other, forged(token, email=other)) == "NO", (
        "Dovecot does not check a token's signature"
    )


def test_imap_refuses_another_users_token(world, token):
    assert imap_xoauth2(world, world.dovecot.new_user().address, token) == "NO", (
        "Dovecot lets one user in with another's token"
    )


def test_imap_refuses_an_expired_token(world, user):
    client = world.tokens.add_client(user.address, valid=-5)
    assert imap_xoauth2(world, user.address, client.token()) == "NO", (
        "Dovecot takes an expired token"
    )


def test_curl_logs_in_with_a_token(world, user, token):
    done = subprocess.run(
        [
            "curl", "-sv", "--cacert", world.authority.certificate, "--ssl-reqd",
            "--user", user.address, "--oauth2-bearer", token,
            f"imap://{world.dovecot.host}:{world.dovecot.ports['imap']}/", "-X", "NOOP",
        ],
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"curl does not get in:\n{done.stderr}"


@pytest.mark.parametrize("server", SUBMISSIONS)
def test_passwords_are_checked(world, user, server):
    smtp(world, server).login(user.address, user.password)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        smtp(world, server).login(user.address, user.password + "x")


@pytest.mark.parametrize("server", SUBMISSIONS)
def test_nobody_logs_in_without_tls(world, user, server):
    server = getattr(world, server)
    client = smtplib.SMTP(server.host, server.ports["submission"])
    client.ehlo()
    login = base64.b64encode(f"\0{user.address}\0{user.password}".encode()).decode()
    code, _ = client.docmd("AUTH", "PLAIN " + login)
    assert code in (523, 530, 538, 503), f"{server} takes a login without TLS: {code}"


def test_submission_needs_a_login(world):
    client = smtp(world, "postfix")
    client.mail("a@example.com")
    code, _ = client.rcpt("b@example.com")
    assert code == 554, f"Postfix relays for strangers: {code}"


def test_dovecot_keeps_its_strict_address_syntax(world, user):
    client = smtp(world, "dovecot")
    client.login(user.address, user.password)
    code, _ = client.docmd("MAIL", "FROM:a@example.com")
    assert code == 501, f"Dovecot takes an address without brackets: {code}"


def test_postfix_keeps_its_defaults(world):
    assert postfix.configured(world.postfix.folder, "strict_rfc821_envelopes") == "no"
    assert postfix.configured(world.postfix.folder, "smtp_line_length_limit") == "998"


@pytest.mark.parametrize("server", SUBMISSIONS)
def test_sent_mail_is_delivered(world, user, server):
    sent = mail.message(b"to and fro\r\n")
    client = smtp(world, server)
    client.login(user.address, user.password)
    client.sendmail(user.address, [user.address], sent)
    client.quit()

    reader = imaplib.IMAP4_SSL(
        world.dovecot.host, world.dovecot.ports["imaps"], ssl_context=world.tokens.trust
    )
    reader.login(user.address, user.password)
    mail.assert_same(mail.newest(reader), sent)


def test_token_service_counts_requests(world, user):
    client = world.tokens.add_client(user.address)
    tokens = [client.token() for _ in range(3)]
    assert client.requests == 3, "the token service does not count requests"
    assert client.issued == tokens, "the token service does not remember its tokens"


def test_greetings_come_at_once(world):
    for server in (world.dovecot, world.postfix):
        with Dialogue(server.ports["submission"], host=server.host) as session:
            assert session.smtp()[0].startswith("220 ")
