# SPDX-License-Identifier: Apache-2.0
"""Mail servers that refuse, lack what is needed, or break the protocol."""

import base64
import threading

import pytest

from fakes.fixtures import certificates, maildest, serve, tokens  # noqa: F401
from fakes.mail_server import CHALLENGE, DENIED, LOGIN, endless, hang_up, reset, then
from fakes.target import PASSWORD, SOON, TOKEN
from fakes.token_service import token_reply
from rig.secrets import find

PROTOCOLS = ("smtp", "imap4", "pop3")
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
STEPS = {
    "smtp": ("GREETING", "EHLO", "STARTTLS", "EHLO-TLS", "AUTH"),
    "imap4": (
        "GREETING", "CAPABILITY", "STARTTLS", "CAPABILITY-TLS", "AUTHENTICATE", "CAPABILITY-LOGIN",
    ),
    "pop3": ("GREETING", "CAPA", "STLS", "CAPA-TLS", "AUTH", "RESPONSE"),
}  # fmt: skip
ALL_STEPS = [(protocol, step) for protocol, steps in STEPS.items() for step in steps]
FIRST_CAPABILITIES = {"smtp": "EHLO", "imap4": "CAPABILITY", "pop3": "CAPA"}
STARTTLS = {"smtp": "STARTTLS", "imap4": "STARTTLS", "pop3": "STLS"}


def assert_refused(maildest, serve, protocol, result, *words, keys=None, **options):
    server = serve(protocol, **options)
    maildest.destination(protocol, server, **(keys or {}))
    session = maildest.connect(protocol)
    record = maildest.assert_refused(session, protocol, result, *words, at_most=SOON)
    assert b"QUIT\r\n" not in server.received or result != "protocol"
    return server, record


# --- what is missing


@EACH
def test_a_server_without_starttls(maildest, serve, protocol):
    plain = {
        "smtp": "250-fake\r\n250 SIZE",
        "imap4": "* CAPABILITY IMAP4rev1\r\n{tag} OK",
        "pop3": "+OK\r\nUSER\r\n.",
    }
    answers = {FIRST_CAPABILITIES[protocol]: plain[protocol]}
    server, _ = assert_refused(maildest, serve, protocol, "capability", "STARTTLS", answers=answers)
    assert server.connections[0].steps == ["GREETING", FIRST_CAPABILITIES[protocol]]


@pytest.mark.parametrize("offered", (("GSSAPI",), ("XOAUTH2", "OAUTHBEARER"), ("NTLM", "CRAM-MD5")))
@EACH
def test_no_mechanism_fits_a_password(maildest, serve, protocol, offered):
    words = ["no mechanism", "a password", *(name for name in offered if "OAUTH" in name)]
    assert_refused(
        maildest, serve, protocol, "capability", *words, mechanisms=offered,
        extra=("LOGINDISABLED",),
    )  # fmt: skip


@pytest.mark.parametrize("offered", (("PLAIN", "LOGIN"), ("GSSAPI",)))
@EACH
def test_no_mechanism_fits_a_token(maildest, serve, tokens, protocol, offered):
    """A token is never tried as a password."""
    tokens.reply = token_reply(TOKEN)
    server = serve(protocol, mechanisms=offered)
    maildest.destination(protocol, server, oauth=tokens.url())
    maildest.start_helper()
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "capability", "no mechanism", "an OAuth token")
    assert not find([TOKEN], {"the server": server.received.decode()})


@EACH
def test_no_mechanism_that_is_preferred(maildest, serve, protocol):
    keys = {f"mail.{protocol}.auth.mechanisms": "SCRAM-SHA-256 FOO"}
    words = ("no mechanism", "auth.mechanisms", "PLAIN")
    assert_refused(maildest, serve, protocol, "capability", *words, keys=keys)


# --- refusals

