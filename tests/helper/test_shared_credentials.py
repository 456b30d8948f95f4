# SPDX-License-Identifier: Apache-2.0
"""One refresh token or code for two destinations, as a program that sends and reads shows it."""

import os
import signal

import pytest

from client_credentials import (CODE, LIMIT, REFRESH, UNAVAILABLE, again, ask, expired,
                                has_records, invalid_grant, logged, records, sent, token_of)
from rotating_service import RotatingService
from test_grants import sha256

BOTH = ("smtp", "imap")
PROTOCOL_KEYS = {
    "smtp": {},
    "imap": {"mail.transport.protocol": "imap4", "mail.imap4.host": "imap.example.com",
             "mail.imap4.port": "143"},
}


def both_of(helper, service, authentication, **keys):
    for name in BOTH:
        helper.destination(service.url(), name=name, Authentication=authentication,
                           **PROTOCOL_KEYS[name], **keys)


def credential_of(grants, authentication):
    return grants.refresh_token() if authentication == REFRESH else grants.code()


def send_from_both(helper, service, credential, each=1):
    """Asks from both while the service is busy with the first of them: the callers."""
    service.gate.clear()
    callers = []
    for name in BOTH:
        for _ in range(each):
            callers.append(helper.caller().open(name))
            callers[-1].send("GetToken", {"credential": credential})
        if name == BOTH[0]:
            assert service.arrived.acquire(timeout=20)
    assert helper.wait_for(
        lambda: sum(t["waiters"] for t in helper.status()["tokens"]) == len(callers))
    return callers


def assert_presented_once(service, own):
    presented = sent(service)
    assert presented[0] == own, presented
    assert len(set(presented)) == len(presented), "a credential was presented twice"


@pytest.mark.parametrize("end", [None, signal.SIGKILL, signal.SIGTERM], ids=str)
@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_in_turn(make_helper, service, grants, authentication, end):
    helper = make_helper().start()
    both_of(helper, service, authentication)
    own = credential_of(grants, authentication)
    tokens = {name: token_of(helper, own, name) for name in BOTH}
    for _ in range(2):
        for name in BOTH:
            if end:
                helper.stop(end)
                helper.start()
            reply = expired(helper, own, tokens[name], name)
            assert "error" not in reply, reply
            tokens[name] = reply["parameters"]["access_token"]
    assert_presented_once(service, own)
    assert not grants.revoked()
    assert has_records(helper, 1)


@pytest.mark.parametrize("each", [1, 25])
@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_at_once(helper, service, authentication, each):
    grants = service.reply = RotatingService()
    both_of(helper, service, authentication)
    own = credential_of(grants, authentication)
    callers = send_from_both(helper, service, own, each)
    assert len(service.requests) == 1, "two exchanges of one credential go on at once"
    service.gate.set()
    replies = [caller.receive() for caller in callers]
    assert not [reply for reply in replies if "error" in reply]
    tokens = [reply["parameters"]["access_token"] for reply in replies]
    assert len(set(tokens[:each])) == len(set(tokens[each:])) == 1
    assert len(service.requests) == 2
    assert_presented_once(service, own)
    assert not grants.revoked()


@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_killed_while_one_waits_for_the_other(make_helper, service, authentication):
    grants = service.reply = RotatingService()
    helper = make_helper().start()
    both_of(helper, service, authentication)
    own = credential_of(grants, authentication)
    send_from_both(helper, service, own)
    helper.stop(signal.SIGKILL)
    service.gate.set()
    helper.start()
    replies = [ask(helper, own, name) for name in BOTH]
    if authentication == CODE:
        assert all(map(invalid_grant, replies)), "its answer was lost, and that of none other"
        assert len(service.requests) == 1, "the code was posted twice"
    else:
        assert not [reply for reply in replies if "error" in reply], replies
        assert sent(service)[:2] == [own, own], "the service's grace was not made use of"
        assert len(set(sent(service)[1:])) == 2
    assert not grants.revoked()


def test_waiting_has_an_end(helper, service):
    grants = service.reply = RotatingService()
    slow = {"tokenServiceURL.SocketReadTimeoutInSeconds": "60"}
    helper.destination(service.url(), name="smtp", Authentication=REFRESH, **slow)
    quick = {"tokenServiceURL.SocketReadTimeoutInSeconds": "1",
             "tokenServiceURL.ConnectionTimeoutInSeconds": "1"}
    helper.destination(service.url(), name="imap", Authentication=REFRESH, **quick)
    first, second = send_from_both(helper, service, grants.refresh_token())
    reply = second.receive()
    assert reply["error"] == UNAVAILABLE
    assert "for another destination" in reply["parameters"]["reason"]
    service.gate.set()
    assert "error" not in first.receive()
    assert helper.wait_for(lambda: "error" not in ask(helper, "canary-first", "imap"))
    assert sent(service) == ["canary-first", "canary-refresh-1"] and not grants.revoked()


@pytest.mark.parametrize("restarts", [False, True])
def test_code_that_left_nothing_but_a_token(make_managed, service, restarts):
    """Whoever would ask for the same gets the same; who would ask for more cannot."""
    helper, manager = make_managed()
    manager.start()
    grants = service.reply = RotatingService(refreshes_codes=False)
    both_of(helper, service, CODE)
    helper.destination(service.url(), name="more", Authentication=CODE, scope="more")
    token = token_of(helper, grants.code(), "smtp")
    if restarts:
        manager.restart()
    assert token_of(helper, "canary-code", "imap") == token
    assert invalid_grant(ask(helper, "canary-code", "more"))
    assert len(service.requests) == 1


