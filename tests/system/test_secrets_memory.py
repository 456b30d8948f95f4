# SPDX-License-Identifier: Apache-2.0
"""The memory of a handler that relays: nothing of what got it there stands in it any more."""

import base64
import contextlib
import json
import subprocess
import time
from types import SimpleNamespace

import pytest

from fakes.fixtures import certificates, maildest, serve, tokens  # noqa: F401
from fakes.mail_server import CHALLENGE, LOGIN, server_tls
from fakes.target import CLIENT_SECRET, PASSWORD, TOKEN, USER
from fakes.token_service import token_reply
from rig import logins, memory, scram, waiting
from rig.connectivity import Connectivity
from rig.dialogue import Dialogue
from rig.forking import ForkingHandler, tcp
from rig.socks import SocksProxy

# Sanitizers keep what is freed, and maps of their own that are as large as the address space.
pytestmark = pytest.mark.release

PROTOCOLS = ("smtp", "imap4", "pop3")
# What each family's server says to a login, and who offers what in place of a mechanism.
ACCEPTED = {"smtp": "235 2.7.0 Welcome", "imap4": "{tag} OK Welcome", "pop3": "+OK Welcome"}
REFUSED = {"smtp": "535 5.7.8 No", "imap4": "{tag} NO No", "pop3": "-ERR [AUTH] No"}
COMMANDS = {"imap4": (), "pop3": ("USER",)}
REFRESH = "marker-brought-6d1e83b2-refreshes"
SECOND = "marker-second-token-5b0d2e7c"
NEXT = "marker-rotated-4a7f09c2-instead"
CODE = "marker-code-c3d95e1a-of-the-client"
VERIFIER = "marker-verifier-" + "v3r1f13r" * 5
CLIENTS = "marker-clients-own-password"
STORE = "marker-store-password-7e2d"
PROXY = "marker-socks-password-1b6a"
JWT_SECRET = "marker-proxy-client-secret-3c"


# --- the search


