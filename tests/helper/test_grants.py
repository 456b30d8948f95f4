# SPDX-License-Identifier: Apache-2.0
"""Refresh tokens and codes that clients bring: what is sent, how often, and what is remembered."""

import hashlib
import os
import socket
import threading

import pytest

from client_credentials import (BAD_PARAMETER, CODE, LIMIT, REFRESH, REFUSED, UNAVAILABLE, ask, expired,
                                invalid_grant, token_of)
from helper_process import CLIENT_SECRET
from rotating_service import RotatingService
from token_service import TokenService, error_reply, token_reply

def sha256(token):
    return hashlib.sha256(token.encode()).hexdigest()


def test_refresh_token_is_sent_as_rfc_6749_has_it(helper, service):
    helper.destination(service.url(), Authentication=REFRESH, scope="mail read",
                       **{"tokenService.body.audience": "x&y"})
    assert token_of(helper, "canary+/=&%") == "token-0123456789abcdef"
    assert dict(service.requests[0].form) == {
        "grant_type": "refresh_token", "scope": "mail read", "client_id": "the-client",
        "client_secret": CLIENT_SECRET, "audience": "x&y", "refresh_token": "canary+/=&%"}


def test_code_is_sent_with_what_the_destination_adds(helper, service):
    helper.destination(
        service.url(), Authentication=CODE,
        **{"tokenService.body.redirect_uri": "https://app.example/cb",
           "tokenService.body.code_verifier": "v" * 43,
           "tokenService.addClientCredentialsInBody": False})
    assert token_of(helper, "canary-code") == "token-0123456789abcdef"
    request = service.requests[0]
    assert dict(request.form) == {
        "grant_type": "authorization_code", "redirect_uri": "https://app.example/cb",
        "code_verifier": "v" * 43, "code": "canary-code"}
    assert request.basic() == f"the-client:{CLIENT_SECRET}"


@pytest.mark.parametrize("authentication, key", [(REFRESH, "refresh_token"), (CODE, "code")])
def test_destination_may_not_add_the_credential(helper, service, authentication, key):
    helper.destination(service.url(), Authentication=authentication,
                       **{f"tokenService.body.{key}": "canary-configured"})
    reply = ask(helper, "canary-own")
    assert reply["error"] == "io.maildest.Helper.InvalidDestination"
    assert f"tokenService.body.{key}" in reply["parameters"]["reason"]
    assert not service.requests


@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_grant_without_a_credential_is_no_question(helper, service, authentication):
    helper.destination(service.url(), Authentication=authentication)
    caller = helper.caller().open()
    assert caller.call("GetToken") == BAD_PARAMETER
    assert caller.call("RejectToken", {"token_sha256": "0" * 64}) == BAD_PARAMETER
    assert "error" not in caller.call("GetToken", {"credential": "canary-own"})


def test_credential_is_refused_where_the_grant_has_none(helper, service):
    helper.destination(service.url())
    assert ask(helper, "canary-own") == BAD_PARAMETER
    assert not service.requests
    assert "error" not in helper.get_token()


@pytest.mark.parametrize("credential", [
    "", "two words", "line\nbreak", "caf\u00e9", "\u007f", "x" * (48 * 1024 + 1), 7],
    ids=repr)
def test_what_can_be_no_credential_is_refused(helper, service, credential):
    helper.destination(service.url(), Authentication=REFRESH)
    assert ask(helper, credential) == BAD_PARAMETER
    assert not service.requests


@pytest.mark.parametrize("letter", ["x", '"', "\\", "%"])
def test_longest_credential_is_taken(helper, service, letter):
    """In one piece with OpenSession, as a handler sends it."""
    helper.destination(service.url(), Authentication=REFRESH)
    caller = helper.caller()
    credential = letter * (48 * 1024)
    caller.send_raw(
        caller.message("OpenSession", {"service": "smtp", "destination": "mail"})
        + caller.message("GetToken", {"credential": credential}))
    assert caller.receive() == {"parameters": {}}
    assert "access_token" in caller.receive()["parameters"]
    assert dict(service.requests[0].form)["refresh_token"] == credential


@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_each_credential_has_a_token_of_its_own(helper, service, authentication):
    grants = service.reply = RotatingService()
    names = [f"canary-{i}" for i in range(5)]
    for name in names:
        (grants.refresh_token if authentication == REFRESH else grants.code)(name)
    helper.destination(service.url(), Authentication=authentication)
    tokens = [token_of(helper, name) for name in names]
    assert len(set(tokens)) == 5
    assert [token_of(helper, name) for name in names] == tokens
    assert len(service.requests) == 5
    reply = helper.caller().open(tenant="t").call("GetToken", {"credential": names[0]})
    if authentication == REFRESH:
        assert reply["parameters"]["access_token"] not in tokens
    else:
        assert invalid_grant(reply), "a code was used by both"
    assert len(service.requests) == 6, "a tenant's token is given to another"


