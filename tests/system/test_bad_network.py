# SPDX-License-Identifier: Apache-2.0
"""Mail servers that cannot be reached, do not answer, or are not whom they should be."""

import shutil
import ssl
import subprocess

import pytest

from fakes.fixtures import certificates, maildest, network, serve, shim, tokens  # noqa: F401
from fakes.mail_server import DENIED, LOGIN, drip, server_tls, silence
from fakes.network import Network, black_hole, random_loopback
from fakes.target import NOBODY, PASSWORD, SOON, TOKEN
from fakes.token_service import token_reply
from rig import waiting
from rig.ports import free_port
from rig.secrets import find

PROTOCOLS = ("smtp", "imap4", "pop3")
IMPLICIT = {"smtp": "smtps", "imap4": "imap4s", "pop3": "pop3s"}
GREETING = {"smtp": "220 ", "imap4": "* OK ", "pop3": "+OK "}
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)


def assert_greeted(session, protocol):
    line = session.line()
    assert line.startswith(GREETING[protocol]), f"{line!r}: {session.process.output()}"
    session.close()
    assert session.record()["RESULT"] == "ok"


def assert_nothing_leaked(server):
    received = {"the server": server.received.decode(errors="replace")}
    assert not find([PASSWORD, TOKEN], received), f"a secret went out: {server.received!r}"


def at(host, port):
    """A destination's address in place of a fake server."""

    class Address:
        tls = "starttls"

    Address.host, Address.port = host, port
    return Address


# --- not reached


@EACH
@pytest.mark.parametrize("host", ("no-such-host.invalid", "invalid", "a..invalid", "-.invalid"))
def test_an_unknown_host(maildest, protocol, host):
    maildest.destination(protocol, at(host, 25), protocol)
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "resolve", f"'{host}'", at_most=26)


@EACH
@pytest.mark.parametrize("host", ("127.0.0.1", "localhost", "[::1]"))
def test_a_closed_port(maildest, protocol, host):
    port = free_port()
    maildest.destination(protocol, at(host, port), protocol)
    words = (f":{port}: ", "efused" if host != "[::1]" else "::1")
    maildest.assert_refused(maildest.connect(protocol), protocol, "connect", *words, at_most=SOON)


@EACH
def test_a_server_that_does_not_answer_at_all(maildest, protocol):
    with black_hole() as (host, port):
        keys = {f"mail.{protocol}.connectiontimeout": 300}
        maildest.destination(protocol, at(host, port), protocol, **keys)
        session = maildest.connect(protocol)
        maildest.assert_refused(session, protocol, "timeout", "connecting", at_most=SOON)


@pytest.mark.parametrize("first", ("127.0.0.9", "::1", "127.0.0.9,127.0.0.10,::1,127.0.0.11"))
@EACH
def test_the_first_addresses_are_dead(maildest, shim, serve, protocol, first):
    server = serve(protocol)
    maildest.destination(protocol, server, host="several.example")
    env = shim.environment(HOST="several.example", ADDRESSES=f"{first},127.0.0.1")
    # The certificate is for another name, which is how far it gets.
    session = maildest.connect(protocol, env=env)
    maildest.assert_refused(session, protocol, "certificate", "ostname mismatch", at_most=SOON)
    assert "HANDSHAKE" in server.connections[0].steps


@EACH
def test_the_first_address_is_silent(maildest, shim, serve, protocol):
    server = serve(protocol, tls=None)
    hole = random_loopback()
    maildest.destination(protocol, server, host="several.example")
    env = shim.environment(HOST="several.example", ADDRESSES=f"{hole},127.0.0.1")
    with black_hole(hole, server.port):
        assert_greeted(maildest.connect(protocol, env=env), protocol)


@EACH
def test_all_addresses_are_dead(maildest, shim, protocol):
    port = free_port()
    addresses = [f"127.0.0.{i}" for i in range(2, 22)]
    maildest.destination(protocol, at("several.example", port), protocol)
    env = shim.environment(HOST="several.example", ADDRESSES=",".join(addresses))
    words = [f"127.0.0.{i}:{port}" for i in range(2, 10)]
    maildest.assert_refused(
        maildest.connect(protocol, env=env), protocol, "connect", *words, at_most=5
    )


