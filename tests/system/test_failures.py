# SPDX-License-Identifier: Apache-2.0
"""What goes wrong is said: to the client in a reply it can act on, to the operator in one record."""

import json
import socket
import time

import pytest

from rig import destinations, doubles, waiting
from rig.dialogue import Dialogue
from rig.pki import Authority
from rig.ports import free_port
from rig.doubles import TokenAnswer

TEMPORARY = {"smtp": "421 4.", "imap4": "* BYE [UNAVAILABLE]", "pop3": "-ERR [SYS/TEMP]"}
PROTOCOLS = tuple(TEMPORARY)
BASIC = "BasicAuthentication"
OAUTH = "OAuth2ClientCredentials"


def refusal(scene, name, protocol, port):
    """The refusal that a client gets; there must be one record of it."""
    with Dialogue(port, timeout=40) as session:
        line = session.line()
        rest = session.rest()
    assert line, "the connection is closed without a word"
    assert line.startswith(TEMPORARY[protocol]), f"the client is told {line!r}"
    assert rest == b"", f"more follows the refusal: {rest!r}"
    record = scene.maildest.wait_for_record(name)
    assert record["PRIORITY"] in (3, 4), f"a failure is not recorded as one: {record}"
    assert record["SESSION"] in line, "the refusal does not name the session"
    # Exactly one: a second one would come at once, if at all.
    assert len(scene.maildest.records(name)) == 1
    return line, record


def assert_refused(scene, protocol, **keys):
    port = scene.serve(protocol, **keys)
    return refusal(scene, protocol, protocol, port)


# --- the destination's file


def bad_files(good):
    """label -> (text of the file, words that the record must hold)"""
    text = json.dumps(good)
    return {
        "empty": ("", ()),
        "not-json": ("mail.user=me", ()),
        "truncated": (text[:-2], ()),
        "too-long": (text + " " * 66000, ()),
        "wrong-type": (json.dumps(good | {"Type": "HTTP"}), ("Type",)),
        "twice": (text[:-1] + ', "mail.user": "x"}', ("mail.user",)),
        "placeholder": (json.dumps(good | {"mail.user": "<user>"}), ("mail.user",)),
        "no-host": (json.dumps({k: v for k, v in good.items() if ".host" not in k}), ("host",)),
        "port-0": (json.dumps(good | {"mail.smtp.port": "0"}), ("mail.smtp.port",)),
        "port-70000": (json.dumps(good | {"mail.smtp.port": 70000}), ("mail.smtp.port",)),
        "port-abc": (json.dumps(good | {"mail.smtp.port": "abc"}), ("mail.smtp.port",)),
        "protocol": (
            json.dumps(good | {"mail.transport.protocol": "gopher"}),
            ("mail.transport.protocol",),
        ),
        "proxy-type": (json.dumps(good | {"ProxyType": "Carrier"}), ("ProxyType",)),
        "authentication": (json.dumps(good | {"Authentication": "Magic"}), ("Authentication",)),
    }


LABELS = tuple(bad_files({"mail.user": "u"}))


def refused_in_some_words(scene, port, name="smtp"):
    """As refusal(), where the protocol may not even be known."""
    with Dialogue(port, timeout=40) as session:
        line = session.line()
    assert line and line.startswith(tuple(TEMPORARY.values())), f"the client is told {line!r}"
    return scene.maildest.wait_for_record(name, PRIORITY=3)


@pytest.mark.parametrize("label", LABELS)
def test_a_bad_destination_file(scene, label):
    text, words = bad_files(scene.keys("smtp", BASIC) | {"Name": "smtp"})[label]
    port = scene.serve("smtp", BASIC)
    scene.maildest.write("destinations/smtp.json", text)
    record = refused_in_some_words(scene, port)
    assert "smtp.json" in record["MESSAGE"], f"the record does not name the file: {record}"
    for word in words:
        assert word in record["MESSAGE"], f"the record does not name {word}: {record}"


