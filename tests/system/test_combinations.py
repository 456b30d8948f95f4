# SPDX-License-Identifier: Apache-2.0
"""Every MAIL destination of SAP's pages with the client session printed beside it.

Six protocols over the Internet and three through a Cloud Connector, each with the four kinds of
login and without one, against each real server that speaks it. tests/combinations makes the
README's table of what passes here.
"""

import base64

import pytest

from rig import logins, printed, waiting
from rig.company import LOCATION, MAIL, VIRTUAL_PORTS
from rig.dialogue import Dialogue
from rig.forking import ForkingHandler, tcp
from rig.logins import family
from rig.oauth import PROVIDER
from rig.scene import AUTHENTICATIONS, GRANTS, NO_LOGIN
from rig.socks import NAME

PAIRS = [(protocol, "Internet") for protocol in ("smtp", "imap4", "pop3")]
PAIRS += [(protocol, "OnPremise") for protocol, _ in PAIRS]
PAIRS += [(protocol, "Internet") for protocol in ("smtps", "imap4s", "pop3s")]
SERVERS = {"smtp": ("dovecot", "postfix"), "imap4": ("dovecot",), "pop3": ("dovecot",)}
CASES = [(*pair, server) for pair in PAIRS for server in SERVERS[family(pair[0])]]
CASE = pytest.mark.parametrize("protocol,proxy_type,server", CASES)
# Without TLS a password stays here if the server can do without it.
PASSWORD_MECHANISMS = ("PLAIN", "LOGIN", "USER", "SCRAM-SHA-256")


@pytest.fixture
def here(request, scene, proxy_type):
    """Where the destination's server is: on the Internet, or in a company."""
    return request.getfixturevalue("company") if proxy_type == "OnPremise" else scene


def fill(scene, protocol):
    """Two mails for those who read."""
    if family(protocol) != "smtp":
        mail = f"From: {printed.SENDER}\r\nSubject: printed\r\n\r\n{printed.TEXT}\r\n"
        for _ in range(2):
            scene.world.dovecot.deliver(scene.user, mail)


def play(scene, protocol, port, login=None):
    """The session as it is printed."""
    if family(protocol) == "smtp":
        printed.smtp(port, scene.user.address, login)
    elif family(protocol) == "imap4":
        printed.imap(port, login)
    else:
        printed.pop3(port, login)


def assert_mail_arrived(scene):
    mailbox = scene.world.dovecot.mailbox(scene.user)
    waiting.until(lambda: mailbox.select()[1][0] == b"1", "the mail did not arrive")
    text = mailbox.fetch("1", "(BODY.PEEK[])")[1][0][1].decode()
    mailbox.logout()
    assert text.endswith(f"{printed.TEXT}\r\n"), f"the text changed: {text!r}"
    assert f"Return-Path: <{printed.SENDER}>" in text, f"the sender changed: {text!r}"


def assert_tunnels(here, protocol):
    """The server was reached through its Cloud Connector, under the name that only that knows."""
    tunnels = here.mail_tunnels()
    assert tunnels, "nothing came to the Connectivity proxy"
    for tunnel in tunnels:
        assert (tunnel.kind, tunnel.port) == (NAME, VIRTUAL_PORTS[protocol]), tunnel
        assert (tunnel.tenant, tunnel.location_id) == (PROVIDER, LOCATION), tunnel
        assert MAIL.encode() in tunnel.heard


def log_in_otherwise(scene, protocol, port, credential):
    """The same credential again, in each form that a mail program may use."""
    for form in logins.FORMS:
        with Dialogue(port) as session:
            logins.greet(session, protocol)
            answer = logins.log_in(session, protocol, form, scene.user.address, credential)
            assert logins.is_accepted(answer), f"a login {form} is answered {answer!r}"
            logins.leave(session, protocol)


@pytest.mark.parametrize("authentication", AUTHENTICATIONS + GRANTS)
@CASE
def test_session_as_printed(scene, here, protocol, proxy_type, server, authentication):
    fill(scene, protocol)
    port = here.serve(protocol, authentication, server)
    credential = scene.client.credential(authentication) if authentication in GRANTS else None
    login = credential and printed.xoauth2(scene.user.address, credential)
    play(scene, protocol, port, login)
    record = scene.maildest.wait_for_end(protocol, PROTOCOL=protocol, RESULT="ok")
    if authentication == "BasicAuthentication":
        assert record["MECHANISM"] in PASSWORD_MECHANISMS, f"an unexpected mechanism: {record}"
    else:
        assert record["MECHANISM"] == "XOAUTH2", f"an unexpected mechanism: {record}"
    if credential:
        log_in_otherwise(scene, protocol, port, credential)
        assert scene.client.revoked == 0, "a used code or refresh token was presented again"
    if proxy_type == "OnPremise":
        assert_tunnels(here, protocol)
    if family(protocol) == "smtp":
        assert_mail_arrived(scene)


