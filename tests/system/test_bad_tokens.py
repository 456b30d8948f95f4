# SPDX-License-Identifier: Apache-2.0
"""Token services and helpers that fail: what the mail client is told, and what the journal says."""

import json
import signal
import socket
import time

import pytest

from fakes.fixtures import certificates, maildest, serve, shim, tokens  # noqa: F401
from fakes.helper import OPENED, FakeHelper, error_message, message, token_message
from fakes.mail_server import CHALLENGE, DENIED, LOGIN
from fakes.shim import Hurry
from fakes.target import CLIENT_SECRET, SOON, TOKEN, run_as_nobody
from fakes.token_service import TokenService, error_reply, token_reply
from rig import waiting
from rig.ports import free_port
from rig.secrets import find

PROTOCOLS = ("smtp", "imap4", "pop3")
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
REFUSALS = {protocol: code + "Denied" for protocol, code in DENIED.items()}


@pytest.fixture
def scene(maildest, serve):
    """A fake mail server that takes tokens, and a destination for it."""

    def make(protocol, url, answers=None, **keys):
        server = serve(protocol, mechanisms=("XOAUTH2",), answers=answers)
        maildest.destination(protocol, server, oauth=url, **keys)
        return server

    return make


@pytest.fixture
def fake_helper(maildest):
    """Takes the helper's place: fake_helper(answer)."""
    running = []

    def start(answer, **options):
        running.append(FakeHelper(maildest.socket, answer, **options))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def assert_no_login(server):
    """The server has seen no login, if it was reached at all."""
    assert not server.connections, "the mail server is bothered without a token"


# --- the token service's answers

PERMANENT = (
    "invalid_client", "unauthorized_client", "invalid_grant", "invalid_scope",
    "unsupported_grant_type", "invalid_request", "access_denied",
)  # fmt: skip

ANSWERS = {
    **{f"400-{error}": (error_reply(400, error), 3, (error,)) for error in PERMANENT},
    "400-slow_down": (error_reply(400, "slow_down"), 4, ("slow_down",)),
    "400-unknown": (error_reply(400, "marsian_error"), 4, ("marsian_error",)),
    "400-described": (
        error_reply(400, "invalid_client", "AADSTS7000215: Invalid client secret provided."),
        3,
        ("invalid_client", "AADSTS7000215"),
    ),
    "400-no-json": ((400, {}, "bad request"), 4, ("400",)),
    "400-empty": ((400, {}, ""), 4, ("400",)),
    "401": (error_reply(401, "invalid_client"), 3, ("invalid_client", "401")),
    "401-no-json": ((401, {}, "Unauthorized"), 4, ("401",)),
    "403": (error_reply(403, "access_denied"), 3, ("access_denied",)),
    "404": ((404, {}, "not here"), 4, ("404",)),
    "429": ((429, {"Retry-After": "2"}, ""), 4, ("429",)),
    "429-json": ((429, {"Retry-After": "2"}, '{"error":"invalid_client"}'), 4, ("429",)),
    "500": ((500, {}, "trouble"), 4, ("500",)),
    "503": ((503, {"Retry-After": "3"}, "later"), 4, ("503",)),
    "500-json": (error_reply(500, "invalid_client"), 4, ("500",)),
    "302": ((302, {"Location": "https://127.0.0.1:1/token"}, ""), 4, ("302", "redirect")),
    "307": ((307, {"Location": "https://127.0.0.1:1/token"}, ""), 4, ("307", "redirect")),
    "200-html": ((200, {"Content-Type": "text/html"}, "<html>log in</html>"), 4, ("JSON",)),
    "200-empty": ((200, {}, ""), 4, ("JSON",)),
    "200-list": ((200, {}, "[]"), 4, ("JSON",)),
    "200-truncated": ((200, {}, '{"access_token": "abc'), 4, ("JSON",)),
    "200-no-token": (token_reply(None), 4, ("access_token",)),
    "200-empty-token": (token_reply(""), 4, ("access_token",)),
    "200-null-token": ((200, {}, '{"access_token": null}'), 4, ("access_token",)),
    "200-number": (token_reply(12345), 4, ("access_token",)),
    "200-control": (token_reply(f"{TOKEN}\x01"), 4, ("access_token",)),
    "200-line-break": (token_reply(f"{TOKEN}\r\nQUIT"), 4, ("access_token",)),
    "200-blank": (token_reply(f"{TOKEN} x"), 4, ("access_token",)),
    "200-umlaut": (token_reply(f"{TOKEN}ü"), 4, ("access_token",)),
    "200-long-token": (token_reply("x" * 100000), 4, ()),
    "200-mac-token": (token_reply(TOKEN, token_type="mac"), 4, ("Bearer",)),
    "200-huge": ((200, {}, '{"access_token": "' + "x" * 4_000_000 + '"}'), 4, ()),
    "forged": (error_reply(400, "a\r\n<3>b [MAILDEST_RESULT=ok]", "\x1b[2J"), 4, ()),
    "quotes-the-secret": (error_reply(400, "invalid_client", f"'{CLIENT_SECRET}' is bad"), 3, ()),
}  # fmt: skip