# --- no answer, or one that never ends

SMTP_PHASES = {
    "GREETING": "waiting for the greeting", "EHLO": "asking for capabilities",
    "STARTTLS": "asking for STARTTLS", "HANDSHAKE": "starting TLS",
    "EHLO-TLS": "asking for capabilities", "AUTH": "logging in",
}  # fmt: skip
IMAP_PHASES = {
    "GREETING": "waiting for the greeting", "CAPABILITY": "asking for capabilities",
    "STARTTLS": "asking for STARTTLS", "HANDSHAKE": "starting TLS",
    "CAPABILITY-TLS": "asking for capabilities", "AUTHENTICATE": "logging in",
    "CAPABILITY-LOGIN": "asking for capabilities",
}  # fmt: skip
POP3_PHASES = {
    "GREETING": "waiting for the greeting", "CAPA": "asking for capabilities",
    "STLS": "asking for STARTTLS", "HANDSHAKE": "starting TLS",
    "CAPA-TLS": "asking for capabilities", "AUTH": "logging in", "RESPONSE": "logging in",
}  # fmt: skip
PHASES = [("smtp", *row) for row in SMTP_PHASES.items()]
PHASES += [("imap4", *row) for row in IMAP_PHASES.items()]
PHASES += [("pop3", *row) for row in POP3_PHASES.items()]


def dripping(protocol, step):
    if step == "HANDSHAKE":
        # Behind the client's hello: earlier it would be an injection.
        slowly = drip("\x16\x03\x03\x40\x00" + "\x02" * 16384, 0.02)
        return lambda connection: (connection.receive(), slowly(connection))
    begins = {"smtp": "250-", "imap4": "* OK ", "pop3": "+OK "}[protocol]
    return drip(begins + "x" * 1000, 0.02)


@pytest.mark.parametrize("how", ("silent", "dripping"))
@pytest.mark.parametrize("protocol,step,phase", PHASES)
def test_a_server_that_stops_answering(maildest, serve, protocol, step, phase, how):
    answer = silence if how == "silent" else dripping(protocol, step)
    server = serve(protocol, answers={step: answer})
    maildest.destination(protocol, server, **{f"mail.{protocol}.timeout": 250})
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "timeout", f"while {phase}: ", at_most=SOON)


@EACH
def test_a_silent_server_with_tls_from_the_first_byte(maildest, serve, protocol):
    protocol = IMPLICIT[protocol]
    server = serve(protocol, tls="implicit", answers={"HANDSHAKE": silence})
    maildest.destination(protocol, server, **{f"mail.{protocol}.timeout": 250})
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "timeout", "starting TLS", at_most=SOON)


LATE = {
    "smtp": {"GREETING": "220 slow", "EHLO": "250-slow\r\n250 STARTTLS", "STARTTLS": "220 go"},
    "imap4": {
        "GREETING": "* OK slow",
        "CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK slow",
        "STARTTLS": "{tag} OK go",
    },
    "pop3": {"GREETING": "+OK slow", "CAPA": "+OK\r\nSTLS\r\n.", "STLS": "+OK go"},
}


@EACH
def test_the_whole_login_has_a_deadline(maildest, shim, serve, protocol):
    """Each reply comes in time, but all of them together do not: 25 s, here less than one."""

    def late(text):
        def act(connection):
            connection.server.stopped.wait(0.35)
            connection.send(text)

        return act

    answers = {step: late(text) for step, text in LATE[protocol].items()}
    maildest.destination(protocol, serve(protocol, answers=answers))
    session = maildest.connect(protocol, env=shim.environment(SPEED=30))
    record = maildest.assert_refused(session, protocol, "timeout", "STARTTLS", at_most=SOON)
    assert 24e6 < int(record["DURATION_USEC"]) < 60e6, record


