# SPDX-License-Identifier: Apache-2.0
"""The clients that people use, with a login and without, through one and the same port."""

import imaplib
import poplib
import smtplib

import pytest

from rig import mail
from rig.clients import run

LOGINS = (True, False)


def letter(scene, text=b"from a real client\r\n"):
    return mail.message(text, sender=scene.user.address)


@pytest.mark.parametrize("login", LOGINS)
def test_smtplib(scene, smtp, imap, login):
    sent = letter(scene)
    with smtplib.SMTP("127.0.0.1", smtp, timeout=30) as client:
        if login:
            client.login("whoever", "whatever")
        client.sendmail(scene.user.address, [scene.user.address], sent)
    mail.assert_same(mail.read_back(imap), sent)


@pytest.mark.parametrize("login", LOGINS)
def test_curl_smtp(scene, smtp, imap, login):
    sent = letter(scene)
    run(
        "curl", "-sS", *(["-u", "whoever:whatever"] if login else []),
        "--mail-from", scene.user.address, "--mail-rcpt", scene.user.address,
        "-T", "-", f"smtp://127.0.0.1:{smtp}", input=sent,
    )  # fmt: skip
    mail.assert_same(mail.read_back(imap), sent)


@pytest.mark.parametrize("mechanism", (None, "PLAIN", "LOGIN"))
def test_swaks(scene, smtp, imap, mechanism):
    login = ["--auth", mechanism, "-au", "whoever", "-ap", "whatever"] if mechanism else []
    run(
        "swaks", "--server", "127.0.0.1", "--port", smtp, *login,
        "--from", scene.user.address, "--to", scene.user.address,
        "--body", "from swaks", "--hide-all",
    )  # fmt: skip
    received = mail.read_back(imap)
    assert b"from swaks\r\n" in received, f"swaks' mail arrived changed: {received!r}"


def test_swaks_pipelining(scene, smtp, imap):
    run(
        "swaks", "--server", "127.0.0.1", "--port", smtp, "--pipeline",
        "--from", scene.user.address, "--to", scene.user.address, "--body", "in one go",
        "--hide-all",
    )  # fmt: skip
    assert b"in one go\r\n" in mail.read_back(imap)


@pytest.mark.parametrize("login", LOGINS)
def test_curl_imap(scene, imap, folder, login):
    sent = letter(scene)
    file = folder / "mail"
    file.write_bytes(sent)
    credentials = ["-u", "whoever:whatever"] if login else []
    run("curl", "-sS", *credentials, "-T", file, f"imap://127.0.0.1:{imap}/INBOX")
    received = run("curl", "-sS", *credentials, f"imap://127.0.0.1:{imap}/INBOX;MAILINDEX=1")
    assert received == sent, f"curl reads {received!r} instead of {sent!r}"


def test_imaplib_with_login(imap):
    client = imaplib.IMAP4("127.0.0.1", imap, timeout=30)
    client.login("whoever", 'what "ever"')
    assert client.select()[0] == "OK"
    client.logout()


@pytest.mark.parametrize("mechanism", ("PLAIN", "LOGIN"))
def test_imaplib_authenticate(imap, mechanism):
    answers = {"PLAIN": [b"\0whoever\0whatever"], "LOGIN": [b"whoever", b"whatever"]}[mechanism]
    client = imaplib.IMAP4("127.0.0.1", imap, timeout=30)
    following = iter(answers)
    assert client.authenticate(mechanism, lambda _: next(following))[0] == "OK"
    assert client.select()[0] == "OK"
    client.logout()


def test_imaplib_without_login(scene):
    """Python lets no command through before a login, unless the server greets with PREAUTH."""
    scene.maildest.write("maildest.conf", "ClientLogin=preauth\n")
    client = imaplib.IMAP4("127.0.0.1", scene.serve("imap4"), timeout=30)
    assert client.state == "AUTH", "ClientLogin=preauth does not greet with PREAUTH"
    assert client.select()[0] == "OK"
    client.logout()


