# SPDX-License-Identifier: Apache-2.0
"""Every key of a token request, for each grant that has it, as it arrives at a token service."""

import base64
import time

import pytest

from helper_process import CLIENT_SECRET
from token_service import TokenService

INVALID = "io.maildest.Helper.InvalidDestination"
UNAVAILABLE = "io.maildest.Helper.TokenServiceUnavailable"

GRANTS = {
    "OAuth2ClientCredentials": ({}, {"grant_type": "client_credentials"}),
    "OAuth2RefreshToken": (
        {"credential": "rt-1"}, {"grant_type": "refresh_token", "refresh_token": "rt-1"}),
    "OAuth2AuthorizationCode": (
        {"credential": "code-1"}, {"grant_type": "authorization_code", "code": "code-1"}),
}
CLIENT = {"client_id": "the-client", "client_secret": CLIENT_SECRET}
USER = {"tokenServiceUser": "u", "tokenServicePassword": "canary:p"}
NOT_IN_BODY = {"tokenService.addClientCredentialsInBody": "false"}


@pytest.fixture(params=GRANTS)
def grant(request):
    return request.param


def ask(helper, grant, tenant=None):
    parameters, form = GRANTS[grant]
    caller = helper.caller().open(**({"tenant": tenant} if tenant else {}))
    reply = caller.call("GetToken", parameters)
    caller.close()
    return reply, form


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("keys, authorization, body", [
    ({}, None, CLIENT),
    ({"tokenService.addClientCredentialsInBody": "true"}, None, CLIENT),
    (NOT_IN_BODY, basic("the-client", CLIENT_SECRET), {}),
    (USER, basic("u", "canary:p"), CLIENT),
    (USER | NOT_IN_BODY, basic("u", "canary:p"), {}),
    ({"tokenServiceUser": "u"}, basic("u", ""), CLIENT),
], ids=["default", "said", "header", "user", "user-only", "user-without-password"])
def test_who_the_client_is(helper, service, grant, keys, authorization, body):
    helper.destination(service.url(), Authentication=grant, **keys)
    reply, form = ask(helper, grant)
    assert "error" not in reply, reply
    request, = service.requests
    assert request.headers["Authorization"] == authorization
    assert dict(request.form) == form | body
    assert len(request.form) == len(dict(request.form))


def test_extra_headers_queries_fields_and_scope(helper, service, grant):
    helper.destination(
        service.url("/token?grant_type=x&a=1"), Authentication=grant, scope="a b https://c/.d",
        **{"tokenServiceURL.headers.X-Zone": "z", "tokenServiceURL.headers.accept": "*/*",
           "tokenServiceURL.queries.tenant id": "ä&=", "tokenService.body.redirect_uri": "app:/x?",
           "tokenService.body.code_verifier": "v~", "tokenService.body.empty": "",
           "tokenService.body.number": 5})
    reply, form = ask(helper, grant)
    assert "error" not in reply, reply
    request, = service.requests
    assert request.path == "/token?grant_type=x&a=1&tenant%20id=%C3%A4%26%3D"
    assert request.headers["X-Zone"] == "z" and request.headers.get_all("Accept") == ["*/*"]
    assert dict(request.form) == form | CLIENT | {
        "scope": "a b https://c/.d", "redirect_uri": "app:/x?", "code_verifier": "v~",
        "empty": "", "number": "5"}


