# SPDX-License-Identifier: Apache-2.0
"""Token services behind a Cloud Connector, reached through the Connectivity proxy."""

import itertools
import json
import os
import socket
import time

import pytest

from connectivity_proxy import AUTHENTICATION, CONNECT, GREETING, ConnectivityProxy
from helper_process import CLIENT_SECRET
from token_service import TokenService, error_reply, token_reply

INVALID = "io.maildest.Helper.InvalidDestination"
UNAVAILABLE = "io.maildest.Helper.TokenServiceUnavailable"
REFUSED = "io.maildest.Helper.TokenRefused"
HOST = "other.example"  # whose certificate there is, and which nobody here can look up
TOKEN = "token-0123456789abcdef"


@pytest.fixture
def proxy():
    proxy = ConnectivityProxy()
    yield proxy
    assert not proxy.socks5.problems
    proxy.close()


@pytest.fixture
def jwts():
    """The token service that the proxy believes: jwt-1, jwt-2, ..."""
    service = TokenService()
    count = itertools.count(1)
    service.reply = lambda request: token_reply(f"jwt-{next(count)}")
    yield service
    service.close()


@pytest.fixture
def secure(certificates):
    service = TokenService(f"{certificates}/other.pem")
    yield service
    service.close()


@pytest.fixture
def behind(helper, proxy, jwts, secure, certificates):
    """A helper with a destination whose token service is asked by https, through SOCKS5."""
    helper.write("maildest.conf", f"AdditionalCAs={certificates}/ca.pem\n")
    helper.write("connectivity.json", proxy.binding(jwts.url("")))
    helper.destination(f"https://{HOST}:4711/token", ProxyType="OnPremise")
    proxy.socks5.routes[HOST, 4711] = secure.port
    return helper


@pytest.fixture
def plain(helper, proxy, jwts, service):
    """The same by http, through the HTTP proxy."""
    helper.write("connectivity.json", proxy.binding(jwts.url("")))
    helper.destination("http://as.virtual:8080/token?x=1", ProxyType="OnPremise",
                       CloudConnectorLocationId="loc/1")
    proxy.http.routes["as.virtual:8080"] = service.port
    return helper


def reason_of(reply, error=UNAVAILABLE):
    assert reply["error"] == error, reply
    return reply["parameters"]["reason"]


def test_https_goes_through_socks5(behind, proxy, secure, jwts):
    assert behind.get_token()["parameters"]["access_token"] == TOKEN
    assert proxy.socks5.jwts == ["jwt-1"] and proxy.socks5.locations == [""]
    assert proxy.socks5.asked == [(HOST, 4711)]
    request, = secure.requests
    assert (request.path, request.headers["Host"]) == ("/token", f"{HOST}:4711")
    assert ("client_secret", CLIENT_SECRET) in request.form
    assert request.headers["Proxy-Authorization"] is None
    assert len(jwts.requests) == 1 and not proxy.http.requests


def test_location_id_is_passed_on(behind, proxy):
    behind.destination(f"https://{HOST}:4711/token", ProxyType="OnPremise",
                       CloudConnectorLocationId="orlando")
    assert "error" not in behind.get_token()
    assert proxy.socks5.locations == ["orlando"]


def test_port_of_the_scheme_and_an_address(behind, proxy, secure):
    """An address is sent as one, and is what the certificate is for or not."""
    behind.destination("https://10.0.0.5/token", ProxyType="OnPremise")
    proxy.socks5.routes["10.0.0.5", 443] = secure.port
    assert "10.0.0.5" in reason_of(behind.get_token())
    assert proxy.socks5.asked == [("10.0.0.5", 443)] and not secure.requests


def test_its_name_is_checked_and_its_chain(behind, proxy, certificates):
    for certificate in ("good", "stranger"):
        other = TokenService(_joined(certificates, certificate))
        proxy.socks5.routes[HOST, 4711] = other.port
        behind.destination(f"https://{HOST}:4711/token/{certificate}", ProxyType="OnPremise")
        assert "certificate" in reason_of(behind.get_token()).lower()
        assert not other.requests
        other.close()


def _joined(certificates, name):
    path = certificates / f"{name}-joined.pem"
    path.write_text((certificates / f"{name}.key").read_text() + (
        certificates / (f"{name}.crt" if name == "good" else f"{name}.pem")).read_text())
    return path


