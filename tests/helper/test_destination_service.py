# SPDX-License-Identifier: Apache-2.0
"""Destinations that lie in a Destination service: found, kept, and given to handlers."""

import json
import os

import pytest

from destination_service import DestinationService, Xsuaa

INVALID = "io.maildest.Helper.InvalidDestination"
UNAVAILABLE = "io.maildest.Helper.TokenServiceUnavailable"
BAD = "org.varlink.service.InvalidParameter"


@pytest.fixture
def xsuaa():
    xsuaa = Xsuaa()
    yield xsuaa
    xsuaa.close()
    assert not xsuaa.problems


@pytest.fixture
def remote(xsuaa):
    remote = DestinationService(xsuaa)
    remote.add()
    yield remote
    remote.close()
    assert not remote.problems


@pytest.fixture
def bound(helper, remote):
    """A helper that knows the instance "ds"."""
    os.mkdir(f"{helper.config}/instances", 0o750)
    helper.write("instances/ds.json", remote.key())
    return helper


def call(helper, method="GetDestination", parameters=None, instance="ds", **binding):
    caller = helper.caller().open(**({"instance": instance} if instance else {}), **binding)
    try:
        return caller.call(method, parameters)
    finally:
        caller.close()


def destination(helper, **binding):
    reply = call(helper, **binding)
    assert "error" not in reply, reply
    return json.loads(reply["parameters"]["destination"])


def reason(reply, error=INVALID):
    assert reply.get("error") == error, reply
    return reply["parameters"]["reason"]


def test_found_without_what_only_the_helper_needs(bound, remote, xsuaa):
    found = destination(bound)
    assert found["mail.smtp.host"] == "mail.example.com" and found["clientId"] == "the-client"
    assert "clientSecret" not in found and "tokenServiceURL" not in found
    assert "$metadata" not in found
    request, = remote.requests
    assert request.path == "/destination-configuration/v1/destinations/mail?" \
                           "$skipTokenRetrieval=true"
    assert len(xsuaa.requests) == 1


def test_good_for_two_minutes_and_of_each_binding(bound, remote, xsuaa):
    remote.add("other")
    for _ in range(3):
        assert destination(bound)["Name"] == "mail"
    assert destination(bound, destination="other")["Name"] == "other"
    assert len(remote.requests) == 2 and len(xsuaa.requests) == 1
    status = bound.status()
    assert (status["destinations"], status["destination_requests"]) == (2, 2)
    assert [t["destination"] for t in status["tokens"]] == ["instance:ds"]


def test_one_request_for_many_waiters(bound, remote):
    remote.gate.clear()
    callers = [bound.caller().open(instance="ds") for _ in range(50)]
    for caller in callers:
        caller.send("GetDestination")
    assert remote.arrived.acquire(timeout=20)
    remote.gate.set()
    assert all("error" not in caller.receive() for caller in callers)
    assert len(remote.requests) == 1
    for caller in callers:
        caller.close()


def test_calls_may_be_pipelined_and_callers_may_leave(bound, remote):
    remote.gate.clear()
    caller = bound.caller()
    caller.send("OpenSession", {"service": "s", "destination": "mail", "instance": "ds"})
    caller.send("GetDestination")
    caller.send("GetTlsSession", {"context": "0" * 64})
    caller.send("GetToken")
    left = bound.caller().open(instance="ds")
    left.send("GetDestination")
    left.close()
    assert remote.arrived.acquire(timeout=20)
    remote.gate.set()
    assert caller.receive() == {"parameters": {}}
    assert "destination" in caller.receive()["parameters"]
    assert caller.receive() == {"parameters": {}}
    assert caller.receive()["parameters"]["access_token"].startswith("canary-token-")
    caller.close()


@pytest.mark.parametrize("name", ["another", "mail-2", "mai"])
def test_a_reply_about_another_destination_is_nobodys(bound, remote, name):
    """Its mailbox would be served to the programs of this one."""
    remote.destinations["provider", "mail"]["Name"] = name
    reply = call(bound)
    assert f"about another destination, '{name}'" in reason(reply, UNAVAILABLE), reply
    remote.destinations["provider", "other"] = {"Name": "OTHER", "Type": "MAIL"}
    assert destination(bound, destination="other")["Name"] == "OTHER", "the case has no meaning"


def test_a_token_that_it_repeats_is_masked(bound, remote, xsuaa):
    remote.add("other")
    assert destination(bound, destination="other")["Name"] == "other"
    token, = xsuaa.tokens
    remote.replies["mail"] = 403, {}, json.dumps({"ErrorMessage": f"no right has {token} here"})
    reply = call(bound)
    assert "no right has" in reason(reply) and token not in str(reply), reply