@pytest.mark.parametrize("url, kind, tenant, host, path", [
    ("localhost:{port}/oauth/token", "Common", "acme", "acme.localhost", "/oauth/token"),
    ("{tenant}.localhost:{port}/oauth/token", "Common", "acme", "acme.localhost", "/oauth/token"),
    ("as.localhost:{port}/tenant/{tenant}/t", "Common", "acme", "as.localhost", "/tenant/acme/t"),
    ("as.{tenant}.localhost:{port}/t", "Common", "acme", "as.acme.localhost", "/t"),
    ("{tenant}.localhost:{port}/{tenant}", "Common", "acme", "acme.localhost", "/acme"),
    ("localhost:{port}?x=1", "Common", "acme", "acme.localhost", "/?x=1"),
    ("localhost:{port}/t", "Dedicated", "acme", "localhost", "/t"),
    ("localhost:{port}/t", None, "acme", "localhost", "/t"),
    ("localhost:{port}/t", "Dedicated", None, "localhost", "/t"),
])
def test_where_the_tenant_goes(helper, service, url, kind, tenant, host, path):
    helper.destination("http://" + url.replace("{port}", str(service.port)),
                       tokenServiceURLType=kind)
    reply, _ = ask(helper, "OAuth2ClientCredentials", tenant)
    assert "error" not in reply, reply
    request, = service.requests
    assert request.headers["Host"] == f"{host}:{service.port}" and request.path == path


@pytest.mark.parametrize("url, kind, tenant, words", [
    ("http://localhost/t", "Common", None, "no tenant is known"),
    ("http://localhost/t", "Common", "no_label", "tenant must be a DNS label"),
    ("http://localhost/t", "Common", "-x", "tenant must be a DNS label"),
    ("http://127.0.0.1/t", "Common", "acme", "'tokenServiceURL' has an address"),
    ("https://[2001:db8::1]/t", "Common", "acme", "'tokenServiceURL' has an address"),
    ("http://{tenant}.localhost/t", "Dedicated", "acme", "needs tokenServiceURLType Common"),
    ("http://{tenant}.localhost/t", "common", "acme", "must be Dedicated or Common"),
    ("https://{tenant}@x.example/", "Common", "acme", "user or password"),
])
def test_where_it_cannot_go(helper, url, kind, tenant, words):
    helper.destination(url, tokenServiceURLType=kind)
    reply, _ = ask(helper, "OAuth2ClientCredentials", tenant)
    assert reply["error"] == INVALID
    assert words in reply["parameters"]["reason"]


def test_tenants_have_tokens_of_their_own(helper, service):
    helper.write("maildest.conf", "TokenServiceTenant=ours\n")
    helper.destination(f"http://localhost:{service.port}/t", tokenServiceURLType="Common")
    for tenant in (None, "theirs", None, "theirs", "ours"):
        assert "error" not in ask(helper, "OAuth2ClientCredentials", tenant)[0]
    assert [r.headers["Host"].split(".")[0] for r in service.requests] == [
        "ours", "theirs", "ours"]


@pytest.mark.parametrize("key", [
    "tokenServiceURL.ConnectionTimeoutInSeconds", "tokenServiceURL.SocketReadTimeoutInSeconds"])
def test_time_outs_are_checked(helper, service, key):
    helper.destination(service.url(), **{key: "soon"})
    reply, _ = ask(helper, "OAuth2ClientCredentials")
    assert reply["error"] == INVALID and key in reply["parameters"]["reason"]


def test_a_silent_token_service_is_waited_for_as_long_as_said(helper, service, grant):
    service.gate.clear()
    helper.destination(service.url(), Authentication=grant,
                       **{"tokenServiceURL.SocketReadTimeoutInSeconds": "1"})
    start = time.monotonic()
    reply, _ = ask(helper, grant)
    assert reply["error"] == UNAVAILABLE and "says nothing" in reply["parameters"]["reason"]
    assert 0.9 < time.monotonic() - start < 9  # the default is ten


@pytest.mark.parametrize("keys, trusted", [
    ({}, False), ({"TrustStoreLocation": "ca.pem"}, True), ({"TrustAll": "TRUE"}, True)])
def test_whom_the_destination_trusts(helper, certificates, grant, keys, trusted):
    """The token service is checked by the destination's own trust settings."""
    service = TokenService(f"{certificates}/good.pem")
    helper.write("certificates/ca.pem", (certificates / "ca.pem").read_text())
    helper.destination(service.url(), Authentication=grant, **keys)
    assert ("error" not in ask(helper, grant)[0]) == trusted
    service.close()