def test_a_destination_that_others_may_read(scene):
    port = scene.serve("smtp", BASIC)
    (scene.maildest.config / "destinations/smtp.json").chmod(0o644)
    assert "smtp.json" in refused_in_some_words(scene, port)["MESSAGE"]


def test_a_destination_that_is_not_there(scene):
    port = scene.serve("smtp", BASIC)
    (scene.maildest.config / "destinations/smtp.json").unlink()
    assert "smtp.json" in refused_in_some_words(scene, port)["MESSAGE"]


def test_a_link_out_of_the_folder(scene):
    port = scene.serve("smtp", BASIC)
    path = scene.maildest.config / "destinations/smtp.json"
    elsewhere = path.rename(scene.maildest.folder / "elsewhere.json")
    path.symlink_to(elsewhere)
    refused_in_some_words(scene, port)


# --- the mail server


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_wrong_password(scene, protocol):
    wrong = {"mail.password": "wrong-password-0815"}
    _, record = assert_refused(scene, protocol, authentication=BASIC, **wrong)
    assert record["MECHANISM"], f"the record names no mechanism: {record}"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_listens(scene, protocol):
    closed = {f"mail.{protocol}.port": str(free_port())}
    assert_refused(scene, protocol, authentication=BASIC, **closed)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_unknown_host(scene, protocol):
    assert_refused(scene, protocol, authentication=BASIC, host="no-such-host.invalid")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_silent_server(scene, protocol):
    with doubles.server(doubles.silent) as upstream:
        keys = {
            f"mail.{protocol}.port": str(upstream.port),
            f"mail.{protocol}.timeout": "1500",
            "host": "127.0.0.1",
        }
        start = time.monotonic()
        assert_refused(scene, protocol, authentication=BASIC, **keys)
        took = time.monotonic() - start
    assert took < 20, f"mail.{protocol}.timeout is not obeyed: {took:.1f} s"


