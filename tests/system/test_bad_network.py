# SPDX-License-Identifier: Apache-2.0
"""Mail servers that cannot be reached, do not answer, or speak TLS where we do not."""

import ssl

import pytest

from fakes.fixtures import certificates, maildest, serve, shim  # noqa: F401
from fakes.mail_server import drip, server_tls, silence
from fakes.network import black_hole, random_loopback
from fakes.reached import IMPLICIT, assert_greeted, assert_nothing_leaked, at
from fakes.target import SOON
from rig import waiting
from rig.ports import free_port

PROTOCOLS = ("smtp", "imap4", "pop3")
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)


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
        maildest.connect(protocol, env=env), protocol, "connect", *words, at_most=SOON
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


def assert_timeout(maildest, serve, protocol, phase, **options):
    """The session is over where the server does not answer any more. What that is asked before
    may take too long as well on a machine with much to do: then there is more time."""
    for msec in (250, 1000, 4000):
        server = serve(protocol, **options)
        maildest.destination(protocol, server, **{f"mail.{protocol}.timeout": msec})
        session = maildest.connect(protocol)
        reply = session.rest()
        if f"while {phase}: " in session.record()["MESSAGE"]:
            break
    maildest.assert_refused(session, protocol, "timeout", f"while {phase}: ", reply=reply)


@pytest.mark.parametrize("how", ("silent", "dripping"))
@pytest.mark.parametrize("protocol,step,phase", PHASES)
def test_a_server_that_stops_answering(maildest, serve, protocol, step, phase, how):
    answer = silence if how == "silent" else dripping(protocol, step)
    assert_timeout(maildest, serve, protocol, phase, answers={step: answer})


@EACH
def test_a_silent_server_with_tls_from_the_first_byte(maildest, serve, protocol):
    options = {"tls": "implicit", "answers": {"HANDSHAKE": silence}}
    assert_timeout(maildest, serve, IMPLICIT[protocol], "starting TLS", **options)


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
    """Each reply comes in time, but all of them together do not: 25 s, here less than one, or
    more where the machine adds too much to what the replies take."""

    def late(text, seconds):
        def act(connection):
            connection.server.stopped.wait(seconds)
            connection.send(text)

        return act

    for speed in (30, 8, 2):
        answers = {step: late(text, 10.5 / speed) for step, text in LATE[protocol].items()}
        keys = {f"mail.{protocol}.timeout": 600_000}
        maildest.destination(protocol, serve(protocol, answers=answers), **keys)
        session = maildest.connect(protocol, env=shim.environment(SPEED=speed))
        reply = session.rest()
        if "STARTTLS" in session.record()["MESSAGE"]:
            break
    record = maildest.assert_refused(session, protocol, "timeout", "STARTTLS", reply=reply)
    assert 24e6 < int(record["DURATION_USEC"]) < 300e6, record


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
    session = maildest.connect(protocol, env=shim.environment(SPEED=4))
    words = ("mail.transport.protocol", wanted, str(port), "TLS")
    record = maildest.assert_refused(session, protocol, "configuration", *words, at_most=SOON)
    assert 2.9e6 < int(record["DURATION_USEC"]) < 24e6, record


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
