# SPDX-License-Identifier: Apache-2.0
"""Edits count for the next connection, though the parent keeps what it has loaded."""

import ctypes
import os
import shutil
import struct
import time

import pytest

from fakes.fixtures import certificates, maildest, serve  # noqa: F401
from rig import waiting
from rig.destinations import TRUST_ANCHOR
from rig.forking import ForkingHandler, tcp

# How long an edit may take to count.
PROMPT_SECONDS = 1.0
IN_ACCESS = 0x1
IN_NONBLOCK = 0o4000


def replace(path, content):
    """As editors and package managers do: another file under the name."""
    fresh = path.with_name(".fresh")
    fresh.write_bytes(content)
    fresh.chmod(0o640)
    fresh.rename(path)


def overwrite(path, content):
    """As `cat >` does: the same file with another content."""
    path.write_bytes(content)


HOW = pytest.mark.parametrize("how", (replace, overwrite), ids=lambda one: one.__name__)


@pytest.fixture
def fork(maildest):
    return lambda *names: ForkingHandler(maildest, [(name, tcp()) for name in names])


def assert_served(handler, name):
    line = handler.visit(name)
    assert line.startswith(("220 ", "* OK")), f"{name} greets with {line!r}:\n{handler.log()}"


def assert_refused(handler, name, result):
    with handler.dial(name) as session:
        line = session.line()
    assert line.startswith(("421 4.", "* BYE [UNAVAILABLE]")), f"{name} greets with {line!r}"
    handler.wait_until_idle()
    record = [one for one in handler.records(name) if "RESULT" in one][-1]
    assert record["RESULT"] == result, record


def soon(check, *words):
    """The check holds now, or when it is begun after the second that an edit may take."""
    last = time.monotonic() + PROMPT_SECONDS
    while True:
        begun = time.monotonic()
        try:
            return check(*words)
        except AssertionError:
            if begun > last:
                raise
            time.sleep(0.1)


# --- destinations


@HOW
def test_an_edited_destination_counts_for_the_next_connection(maildest, serve, fork, how):
    first, second = serve("smtp"), serve("smtp")
    maildest.destination("alpha", first)
    path = maildest.config / "destinations/alpha.json"
    handler = fork("alpha")
    assert_served(handler, "alpha")
    text = path.read_text().replace(str(first.port), str(second.port))
    how(path, text.encode())
    assert_served(handler, "alpha")
    assert (len(first.connections), len(second.connections)) == (1, 1), "the edit does not count"


def test_a_broken_destination_costs_only_its_own_sessions(maildest, serve, fork):
    for name, protocol in (("alpha", "smtp"), ("beta", "imap4")):
        maildest.destination(name, serve(protocol))
    path = maildest.config / "destinations/alpha.json"
    good = path.read_bytes()
    path.write_bytes(b"{")
    handler = fork("alpha", "beta")
    for bad in (b"{", b"", good.replace(b"MAIL", b"HTTP", 1), None):
        overwrite(path, bad) if bad is not None else path.unlink()
        assert_refused(handler, "alpha", "configuration")
        assert_served(handler, "beta")
    replace(path, good)
    assert_served(handler, "alpha")


def test_the_protocol_may_change(maildest, serve, fork):
    maildest.destination("alpha", serve("smtp"))
    handler = fork("alpha")
    assert handler.visit("alpha").startswith("220 ")
    maildest.destination("alpha", serve("imap4"))
    assert handler.visit("alpha").startswith("* OK")


def test_a_destination_that_is_written_later(maildest, serve, fork):
    handler = fork("alpha")
    assert_refused(handler, "alpha", "configuration")
    maildest.destination("alpha", serve("smtp"))
    assert_served(handler, "alpha")


def test_the_settings_count_at_once(maildest, serve, fork):
    maildest.destination("beta", serve("imap4"))
    handler = fork("beta")
    assert handler.visit("beta").startswith("* OK")
    maildest.write("maildest.conf", "ClientLogin=preauth\n")
    assert handler.visit("beta").startswith("* PREAUTH"), "the edit does not count"
    maildest.write("maildest.conf", "ClientLogin=nonsense\n")
    assert_refused(handler, "beta", "configuration")
    (maildest.config / "maildest.conf").unlink()
    assert handler.visit("beta").startswith("* OK")


# --- whom to believe


def anchor(maildest, name=TRUST_ANCHOR):
    return maildest.config / "certificates" / name


@HOW
def test_a_replaced_trust_store(maildest, serve, fork, certificates, how):
    maildest.destination("alpha", serve("smtp"))
    handler = fork("alpha")
    assert_served(handler, "alpha")
    good, strange = (
        one.certificate.read_bytes() for one in (certificates.authority, certificates.stranger)
    )
    how(anchor(maildest), strange)
    soon(assert_refused, handler, "alpha", "certificate")
    how(anchor(maildest), good)
    soon(assert_served, handler, "alpha")
    how(anchor(maildest), b"no certificate\n")
    soon(assert_refused, handler, "alpha", "configuration")
    anchor(maildest).unlink()
    soon(assert_refused, handler, "alpha", "configuration")
    replace(anchor(maildest), good)
    soon(assert_served, handler, "alpha")