def test_a_token_that_it_takes_for_a_name_is_masked(bound, remote, xsuaa):
    remote.add("other")
    assert destination(bound, destination="other")["Name"] == "other"
    token, = xsuaa.tokens
    remote.destinations["provider", "mail"]["Name"] = f"{token}\\x1b[2J"
    reply = call(bound)
    assert "about another destination, '" in reason(reply, UNAVAILABLE)
    assert token not in str(reply), reply


def test_default_instance(bound, remote):
    bound.write("maildest.conf", "DefaultInstance=ds\n")
    assert destination(bound, instance=None)["Name"] == "mail"
    assert call(bound, "GetToken", instance=None)["parameters"]["access_token"]
    plain, tokens = remote.finds()
    assert len(plain) == 1 and len(tokens) == 1, "explicit or not, it is the same instance"
    assert destination(bound)["Name"] == "mail" and len(remote.requests) == 2


def test_without_an_instance_it_lies_in_a_file(bound):
    assert "DefaultInstance=" in reason(call(bound, instance=None))
    assert "DefaultInstance=" in reason(call(bound, "GetToken", instance=None, level="instance"))


def test_bad_settings_are_told(bound):
    bound.write("maildest.conf", "DefaultInstance=a/b\n")
    assert "maildest.conf: line 1" in reason(call(bound, instance=None))
    assert "maildest.conf: line 1" in reason(call(bound, "GetToken", instance=None))


def test_levels_and_fragments(bound, remote):
    remote.fragments["f1"] = {"FragmentName": "f1", "mail.smtp.host": "f1.example"}
    remote.fragments["f2"] = {"FragmentName": "f1,f2", "mail.smtp.port": "2525"}
    found = destination(bound, fragment="f1,f2")
    assert (found["mail.smtp.host"], found["mail.smtp.port"]) == ("f1.example", "2525")
    assert remote.requests[-1].headers["X-fragment-name"] == "f1,f2"
    assert destination(bound, level="instance", fragment="f1",
                       fragment_level="subaccount")["mail.smtp.host"] == "f1.example"
    assert "/v2/destinations/mail@instance?" in remote.requests[-1].path
    assert remote.requests[-1].headers["X-fragment-name"] == "f1@subaccount"
    assert destination(bound, fragment="f3", fragment_optional=True)["mail.smtp.port"] == "587"
    assert remote.requests[-1].headers["X-fragment-optional"] == "true"
    text = reason(call(bound, fragment="f3"))
    assert "404" in text and "Fragment f3 was not found" in text


def test_chains(bound, remote):
    destination(bound, chain="my-chain", chain_variables={"b": "x@y.example", "a": ""})
    headers = remote.requests[-1].headers
    assert headers["X-chain-name"] == "my-chain"
    assert (headers["X-chain-var-a"], headers["X-chain-var-b"]) == ("", "x@y.example")
    destination(bound, chain="my-chain", chain_variables={"a": "", "b": "x@y.example"})
    assert len(remote.requests) == 1, "the order of variables says nothing"
    destination(bound, chain="my-chain", chain_variables={"a": "1"})
    assert len(remote.requests) == 2


@pytest.mark.parametrize("binding, words", [
    ({"level": "region"}, "a level is"),
    ({"fragment_level": "instance"}, "no fragment"),
    ({"fragment": "f", "fragment_level": "instance"}, "only if the destination has one"),
    ({"fragment_optional": True}, "could be optional"),
    ({"fragment": "a,b", "fragment_optional": True}, "single fragment"),
    ({"fragment": "a,b", "level": "instance"}, "several fragments"),
    ({"chain": "c", "level": "instance"}, "a chain"),
    ({"chain_variables": {"a": "b"}}, "no chain")])
def test_what_the_service_has_no_words_for(bound, remote, binding, words):
    assert words in reason(call(bound, **binding))
    assert not remote.requests


@pytest.mark.parametrize("name, value", [
    ("instance", "../x"), ("level", "a/b"), ("fragment", "a,,b"), ("fragment", "a,b,c,d,e"),
    ("fragment_level", ""), ("chain", "a b"), ("chain_variables", {"a b": "c"}),
    ("chain_variables", {"a": "b\r\nX-evil: 1"}), ("chain_variables", {"a": 1}),
    ("chain_variables", {str(i): "" for i in range(17)}),
    ("chain_variables", {f"{i:0100}": "x" * 200 for i in range(8)}),
    ("chain_variables", []), ("fragment_optional", "yes"), ("tenant", "a.b")])
