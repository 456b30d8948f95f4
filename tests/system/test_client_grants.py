# SPDX-License-Identifier: Apache-2.0
"""Refresh tokens and codes that mail programs bring, against a token service that gives each
refresh token for one use and ends the family of one that comes back used."""

import concurrent.futures
import json
import signal
import time

import pytest

from rig import doubles, logins, printed, waiting
from rig.connectivity import claims
from rig.dialogue import Dialogue
from rig.direct import imap_xoauth2
from rig.oauth import REDIRECT
from rig.scene import GRANTS
from rig.secrets import find

CODE, REFRESH_TOKEN = "OAuth2AuthorizationCode", "OAuth2RefreshToken"
PROTOCOLS = ("smtp", "imap4", "pop3")
REFUSED = {"smtp": "535 5.7.8 ", "imap4": "1 NO [AUTHENTICATIONFAILED] ", "pop3": "-ERR [AUTH] "}
NOT_NOW = {"smtp": "454 4.7.0 ", "imap4": "1 NO [UNAVAILABLE] ", "pop3": "-ERR [SYS/TEMP] "}
VERIFIER = "0123456789-abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJ"
EXCHANGE = {"redirect_uri": REDIRECT, "grant_type": "authorization_code"}


def login(scene, protocol, port, credential, form="before-asking"):
    """One whole session: the answer to its login."""
    with Dialogue(port, timeout=60) as session:
        logins.greet(session, protocol)
        answer = logins.log_in(session, protocol, form, scene.user.address, credential)
        logins.leave(session, protocol)
    return answer


def assert_login(scene, protocol, port, credential):
    answer = login(scene, protocol, port, credential)
    assert answer and logins.is_accepted(answer), f"the login is answered {answer!r}"


def assert_refused(scene, protocol, port, credential, wanted, words=(), count=1):
    """The login is answered so, and the journal says why."""
    answer = login(scene, protocol, port, credential)
    assert answer and answer.startswith(wanted[protocol]), f"the login is answered {answer!r}"
    scene.maildest.wait_for_record(protocol, count)
    log = scene.maildest.log(protocol)
    missing = [word for word in words if word not in log]
    assert not missing, f"{missing} stand nowhere in the log:\n{log}"


def grants(scene):
    """What the token service was asked for, in order."""
    return [one["grant"] for one in scene.client.asked]


def restart(scene, how=signal.SIGTERM):
    """The helper loses its memory; on disk stays what it wrote."""
    scene.maildest.stop_helper(how)
    scene.maildest.start_helper()


# --- codes


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_code_is_posted_once_and_serves_again(scene, protocol):
    port = scene.serve(protocol, CODE)
    code = scene.client.code()
    for _ in range(3):
        assert_login(scene, protocol, port, code)
    assert grants(scene) == ["authorization_code"]


@pytest.mark.parametrize("authentication", GRANTS)
def test_many_sessions_at_once(scene, authentication):
    port = scene.serve("imap4", authentication)
    credential = scene.client.credential(authentication)
    before = scene.client.requests
    scene.client.change(delay=300)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: login(scene, "imap4", port, credential), range(20)))
    assert all(map(logins.is_accepted, answers)), answers
    assert scene.client.requests == before + 1, "a credential was posted more than once"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_used_code(scene, protocol):
    code = scene.client.code()
    scene.client.exchange(code=code, **EXCHANGE)
    port = scene.serve(protocol, CODE)
    assert_refused(scene, protocol, port, code, REFUSED, ("invalid_grant",))
    assert_refused(scene, protocol, port, code, REFUSED, count=2)
    assert grants(scene) == ["authorization_code"] * 2, "a refused code is posted again"


def test_an_expired_code(scene):
    scene.client.change(codeTtl=1)
    code = scene.client.code()
    # It ends at a whole second.
    end = time.monotonic() + 2
    waiting.until(lambda: time.monotonic() > end, "time stands still")
    port = scene.serve("smtp", CODE)
    assert_refused(scene, "smtp", port, code, REFUSED, ("invalid_grant",))


