# SPDX-License-Identifier: Apache-2.0
"""Token services behind a Cloud Connector: https through SOCKS5, plain http through a proxy's
other side."""

import pytest

from rig import oauth
from rig.company import HTTP, LOCATION, MAIL, TOKENS, assert_refused, assert_served
from rig.connectivity import JWT_REFUSED, REPLIES
from rig.socks import NAME, Answer, reply

CLIENT_CREDENTIALS = "OAuth2ClientCredentials"


def test_a_token_service_over_plain_http(company):
    url = f"http://{TOKENS}:{HTTP}{oauth.PATH}"
    port = company.serve("smtp", CLIENT_CREDENTIALS, tokenServiceURL=url)
    assert_served(company, port)
    (request,) = company.proxy.requests
    assert request.url == url
    assert request.headers["sap-connectivity-scc-location_id"] == LOCATION
    assert company.proxy.tenant_of(request.headers["proxy-authorization"].removeprefix("Bearer "))
    assert not request.headers.get("authorization"), "a header too many"


def test_a_token_service_over_https_is_reached_by_name(company):
    assert_served(company, company.serve("smtp", CLIENT_CREDENTIALS))
    found = [(one.kind, one.port) for one in company.proxy.tunnels if one.host == TOKENS]
    assert found == [(NAME, 443)]
    assert not company.proxy.requests, "https went to the HTTP proxy"


def test_the_http_proxy_refuses_the_jwt_once(company):
    company.proxy.refusals = 1
    url = f"http://{TOKENS}:{HTTP}{oauth.PATH}"
    port = company.serve("smtp", CLIENT_CREDENTIALS, tokenServiceURL=url)
    assert_served(company, port)
    assert [request.status for request in company.proxy.requests] == [407, 200]


def test_the_token_service_may_be_on_the_internet(company):
    port = company.serve(
        "smtp",
        CLIENT_CREDENTIALS,
        tokenServiceURL=company.scene.world.tokens.token_url,
        **{"tokenServiceURL.ProxyType": "Internet"},
    )
    assert_served(company, port)
    assert {tunnel.host for tunnel in company.proxy.tunnels} == {MAIL}
    assert not company.proxy.requests


def serve_tokens(company, **more):
    """An Internet destination whose token service alone is behind the Cloud Connector."""
    company.map_servers("smtp")
    more = {"tokenServiceURL": f"https://{TOKENS}:443{oauth.PATH}"} | more
    more |= {"CloudConnectorLocationId": LOCATION, "tokenServiceURL.ProxyType": "OnPremise"}
    return company.scene.serve("smtp", **more)


def test_only_the_token_service_is_on_premise(company):
    assert_served(company, serve_tokens(company))
    assert [tunnel.host for tunnel in company.proxy.tunnels] == [TOKENS]


def test_a_tunnel_to_the_token_service_in_small_pieces(company):
    company.proxy.usual.pace = "split"
    assert_served(company, serve_tokens(company))


@pytest.mark.parametrize("answer", JWT_REFUSED.values(), ids=JWT_REFUSED)
def test_a_jwt_refused_once_on_the_way_to_the_token_service(company, answer):
    company.proxy.script = [answer]
    assert_served(company, serve_tokens(company))
    first, second = company.proxy.tunnels
    assert first.jwt != second.jwt, "the refused JWT is shown again"


def test_a_jwt_refused_twice_on_the_way_to_the_token_service(company):
    company.proxy.usual = JWT_REFUSED["login"]
    assert_refused(company, serve_tokens(company), ("Connectivity proxy", "token"))
    assert len(company.proxy.tunnels) == 2, "it is tried for ever"
    assert company.scene.client.requests == 0


@pytest.mark.parametrize("code,words", REPLIES.values(), ids=REPLIES)
def test_each_reply_code_on_the_way_to_the_token_service(company, code, words):
    company.proxy.usual.connect = reply(code)
    assert_refused(company, serve_tokens(company), words)


def test_a_proxy_that_falls_silent_on_the_way_to_the_token_service(company):
    company.proxy.usual = Answer(connect=b"", end="connect", how="silence")
    more = {"tokenServiceURL.ConnectionTimeoutInSeconds": "1"}
    assert_refused(company, serve_tokens(company, **more), ("proxy", "time"))


@pytest.mark.parametrize("scheme,number", (("https", 443), ("http", HTTP)))
def test_a_token_service_without_mapping(company, scheme, number):
    url = f"{scheme}://elsewhere.virtual:{number}{oauth.PATH}"
    port = serve_tokens(company, tokenServiceURL=url)
    assert_refused(company, port, ("Cloud Connector",) if scheme == "https" else ("403",))