def code(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


SEARCHED = "marker/search/0123456789/of/no/use"


@pytest.mark.parametrize(
    "text",
    [
        SEARCHED,
        code(f"user={SEARCHED}x")[8:-4],
        SEARCHED.encode().hex()[7:],
        SEARCHED.replace("/", "%2F"),
        SEARCHED[9:21],
    ],
    ids=("plain", "base64", "hexadecimal", "in a url", "a part"),
)
def test_the_search_finds(text):
    found = memory.Needle(SEARCHED).find(b"\0before" + text.encode() + b"behind\0")
    assert found, f"{text!r} is not found"
    assert not memory.Needle(SEARCHED).find(b"\0" + text[:6].encode() + b"\0" + text[-6:].encode())


# --- servers


def two_prompts(protocol):
    """LOGIN, which asks for the user and then for the password."""

    def act(connection):
        for prompt in ("Username:", "Password:"):
            connection.send(CHALLENGE[protocol] + code(prompt))
            connection.line()
        connection.send(ACCEPTED[protocol])

    return {LOGIN[protocol].replace("RESPONSE", "AUTH"): act}


def scram_server(protocol):
    """SCRAM-SHA-256, with the first message on the command's line or after it."""

    def ask(connection, text):
        connection.send(CHALLENGE[protocol] + (code(text) if text else ""))
        return decode(connection.line())

    def act(connection):
        words = connection.received.decode().splitlines()[-1].split("SCRAM-SHA-256")[1].split()
        first = decode(words[0]) if words else ask(connection, "")
        server_first = scram.first(first)
        last = ask(connection, server_first)
        ask(connection, scram.final(PASSWORD, first, server_first, last))
        connection.send(ACCEPTED[protocol])

    return {LOGIN[protocol].replace("RESPONSE", "AUTH"): act}


def refuses_once(protocol):
    """The first login is refused, the next one is not."""
    answers = [REFUSED[protocol], ACCEPTED[protocol]]
    return {LOGIN[protocol]: lambda connection: connection.send(answers.pop(0))}


# --- sessions


def dial(maildest, mode, args=()):
    """A connection to a handler of the destination "a" in one of its modes, and who has its pid."""
    if mode == "forking":
        handler = ForkingHandler(maildest, [("x", tcp())], destination="a", args=args)
        return handler.dial("x"), handler.session_of, handler.pid
    session = maildest.connect("a", args=args)
    dialogue = Dialogue.__new__(Dialogue)
    dialogue._socket, dialogue._show = session.socket, lambda *_: None
    dialogue._in = session.socket.makefile("rb")
    return dialogue, lambda: session.process.pid, None


def start_relay(session, protocol):
    """The first command that the server itself answers."""
    if protocol.startswith("imap"):
        assert session.imap("x SELECT INBOX")[-1].startswith("x OK")
    elif protocol.startswith("pop3"):
        assert session.pop3_lines("LIST")[0].startswith("+OK")
    else:
        session.smtp("EHLO client.example.com")
        assert session.smtp("MAIL FROM:<a@example.com>")[-1].startswith("250")


def assert_forgotten(pid, secrets):
    found = memory.search(pid, secrets)
    assert not found, f"the handler still knows, in the relay:\n{found}"


@contextlib.contextmanager
def relaying(maildest, protocol, secrets, mode="inetd", args=(), log_in=None):
    """A session whose relay has begun and whose handler is looked at; `log_in` is the client's."""
    session, pid, parent = dial(maildest, mode, args)
    with session:
        logins.greet(session, protocol)
        if log_in:
            log_in(session)
        start_relay(session, protocol)
        for one in filter(None, (pid(), parent)):
            assert_forgotten(one, secrets)
        yield session
        logins.leave(session, protocol)


def check(*args, **options):
    with relaying(*args, **options):
        pass


# --- what logs maildest in


@pytest.mark.parametrize(
    ("protocol", "mode"), [*((one, "inetd") for one in PROTOCOLS), ("smtp", "forking")]
)
def test_a_password(maildest, serve, protocol, mode):
    maildest.destination("a", serve(protocol))
    check(maildest, protocol, {"password": PASSWORD}, mode)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_password_that_is_asked_for(maildest, serve, protocol):
    maildest.destination("a", serve(protocol, mechanisms=("LOGIN",), answers=two_prompts(protocol)))
    check(maildest, protocol, {"password": PASSWORD})


@pytest.mark.parametrize("protocol", COMMANDS)
def test_a_password_in_a_command(maildest, serve, protocol):
    server = serve(protocol, mechanisms=(), extra=COMMANDS[protocol])
    maildest.destination("a", server)
    check(maildest, protocol, {"password": PASSWORD})
    assert PASSWORD.encode() in server.received


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_password_that_is_proved(maildest, serve, protocol):
    server = serve(protocol, mechanisms=("SCRAM-SHA-256",), answers=scram_server(protocol))
    maildest.destination("a", server)
    check(maildest, protocol, {"password": PASSWORD} | scram.keys(PASSWORD))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_password_without_tls(maildest, serve, protocol):
    maildest.destination("a", serve(protocol, tls=None))
    check(maildest, protocol, {"password": PASSWORD})


@pytest.mark.parametrize(
    ("protocol", "mechanism", "mode"),
    [
        *((one, "XOAUTH2", "inetd") for one in PROTOCOLS),
        *((one, "OAUTHBEARER", "inetd") for one in PROTOCOLS),
        ("imap4s", "XOAUTH2", "inetd"),
        ("smtp", "XOAUTH2", "forking"),
    ],
)
def test_an_access_token(maildest, serve, tokens, protocol, mechanism, mode):
    tokens.reply = token_reply(TOKEN)
    tls = "implicit" if protocol.endswith("s") else "starttls"
    server = serve(protocol, tls, mechanisms=(mechanism,))
    maildest.destination("a", server, oauth=tokens.url())
    maildest.start_helper()
    check(maildest, protocol, {"token": TOKEN, "client secret": CLIENT_SECRET}, mode)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_second_access_token(maildest, serve, tokens, protocol):
    answers = iter((TOKEN, SECOND))
    tokens.reply = lambda _: token_reply(next(answers))
    server = serve(protocol, mechanisms=("XOAUTH2",), answers=refuses_once(protocol))
    maildest.destination("a", server, oauth=tokens.url())
    maildest.start_helper()
    check(maildest, protocol, {"first": TOKEN, "second": SECOND})


# --- what clients bring


def bring(protocol, form, credential):
    def log_in(session):
        answer = logins.log_in(session, protocol, form, USER, credential)
        assert logins.is_accepted(answer), f"the login is answered {answer!r}"

    return log_in


@pytest.mark.parametrize("form", ("two-lines", "oauthbearer"))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_refresh_token(maildest, serve, tokens, protocol, form):
    tokens.reply = token_reply(TOKEN, refresh_token=NEXT)
    server = serve(protocol, mechanisms=("XOAUTH2",))
    maildest.destination("a", server, oauth=tokens.url(), Authentication="OAuth2RefreshToken")
    maildest.start_helper()
    secrets = {"refresh token": REFRESH, "the next one": NEXT, "token": TOKEN}
    check(maildest, protocol, secrets, log_in=bring(protocol, form, REFRESH))
    assert tokens.requests, "nothing was redeemed"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_code(maildest, serve, tokens, protocol):
    tokens.reply = token_reply(TOKEN, refresh_token=REFRESH)
    keys = {
        "Authentication": "OAuth2AuthorizationCode",
        "tokenService.body.redirect_uri": "https://example.com/back",
        "tokenService.body.code_verifier": VERIFIER,
    }
    maildest.destination("a", serve(protocol, mechanisms=("XOAUTH2",)), oauth=tokens.url(), **keys)
    maildest.start_helper()
    secrets = {"code": CODE, "refresh token": REFRESH, "token": TOKEN, "verifier": VERIFIER}
    check(maildest, protocol, secrets, log_in=bring(protocol, "before-asking", CODE))


def show_password(protocol):
    plain = code(f"\0app\0{CLIENTS}")

    def log_in(session):
        if protocol == "imap4":
            answer = session.imap(f"1 LOGIN app {CLIENTS}")[-1]
        elif protocol == "pop3":
            session.pop3("USER app")
            answer = session.pop3(f"PASS {CLIENTS}")
        else:
            session.smtp("EHLO client.example.com")
            answer = session.smtp(f"AUTH PLAIN {plain}")[-1]
        assert logins.is_accepted(answer), f"the login is answered {answer!r}"

    return log_in


@pytest.mark.parametrize(
    ("protocol", "mode"), [*((one, "inetd") for one in PROTOCOLS), ("smtp", "forking")]
)
def test_a_required_login(maildest, serve, protocol, mode):
    (maildest.config / "clients").mkdir(mode=0o755)
    maildest.write("clients/a", f"app:{CLIENTS}\n")
    maildest.destination("a", serve(protocol))
    maildest.start_helper()
    secrets = {"ours": PASSWORD, "the client's": CLIENTS}
    args = ("--client-login=required",)
    check(maildest, protocol, secrets, mode, args, log_in=show_password(protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_login_that_nobody_wants(maildest, serve, protocol):
    maildest.destination("a", serve(protocol))
    check(maildest, protocol, {"the client's": CLIENTS}, log_in=show_password(protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_login_that_is_the_servers_business(maildest, serve, protocol):
    """It passes through the relay, whose buffers are given up when nobody says anything."""
    server = serve(protocol, extra=("USER",), answers={"AUTH": ACCEPTED["smtp"]})
    maildest.destination("a", server, Authentication="NoAuthentication")
    session, pid, _ = dial(maildest, "inetd")
    with session:
        logins.greet(session, protocol)
        show_password(protocol)(session)
        start_relay(session, protocol)
        secrets = {"password": PASSWORD, "the client's": CLIENTS}
        waiting.until(
            lambda: not memory.search(pid(), secrets),
            "the client's login stays in an idle handler",
        )
        logins.leave(session, protocol)
    shown = CLIENTS.encode(), code(f"\0app\0{CLIENTS}").encode()
    assert any(one in server.received for one in shown), "the client's login is not passed on"


# --- what opens the way


def private_key(path):
    """The number that is the key, as it is written and as OpenSSL keeps it."""
    der = subprocess.run(
        ["openssl", "ec", "-in", path, "-outform", "DER"], capture_output=True, check=True
    ).stdout
    number = der[7:39]
    return {"key": number, "key in memory": number[::-1], "key's file": path.read_text()[30:90]}


@pytest.mark.parametrize("mode", ("inetd", "forking"))
@pytest.mark.parametrize("form", ("pkcs12", "pem"))
def test_a_certificate_of_ours(maildest, serve, certificates, form, mode):
    pair = certificates.authority.issue("our-own", usage="clientAuth")
    store = certificates.authority.bundle(*pair, STORE) if form == "pkcs12" else pair[1]
    content = store.read_bytes()
    if form == "pem":
        content += pair[0].read_bytes()
    file = maildest.config / "certificates" / "own"
    file.write_bytes(content)
    file.chmod(0o640)
    context = server_tls(certificates.pair("good"))
    context.load_verify_locations(certificates.authority.certificate)
    context.verify_mode = 2
    keys = {"KeyStoreLocation": "own"} | (
        {"KeyStorePassword": STORE} if form == "pkcs12" else {}
    )
    maildest.destination("a", serve("imap4", context=context), **keys)
    secrets = {"store": STORE, "password": PASSWORD} | private_key(pair[1])
    check(maildest, "imap4", secrets, mode)


@pytest.mark.parametrize("authentication", (None, "NoAuthentication"))
def test_the_password_of_a_proxy(maildest, serve, authentication):
    with SocksProxy("proxy-user", PROXY).run() as proxy:
        keys = {
            "mail.smtp.socks.host": "127.0.0.1", "mail.smtp.socks.port": str(proxy.port),
            "mail.smtp.socks.user": "proxy-user", "mail.smtp.socks.password": PROXY,
        }  # fmt: skip
        if authentication:
            keys["Authentication"] = authentication
        maildest.destination("a", serve("smtp"), **keys)
        check(maildest, "smtp", {"proxy's": PROXY, "password": PASSWORD})
    assert proxy.tunnels[0].password == PROXY


def jwt():
    claims = {"tenant": "provider", "exp": time.time() + 3600}
    return f"{code(json.dumps({'alg': 'none'}))}.{code(json.dumps(claims))}.marker-signature-of-jwt"


@pytest.mark.parametrize("args", ((), ("--client-login=required",)), ids=("any", "required"))
def test_the_token_of_the_connectivity_proxy(maildest, serve, tokens, args):
    token = jwt()
    client = SimpleNamespace(
        id="proxy-client", secret=JWT_SECRET, issued=[token],
        service=SimpleNamespace(url=lambda: tokens.url("")),
    )  # fmt: skip
    tokens.reply = token_reply(token)
    server = serve("smtp", tls=None)
    (maildest.config / "clients").mkdir(mode=0o755)
    maildest.write("clients/a", f"app:{CLIENTS}\n")
    with Connectivity(SimpleNamespace(add_client=lambda _: client)).run() as proxy:
        proxy.mappings["", "mail.virtual", 587] = ("127.0.0.1", server.port)
        maildest.write("connectivity.json", json.dumps(proxy.service_key()))
        keys = {"ProxyType": "OnPremise", "mail.smtp.port": "587", "host": "mail.virtual"}
        maildest.destination("a", server, **keys)
        maildest.start_helper()
        secrets = {"jwt": token.rpartition(".")[2], "secret": JWT_SECRET, "password": PASSWORD}
        log_in = show_password("smtp") if args else None
        check(maildest, "smtp", secrets, args=args, log_in=log_in)
        assert proxy.tunnels[0].jwt == token
