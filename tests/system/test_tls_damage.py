# SPDX-License-Identifier: Apache-2.0
"""TLS that is changed on its way, or resumed with what is no session: what becomes of it."""

import base64

import pytest

from fakes.fixtures import certificates, maildest, serve, shim  # noqa: F401
from fakes.helper import SessionKeeper
from fakes.mail_server import reset
from fakes.visits import VERSIONS, assert_full, visit
from fakes.wire import Wire
from rig import waiting

EACH_VERSION = pytest.mark.parametrize("version", VERSIONS)
AFTER_ITS_LIFE = 3 * 3600
# An empty session, some octets, more than a session may have, and one of another form.
NONSENSE = {
    "empty": b"", "three-octets": b"\0\0\0", "zeros": bytes(200), "too-much": bytes(40_000),
    "der": b"\0\0\0\0\x7f\xff\xff\xff\x30\x03\x02\x01\x01",
}  # fmt: skip


# --- records


@pytest.fixture
def start(maildest, serve, certificates):
    """A server of one TLS version, and a destination "mail" for it, or for what lies before it."""

    def make(version="1.3", protocol="smtp", before=lambda server: server, **options):
        tls = "implicit" if protocol.endswith("s") else "starttls"
        context = certificates.context(highest=VERSIONS[version])
        server = serve(protocol, tls, context, **options)
        maildest.destination("mail", before(server))
        return server

    return make


@pytest.fixture
def wire(start):
    """A server, and the Wire to it: wire(version, answers)."""
    running = []

    def before(server):
        running.append(Wire(server))
        return running[-1]

    def make(version, answers):
        start(version, before=before, answers=answers)
        return running[-1]

    yield make
    for one in running:
        one.stop()


def two_replies(connection):
    connection.send("250 2.0.0 whole")
    connection.send("250 2.0.0 changed")


def greeted_and_known(session):
    assert session.smtp().startswith("220 ")
    assert session.smtp("EHLO x").startswith("250 ")
    return session


@EACH_VERSION
def test_a_record_changed_behind_a_good_one(maildest, wire, version):
    """It is no good end of a session, and nothing of it reaches the client."""
    between = wire(version, {"MAIL": two_replies})
    session = greeted_and_known(maildest.connect("mail"))
    between.damage()
    heard = session.smtp("MAIL FROM:<a@example.com>")
    assert heard == "250 2.0.0 whole\r\n", f"what came whole is lost: {heard!r}"
    rest = session.rest()
    session.close()
    record = session.record()
    assert record["RESULT"] == "disconnected", f"damage is recorded as {record}"
    assert "changed" not in rest, f"the client is given what was damaged: {rest!r}"


@EACH_VERSION
def test_a_login_whose_answer_is_changed(maildest, wire, version):
    def judge(connection):
        between.damage()
        connection.send("235-2.7.0 Wel")
        connection.send("235 2.7.0 come")

    between = wire(version, {"AUTH": judge})
    maildest.assert_refused(maildest.connect("mail"), "smtp", "protocol")


# --- sessions


@pytest.fixture
def keeper(maildest):
    """Takes the helper's place."""
    helper = SessionKeeper(maildest.socket)
    yield helper
    helper.stop()
    maildest.secrets += [kept["session"] for kept in helper.kept]


def assert_dialled(maildest, server, times):
    """The server resets each connection at the handshake."""
    before = len(server.connections)
    record = visit(maildest, "mail")
    assert record["RESULT"] != "ok", record
    count = len(server.connections) - before
    assert count == times, f"the server is dialled {count} times, not {times}: {record}"


@pytest.mark.parametrize("protocol", ("smtp", "smtps"))
@pytest.mark.parametrize("label", NONSENSE)
def test_nonsense_is_not_to_blame(maildest, start, keeper, label, protocol):
    """What was not offered cannot be why the handshake failed."""
    server = start(protocol=protocol, answers={"HANDSHAKE": reset})
    keeper.hand_out = base64.b64encode(NONSENSE[label]).decode()
    assert_dialled(maildest, server, 1)


@EACH_VERSION
def test_a_session_may_be_to_blame(maildest, start, keeper, shim, version):
    """And only one that was offered: not one whose life is over."""
    server = start(version)
    assert_full(server, visit(maildest, "mail"))
    waiting.until(lambda: keeper.kept, "no session is handed over")
    keeper.hand_out = keeper.kept[-1]["session"]
    server.answers["HANDSHAKE"] = reset
    assert_dialled(maildest, server, 2)
    over = len(server.connections)
    visit(maildest, "mail", env=shim.environment(LATER=AFTER_ITS_LIFE))
    assert len(server.connections) == over + 1, "a session that is over is to blame"
