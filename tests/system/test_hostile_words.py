# SPDX-License-Identifier: Apache-2.0
"""Words from outside that would like to be records, fields, colours or commands of a terminal."""

import base64
import json
import subprocess
import unicodedata

import pytest

from fakes.fixtures import certificates, maildest, serve, tokens  # noqa: F401
from fakes.mail_server import DENIED, LOGIN
from fakes.token_service import error_reply
from rig.maildest import BUILD
from rig.varlink import Varlink

COMMAND = BUILD / "cli" / "maildest"
PROTOCOLS = ("smtp", "imap4", "pop3")
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)
WORDS = {
    "field": "no MAILDEST_RESULT=ok MAILDEST_SESSION=000000000000]",
    "line": "no\n<3>maildest-handler: all is well\r<3>maildest-handler: so [MAILDEST_RESULT=ok]",
    # colours, titles, C1, directions, what is invisible
    "characters": "no\x1b[2J\x1b]0;owned\x07\x08\x7f \u009b2J\u0085 "
    "\u202eko\u2066 \u200b\ufeff\u061c\U000e0041",
    "long": "no" + "o" * 3000,
}
EACH_WORD = pytest.mark.parametrize("label", WORDS)


def assert_harmless(text, more=""):
    """Nothing in it moves a cursor, turns a direction or is invisible."""
    bad = {one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn")}
    assert bad <= set(more), f"raw {bad} in {text!r}"


def assert_one_record(session):
    """The session has its one record, whatever was said, and nothing else."""
    record = session.record()
    assert_harmless(session.process.output(), "\n")
    return record


def run(maildest, *words):
    where = (f"--config-dir={maildest.config}", f"--helper-socket={maildest.socket}")
    return subprocess.run(
        [COMMAND, *words, *where], capture_output=True, text=True, timeout=60,
        env=maildest.environment(), stdin=subprocess.DEVNULL,
    )  # fmt: skip


# --- servers


@EACH
def test_no_servers_word_looks_like_an_escape(maildest, serve, protocol):
    """A backslash of its own is told from ours."""
    answers = {LOGIN[protocol]: DENIED[protocol] + "no \\x1b[2J \x1b \\o/"}
    maildest.destination("a", serve(protocol, answers=answers))
    session = maildest.connect("a")
    session.rest()
    message = assert_one_record(session)["MESSAGE"]
    assert r"no \x5cx1b[2J \x1b \x5co/" in message, message


@pytest.mark.parametrize(
    ("protocol", "label"), [("smtp", "line"), *((one, "characters") for one in PROTOCOLS)]
)
def test_a_server_moves_no_cursor(maildest, serve, protocol, label):
    """`maildest test` shows what a server says."""
    answers = {LOGIN[protocol]: DENIED[protocol] + WORDS[label]}
    maildest.destination("a", serve(protocol, answers=answers))
    done = run(maildest, "test", "a")
    assert done.returncode, "the login is refused, and the command says that it is not"
    assert "no" in done.stdout + done.stderr
    assert_harmless(done.stdout + done.stderr, "\n")


@EACH_WORD
def test_a_token_service_moves_no_cursor(maildest, tokens, label):
    """`maildest status` shows why there is no token."""
    tokens.reply = error_reply(401, "invalid_client", WORDS[label])
    maildest.destination("a", None, "smtp", oauth=tokens.url(), host="127.0.0.1")
    helper = maildest.start_helper()
    with Varlink(maildest.socket) as link:
        assert "error" in link.open("a").call("GetToken")
        done = run(maildest, "status")
    assert "refused" in done.stdout, done.stdout + done.stderr
    assert_harmless(done.stdout + done.stderr, "\n")
    assert_harmless(helper.output(), "\n")


# --- clients


def say_to(protocol, word):
    """Commands in which a client can say whatever it likes, names of users and hosts among them."""
    name = word.encode().replace(b"\r", b"").replace(b"\n", b"")
    plain = base64.b64encode(b"\0" + word.encode() + b"\0x")
    return {
        "smtp": b"EHLO %s\r\nAUTH PLAIN %s\r\nHELO %s\r\n%s\r\nQUIT\r\n"
        % (name, plain, name, name),
        "imap4": b'a LOGIN "%s" x\r\nb AUTHENTICATE PLAIN %s\r\n%s\r\nc %s\r\nd LOGOUT\r\n'
        % (name, plain, name, name),
        "pop3": b"USER %s\r\nPASS x\r\nAUTH PLAIN %s\r\nAPOP %s x\r\n%s\r\nQUIT\r\n"
        % (name, plain, name, name),
    }[protocol]


@EACH_WORD
@EACH
def test_a_client_cannot_forge_a_record(maildest, serve, protocol, label):
    """Where any login will do, and where the helper judges it."""
    login = "required" if label in ("line", "characters") else "any"
    maildest.destination("a", serve(protocol))
    if login == "required":
        (maildest.config / "clients").mkdir(mode=0o755)
        maildest.write("clients/a", "app:x\n")
        maildest.start_helper()
    session = maildest.connect("a", args=[f"--client-login={login}"])
    session.line()
    session.send(say_to(protocol, WORDS[label]))
    session.half_close()
    session.rest()
    assert_one_record(session)
    if maildest.helper:
        assert_harmless(maildest.helper.output(), "\n")


@EACH_WORD
@EACH
def test_a_clients_user_cannot_forge_a_record(maildest, serve, tokens, protocol, label):
    """The name beside a refresh token is compared with the destination's, and told."""
    keys = {"Authentication": "OAuth2RefreshToken"}
    maildest.destination("a", serve(protocol), oauth=tokens.url(), **keys)
    maildest.start_helper()
    session = maildest.connect("a")
    session.line()
    text = base64.b64encode(f"user={WORDS[label]}\1auth=Bearer x\1\1".encode()).decode()
    session.send({"imap4": "a AUTHENTICATE"}.get(protocol, "AUTH") + f" XOAUTH2 {text}\r\n")
    session.line()
    session.half_close()
    session.rest()
    assert_one_record(session)
    assert_harmless(maildest.helper.output(), "\n")


# --- files


@EACH_WORD
def test_a_destinations_key_cannot_forge_a_record(maildest, label):
    """Who may write a destination need not be who reads the journal."""
    word = WORDS[label]
    maildest.add_destination("a", {"Type": "MAIL", "mail.smtp.port": "x", word[:200]: {"a": 1}})
    maildest.add_destination("b", {"Type": word, "mail.transport.protocol": word})
    for name in "ab":
        session = maildest.connect(name)
        session.rest()
        assert_one_record(session)
        done = run(maildest, "check", name)
        assert done.returncode == 3, done.stdout
        assert_harmless(done.stdout + done.stderr, "\n")


@EACH_WORD
def test_a_resource_moves_no_cursor(maildest, label):
    """`maildest list` shows why a resource is none."""
    (maildest.config / "services").mkdir()
    resource = {
        "apiVersion": "destination.connectivity.api.sap/v1",
        "kind": WORDS[label],
        "metadata": {"name": WORDS[label], "annotations": {WORDS[label]: WORDS[label]}},
        "spec": {"destinationRef": {"name": WORDS[label]}},
    }
    maildest.write("services/odd.json", json.dumps(resource))
    for words in (("list",), ("check",), ("hosts",)):
        done = run(maildest, *words)
        assert_harmless(done.stdout + done.stderr, "\n")