def test_a_thousand_waiters_on_one_code_cause_one_request(helper, service):
    helper.destination(service.url(), Authentication=CODE,
                       **{"tokenServiceURL.SocketReadTimeoutInSeconds": "60"})
    service.gate.clear()
    callers = [helper.caller() for _ in range(1000)]
    for caller in callers:
        caller.send("OpenSession", {"service": "smtp", "destination": "mail"})
        caller.send("GetToken", {"credential": "canary-code"})
    assert helper.wait_for(
        lambda: sum(t["waiters"] for t in helper.status()["tokens"]) == 1000)
    service.gate.set()
    for caller in callers:
        assert caller.receive() == {"parameters": {}}
        assert caller.receive()["parameters"]["access_token"] == "token-0123456789abcdef"
        caller.close()
    assert len(service.requests) == 1


def test_code_is_renewed_by_the_refresh_token_that_came_with_it(helper, service):
    grants = service.reply = RotatingService(expires_in=1)
    helper.destination(
        service.url(), Authentication=CODE, scope="mail",
        **{"tokenService.body.redirect_uri": "https://app.example/cb",
           "tokenService.body.code_verifier": "v" * 43, "tokenService.body.x": "y"})
    token = token_of(helper, grants.code())
    for number in (1, 2):
        token = expired(helper, "canary-code", token)["parameters"]["access_token"]
        form = dict(service.requests[number].form)
        assert form.pop("refresh_token").startswith("canary-refresh-")
        assert form == {"grant_type": "refresh_token", "scope": "mail", "x": "y",
                        "client_id": "the-client", "client_secret": CLIENT_SECRET}
    assert not grants.revoked()


@pytest.mark.parametrize("restarts", [False, True])
def test_used_code_that_left_nothing_is_refused_and_not_posted_again(
        make_helper, service, restarts):
    grants = service.reply = RotatingService(refreshes_codes=False, expires_in=1)
    helper = make_helper().start()
    helper.destination(service.url(), Authentication=CODE)
    token = token_of(helper, grants.code())
    if restarts:
        helper.stop(9)
        helper.start()
    reply = expired(helper, "canary-code", token)
    assert invalid_grant(reply) and "has been used" in reply["parameters"]["reason"]
    assert len(service.requests) == 1
    assert invalid_grant(ask(helper, "canary-code"))
    assert helper.wait_for(lambda: "the code has been used" in helper.log.decode())


def cut(_):
    raise ConnectionAbortedError


LOST = {
    "500": (500, {}, "oops"),
    "503": (503, {"Retry-After": "1"}, ""),
    "500 that claims to know": error_reply(500, "invalid_grant"),
    "no JSON": (200, {}, "<html>"),
    "no access token": (200, {}, "{}"),
    "unusable access token": token_reply("two words"),
    "another code of error": error_reply(400, "something"),
    "redirect": (302, {"Location": "http://127.0.0.1/"}, ""),
    "connection cut": cut,
}


@pytest.mark.parametrize("how", LOST)
def test_code_whose_answer_is_lost_is_not_posted_again(make_helper, service, how):
    helper = make_helper().start()
    service.reply = LOST[how]
    helper.destination(service.url(), Authentication=CODE)
    assert ask(helper, "canary-code")["error"] == UNAVAILABLE
    service.reply = token_reply()
    reply = ask(helper, "canary-code")
    assert invalid_grant(reply) and "lost" in reply["parameters"]["reason"]
    helper.stop(9)
    helper.start()
    assert invalid_grant(ask(helper, "canary-code"))
    assert len(service.requests) == 1
    assert "error" not in ask(helper, "canary-other-code")


def test_code_whose_answer_does_not_come_in_time_is_not_posted_again(helper, service):
    service.gate.clear()
    helper.destination(service.url(), Authentication=CODE,
                       **{"tokenServiceURL.SocketReadTimeoutInSeconds": "1"})
    callers = [helper.caller().open() for _ in range(3)]
    for caller in callers:
        caller.send("GetToken", {"credential": "canary-code"})
    assert [caller.receive()["error"] for caller in callers] == [UNAVAILABLE] * 3
    service.gate.set()
    assert invalid_grant(ask(helper, "canary-code"))
    assert len(service.requests) == 1


def test_code_that_could_not_be_sent_is_good_still(helper, service):
    grants = service.reply = RotatingService()
    with socket.socket() as bound:  # nobody listens there
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/token"
        helper.destination(url, Authentication=CODE)
        reply = ask(helper, grants.code())
        assert reply["error"] == UNAVAILABLE
    assert os.listdir(helper.state) == []
    helper.destination(service.url(), Authentication=CODE)
    assert "error" not in ask(helper, "canary-code")


def test_code_of_a_client_that_was_refused_is_good_still(helper, service):
    grants = RotatingService()
    service.reply = error_reply(401, "invalid_client")
    helper.destination(service.url(), Authentication=CODE)
    reply = ask(helper, grants.code())
    assert reply["error"] == REFUSED and reply["parameters"]["error"] == "invalid_client"
    service.reply = grants
    helper.write("secrets/mail.json", {"clientSecret": "canary-corrected"})
    assert "error" not in ask(helper, "canary-code")