@pytest.fixture
def full_mailbox(scene, smtp, imap):
    """A mailbox with a mail in it; the mail."""
    sent = letter(scene)
    with smtplib.SMTP("127.0.0.1", smtp, timeout=30) as client:
        client.sendmail(scene.user.address, [scene.user.address], sent)
    mail.read_back(imap)
    return sent


@pytest.mark.parametrize("login", (None, "user", "apop", "utf8"))
def test_poplib(scene, full_mailbox, login):
    """With a login, without one, or after one that poplib or we refuse; what it deletes is gone."""
    port = scene.serve("pop3")
    client = poplib.POP3("127.0.0.1", port, timeout=30)
    assert "STLS" not in client.capa()
    if login == "user":
        client.user("whoever")
        client.pass_("what ever")
    elif login:
        with pytest.raises(poplib.error_proto):
            client.apop("whoever", "whatever") if login == "apop" else client.utf8()
    assert client.stat()[0] == 1
    assert b"from a real client" in client.retr(1)[1]
    client.dele(1)
    assert client.quit().startswith(b"+OK")
    client = poplib.POP3("127.0.0.1", port, timeout=30)
    assert client.stat() == (0, 0), "a deleted mail is still there"
    client.quit()


@pytest.mark.parametrize("login", ([], ["-u", "whoever:whatever"]), ids=("none", "any"))
@pytest.mark.parametrize("how", ([], ["--sasl-ir"]), ids=("asked", "initial"))
def test_curl_pop3(scene, full_mailbox, login, how):
    port = scene.serve("pop3")
    received = run("curl", "-sS", *login, *how, f"pop3://127.0.0.1:{port}/1")
    assert received.endswith(b"from a real client\r\n"), f"curl reads {received!r}"


def test_nc_reads_a_maildrop_and_closes(scene, full_mailbox):
    port = scene.serve("pop3")
    output = run("nc", "-N", "127.0.0.1", port, input=b"CAPA\r\nSTAT\r\nRETR 1\r\nQUIT\r\n")
    assert b"\r\nfrom a real client\r\n.\r\n+OK" in output, f"an answer is missing: {output!r}"


@pytest.mark.parametrize("server", ("dovecot", "postfix"))
@pytest.mark.parametrize("protocol", ("smtp", "smtps"))
def test_nc_sends_a_session_in_one_segment_and_closes(scene, imap, server, protocol):
    """`printf ... | nc -N`: all bytes at once, and the end of file before any answer."""
    port = scene.serve(protocol, "OAuth2ClientCredentials", server)
    lines = (
        "EHLO here", f"MAIL FROM:<{scene.user.address}>", f"RCPT TO:<{scene.user.address}>",
        "DATA", "Subject: early end", "", "one segment", ".", "QUIT", "",
    )  # fmt: skip
    output = run("nc", "-N", "127.0.0.1", port, input="\r\n".join(lines).encode())
    codes = [line[:3] for line in output.splitlines() if line[3:4] == b" "]
    assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"], output
    assert mail.read_back(imap).endswith(b"one segment\r\n"), "the mail was cut"


def test_nc_reads_a_mailbox_and_closes(imap):
    output = run("nc", "-N", "127.0.0.1", imap, input=b'1 LIST "" "*"\r\n2 LOGOUT\r\n')
    assert b"\r\n1 OK" in output and b"\r\n2 OK" in output, f"an answer is missing: {output!r}"


def test_nc_without_brackets(scene, smtp, imap):
    lines = (
        f"MAIL FROM:{scene.user.address}", f"RCPT TO:{scene.user.address}",
        "DATA", "", "bare", ".", "QUIT", "",
    )  # fmt: skip
    run("nc", "-N", "127.0.0.1", smtp, input="\r\n".join(lines).encode())
    assert mail.read_back(imap).endswith(b"bare\r\n"), "the mail was cut"