SMTP_REFUSALS = (
    ("GREETING", "554 5.7.1 Go away", "server"),
    ("GREETING", "554-5.7.1 Go\r\n554 5.7.1 away", "server"),
    ("GREETING", "421 4.3.2 Later", "server"),
    ("GREETING", "450 4.3.2 Later", "server"),
    ("EHLO", "421 4.3.2 Later", "server"),
    ("EHLO", "451 4.3.2 Later", "server"),
    ("EHLO", "550 5.7.1 Bad name", "protocol"),
    ("STARTTLS", "454 4.7.0 Later", "server"),
    ("STARTTLS", "421 4.3.2 Later", "server"),
    ("STARTTLS", "501 5.5.4 No", "server"),
    ("EHLO-TLS", "421 4.3.2 Later", "server"),
    ("AUTH", "454 4.7.0 Later", "server"),
    ("AUTH", "421 4.3.2 Later", "server"),
    ("AUTH", "432 4.3.2 Concurrent connections limit exceeded", "server"),
    ("AUTH", "535 5.7.8 Wrong", "login"),
    ("AUTH", "535-5.7.8 Wrong\r\n535 5.7.8 indeed", "login"),
    ("AUTH", "534 5.7.9 Mechanism too weak", "login"),
    ("AUTH", "530 5.7.0 Must log in", "login"),
    ("AUTH", "500 5.5.1 Unknown", "login"),
    ("AUTH", "334 PHdoYXQ/Pg==", "protocol"),
    ("AUTH", "250 OK", "protocol"),
)
IMAP_REFUSALS = (
    ("GREETING", "* BYE Later", "server"),
    ("GREETING", "* BYE [UNAVAILABLE] Later", "server"),
    ("GREETING", "* PREAUTH You are in", "protocol"),
    ("GREETING", "* NO What", "protocol"),
    ("GREETING", "220 fake ESMTP", "protocol"),
    ("CAPABILITY", "* BYE Later\r\n{tag} OK", "server"),
    ("CAPABILITY", "{tag} NO Later", "server"),
    ("CAPABILITY", "{tag} BAD What", "server"),
    ("CAPABILITY", "{tag} OK Without a list", "protocol"),
    ("STARTTLS", "{tag} NO Later", "server"),
    ("STARTTLS", "{tag} BAD What", "server"),
    ("STARTTLS", "* BYE Later", "server"),
    ("AUTHENTICATE", "{tag} NO [AUTHENTICATIONFAILED] Wrong", "login"),
    ("AUTHENTICATE", "{tag} NO Wrong", "login"),
    ("AUTHENTICATE", "{tag} NO [UNAVAILABLE] Later", "server"),
    ("AUTHENTICATE", "{tag} NO [INUSE] Later", "server"),
    ("AUTHENTICATE", "{tag} NO [LIMIT] Later", "server"),
    ("AUTHENTICATE", "{tag} NO [SERVERBUG] Later", "server"),
    ("AUTHENTICATE", "{tag} BAD What", "protocol"),
    ("AUTHENTICATE", "* BYE Later", "server"),
    ("CAPABILITY-LOGIN", "{tag} BAD User is authenticated but not connected", "server"),
    ("CAPABILITY-LOGIN", "* BYE Later", "server"),
)
POP3_REFUSALS = (
    ("GREETING", "-ERR Later", "server"),
    ("GREETING", "-ERR [SYS/PERM] Never", "server"),
    ("GREETING", "-ERR [IN-USE] Later", "server"),
    ("GREETING", "+ What", "protocol"),
    ("GREETING", "* OK fake IMAP4rev1", "protocol"),
    ("CAPA", "-ERR [SYS/TEMP] Later", "server"),
    ("CAPA", "+ What", "protocol"),
    ("STLS", "-ERR Later", "server"),
    ("STLS", "+ What", "server"),
    ("CAPA-TLS", "-ERR [SYS/TEMP] Later", "server"),
    ("AUTH", "-ERR No such mechanism", "login"),
    ("AUTH", "-ERR [SYS/TEMP] Later", "server"),
    ("AUTH", "+OK Welcome", "protocol"),
    ("RESPONSE", "-ERR [AUTH] Wrong", "login"),
    ("RESPONSE", "-ERR Wrong", "login"),
    ("RESPONSE", "-ERR [SYS/TEMP] Later", "server"),
    ("RESPONSE", "-ERR [SYS/PERM] Never", "server"),
    ("RESPONSE", "-ERR [IN-USE] Later", "server"),
    ("RESPONSE", "-ERR [LOGIN-DELAY] Later", "server"),
    ("RESPONSE", "+ PHdoYXQ/Pg==", "protocol"),
)
REFUSALS = [("smtp", *row) for row in SMTP_REFUSALS] + [("imap4", *row) for row in IMAP_REFUSALS]
REFUSALS += [("pop3", *row) for row in POP3_REFUSALS]