def test_a_code_with_a_verifier(scene):
    more = {"tokenService.body.code_verifier": VERIFIER}
    port = scene.serve("smtp", CODE, **more)
    assert_login(scene, "smtp", port, scene.client.code(verifier=VERIFIER))


def test_a_code_of_another_redirect_uri(scene):
    other = "https://other.example.com/callback"
    scene.client.change(redirects=[REDIRECT, other])
    port = scene.serve("smtp", CODE)
    assert_refused(
        scene, "smtp", port, scene.client.code(redirect=other), REFUSED, ("invalid_grant",)
    )
    right = scene.serve("smtp", CODE, name="right", **{"tokenService.body.redirect_uri": other})
    assert_login(scene, "smtp", right, scene.client.code(redirect=other))


def test_a_code_whose_answer_is_lost(scene):
    """It may have been used up: this session may try later, the code itself is finished."""
    scene.client.change(delay=2500)
    port = scene.serve("smtp", CODE, **{"tokenServiceURL.SocketReadTimeoutInSeconds": "1"})
    code = scene.client.code()
    assert_refused(scene, "smtp", port, code, NOT_NOW)
    assert_refused(scene, "smtp", port, code, REFUSED, count=2)
    waiting.until(lambda: scene.client.requests, "the token service never answered")
    assert grants(scene) == ["authorization_code"], "the code was posted twice"


# --- rotation


@pytest.mark.parametrize("how", (signal.SIGTERM, signal.SIGKILL))
@pytest.mark.parametrize("authentication", GRANTS)
def test_rotation_outlives_the_helper(scene, authentication, how):
    """The client keeps showing what it got once; each restart costs the next refresh token."""
    port = scene.serve("imap4", authentication)
    credential = scene.client.credential(authentication)
    before = len(grants(scene))
    for _ in range(4):
        assert_login(scene, "imap4", port, credential)
        restart(scene, how)
    asked = grants(scene)[before:]
    first = "authorization_code" if authentication == CODE else "refresh_token"
    assert asked == [first] + ["refresh_token"] * 3, "not one request for each life of the helper"
    assert scene.client.revoked == 0, "a used refresh token was presented again"


def test_rotation_while_the_client_shows_the_first_one(scene):
    """Access tokens that expire: three rotations of one helper."""
    scene.client.change(ttl=2)
    port = scene.serve("smtp", REFRESH_TOKEN)
    credential = scene.client.refresh_token()
    for rotations in range(4):
        assert_login(scene, "smtp", port, credential)
        newest = [token for token in scene.client.issued if token.count(".") == 2][-1]
        if rotations < 3:
            # It says when it ends in whole seconds, rounded down.
            waiting.until(lambda: claims(newest)["exp"] + 1 < time.time(), "time stands still")
    assert len(scene.client.asked) >= 5, "an expired access token is used"
    assert scene.client.revoked == 0, "a used refresh token was presented again"


@pytest.mark.parametrize("authentication", GRANTS)
def test_one_credential_for_two_destinations(scene, authentication):
    """A mail program that sends and reads shows the same to both."""
    ports = {name: scene.serve(name, authentication) for name in ("smtp", "imap4")}
    credential = scene.client.credential(authentication)
    for _ in range(2):
        for name, port in ports.items():
            assert_login(scene, name, port, credential)
        restart(scene)
    assert scene.client.revoked == 0, "a used code or refresh token was presented again"


@pytest.mark.parametrize("authentication", GRANTS)
def test_one_credential_for_two_destinations_at_once(scene, authentication):
    ports = {name: scene.serve(name, authentication) for name in ("smtp", "imap4")}
    credential = scene.client.credential(authentication)
    scene.client.change(delay=300)
    with concurrent.futures.ThreadPoolExecutor(len(ports)) as pool:
        logged_in = [
            pool.submit(assert_login, scene, *place, credential) for place in ports.items()
        ]
    for one in logged_in:
        one.result()
    assert scene.client.revoked == 0, "a used code or refresh token was presented again"


