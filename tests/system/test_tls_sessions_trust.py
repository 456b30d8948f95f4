# SPDX-License-Identifier: Apache-2.0
"""No TLS session is resumed around a check that a full handshake would not pass."""

import os
import shutil
import subprocess

import pytest

from fakes.fixtures import certificates, maildest, serve, shim  # noqa: F401
from fakes.helper import SessionKeeper
from fakes.mail_server import server_tls
from fakes.visits import VERSIONS, assert_full, assert_resumed, visit
from rig import waiting
from rig.destinations import TRUST_ANCHOR
from rig.forking import ForkingHandler, tcp

EACH_VERSION = pytest.mark.parametrize("version", VERSIONS)
DAY = 24 * 3600
# A certificate of the tests ends so soon; their sessions would live for two hours.
LIFE = 1800
OWN = {"TrustStoreLocation": None}
IDENTITY = "mail.smtp.ssl.checkserveridentity"


@pytest.fixture
def start(maildest, serve, certificates):
    """A server, and with it a helper; the destination "mail" is written by edit()."""

    def make(pair=None, version="1.3", **options):
        pair = pair or certificates.pair("good")
        context = server_tls(pair, highest=VERSIONS[version])
        server = serve("smtp", context=context, **options)
        if not maildest.helper:
            maildest.start_helper()
        return server

    return make


@pytest.fixture(params=("alone", "forked"))
def session(request, maildest):
    """Sessions of "mail" in either mode, to their records: session(env=...)."""
    handlers = {}

    def forked(**_):
        handler = handlers.setdefault("mail", None) or ForkingHandler(maildest, [("mail", tcp())])
        handlers["mail"] = handler
        handler.visit("mail")
        handler.wait_until_idle()
        return [one for one in handler.records("mail") if "RESULT" in one][-1]

    def alone(**options):
        return visit(maildest, "mail", **options)

    return {"alone": alone, "forked": forked}[request.param]


def anchors(maildest, name=TRUST_ANCHOR):
    return maildest.config / "certificates" / name


def install(path, source):
    """Another file under the name, as package managers do it."""
    fresh = path.with_name(".fresh")
    shutil.copy(source, fresh)
    fresh.chmod(0o640)
    fresh.rename(path)


def assert_refused(record):
    assert record["RESULT"] == "certificate", f"a server that is not believed: {record}"


def assert_kept(server, session):
    """A session is there that a next connection resumes."""
    session()
    assert_resumed(server, session())


# --- what an edit of the trust settings does: the destination before it, and after

HARMLESS = {
    "trust-all": ({}, {"TrustAll": "true"}),
    "no-trust-all": ({"TrustAll": "true"}, {}),
    "ssl-trust": ({}, {"mail.smtp.ssl.trust": "*"}),
    "no-ssl-trust": ({"mail.smtp.ssl.trust": "127.0.0.1 x"}, {}),
    "no-identity": ({}, {IDENTITY: "false"}),
    "identity": ({IDENTITY: "false"}, {}),
    "verifier": ({}, {"HostnameVerifier": "BrowserCompatible"}),
    "other-host": ({}, {"host": "localhost"}),
}


@pytest.mark.parametrize("label", HARMLESS)
def test_an_edit_means_a_full_handshake(maildest, start, session, label):
    server = start()
    before, after = HARMLESS[label]
    maildest.destination("mail", server, **before)
    assert_kept(server, session)
    maildest.destination("mail", server, **after)
    assert_full(server, session())
    assert_resumed(server, session())


def test_another_port_is_another_server(maildest, start, serve, session):
    """Also if it could read the other's tickets."""
    server = start()
    maildest.destination("mail", server)
    assert_kept(server, session)
    twin = serve("smtp", context=server.context)
    maildest.destination("mail", twin)
    assert_full(twin, session())


@EACH_VERSION
@pytest.mark.parametrize("key,value", (("TrustAll", "true"), ("mail.smtp.ssl.trust", "*")))
def test_trust_that_is_taken_away(maildest, start, session, certificates, key, value, version):
    server = start(certificates.foreign_pair("foreign"), version)
    maildest.destination("mail", server, **{key: value})
    assert_kept(server, session)
    maildest.destination("mail", server)
    assert_refused(session())
    assert not server.connections[-1].hello.tickets, "the session is offered all the same"
    maildest.destination("mail", server, **{key: value})
    # What was learnt then is still there for who trusts as much.
    assert session()["RESULT"] == "ok"


def test_an_identity_that_is_checked_again(maildest, start, session, certificates):
    server = start(certificates.pair("elsewhere", ("DNS:elsewhere.example",)))
    maildest.destination("mail", server, **{IDENTITY: "false"})
    assert_kept(server, session)
    maildest.destination("mail", server)
    assert_refused(session())


def test_a_verifier_that_becomes_strict(maildest, start, shim, certificates):
    """BrowserCompatible lets a wildcard stand for several labels."""
    server = start(certificates.pair("wildcard", ("DNS:*.test.example",)))
    env = shim.environment(HOST="a.b.test.example", ADDRESSES="127.0.0.1")
    lax = {"host": "a.b.test.example", "HostnameVerifier": "BrowserCompatible"}
    maildest.destination("mail", server, **lax)
    visit(maildest, "mail", env=env)
    assert_resumed(server, visit(maildest, "mail", env=env))
    maildest.destination("mail", server, **lax | {"HostnameVerifier": "Strict"})
    assert_refused(visit(maildest, "mail", env=env))


