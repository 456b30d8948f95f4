# SPDX-License-Identifier: Apache-2.0
"""TLS with mail servers is resumed from one session to the next, and never depends on it."""

import base64
import concurrent.futures
import socket
import time

import pytest

from fakes.fixtures import certificates, maildest, serve, shim, tokens  # noqa: F401
from fakes.helper import SessionKeeper, message
from fakes.target import TOKEN
from fakes.token_service import token_reply
from fakes.visits import VERSIONS, assert_full, assert_handshake, assert_ok, assert_resumed, visit
from rig import waiting
from rig.forking import ForkingHandler, tcp

PROTOCOLS = ("smtp", "imap4s")
BOTH = pytest.mark.parametrize("protocol", PROTOCOLS)
EACH_VERSION = pytest.mark.parametrize("version", VERSIONS)
# Longer than a session lives, whatever the server says: OpenSSL's servers say two hours.
AFTER_ITS_LIFE = 3 * 3600


@pytest.fixture
def start(maildest, serve, certificates):
    """A server of one TLS version, and a destination "mail" for it."""

    def make(protocol="smtp", version="1.3", name="mail", oauth=None, **options):
        tls = "implicit" if protocol.endswith("s") else "starttls"
        mechanisms = ("XOAUTH2",) if oauth else ("PLAIN",)
        context = certificates.context(highest=VERSIONS[version])
        server = serve(protocol, tls, context, mechanisms=mechanisms, **options)
        maildest.destination(name, server, oauth=oauth)
        return server

    return make


def offered(server):
    """Every ticket that was ever offered."""
    return [ticket for one in server.connections for ticket in one.hello.tickets]


def assert_used_once(server):
    tickets = offered(server)
    assert len(set(tickets)) == len(tickets), "a ticket of TLS 1.3 is offered twice"


# --- with the helper


@EACH_VERSION
@pytest.mark.parametrize("oauth", (False, True), ids=("password", "token"))
@BOTH
def test_the_second_session_is_resumed(maildest, start, tokens, protocol, oauth, version):
    tokens.reply = token_reply(TOKEN)
    server = start(protocol, version, oauth=tokens.url() if oauth else None)
    maildest.start_helper()
    assert_full(server, visit(maildest, "mail"))
    for _ in range(3):
        assert_resumed(server, visit(maildest, "mail"))
    if version == "1.3":
        assert_used_once(server)


@EACH_VERSION
def test_the_modes_share_their_sessions(maildest, start, version):
    server = start("imap4", version)
    maildest.start_helper()
    handler = ForkingHandler(maildest, [("mail", tcp())])
    assert_full(server, visit(maildest, "mail"))
    for count in (1, 2):
        handler.visit("mail")
        assert_resumed(server, handler.wait_for_record("mail", count))
        assert_resumed(server, visit(maildest, "mail"))
    if version == "1.3":
        assert_used_once(server)


def test_forked_sessions_are_resumed_and_share_no_ticket(maildest, start):
    server = start()
    maildest.start_helper()
    handler = ForkingHandler(maildest, [("mail", tcp())])
    for _ in range(3):
        handler.visit("mail")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        lines = list(pool.map(lambda _: handler.visit("mail"), range(24)))
    assert all(line.startswith("220 ") for line in lines), lines
    handler.wait_for_record("mail", 27, RESULT="ok")
    resumed = sum(connection.resumed for connection in server.connections)
    assert resumed > 3, f"only {resumed} of 27 sessions were resumed"
    assert_used_once(server)
    handler.visit("mail")
    assert_resumed(server, handler.wait_for_record("mail", 28))


@EACH_VERSION
def test_a_server_that_does_not_want_its_ticket(maildest, start, certificates, version):
    """It has been restarted: what it handed out before, it cannot read any more."""
    server = start(version=version)
    maildest.start_helper()
    for _ in range(2):
        record = visit(maildest, "mail")
    assert_resumed(server, record)
    server.context = certificates.context(highest=VERSIONS[version])
    assert_handshake(server, visit(maildest, "mail"), resumed=False)
    assert server.connections[-1].hello.tickets, "no session was offered: this says nothing"
    assert_resumed(server, visit(maildest, "mail"))


def test_a_server_without_tickets(maildest, start):
    server = start()
    server.context.num_tickets = 0
    maildest.start_helper()
    for _ in range(3):
        assert_full(server, visit(maildest, "mail"))


def test_a_server_that_forgets_tls_1_3(maildest, start, certificates):
    """A session of one version is no use in the other, and no harm."""
    server = start(version="1.3")
    maildest.start_helper()
    visit(maildest, "mail")
    for version in ("1.2", "1.3", "1.2"):
        server.context = certificates.context(highest=VERSIONS[version])
        record = visit(maildest, "mail")
        assert_handshake(server, record, resumed=False)
        assert record["TLS"].startswith(f"TLSv{version}")