@pytest.mark.parametrize("protocol,step,answer,result", REFUSALS)
def test_a_refusal(maildest, serve, protocol, step, answer, result):
    """The client hears that it is temporary, the journal the server's own words."""
    word = answer.split("\r\n")[0].split()[-1] if "PHdo" not in answer else "PLAIN"
    if answer == "+OK Welcome":
        word = "not made"
    answers = {step: answer}
    if step == "AUTH" and answer.startswith("334"):
        answers["RESPONSE"] = answer
    server, record = assert_refused(maildest, serve, protocol, result, word, answers=answers)
    assert len(server.connections) == 1, "a refusal is tried again at once"
    if result == "login":
        assert record["MECHANISM"] == "PLAIN" and record["TLS"].startswith("TLSv1."), record


@EACH
def test_a_refused_login_command(maildest, serve, protocol):
    answers = {
        "smtp": {"AUTH": "334 VXNlcm5hbWU6", "RESPONSE": "535 5.7.8 Wrong"},
        "imap4": {"LOGIN": "{tag} NO [AUTHENTICATIONFAILED] Wrong"},
        "pop3": {"PASS": "-ERR [AUTH] Wrong"},
    }[protocol]
    mechanisms = ("LOGIN",) if protocol == "smtp" else ("GSSAPI",)
    extra = ("USER",) if protocol == "pop3" else ()
    _, record = assert_refused(
        maildest, serve, protocol, "login", "Wrong", answers=answers, mechanisms=mechanisms,
        extra=extra,
    )  # fmt: skip
    assert record["MECHANISM"] == "LOGIN"


# --- the end at every step


@pytest.mark.parametrize("how", (hang_up, reset))
@pytest.mark.parametrize("protocol,step", ALL_STEPS + [(p, "HANDSHAKE") for p in PROTOCOLS])
def test_the_server_leaves(maildest, serve, protocol, step, how):
    answers = {step: how}
    assert_refused(maildest, serve, protocol, "disconnected", answers=answers)


@pytest.mark.parametrize("protocol,step", ALL_STEPS)
def test_the_server_leaves_within_a_reply(maildest, serve, protocol, step):
    def act(connection):
        half = {"smtp": b"250-half a rep", "imap4": b"* OK half a rep", "pop3": b"+OK half a rep"}
        connection.send_bytes(half[protocol])
        hang_up(connection)

    assert_refused(maildest, serve, protocol, "disconnected", answers={step: act})


@EACH
def test_the_server_says_goodbye_while_the_client_is_silent(maildest, serve, protocol):
    """The client gets the server's own words, as soon as they come."""
    last, goodbye = {
        "smtp": ("AUTH", "421 4.3.2 Shutting down"),
        "imap4": ("CAPABILITY-LOGIN", "* BYE Shutting down"),
        "pop3": ("RESPONSE", "-ERR [SYS/TEMP] Shutting down"),
    }[protocol]
    polite = {
        "smtp": "235 2.7.0 Welcome",
        "imap4": "* CAPABILITY IMAP4rev1\r\n{tag} OK Done",
        "pop3": "+OK Welcome",
    }[protocol]

    def act(connection):
        connection.send(polite)
        greeted.wait(20)
        connection.send(goodbye)
        hang_up(connection)

    greeted = threading.Event()
    server = serve(protocol, answers={last: act})
    maildest.destination(protocol, server)
    session = maildest.connect(protocol)
    assert session.line().startswith(("220 ", "* OK ", "+OK "))
    greeted.set()
    assert session.rest() == goodbye + "\r\n"
    session.close()
    maildest.assert_record(session.record(), "server", "Shutting down")


@EACH
def test_the_server_vanishes_while_the_client_is_silent(maildest, serve, protocol):
    server = serve(protocol)
    maildest.destination(protocol, server)
    session = maildest.connect(protocol)
    assert session.line().startswith(("220 ", "* OK ", "+OK "))
    server.stop()
    maildest.assert_refused(session, protocol, "disconnected", "closed the connection")


# --- nonsense at every step

NONSENSE = {
    "words": "what do you want from me",
    "http": "HTTP/1.1 400 Bad Request",
    "blank": "",
    "bytes": lambda connection: connection.send_bytes(bytes(range(128, 256)) + b"\r\n"),
    "nul": lambda connection: connection.send_bytes(b"220 \0 250 \0\r\n* OK \0\r\n"),
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "code-999": "999 what",
    "code-99": "99 what",
    "other-tag": "zz99 OK fine",
    "reply-of-two-codes": "250-one\r\n550 two",
}