@pytest.mark.parametrize("pieces", [1, 3, None])
def test_answers_may_come_in_pieces(behind, proxy, pieces):
    proxy.socks5.pieces = pieces
    assert behind.get_token()["parameters"]["access_token"] == TOKEN


@pytest.mark.parametrize("address", [
    b"\x03\x0bproxy.local\x00\x50", b"\x03\x00\x00\x00", b"\x04" + bytes(16) + b"\x00\x50"])
def test_all_forms_of_the_bound_address(behind, proxy, address, secure):
    """It is read to its end and no further: TLS begins behind it."""
    proxy.socks5.answers[CONNECT] = b"\x05\x00\x00" + address
    proxy.socks5._say = _say_and_go_on(proxy.socks5)
    assert behind.get_token()["parameters"]["access_token"] == TOKEN
    assert len(secure.requests) == 1


def _say_and_go_on(side):
    def say(connection, stage, right):
        connection.sendall(side.answers.get(stage, right))
        return True

    return say


@pytest.mark.parametrize("code, words", [
    (1, "general failure"), (2, "no mapping"), (3, "not connected to the subaccount"),
    (4, "cannot reach the internal host"), (6, "timed out"), (7, "command"), (8, "address"),
    (9, "unknown SOCKS5 reply 09")])
def test_reply_codes_are_told(behind, proxy, jwts, code, words):
    proxy.socks5.answers[CONNECT] = bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])
    assert words in reason_of(behind.get_token())
    assert len(proxy.socks5.jwts) == 1 and len(jwts.requests) == 1


def test_a_refused_jwt_is_replaced_once(behind, proxy, jwts, secure):
    proxy.socks5.accepted = {"jwt-2"}
    assert behind.get_token()["parameters"]["access_token"] == TOKEN
    assert proxy.socks5.jwts == ["jwt-1", "jwt-2"]
    assert len(jwts.requests) == 2 and len(secure.requests) == 1