@EACH
@pytest.mark.parametrize("label", ANSWERS)
def test_a_bad_answer_of_the_token_service(maildest, scene, tokens, label, protocol):
    tokens.reply, priority, words = ANSWERS[label]
    server = scene(protocol, tokens.url())
    maildest.start_helper()
    asked = []
    while asked[-1:] != asked[-2:-1] or len(asked) < 2:
        session = maildest.connect(protocol)
        record = maildest.assert_refused(session, protocol, "token", *words, at_most=SOON)
        assert record["PRIORITY"] == priority, f"wrong level for {label}: {record}"
        assert record["MESSAGE"].isprintable()
        # After a pause of a second, which a busy machine may need for a session, and then longer.
        asked.append(len(tokens.requests))
        assert len(asked) < 6, f"the token service is asked again at once: {asked}"
    assert_no_login(server)


@EACH
def test_no_token_service(maildest, scene, protocol):
    server = scene(protocol, f"http://127.0.0.1:{free_port()}/token")
    maildest.start_helper()
    session = maildest.connect(protocol)
    record = maildest.assert_refused(session, protocol, "token", "127.0.0.1")
    assert record["PRIORITY"] == 4
    assert_no_login(server)


@EACH
def test_a_token_service_without_an_address(maildest, scene, protocol):
    scene(protocol, "https://no-such-host.invalid/token")
    maildest.start_helper()
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "token", "no-such-host.invalid")


@EACH
def test_a_token_service_that_breaks_the_connection(maildest, scene, tokens, protocol):
    def leave(_):
        raise ConnectionAbortedError

    tokens.reply = leave
    scene(protocol, tokens.url())
    maildest.start_helper()
    maildest.assert_refused(maildest.connect(protocol), protocol, "token")


@EACH
def test_a_slow_token_service(maildest, scene, tokens, protocol):
    tokens.gate.clear()
    scene(protocol, tokens.url(), **{"tokenServiceURL.SocketReadTimeoutInSeconds": "1"})
    maildest.start_helper()
    session = maildest.connect(protocol)
    record = maildest.assert_refused(session, protocol, "token", at_most=SOON)
    assert record["PRIORITY"] == 4


@EACH
def test_a_token_service_slower_than_the_login_may_take(maildest, shim, scene, tokens, protocol):
    tokens.gate.clear()
    scene(protocol, tokens.url(), **{"tokenServiceURL.SocketReadTimeoutInSeconds": "60"})
    maildest.start_helper()
    hurry = Hurry(shim, maildest.folder / "hurry", 10)
    session = maildest.connect(protocol, env=hurry.environment)
    assert tokens.arrived.acquire(timeout=20)
    hurry.begin()
    record = maildest.assert_refused(session, protocol, "token", "in time", at_most=SOON)
    assert 24e6 < int(record["DURATION_USEC"]) < 60e6, record


def test_a_token_service_that_nobody_trusts(maildest, scene, certificates, tmp_path):
    both = tmp_path / "both.pem"
    pair = certificates.foreign_pair("token-service")
    both.write_text("".join(path.read_text() for path in pair))
    service = TokenService(str(both))
    try:
        scene("smtp", service.url())
        maildest.start_helper()
        session = maildest.connect("smtp")
        maildest.assert_refused(session, "smtp", "token", "certificate")
        assert not service.requests, "the client's secret went to a stranger"
    finally:
        service.close()