def test_a_refused_token_costs_no_ticket_twice(maildest, start, tokens):
    """The second attempt is a connection of its own."""
    tokens.reply = token_reply("first-token")
    server = start(oauth=tokens.url())
    maildest.start_helper()
    assert_full(server, visit(maildest, "mail"))
    tokens.reply = token_reply(TOKEN)
    refused = []

    def judge(connection):
        refused.append(connection)
        connection.send("535 5.7.8 no" if len(refused) == 1 else "235 2.7.0 yes")

    server.answers["AUTH"] = judge
    assert_ok(visit(maildest, "mail"))
    assert len(server.connections) == 3, "there was no second attempt"
    assert_resumed(server, visit(maildest, "mail"))
    assert_used_once(server)


def test_a_restarted_helper_has_forgotten_all(maildest, start):
    server = start()
    maildest.start_helper()
    for _ in range(2):
        record = visit(maildest, "mail")
    assert_resumed(server, record)
    maildest.stop_helper()
    maildest.start_helper()
    assert_full(server, visit(maildest, "mail"))
    assert_resumed(server, visit(maildest, "mail"))


def test_destinations_do_not_share(maildest, start):
    """Also where they name the same server and believe the same authorities."""
    server = start()
    maildest.destination("other", server)
    maildest.start_helper()
    for name in ("mail", "other"):
        assert_full(server, visit(maildest, name))
    for name in ("mail", "other"):
        assert_resumed(server, visit(maildest, name))


def test_check_looks_at_the_certificate_itself(maildest, start):
    server = start()
    maildest.start_helper()
    for _ in range(2):
        visit(maildest, "mail")
    shown = maildest.check("mail")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    newest = server.connections[-1]
    assert not newest.resumed and not newest.hello.tickets, "--check resumes a session"


# --- without the helper, or with one that answers nonsense


@pytest.fixture
def keeper(maildest):
    """Takes the helper's place: keeper(), once."""
    running = []

    def make(token=None):
        running.append(SessionKeeper(maildest.socket, token))
        return running[-1]

    yield make
    for one in running:
        one.stop()
        maildest.secrets += [kept["session"] for kept in one.kept]


@BOTH
def test_without_a_helper_a_password_needs_none(maildest, start, protocol):
    server = start(protocol)
    for _ in range(2):
        assert_full(server, visit(maildest, "mail"))


@pytest.mark.parametrize("how", ("silent", "deaf", "full"))
def test_a_helper_that_does_not_answer_holds_no_password_up(maildest, start, how):
    server = start()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(maildest.socket))
        listener.listen(0)
        blocked = []
        for _ in range(0 if how == "silent" else 1):
            blocked.append(socket.socket(socket.AF_UNIX))
            blocked[-1].connect(str(maildest.socket))
        if how == "deaf":
            blocked.append(listener.accept()[0])
        begun = time.monotonic()
        assert_full(server, visit(maildest, "mail"))
        took = time.monotonic() - begun
        for one in blocked:
            one.close()
    assert took < 10, f"the session waits for {took:.1f} s"


@EACH_VERSION
def test_what_the_helper_is_told(maildest, start, keeper, version):
    start(version=version)
    helper = keeper()
    visit(maildest, "mail")
    waiting.until(lambda: helper.kept, "no session is handed over")
    (context,) = set(helper.asked)
    for kept in helper.kept:
        assert kept["context"] == context, "it is kept under another name than it was asked for"
        assert len(context) == 64 and set(context) <= set("0123456789abcdef"), context
        assert base64.b64decode(kept["session"], validate=True)
        assert kept["single_use"] is (version == "1.3")
        assert 0 < kept["lifetime"] <= 7200
    count = len(helper.kept)
    assert count == (2 if version == "1.3" else 1), f"{count} sessions are handed over"
    assert len({kept["session"] for kept in helper.kept}) == count, "one is handed over twice"


def one_session(maildest, server, helper):
    """What a first visit has left with the helper: the session's octets."""
    assert_full(server, visit(maildest, "mail"))
    waiting.until(lambda: helper.kept, "no session is handed over")
    return base64.b64decode(helper.kept[-1]["session"])


def text(octets):
    return base64.b64encode(octets).decode()


def damaged(session):
    """The session's octets with something wrong in them, but for what it is resumed by."""
    half = len(session) // 2
    return {
        "empty": b"",
        "one-octet": session[:1],
        "half": session[:half],
        "without-its-end": session[:-1],
        "too-long-inside": session.replace(b"\x30\x82", b"\x30\x84", 1),
        "zeros": bytes(len(session)),
        "ones": b"\xff" * len(session),
    }


