# SPDX-License-Identifier: Apache-2.0
"""mail.<p>.auth.mechanisms chooses how maildest logs in."""

import pytest

from rig import waiting
from rig.dialogue import Dialogue

PASSWORD = "BasicAuthentication"
TOKEN = "OAuth2ClientCredentials"
MECHANISMS = [
    (PASSWORD, "PLAIN"),
    (PASSWORD, "LOGIN"),
    (PASSWORD, "SCRAM-SHA-256"),
    (TOKEN, "XOAUTH2"),
    (TOKEN, "OAUTHBEARER"),
]


def serve(scene, protocol, authentication, mechanisms, server="dovecot", **more):
    key = f"mail.{protocol}.auth.mechanisms"
    return scene.serve(protocol, authentication, server, **{key: mechanisms}, **more)


def greeting(port):
    with Dialogue(port) as session:
        return session.line()


def dovecots_method(scene):
    """How Dovecot says that our user logged in."""
    mine = f"Login: user=<{scene.user.address}>, method="

    def line():
        found = [line for line in scene.world.dovecot.log().splitlines() if mine in line]
        return found and found[-1]

    return waiting.until(line, "Dovecot logs no login").split("method=")[1].split(",")[0]


@pytest.mark.parametrize("authentication,mechanism", MECHANISMS)
@pytest.mark.parametrize("server", ("dovecot", "postfix"))
def test_smtp(scene, server, authentication, mechanism):
    port = serve(scene, "smtp", authentication, mechanism, server)
    assert greeting(port).startswith("220 "), f"{mechanism} does not get into {server}"
    scene.maildest.wait_for_record("smtp", MECHANISM=mechanism)
    if server == "dovecot":
        assert dovecots_method(scene) == mechanism, "the record names another mechanism"


@pytest.mark.parametrize("authentication,mechanism", MECHANISMS)
def test_imap(scene, authentication, mechanism):
    port = serve(scene, "imap4", authentication, mechanism)
    assert greeting(port).startswith("* OK "), f"{mechanism} does not get into Dovecot's IMAP"
    scene.maildest.wait_for_record("imap4", MECHANISM=mechanism)
    # Dovecot counts the LOGIN command as PLAIN.
    expected = (mechanism, "PLAIN") if mechanism == "LOGIN" else (mechanism,)
    assert dovecots_method(scene) in expected, "Dovecot saw another mechanism"


@pytest.mark.parametrize("authentication,mechanism", MECHANISMS)
def test_pop3(scene, authentication, mechanism):
    port = serve(scene, "pop3", authentication, mechanism)
    assert greeting(port).startswith("+OK "), f"{mechanism} does not get into Dovecot's POP3"
    scene.maildest.wait_for_record("pop3", MECHANISM=mechanism)
    # Dovecot counts USER and PASS as PLAIN.
    expected = (mechanism, "PLAIN") if mechanism == "LOGIN" else (mechanism,)
    assert dovecots_method(scene) in expected, "Dovecot saw another mechanism"


def test_order_of_the_list_decides(scene):
    port = serve(scene, "imap4", TOKEN, "OAUTHBEARER XOAUTH2")
    assert greeting(port).startswith("* OK ")
    scene.maildest.wait_for_record("imap4", MECHANISM="OAUTHBEARER")


def test_a_mechanism_that_the_server_lacks_is_no_login(scene):
    port = serve(scene, "smtp", PASSWORD, "SCRAM-SHA-1")
    assert greeting(port).startswith("421 4."), "logged in with a mechanism that was not chosen"


@pytest.mark.parametrize("mechanism", ("XOAUTH2", "OAUTHBEARER"))
@pytest.mark.parametrize(
    "protocol,padding", (("smtp", 3000), ("imap4", 3000), ("pop3", 3000), ("smtp", 64))
)
def test_long_tokens(scene, protocol, padding, mechanism):
    """Beyond 512 octets of AUTH line, and beyond a TLS record's worth of small buffers."""
    scene.client.change(padding=padding)
    port = serve(scene, protocol, TOKEN, mechanism)
    assert greeting(port)[:4] in ("220 ", "* OK", "+OK "), f"a token with {padding} octets more fails"
