# SPDX-License-Identifier: Apache-2.0
"""What TLS offers to an attacker: versions, compression, renegotiation, an end that nobody said."""

import socket
import subprocess
import threading

import pytest

from fakes import hello as hellos
from fakes.fixtures import certificates, maildest  # noqa: F401
from rig import waiting
from rig.ports import free_port

SUPPORTED_VERSIONS = 43  # RFC 8446 4.2.1
TLS_1_2, TLS_1_3 = 0x0303, 0x0304


class Captured:
    """The first record that a client sends, and what it says of versions and compression."""

    def __init__(self, record):
        body = hellos._Reader(record[hellos.RECORD_HEADER + 4 :])
        self.legacy_version = body.number(2)
        body.take(32)
        body.vector(1)
        self.ciphers = body.vector(2)
        self.compression = body.vector(1)
        self.versions = []
        extensions = hellos._Reader(body.vector(2))
        while extensions:
            kind, content = extensions.number(2), extensions.vector(2)
            if kind == SUPPORTED_VERSIONS:
                listed = hellos._Reader(hellos._Reader(content).vector(1))
                while listed:
                    self.versions.append(listed.number(2))


def first_record(connection):
    header = connection.recv(hellos.RECORD_HEADER, socket.MSG_WAITALL)
    return header + connection.recv(int.from_bytes(header[3:], "big"), socket.MSG_WAITALL)


@pytest.mark.parametrize("protocol", ("smtps", "imap4s", "pop3s"))
def test_no_compression_and_no_old_version_is_offered(maildest, protocol):
    """CRIME needs the one, POODLE and its kin the other."""
    captured = []

    def serve_one(listener):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(20)
            captured.append(Captured(first_record(connection)))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_one, args=(listener,))
        thread.start()
        port = str(listener.getsockname()[1])
        keys = {"host": "127.0.0.1", f"mail.{protocol}.port": port}
        maildest.destination("a", None, protocol, **keys)
        session = maildest.connect("a")
        thread.join(20)
    session.rest()
    (hello,) = captured
    assert hello.compression == b"\0", f"compression methods {hello.compression!r} are offered"
    assert sorted(hello.versions) == [TLS_1_2, TLS_1_3], f"versions {hello.versions} are offered"


class OpensslServer:
    """`openssl s_server`, whose standard input is said to the client; a line "R" renegotiates."""

    def __init__(self, pair, port, *options):
        certificate, key = pair
        self.port = port
        self._said = b""
        self._process = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate,
             "-key", key, "-crlf", "-msg", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.wait_for(b"ACCEPT")

    def _read(self):
        while data := self._process.stdout.read1(65536):
            self._said += data

    def wait_for(self, text, count=1):
        try:
            waiting.until(lambda: self._said.count(text) >= count, "")
        except TimeoutError:
            said = self._said.decode(errors="replace")
            raise AssertionError(f"{text!r} is missing in what the server says:\n{said}") from None

    def count(self, text):
        return self._said.count(text)

    def say(self, line):
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._thread.join(20)
        self._process.stdin.close()
        self._process.stdout.close()


def test_renegotiation_is_refused(maildest, certificates):
    """TLS 1.2: a new handshake within the session, which could show another certificate."""
    server = OpensslServer(certificates.pair("good"), free_port(), "-tls1_2")
    try:
        keys = {"mail.smtps.port": str(server.port), "Authentication": "NoAuthentication"}
        maildest.destination("a", None, "smtps", host="127.0.0.1", **keys)
        session = maildest.connect("a")
        server.wait_for(b"Handshake [length 0010], Finished", 2)
        server.say("220 hello")
        server.wait_for(b"EHLO ")
        server.say("250 hello")
        assert session.line().startswith("220 ")
        session.send("NOOP\r\n")
        server.wait_for(b"NOOP")
        server.say("R")
        server.wait_for(b"HelloRequest")
        server.wait_for(b"no_renegotiation")
        assert server.count(b"ClientHello") == 1, "the handshake was begun anew"
        session.close()
    finally:
        server.stop()
    session.wait()
