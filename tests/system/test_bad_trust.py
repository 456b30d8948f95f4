# SPDX-License-Identifier: Apache-2.0
"""Mail servers that are not whom they should be, and what is not sent to anybody in clear."""

import shutil
import subprocess

import pytest

from fakes.fixtures import certificates, maildest, network, serve, tokens  # noqa: F401
from fakes.mail_server import DENIED, LOGIN, server_tls
from fakes.network import Network, random_loopback
from fakes.reached import IMPLICIT, assert_greeted, assert_nothing_leaked, at
from fakes.target import NOBODY, TOKEN
from fakes.token_service import token_reply
from rig.secrets import find

PROTOCOLS = ("smtp", "imap4", "pop3")
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)


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
