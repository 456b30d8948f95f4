# SPDX-License-Identifier: Apache-2.0
"""Clients that say nothing, speak something else, or never stop."""

import contextlib
import re
import select
import socket

import pytest

from fakes.fixtures import certificates, maildest, serve, shim  # noqa: F401
from fakes.shim import Hurry
from fakes.target import PASSWORD, SOON, refusal_pattern
from rig import waiting
from rig.ports import free_port

PROTOCOLS = ("smtp", "imap4", "pop3")
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
MIB = 1 << 20
EVIL = "evil@example.com"
LOGIN_COMMAND = re.compile(
    r"AUTH PLAIN(?: |\r\n)\S+\r\n|M\d+ AUTHENTICATE PLAIN \S+\r\n(?:M\d+ CAPABILITY\r\n)?"
)


@pytest.fixture
def connect(maildest, serve):
    """A session with a polite server behind it; (session, server)."""

    def make(protocol, tls=None, hold=(), **options):
        server = serve(protocol, tls=tls, hold=hold)
        maildest.destination(protocol, server)
        return maildest.connect(protocol, **options), server

    return make


def greeting(session):
    line = session.line()
    assert line.startswith(("220 ", "* OK ", "+OK ")), f"{line!r}: {session.process.output()}"
    return line


def commands(server):
    """What the server was told behind the login, in capitals."""
    text = server.received.decode(errors="replace").upper()
    return LOGIN_COMMAND.split(text)[-1]


def assert_ended(server):
    for connection in server.connections:
        assert connection.ended.wait(10), f"a session stays open at {connection.steps}"


# --- silence


@EACH
@pytest.mark.parametrize("how", ("close", "half_close", "reset"))
def test_a_client_that_says_nothing(maildest, connect, protocol, how):
    session, server = connect(protocol)
    greeting(session)
    getattr(session, how)()
    record = session.record()
    if how == "reset":
        assert record["RESULT"] == "client-gone" and record["PRIORITY"] == 5, record
    else:
        assert record["RESULT"] == "ok", record
        assert {"imap4": "LOGOUT"}.get(protocol, "QUIT") in commands(server)
    assert_ended(server)


@EACH
@pytest.mark.parametrize("how", ("close", "half_close", "reset"))
def test_a_client_that_left_before_the_handler_looked(connect, protocol, how):
    """As port scans and health checks do; nothing to be alarmed about."""
    session, server = connect(protocol, before=lambda session: getattr(session, how)())
    record = session.record()
    assert record["RESULT"] == ("ok" if how == "half_close" else "client-gone"), record
    assert record["PRIORITY"] == 5, record
    assert_ended(server)


@EACH
def test_a_client_that_does_not_read(maildest, shim, connect, protocol):
    """Replies that nobody takes end the session after a minute."""
    hurry = Hurry(shim, maildest.folder / "hurry", 30)
    session, server = connect(protocol, env=hurry.environment)
    greeting(session)
    hurry.begin()
    line = {"smtp": b"HELP\r\n", "imap4": b"a CAPABILITY\r\n", "pop3": b"CAPA\r\n"}[protocol]
    session.socket.settimeout(1)
    with session.watch_memory() as memory, contextlib.suppress(TimeoutError, ConnectionError):
        while not session.is_over():
            session.send(line * 4096)
    record = session.record()
    assert record["RESULT"] == "client-gone", record
    assert "does not read" in record["MESSAGE"], record
    memory.assert_bounded()


# --- other protocols

