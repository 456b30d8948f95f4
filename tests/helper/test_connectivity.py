# SPDX-License-Identifier: Apache-2.0
"""GetConnectivityProxy: where the Connectivity proxy is, and whose JWT for it."""

import hashlib
import itertools
import pathlib

import pytest

from token_service import TokenService, error_reply, is_renewed_unasked, token_reply

METHOD = "GetConnectivityProxy"
INVALID = "io.maildest.Helper.InvalidDestination"
REFUSED = "io.maildest.Helper.TokenRefused"
UNAVAILABLE = "io.maildest.Helper.TokenServiceUnavailable"
SECRET = "canary-proxy-secret"


def binding(url, **more):
    return {"onpremise_proxy_host": "proxy.example", "clientid": "sb-proxy",
            "clientsecret": SECRET, "token_service_url": url, **more}


def sha256(token):
    return hashlib.sha256(token.encode()).hexdigest()


def numbered(prefix="jwt"):
    """Replies with another token each time."""
    count = itertools.count(1)
    return lambda request: token_reply(f"{prefix}-{next(count)}")


@pytest.fixture
def helper(helper):
    """With a destination that is behind a Cloud Connector."""
    helper.destination("https://unused.example/token", ProxyType="OnPremise")
    return helper


@pytest.fixture
def caller(helper, service):
    helper.write("connectivity.json", binding(service.url("")))
    caller = helper.caller().open()
    yield caller
    caller.close()


def test_tells_the_proxy_and_a_token(caller, service):
    reply = caller.call(METHOD)["parameters"]
    assert 3590 <= reply.pop("expires_in") <= 3600
    assert reply == {
        "host": "proxy.example", "port": 20004, "access_token": "token-0123456789abcdef"}
    assert caller.call(METHOD)["parameters"]["access_token"] == reply["access_token"]
    request, = service.requests
    assert request.path == "/oauth/token"
    assert dict(request.form) == {"grant_type": "client_credentials", "client_id": "sb-proxy",
                                  "client_secret": SECRET}
    assert request.headers["Accept"] == "application/json"


def test_edited_binding_counts_at_once(caller, helper, service):
    service.reply = numbered()
    assert caller.call(METHOD)["parameters"]["access_token"] == "jwt-1"
    helper.write("connectivity.json", binding(service.url(""), onpremise_socks5_proxy_port="7"))
    assert caller.call(METHOD)["parameters"]["port"] == 7
    assert len(service.requests) == 1
    helper.write("connectivity.json", binding(service.url(""), clientid="other"))
    assert caller.call(METHOD)["parameters"]["access_token"] == "jwt-2"


def test_a_thousand_handlers_on_a_cold_cache_cause_one_request(helper, service):
    helper.write("connectivity.json", binding(service.url("")))
    service.gate.clear()
    callers = [helper.caller() for _ in range(1000)]
    for caller in callers:
        caller.send("OpenSession", {"service": "smtp", "destination": "mail"})
        caller.send(METHOD)
    assert helper.wait_for(
        lambda: sum(t["waiters"] for t in helper.status()["tokens"]) == 1000)
    service.gate.set()
    for caller in callers:
        assert caller.receive() == {"parameters": {}}
        assert caller.receive()["parameters"]["host"] == "proxy.example"
        caller.close()
    assert len(service.requests) == 1


def test_status_shows_it_by_its_file(caller, helper):
    caller.call(METHOD)
    token, = helper.status()["tokens"]
    assert (token["destination"], token["state"]) == ("connectivity.json", "valid")


def test_calls_are_answered_in_order(helper, service):
    """Handlers send all of them at once."""
    helper.destination(service.url("/mail/token"), ProxyType="OnPremise",
                       **{"tokenServiceURL.ProxyType": "Internet"})
    helper.write("connectivity.json", binding(service.url("/jwt/token")))
    service.reply = lambda request: token_reply(request.path)
    with_context = {"context": "0" * 64}
    caller = helper.caller()
    caller.send("OpenSession", {"service": "smtp", "destination": "mail"})
    caller.send(METHOD)
    caller.send("GetTlsSession", with_context)
    caller.send("GetToken")
    caller.send(METHOD)
    assert [caller.receive()["parameters"].get("access_token") for _ in range(5)] == [
        None, "/jwt/token", None, "/mail/token", "/jwt/token"]
    caller.close()


