# SPDX-License-Identifier: Apache-2.0
"""Logging in at the mail servers themselves, past maildest."""

import base64
import imaplib
import smtplib


def smtp(world, server):
    """smtplib at a server's submission port, after STARTTLS."""
    upstream = getattr(world, server)
    client = smtplib.SMTP(upstream.host, upstream.ports["submission"])
    client.starttls(context=world.tokens.trust)
    client.ehlo()
    return client


def smtp_xoauth2(world, server, address, token):
    """The code of the reply to a login with this token."""
    client = smtp(world, server)
    text = f"user={address}\1auth=Bearer {token}\1\1"
    code, reply = client.docmd("AUTH", "XOAUTH2")
    assert code == 334, f"AUTH XOAUTH2 is not asked for its answer: {code} {reply}"
    code, _ = client.docmd(base64.b64encode(text.encode()).decode())
    if code == 334:
        code, _ = client.docmd("")
    client.close()
    return code


def imap_xoauth2(world, address, token):
    """OK or NO: the answer to a login with this token."""
    client = imaplib.IMAP4(world.dovecot.host, world.dovecot.ports["imap"])
    client.starttls(world.tokens.trust)
    answers = iter([f"user={address}\1auth=Bearer {token}\1\1".encode(), b""])
    try:
        return client.authenticate("XOAUTH2", lambda _: next(answers))[0]
    except client.error:
        return "NO"
    finally:
        client.shutdown()
