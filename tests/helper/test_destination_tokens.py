# SPDX-License-Identifier: Apache-2.0
"""Tokens of destinations in a Destination service, which gets them in the place of the helper."""

import hashlib
import json

import pytest

from client_credentials import CODE, REFRESH, invalid_grant, records
from destination_service import PROVIDER
from test_destination_service import (INVALID, UNAVAILABLE, aged, bound, call,  # noqa: F401
                                      destination, reason, remote, xsuaa)

REFUSED = "io.maildest.Helper.TokenRefused"


def ask(helper, credential=None, method="GetToken", parameters=None, **binding):
    more = {"credential": credential} if credential else {}
    return call(helper, method, {**(parameters or {}), **more}, **binding)


def token(helper, *arguments, **binding):
    reply = ask(helper, *arguments, **binding)
    assert "error" not in reply, reply
    return reply["parameters"]["access_token"]


def element(**members):
    return {"type": "Bearer", "value": "canary-token", "expires_in": "3600", **members}


def test_asked_for_separately_and_kept(bound, remote, xsuaa):
    first = token(bound)
    assert first == "canary-token-provider-1" and token(bound) == first
    plain, tokens = remote.finds()
    assert len(plain) == 1 and len(tokens) == 1 and len(xsuaa.requests) == 1
    assert tokens[0].path == "/destination-configuration/v1/destinations/mail"
    reply = ask(bound)
    assert 3500 < reply["parameters"]["expires_in"] <= 3600


def test_one_request_for_a_thousand_waiters(bound, remote, xsuaa):
    xsuaa.gate.clear()
    callers = [bound.caller().open(instance="ds") for _ in range(200)]
    for caller in callers:
        for _ in range(5):
            caller.send("GetToken")
    assert xsuaa.arrived.acquire(timeout=20)
    xsuaa.gate.set()
    assert {caller.receive()["parameters"]["access_token"]
            for caller in callers for _ in range(5)} == {"canary-token-provider-1"}
    plain, tokens = remote.finds()
    assert len(plain) == 1 and len(tokens) == 1 and len(xsuaa.requests) == 1
    for caller in callers:
        caller.close()


def test_a_rejected_token_is_replaced(bound):
    first = token(bound)
    digest = hashlib.sha256(first.encode()).hexdigest()
    reply = ask(bound, method="RejectToken", parameters={"token_sha256": digest})
    assert reply["parameters"]["access_token"] == "canary-token-provider-2"


def test_level_and_fragments_go_with_it(bound, remote):
    remote.fragments["f"] = {"mail.smtp.host": "f.example"}
    token(bound, level="instance", fragment="f", fragment_level="subaccount")
    request = remote.finds()[1][0]
    assert request.path == "/destination-configuration/v2/destinations/mail@instance"
    assert request.headers["X-fragment-name"] == "f@subaccount"


@pytest.mark.parametrize("auth, words", [
    (element(value="", type="", error="Unable to get a token: Connection refused"), "refused"),
    (element(error="something"), "something"),
    (element(value=""), "value is empty"),
    (element(value=None), "value is empty"),
    (element(value="two words"), "characters no token"),
    (element(type="Basic"), "is not Bearer"),
    ({}, "no value"),
    ("text", "no authTokens")])
def test_what_is_no_token(bound, remote, auth, words):
    remote.auth = lambda request: auth
    assert words in reason(ask(bound), UNAVAILABLE)
    assert len(remote.finds()[1]) == 1


@pytest.mark.parametrize("error, code", [
    ('401: {"error":"invalid_client"}', "invalid_client"),
    ("unauthorized_client: no", "unauthorized_client"),
    ("invalid_scope", "invalid_scope")])
def test_refusals_for_good(bound, remote, error, code):
    remote.auth = lambda request: element(value="", type="", error=error)
    reply = ask(bound)
    assert reply["error"] == REFUSED and reply["parameters"]["error"] == code
    assert error in reply["parameters"]["reason"]


@pytest.mark.parametrize("lifetime, seconds", [("60", 60), (60, 60), (None, 300), ("soon", 300)])
def test_lifetimes(bound, remote, lifetime, seconds):
    remote.auth = lambda request: element(expires_in=lifetime)
    left = ask(bound)["parameters"]["expires_in"]
    assert seconds - 10 < left <= seconds


@pytest.mark.parametrize("status, body", [
    (500, ""), (404, "{}"), (429, "<html>"), (200, "[]"), (200, "{}")])
def test_failures(bound, remote, status, body):
    destination(bound)
    remote.replies["mail"] = (status, {}, body)
    reason(ask(bound), UNAVAILABLE)


def test_an_edited_destination_starts_afresh(aged, remote):  # noqa: F811
    helper, move_clock = aged
    assert token(helper) == "canary-token-provider-1"
    move_clock(130)
    assert token(helper) == "canary-token-provider-1"
    remote.add(scope="other")
    move_clock(260)
    assert token(helper) == "canary-token-provider-2"


def test_no_token_is_needed(bound, remote):
    remote.add(Authentication="BasicAuthentication", **{"mail.password": "x"})
    assert "needs no token" in reason(ask(bound))
    assert destination(bound)["mail.password"] == "x"