def test_two_refresh_tokens_of_one_client(scene):
    port = scene.serve("smtp", REFRESH_TOKEN)
    credentials = [scene.client.refresh_token() for _ in range(2)]
    for _ in range(2):
        for credential in credentials:
            assert_login(scene, "smtp", port, credential)
        restart(scene)
    assert scene.client.revoked == 0, "a used refresh token was presented again"


@pytest.mark.parametrize("authentication", GRANTS)
def test_an_access_token_that_the_server_refuses(scene, authentication):
    """It ends long before the helper expects it: the rotated refresh token gets another."""
    scene.client.change(valid=4)
    port = scene.serve("imap4", authentication)
    credential = scene.client.credential(authentication)
    assert_login(scene, "imap4", port, credential)
    token = [one for one in scene.client.issued if one.count(".") == 2][-1]
    before = scene.client.requests
    scene.client.change(valid=3600)
    waiting.until(lambda: imap_xoauth2(scene.world, scene.user.address, token) == "NO", "it stays")
    for _ in range(2):
        assert_login(scene, "imap4", port, credential)
    assert scene.client.requests == before + 1, "not replaced by exactly one"
    assert scene.client.revoked == 0, "a used refresh token was presented again"


@pytest.mark.parametrize(
    "edit",
    ({"scope": "mail openid"}, {"tokenService.body.x": "y"}, {"tokenServiceURL.headers.x": "y"},
     {"mail.smtp.timeout": "9000"}, {"clientSecret": "another"}),
    ids=("scope", "body", "header", "timeout", "secret"),
)  # fmt: skip
def test_an_edited_destination_keeps_the_rotation(scene, edit):
    """Same token service, same client: the first refresh token is used up all the same."""
    port = scene.serve("smtp", REFRESH_TOKEN)
    credential = scene.client.refresh_token()
    assert_login(scene, "smtp", port, credential)
    if "clientSecret" in edit:
        edit = {"clientSecret": f"Another-Sekret-{credential[:8]}"}
        scene.client.change(secret=edit["clientSecret"])
    scene.maildest.add_destination("smtp", scene.keys("smtp", REFRESH_TOKEN, **edit))
    restart(scene)
    assert_login(scene, "smtp", port, credential)
    assert scene.client.revoked == 0, "a used refresh token was presented again"


def test_another_client_of_the_service_gets_nothing_of_it(scene):
    """A destination that is given another clientId must not send the rotated token there."""
    port = scene.serve("smtp", REFRESH_TOKEN)
    credential = scene.client.refresh_token()
    assert_login(scene, "smtp", port, credential)
    other = scene.world.tokens.add_client(scene.user.address)
    more = {"clientId": other.id, "clientSecret": other.secret}
    scene.maildest.add_destination("smtp", scene.keys("smtp", REFRESH_TOKEN, **more))
    assert_refused(scene, "smtp", port, credential, REFUSED, count=2)
    scene.maildest.add_destination("smtp", scene.keys("smtp", REFRESH_TOKEN))
    assert_login(scene, "smtp", port, credential)
    assert scene.client.revoked == 0, "a used refresh token was presented again"


def test_nothing_on_disk_is_in_clear(scene):
    port = scene.serve("imap4", REFRESH_TOKEN)
    credential = scene.client.refresh_token()
    assert_login(scene, "imap4", port, credential)
    files = [path for path in scene.maildest.state.rglob("*") if path.is_file()]
    assert files, "no rotated token is kept"
    texts = {str(path): path.read_bytes().decode("latin-1") for path in files}
    texts |= {f"name of {path}": str(path) for path in files}
    assert not find([credential, *scene.client.issued, scene.client.secret], texts)
    for path in [scene.maildest.state, *files]:
        assert path.stat().st_mode & 0o077 == 0, f"others may read {path}"


