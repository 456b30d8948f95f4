# SPDX-License-Identifier: Apache-2.0
"""SMTP smuggling (CVE-2023-51764 and its kin): what servers may disagree about, where a mail ends,
passes as it came, and nothing of the kind is made here."""

import pytest

from fakes.fixtures import certificates, maildest, serve  # noqa: F401

# Ends of data in the eyes of some server, and what is none anywhere.
SEQUENCES = {
    "LF.LF": b"\n.\n",
    "CRLF.LF": b"\r\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CR.CR": b"\r.\r",
    "CRLF.CR": b"\r\n.\r",
    "CR.CRLF": b"\r.\r\n",
    "LF.CR": b"\n.\r",
    "CR.LF": b"\r.\n",
    "CRCRLF.CRCRLF": b"\r\r\n.\r\r\n",
    "NUL": b"\r\n\0.\r\n",
    "dot-stuffed": b"\r\n..\r\n",
    "CRLF.NULCRLF": b"\r\n.\0\r\n",
    "LFLF.CRLF": b"\n\n.\r\n",
    "CRLF.CRCRLF": b"\r\n.\r\r\n",
}
# What an attacker wants to be a second mail; without brackets, which maildest would put.
SMUGGLED = b"MAIL FROM:admin@example.com\r\nRCPT TO:victim@example.com\r\nDATA\r\nevil\r\n"
END = b"\r\n.\r\n"


def takes_all(connection):
    """The server's end of DATA: it reads on until the right end, whatever it looks like."""
    connection.send("354 Go on")
    while not connection.received.endswith(END):
        connection.receive()
    connection._buffer = b""
    connection.send("250 2.0.0 Queued")


def send_mails(maildest, serve, address, mails, **keys):
    """Sends mails in one session, each a list of pieces: what the server got behind each DATA."""
    server = serve("smtp", answers={"DATA": takes_all})
    maildest.destination("a", server, **keys)
    session = maildest.connect("a")
    session.smtp()
    session.smtp("EHLO client.example.com")
    for pieces in mails:
        assert session.smtp(f"MAIL FROM:{address}").startswith("250")
        assert session.smtp(f"RCPT TO:{address}").startswith("250")
        assert session.smtp("DATA").startswith("354")
        for piece in pieces:
            session.send(piece)
        assert session.smtp().startswith("250")
    assert session.smtp("QUIT").startswith("221")
    assert session.record()["RESULT"] == "ok"
    parts = server.received.split(b"RCPT TO:<a@example.com>\r\nDATA\r\n")[1:]
    return [part.partition(END)[0] + END for part in parts]


EACH_ADDRESS = pytest.mark.parametrize(
    "address", ("<a@example.com>", "a@example.com"), ids=("relay", "lines")
)


def test_a_mail_passes_byte_for_byte(maildest, serve):
    mails = [b"Subject: one" + one + SMUGGLED + END for one in SEQUENCES.values()]
    got = send_mails(maildest, serve, "<a@example.com>", [[mail] for mail in mails])
    assert dict(zip(SEQUENCES, got, strict=True)) == dict(zip(SEQUENCES, mails, strict=True))


@pytest.mark.parametrize("label", ("LF.LF", "LF.CRLF", "CRLF.LF", "CR.CR"))
def test_a_mail_whose_addresses_need_brackets(maildest, serve, label):
    mail = b"Subject: one" + SEQUENCES[label] + SMUGGLED + END
    (got,) = send_mails(maildest, serve, "a@example.com", [[mail]])
    assert got == mail


@EACH_ADDRESS
def test_no_sequence_arises_where_pieces_meet(maildest, serve, address):
    mail = b"Subject: one" + b"".join(SEQUENCES.values()) + SMUGGLED + END
    pieces = [mail[at : at + 1] for at in range(len(mail))]
    assert send_mails(maildest, serve, address, [pieces]) == [mail]


def test_a_client_that_logs_in_itself_is_no_exception(maildest, serve):
    mail = b"Subject: one" + b"".join(SEQUENCES.values()) + SMUGGLED + END
    keys = {"Authentication": "NoAuthentication"}
    assert send_mails(maildest, serve, "a@example.com", [[mail]], **keys) == [mail]


@pytest.mark.parametrize("label", ("CR", "LF", "NUL"))
def test_line_ends_within_an_address_make_no_second_command(maildest, serve, label):
    """Where lines are read to put brackets: one line of the client is one line for the server."""
    odd = {"CR": "\r", "LF": "\n", "NUL": "\0"}[label]
    server = serve("smtp")
    maildest.destination("a", server)
    session = maildest.connect("a")
    session.smtp()
    sent = f"MAIL FROM:a@example.com{odd}RCPT TO:b@example.com\r\nNOOP\r\nQUIT\r\n"
    session.send(sent)
    session.rest()
    said = b"MAIL FROM:" + server.received.split(b"MAIL FROM:", 1)[1]
    assert said.translate(None, b"<>") == sent.encode(), f"more than brackets changed: {said!r}"


def test_a_reply_passes_byte_for_byte(maildest, serve):
    """The other way: a server's odd line ends are the client's to judge."""
    odd = b"250-a\rb\n250-c\r\r\n250 \0d\r\n"
    server = serve("smtp", answers={"NOOP": lambda connection: connection.send_bytes(odd)})
    maildest.destination("a", server)
    session = maildest.connect("a")
    session.smtp()
    session.smtp("EHLO client.example.com")
    session.smtp("MAIL FROM:<a@example.com>")
    session.send("NOOP\r\n")
    got = b""
    while len(got) < len(odd):
        got += session.socket.recv(len(odd) - len(got))
    assert got == odd
    session.send("QUIT\r\n")
    session.rest()