def test_a_trust_store_replaced_by_one_of_its_size_and_time(maildest, serve, fork, certificates):
    """As tools that restore a file's times leave it."""
    maildest.destination("alpha", serve("smtp"))
    handler = fork("alpha")
    assert_served(handler, "alpha")
    path = anchor(maildest)
    before = path.stat()
    text = certificates.stranger.certificate.read_bytes()
    size = max(before.st_size, len(text))
    for content, check in ((path.read_bytes(), assert_served), (text, assert_refused)):
        overwrite(path, content + b"\n" * (size - len(content)))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        words = [] if check is assert_served else ["certificate"]
        soon(check, handler, "alpha", *words)


def test_additional_authorities(maildest, serve, fork, certificates):
    context = certificates.context()
    server = serve("smtp", context=context)
    maildest.destination("alpha", server, TrustStoreLocation=None)
    handler = fork("alpha")
    assert_refused(handler, "alpha", "certificate")
    shutil.copy(certificates.authority.certificate, anchor(maildest, "additional.pem"))
    maildest.write("maildest.conf", "AdditionalCAs=additional.pem\n")
    soon(assert_served, handler, "alpha")
    replace(anchor(maildest, "additional.pem"), certificates.stranger.certificate.read_bytes())
    soon(assert_refused, handler, "alpha", "certificate")
    replace(anchor(maildest, "additional.pem"), certificates.authority.certificate.read_bytes())
    soon(assert_served, handler, "alpha")
    maildest.write("maildest.conf", "# nothing\n")
    soon(assert_refused, handler, "alpha", "certificate")


@pytest.mark.parametrize(
    "lax", ({"TrustAll": "true"}, {"mail.smtp.ssl.trust": "*"}), ids=("TrustAll", "ssl.trust")
)
def test_trust_may_be_given_and_taken_away(maildest, serve, fork, lax):
    server = serve("smtp")
    plain = {"TrustStoreLocation": None}
    maildest.destination("alpha", server, **plain)
    maildest.destination("beta", server, **plain)
    handler = fork("alpha", "beta")
    assert_refused(handler, "alpha", "certificate")
    maildest.destination("alpha", server, **plain, **lax)
    soon(assert_served, handler, "alpha")
    # What one destination allows itself is no business of another's.
    assert_refused(handler, "beta", "certificate")
    maildest.destination("alpha", server, **plain)
    soon(assert_refused, handler, "alpha", "certificate")


def test_the_name_in_the_certificate(maildest, serve, fork, certificates):
    other = certificates.pair("elsewhere", ("DNS:elsewhere.example",))
    server = serve("smtp")
    server.context.load_cert_chain(*other)
    maildest.destination("alpha", server)
    handler = fork("alpha")
    assert_refused(handler, "alpha", "certificate")
    maildest.destination("alpha", server, **{"mail.smtp.ssl.checkserveridentity": "false"})
    soon(assert_served, handler, "alpha")
    maildest.destination("alpha", server)
    soon(assert_refused, handler, "alpha", "certificate")


def test_destinations_do_not_share_their_trust(maildest, serve, fork, certificates):
    """Each believes its own authority only, in whichever order they are used."""
    shutil.copy(certificates.stranger.certificate, anchor(maildest, "strange.pem"))
    strange = serve("smtp")
    strange.context.load_cert_chain(*certificates.foreign_pair("strange"))
    usual = serve("smtp")
    pairs = {
        "ours-usual": (usual, TRUST_ANCHOR), "ours-strange": (strange, TRUST_ANCHOR),
        "theirs-usual": (usual, "strange.pem"), "theirs-strange": (strange, "strange.pem"),
    }  # fmt: skip
    for name, (server, store) in pairs.items():
        maildest.destination(name, server, TrustStoreLocation=store)
    handler = fork(*pairs)
    for name in (*pairs, *reversed(pairs)):
        if name in ("ours-usual", "theirs-strange"):
            assert_served(handler, name)
        else:
            assert_refused(handler, name, "certificate")


class Reads:
    """Counts how often a file is read, by anybody."""

    def __init__(self, path):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(IN_NONBLOCK)
        assert self._libc.inotify_add_watch(self._fd, str(path).encode(), IN_ACCESS) >= 0

    def count(self):
        """Since the last call."""
        try:
            events = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return 0
        return len(events) // struct.calcsize("iIII")

    def close(self):
        os.close(self._fd)


def test_trust_anchors_are_loaded_once(maildest, serve, fork):
    maildest.destination("alpha", serve("smtp"))
    maildest.destination("beta", serve("imap4"))
    reads = Reads(anchor(maildest))
    handler = fork("alpha", "beta")
    assert_served(handler, "alpha")
    assert reads.count() > 0, "reading is not seen"
    for name in ("alpha", "beta") * 4:
        assert_served(handler, name)
    assert reads.count() == 0, "the sessions read what the parent has loaded"
    reads.close()
    waiting.until(lambda: not handler.sessions(), "sessions stay")
