# SPDX-License-Identifier: Apache-2.0
"""Forking mode does for a client and for the journal what one handler a connection does."""

import concurrent.futures
import re
import subprocess

import pytest

from rig import mail, proc
from rig.dialogue import Dialogue
from rig.forking import ForkingHandler, tcp, unix
from rig.scene import AUTHENTICATIONS
from rig.secrets import disguises

GREETINGS = {"smtp": "220 ", "imap4": "* OK", "pop3": "+OK"}
# What differs from one session to the next, or between a mode's sockets.
OF_THE_MOMENT = ("SESSION", "DURATION_USEC", "CLIENT", "MESSAGE")


def fork(scene, *protocols, authentication="OAuth2ClientCredentials", **keys):
    """A forking handler with a socket for such a destination of each protocol."""
    for protocol in protocols:
        scene.maildest.add_destination(protocol, scene.keys(protocol, authentication, **keys))
    if not scene.maildest.helper:
        scene.maildest.start_helper()
    return ForkingHandler(scene.maildest, [(protocol, tcp()) for protocol in protocols])


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("server", ("dovecot", "postfix"))
def test_mail_comes_back_as_sent(scene, server, authentication):
    sent = mail.message(mail.noise(300_000), sender=scene.user.address)
    scene.maildest.add_destination("imap4", scene.keys("imap4", authentication))
    scene.maildest.add_destination("smtps", scene.keys("smtps", authentication, server))
    scene.maildest.start_helper()
    handler = ForkingHandler(scene.maildest, [("imap4", tcp()), ("smtps", tcp())])
    mail.send(handler.dial("smtps"), scene.user, sent)
    mail.assert_same(mail.read_back(handler.port("imap4")), sent)
    assert int(handler.wait_for_record("smtps", RESULT="ok")["BYTES_IN"]) > len(sent)
    assert int(handler.wait_for_record("imap4", RESULT="ok")["BYTES_OUT"]) > len(sent)


def test_over_a_unix_socket(scene):
    scene.maildest.add_destination("imap4", scene.keys("imap4"))
    scene.maildest.start_helper()
    handler = ForkingHandler(scene.maildest, [("imap4", unix(scene.maildest.folder / "imap"))])
    with handler.dial("imap4") as session:
        assert session.line().startswith("* OK")
        assert session.imap("a SELECT INBOX")[-1].startswith("a OK")
        session.imap("b LOGOUT")


def without_times(answer):
    """Dovecot says how long it took."""
    return [re.sub(r" \([0-9.+ ]+ secs\)", "", line) for line in answer]


def talk(session, protocol):
    """The same words in either mode; what was answered."""
    with session:
        if protocol.startswith("imap"):
            words = ("a LOGIN me mine", "b NOOP", "c LOGOUT")
            return [session.line(), *(without_times(session.imap(line)) for line in words)]
        if protocol.startswith("pop3"):
            words = (None, "USER me", "PASS mine", "STAT", "QUIT")
            return [session.pop3(line) for line in words]
        answers = [session.smtp(line) for line in (None, "EHLO x", "NOOP", "MAIL FROM:<a@b>")]
        return answers + [session.smtp("QUIT")]


def without_ids(record):
    record = {key: value for key, value in record.items() if key not in OF_THE_MOMENT}
    return record | {"TLS": record["TLS"].removesuffix(" resumed")}


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("protocol", ("smtp", "imap4s", "pop3s"))
def test_client_and_journal_see_what_they_always_see(scene, protocol, authentication):
    port = scene.serve(protocol, authentication)
    handler = ForkingHandler(scene.maildest, [(protocol, tcp())])
    alone = talk(Dialogue(port), protocol)
    forked = talk(handler.dial(protocol), protocol)
    assert forked == alone, "the client is answered otherwise"
    first = scene.maildest.wait_for_record(protocol)
    second = handler.wait_for_record(protocol)
    assert without_ids(second) == without_ids(first), "the records differ"
    assert second.keys() == first.keys(), "one record has fields that the other lacks"
    handler.wait_until_idle()
    assert len(handler.records(protocol)) == 1, f"more than one record:\n{handler.log()}"
    assert not handler.said(6), "a session has more to say in this mode"


def first_line(handler, name):
    return handler.visit(name, timeout=60)


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
def test_many_at_once(scene, authentication):
    scene.client.change(delay=300)
    handler = fork(scene, *GREETINGS, authentication=authentication)
    names = list(GREETINGS) * 20
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        lines = list(pool.map(first_line, [handler] * len(names), names))
    bad = [line for name, line in zip(names, lines) if not line.startswith(GREETINGS[name])]
    assert not bad, f"{len(bad)} of {len(names)} sessions failed: {bad[0]!r}\n{handler.log()}"
    for name in GREETINGS:
        handler.wait_for_record(name, names.count(name), RESULT="ok")
    assert scene.client.requests <= len(GREETINGS), "sessions at once do not share a token request"
    handler.wait_until_idle()
    sessions = {record["SESSION"] for name in GREETINGS for record in handler.records(name)}
    assert len(sessions) == len(names), "two sessions have the same id"


# --- what the parent keeps

STORE_PASSWORD = "marker-store-password-5a0c13e2"


def pkcs12(scene, name):
    """The trust anchor as a PKCS#12 store that wants a password."""
    path = scene.maildest.config / "certificates" / name
    subprocess.run(
        [
            "openssl", "pkcs12", "-export", "-nokeys", "-in", scene.world.authority.certificate,
            "-out", path, "-passout", f"pass:{STORE_PASSWORD}",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    path.chmod(0o640)


@pytest.mark.release
def test_the_parent_holds_no_secret(scene):
    pkcs12(scene, "store.p12")
    store = {"TrustStoreLocation": "store.p12", "TrustStorePassword": STORE_PASSWORD}
    scene.maildest.secrets.append(STORE_PASSWORD)
    scene.maildest.add_destination("smtp", scene.keys("smtp", "BasicAuthentication", **store))
    scene.maildest.add_destination("imap4", scene.keys("imap4", **store))
    scene.maildest.start_helper()
    handler = ForkingHandler(scene.maildest, [("smtp", tcp()), ("imap4", tcp())])
    for _ in range(3):
        assert handler.visit("smtp").startswith("220 ")
        assert handler.visit("imap4").startswith("* OK")
    with handler.dial("smtp") as running:
        assert running.line().startswith("220 ")
        secrets = [scene.user.password, STORE_PASSWORD, scene.client.secret, *scene.client.issued]
        wanted = [form for secret in secrets for form in disguises(secret)]
        found = proc.find_in_memory(handler.pid, wanted)
        assert not found, f"the parent still holds {found}"
        marker = str(scene.maildest.config)
        assert proc.find_in_memory(handler.pid, [marker]), "the search is blind"