@pytest.mark.parametrize("label", NONSENSE)
@pytest.mark.parametrize("protocol,step", ALL_STEPS)
def test_nonsense(maildest, serve, protocol, step, label):
    answers = {step: NONSENSE[label]}
    _, record = assert_refused(maildest, serve, protocol, "protocol", answers=answers)
    assert "\x1b" not in record["MESSAGE"], "an escape sequence reaches the journal's reader"


ENDLESS = {
    "smtp-line": ("smtp", b"2" * 65536),
    "smtp-reply": ("smtp", b"250-and more\r\n" * 4000),
    "imap-line": ("imap4", b"*" * 65536),
    "imap-untagged": ("imap4", b"* OK and more\r\n" * 4000),
    "imap-literal": ("imap4", b"* LIST {999999999}\r\n" + b"x" * 65536),
    "imap-literals": ("imap4", b"* LIST {1}\r\nx" * 4000),
    "pop3-line": ("pop3", b"+" * 65536),
    "pop3-list": ("pop3", b"+OK\r\n" * 8000),
    "pop3-challenges": ("pop3", b"+ eA==\r\n" * 8000),
}
# "+OK" to a login is its end.
ENDLESS_AT = {(label, at) for label in ENDLESS for at in ("first", "login")} - {
    ("pop3-list", "login")
}


@pytest.mark.parametrize("label,at", sorted(ENDLESS_AT))
def test_a_reply_without_an_end(maildest, serve, label, at):
    protocol, block = ENDLESS[label]
    step = FIRST_CAPABILITIES[protocol] if at == "first" else LOGIN[protocol]
    server = serve(protocol, answers={step: endless(block)})
    maildest.destination(protocol, server, **{f"mail.{protocol}.timeout": 3000})
    session = maildest.connect(protocol)
    with session.watch_memory() as memory:
        maildest.assert_refused(session, protocol, "protocol", at_most=SOON)
    memory.assert_bounded()


@EACH
@pytest.mark.parametrize("plain", ("capabilities", "goodbye", "nothing-of-note"))
def test_bytes_behind_the_go_ahead_for_tls(maildest, serve, protocol, plain):
    injected = {
        "smtp": {
            "capabilities": "250-fake\r\n250 AUTH PLAIN", "goodbye": "421 bye",
            "nothing-of-note": "x",
        },
        "imap4": {
            "capabilities": "* CAPABILITY IMAP4rev1 AUTH=PLAIN", "goodbye": "* BYE",
            "nothing-of-note": "x",
        },
        "pop3": {
            "capabilities": "+OK\r\nSASL PLAIN\r\n.", "goodbye": "-ERR bye",
            "nothing-of-note": "x",
        },
    }[protocol][plain]  # fmt: skip
    go_ahead = {"smtp": "220 Go", "imap4": "{tag} OK Go", "pop3": "+OK Go"}[protocol]
    answers = {STARTTLS[protocol]: then(f"{go_ahead}\r\n{injected}", lambda connection: None)}
    server, _ = assert_refused(
        maildest, serve, protocol, "protocol", "behind its go-ahead", answers=answers
    )
    assert not find([PASSWORD], {"the server": server.received.decode()})


@EACH
def test_a_mechanism_that_vanishes_with_tls(maildest, serve, protocol):
    """What was offered in clear is forgotten."""
    answers = {
        "smtp": {"EHLO": "250-fake\r\n250-AUTH PLAIN\r\n250 STARTTLS", "EHLO-TLS": "250 fake"},
        "imap4": {
            "CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n{tag} OK",
            "CAPABILITY-TLS": "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n{tag} OK",
        },
        "pop3": {"CAPA": "+OK\r\nSASL PLAIN\r\nSTLS\r\n.", "CAPA-TLS": "+OK\r\n."},
    }[protocol]
    assert_refused(maildest, serve, protocol, "capability", "no mechanism", answers=answers)


def test_a_login_that_is_accepted_before_it_is_made(maildest, serve):
    """LOGIN sends nothing with its command."""
    answers = {"AUTH": "235 2.7.0 Welcome"}
    assert_refused(
        maildest, serve, "smtp", "protocol", "not made", answers=answers, mechanisms=("LOGIN",)
    )


# --- what reaches the journal

FORGERIES = {
    "field": "no MAILDEST_RESULT=ok MAILDEST_SESSION=000000000000]",
    "end": "no] [MAILDEST_RESULT=ok]",
    "line": "no\n<3>maildest-handler: all is well [MAILDEST_RESULT=ok]",
    "return": "no\r<3>maildest-handler: all is well [MAILDEST_RESULT=ok]",
    "terminal": "no\x1b[2Jcleared\x08\x08\x7f",
    "c1": "no\u009b2J\u0085 and so on",
    "long": "no" + "o" * 4000,
    "bidi": "no\u202eevil",
    "quote": 'no" MAILDEST_RESULT="ok"',
}