NONSENSE = {
    "null": message(parameters={"session": None}),
    "number": message(parameters={"session": 5}),
    "list": message(parameters={"session": ["a"]}),
    "object": message(parameters={"session": {"a": "b"}}),
    "no-parameters": message(),
    "parameters-list": message(parameters=[]),
    "other-member": message(parameters={"context": "x"}),
    "no-base64": message(parameters={"session": "ä!?" * 50}),
    "half-base64": message(parameters={"session": "MIIB"[:3]}),
    "long": message(parameters={"session": "A" * 200_000}),
    "not-open": message(error="io.maildest.Helper.SessionNotOpen", parameters={}),
    "limit": message(error="io.maildest.Helper.LimitExceeded", parameters={"reason": "no"}),
    "unknown": message(error="org.varlink.service.MethodNotFound", parameters={"method": "x"}),
    "error-number": message(error=5),
}


def assert_worked_without(maildest, server, record):
    """The session works, and nobody is alarmed."""
    assert_handshake(server, record, resumed=False)
    said = maildest.sessions[-1].process.output().splitlines()
    alarms = [line for line in said if line.startswith(("<3>", "<4>"))]
    assert not alarms, f"alarms about a session that could not be resumed: {alarms}"


@pytest.mark.parametrize("oauth", (False, True), ids=("password", "token"))
@pytest.mark.parametrize("label", NONSENSE)
def test_nonsense_in_place_of_a_session(maildest, start, keeper, tokens, label, oauth):
    server = start(oauth=tokens.url() if oauth else None)
    helper = keeper(TOKEN)
    helper.hand_out = NONSENSE[label]
    assert_worked_without(maildest, server, visit(maildest, "mail"))
    # And what it learnt it hands over as ever.
    waiting.until(lambda: helper.kept, "no session is handed over")


@EACH_VERSION
def test_a_damaged_session(maildest, start, keeper, version):
    server = start(version=version)
    helper = keeper()
    session = one_session(maildest, server, helper)
    for label, octets in damaged(session).items():
        helper.hand_out = text(octets)
        record = assert_ok(visit(maildest, "mail"), label)
        assert_worked_without(maildest, server, record)
    # The same way a good one is taken.
    helper.hand_out = text(session)
    assert_resumed(server, visit(maildest, "mail"))


def test_a_reply_beyond_all_bounds(maildest, start, keeper):
    """The helper is not listened to any more."""
    server = start()
    keeper().hand_out = message(parameters={"session": "A" * 1_000_000})
    assert_worked_without(maildest, server, visit(maildest, "mail"))


@EACH_VERSION
def test_a_damaged_ticket(maildest, start, keeper, version):
    server = start(version=version)
    helper = keeper()
    helper.hand_out = text(one_session(maildest, server, helper))
    assert_resumed(server, visit(maildest, "mail"))
    (ticket,) = server.connections[-1].hello.tickets
    session = base64.b64decode(helper.hand_out)
    assert session.count(ticket) == 1
    for at in (0, len(ticket) // 2, len(ticket) - 1):
        wrong = ticket[:at] + bytes([ticket[at] ^ 1]) + ticket[at + 1 :]
        helper.hand_out = text(session.replace(ticket, wrong))
        assert_worked_without(maildest, server, visit(maildest, "mail"))


@EACH_VERSION
def test_a_session_of_another_server(maildest, start, keeper, version):
    strange = start(version=version)
    helper = keeper()
    helper.hand_out = text(one_session(maildest, strange, helper))
    server = start(version=version)
    assert_worked_without(maildest, server, visit(maildest, "mail"))


@EACH_VERSION
def test_a_session_whose_life_is_over(maildest, start, keeper, shim, version):
    server = start(version=version)
    helper = keeper()
    helper.hand_out = text(one_session(maildest, server, helper))
    later = shim.environment(LATER=AFTER_ITS_LIFE)
    assert_full(server, visit(maildest, "mail", env=later))
    assert_resumed(server, visit(maildest, "mail", env=shim.environment(LATER=60)))


def test_no_session_is_ever_shown(maildest, start, keeper):
    """It holds the keys of a connection; the log of each test is searched for it."""
    server = start()
    helper = keeper()
    helper.hand_out = text(one_session(maildest, server, helper))
    assert_resumed(server, visit(maildest, "mail"))
    helper.hand_out = text(base64.b64decode(helper.hand_out)[:-3])
    visit(maildest, "mail")
    maildest.secrets.append(helper.hand_out)


def test_a_failed_login_hands_nothing_over(maildest, start, keeper):
    """The helper learns of sessions once logged in: before, a server need not be ours."""
    server = start(answers={"AUTH": "535 5.7.8 no"})
    helper = keeper()
    assert visit(maildest, "mail")["RESULT"] == "login"
    assert len(helper.asked) == 1 and not helper.kept, helper.kept
    assert server.connections[-1].encrypted
