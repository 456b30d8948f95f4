# SPDX-License-Identifier: Apache-2.0
"""Client assertions: another destination's access token in the place of a secret."""

import hashlib
import itertools
import os
import shutil

import pytest

from connectivity_proxy import ConnectivityProxy
from token_service import TokenService, error_reply, token_reply

INVALID = "io.maildest.Helper.InvalidDestination"
UNAVAILABLE = "io.maildest.Helper.TokenServiceUnavailable"
JWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SAML = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
NAME = "clientAssertion.destinationName"
TYPE = "clientAssertion.type"


@pytest.fixture
def identity():
    """The token service of the destination that provides assertions: assertion-1, ..."""
    service = TokenService()
    count = itertools.count(1)
    service.reply = lambda request: token_reply(f"canary+assertion/{next(count)}=")
    yield service
    service.close()


@pytest.fixture
def pair(helper, service, identity):
    """A helper with destination mail, whose client proves itself by what `provider` gets."""
    provide(helper, identity.url())
    consume(helper, service.url())
    return helper


def provide(helper, url, **keys):
    helper.destination(url, name="provider", **{
        "Type": "HTTP", "URL": "https://unused.example", "clientId": "the-provider", TYPE: JWT,
        "clientSecret": "canary-provider-secret", **keys})


def consume(helper, url, **keys):
    helper.destination(url, **{"clientSecret": "canary-unused", NAME: "provider", **keys})


def reason_of(reply, error):
    assert reply["error"] == error, reply
    return reply["parameters"]["reason"]


@pytest.mark.parametrize("kind", [JWT, SAML])
def test_it_is_fetched_and_shown(pair, service, identity, kind):
    provide(pair, identity.url(), **{TYPE: kind})
    assert pair.get_token()["parameters"]["access_token"] == "token-0123456789abcdef"
    assert dict(identity.requests[0].form) == {
        "grant_type": "client_credentials", "client_id": "the-provider",
        "client_secret": "canary-provider-secret"}
    request, = service.requests
    assert dict(request.form) == {
        "grant_type": "client_credentials", "client_id": "the-client",
        "client_assertion_type": kind, "client_assertion": "canary+assertion/1="}
    assert request.headers["Authorization"] is None


def test_that_of_all_is_not_shown_where_a_tenant_says(pair, service, identity):
    """A tenant's own destination names its token service itself."""
    os.makedirs(f"{pair.config}/destinations/acme")
    path = "destinations/{}mail.json"
    shutil.copy(*(f"{pair.config}/{path.format(folder)}" for folder in ("", "acme/")))
    reply = pair.caller().open(tenant="acme").call("GetToken")
    assert "no tenant's own destination" in reason_of(reply, INVALID)
    assert not identity.requests and not service.requests
    assert "error" not in pair.caller().open(tenant="other").call("GetToken")


def test_it_is_cached_and_shared(pair, service, identity):
    pair.get_token()
    for name in ("second", "third"):
        pair.destination(service.url(), name=name, **{NAME: "provider", "clientSecret": ""})
        assert "error" not in pair.get_token(name)
    assert len(identity.requests) == 1 and len(service.requests) == 3
    shown = {t["destination"]: t["state"] for t in pair.status()["tokens"]}
    assert shown == {name: "valid" for name in ("assertion:provider", "mail", "second", "third")}


def test_the_same_destination_for_mail_is_another_token(pair, service, identity):
    """What a mail server thinks of a token is none of the assertion's business."""
    provide(pair, identity.url(), Type="MAIL")
    pair.get_token()
    assert pair.get_token("provider")["parameters"]["access_token"] == "canary+assertion/2="


def test_an_edited_provider_counts_at_once(pair, service, identity):
    pair.get_token()
    provide(pair, identity.url(), **{TYPE: SAML, "clientId": "other"})
    assert "error" not in pair.get_token()
    assert dict(service.requests[1].form)["client_assertion_type"] == SAML
    assert dict(service.requests[1].form)["client_assertion"] == "canary+assertion/2="


def test_many_wait_for_one(pair, service, identity):
    identity.gate.clear()
    callers = [pair.caller().open() for _ in range(200)]
    for caller in callers:
        caller.send("GetToken")
    assert pair.wait_for(lambda: sum(t["waiters"] for t in pair.status()["tokens"]) == 201)
    identity.gate.set()
    for caller in callers:
        assert "error" not in caller.receive()
        caller.close()
    assert len(identity.requests) == len(service.requests) == 1


def test_a_code_is_redeemed_with_it(pair, service):
    consume(pair, service.url(), Authentication="OAuth2AuthorizationCode")
    assert "error" not in pair.get_token(credential="the-code")
    form = dict(service.requests[0].form)
    assert form["code"] == "the-code" and form["client_assertion"] == "canary+assertion/1="