def test_bad_bindings(helper, name, value):
    caller = helper.caller()
    reply = caller.call("OpenSession", {"service": "s", "destination": "d", name: value})
    assert reply == {"error": BAD, "parameters": {"parameter": name}}
    caller.close()


@pytest.mark.parametrize("status, error, words", [
    (400, INVALID, "HTTP status 400 (the words)"),
    (403, INVALID, "does not entitle"),
    (404, INVALID, "there is no such destination"),
    (429, UNAVAILABLE, "HTTP status 429"),
    (500, UNAVAILABLE, "HTTP status 500 (the words)"),
    (503, UNAVAILABLE, "HTTP status 503"),
    (302, UNAVAILABLE, "HTTP status 302")])
def test_statuses(bound, remote, status, error, words):
    remote.replies["mail"] = (status, {}, json.dumps({"ErrorMessage": "the words"}))
    assert words in reason(call(bound), error)
    assert words in reason(call(bound, "GetToken"), error)
    assert len(remote.requests) == 1, "not asked again at once"


@pytest.mark.parametrize("reply, words", [
    ((200, {}, "<html>"), "no JSON object"),
    ((200, {}, ""), "no JSON object"),
    ((200, {}, "{}"), "no destinationConfiguration"),
    ((200, {}, '{"destinationConfiguration": []}'), "no destinationConfiguration"),
    ((200, {"Connection": "close"}, '{"a": [' + "1," * 200000), "longer than 256 KiB"),
    ((500, {}, "\x1b[2J" * 10), "HTTP status 500"),
    ("close", "")])
def test_replies_that_are_none(bound, remote, reply, words):
    remote.replies["mail"] = reply
    assert words in reason(call(bound), UNAVAILABLE)
    assert len(remote.requests) == (2 if reply == "close" else 1)


def test_a_broken_connection_is_replaced_once(bound, remote):
    replies = iter(["close"])
    answer = remote.answer
    remote.answer = lambda request: next(replies, None) or answer(request)
    assert destination(bound)["Name"] == "mail" and len(remote.requests) == 2


def test_silence(bound, remote):
    bound.write("maildest.conf", "DestinationServiceReadTimeoutSec=1\n")
    remote.replies["mail"] = "silence"
    assert "says nothing" in reason(call(bound), UNAVAILABLE)


def test_retry_after(bound, remote):
    remote.replies["mail"] = (429, {"Retry-After": "120"}, "slow down")
    reply = call(bound)
    reason(reply, UNAVAILABLE)
    assert 100 < reply["parameters"]["retry_after"] <= 120


def test_a_token_that_is_refused_is_replaced_once(bound, remote, xsuaa):
    remote.revoked.add("canary-ds-provider-1")
    assert destination(bound)["Name"] == "mail"
    assert len(remote.requests) == 2 and len(xsuaa.requests) == 2
    remote.revoked.add("canary-ds-provider-2")
    remote.add("other")
    text = reason(call(bound, destination="other"))
    assert "refused a fresh token too" in text or "does not accept our token" in text
    assert len(xsuaa.requests) <= 3


def test_two_minutes_and_stale_while_the_service_is_away(aged, remote):
    helper, move_clock = aged
    assert destination(helper)["mail.smtp.port"] == "587"
    remote.add(**{"mail.smtp.port": "2525"})
    move_clock(115)
    assert destination(helper)["mail.smtp.port"] == "587" and len(remote.requests) == 1
    move_clock(125)
    assert destination(helper)["mail.smtp.port"] == "2525" and len(remote.requests) == 2
    remote.replies["mail"] = (500, {}, "")
    move_clock(300)
    for _ in range(5):
        assert destination(helper)["mail.smtp.port"] == "2525"
    assert len(remote.requests) == 3, "it is asked after a pause only"
    move_clock(310)
    assert destination(helper)["mail.smtp.port"] == "2525"
    assert helper.wait_for(lambda: len(remote.requests) == 4)
    assert helper.log.count(b"served as it was found last") == 1
    del remote.replies["mail"]
    remote.add(**{"mail.smtp.port": "26"})
    move_clock(600)
    assert helper.wait_for(lambda: destination(helper)["mail.smtp.port"] == "26")
    assert helper.wait_for(lambda: b"it is found again" in helper.log)


def test_nobody_waits_while_it_is_away(aged, remote):
    helper, move_clock = aged
    destination(helper)
    remote.replies["mail"] = (503, {}, "")
    move_clock(130)
    destination(helper)
    remote.gate.clear()
    move_clock(200)
    assert destination(helper)["Name"] == "mail", "the answer did not come at once"
    remote.gate.set()