def test_a_tenant_is_asked_for_at_its_own_address_only(helper, service):
    """Its JWT is another one; the provider's address sees no request of it."""
    helper.write("connectivity.json", binding(service.url("", host="provider.localhost")))
    service.reply = lambda request: token_reply("jwt-of-" + request.headers["Host"].split(".")[0])
    for tenant, want in (("acme", "jwt-of-acme"), ("other", "jwt-of-other"),
                         ("acme", "jwt-of-acme"), (None, "jwt-of-provider")):
        caller = helper.caller().open(**({"tenant": tenant} if tenant else {}))
        assert caller.call(METHOD)["parameters"]["access_token"] == want
        caller.close()
    assert [r.headers["Host"].split(":")[0] for r in service.requests] == [
        "acme.localhost", "other.localhost", "provider.localhost"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_tenant_without_an_address_gets_nothing(helper, service, host):
    helper.write("connectivity.json", binding(service.url("", host=host)))
    reply = helper.caller().open(tenant="acme").call(METHOD)
    assert reply["error"] == INVALID
    assert "token_service_url" in reply["parameters"]["reason"]
    assert not service.requests


def test_a_tenant_that_is_no_label_gets_nothing(helper, service):
    helper.write("connectivity.json", binding(service.url("", host="p.localhost")))
    assert helper.caller().open(tenant="a_b").call(METHOD)["error"] == INVALID
    assert not service.requests


def test_a_refused_token_is_replaced_once(caller, service):
    service.reply = numbered()
    first = caller.call(METHOD)["parameters"]["access_token"]
    second = caller.call(METHOD, {"rejected_sha256": sha256(first)})["parameters"]
    assert (first, second["access_token"]) == ("jwt-1", "jwt-2")
    # another handler with the old one is told the same
    again = caller.call(METHOD, {"rejected_sha256": sha256(first)})["parameters"]
    assert again["access_token"] == "jwt-2"
    assert len(service.requests) == 2


def test_a_second_refusal_says_whose_it_is(caller, service):
    service.reply = numbered()
    token = caller.call(METHOD)["parameters"]["access_token"]
    token = caller.call(METHOD, {"rejected_sha256": sha256(token)})["parameters"]["access_token"]
    reply = caller.call(METHOD, {"rejected_sha256": sha256(token)})
    assert reply["error"] == UNAVAILABLE
    assert "the Connectivity proxy refused a fresh token too" in reply["parameters"]["reason"]
    assert len(service.requests) == 2


@pytest.mark.parametrize("content, words", [
    (None, "connectivity.json: there is no such file"),
    ("{", "connectivity.json: "),
    ({"onpremise_proxy_host": "h"}, "'token_service_url' is missing"),
    (binding("https://x.example", clientsecret=""), "'clientsecret' is empty"),
])
def test_a_wrong_file_is_told(helper, content, words):
    if content is not None:
        helper.write("connectivity.json", content)
    reply = helper.caller().open().call(METHOD)
    assert reply["error"] == INVALID
    assert words in reply["parameters"]["reason"]


def test_a_wrong_proxy_is_told(caller, helper, service):
    helper.write("connectivity.json", binding(service.url(""), onpremise_proxy_host="<host>"))
    reply = caller.call(METHOD)
    assert reply["error"] == INVALID
    assert "'onpremise_proxy_host'" in reply["parameters"]["reason"]


def test_a_file_for_all_to_read_is_refused(helper, service):
    helper.write("connectivity.json", binding(service.url("")), mode=0o644)
    reply = helper.caller().open().call(METHOD)
    assert reply["error"] == INVALID and "chmod o=" in reply["parameters"]["reason"]


def test_secrets_may_come_from_the_service_manager(make_helper, folder, service):
    credentials = pathlib.Path(folder) / "credentials"
    credentials.mkdir()
    (credentials / "connectivity.json").write_text('{"clientsecret": "canary-from-the-manager"}')
    helper = make_helper(environment={"CREDENTIALS_DIRECTORY": str(credentials)}).start()
    helper.destination("https://unused.example/token", ProxyType="OnPremise")
    helper.write("connectivity.json", binding(service.url(""), clientsecret=None))
    assert "error" not in helper.caller().open().call(METHOD)
    assert ("client_secret", "canary-from-the-manager") in service.requests[0].form


def test_refusals_of_the_token_service_are_told(caller, service):
    service.reply = error_reply(401, "invalid_client", "Bad credentials")
    reply = caller.call(METHOD)
    assert reply["error"] == REFUSED
    assert reply["parameters"]["error"] == "invalid_client"


def test_an_unreachable_token_service_is_told(caller, service):
    service.close()
    reply = caller.call(METHOD)
    assert reply["error"] == UNAVAILABLE


@pytest.mark.parametrize("parameters", [
    {"rejected_sha256": "x"}, {"rejected_sha256": 1}, {"rejected_sha256": "A" * 64}, {"x": 1}])
def test_wrong_parameters_are_refused(caller, service, parameters):
    reply = caller.call(METHOD, parameters)
    assert reply["error"] == "org.varlink.service.InvalidParameter"
    assert not service.requests


def test_needs_a_session(helper):
    assert helper.caller().call(METHOD)["error"] == "io.maildest.Helper.SessionNotOpen"


@pytest.mark.parametrize("keys", [
    {"ProxyType": "Internet"}, {"ProxyType": None},
    {"ProxyType": "Internet", "tokenServiceURL.ProxyType": "OnPremise"}])
def test_only_for_a_destination_that_is_on_premise(caller, helper, service, keys):
    helper.destination("https://unused.example/token", **keys)
    reply = caller.call(METHOD)
    assert reply["error"] == INVALID
    assert "'ProxyType'" in reply["parameters"]["reason"]
    assert not service.requests


def test_a_destination_that_is_not_there_gets_none(helper, service):
    helper.write("connectivity.json", binding(service.url("")))
    reply = helper.caller().open("nothing").call(METHOD)
    assert reply["error"] == INVALID and "nothing.json" in reply["parameters"]["reason"]
    assert not service.requests


def test_a_destination_without_tokens_gets_one(helper, service):
    """The mail server's password is the handler's matter, which may have it from elsewhere."""
    helper.write("connectivity.json", binding(service.url("")))
    helper.destination(None, ProxyType="OnPremise", Authentication="BasicAuthentication",
                       clientId=None)
    assert "error" not in helper.caller().open().call(METHOD)


def test_nobody_opens_a_session_for_our_own_tokens(helper):
    for name in ("connectivity.json", "assertion:mail"):
        reply = helper.caller().call("OpenSession", {"service": "s", "destination": name})
        assert reply["error"] == "org.varlink.service.InvalidParameter"


def test_survives_a_restart(managed, service):
    helper, manager = managed
    helper.destination("https://unused.example/token", ProxyType="OnPremise")
    helper.write("connectivity.json", binding(service.url("")))
    first = helper.caller().open().call(METHOD)["parameters"]["access_token"]
    manager.restart()
    assert helper.caller().open().call(METHOD)["parameters"]["access_token"] == first
    assert len(service.requests) == 1


def test_a_certificate_instead_of_a_secret(helper, certificates):
    service = TokenService(
        f"{certificates}/good.pem", client_authority=f"{certificates}/ca.pem")
    helper.write("maildest.conf", f"AdditionalCAs={certificates}/ca.pem\n")
    texts = {part: open(f"{certificates}/client.{part}", encoding="ascii").read()
             for part in ("crt", "key")}
    helper.write("connectivity.json", binding(
        "https://unused.example", certurl=service.url(""), clientsecret=None,
        certificate=texts["crt"], key=texts["key"]))
    reply = helper.caller().open().call(METHOD)
    assert "error" not in reply and "access_token" in reply["parameters"], reply
    assert dict(service.requests[0].form) == {
        "grant_type": "client_credentials", "client_id": "sb-proxy"}
    assert service.requests[0].peer["subject"][0][0][1] == "client"
    service.close()


def test_a_key_that_is_not_the_certificates_is_told(helper, certificates):
    helper.write("connectivity.json", binding(
        "https://unused.example", certurl="https://127.0.0.1:1", clientsecret=None,
        certificate=open(f"{certificates}/client.crt", encoding="ascii").read(),
        key=open(f"{certificates}/other.key", encoding="ascii").read()))
    reply = helper.caller().open().call(METHOD)
    assert reply["error"] == INVALID
    assert "none of its certificates" in reply["parameters"]["reason"]


def test_it_is_renewed_ahead_of_its_end_while_in_use(caller, service):
    count = itertools.count(1)
    service.reply = lambda request: token_reply(f"jwt-{next(count)}", expires_in=2)
    renewed = (is_renewed_unasked(service, lambda: caller.call(METHOD)) for _ in range(8))
    assert any(renewed), "nobody renews the token"
    assert {r.path for r in service.requests} == {"/oauth/token"}