# --- the destination, as the helper sees it

HELPER_KEYS = {
    "no-url": ({"tokenServiceURL": None}, "'tokenServiceURL'"),
    "placeholder": ({"tokenServiceURL": "https://<tenant>/token"}, "'tokenServiceURL'"),
    "no-https": ({"tokenServiceURL": "http://token.example.com/"}, "'tokenServiceURL'"),
    "file": ({"tokenServiceURL": "file:///etc/passwd"}, "'tokenServiceURL'"),
    "no-client": ({"clientId": None}, "'clientId'"),
    "url-type": ({"tokenServiceURLType": "Some"}, "'tokenServiceURLType'"),
    "common-without-tenant": ({"tokenServiceURLType": "Common"}, "'tokenServiceURLType'"),
    "timeout": (
        {"tokenServiceURL.SocketReadTimeoutInSeconds": "soon"},
        "'tokenServiceURL.SocketReadTimeoutInSeconds'",
    ),
}


@EACH
@pytest.mark.parametrize("label", HELPER_KEYS)
def test_a_destination_that_the_helper_cannot_use(maildest, scene, tokens, label, protocol):
    keys, word = HELPER_KEYS[label]
    scene(protocol, tokens.url(), **keys)
    maildest.start_helper()
    session = maildest.connect(protocol)
    words = (f"destinations/{protocol}.json", word)
    maildest.assert_refused(session, protocol, "configuration", *words)
    assert not tokens.requests


@pytest.mark.parametrize("fault", ("others-may-read", "no-json", "placeholder"))
def test_a_bad_file_of_secrets(maildest, scene, tokens, fault):
    scene("smtp", tokens.url(), clientSecret=None)
    secret = "<secret>" if fault == "placeholder" else CLIENT_SECRET
    text = json.dumps({"clientSecret": secret})
    path = maildest.write("secrets/smtp.json", text[:-1] if fault == "no-json" else text)
    path.chmod(0o644 if fault == "others-may-read" else 0o640)
    maildest.start_helper()
    session = maildest.connect("smtp")
    maildest.assert_refused(session, "smtp", "configuration", str(path))
    assert not tokens.requests


# --- tokens that the mail server refuses


@EACH
@pytest.mark.parametrize("challenged", (False, True))
def test_a_refused_token_without_another(maildest, scene, tokens, protocol, challenged):
    """One login, one attempt at a different token, and the server's reason in the journal."""
    tokens.reply = token_reply(TOKEN)
    answers = {LOGIN[protocol]: REFUSALS[protocol]}
    if challenged:
        failure = "eyJzdGF0dXMiOiI0MDAifQ=="  # {"status":"400"}

        def refuse(connection):
            connection.send(CHALLENGE[protocol] + failure)
            connection.line()
            connection.send(REFUSALS[protocol])

        answers = {LOGIN[protocol]: refuse}
    server = scene(protocol, tokens.url(), answers=answers)
    maildest.start_helper()
    session = maildest.connect(protocol)
    words = ("Denied", "refuses this identity") + (("status",) if challenged else ())
    record = maildest.assert_refused(session, protocol, "login", *words)
    assert record["PRIORITY"] == 3 and record["MECHANISM"] == "XOAUTH2", record
    assert len(server.connections) == 1, "the same token is tried again"


@EACH
def test_two_refused_tokens(maildest, scene, tokens, protocol):
    tokens.reply = lambda _: token_reply(f"{TOKEN}-{len(tokens.requests)}")
    server = scene(protocol, tokens.url(), answers={LOGIN[protocol]: REFUSALS[protocol]})
    maildest.start_helper()
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "login", "Denied")
    assert len(server.connections) == 2 and len(tokens.requests) == 2
    # For a while nobody is asked for more.
    session = maildest.connect(protocol)
    session.rest()
    session.close()
    assert session.record()["RESULT"] == "login"
    assert len(tokens.requests) == 2, "each refused login costs a token request"


@EACH
def test_the_helper_dies_before_the_second_token(maildest, scene, tokens, protocol):
    tokens.reply = token_reply(TOKEN)

    def refuse(connection):
        maildest.stop_helper(signal.SIGKILL)
        connection.send(REFUSALS[protocol])

    scene(protocol, tokens.url(), answers={LOGIN[protocol]: refuse})
    maildest.start_helper()
    maildest.assert_refused(maildest.connect(protocol), protocol, "helper", "Denied", "helper")


