# SPDX-License-Identifier: Apache-2.0
"""No byte is lost, added or changed on the way, whatever it is and however many there are."""

import smtplib

import pytest

from rig import mail
from rig.dialogue import Dialogue

MIB = 1024 * 1024


def send(port, user, sent):
    with Dialogue(port, timeout=120) as session:
        session.smtp()
        session.smtp("EHLO client.example.com")
        session.smtp(f"MAIL FROM:<{user.address}> BODY=8BITMIME")
        session.smtp(f"RCPT TO:<{user.address}>")
        assert session.smtp("DATA")[0].startswith("354")
        session.send_bytes(mail.stuffed(sent))
        reply = session.smtp()
        assert reply[0].startswith("250"), f"a mail of {len(sent)} octets is answered {reply}"
        session.smtp("QUIT")


@pytest.mark.parametrize("label", mail.BODIES)
@pytest.mark.parametrize("server", ("dovecot", "postfix"))
def test_mail_comes_back_as_sent(scene, server, label):
    sent = mail.message(mail.BODIES[label], sender=scene.user.address)
    send(scene.serve("smtp", "OAuth2ClientCredentials", server), scene.user, sent)
    mail.assert_same(mail.read_back(scene.serve("imap4")), sent)


def retrieved(port):
    """The first mail as POP3 gives it, its dots undone."""
    with Dialogue(port, timeout=60) as session:
        session.pop3()
        assert session.pop3("RETR 1").startswith("+OK")
        # With QUIT behind RETR already, Dovecot itself drops the end of some: one in forty.
        text = session.bytes_to_dot()
        assert session.pop3("QUIT").startswith("+OK"), "something else comes behind the mail"
    return (b"\r\n" + text).replace(b"\r\n..", b"\r\n.")[2:]


READ_BY_POP3 = mail.BODIES | {"5-mebibytes": mail.noise(5 * MIB)}


@pytest.mark.parametrize("protocol", ("pop3", "pop3s"))
@pytest.mark.parametrize("label", READ_BY_POP3)
def test_mail_read_by_pop3_is_as_sent(scene, protocol, label):
    sent = mail.message(READ_BY_POP3[label], sender=scene.user.address)
    send(scene.serve("smtp"), scene.user, sent)
    mail.assert_same(mail.read_back(scene.serve("imap4")), sent)
    mail.assert_same(retrieved(scene.serve(protocol)), sent)


def test_an_empty_mail(scene):
    send(scene.serve("smtp", "OAuth2ClientCredentials", "postfix"), scene.user, b"")
    received = mail.read_back(scene.serve("imap4"))
    assert received.endswith(b"\r\n") and b"Received: " in received
    assert b"\r\n\r\n" not in received[:-4], f"an empty mail got a body: {received!r}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "server,smtp,imap", (("postfix", "smtp", "imap4s"), ("dovecot", "smtps", "imap4"))
)
def test_fifty_mebibytes(scene, server, smtp, imap):
    sent = mail.message(mail.noise(50 * MIB), sender=scene.user.address)
    send(scene.serve(smtp, "OAuth2ClientCredentials", server), scene.user, sent)
    record = scene.maildest.wait_for_record(smtp)
    counted = max(int(record["BYTES_IN"]), int(record["BYTES_OUT"]))
    assert counted >= len(sent), f"the record counts too few bytes: {record}"
    mail.assert_same(mail.read_back(scene.serve(imap), seconds=120), sent)


def test_bdat_of_every_octet(scene):
    """CHUNKING carries lines as they are; the last chunk follows without waiting."""
    sent = mail.message(mail.noise(2 * MIB), sender=scene.user.address)
    half = len(sent) // 2
    with Dialogue(scene.serve("smtp"), timeout=60) as session:
        session.smtp()
        assert "250-CHUNKING" in session.smtp("EHLO client.example.com")
        session.smtp(f"MAIL FROM:<{scene.user.address}>")
        session.smtp(f"RCPT TO:<{scene.user.address}>")
        session.send_bytes(b"BDAT %d\r\n" % half + sent[:half])
        session.send_bytes(b"BDAT %d LAST\r\n" % (len(sent) - half) + sent[half:])
        assert session.smtp()[0].startswith("250")
        assert session.smtp()[0].startswith("250")
        session.smtp("QUIT")
    mail.assert_same(mail.read_back(scene.serve("imap4")), sent)


def test_several_mails_in_one_session(scene):
    port = scene.serve("smtp", "OAuth2ClientCredentials", "postfix")
    sent = [mail.message(b"mail %d\r\n" % i, sender=scene.user.address) for i in range(3)]
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        for one in sent:
            client.sendmail(scene.user.address, [scene.user.address], one)
    reader = scene.serve("imap4")
    bodies = {mail.read_back(reader, 3)[-8:]}
    assert bodies <= {b"mail %d\r\n" % i for i in range(3)}


def test_append_of_a_big_mail(scene):
    sent = mail.message(mail.noise(8 * MIB))
    port = scene.serve("imap4")
    client = mail.connect_imap(port)
    kind, answer = client.append("INBOX", None, None, sent)
    assert kind == "OK", f"APPEND fails: {answer}"
    client.logout()
    assert mail.read_back(port) == sent, "an appended mail came back changed"


def test_idle_hears_of_a_new_mail(scene):
    smtp = scene.serve("smtp", "OAuth2ClientCredentials", "postfix")
    with Dialogue(scene.serve("imap4"), timeout=30) as session:
        session.line()
        assert session.imap("a SELECT INBOX")[-1].startswith("a OK")
        session.send("b IDLE")
        assert session.line().startswith("+"), "IDLE is not started"
        send(smtp, scene.user, mail.message(b"wake up\r\n", sender=scene.user.address))
        heard = session.line()
        while heard is not None and "EXISTS" not in heard:
            heard = session.line()
        assert heard == "* 1 EXISTS", f"IDLE tells {heard!r} of the new mail"
        session.send("DONE")
        assert session.imap_answer("b")[-1].startswith("b OK")


def test_early_bytes_stay_in_order(scene):
    """What the client sends before the greeting is answered after it, in order."""
    with Dialogue(scene.serve("imap4")) as session:
        session.send_bytes(b"".join(b"t%d NOOP\r\n" % i for i in range(100)))
        session.send_bytes(b'z LIST "" "%"\r\n')
        session.line()
        tags = [line.split()[0] for line in session.imap_answer("z") if line[0] == "t"]
        assert tags == [f"t{i}" for i in range(100)], f"answers out of order: {tags}"