@pytest.mark.parametrize("keys, words", [
    ({"Type": "HTTP"}, "Type"), ({"mail.smtp.host": None}, "mail.smtp.host"),
    ({"mail.transport.protocol": "nntp"}, "mail.transport.protocol")])
def test_a_bad_destination(bound, remote, keys, words):
    remote.add(**keys)
    if keys.get("mail.smtp.host", "") is None:
        del remote.destinations[PROVIDER, "mail"]["mail.smtp.host"]
    text = reason(ask(bound))
    assert words in text and "destination 'mail' of instance 'ds'" in text


# ---- tenants

def test_two_tenants_never_see_each_others(bound, remote, xsuaa):
    for tenant in ("acme", "globex"):
        remote.add(tenant=tenant, **{"mail.smtp.host": f"{tenant}.example"})
    for _ in range(2):
        for number, tenant in enumerate(("acme", "globex"), 1):
            assert destination(bound, tenant=tenant)["mail.smtp.host"] == f"{tenant}.example"
            assert token(bound, tenant=tenant) == f"canary-token-{tenant}-{number}"
    assert [r.headers["Host"].split(".")[0] for r in xsuaa.requests] == ["acme", "globex"]
    assert {remote.tenant(r) for r in remote.requests} == {"acme", "globex"}
    acme = token(bound, tenant="acme")
    reply = ask(bound, method="RejectToken", tenant="globex",
                parameters={"token_sha256": hashlib.sha256(acme.encode()).hexdigest()})
    assert reply["parameters"]["access_token"] == "canary-token-globex-2"
    assert token(bound, tenant="acme") == acme


def test_never_the_providers(bound, remote):
    """The provider has such a destination, the tenant has not."""
    assert "404" in reason(ask(bound, tenant="acme"))
    assert {remote.tenant(r) for r in remote.requests} == {"acme"}
    bound.write("instances/ds.json", remote.key(url=f"http://127.0.0.1:{remote.xsuaa.port}"))
    text = reason(ask(bound, tenant="acme"))
    assert "without a label to put the tenant in the place of" in text
    assert len(remote.xsuaa.requests) == 1


@pytest.mark.parametrize("tenant, words", [
    ("initech", "tenant not subscribed"), ("nobody", "unknown tenant")])
def test_xsuaa_says_no(bound, remote, xsuaa, tenant, words):
    text = reason(call(bound, tenant=tenant))
    assert words in text and f"'{tenant}'" in text
    assert words in reason(ask(bound, tenant=tenant))
    assert not remote.requests and len(xsuaa.requests) == 1


def test_xsuaa_has_troubles(bound, remote, xsuaa):
    xsuaa.failure = (503, {}, "later")
    assert "HTTP status 503" in reason(call(bound), UNAVAILABLE)
    xsuaa.failure = (401, {}, json.dumps({"error": "invalid_client"}))
    remote.add("other", tenant="acme")
    assert "tenant not subscribed" in reason(call(bound, tenant="acme"))


def test_common_token_urls_get_the_tenant(bound, remote):
    remote.add(tokenServiceURLType="Common")
    assert "no tenant is known" in reason(ask(bound))
    bound.write("maildest.conf", "TokenServiceTenant=solo\n")
    token(bound)
    assert remote.finds()[1][-1].headers["X-tenant"] == "solo"
    remote.add(tenant="acme", tokenServiceURLType="Common")
    token(bound, tenant="acme")
    assert remote.finds()[1][-1].headers["X-tenant"] == "acme"


# ---- clients' credentials

@pytest.fixture
def grants(remote):
    """The service's token service: codes and refresh tokens are good once."""
    remote.used = []

    def auth(request):
        credential = request.headers["X-code"] or request.headers["X-refresh-token"]
        if credential in remote.used or "bad" in credential:
            return element(value="", type="",
                           error='400: {"error":"invalid_grant","error_description":"used"}')
        remote.used.append(credential)
        n = len(remote.used)
        return element(value=f"canary-token-{n}", refresh_token=f"canary-refresh-{n}",
                       expires_in=str(remote.lifetime))

    remote.lifetime = 3600
    remote.auth = auth
    return remote


@pytest.mark.parametrize("authentication, header", [
    (REFRESH, "X-refresh-token"), (CODE, "X-code")])
def test_credentials_are_headers(bound, grants, authentication, header):
    grants.add(Authentication=authentication)
    assert token(bound, "canary-mine") == token(bound, "canary-mine") == "canary-token-1"
    assert token(bound, "canary-yours") == "canary-token-2"
    plain, tokens = grants.finds()
    assert [r.headers[header] for r in tokens] == ["canary-mine", "canary-yours"]
    assert len(plain) == 1 and not any(header in r.headers for r in plain)
    assert ask(bound)["error"] == "org.varlink.service.InvalidParameter"


@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_refused_credentials(bound, grants, authentication):
    grants.add(Authentication=authentication)
    for _ in range(2):
        assert invalid_grant(ask(bound, "canary-bad"))
    assert len(grants.finds()[1]) == 1
    assert token(bound, "canary-good") == "canary-token-1"