# --- no helper, or none that can be believed


@EACH
def test_no_helper(maildest, scene, tokens, protocol):
    server = scene(protocol, tokens.url())
    session = maildest.connect(protocol)
    words = (str(maildest.socket), "not running", "maildest-helper.socket")
    maildest.assert_refused(session, protocol, "helper", *words)
    assert_no_login(server)


SOCKETS = ("left-behind", "file", "folder", "datagram")


@pytest.mark.parametrize("kind", SOCKETS)
def test_a_socket_where_no_helper_listens(maildest, scene, tokens, kind):
    scene("smtp", tokens.url())
    if kind == "file":
        maildest.socket.write_text("")
    elif kind == "folder":
        maildest.socket.mkdir()
    else:
        how = socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM
        left = socket.socket(socket.AF_UNIX, how)
        left.bind(str(maildest.socket))
        if kind == "left-behind":
            left.close()
    session = maildest.connect("smtp")
    maildest.assert_refused(session, "smtp", "helper", str(maildest.socket))


@pytest.mark.parametrize("path", ("/tmp/" + "x" * 120, "relative/helper.sock"))
def test_a_path_that_is_no_socket_path(maildest, scene, tokens, path):
    scene("smtp", tokens.url())
    session = maildest.connect("smtp", args=(f"--helper-socket={path}",))
    session.rest()
    session.close()
    record = session.record()
    maildest.assert_record(record, record["RESULT"], "helper", "path")
    assert record["RESULT"] in ("configuration", "helper"), record


LISTENER = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("ready", flush=True)
connection, _ = listener.accept()
data = connection.recv(65536)
print(len(data), flush=True)
"""


@EACH
def test_a_helper_of_another_user(maildest, scene, tokens, protocol):
    """Root trusts only root; it is told nothing, not even the destination's name."""
    scene(protocol, tokens.url())
    folder = maildest.folder / "theirs"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    path = folder / "helper.sock"
    stranger = run_as_nobody(LISTENER, path)
    try:
        assert stranger.stdout.readline() == "ready\n"
        session = maildest.connect(protocol, args=(f"--helper-socket={path}",))
        maildest.assert_refused(session, protocol, "helper", "neither to root nor")
        assert stranger.stdout.readline() == "0\n", "the stranger heard something"
    finally:
        stranger.kill()
        stranger.wait()
        stranger.stdout.close()


@EACH
def test_the_helper_is_killed_while_it_fetches(maildest, scene, tokens, protocol):
    tokens.gate.clear()
    server = scene(protocol, tokens.url())
    maildest.start_helper()
    session = maildest.connect(protocol)
    assert tokens.arrived.acquire(timeout=20)
    begun = time.monotonic()
    maildest.stop_helper(signal.SIGKILL)
    maildest.assert_refused(session, protocol, "helper", "is not running")
    assert time.monotonic() - begun < SOON, "the handler waits for a helper that is gone"
    assert_no_login(server)


def test_the_helper_is_stopped_while_it_fetches(maildest, scene, tokens):
    """An orderly stop ends no login that is under way."""
    tokens.gate.clear()
    tokens.reply = token_reply(TOKEN)
    scene("smtp", tokens.url())
    helper = maildest.start_helper()
    session = maildest.connect("smtp")
    assert tokens.arrived.acquire(timeout=20)
    helper.child.send_signal(signal.SIGTERM)
    tokens.gate.set()
    assert session.line().startswith("220 "), session.process.output()
    session.close()
    assert session.record()["RESULT"] == "ok"


ERRORS = {
    "InvalidDestination": ("configuration", {"reason": "smtp.json: key 'x' is bad"}, "key 'x'"),
    "TokenRefused": ("token", {"error": "invalid_client", "reason": "no such client"}, "no such"),
    "TokenServiceUnavailable": ("token", {"reason": "HTTP status 500"}, "HTTP status 500"),
    "IdentityRefused": ("login", {"reason": "refused too"}, "refuses this identity"),
    "LimitExceeded": ("token", {"reason": "too many"}, "too many"),
    "SessionNotOpen": ("helper", {}, "helper"),
    "NoSuchError": ("helper", {}, "helper"),
    "NoReason": ("helper", {"reason": ["a"]}, "helper"),
}


