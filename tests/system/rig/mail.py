# SPDX-License-Identifier: Apache-2.0
"""Mails to send, and reading them back."""

import imaplib
import random

from . import waiting

imaplib._MAXLINE = 10_000_000


def message(body, subject="maildest", sender="sender@example.com"):
    """A whole mail: headers and the body as it is."""
    head = f"From: {sender}\r\nTo: all@example.com\r\nSubject: {subject}\r\n\r\n"
    return head.encode() + body


def noise(octets):
    """Lines of 76 characters that no compression shortens, the same at every call."""
    source = random.Random(20)
    lines = octets // 78
    return b"".join(source.randbytes(38).hex().encode() + b"\r\n" for _ in range(lines))


BODIES = {
    "small": b"Hello.\r\n",
    "dots": b".\r\n..\r\n.hidden\r\nend.\r\n.\r\n",
    "eight-bit": "Grüße, 日本語\r\n".encode() + bytes(range(0xA0, 0x100)) + b"\r\n",
    "long-lines": b"".join(b"%c" % (97 + i % 26) * 998 + b"\r\n" for i in range(40)),
    "no-body": b"",
    "blank-lines": b"\r\n\r\n\r\n",
    "looks-like-smtp": b"QUIT\r\nRSET\r\nMAIL FROM:<a@b>\r\nDATA\r\n",
}


def stuffed(mail):
    """The mail as DATA carries it: dots doubled, and the dot at its end."""
    text = b"\r\n" + mail
    return text.replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def send(session, user, mail):
    """Sends a mail from a mailbox to itself, in a Dialogue that has just begun, to its end."""
    with session:
        session.smtp()
        session.smtp("EHLO client.example.com")
        session.smtp(f"MAIL FROM:<{user.address}> BODY=8BITMIME")
        session.smtp(f"RCPT TO:<{user.address}>")
        assert session.smtp("DATA")[0].startswith("354")
        session.send_bytes(stuffed(mail))
        reply = session.smtp()
        assert reply[0].startswith("250"), f"a mail of {len(mail)} octets is answered {reply}"
        session.smtp("QUIT")


def connect_imap(port):
    """imaplib at this port, logged in with anything."""
    client = imaplib.IMAP4("127.0.0.1", port, timeout=60)
    client.login("whoever", "whatever")
    return client


def newest(client, count=1, seconds=60):
    """Waits for `count` mails in the INBOX of a logged-in imaplib; the last one's octets."""

    def has_come():
        kind, data = client.select()
        return kind == "OK" and int(data[0]) >= count

    waiting.until(has_come, f"mail {count} did not arrive in the mailbox", seconds)
    kind, data = client.fetch(str(count), "(BODY.PEEK[])")
    assert kind == "OK", f"FETCH failed: {data}"
    return data[0][1]


def read_back(port, count=1, seconds=60):
    """The same through maildest's port, where any login is good."""
    client = connect_imap(port)
    try:
        return newest(client, count, seconds)
    finally:
        client.logout()


def assert_same(received, sent):
    """The mail arrived byte for byte below the headers that servers put on top."""
    assert received.endswith(sent), (
        f"the mail of {len(sent)} octets came back changed "
        f"({len(received)} octets, from {received[:300]!r} to {received[-100:]!r})"
    )
    above = received[: len(received) - len(sent)]
    assert above == b"" or above.endswith(b"\r\n"), f"something stands before the mail: {above!r}"
    assert b"\r\n\r\n" not in above, f"more than headers stands before the mail: {above!r}"