@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_refused_credential_is_remembered_and_concerns_no_other(helper, service, authentication):
    grants = service.reply = RotatingService()
    helper.destination(service.url(), Authentication=authentication)
    for _ in range(3):
        assert invalid_grant(ask(helper, "canary-unknown"))
    assert len(service.requests) == 1
    (grants.refresh_token if authentication == REFRESH else grants.code)("canary-good")
    assert "error" not in ask(helper, "canary-good")
    assert invalid_grant(ask(helper, "canary-unknown"))


def test_reason_of_a_refusal_hides_the_credential(helper, service):
    """Of a service that repeats what it got, as it is and as it was written in the body."""
    credential = "canary/refresh+token=with:signs"
    helper.destination(service.url(), Authentication=REFRESH)
    service.reply = lambda r: error_reply(400, "invalid_grant", f"{credential} {r.body.decode()}")
    reason = ask(helper, credential)["parameters"]["reason"]
    assert "***" in reason and "canary" not in reason and "signs" not in reason
    assert "canary" not in helper.final_log()


def test_rejected_token_is_replaced_for_its_credential_alone(helper, service):
    grants = service.reply = RotatingService()
    helper.destination(service.url(), Authentication=REFRESH)
    first = token_of(helper, grants.refresh_token("canary-one"))
    other = token_of(helper, grants.refresh_token("canary-two"))
    caller = helper.caller().open()
    reply = caller.call("RejectToken", {"token_sha256": sha256(first), "credential": "canary-one"})
    second = reply["parameters"]["access_token"]
    assert second not in (first, other)
    assert token_of(helper, "canary-one") == second and token_of(helper, "canary-two") == other
    assert len(service.requests) == 3 and not grants.revoked()


def test_strangers_may_try_ten_a_minute_and_harm_nobody(helper, service):
    grants = service.reply = RotatingService(expires_in=1)
    for name in ("mail", "other"):
        helper.destination(service.url(), name=name, Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token("canary-known"))
    replies = [ask(helper, f"canary-guess-{i}") for i in range(30)]
    assert sum(invalid_grant(reply) for reply in replies) == 9  # and the known one, once
    assert [reply["error"] for reply in replies[9:]] == [LIMIT] * 21
    assert len(service.requests) == 10
    # the known one is served, and renewed
    reply = expired(helper, "canary-known", token)
    assert "error" not in reply and not grants.revoked()
    assert invalid_grant(ask(helper, "canary-guess-0")), "what is remembered costs nothing"
    assert invalid_grant(ask(helper, "canary-guess-0", "other")), "another destination is another"


def test_known_credential_is_known_after_a_restart(managed, service):
    helper, manager = managed
    grants = service.reply = RotatingService(rotates=False, expires_in=1)
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token("canary-known"))
    manager.restart()
    for i in range(11):
        ask(helper, f"canary-guess-{i}")
    assert ask(helper, "canary-guess-new")["error"] == LIMIT
    assert "error" not in expired(helper, "canary-known", token)


def test_token_of_a_credential_outlives_the_helper_and_is_nobody_elses(managed, service):
    helper, manager = managed
    grants = service.reply = RotatingService()
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token("canary-first"))
    manager.restart()
    assert token_of(helper, "canary-first") == token
    assert invalid_grant(ask(helper, "canary-second"))
    assert manager.store.items
    for secret in (b"canary-first", b"canary-refresh"):
        assert secret not in manager.store.contents(), "the credential is in the kept state"


def test_token_is_renewed_ahead_of_time_while_its_credential_is_at_hand(managed, service):
    helper, manager = managed
    grants = service.reply = RotatingService(expires_in=4)
    helper.destination(service.url(), Authentication=REFRESH)
    token = token_of(helper, grants.refresh_token())
    assert token_of(helper, "canary-first") == token  # so it is in use
    for _ in range(2):
        assert service.arrived.acquire(timeout=20), "nobody renews the token"
    assert helper.wait_for(lambda: token_of(helper, "canary-first") != token)
    assert not grants.revoked()


def test_everything_at_once(helper, service):
    """Many clients, some of them twice, while tokens live for a second."""
    grants = service.reply = RotatingService(expires_in=1)
    helper.destination(service.url(), Authentication=REFRESH)
    names = [grants.refresh_token(f"canary-client-{i}") for i in range(8)]
    failures = []

    def use(name):
        for _ in range(60):
            reply = ask(helper, name)
            if "error" in reply:
                failures.append(reply)

    threads = [threading.Thread(target=use, args=(name,)) for name in names * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and not grants.revoked()


def test_code_is_not_lost_with_a_tls_handshake(helper, certificates):
    """Nothing has been sent to a server that is not the one."""
    service = TokenService(certificates / "good.pem")
    try:
        grants = service.reply = RotatingService()
        helper.destination(service.url(), Authentication=CODE)
        assert ask(helper, grants.code())["error"] == UNAVAILABLE
        helper.destination(service.url(), Authentication=CODE, TrustAll=True)
        assert "error" not in ask(helper, "canary-code")
    finally:
        service.close()