@EACH
def test_name_resolution_that_hangs(maildest, shim, serve, protocol):
    server = serve(protocol)
    maildest.destination(protocol, server, host="slow.example")
    env = shim.environment(SPEED=25, HOST="slow.example", HANG=maildest.folder / "hangs")
    session = maildest.connect(protocol, env=env)
    record = maildest.assert_refused(session, protocol, "timeout", "name resolution", at_most=SOON)
    assert record["PRIORITY"] == 4
    assert not server.connections


@EACH
def test_a_client_that_leaves_while_the_name_is_resolved(maildest, shim, serve, protocol):
    maildest.destination(protocol, serve(protocol), host="slow.example")
    mark = maildest.folder / "hangs"
    env = shim.environment(SPEED=25, HOST="slow.example", HANG=mark)
    session = maildest.connect(protocol, env=env)
    waiting.until(lambda: mark.exists() and mark.stat().st_size, "the name is not asked for")
    session.reset()
    maildest.assert_record(session.record(), "timeout")


# --- ports that speak TLS first

TLS_PORTS = (("smtp", 465, "smtps"), ("smtp", 993, "smtps"), ("imap4", 993, "imap4s"),
             ("imap4", 995, "imap4s"), ("pop3", 995, "pop3s"), ("pop3", 465, "pop3s"))  # fmt: skip


@pytest.mark.parametrize("protocol,port,wanted", TLS_PORTS)
def test_a_port_that_speaks_tls_first(maildest, shim, serve, protocol, port, wanted):
    server = serve(protocol, tls="implicit", host=random_loopback(), port=port)
    maildest.destination(protocol, server)
    session = maildest.connect(protocol, env=shim.environment(SPEED=8))
    words = ("mail.transport.protocol", wanted, str(port), "TLS")
    record = maildest.assert_refused(session, protocol, "configuration", *words, at_most=SOON)
    assert 2.9e6 < int(record["DURATION_USEC"]) < 15e6, record


@EACH
def test_a_plain_server_at_a_port_that_speaks_tls_first_is_no_fault(maildest, serve, protocol):
    port = {"smtp": 465, "imap4": 993, "pop3": 995}[protocol]
    server = serve(protocol, tls=None, host=random_loopback(), port=port)
    maildest.destination(protocol, server)
    assert_greeted(maildest.connect(protocol), protocol)


@EACH
def test_a_plain_server_where_tls_is_expected(maildest, serve, protocol):
    server = serve(protocol, tls=None)
    wanted = IMPLICIT[protocol]
    maildest.destination(wanted, at(server.host, server.port), wanted)
    session = maildest.connect(wanted)
    words = ("starting TLS", "does not speak TLS")
    maildest.assert_refused(session, wanted, "protocol", *words)
    assert_nothing_leaked(server)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
@EACH
def test_a_server_whose_tls_is_too_old(maildest, serve, certificates, protocol):
    context = server_tls(certificates.pair("good"), highest=ssl.TLSVersion.TLSv1_1)
    server = serve(protocol, context=context)
    maildest.destination(protocol, server)
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "protocol", "starting TLS", "version")
    assert_nothing_leaked(server)


# --- certificates


@pytest.fixture
def pairs(certificates, tmp_path):
    def self_signed():
        certificate, key = tmp_path / "self.pem", tmp_path / "self.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", certificate, "-days", "9", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
            check=True, capture_output=True,
        )  # fmt: skip
        return certificate, key

    names = {
        "other-name": ("DNS:elsewhere.example.com",),
        "no-address": ("DNS:localhost",),
        "other-address": ("IP:127.9.9.9", "DNS:localhost"),
        "address-as-name": ("DNS:127.0.0.1",),
        "address": ("IP:127.0.0.1",),
        "name": ("DNS:localhost",),
    }

    def make(label):
        if label == "expired":
            return certificates.pair(label, days=-1)
        if label == "self-signed":
            return self_signed()
        if label == "unknown-authority":
            return certificates.foreign_pair(label)
        return certificates.pair(label, names=names[label])

    return make