def test_a_store_that_was_damaged(scene):
    """The old refresh token would end the family: the client is refused, the file is named."""
    port = scene.serve("imap4", REFRESH_TOKEN)
    credential = scene.client.refresh_token()
    assert_login(scene, "imap4", port, credential)
    scene.maildest.stop_helper()
    (file,) = [path for path in scene.maildest.state.rglob("*") if path.is_file()]
    file.write_bytes(file.read_bytes()[:-1])
    scene.maildest.start_helper()
    assert_refused(scene, "imap4", port, credential, REFUSED, count=2)
    assert file.name in scene.maildest.log("helper"), "the damaged file is not named"
    assert scene.client.revoked == 0, "the used refresh token was presented again"


# --- refusals


@pytest.mark.parametrize("form", logins.FORMS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_refused_refresh_token(scene, protocol, form):
    port = scene.serve(protocol, REFRESH_TOKEN)
    answer = login(scene, protocol, port, "nobody-has-given-this-token", form)
    assert answer.startswith(REFUSED[protocol]), f"the login is answered {answer!r}"
    scene.maildest.wait_for_record(protocol)
    assert "invalid_grant" in scene.maildest.log(protocol)
    login(scene, protocol, port, "nobody-has-given-this-token", form)
    assert scene.client.requests == 1, "a refused refresh token is posted again at once"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_second_try_in_the_same_session(scene, protocol):
    port = scene.serve(protocol, REFRESH_TOKEN)
    user = scene.user.address
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        answer = logins.log_in(session, protocol, "two-lines", user, "not-the-right-one")
        assert answer.startswith(REFUSED[protocol]), f"the login is answered {answer!r}"
        credential = scene.client.refresh_token()
        answer = logins.log_in(session, protocol, "two-lines", user, credential)
        assert logins.is_accepted(answer), f"the second try is answered {answer!r}"
        logins.leave(session, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_another_mailbox(scene, protocol):
    """The service's client may not be used for a mailbox that the destination does not name."""
    port = scene.serve(protocol, REFRESH_TOKEN)
    credential = scene.client.refresh_token()
    before = scene.client.requests
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        answer = logins.log_in(session, protocol, "before-asking", "boss@example.com", credential)
        assert answer.startswith(REFUSED[protocol]), f"the login is answered {answer!r}"
    assert scene.client.requests == before, "another's login costs a token request"


def test_a_token_service_that_is_away(scene):
    gone = "https://localhost:1/oauth/token"
    port = scene.serve("smtp", REFRESH_TOKEN, tokenServiceURL=gone)
    assert_refused(scene, "smtp", port, scene.client.refresh_token(), NOT_NOW)


@pytest.mark.parametrize("kib", (12, 24))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_long_credentials(scene, protocol, kib):
    token = scene.client.token()
    body = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600})
    credential = "L" * (kib * 1024)
    with doubles.token_service(scene.world.authority, doubles.TokenAnswer(body=body)) as service:
        port = scene.serve(protocol, REFRESH_TOKEN, tokenServiceURL=service.url)
        assert_login(scene, protocol, port, credential)
        assert f"refresh_token={credential}" in service.requests[0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_mail_before_the_login(scene, protocol):
    port = scene.serve(protocol, REFRESH_TOKEN)
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        command = {"smtp": "MAIL FROM:<a@example.com>", "imap4": "1 SELECT INBOX", "pop3": "LIST"}
        session.send(command[protocol])
        wanted = {"smtp": "530 5.7.0", "imap4": "1 ", "pop3": "-ERR"}
        answer = session.line()
        assert answer.startswith(wanted[protocol]) and " OK" not in answer, answer
        credential = scene.client.refresh_token()
        user = scene.user.address
        answer = logins.log_in(session, protocol, "before-asking", user, credential)
        assert logins.is_accepted(answer), f"the login is answered {answer!r}"
        if protocol == "smtp":
            printed.smtp_mail(session, user)
        logins.leave(session, protocol)
