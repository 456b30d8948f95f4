# SPDX-License-Identifier: Apache-2.0
"""An ordinary SOCKS5 proxy on the way to the mail server: mail.<p>.socks.host, .port and so on."""

import pytest

from rig import logins
from rig.dialogue import Dialogue
from rig.ports import free_port
from rig.scene import AUTHENTICATIONS, GRANTS
from rig.socks import (
    COMMAND_UNSUPPORTED, FORBIDDEN, HOST_UNREACHABLE, IPV4, NAME, NETWORK_UNREACHABLE, REFUSED,
    Answer, SocksProxy, reply,
)  # fmt: skip

PROTOCOLS = ("smtp", "imap4", "pop3", "smtps", "imap4s", "pop3s")
USER, PASSWORD = "proxy-user", "Proxy password %d\\ 3f9b6a20-6b0e"


@pytest.fixture
def proxy():
    with SocksProxy().run() as here:
        yield here
    here.assert_clean()


def serve(scene, proxy, protocol="smtp", authentication=AUTHENTICATIONS[0], **more):
    """`socks_NAME` stands for mail.<p>.socks.NAME."""
    keys = {"socks_host": "127.0.0.1", "socks_port": str(proxy.port)} | more
    for name in [name for name in keys if name.startswith("socks_")]:
        keys[f"mail.{protocol}.{name.replace('_', '.')}"] = keys.pop(name)
    return scene.serve(protocol, authentication, **keys)


def assert_served(scene, port, protocol="smtp", count=1):
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        logins.leave(session, protocol)
    scene.maildest.wait_for_record(protocol, count, RESULT="ok")


def assert_refused(scene, port, *words):
    with Dialogue(port, timeout=60) as session:
        greeting = session.line()
    assert greeting.startswith("421 4."), f"the greeting is {greeting!r}"
    record = scene.maildest.wait_for_record("smtp")
    missing = [word for word in words if word not in record["MESSAGE"]]
    assert not missing, f"the record does not say {missing}: {record['MESSAGE']}"


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_protocol(scene, proxy, protocol, authentication):
    port = serve(scene, proxy, protocol, authentication)
    assert_served(scene, port, protocol)
    (tunnel,) = proxy.tunnels
    assert tunnel.heard[:2] == b"\5\1" and tunnel.connected
    assert (tunnel.kind, tunnel.host) == (IPV4, scene.world.dovecot.host)


@pytest.mark.parametrize("authentication", GRANTS)
@pytest.mark.parametrize("protocol", ("smtp", "imap4s", "pop3"))
def test_the_clients_own_grant(scene, proxy, protocol, authentication):
    port = serve(scene, proxy, protocol, authentication)
    credential, user = scene.client.credential(authentication), scene.user.address
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        answer = logins.log_in(session, protocol, "after-asking", user, credential)
        assert logins.is_accepted(answer), f"the login is answered {answer!r}"
        logins.leave(session, protocol)
    assert proxy.tunnels[0].connected


def test_the_tls_session_is_kept(scene, proxy):
    port = serve(scene, proxy, "imap4s")
    for count in (1, 2):
        assert_served(scene, port, "imap4s", count)
    assert "resumed" in scene.maildest.records("imap4s")[1]["TLS"]


def test_a_name_goes_unresolved(scene):
    upstream = scene.world.postfix
    routes = {("localhost", 25): ("127.0.0.1", upstream.ports["submission"])}
    with SocksProxy(routes=routes).run() as proxy:
        port = serve(scene, proxy, server="postfix", **{"mail.smtp.port": "25"})
        assert_served(scene, port)
        assert (proxy.tunnels[0].kind, proxy.tunnels[0].host) == (NAME, "localhost")


def test_user_and_password(scene):
    with SocksProxy(USER, PASSWORD).run() as proxy:
        assert_served(scene, serve(scene, proxy, socks_user=USER, socks_password=PASSWORD))
        assert (proxy.tunnels[0].user, proxy.tunnels[0].password) == (USER, PASSWORD)
    proxy.assert_clean()


def test_a_wrong_password(scene):
    with SocksProxy(USER, PASSWORD).run() as proxy:
        port = serve(scene, proxy, socks_user=USER, socks_password="x" * 24)
        assert_refused(scene, port, "SOCKS5", "password")


def test_a_proxy_that_wants_a_password_and_gets_none(scene):
    with SocksProxy(USER, PASSWORD).run() as proxy:
        assert_refused(scene, serve(scene, proxy), "SOCKS5")


@pytest.mark.parametrize(
    "code", (FORBIDDEN, NETWORK_UNREACHABLE, HOST_UNREACHABLE, REFUSED, COMMAND_UNSUPPORTED)
)
def test_reply_codes(scene, proxy, code):
    proxy.usual.connect = reply(code)
    assert_refused(scene, serve(scene, proxy), "SOCKS5")


@pytest.mark.parametrize("pace", ("split", "joined"))
@pytest.mark.parametrize("protocol", ("smtp", "smtps"))
def test_segments(scene, proxy, protocol, pace):
    # With TLS from the first byte the server waits for the client.
    proxy.usual.pace = pace if protocol == "smtp" or pace == "split" else "whole"
    assert_served(scene, serve(scene, proxy, protocol), protocol)


@pytest.mark.parametrize("end", ("close", "silence"))
def test_half_a_reply(scene, proxy, end):
    proxy.usual = Answer(connect=reply(0)[:4], end="connect", how=end)
    port = serve(scene, proxy, **{"mail.smtp.connectiontimeout": "600"})
    assert_refused(scene, port, "SOCKS5")


def test_no_proxy_there(scene, proxy):
    assert_refused(scene, serve(scene, proxy, socks_port=str(free_port())))


def test_the_password_beside_its_user(scene, proxy):
    assert_refused(scene, serve(scene, proxy, socks_user=USER), "mail.smtp.socks.user")
    assert not proxy.tunnels