BODY = {
    "smtp": f"EHLO x\r\nMAIL FROM:<{EVIL}>\r\nRCPT TO:<{EVIL}>\r\nDATA\r\nevil\r\n.\r\nQUIT\r\n",
    "imap4": f"a LOGIN {EVIL} x\r\nb SELECT INBOX\r\nc STORE 1:* FLAGS (\\Deleted)\r\nd LOGOUT\r\n",
    "pop3": f"USER {EVIL}\r\nPASS x\r\nDELE 1\r\nQUIT\r\n",
}
HEADERS = "Host: 127.0.0.1:587\r\nContent-Length: 999\r\n\r\n"
REQUESTS = {
    "post": "POST / HTTP/1.1\r\n",
    "get": "GET /index.html HTTP/1.0\r\n",
    "put": "PUT /x HTTP/1.1\r\n",
    "options": "OPTIONS * HTTP/1.1\r\n",
    "connect": "CONNECT mail.example.com:25 HTTP/1.1\r\n",
    "http-2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http-0.9": "GET /\r\n",
    "bare-lf": "POST / HTTP/1.1\n",
    "absolute": "POST http://127.0.0.1:587/ HTTP/1.1\r\n",
    "webdav": "PROPFIND /x HTTP/1.1\r\n",
    "lower-case": "post / http/1.1\r\n",
    "blank-at-end": "POST / HTTP/1.1 \r\n",
    "long-url": "POST /" + "a" * 9000 + " HTTP/1.1\r\n",
    "endless-url": "POST /?" + "a" * 100_000 + " HTTP/1.1\r\n",
    "endless-url-of-webdav": "PROPFIND /?" + "a" * 100_000 + " HTTP/1.1\r\n",
}
EARLY = [label for label in REQUESTS if label != "endless-url-of-webdav"]


def request(label, protocol):
    headers = "" if label == "http-0.9" else HEADERS
    # The fewest headers that a request needs: each other line may be answered as an error.
    if "url" in label:
        headers = "Host: x\r\n\r\n"
    return REQUESTS[label] + headers + BODY[protocol]


def saying(data):
    return lambda session: session.send(data)


def assert_turned_away(maildest, session, protocol):
    """The refusal comes at once, and the rest of what the client sends is not answered."""
    record = maildest.assert_refused(session, protocol, "client-refused", at_most=SOON)
    assert record["CLIENT"].startswith("127.0.0.1:"), record


@EACH
@pytest.mark.parametrize("label", EARLY)
def test_http_before_the_greeting(maildest, connect, label, protocol):
    """A web page or a forged request: the mail server is not even dialled."""
    text = request(label, protocol)
    session, server = connect(protocol, before=saying(text))
    assert_turned_away(maildest, session, protocol)
    assert not server.connections, "the mail server was bothered"


@EACH
@pytest.mark.parametrize("pieces", (0, 1), ids=("at-once", "byte-by-byte"))
@pytest.mark.parametrize("label", REQUESTS)
def test_http_after_the_greeting(maildest, connect, label, pieces, protocol):
    session, server = connect(protocol)
    greeting(session)
    text = request(label, protocol).encode()
    session.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(ConnectionError):
        for i in range(40 if pieces else 0):
            session.send(text[i : i + 1])
        session.send(text[40:] if pieces else text)
    assert_turned_away(maildest, session, protocol)
    assert_ended(server)
    told = commands(server)
    for word in ("EVIL", "MAIL", "SELECT", "STORE", "DELE", "HTTP", "HOST"):
        assert word not in told, f"the mail server saw {told!r}"
    assert not server.mails


@EACH
@pytest.mark.parametrize("method", ("POST", "PROPFIND"))
def test_http_whose_version_lies_at_the_edge_of_a_buffer(maildest, serve, method, protocol):
    server = serve(protocol, tls=None)
    maildest.destination(protocol, server)
    start, version = f"{method} /", " HTTP/1.1\r\n"
    for size in (4096, 8192, 12288, 65536):
        for behind in range(len(version) + 1):
            url = "a" * (size - len(start) - behind)
            session = maildest.connect(protocol)
            greeting(session)
            session.send(f"{start}{url}{version}{BODY[protocol]}")
            assert_turned_away(maildest, session, protocol)
    assert_ended(server)
    assert "EVIL" not in server.received.decode().upper()


HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(506)
OTHERS = {
    "tls": HELLO,
    "tls-alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "nul": b"\0\0\0\0\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "xml": b"<?xml version='1.0'?>\r\n",
    "json": b'{"method": "x"}\r\n',
    "line-break": b"\r\nEHLO x\r\n",
    "blank": b" EHLO x\r\n",
    "umlaut": "ähem\r\n".encode(),
    "proxy-2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
    "digits": b"123 EHLO\r\n",
}