CERTIFICATES = (
    ("expired", "127.0.0.1", "expired"),
    ("self-signed", "127.0.0.1", "self-signed"),
    ("unknown-authority", "127.0.0.1", "issuer"),
    ("other-name", "localhost", "ostname mismatch"),
    ("address", "localhost", "ostname mismatch"),
    ("no-address", "127.0.0.1", "IP address mismatch"),
    ("other-address", "127.0.0.1", "IP address mismatch"),
    ("address-as-name", "127.0.0.1", "IP address mismatch"),
)


@EACH
@pytest.mark.parametrize("tls", ("implicit", "starttls"))
@pytest.mark.parametrize("label,host,word", CERTIFICATES)
def test_a_certificate_that_is_not_believed(
    maildest, serve, pairs, label, host, word, tls, protocol
):
    protocol = IMPLICIT[protocol] if tls == "implicit" else protocol
    server = serve(protocol, tls=tls, context=server_tls(pairs(label)))
    maildest.destination(protocol, server, host=host)
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "certificate", "starting TLS", "certificate", word)
    assert_nothing_leaked(server)


@pytest.mark.parametrize("label,host", (("address", "127.0.0.1"), ("name", "localhost")))
def test_a_certificate_that_is_believed(maildest, serve, pairs, label, host):
    server = serve("smtp", context=server_tls(pairs(label)))
    maildest.destination("smtp", server, host=host)
    assert_greeted(maildest.connect("smtp"), "smtp")


# --- trust anchors


@pytest.fixture
def anchors(certificates, maildest):
    """Fills certificates/ with the authority in all forms, and with what is none."""
    folder = maildest.config / "certificates"
    authority = certificates.authority
    pem = authority.certificate.read_text()
    openssl = ["openssl", "x509", "-in", authority.certificate]
    subprocess.run([*openssl, "-outform", "DER", "-out", folder / "ca.der"], check=True)
    for name, password in (("ca.p12", "store"), ("empty-password.pfx", "")):
        subprocess.run(
            ["openssl", "pkcs12", "-export", "-nokeys", "-in", authority.certificate,
             "-out", folder / name, "-passout", f"pass:{password}"], check=True,
        )  # fmt: skip
    shutil.copy(certificates.pair("good")[1], folder / "key.pem")
    for name, text in {
        "garbage.pem": "garbage\n", "empty.pem": "", "truncated.pem": pem[:200],
        "damaged.pem": pem.replace("M", "N"), "garbage.der": "\x30\x82garbage",
        "garbage.p12": "garbage", "large.pem": pem + " " * (1 << 20),
        "many.pem": "a comment\n" + certificates.stranger.certificate.read_text() + pem,
    }.items():  # fmt: skip
        (folder / name).write_text(text)
    (folder / "folder.pem").mkdir()
    (folder / "link.pem").symlink_to(authority.certificate)
    return folder


GOOD_STORES = (
    ("test-ca.pem", None), ("ca.der", None), ("ca.p12", "store"), ("empty-password.pfx", None),
    ("many.pem", None),
)  # fmt: skip


@pytest.mark.parametrize("store,password", GOOD_STORES)
def test_trust_anchors_of_every_form(maildest, serve, anchors, store, password):
    maildest.destination(
        "smtp", serve("smtp"), TrustStoreLocation=store, TrustStorePassword=password
    )
    assert_greeted(maildest.connect("smtp"), "smtp")


BAD_STORES = (
    ("missing.pem", "no such file"), ("garbage.pem", "certificate"), ("empty.pem", "certificate"),
    ("truncated.pem", "certificate"), ("damaged.pem", "certificate"), ("key.pem", "certificate"),
    ("garbage.der", "certificate"), ("garbage.p12", "certificate"), ("folder.pem", "regular file"),
    ("large.pem", "larger than"), ("link.pem", "symbolic link"),
)  # fmt: skip