def test_shared_token_that_one_mail_server_refuses_is_the_others_still(helper, service):
    grants = service.reply = RotatingService(refreshes_codes=False)
    both_of(helper, service, CODE)
    token = token_of(helper, grants.code(), "smtp")
    assert token_of(helper, "canary-code", "imap") == token
    rejected = {"token_sha256": sha256(token), "credential": "canary-code"}
    assert invalid_grant(helper.caller().open("imap").call("RejectToken", rejected))
    assert token_of(helper, "canary-code", "smtp") == token
    assert len(service.requests) == 1


def test_code_whose_answer_was_lost_is_lost_for_both(helper, service):
    service.reply = (500, {}, "oops")
    both_of(helper, service, CODE)
    assert ask(helper, "canary-code", "smtp")["error"] == UNAVAILABLE
    assert invalid_grant(ask(helper, "canary-code", "imap"))
    assert len(service.requests) == 1


def test_code_that_one_destination_cannot_redeem_is_good_still(helper, service):
    grants = RotatingService()
    service.reply = lambda r: (
        grants(r) if dict(r.form).get("redirect_uri") == "https://right.example/"
        else (400, {}, '{"error":"invalid_grant"}'))
    both_of(helper, service, CODE)
    assert invalid_grant(ask(helper, grants.code(), "smtp"))
    helper.destination(service.url(), name="imap", Authentication=CODE,
                       **{"tokenService.body.redirect_uri": "https://right.example/"})
    assert "error" not in ask(helper, "canary-code", "imap")


def test_tenants_know_nothing_of_each_other(helper, service):
    grants = service.reply = RotatingService()
    both_of(helper, service, REFRESH)
    own = grants.refresh_token()
    token_of(helper, own, "smtp")
    for tenant in ("one", "two"):
        reply = helper.caller().open("imap", tenant=tenant).call("GetToken", {"credential": own})
        assert "error" not in reply, reply
    assert sent(service) == [own] * 3
    assert has_records(helper, 3)


def test_unwritten_record_is_of_both(make_managed, service, grants):
    """In the place of a folder above that of the records there is a file."""
    helper, manager = make_managed()
    helper.state = f"{helper.folder}/file/state"
    with open(f"{helper.folder}/file", "w", encoding="ascii"):
        pass
    manager.environment["STATE_DIRECTORY"] = helper.state
    manager.start()
    both_of(helper, service, REFRESH)
    own = grants.refresh_token()
    tokens = {name: token_of(helper, own, name) for name in BOTH}
    for name in BOTH:
        manager.restart(signal.SIGKILL)
        tokens[name] = expired(helper, own, tokens[name], name)["parameters"]["access_token"]
    manager.restart(while_dead=lambda: os.unlink(f"{helper.folder}/file"))
    assert has_records(helper, 1)
    assert_presented_once(service, own)
    assert not grants.revoked()


def test_mail_server_refuses_for_itself_alone(helper, service):
    """And replacing a token of one destination's leaves the other's in its place."""
    grants = service.reply = RotatingService()
    both_of(helper, service, REFRESH)
    own = grants.refresh_token()
    tokens = {name: token_of(helper, own, name) for name in BOTH}
    caller = helper.caller().open("imap")
    token = tokens["imap"]
    for _ in range(2):
        rejected = {"token_sha256": sha256(token), "credential": own}
        reply = caller.call("RejectToken", rejected)
        token = reply["parameters"].get("access_token")
    assert reply["error"].endswith("IdentityRefused"), reply
    assert token_of(helper, own, "smtp") == tokens["smtp"]
    assert len(service.requests) == 3 and not grants.revoked()


def test_strangers_of_one_destination_do_not_count_for_the_other(helper, service):
    service.reply = RotatingService()
    both_of(helper, service, REFRESH)
    for i in range(11):
        reply = ask(helper, f"canary-guess-{i}", "smtp")
    assert reply["error"] == LIMIT
    assert invalid_grant(ask(helper, "canary-guess-11", "imap"))


def test_damaged_record_is_refused_to_both(helper, service, grants):
    both_of(helper, service, REFRESH)
    own = grants.refresh_token()
    token_of(helper, own, "smtp")
    (name,) = records(helper)
    os.truncate(f"{helper.state}/{name}", 40)
    assert invalid_grant(ask(helper, own, "imap"))
    assert logged(helper, name)
    assert len(service.requests) == 1


def test_token_service_that_is_away_for_one_is_asked_for_the_other(helper, service):
    """A failed exchange ends its turn as a good one does."""
    grants = RotatingService(expires_in=1)
    service.reply = (503, {}, "")
    both_of(helper, service, REFRESH)
    callers = send_from_both(helper, service, grants.refresh_token())
    service.gate.set()
    assert [caller.receive()["error"] for caller in callers] == [UNAVAILABLE] * 2
    assert sent(service) == ["canary-first"] * 2
    service.reply = grants
    for name in BOTH:
        assert helper.wait_for(lambda name=name: "error" not in ask(helper, "canary-first", name))
    again(helper, "canary-first", "", "smtp")
    assert not grants.revoked()