@pytest.mark.parametrize("protocol", ("smtp", "pop3"))
@pytest.mark.parametrize("when", ("early", "late"))
@pytest.mark.parametrize("label", OTHERS)
def test_bytes_that_begin_no_command(maildest, connect, label, when, protocol):
    """Here commands begin with a letter; an IMAP tag may begin with a digit."""
    early = when == "early"
    session, server = connect(protocol, before=saying(OTHERS[label]) if early else None)
    if not early:
        greeting(session)
        session.send(OTHERS[label])
    assert_turned_away(maildest, session, protocol)
    assert bool(server.connections) != early
    assert_ended(server)
    assert "EHLO" not in commands(server)


@pytest.mark.parametrize("when", ("early", "late"))
def test_a_tls_handshake_at_imap(maildest, connect, when):
    early = when == "early"
    session, server = connect("imap4", before=saying(HELLO) if early else None)
    if not early:
        greeting(session)
        session.send(HELLO)
    assert_turned_away(maildest, session, "imap4")
    assert bool(server.connections) != early


# --- errors and long lines


@EACH
def test_a_client_that_errs_five_times(maildest, connect, protocol):
    session, server = connect(protocol)
    greeting(session)
    for i in range(5):
        session.send(f"GARBAGE {i}\r\n")
        assert session.line().startswith(("500 5.5.1 ", "GARBAGE BAD ", "-ERR No ")), session.got
    maildest.assert_refused(session, protocol, "client-errors")
    assert_ended(server)
    assert "GARBAGE" not in commands(server)


LONG = {
    "smtp-line": ("smtp", "x" * MIB, "500 5.5.2 "),
    "smtp-ehlo": ("smtp", "EHLO " + "x" * MIB, "500 5.5.2 "),
    "smtp-mail": ("smtp", "MAIL FROM:<" + "x" * MIB + ">", "500 5.5.2 "),
    "smtp-auth": ("smtp", "AUTH PLAIN " + "A" * MIB, "500 5.5.6 "),
    "imap-line": ("imap4", "x" * MIB, "* BAD "),
    "imap-command": ("imap4", "a FROBNICATE " + "x" * MIB, "a BAD "),
    "imap-login": ("imap4", "a LOGIN u " + "x" * MIB, "a BAD "),
    "imap-auth": ("imap4", "a AUTHENTICATE PLAIN " + "A" * MIB, "a BAD "),
    "imap-literal": ("imap4", "a LOGIN {999999999}", "a BAD "),
    "imap-literal-64-bit": ("imap4", "a LOGIN {18446744073709551615}", "a BAD "),
    "imap-many-blanks": ("imap4", " " * MIB, "* BAD "),
    "pop3-line": ("pop3", "x" * MIB, "-ERR The line"),
    "pop3-user": ("pop3", "USER " + "x" * MIB, "-ERR The line"),
    "pop3-list": ("pop3", "LIST " + "x" * MIB, "-ERR The line"),
    "pop3-auth": ("pop3", "AUTH PLAIN " + "A" * MIB, "-ERR The line"),
}


@pytest.mark.parametrize("label", LONG)
def test_a_long_line_is_refused_and_the_session_goes_on(connect, label):
    protocol, line, answer = LONG[label]
    session, server = connect(protocol)
    greeting(session)
    with session.watch_memory() as memory:
        session.send(line + "\r\n")
        assert session.line().startswith(answer), session.got
        if protocol == "smtp":
            assert session.smtp("NOOP").startswith("250 ")
            assert session.smtp("QUIT").startswith("221 ")
        elif protocol == "pop3":
            assert session.pop3("USER x").startswith("+OK")
            assert session.pop3("QUIT").startswith("+OK")
        else:
            assert session.imap("b NOOP").startswith("b OK")
            session.imap("c LOGOUT")
        session.close()
        assert session.record()["RESULT"] == "ok"
    memory.assert_bounded()
    assert "XXXX" not in commands(server)