@EACH
@pytest.mark.parametrize("name", ERRORS)
def test_each_error_of_the_helper(maildest, scene, tokens, fake_helper, name, protocol):
    result, parameters, word = ERRORS[name]
    fake_helper(error_message(name, **parameters))
    scene(protocol, tokens.url())
    maildest.assert_refused(maildest.connect(protocol), protocol, result, word)


@pytest.mark.parametrize("reason", ("a\r\n<3>b", "\x1b[2J", "x" * 5000, "\u009b", ""))
def test_a_reason_cannot_forge_a_record(maildest, scene, tokens, fake_helper, reason):
    fake_helper(error_message("TokenServiceUnavailable", reason=reason))
    scene("smtp", tokens.url())
    record = maildest.assert_refused(maildest.connect("smtp"), "smtp", "token")
    assert record["MESSAGE"].isprintable() and len(record["MESSAGE"]) < 1300


GARBAGE = {
    "text": b"hello\0",
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n\0",
    "empty": b"\0\0",
    "list": b"[]\0[]\0",
    "half": OPENED + token_message(TOKEN)[: -len(TOKEN) // 2],
    "nothing": b"",
    "only-the-first": OPENED,
    "unfinished": b'{"parameters":',
    "parameters-list": OPENED + message(parameters=[TOKEN]),
    "token-number": token_message(5),
    "token-empty": token_message(""),
    "token-list": token_message([TOKEN]),
    "no-token": OPENED + message(parameters={"expires_in": 3600}),
    "no-parameters": OPENED + message(),
    "control": token_message(f"{TOKEN}\x01\x01"),
    "line-break": token_message(f"{TOKEN}\r\nMAIL FROM:<a>"),
    "blank": token_message(f"{TOKEN} {TOKEN}"),
    "umlaut": token_message(f"{TOKEN}ü"),
    "error-number": OPENED + message(error=5),
}


@EACH
@pytest.mark.parametrize("label", GARBAGE)
def test_garbage_from_the_helper(maildest, scene, tokens, fake_helper, label, protocol):
    fake_helper(GARBAGE[label], stay=False)
    server = scene(protocol, tokens.url())
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "helper", "helper", at_most=SOON)
    assert_no_login(server)


@EACH
@pytest.mark.parametrize("answer", (b"", OPENED, OPENED + b'{"parameters"'), ids=repr)
def test_a_helper_that_does_not_answer(
    maildest, shim, scene, tokens, fake_helper, answer, protocol
):
    helper = fake_helper(answer)
    scene(protocol, tokens.url())
    hurry = Hurry(shim, maildest.folder / "hurry", 10)
    session = maildest.connect(protocol, env=hurry.environment)
    waiting.until(lambda: helper.calls, "the helper is not asked")
    hurry.begin()
    record = maildest.assert_refused(session, protocol, "token", "in time", at_most=20)
    assert 24e6 < int(record["DURATION_USEC"]) < 60e6, record


def test_a_helper_that_does_not_end(maildest, scene, tokens, fake_helper):
    def flood(connection):
        while True:
            connection.sendall(b"x" * 65536)

    fake_helper(flood)
    scene("smtp", tokens.url())
    session = maildest.connect("smtp")
    with session.watch_memory() as memory:
        maildest.assert_refused(session, "smtp", "helper", at_most=SOON)
    memory.assert_bounded()


@EACH
def test_the_handler_tells_the_helper_nothing_but_names(
    maildest, scene, tokens, fake_helper, protocol
):
    helper = fake_helper(token_message(TOKEN))
    server = scene(protocol, tokens.url())
    session = maildest.connect(protocol)
    assert session.line().startswith(("220 ", "* OK ", "+OK "))
    session.close()
    assert session.record()["RESULT"] == "ok"
    said = b"".join(helper.calls).decode()
    assert not find([CLIENT_SECRET, TOKEN], {"the helper": said}), said
    assert tokens.url() not in said
    assert find([TOKEN], {"the server": server.received.decode()}), "the token was not used"
