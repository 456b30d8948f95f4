# SPDX-License-Identifier: Apache-2.0
"""The client sessions that SAP's pages print, typed as they stand there, reply by reply."""

import pytest

from rig import mail
from rig.dialogue import Dialogue
from rig.scene import AUTHENTICATIONS, UPSTREAMS

IMAP = ("imap4", "imap4s")


def type_mail(port, sender, recipient):
    """The SMTP example: no EHLO, no angle brackets, no QUIT."""
    with Dialogue(port) as session:
        assert session.smtp()[0].startswith("220 ")
        for line, wanted in (
            (f"MAIL FROM:{sender}", "250"),
            (f"RCPT TO:{recipient}", "250"),
            ("DATA", "354"),
        ):
            reply = session.smtp(line)
            assert reply[-1].startswith(wanted), f"{line!r} is answered {reply}"
        session.send("Mail text as printed.")
        reply = session.smtp(".")
        assert reply[-1].startswith("250"), f"the dot is answered {reply}"


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("server,protocol", [pair for pair in UPSTREAMS if pair[1] not in IMAP])
def test_smtp(scene, server, protocol, authentication):
    port = scene.serve(protocol, authentication, server)
    type_mail(port, "sender@transparentproxy.com", scene.user.address)
    reader = scene.serve("imap4", authentication)
    received = mail.read_back(reader)
    assert received.endswith(b"Mail text as printed.\r\n"), f"the text changed: {received!r}"
    assert b"Return-Path: <sender@transparentproxy.com>" in received


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("protocol", IMAP)
def test_imap(scene, protocol, authentication):
    sender = scene.serve("smtp", authentication, "postfix")
    type_mail(sender, scene.user.address, scene.user.address)
    port = scene.serve(protocol, authentication)
    mail.read_back(port)
    with Dialogue(port) as session:
        assert session.line().startswith("* OK ")
        answer = session.imap('2 LIST "" "*"')
        assert answer[-1].startswith("2 OK"), f"LIST is answered {answer}"
        assert any(line.startswith("* LIST ") for line in answer), "no folder is listed"
        answer = session.imap("3 SELECT INBOX")
        assert "* 1 EXISTS" in answer and answer[-1].startswith("3 OK"), f"SELECT: {answer}"
        answer = session.imap("5 FETCH 1 BODY[TEXT]")
        assert answer[-1].startswith("5 OK"), f"FETCH is answered {answer}"
        assert any("BODY[TEXT]" in line for line in answer), f"no text: {answer}"


@pytest.mark.parametrize("protocol", ("smtp", "imap4"))
def test_bare_line_feeds_before_the_relay(scene, protocol):
    port = scene.serve(protocol)
    with Dialogue(port) as session:
        session.line()
        session.send_bytes(b"NOOP\n" if protocol == "smtp" else b"1 NOOP\n")
        assert session.line()[:4] in ("250 ", "1 OK"), "a bare line feed is not taken"