def test_a_long_command_for_the_server_is_the_servers_to_judge(connect):
    session, server = connect("imap4")
    greeting(session)
    with session.watch_memory() as memory:
        session.send("a SELECT " + "x" * MIB + "\r\n")
        assert session.line().startswith("a OK")
        session.imap("b LOGOUT")
        session.close()
        assert session.record()["RESULT"] == "ok"
    memory.assert_bounded()
    assert "x" * MIB in server.received.decode()


@pytest.mark.parametrize("mechanism", ("PLAIN", "LOGIN"))
@EACH
def test_a_long_response_is_refused_and_the_session_goes_on(connect, protocol, mechanism):
    session, _ = connect(protocol)
    greeting(session)
    if protocol == "smtp":
        assert session.smtp(f"AUTH {mechanism}").startswith("334 ")
        assert session.smtp("A" * MIB).startswith("500 5.5.6 ")
        assert session.smtp("NOOP").startswith("250 ")
    elif protocol == "pop3":
        assert session.pop3(f"AUTH {mechanism}").startswith("+ ")
        assert session.pop3("A" * MIB).startswith("-ERR The response")
        assert session.pop3("USER x").startswith("+OK")
    else:
        session.send(f"a AUTHENTICATE {mechanism}\r\n")
        assert session.line().startswith("+ ")
        session.send("A" * MIB + "\r\n")
        assert session.line().startswith("a BAD ")
        assert session.imap("b NOOP").startswith("b OK")
    session.close()
    assert session.record()["RESULT"] == "ok"


def test_a_literal_that_comes_unasked_is_too_long(maildest, connect):
    session, _ = connect("imap4")
    greeting(session)
    session.send("a LOGIN {999999999+}\r\nxxxx")
    maildest.assert_refused(session, "imap4", "client-errors", "literal")


ENDLESS = {
    "smtp": ("smtp", b""), "smtp-auth": ("smtp", b"AUTH PLAIN "), "imap": ("imap4", b""),
    "imap-login": ("imap4", b"a LOGIN "), "smtp-line-mode": ("smtp", b"MAIL FROM:a@b\r\nRCPT TO:"),
    "pop3": ("pop3", b""), "pop3-auth": ("pop3", b"AUTH PLAIN "),
}  # fmt: skip


@pytest.mark.parametrize("label", ENDLESS)
def test_a_line_without_an_end(maildest, connect, label):
    """Up to 1 GiB; it must end long before, with a word, and without having kept it."""
    protocol, begin = ENDLESS[label]
    session, server = connect(protocol)
    greeting(session)
    session.send(begin)
    if label == "smtp-line-mode":
        assert session.line().startswith("250 ")
    sent = 0
    with session.watch_memory() as memory:
        session.socket.setblocking(False)
        while sent < 1024 * MIB:
            readable, writable, _ = select.select([session.socket], [session.socket], [], 20)
            if readable:
                break
            assert writable, "the handler neither reads nor answers"
            sent += session.socket.send(b"A" * 65536)
        session.socket.settimeout(20)
        maildest.assert_refused(session, protocol, "client-errors", at_most=SOON)
    assert sent < 64 * MIB, f"it took {sent // MIB} MiB of one line"
    memory.assert_bounded()
    assert_ended(server)


# --- many


@EACH
def test_two_hundred_clients_while_the_server_is_down(maildest, protocol):
    class Nowhere:
        host, port, tls = "127.0.0.1", free_port(), "starttls"

    maildest.destination(protocol, Nowhere, protocol)
    port = maildest.listen(protocol)
    pattern = re.compile(refusal_pattern(protocol, "connect"))
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            for _ in range(200)
        ]
        replies = [client.makefile("rb").read().decode() for client in clients]
    sessions = {match["session"] for match in map(pattern.fullmatch, replies) if match}
    assert len(sessions) == 200, f"some are told something else: {set(replies)}"
    maildest.wait_for_record(protocol, 200)
    records = maildest.records(protocol)
    assert {record["SESSION"] for record in records} == sessions and len(records) == 200
    waiting.until(lambda: not maildest.handlers(protocol), "handlers stay")
    assert PASSWORD not in maildest.log(protocol)