WITHOUT = {NO_LOGIN: {}, "auth-false": {"auth": "false"}}


def log_in_oneself(session, protocol, user):
    """The client's own login goes through to the server."""
    quoted = user.password.replace("\\", r"\\").replace('"', r"\"")
    if family(protocol) == "smtp":
        assert "PLAIN" in logins.offered(session, protocol), "the server's AUTH is not shown"
        text = base64.b64encode(f"\0{user.address}\0{user.password}".encode()).decode()
        answer = session.smtp(f"AUTH PLAIN {text}")[-1]
    elif family(protocol) == "imap4":
        answer = session.imap(f'1 LOGIN {user.address} "{quoted}"')[-1]
    else:
        assert session.pop3(f"USER {user.address}").startswith("+OK")
        answer = session.pop3(f"PASS {user.password}")
    assert logins.is_accepted(answer), f"the client's own login is answered {answer!r}"


@pytest.mark.parametrize("how", WITHOUT)
@CASE
def test_session_without_our_login(scene, here, protocol, proxy_type, server, how):
    fill(scene, protocol)
    scene.maildest.secrets.append(scene.user.password)
    authentication = NO_LOGIN if how == NO_LOGIN else "BasicAuthentication"
    more = {f"mail.{protocol}.{key}": value for key, value in WITHOUT[how].items()}
    port = here.serve(protocol, authentication, server, **more)
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        log_in_oneself(session, protocol, scene.user)
        if family(protocol) == "smtp":
            printed.smtp_mail(session, scene.user.address, address="<{}>")
        elif family(protocol) == "imap4":
            printed.imap_mailbox(session)
        if family(protocol) == "pop3":
            printed.pop3_mailbox(session)
        else:
            logins.leave(session, protocol)
    scene.maildest.wait_for_end(protocol, PROTOCOL=protocol, RESULT="ok")
    if proxy_type == "OnPremise":
        assert_tunnels(here, protocol)
    if family(protocol) == "smtp":
        assert_mail_arrived(scene)


# One of each kind, for the handler that forks: (protocol, proxy type, login)
FORKED = (
    ("smtp", "Internet", "OAuth2RefreshToken"),
    ("imap4s", "Internet", "OAuth2AuthorizationCode"),
    ("pop3s", "Internet", NO_LOGIN),
    ("smtps", "Internet", "OAuth2ClientCredentials"),
    ("imap4", "OnPremise", "OAuth2RefreshToken"),
    ("pop3", "OnPremise", "OAuth2ClientCredentials"),
)


def visit(scene, session, protocol, authentication):
    """A session with whatever login its destination wants."""
    with session:
        logins.greet(session, protocol)
        if authentication == NO_LOGIN:
            log_in_oneself(session, protocol, scene.user)
        elif authentication in GRANTS:
            credential, user = scene.client.credential(authentication), scene.user.address
            answer = logins.log_in(session, protocol, "before-asking", user, credential)
            assert logins.is_accepted(answer), f"{protocol}: the login is answered {answer!r}"
        logins.leave(session, protocol)


def test_one_forking_handler_serves_them_all(scene, company):
    for protocol, proxy_type, authentication in FORKED:
        there = company if proxy_type == "OnPremise" else scene
        scene.maildest.add_destination(protocol, there.keys(protocol, authentication))
    scene.maildest.start_helper()
    handler = ForkingHandler(scene.maildest, [(protocol, tcp()) for protocol, *_ in FORKED])
    for protocol, _, authentication in FORKED * 2:
        visit(scene, handler.dial(protocol), protocol, authentication)
    for protocol, *_ in FORKED:
        handler.wait_for_end(protocol, 2, PROTOCOL=protocol, RESULT="ok")


@pytest.mark.parametrize("authentication", (*AUTHENTICATIONS, *GRANTS, NO_LOGIN))
@pytest.mark.parametrize("proxy_type", ("Internet", "OnPremise"))
def test_check(scene, company, proxy_type, authentication):
    """--check goes as far as it can without a client: to the login, where that is ours."""
    there = company if proxy_type == "OnPremise" else scene
    scene.maildest.add_destination("imap4", there.keys("imap4", authentication))
    scene.maildest.start_helper()
    done = scene.maildest.check("imap4")
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = "Logged in to" if authentication in AUTHENTICATIONS else "Reached"
    assert wanted in done.stdout, done.stdout