@EACH
@pytest.mark.parametrize("store,word", BAD_STORES)
def test_trust_anchors_that_are_none(maildest, serve, anchors, store, word, protocol):
    server = serve(protocol)
    maildest.destination(protocol, server, TrustStoreLocation=store)
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "configuration", str(anchors / store), word)
    assert not server.connections, "it dialled all the same"


@pytest.mark.parametrize("store,word", BAD_STORES)
def test_additional_anchors_that_are_none(maildest, serve, anchors, store, word):
    maildest.write("maildest.conf", f"AdditionalCAs={store}\n")
    maildest.destination("smtp", serve("smtp"))
    session = maildest.connect("smtp")
    maildest.assert_refused(session, "smtp", "configuration", str(anchors / store), word)


@pytest.mark.parametrize("place", ("name", "path"))
def test_additional_anchors(maildest, serve, certificates, anchors, place):
    path = "test-ca.pem" if place == "name" else certificates.authority.certificate
    maildest.write("maildest.conf", f"AdditionalCAs={path}\n")
    maildest.destination("smtp", serve("smtp"), TrustStoreLocation=None)
    assert_greeted(maildest.connect("smtp"), "smtp")


def test_additional_anchors_at_a_path_that_is_none(maildest, serve):
    maildest.write("maildest.conf", "AdditionalCAs=/no/such/ca.pem\n")
    maildest.destination("smtp", serve("smtp"))
    session = maildest.connect("smtp")
    maildest.assert_refused(session, "smtp", "configuration", "/no/such/ca.pem", "no such file")


def test_a_wrong_password_of_a_store_is_said(maildest, serve, anchors):
    password = "marker-store-password-77"
    maildest.secrets.append(password)
    maildest.destination(
        "smtp", serve("smtp"), TrustStoreLocation="ca.p12", TrustStorePassword=password
    )
    session = maildest.connect("smtp")
    words = (str(anchors / "ca.p12"), "TrustStorePassword")
    maildest.assert_refused(session, "smtp", "configuration", *words)


def test_anchors_that_the_handlers_user_may_not_read(maildest, serve, anchors):
    (anchors / "test-ca.pem").chmod(0o600)
    maildest.destination("smtp", serve("smtp"))
    (maildest.config / "destinations/smtp.json").chmod(0o600)
    shutil.chown(maildest.config / "destinations/smtp.json", NOBODY, NOBODY)
    session = maildest.connect("smtp", user=NOBODY)
    maildest.assert_refused(session, "smtp", "configuration", "test-ca.pem", "may not be read")


# --- insecure settings

LAX = {
    "TrustAll": ("unknown-authority", {"TrustAll": "true"}),
    "ssl.trust-all": ("unknown-authority", {"mail.{p}.ssl.trust": "*"}),
    "ssl.trust-host": ("other-name", {"mail.{p}.ssl.trust": "a.example 127.0.0.1"}),
    "checkserveridentity": ("other-name", {"mail.{p}.ssl.checkserveridentity": "false"}),
}


@EACH
@pytest.mark.parametrize("label", LAX)
def test_a_check_that_is_turned_off_is_said_each_time(maildest, serve, pairs, label, protocol):
    pair, keys = LAX[label]
    keys = {key.format(p=protocol): value for key, value in keys.items()}
    maildest.destination(protocol, serve(protocol, context=server_tls(pairs(pair))), **keys)
    for _ in range(2):
        session = maildest.connect(protocol)
        assert_greeted(session, protocol)
        (warning,) = session.insecure()
        assert "INSECURE" in warning["MESSAGE"] and warning["PRIORITY"] == 4, warning
        assert "certificate" in warning["MESSAGE"], warning


STILL_CHECKED = {
    "identity-only": ("unknown-authority", {"mail.smtp.ssl.checkserveridentity": "false"}),
    "trust-another": ("unknown-authority", {"mail.smtp.ssl.trust": "mail.example.com 127.0.0.2"}),
    "trust-false": ("unknown-authority", {"TrustAll": "false"}),
}


