# SPDX-License-Identifier: Apache-2.0
"""What the client sessions that SAP's pages print ask of us beside the right replies; the sessions
themselves are in test_combinations.py."""

import pytest

from rig import mail, printed
from rig.dialogue import Dialogue
from rig.scene import AUTHENTICATIONS, UPSTREAMS

SMTP = [pair for pair in UPSTREAMS if pair[1].startswith("smtp")]


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("server,protocol", SMTP)
def test_smtp_without_quit(scene, server, protocol, authentication):
    port = scene.serve(protocol, authentication, server)
    printed.smtp(port, scene.user.address, polite=False)
    reader = scene.serve("imap4", authentication)
    received = mail.read_back(reader)
    assert received.endswith(f"{printed.TEXT}\r\n".encode()), f"the text changed: {received!r}"
    assert f"Return-Path: <{printed.SENDER}>".encode() in received


@pytest.mark.parametrize("protocol,greeting,command,wanted", (
    ("smtp", "220 ", b"NOOP\n", "250 "),
    ("imap4", "* OK ", b"1 NOOP\n", "1 OK"),
    ("pop3", "+OK", b"STAT\n", "+OK"),
))
def test_bare_line_feeds_before_the_relay(scene, protocol, greeting, command, wanted):
    port = scene.serve(protocol)
    with Dialogue(port) as session:
        assert session.line().startswith(greeting)
        session.send_bytes(command)
        assert session.line().startswith(wanted), "a bare line feed is not taken"