@pytest.mark.parametrize("status", [403, 404])
def test_what_a_gateway_refuses_is_served_still(aged, remote, status):
    """It says so in HTML while the service behind it is away."""
    helper, move_clock = aged
    destination(helper)
    remote.replies["mail"] = (status, {"Content-Type": "text/html"}, "<html>unknown route")
    move_clock(130)
    assert destination(helper)["Name"] == "mail"
    assert helper.wait_for(lambda: b"another answers" in helper.log)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_is_refused_is_not_served_any_more(aged, remote, status):
    helper, move_clock = aged
    destination(helper)
    remote.replies["mail"] = (status, {}, "{}")
    move_clock(130)
    reason(call(helper))
    del remote.replies["mail"]
    move_clock(135)
    reason(call(helper))
    move_clock(141)
    assert destination(helper)["Name"] == "mail", "an error lasts ten seconds"


@pytest.fixture
def aged(make_helper, remote, clock):
    """A helper whose clock can be moved on, and what moves it."""
    helper = make_helper(environment=clock.environment)
    os.mkdir(f"{helper.config}/instances", 0o750)
    helper.write("instances/ds.json", remote.key())
    return helper.start(), lambda seconds: clock.set(boot=seconds)


@pytest.mark.parametrize("proxy_type", ["OnPremise", "Internet"])
def test_the_proxy_is_for_what_the_service_says_is_on_premise(bound, remote, xsuaa, proxy_type):
    """Also where nothing but the proxy has been asked for."""
    bound.write("connectivity.json", {
        "onpremise_proxy_host": "proxy.example", "clientid": "id", "clientsecret": "secret",
        "token_service_url": "https://127.0.0.1:1"})
    remote.add(ProxyType=proxy_type)
    reply = call(bound, "GetConnectivityProxy")
    assert len(remote.requests) == 1
    error = UNAVAILABLE if proxy_type == "OnPremise" else INVALID
    assert ("'ProxyType'" in reason(reply, error)) == (error == INVALID)


def test_deleted_means_gone(bound, remote):
    destination(bound)
    forget(bound)
    remote.destinations.clear()
    assert "404" in reason(call(bound))


def forget(helper, **parameters):
    caller = helper.caller()
    reply = caller.call("Forget", {"destination": "mail", **parameters})
    caller.close()
    return reply


def test_forget(bound, remote):
    call(bound, "GetToken")
    call(bound, "GetToken", tenant="acme")
    remote.add(tenant="acme")
    assert forget(bound, tenant="globex") == {"parameters": {"tokens": 0, "rotations": 0}}
    assert forget(bound) == {"parameters": {"tokens": 1, "rotations": 0}}
    assert forget(bound) == {"parameters": {"tokens": 0, "rotations": 0}}
    assert call(bound, "GetToken")["parameters"]["access_token"] == "canary-token-provider-2"
    assert forget(bound, destination="a/b")["error"] == BAD


def test_the_service_repeats_our_token(bound, remote):
    def answer(request):
        return 500, {}, json.dumps({"ErrorMessage": f"what is {request.headers['Authorization']}?"})

    remote.answer = answer
    text = reason(call(bound), UNAVAILABLE)
    assert "what is" in text and "canary" not in text


def test_tokens_outlive_the_helper(managed, remote):
    helper, manager = managed
    os.mkdir(f"{helper.config}/instances", 0o750)
    helper.write("instances/ds.json", remote.key())
    binding = {"fragment": "f", "fragment_optional": True, "chain": "c",
               "chain_variables": {"b": "2", "a": ""}}
    first = call(helper, "GetToken", **binding)["parameters"]["access_token"]
    manager.wait_for(lambda: manager.store.items and
                     first.encode() in manager.store.contents(), "the token is not kept")
    manager.restart()
    again = call(helper, "GetToken", **binding)["parameters"]["access_token"]
    plain, tokens = remote.finds()
    assert again == first and len(tokens) == 1 and len(plain) == 2
    assert len(remote.xsuaa.requests) == 1


def test_forget_a_destination_of_a_file(helper, service):
    helper.destination(service.url())
    caller = helper.caller().open()
    for _ in range(2):
        assert "error" not in caller.call("GetToken")
    context = {"context": "0" * 64}
    caller.call("PutTlsSession", {**context, "session": "AAAA", "lifetime": 600,
                                  "single_use": False})
    assert caller.call("GetTlsSession", context)["parameters"]
    assert forget(helper, tenant="acme")["parameters"]["tokens"] == 0
    assert caller.call("GetTlsSession", context)["parameters"]
    assert forget(helper)["parameters"]["tokens"] == 1
    assert not caller.call("GetTlsSession", context)["parameters"]
    assert "error" not in caller.call("GetToken") and len(service.requests) == 2
    caller.close()