@pytest.mark.parametrize("label", STILL_CHECKED)
def test_what_is_not_turned_off_is_checked(maildest, serve, pairs, label):
    pair, keys = STILL_CHECKED[label]
    maildest.destination("smtp", serve("smtp", context=server_tls(pairs(pair))), **keys)
    maildest.assert_refused(maildest.connect("smtp"), "smtp", "certificate")


@EACH
def test_a_password_without_encryption_is_said_each_time(maildest, serve, protocol):
    server = serve(protocol, tls=None)
    maildest.destination(protocol, server)
    for _ in range(2):
        session = maildest.connect(protocol)
        assert_greeted(session, protocol)
        (warning,) = session.insecure()
        assert "INSECURE" in warning["MESSAGE"] and "encryption" in warning["MESSAGE"], warning


@EACH
@pytest.mark.parametrize("how", ("unencrypted", "unverified"))
def test_what_was_insecure_is_said_of_a_refused_login_too(maildest, serve, pairs, how, protocol):
    """The password has crossed the network all the same."""
    refused = {LOGIN[protocol]: DENIED[protocol] + "No"}
    if how == "unencrypted":
        maildest.destination(protocol, serve(protocol, tls=None, answers=refused))
    else:
        context = server_tls(pairs("unknown-authority"))
        server = serve(protocol, context=context, answers=refused)
        maildest.destination(protocol, server, TrustAll="true")
    session = maildest.connect(protocol)
    maildest.assert_refused(session, protocol, "login")
    assert len(session.insecure()) == 1, "no warning that a password crossed insecurely"


@EACH
@pytest.mark.parametrize(
    "keys", ({}, {"mail.{p}.starttls.required": "false"}), ids=("default", "half")
)
def test_a_password_stays_here_without_encryption(maildest, serve, keys, protocol):
    server = serve(protocol, tls=None)
    keys = {key.format(p=protocol): value for key, value in keys.items()}
    maildest.destination(protocol, at(server.host, server.port), protocol, **keys)
    maildest.assert_refused(maildest.connect(protocol), protocol, "capability", "TLS")
    assert_nothing_leaked(server)


# --- tokens and encryption

PLAIN_KEYS = {
    "never": {"mail.{p}.starttls.enable": "false", "mail.{p}.starttls.required": "false"},
    "if-offered": {"mail.{p}.starttls.enable": "true", "mail.{p}.starttls.required": "false"},
}


@EACH
@pytest.mark.parametrize("label", PLAIN_KEYS)
def test_a_token_never_crosses_the_network_in_clear(
    maildest, serve, tokens, network, label, protocol
):
    tokens.reply = token_reply(TOKEN)
    server = network.run(
        serve, protocol, tls=None, host=Network.ADDRESS, mechanisms=("XOAUTH2", "OAUTHBEARER")
    )
    keys = {key.format(p=protocol): value for key, value in PLAIN_KEYS[label].items()}
    maildest.destination(protocol, server, oauth=tokens.url(), **keys)
    maildest.start_helper()
    session = network.run(maildest.connect, protocol)
    maildest.assert_refused(session, protocol, "capability", "OAuth token", "unencrypted")
    assert server.connections, "the fake server was not reached"
    assert_nothing_leaked(server)


@EACH
def test_a_token_may_stay_on_the_host_in_clear(maildest, serve, tokens, protocol):
    tokens.reply = token_reply(TOKEN)
    server = serve(protocol, tls=None, host=random_loopback(), mechanisms=("XOAUTH2",))
    maildest.destination(protocol, server, oauth=tokens.url())
    maildest.start_helper()
    assert_greeted(maildest.connect(protocol), protocol)
    assert find([TOKEN], {"the server": server.received.decode()}), "no token was sent"


@EACH
def test_a_password_may_cross_the_network_in_clear_if_both_keys_say_so(
    maildest, serve, network, protocol
):
    server = network.run(serve, protocol, tls=None, host=Network.ADDRESS)
    maildest.destination(protocol, server)
    session = network.run(maildest.connect, protocol)
    assert_greeted(session, protocol)
    assert len(session.insecure()) == 1