@EACH
@pytest.mark.parametrize("label", FORGERIES)
def test_a_server_cannot_forge_a_record(maildest, serve, protocol, label):
    answers = {LOGIN[protocol]: DENIED[protocol] + FORGERIES[label]}
    _, record = assert_refused(maildest, serve, protocol, "login", answers=answers)
    message = record["MESSAGE"]
    assert message.isprintable() or label == "bidi", f"raw characters in {message!r}"
    assert len(message) < 1300, f"the message has {len(message)} characters"


ECHOES = {
    "as-it-came": lambda text: text,
    "decoded": lambda text: base64.b64decode(text.split()[-1]).decode().split("\0")[-1],
    "cut-short": lambda text: text[:-6] + "...",
    "in-a-sentence": lambda text: f'Command unrecognized: "{text}"',
}


@pytest.mark.parametrize("how", ECHOES)
@EACH
def test_a_server_that_repeats_the_password(maildest, serve, protocol, how):
    """Some servers quote the line they did not understand; the journal must not."""

    def act(connection):
        line = connection.received.decode().splitlines()[-1]
        code = {"smtp": "500 5.5.1 ", "imap4": "{tag} NO ", "pop3": "-ERR "}[protocol]
        connection.send(code + ECHOES[how](line))

    server, _ = assert_refused(maildest, serve, protocol, "login", answers={LOGIN[protocol]: act})
    assert find([PASSWORD], {"the server": server.received.decode()}), "no password was sent"


def test_a_server_that_repeats_a_response(maildest, serve):
    """Here the line is nothing but the password's base64."""

    def act(connection):
        connection.send("334 UGFzc3dvcmQ6")
        connection.send(f'500-5.5.1 Command unrecognized:\r\n500 5.5.1 "{connection.line()}"')

    answers = {"AUTH": "334 VXNlcm5hbWU6", "RESPONSE": act}
    words = ("logging in", "unrecognized")
    assert_refused(
        maildest, serve, "smtp", "login", *words, answers=answers, mechanisms=("LOGIN",)
    )


@pytest.mark.parametrize(
    "protocol,step,code", (("imap4", "LOGIN", "{tag} NO"), ("pop3", "PASS", "-ERR"))
)
def test_a_server_that_repeats_what_login_sent(maildest, serve, protocol, step, code):
    def act(connection):
        line = connection.received.decode().splitlines()[-1]
        connection.send(f"{code} Cannot understand {line}")

    words = ("logging in", "Cannot understand")
    assert_refused(
        maildest, serve, protocol, "login", *words, answers={step: act}, mechanisms=("GSSAPI",),
        extra=("USER",),
    )  # fmt: skip


@EACH
def test_a_failure_challenge_that_repeats_the_token(maildest, serve, tokens, protocol):
    tokens.reply = token_reply(TOKEN)
    failure = base64.b64encode(f'{{"status":"401","token":"{TOKEN}"}}'.encode()).decode()

    def refuse(connection):
        connection.send(CHALLENGE[protocol] + failure)
        connection.line()
        connection.send(DENIED[protocol] + "No")

    answers = {LOGIN[protocol]: refuse}
    server = serve(protocol, mechanisms=("XOAUTH2",), answers=answers)
    maildest.destination(protocol, server, oauth=tokens.url())
    maildest.start_helper()
    session = maildest.connect(protocol)
    session.rest()
    session.close()
    record = session.record()
    assert "401" in record["MESSAGE"], record


@EACH
def test_a_server_that_repeats_the_token(maildest, serve, tokens, protocol):
    tokens.reply = token_reply(TOKEN)

    def act(connection):
        line = connection.received.decode().splitlines()[-1]
        code = {"smtp": "501 5.5.2 ", "imap4": "{tag} NO [LIMIT] ", "pop3": "-ERR [IN-USE] "}
        connection.send(code[protocol] + line)

    server = serve(protocol, mechanisms=("XOAUTH2",), answers={LOGIN[protocol]: act})
    maildest.destination(protocol, server, oauth=tokens.url())
    maildest.start_helper()
    session = maildest.connect(protocol)
    session.rest()
    session.close()
    assert session.record()["RESULT"] in ("login", "server")
