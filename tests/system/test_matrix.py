# SPDX-License-Identifier: Apache-2.0
"""Every protocol with every kind of TLS and login, against every server that speaks it."""

import pytest

from rig import mail
from rig.dialogue import Dialogue
from rig.scene import AUTHENTICATIONS, PORTS, UPSTREAMS

IMAP = [protocol for protocol in PORTS["dovecot"] if protocol.startswith("imap")]
POP3 = [protocol for protocol in PORTS["dovecot"] if protocol.startswith("pop3")]
SMTP = [(server, protocol) for server, protocol in UPSTREAMS if protocol.startswith("smtp")]
# What a server's ports speak at most: both kinds of end of file are met.
TLS = {("postfix", "smtps"): "TLSv1.2"}
# A password goes in by a command of the protocol or by SASL.
PASSWORD_MECHANISMS = ("PLAIN", "LOGIN", "USER")
EXPECTED_MECHANISM = {"BasicAuthentication": "PLAIN", "OAuth2ClientCredentials": "XOAUTH2"}


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("server,protocol", SMTP)
def test_mail_is_sent(scene, server, protocol, authentication):
    port = scene.serve(protocol, authentication, server)
    sent = mail.message(b"Through " + protocol.encode() + b"\r\n", sender=scene.user.address)
    with Dialogue(port) as session:
        assert session.smtp()[0].startswith("220 "), "no greeting"
        assert session.smtp("EHLO client.example.com")[-1].startswith("250 ")
        assert session.smtp(f"MAIL FROM:<{scene.user.address}>")[0].startswith("250")
        assert session.smtp(f"RCPT TO:<{scene.user.address}>")[0].startswith("250")
        assert session.smtp("DATA")[0].startswith("354")
        session.send_bytes(mail.stuffed(sent))
        assert session.smtp()[0].startswith("250"), "the mail was not taken"
        assert session.smtp("QUIT")[0].startswith("221")
        assert session.line() is None, "the connection stays open after QUIT"

    record = scene.maildest.wait_for_record(
        protocol, PROTOCOL=protocol, MECHANISM=EXPECTED_MECHANISM[authentication], PRIORITY=5
    )
    version = TLS.get((server, protocol), "TLSv1.3")
    assert record["TLS"].split()[0] == version, f"not {version}: {record}"
    reader = scene.serve("imap4", authentication)
    mail.assert_same(mail.read_back(reader), sent)


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("protocol", IMAP)
def test_mailbox_is_read(scene, protocol, authentication):
    port = scene.serve(protocol, authentication)
    with Dialogue(port) as session:
        assert session.line().startswith("* OK [CAPABILITY IMAP4rev1")
        assert session.imap("a1 LOGIN any thing")[-1].startswith("a1 OK")
        assert session.imap("a2 CREATE made-here")[-1].startswith("a2 OK")
        assert any("made-here" in line for line in session.imap('a3 LIST "" "*"'))
        assert session.imap("a4 LOGOUT")[-1].startswith("a4 OK")
        assert session.line() is None, "the connection stays open after LOGOUT"

    record = scene.maildest.wait_for_record(protocol, PROTOCOL=protocol, PRIORITY=5)
    wanted = {"BasicAuthentication": PASSWORD_MECHANISMS}.get(authentication, ("XOAUTH2",))
    assert record["MECHANISM"] in wanted, f"an unexpected mechanism: {record}"


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("protocol", POP3)
def test_mail_is_fetched_and_deleted(scene, protocol, authentication):
    sent = mail.message(b"Through POP3\r\n.\r\n..\r\n")
    scene.world.dovecot.deliver(scene.user, sent)
    port = scene.serve(protocol, authentication)
    with Dialogue(port) as session:
        assert session.pop3().startswith("+OK")
        assert session.pop3("USER any").startswith("+OK")
        assert session.pop3("PASS thing").startswith("+OK")
        assert session.pop3("STAT").startswith("+OK 1 ")
        fetched = session.pop3_lines("RETR 1")
        assert fetched[0].startswith("+OK")
        unstuffed = [line.removeprefix(".") for line in fetched[1:]]
        mail.assert_same("".join(f"{line}\r\n" for line in unstuffed).encode(), sent)
        assert session.pop3("DELE 1").startswith("+OK")
        assert session.pop3("QUIT").startswith("+OK")
        assert session.line() is None, "the connection stays open after QUIT"

    record = scene.maildest.wait_for_record(protocol, PROTOCOL=protocol, PRIORITY=5)
    wanted = {"BasicAuthentication": PASSWORD_MECHANISMS}.get(authentication, ("XOAUTH2",))
    assert record["MECHANISM"] in wanted, f"an unexpected mechanism: {record}"
    with Dialogue(port) as session:
        session.pop3()
        assert session.pop3("stat").startswith("+OK 0 "), "the mail is not deleted"
        assert session.pop3("quit").startswith("+OK")


def test_own_authority_from_maildest_conf(scene):
    """AdditionalCAs= stands in for each destination's TrustStoreLocation."""
    scene.maildest.write("maildest.conf", "# our own\nAdditionalCAs=test-ca.pem\n")
    keys = scene.keys("imap4s")
    del keys["TrustStoreLocation"]
    port = scene.maildest.serve("imap4s", keys)
    with Dialogue(port) as session:
        assert session.line().startswith("* OK"), "AdditionalCAs= is not trusted"