@pytest.mark.parametrize("authentication", [REFRESH, CODE])
def test_what_replaces_them_is_presented_next(bound, grants, authentication):
    grants.lifetime = 1
    grants.add(Authentication=authentication)
    first = token(bound, "canary-mine")
    assert bound.wait_for(lambda: token(bound, "canary-mine") != first)
    last = grants.finds()[1][-1].headers
    assert last["X-refresh-token"].startswith("canary-refresh-") and "X-code" not in last
    assert len(records(bound)) == 1


def test_one_credential_for_two_destinations(bound, grants):
    """As a mail program that sends and reads has it."""
    grants.add(Authentication=REFRESH)
    grants.add("other", Authentication=REFRESH)
    token(bound, "canary-mine")
    token(bound, "canary-mine", destination="other")
    assert grants.used == ["canary-mine", "canary-refresh-1"]


@pytest.mark.parametrize("reply", ["close", (500, {}, ""), (200, {}, "<html>")])
def test_a_code_is_sent_once(bound, grants, reply):
    grants.add(Authentication=CODE)
    destination(bound)
    grants.replies["mail"] = reply
    reason(ask(bound, "canary-code"), UNAVAILABLE)
    grants.replies.clear()
    assert invalid_grant(ask(bound, "canary-code"))
    assert len(grants.finds()[1]) == 1


@pytest.mark.parametrize("authentication, header", [
    (REFRESH, "X-refresh-token"), (CODE, "X-code")])
def test_a_token_of_ours_that_is_refused_spends_no_credential(
        bound, grants, xsuaa, authentication, header):
    """401 is about our token, before the service looks at theirs: that goes once more, with another."""
    grants.add(Authentication=authentication)
    destination(bound)
    grants.revoked.add("canary-ds-provider-1")
    assert token(bound, "canary-mine") == "canary-token-1"
    requests = grants.finds()[1]
    assert [(r.headers[header], r.headers["Authorization"]) for r in requests] == [
        ("canary-mine", f"Bearer canary-ds-provider-{n}") for n in (1, 2)]
    assert grants.tenant(requests[0]) is None, "the first answer was not 401"
    assert grants.used == ["canary-mine"] and len(xsuaa.requests) == 2


@pytest.mark.parametrize("status, sent", [(401, 2), (400, 1), (403, 1), (404, 1), (500, 1)])
def test_a_code_is_sent_again_after_401_alone_and_once(bound, grants, status, sent):
    grants.add(Authentication=CODE)
    destination(bound)
    grants.replies["mail"] = (status, {}, "{}")
    reason(ask(bound, "canary-code"), UNAVAILABLE)
    assert [r.headers["X-code"] for r in grants.finds()[1]] == ["canary-code"] * sent


def test_a_refresh_token_is_not_repeated_by_itself(bound, grants):
    grants.add(Authentication=REFRESH)
    destination(bound)
    grants.replies["mail"] = "close"
    reason(ask(bound, "canary-mine"), UNAVAILABLE)
    assert len(grants.finds()[1]) == 1


def test_a_spent_code_whose_renewal_is_refused(bound, grants):
    """Whatever the service has against the refresh token that came: the client needs a new code."""
    grants.lifetime = 1
    grants.add(Authentication=CODE)
    token(bound, "canary-code")
    grants.auth = lambda request: element(value="", type="", error="X-code is missing")
    assert bound.wait_for(lambda: invalid_grant(ask(bound, "canary-code")))


def test_bad_requests_are_the_clients_own(bound, grants):
    grants.add(Authentication=REFRESH)
    destination(bound)
    grants.replies["mail"] = (400, {}, json.dumps({"ErrorMessage": "got invalid_grant: expired"}))
    assert invalid_grant(ask(bound, "canary-mine"))


def test_forget_drops_what_replaced_them(bound, grants):
    grants.add(Authentication=REFRESH)
    token(bound, "canary-mine")
    assert len(records(bound)) == 1
    caller = bound.caller()
    assert caller.call("Forget", {"destination": "mail"}) == {
        "parameters": {"tokens": 1, "rotations": 1}}
    caller.close()
    assert not records(bound)


def test_forget_leaves_what_another_destination_needs(bound, grants):
    for name in ("mail", "other"):
        grants.add(name, Authentication=REFRESH)
        token(bound, "canary-mine", destination=name)
    caller = bound.caller()
    assert caller.call("Forget", {"destination": "mail"}) == {
        "parameters": {"tokens": 1, "rotations": 0}}
    caller.close()
    assert len(records(bound)) == 1
    token(bound, "canary-mine")
    assert grants.used == ["canary-mine", "canary-refresh-1", "canary-refresh-2"]


def test_no_secret_is_told(bound, grants, remote):
    """The fixtures look for canaries in the log; reasons must have none either."""
    grants.add(Authentication=REFRESH)
    grants.auth = lambda request: element(value="", error="no " + request.headers[
        "X-refresh-token"])
    assert "canary" not in reason(ask(bound, "canary-mine-4711"), UNAVAILABLE)