def test_a_code_is_not_spent_when_there_is_no_assertion(pair, service, identity):
    consume(pair, service.url(), Authentication="OAuth2AuthorizationCode")
    right, identity.reply = identity.reply, error_reply(503, "temporarily_unavailable")
    assert pair.get_token(credential="the-code")["error"] == UNAVAILABLE
    identity.reply = right
    assert pair.wait_for(lambda: "error" not in pair.get_token(credential="the-code"))
    assert len(service.requests) == 1


def test_the_tenant_is_the_same(pair, service, identity):
    provide(pair, identity.url("/{tenant}/token"), tokenServiceURLType="Common")
    for tenant in ("acme", "other"):
        assert "error" not in pair.caller().open(tenant=tenant).call("GetToken")
    assert [r.path for r in identity.requests] == ["/acme/token", "/other/token"]


def test_a_rejected_token_is_fetched_with_the_same_assertion(pair, service, identity):
    count = itertools.count(1)
    service.reply = lambda request: token_reply(f"token-{next(count)}")
    pair.get_token()
    digest = hashlib.sha256(b"token-1").hexdigest()
    reply = pair.caller().open().call("RejectToken", {"token_sha256": digest})
    assert reply["parameters"]["access_token"] == "token-2"
    assert len(identity.requests) == 1


@pytest.mark.parametrize("keys, words", [
    ({TYPE: None}, "'clientAssertion.type' is missing"),
    ({TYPE: "jwt"}, "'clientAssertion.type' must be"),
    ({"Authentication": "OAuth2AuthorizationCode"}, "must be OAuth2ClientCredentials"),
    ({"Authentication": "BasicAuthentication"}, "must be OAuth2ClientCredentials"),
    ({"Authentication": None}, "must be OAuth2ClientCredentials"),
    ({NAME: "mail"}, "cannot be in a destination that provides"),
    ({NAME: "provider"}, "cannot be in a destination that provides"),
])
def test_a_destination_that_cannot_provide(pair, service, identity, keys, words):
    """A chain, a loop among them, ends with the first provider that has one itself."""
    provide(pair, identity.url(), **keys)
    reason = reason_of(pair.get_token(), INVALID)
    assert words in reason and "'clientAssertion.destinationName' names" in reason
    assert not service.requests and not identity.requests


@pytest.mark.parametrize("keys, words", [
    ({NAME: "mail"}, "names the destination itself"),
    ({NAME: "nobody"}, "destinations/nobody.json: there is no such file"),
    ({NAME: "../x"}, "must be the name of a destination"),
    ({"tokenService.body.client_assertion": "by hand"}, "has already"),
])
def test_a_destination_that_asks_wrongly(pair, service, keys, words):
    consume(pair, service.url(), **keys)
    assert words in reason_of(pair.get_token(), INVALID)
    assert not service.requests


def test_not_for_refresh_tokens(pair, service):
    consume(pair, service.url(), Authentication="OAuth2RefreshToken")
    assert NAME in reason_of(pair.get_token(credential="rt"), INVALID)


def test_a_provider_that_is_wrong_itself(pair, identity):
    provide(pair, identity.url(), clientId="")
    reason = reason_of(pair.get_token(), INVALID)
    assert "provider.json" in reason and "clientId" in reason


def test_refused_by_the_providers_token_service(pair, service, identity):
    identity.reply = error_reply(401, "invalid_client", "Bad credentials")
    reason = reason_of(pair.get_token(), UNAVAILABLE)
    assert "no client assertion from destination 'provider'" in reason
    assert "Bad credentials" in reason
    assert not service.requests


def test_an_assertion_refused_is_not_logged(pair, service):
    service.reply = lambda request: error_reply(
        401, "invalid_client", "no: " + dict(request.form)["client_assertion"])
    assert "canary" not in str(pair.get_token())
    assert "canary" not in pair.final_log()


def test_provider_and_consumer_behind_a_cloud_connector(pair, service, identity):
    """Both ways need the proxy's token, which is fetched once."""
    proxy, jwts = ConnectivityProxy(), TokenService()
    pair.write("connectivity.json", proxy.binding(jwts.url("")))
    proxy.http.routes = {"id.virtual:8080": identity.port, "as.virtual:8080": service.port}
    provide(pair, "http://id.virtual:8080/token", ProxyType="OnPremise")
    consume(pair, "http://as.virtual:8080/token", ProxyType="OnPremise")
    assert "error" not in pair.get_token()
    assert [url for url, _ in proxy.http.requests] == [
        "http://id.virtual:8080/token", "http://as.virtual:8080/token"]
    assert len(jwts.requests) == 1
    proxy.close()
    jwts.close()
