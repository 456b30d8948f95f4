# SPDX-License-Identifier: Apache-2.0
"""ProxyType OnPremise: what the Connectivity proxy is told, and all that it may answer."""

import pytest

from rig import logins, mail, secrets, socks
from rig.company import LOCATION, MAIL, PROTOCOLS, VIRTUAL_PORTS, assert_refused, assert_served
from rig.connectivity import REPLIES
from rig.dialogue import Dialogue
from rig.ports import free_port
from rig.scene import GRANTS
from rig.socks import Answer, reply


# --- the proxy's replies


@pytest.mark.parametrize("code,words", REPLIES.values(), ids=REPLIES)
def test_each_reply_code(company, code, words):
    company.proxy.usual.connect = reply(code)
    assert_refused(company, company.serve(), words)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_mapping_in_each_protocol(company, protocol):
    port = company.serve(protocol)
    company.proxy.mappings = {(LOCATION, "another.virtual", 1): ("127.0.0.1", 1)}
    assert_refused(company, port, ("Cloud Connector", MAIL), protocol)


BROKEN = {
    "version-4": Answer(method=b"\4\x5a"),
    "no-method": Answer(method=b"\5\xff", end="method"),
    "another-method": Answer(method=b"\5\0", end="method"),
    "half-a-method": Answer(method=b"\5", end="method"),
    "nothing": Answer(method=b"", end="method"),
    "login-version-5": Answer(login=b"\5\0", end="login"),
    "half-a-login": Answer(login=b"\1", end="login"),
    "no-login": Answer(login=b"", end="login"),
    "reply-version-4": Answer(connect=b"\4\x5a" + bytes(6)),
    "half-a-reply": Answer(connect=reply(0)[:3], end="connect"),
    "reply-without-address": Answer(connect=reply(0)[:5], end="connect"),
    "reply-with-no-address-type": Answer(connect=reply(0, b"\7" + bytes(6))),
    "no-reply": Answer(connect=b"", end="connect"),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_proxy_that_speaks_nonsense_or_leaves(company, answer):
    company.proxy.usual = answer
    assert_refused(company, company.serve(), ("proxy",))


@pytest.mark.parametrize("step", ("method", "login", "connect"))
def test_a_proxy_that_falls_silent(company, step):
    company.proxy.usual = Answer(**{step: b""}, end=step, how="silence")
    port = company.serve(**{"mail.smtp.connectiontimeout": "700"})
    assert_refused(company, port, ("Connectivity proxy", "time"))


def test_no_proxy_at_all(company):
    company.configure(onpremise_socks5_proxy_port=str(free_port()))
    assert_refused(company, company.serve(), ("connecting to the proxy",))


@pytest.mark.parametrize("pace", ("split", "joined"))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_servers_first_words_are_not_lost(company, protocol, pace):
    """Each octet in a segment of its own, and the reply in one with the server's greeting."""
    company.proxy.usual.pace = pace
    assert_served(company, company.serve(protocol), protocol)


@pytest.mark.parametrize(
    "address", (b"\3\x05names\0\x19", b"\4" + bytes(18), b"\3\0\0\0"), ids=("name", "ipv6", "empty")
)
def test_the_reply_may_hold_any_address(company, address):
    company.proxy.usual = Answer(connect=reply(0, address), pace="joined")
    assert_served(company, company.serve())


# --- what we send


def test_no_location_id(company):
    assert_served(company, company.serve(CloudConnectorLocationId=None))
    (tunnel,) = company.proxy.tunnels
    assert tunnel.heard.endswith(b"\0" + b"\5\1\0\3\x0cmail.virtual\x02\x4b"), tunnel.heard


def test_a_location_id_as_long_as_can_be(company):
    long = "l" * 189
    assert_served(company, company.serve(CloudConnectorLocationId=long))
    assert company.proxy.tunnels[0].location_id == long


def test_an_address_is_sent_as_one(company):
    port = company.serve(host="10.0.0.5")
    dovecot = company.scene.world.dovecot
    address = (dovecot.plain_host, dovecot.ports["submission"])
    company.map("10.0.0.5", VIRTUAL_PORTS["smtp"], address)
    assert_served(company, port)
    assert company.proxy.tunnels[0].heard.endswith(b"\5\1\0\1\x0a\0\0\5\x02\x4b")


# Keys that cannot work, and what the record names.
IMPOSSIBLE = {
    "location-id-of-190": ({"CloudConnectorLocationId": "l" * 190}, "CloudConnectorLocationId"),
    "host-of-256": ({"host": "ab." * 85 + "c"}, "mail.smtp.host"),
    "ipv6": ({"host": "fd00::25"}, "mail.smtp.host"),
    "socks": ({"mail.smtp.socks.host": "127.0.0.1"}, "mail.smtp.socks.host"),
}


@pytest.mark.parametrize("keys,named", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_work_is_said(company, keys, named):
    assert_refused(company, company.serve(**keys), (named,))
    assert not company.proxy.tunnels, "the proxy was asked all the same"


@pytest.mark.parametrize("protocol", ("smtps", "imap4s", "pop3s"))
def test_tls_from_the_first_byte_is_refused(company, protocol):
    """As SAP's overview has it: a Cloud Connector wraps the connection itself."""
    port = company.scene.serve(protocol, ProxyType="OnPremise")
    assert_refused(company, port, ("mail.transport.protocol",), protocol)
    assert not company.proxy.tunnels


# --- TLS through the tunnel, which takes asking for


def serve_starttls(company, **more):
    dovecot = company.scene.world.dovecot
    keys = {"mail.smtp.starttls.enable": "true", "mail.smtp.starttls.required": "true"}
    port = company.serve(**(keys | more))
    address = (dovecot.host, dovecot.ports["submission"])
    company.map(MAIL, VIRTUAL_PORTS["smtp"], address)
    return port


def test_a_certificate_is_checked_against_the_virtual_host(company):
    assert_refused(company, serve_starttls(company), ("certificate", MAIL))


@pytest.mark.parametrize(
    "keys",
    ({"mail.smtp.ssl.checkserveridentity": "false"}, {"mail.smtp.ssl.trust": MAIL},
     {"TrustAll": "true"}),
    ids=("checkserveridentity", "trust", "TrustAll"),
)  # fmt: skip
def test_the_check_may_be_turned_off_and_that_is_loud(company, keys):
    assert_served(company, serve_starttls(company, **keys))
    warning, end = company.scene.maildest.records("smtp")
    assert warning["PRIORITY"] == 4 and "INSECURE" in warning["MESSAGE"], warning
    assert end["TLS"].startswith("TLSv1"), end


# --- the client's own grant


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_refusal_after_the_greeting(company, protocol):
    """The server is not reached while the client is about to log in."""
    port = company.serve(protocol, "OAuth2RefreshToken")
    company.proxy.usual.connect = reply(socks.HOST_UNREACHABLE)
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        session.send("1 NOOP" if protocol == "imap4" else "NOOP")
        told = session.rest().decode()
    wanted = {"smtp": "421 4.4.1", "imap4": "* BYE [UNAVAILABLE]", "pop3": "-ERR [SYS/TEMP]"}
    assert wanted[protocol] in told, f"the client is told {told!r}"
    record = company.scene.maildest.wait_for_record(protocol)
    assert "Cloud Connector" in record["MESSAGE"]


@pytest.mark.parametrize("authentication", GRANTS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_servers_see_no_credential_of_the_client(company, protocol, authentication):
    """All that passed through the proxy unencrypted, in any disguise."""
    port = company.serve(protocol, authentication)
    credential, user = company.scene.client.credential(authentication), company.scene.user.address
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        answer = logins.log_in(session, protocol, "before-asking", user, credential)
        assert logins.is_accepted(answer), f"the login is answered {answer!r}"
        logins.leave(session, protocol)
    (tunnel,) = company.mail_tunnels()
    passed = {"to the server": tunnel.relayed.decode(errors="replace")}
    issued = company.scene.client.issued
    access_token = [token for token in issued if token.count(".") == 2][-1]
    assert secrets.find([access_token], passed), "what must be there is not found"
    others = [token for token in issued if token != access_token]
    assert credential in others and not secrets.find(others, passed), "it went to the mail server"


# --- bytes


def test_a_large_mail_comes_through_as_sent(company):
    sent = mail.message(mail.noise(2_000_000), sender=company.scene.user.address)
    mail.send(Dialogue(company.serve()), company.scene.user, sent)
    reader = company.serve("imap4")
    mail.assert_same(mail.read_back(reader), sent)