@pytest.mark.parametrize("stage, answer", [
    (GREETING, b"\x05\xff"), (AUTHENTICATION, b"\x01\x01"), (AUTHENTICATION, b"\x01\xff"),
    (CONNECT, b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")])
def test_two_refused_jwts_are_the_end(behind, proxy, jwts, secure, stage, answer):
    proxy.socks5.answers[stage] = answer
    reason_of(behind.get_token())
    assert len(jwts.requests) == 2 and not secure.requests


@pytest.mark.parametrize("stage, answer, words", [
    (GREETING, b"\x04\x80", "version is 4"), (GREETING, b"\x05", "closed the connection"),
    (GREETING, b"", "closed the connection"), (AUTHENTICATION, b"\x01", "closed the connection"),
    (CONNECT, b"\x04\x00\x00\x01", "version is 4"), (CONNECT, b"\x05", "closed the connection"),
    (CONNECT, b"\x05\x00\x00\x01\x7f", "closed the connection"),
    (CONNECT, b"\x05\x00\x00\x09", "unknown type")])
def test_half_and_other_answers_are_told(behind, proxy, stage, answer, words):
    proxy.socks5.answers[stage] = answer
    assert words in reason_of(behind.get_token())


@pytest.mark.parametrize("stage", [GREETING, AUTHENTICATION, CONNECT])
def test_silence_ends_with_the_time_to_connect(behind, proxy, stage):
    proxy.socks5.answers[stage] = None
    behind.destination(f"https://{HOST}:4711/token", ProxyType="OnPremise",
                       **{"tokenServiceURL.ConnectionTimeoutInSeconds": "1"})
    start = time.monotonic()
    assert "does not answer" in reason_of(behind.get_token())
    assert 0.9 < time.monotonic() - start < 9  # the default is ten


def test_no_proxy_there(behind, proxy):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    behind.write("connectivity.json", proxy.binding("http://127.0.0.1:1"))
    assert "no token for the Connectivity proxy" in reason_of(behind.get_token())
    behind.destination(f"https://{HOST}:4711/other", ProxyType="OnPremise")
    other = TokenService()
    behind.write("connectivity.json", proxy.binding(
        other.url(""), onpremise_socks5_proxy_port=port))
    assert str(port) in reason_of(behind.get_token())
    other.close()


def test_no_jwt_no_request(behind, jwts, proxy, secure):
    jwts.reply = error_reply(401, "invalid_client", "Bad credentials")
    reason = reason_of(behind.get_token())
    assert "no token for the Connectivity proxy" in reason and "Bad credentials" in reason
    assert not proxy.socks5.jwts and not secure.requests


def test_without_connectivity_json(behind):
    os.unlink(f"{behind.config}/connectivity.json")
    assert "connectivity.json: there is no such file" in reason_of(behind.get_token(), INVALID)


def test_internet_where_the_destination_says_so(behind, service, proxy):
    behind.destination(service.url(), ProxyType="OnPremise",
                       **{"tokenServiceURL.ProxyType": "Internet"})
    assert "error" not in behind.get_token()
    assert not proxy.socks5.jwts and len(service.requests) == 1


def test_on_premise_where_only_the_token_service_is(behind, proxy):
    behind.destination(f"https://{HOST}:4711/token",
                       **{"tokenServiceURL.ProxyType": "OnPremise"})
    assert "error" not in behind.get_token()
    assert len(proxy.socks5.jwts) == 1


def test_many_on_one_cold_jwt(behind, jwts, proxy):
    """Different destinations, one request for the JWT that all of them need."""
    jwts.gate.clear()
    names = [f"mail{i}" for i in range(50)]
    callers = []
    for name in names:
        behind.destination(f"https://{HOST}:4711/{name}", name=name, ProxyType="OnPremise")
        callers.append(behind.caller().open(name))
        callers[-1].send("GetToken")
    assert behind.wait_for(lambda: any(
        t["destination"] == "connectivity.json" and t["waiters"] == len(names)
        for t in behind.status()["tokens"]))
    jwts.gate.set()
    for caller in callers:
        assert caller.receive()["parameters"]["access_token"] == TOKEN
        caller.close()
    assert len(jwts.requests) == 1 and len(proxy.socks5.jwts) == len(names)


def test_a_tenant_has_its_own_jwt_and_token(behind, proxy, jwts, secure):
    behind.write("connectivity.json", proxy.binding(jwts.url("", host="provider.localhost")))
    for tenant in ("acme", "other"):
        assert "error" not in behind.caller().open(tenant=tenant).call("GetToken")
    assert [r.headers["Host"].split(".")[0] for r in jwts.requests] == ["acme", "other"]
    assert proxy.socks5.jwts == ["jwt-1", "jwt-2"] and len(secure.requests) == 2


def test_http_goes_through_the_http_proxy(plain, proxy, service):
    assert plain.get_token()["parameters"]["access_token"] == TOKEN
    (url, headers), = proxy.http.requests
    assert url == "http://as.virtual:8080/token?x=1"
    assert headers["Host"] == "as.virtual:8080"
    assert headers["Proxy-Authorization"] == "Bearer jwt-1"
    assert headers["SAP-Connectivity-SCC-Location_ID"] == "loc/1"
    assert headers.get_all("Proxy-Authorization") == ["Bearer jwt-1"]
    request, = service.requests
    assert request.headers["Proxy-Authorization"] is None
    assert ("client_secret", CLIENT_SECRET) in request.form
    assert not proxy.socks5.jwts


def test_http_without_a_location_id(plain, proxy):
    plain.destination("http://as.virtual:8080/token", ProxyType="OnPremise")
    assert "error" not in plain.get_token()
    assert proxy.http.requests[0][1]["SAP-Connectivity-SCC-Location_ID"] is None


def test_http_407_means_a_fresh_jwt_once(plain, proxy, jwts):
    proxy.http.accepted = {"jwt-2"}
    assert plain.get_token()["parameters"]["access_token"] == TOKEN
    assert len(jwts.requests) == 2


def test_http_407_twice_is_the_end(plain, proxy, jwts, service):
    proxy.http.accepted = set()
    assert "407" in reason_of(plain.get_token())
    assert len(jwts.requests) == 2 and not service.requests


def test_http_403_of_the_proxy(plain, proxy, jwts):
    proxy.http.routes.clear()
    assert "403" in reason_of(plain.get_token())
    assert len(jwts.requests) == 1


def test_a_jwt_that_the_proxy_repeats_is_masked(plain, proxy, jwts):
    """In the reply, in Status and in the journal (the fixture looks for canaries there)."""
    jwt = "canary-proxy-jwt.0123456789.signature"
    jwts.reply = token_reply(jwt)
    proxy.http.forward = lambda url, headers, body: (403, json.dumps({
        "error": "invalid_token",
        "error_description": headers["Proxy-Authorization"] + " is for others"}).encode())
    reason = reason_of(plain.get_token())
    assert "is for others" in reason and jwt not in reason
    assert jwt not in json.dumps(plain.status())


def test_http_needs_no_loopback_but_only_on_premise(plain):
    plain.destination("http://as.virtual:8080/token")
    assert "must start with https://" in reason_of(plain.get_token(), INVALID)


def test_the_environments_proxies_are_not_asked(make_helper, proxy, jwts, service):
    nobody = "http://127.0.0.1:1"
    helper = make_helper(environment={
        "http_proxy": nobody, "https_proxy": nobody, "ALL_PROXY": nobody,
        "no_proxy": "*", "NO_PROXY": "as.virtual"}).start()
    helper.write("connectivity.json", proxy.binding(jwts.url("")))
    helper.destination("http://as.virtual:8080/token", ProxyType="OnPremise")
    proxy.http.routes["as.virtual:8080"] = service.port
    assert "error" not in helper.get_token()
    assert len(proxy.http.requests) == 1


def test_refusals_come_through(behind, secure):
    secure.reply = error_reply(400, "invalid_client", "no")
    assert "no" in reason_of(behind.get_token(), REFUSED)


def test_it_goes_on_while_proxies_are_silent(behind, proxy, service):
    """One thread: a proxy that stalls keeps nobody else waiting."""
    proxy.socks5.answers[GREETING] = None
    stuck = behind.caller().open()
    stuck.send("GetToken")
    assert behind.wait_for(lambda: len(proxy.socks5.open) == 1)
    behind.destination(service.url(), name="quick")
    assert behind.get_token("quick")["parameters"]["access_token"] == TOKEN
    stuck.close()


def test_secrets_are_not_logged(behind, proxy):
    proxy.socks5.answers[AUTHENTICATION] = b"\x01\x01"
    reason_of(behind.get_token())
    log = behind.final_log()
    assert "refused our token" in log
    for secret in ("canary-proxy-secret", "jwt-1", "jwt-2"):
        assert secret not in log


def test_a_code_that_never_left_the_proxy_is_not_spent(behind, proxy, secure):
    behind.destination(f"https://{HOST}:4711/token", ProxyType="OnPremise",
                       Authentication="OAuth2AuthorizationCode")
    proxy.socks5.answers[CONNECT] = b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"
    assert "internal host" in reason_of(behind.get_token(credential="the-code"))
    proxy.socks5.answers = {}
    assert behind.wait_for(lambda: "error" not in behind.get_token(credential="the-code"))
    assert len(secure.requests) == 1


def test_a_code_that_the_http_proxy_refused_is_not_spent(plain, proxy, service):
    plain.destination("http://as.virtual:8080/token", ProxyType="OnPremise",
                      Authentication="OAuth2AuthorizationCode")
    proxy.http.accepted = set()
    assert "407" in reason_of(plain.get_token(credential="the-code"))
    proxy.http.accepted = {"jwt-2"}
    assert plain.wait_for(lambda: "error" not in plain.get_token(credential="the-code"))
    assert len(service.requests) == 1


def test_no_descriptor_is_left_behind(behind, proxy):
    """Sockets change hands twice on this way, and tunnels break at each step."""
    def count():
        return len(os.listdir(f"/proc/{behind.process.pid}/fd"))

    assert "error" not in behind.get_token()
    before = count()
    for i, answers in enumerate([{}, {GREETING: b""}, {AUTHENTICATION: b"\x01"}, {
            CONNECT: b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"}, {CONNECT: b"\x05"}, {}]):
        proxy.socks5.answers = answers
        behind.destination(f"https://{HOST}:4711/{i}", ProxyType="OnPremise")
        assert ("error" in behind.get_token()) == bool(answers)
    assert behind.wait_for(lambda: count() <= before), f"{count()} descriptors, not {before}"


def test_ends_cleanly_in_the_middle(behind, jwts):
    """A request that waits for a JWT is given up with everything else."""
    jwts.gate.clear()
    caller = behind.caller().open()
    caller.send("GetToken")
    assert behind.wait_for(lambda: len(jwts.requests) == 1)
    caller.close()
    assert behind.stop() == 0