# --- what a change of the trusted files does


@EACH_VERSION
def test_a_replaced_trust_store(maildest, start, session, certificates, version):
    server = start(version=version)
    maildest.destination("mail", server)
    assert_kept(server, session)
    install(anchors(maildest), certificates.stranger.certificate)
    assert_refused(session())
    install(anchors(maildest), certificates.authority.certificate)
    assert session()["RESULT"] == "ok"


def test_a_trust_store_that_is_overwritten(maildest, start, session, certificates):
    """The same file, its size and its time, with another content."""
    server = start()
    maildest.destination("mail", server)
    path = anchors(maildest)
    both = [one.certificate.read_bytes() for one in (certificates.authority, certificates.stranger)]
    size = max(map(len, both))
    ours, theirs = (text + b"\n" * (size - len(text)) for text in both)
    path.write_bytes(ours)
    status = path.stat()
    assert_kept(server, session)
    path.write_bytes(theirs)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert_refused(session())


def test_another_trust_store(maildest, start, session, certificates):
    server = start()
    maildest.destination("mail", server)
    assert_kept(server, session)
    install(anchors(maildest, "strange.pem"), certificates.stranger.certificate)
    maildest.destination("mail", server, TrustStoreLocation="strange.pem")
    assert_refused(session())
    maildest.destination("mail", server, **OWN)
    assert_refused(session())


def test_additional_authorities(maildest, start, session, certificates):
    server = start()
    maildest.destination("mail", server, **OWN)
    install(anchors(maildest, "more.pem"), certificates.authority.certificate)
    maildest.write("maildest.conf", "AdditionalCAs=more.pem\n")
    assert_kept(server, session)
    install(anchors(maildest, "more.pem"), certificates.stranger.certificate)
    assert_refused(session())
    install(anchors(maildest, "more.pem"), certificates.authority.certificate)
    assert session()["RESULT"] == "ok"
    maildest.write("maildest.conf", "# nothing\n")
    assert_refused(session())


@pytest.mark.parametrize("how", ("taken-away", "replaced"))
def test_the_systems_folder(maildest, start, certificates, how):
    server = start()
    maildest.destination("mail", server, **OWN)
    folder = maildest.folder / "system"
    folder.mkdir()
    shutil.copy(certificates.authority.certificate, folder / "ours.pem")
    subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True)
    env = {"SSL_CERT_DIR": str(folder)}
    visit(maildest, "mail", env=env)
    assert_resumed(server, visit(maildest, "mail", env=env))
    (folder / "ours.pem").unlink()
    if how == "replaced":
        shutil.copy(certificates.stranger.certificate, folder / "theirs.pem")
    subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True)
    assert_refused(visit(maildest, "mail", env=env))
    assert_refused(visit(maildest, "mail"))


def test_the_systems_bundle(maildest, start, certificates):
    server = start()
    maildest.destination("mail", server, **OWN)
    bundle = maildest.folder / "bundle.pem"
    shutil.copy(certificates.authority.certificate, bundle)
    env = {"SSL_CERT_FILE": str(bundle)}
    visit(maildest, "mail", env=env)
    assert_resumed(server, visit(maildest, "mail", env=env))
    assert_refused(visit(maildest, "mail"))
    install(bundle, certificates.stranger.certificate)
    assert_refused(visit(maildest, "mail", env=env))


# --- the server's certificate ends while its session lives


@pytest.fixture
def short_lived(certificates, shim, monkeypatch):
    """A certificate that ends in half an hour."""
    for name, value in shim.environment(LATER=LIFE - DAY).items():
        monkeypatch.setenv(name, value)
    pair = certificates.authority.issue("short-lived", days=1)
    monkeypatch.undo()
    return pair


@EACH_VERSION
def test_a_session_ends_with_its_certificate(maildest, start, shim, short_lived, version):
    server = start(short_lived, version)
    maildest.destination("mail", server)
    visit(maildest, "mail")
    for later in (0, LIFE // 2):
        record = visit(maildest, "mail", env=shim.environment(LATER=later))
        assert_resumed(server, record)
    assert_refused(visit(maildest, "mail", env=shim.environment(LATER=2 * LIFE)))
    assert not server.connections[-1].hello.tickets, "the session is offered all the same"


@EACH_VERSION
def test_a_renewed_certificate(maildest, serve, shim, certificates, short_lived, version):
    """The server could read the old ticket; its new certificate is looked at all the same."""
    context = server_tls(short_lived, highest=VERSIONS[version])
    server = serve("smtp", context=context)
    maildest.destination("mail", server)
    helper = SessionKeeper(maildest.socket)
    visit(maildest, "mail")
    waiting.until(lambda: helper.kept, "no session is handed over")
    helper.hand_out = helper.kept[-1]["session"]
    maildest.secrets.append(helper.hand_out)
    assert_resumed(server, visit(maildest, "mail"))
    context.load_cert_chain(*certificates.pair("renewed"))
    assert_full(server, visit(maildest, "mail", env=shim.environment(LATER=2 * LIFE)))
    helper.stop()
