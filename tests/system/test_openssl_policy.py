# SPDX-License-Identifier: Apache-2.0
"""A host's openssl.cnf: whatever it asks for, both modes start, agree, and keep to it."""

import os
import ssl

import pytest

from fakes.fixtures import certificates, maildest, serve  # noqa: F401
from fakes.reached import assert_nothing_leaked
from fakes.visits import VERSIONS, assert_full, assert_ok, assert_resumed, visit
from rig.forking import ForkingHandler, tcp

EACH_VERSION = pytest.mark.parametrize("version", VERSIONS)
LAX = "CipherString = DEFAULT:@SECLEVEL=1\n"
# No certificate of the tests' size is good enough for it.
STRICT = "CipherString = DEFAULT:@SECLEVEL=4\n"
# What a host may say of TLS, and how a session with a server of TLS 1.3 ends then.
POLICIES = {
    "lowest-1.3": ("MinProtocol = TLSv1.3\n", {"ok"}),
    "highest-1.2": ("MaxProtocol = TLSv1.2\n", {"ok"}),
    "ciphers-of-1.2": ("CipherString = ECDHE-RSA-AES256-GCM-SHA384\n", {"ok"}),
    "odd-groups": ("Groups = X448:P-521\n", {"ok"}),
    "one-odd-group": ("Groups = P-521\n", {"ok"}),
    "level-4": (STRICT, {"certificate", "protocol"}),
    "level-5": ("CipherString = DEFAULT:@SECLEVEL=5\n", {"certificate", "protocol"}),
    "signatures": ("SignatureAlgorithms = RSA+SHA512\n", {"protocol"}),
    "no-group": ("Groups = nonsense\n", {"ok", "protocol"}),
    "nothing": ("MinProtocol = TLSv1.3\nMaxProtocol = TLSv1.2\n", {"ok", "protocol"}),
}


def write_policy(path, text):
    """An openssl.cnf that is about TLS alone."""
    path.write_text(
        "openssl_conf = top\n[top]\nssl_conf = tls\n[tls]\nsystem_default = policy\n"
        f"[policy]\n{text}"
    )
    path.chmod(0o644)
    return {"OPENSSL_CONF": str(path)}


@pytest.fixture
def start(maildest, serve, certificates):
    """A server, a destination "mail" for it, and a helper."""

    def make(version="1.3"):
        server = serve("smtp", context=certificates.context(highest=VERSIONS[version]))
        maildest.destination("mail", server)
        maildest.start_helper()
        return server

    return make


def forked(maildest, env, **options):
    return ForkingHandler(maildest, [("mail", tcp())], environment=env, **options)


def last_record(handler):
    handler.wait_until_idle()
    return [one for one in handler.records("mail") if "RESULT" in one][-1]


@pytest.mark.parametrize("label", POLICIES)
def test_both_modes_serve_under_it(maildest, start, label):
    start()
    text, results = POLICIES[label]
    env = write_policy(maildest.folder / "openssl.cnf", text)
    handler = forked(maildest, env)
    alone = visit(maildest, "mail", env=env)
    for _ in range(2):
        line = handler.visit("mail")
        record = last_record(handler)
        assert record["RESULT"] in results, f"a session ends otherwise: {record}"
        assert record["RESULT"] == alone["RESULT"], f"the modes differ: {record}, {alone}"
        want = "220 " if record["RESULT"] == "ok" else "421 "
        assert line.startswith(want), f"the client is told {line!r}: {record}"
    assert not handler.is_over(), "the service has ended"


def test_what_is_no_policy_at_all(maildest, start):
    start()
    path = maildest.folder / "openssl.cnf"
    for text in ("", "= =\n[[[", "openssl_conf = missing\n", "\0\1\2"):
        path.write_text(text)
        handler = forked(maildest, {"OPENSSL_CONF": str(path)})
        assert handler.visit("mail").startswith(("220 ", "421 ")), f"under {text!r}"
    handler = forked(maildest, {"OPENSSL_CONF": "/nonexistent/openssl.cnf"})
    assert handler.visit("mail").startswith("220 ")


@pytest.mark.parametrize("ciphers", ("aNULL", "eNULL"))
def test_a_server_that_nobody_vouches_for_or_everybody_hears(
    maildest, serve, certificates, ciphers
):
    """Without a certificate there is none to look at; some ciphers encrypt nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers == "eNULL":
        context.load_cert_chain(*certificates.pair("good"))
    context.maximum_version = VERSIONS["1.2"]
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    server = serve("smtp", context=context)
    maildest.destination("mail", server)
    policy = "CipherString = ALL:eNULL:@SECLEVEL=0\n"
    record = visit(maildest, "mail", env=write_policy(maildest.folder / "openssl.cnf", policy))
    assert_nothing_leaked(server)
    assert "TLSv1.2 " in record.get("TLS", ""), f"no cipher is common to both: {record}"
    assert record["RESULT"] == "certificate", f"it is served: {record}"


# --- what was believed under one policy need not be under another


def another(path):
    return write_policy(path.with_name("other.cnf"), STRICT)


def replaced(path):
    fresh = path.with_name("fresh.cnf")
    write_policy(fresh, STRICT)
    fresh.rename(path)
    return {"OPENSSL_CONF": str(path)}


def overwritten(path):
    """Its size and its time are those of before."""
    status = path.stat()
    env = write_policy(path, STRICT)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    return env


@EACH_VERSION
@pytest.mark.parametrize("how", (another, replaced, overwritten), ids=lambda one: one.__name__)
def test_a_session_is_not_resumed_under_another(maildest, start, how, version):
    server = start(version)
    path = maildest.folder / "openssl.cnf"
    lax = write_policy(path, LAX)
    assert_full(server, visit(maildest, "mail", env=lax))
    assert_resumed(server, visit(maildest, "mail", env=lax))
    strict = how(path)
    record = visit(maildest, "mail", env=strict)
    assert record["RESULT"] != "ok", f"it is served where a full handshake is not: {record}"
    hello = server.connections[-1].hello
    assert hello is None or not hello.tickets, "the session is offered all the same"
    # Nothing was lost for whoever has the policy of before.
    lax = write_policy(path.with_name("lax.cnf"), LAX)
    assert_ok(visit(maildest, "mail", env=lax))


@EACH_VERSION
def test_a_service_that_read_an_older_one(maildest, start, version):
    """It goes on under what it read, and its sessions are not for those who read the newer."""
    server = start(version)
    path = maildest.folder / "openssl.cnf"
    handler = forked(maildest, write_policy(path, LAX))
    assert handler.visit("mail").startswith("220 ")
    strict = replaced(path)
    for _ in range(3):
        handler.visit("mail")
        assert_ok(last_record(handler))
    record = visit(maildest, "mail", env=strict)
    assert record["RESULT"] != "ok", f"it is served where a full handshake is not: {record}"
    assert_ok(visit(maildest, "mail", env=write_policy(path.with_name("lax.cnf"), LAX)))
    assert server.connections[-1].encrypted