@pytest.mark.parametrize(
    "protocol,greeting",
    (("smtp", b"220 plain\r\n"), ("imap4", b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] plain\r\n")),
)
def test_a_server_without_starttls(scene, protocol, greeting):
    with doubles.server(doubles.says(greeting)) as upstream:
        keys = {f"mail.{protocol}.port": str(upstream.port), "host": "127.0.0.1"}
        _, record = assert_refused(scene, protocol, authentication=BASIC, **keys)
    assert "STARTTLS" in record["MESSAGE"], f"the record does not say why: {record}"


@pytest.mark.parametrize("server", ("dovecot", "postfix"))
def test_a_port_that_speaks_tls_first(scene, server):
    """The record says what to set instead."""
    upstream = getattr(scene.world, server)
    wrong = {"mail.smtp.port": str(upstream.ports["submissions"]), "mail.smtp.timeout": "4000"}
    _, record = assert_refused(scene, "smtp", authentication=BASIC, server=server, **wrong)
    assert record["PRIORITY"] in (3, 4)


CERTIFICATES = {
    "expired": {"names": ("IP:127.0.0.1",), "days": -1},
    "another-name": {"names": ("DNS:elsewhere.example.com", "IP:127.9.9.9")},
}


@pytest.mark.parametrize("label", CERTIFICATES)
def test_a_certificate_that_must_not_be_trusted(scene, label):
    authority = scene.world.authority
    pair = authority.issue(f"{label}-{free_port()}", **CERTIFICATES[label])
    assert_certificate_refused(scene, pair)


def test_an_unknown_authority(scene):
    stranger = Authority(scene.maildest.folder / "stranger", "somebody else")
    assert_certificate_refused(scene, stranger.issue("unknown"))


def assert_certificate_refused(scene, pair):
    with doubles.server(doubles.tls(*pair, b"220 come in\r\n")) as upstream:
        keys = destinations.basic("smtps", upstream.port, scene.user, host="127.0.0.1")
        port = scene.maildest.serve("smtps", keys)
        _, record = refusal(scene, "smtps", "smtp", port)
    assert "certificate" in record["MESSAGE"], f"the record does not say why: {record}"


# --- the token service


BAD_TOKEN_ANSWERS = {
    **{
        error: TokenAnswer(400, json.dumps({"error": error}))
        for error in (
            "invalid_client", "unauthorized_client", "invalid_grant", "invalid_scope",
            "unsupported_grant_type", "invalid_request", "access_denied", "slow_down",
        )
    },
    "401": TokenAnswer(401, json.dumps({"error": "invalid_client"})),
    "429": TokenAnswer(429, "", Retry_After="2"),
    "500": TokenAnswer(500, "trouble"),
    "html": TokenAnswer(200, "<html>log in, please</html>", Content_Type="text/html"),
    "no-token": TokenAnswer(200, '{"token_type": "Bearer"}'),
    "control-characters": TokenAnswer(200, '{"access_token": "a\\u0001b", "expires_in": 60}'),
    "redirect": TokenAnswer(302, "", Location="https://localhost:1/token"),
    "truncated": TokenAnswer(200, '{"access_token": "abc'),
    "too-long": TokenAnswer(200, '{"access_token": "' + "x" * 200000 + '"}'),
}  # fmt: skip


@pytest.mark.parametrize("label", BAD_TOKEN_ANSWERS)
def test_a_bad_answer_of_the_token_service(scene, label):
    with doubles.token_service(scene.world.authority, BAD_TOKEN_ANSWERS[label]) as service:
        port = scene.serve("imap4", tokenServiceURL=service.url)
        refusal(scene, "imap4", "imap4", port)
        assert len(service.requests) == 1, "a refused request is repeated within a session"


def test_no_token_service(scene):
    assert_refused(scene, "imap4", tokenServiceURL=f"https://localhost:{free_port()}/token")


def test_a_slow_token_service(scene):
    slow = TokenAnswer(200, "{}", delay=20)
    with doubles.token_service(scene.world.authority, slow) as service:
        keys = {"tokenServiceURL.SocketReadTimeoutInSeconds": "1", "tokenServiceURL": service.url}
        start = time.monotonic()
        assert_refused(scene, "imap4", **keys)
        took = time.monotonic() - start
    assert took < 15, f"SocketReadTimeoutInSeconds=1 is not obeyed: {took:.1f} s"


def test_an_untrusted_token_service(scene):
    stranger = Authority(scene.maildest.folder / "stranger", "somebody else")
    with doubles.token_service(stranger, TokenAnswer(200, "{}")) as service:
        assert_refused(scene, "imap4", tokenServiceURL=service.url)
        assert not service.requests, "a secret went to a token service that nobody trusts"


def test_a_token_service_that_recovers(scene):
    """A temporary failure is forgotten after a pause; nobody restarts anything."""
    good = TokenAnswer(200, json.dumps({"access_token": scene.client.token(), "expires_in": 300}))
    answers = (TokenAnswer(500, "trouble"), good)
    with doubles.token_service(scene.world.authority, *answers) as service:
        port = scene.serve("imap4", tokenServiceURL=service.url)
        refusal(scene, "imap4", "imap4", port)

        def works():
            with Dialogue(port) as session:
                return session.line().startswith("* OK")

        waiting.until(works, "the token service recovered, maildest did not", 30)


# --- the client


@pytest.fixture
def smtp(scene):
    return scene.serve("smtp", BASIC)


@pytest.mark.parametrize(
    "request_text",
    (
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\nMAIL FROM:<intruder@web.example>\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ),
    ids=("post", "get", "tls"),
)
def test_what_is_no_mail_client_is_turned_away(scene, smtp, request_text):
    with Dialogue(smtp) as session:
        session.line()
        session.send_bytes(request_text)
        line = session.line()
        assert line and line.startswith("554 "), f"it is answered {line!r}"
        assert session.line() is None, "the connection stays open"
    record = scene.maildest.wait_for_record("smtp")
    assert record["PRIORITY"] <= 4, f"an attack is not recorded as one: {record}"
    assert "intruder" not in scene.world.dovecot.log(), "the server saw it"


def test_garbage_ends_after_five_commands(smtp):
    with Dialogue(smtp) as session:
        session.line()
        replies = [session.smtp(f"GARBAGE {i}")[0] for i in range(4)]
        assert all(reply.startswith("500 ") for reply in replies), replies
        session.send("GARBAGE 5")
        rest = session.rest()
    assert rest.startswith((b"500", b"421")), f"the fifth is answered {rest!r}"


def test_a_line_of_a_mebibyte(scene, smtp):
    with Dialogue(smtp) as session:
        session.line()
        session.send_bytes(b"NOOP " + b"A" * (1024 * 1024) + b"\r\n")
        line = session.line()
        assert line and line.startswith(("500 ", "421 ")), f"it is answered {line!r}"
        if line.startswith("500"):
            assert session.smtp("NOOP")[0].startswith("250"), "the next command is not understood"
            session.smtp("QUIT")
    scene.maildest.wait_for_record("smtp")


def test_a_client_that_leaves_at_once(scene, smtp):
    socket.create_connection(("127.0.0.1", smtp)).close()
    scene.maildest.wait_for_record("smtp")
    waiting.until(lambda: not scene.maildest.handlers("smtp"), "its handler stays")


def test_a_client_that_resets(scene, smtp):
    session = Dialogue(smtp)
    session.line()
    session._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    session.close()
    scene.maildest.wait_for_record("smtp")
    waiting.until(lambda: not scene.maildest.handlers("smtp"), "its handler stays")


def test_a_client_that_leaves_within_a_mail(scene, smtp):
    with Dialogue(smtp) as session:
        session.smtp()
        session.smtp(f"MAIL FROM:<{scene.user.address}>")
        session.smtp(f"RCPT TO:<{scene.user.address}>")
        session.smtp("DATA")
        session.send("Subject: cut off")
    waiting.until(lambda: not scene.maildest.handlers("smtp"), "its handler stays")
    reader = scene.serve("imap4", BASIC)
    with Dialogue(reader) as session:
        session.line()
        assert "* 0 EXISTS" in session.imap("a SELECT INBOX"), "half a mail was delivered"


def test_starttls_is_not_offered_to_the_client(smtp):
    with Dialogue(smtp) as session:
        session.line()
        offered = {line[4:].split()[0] for line in session.smtp("EHLO x")[1:]}
        assert not offered & {"STARTTLS", "BURL", "XCLIENT"}, f"offered: {offered}"
        assert session.smtp("STARTTLS")[0].startswith("502")


def test_imap_capabilities_are_ours(scene):
    with Dialogue(scene.serve("imap4", BASIC)) as session:
        session.line()
        words = set(session.imap("a CAPABILITY")[0].split())
        assert not words & {"STARTTLS", "LOGINDISABLED", "AUTH=XOAUTH2"}, f"offered: {words}"
        assert {"AUTH=PLAIN", "IDLE"} <= words
        assert session.imap("b STARTTLS")[-1].startswith("b BAD")


def test_pop3_capabilities_are_ours(scene):
    with Dialogue(scene.serve("pop3", BASIC)) as session:
        session.line()
        offered = {line.split()[0]: line for line in session.pop3_lines("CAPA")[1:]}
        assert not {"STLS", "UTF8"} & set(offered), f"offered: {offered}"
        assert offered["SASL"] == "SASL PLAIN LOGIN" and {"USER", "UIDL", "TOP"} <= set(offered)
        assert session.pop3("STLS").startswith("-ERR")
