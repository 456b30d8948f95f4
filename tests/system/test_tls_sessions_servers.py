# SPDX-License-Identifier: Apache-2.0
"""Dovecot and Postfix take their TLS sessions back, and nothing of the mail depends on it."""

import pytest

from rig import mail
from rig.dialogue import Dialogue
from rig.forking import ForkingHandler, tcp, visit
from rig.scene import AUTHENTICATIONS, UPSTREAMS


# Postfix hands out one ticket of TLS 1.3 with a full handshake and none with a resumed one.
EVERY_OTHER = (("postfix", "smtp"),)


def is_resumed(record):
    assert record["RESULT"] == "ok", record
    return "resumed" in record["TLS"].split()


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("server,protocol", UPSTREAMS)
def test_the_second_session_is_resumed(scene, server, protocol, authentication):
    port = scene.serve(protocol, authentication, server)
    handler = ForkingHandler(scene.maildest, [(protocol, tcp())])
    resumed = []
    for count in (1, 2):
        visit(Dialogue(port))
        resumed.append(is_resumed(scene.maildest.wait_for_record(protocol, count)))
        handler.visit(protocol)
        resumed.append(is_resumed(handler.wait_for_record(protocol, count)))
    others = (server, protocol) not in EVERY_OTHER
    assert resumed == [False, True, others, True]


@pytest.mark.parametrize("protocol", ("smtp", "smtps"))
def test_mail_over_a_resumed_connection_comes_back_as_sent(scene, protocol):
    """In TLS 1.3 and, at Postfix's TLS-first port, 1.2."""
    writer, reader = scene.serve(protocol, server="postfix"), scene.serve("imap4")
    for count, octets in enumerate((100, 2_000_000), 1):
        sent = mail.message(mail.noise(octets), sender=scene.user.address)
        mail.send(Dialogue(writer), scene.user, sent)
        mail.assert_same(mail.read_back(reader, count), sent)
    for name in (protocol, "imap4"):
        assert is_resumed(scene.maildest.wait_for_record(name, 2)), f"{name} is not resumed"
