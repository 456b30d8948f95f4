# SPDX-License-Identifier: Apache-2.0
"""Clients that show the token service a certificate (tokenService.KeyStoreLocation)."""

import hashlib
import os
import shutil

import pytest

from token_service import TokenService, openssl

INVALID = "io.maildest.Helper.InvalidDestination"
UNAVAILABLE = "io.maildest.Helper.TokenServiceUnavailable"
PASSWORD = "store-password"


@pytest.fixture
def mutual(helper, certificates):
    """A token service that serves only who shows a certificate, and a helper that trusts it."""
    helper.write("maildest.conf", f"AdditionalCAs={certificates}/ca.pem\n")
    service = TokenService(f"{certificates}/good.pem", client_authority=f"{certificates}/ca.pem")
    yield service
    service.close()


def put(helper, name, *paths):
    """A file in certificates/, of other files' contents."""
    helper.write(f"certificates/{name}", "".join(path.read_text() for path in paths))


def put_store(helper, source, name="client.p12"):
    path = f"{helper.config}/certificates/{name}"
    shutil.copy(source, path)
    os.chmod(path, 0o640)


def shows(helper, service, name, password=None, **keys):
    helper.destination(service.url(), **{
        "clientSecret": "", "tokenService.KeyStoreLocation": name,
        "tokenService.KeyStorePassword": password, **keys})
    return helper.get_token()


def common_name(request):
    return dict(pair[0] for pair in request.peer["subject"])["commonName"]


@pytest.mark.parametrize("parts", [("crt", "key"), ("key", "crt"), ("key", "crt", "ca")])
def test_pem(helper, mutual, certificates, parts):
    files = [certificates / ("ca.pem" if p == "ca" else f"client.{p}") for p in parts]
    put(helper, "client.pem", *files)
    assert "error" not in shows(helper, mutual, "client.pem")
    request, = mutual.requests
    assert common_name(request) == "client"
    assert dict(request.form) == {"grant_type": "client_credentials", "client_id": "the-client"}
    assert request.headers["Authorization"] is None


def test_pem_with_a_locked_key(helper, mutual, certificates):
    put(helper, "client.pem", certificates / "client-locked.key", certificates / "client.crt")
    assert "error" not in shows(helper, mutual, "client.pem", PASSWORD)
    assert common_name(mutual.requests[0]) == "client"


def test_pkcs12(helper, mutual, certificates):
    put_store(helper, certificates / "client.p12")
    assert "error" not in shows(helper, mutual, "client.p12", PASSWORD)
    assert common_name(mutual.requests[0]) == "client"


def test_password_may_lie_in_secrets(helper, mutual, certificates):
    put_store(helper, certificates / "client.p12")
    helper.write("secrets/mail.json", {"tokenService.KeyStorePassword": PASSWORD})
    assert "error" not in shows(helper, mutual, "client.p12")


def test_the_secret_stays_at_home(helper, mutual, certificates):
    """A key store is there, so no secret is sent, nor a user's password."""
    put_store(helper, certificates / "client.p12")
    shows(helper, mutual, "client.p12", PASSWORD, clientSecret="canary-unused",
          tokenServiceUser="user", tokenServicePassword="canary-unused-too")
    request, = mutual.requests
    assert b"canary" not in request.body and request.headers["Authorization"] is None


@pytest.mark.parametrize("parts, password, words", [
    (("client.crt",), None, "has no usable private key"),
    (("client.key",), None, "no certificate"),
    (("client.crt", "other.key"), None, "none of its certificates"),
    (("client.crt", "client-locked.key"), None, "KeyStorePassword"),
    (("client.crt", "client-locked.key"), "wrong", "KeyStorePassword"),
    ((), None, "has no usable private key"),
])
def test_wrong_pem_is_told(helper, mutual, certificates, parts, password, words):
    put(helper, "client.pem", *(certificates / part for part in parts))
    reply = shows(helper, mutual, "client.pem", password)
    assert reply["error"] == INVALID
    assert words in reply["parameters"]["reason"] and "client.pem" in reply["parameters"]["reason"]
    assert not mutual.requests


@pytest.mark.parametrize("password", [None, "", "wrong"])
def test_wrong_password_of_pkcs12_is_told(helper, mutual, certificates, password):
    put_store(helper, certificates / "client.p12")
    reply = shows(helper, mutual, "client.p12", password)
    assert reply["error"] == INVALID
    assert "client.p12: is not opened by KeyStorePassword" in reply["parameters"]["reason"]


def test_missing_file_is_told(helper, mutual):
    reply = shows(helper, mutual, "nobody.pem")
    assert reply["error"] == INVALID
    assert "certificates/nobody.pem: there is no such file" in reply["parameters"]["reason"]


def test_file_for_all_to_read_is_refused(helper, mutual, certificates):
    helper.write("certificates/client.pem", (certificates / "client.crt").read_text() + (
        certificates / "client.key").read_text(), mode=0o644)
    reply = shows(helper, mutual, "client.pem")
    assert reply["error"] == INVALID and "chmod o=" in reply["parameters"]["reason"]


def test_a_certificate_that_the_service_does_not_believe(helper, mutual, certificates):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=nobody",
            "-keyout", f"{helper.folder}/nobody.key", "-out", f"{helper.folder}/nobody.crt")
    folder = type(certificates)(helper.folder)
    put(helper, "client.pem", folder / "nobody.key", folder / "nobody.crt")
    assert shows(helper, mutual, "client.pem")["error"] == UNAVAILABLE
    assert not mutual.requests


def test_no_certificate_is_shown_without_a_key_store(helper, mutual):
    helper.destination(mutual.url())
    assert helper.get_token()["error"] == UNAVAILABLE
    assert not mutual.requests


def test_a_replaced_key_store_counts_at_the_next_request(helper, mutual, certificates):
    put(helper, "client.pem", certificates / "client.crt", certificates / "other.key")
    assert shows(helper, mutual, "client.pem")["error"] == INVALID
    put(helper, "client.pem", certificates / "client.crt", certificates / "client.key")
    assert "error" not in helper.get_token()
    put(helper, "client.pem", certificates / "good.crt", certificates / "good.key")
    token = hashlib.sha256(b"token-0123456789abcdef").hexdigest()
    helper.caller().open().call("RejectToken", {"token_sha256": token})
    assert [common_name(r) for r in mutual.requests] == ["client", "good"]


@pytest.mark.parametrize("keys, key", [
    ({"ProxyType": "OnPremise"}, "tokenService.KeyStoreLocation"),
    ({"tokenServiceURL.ProxyType": "OnPremise"}, "tokenService.KeyStoreLocation"),
    ({"tokenServiceURL": "http://127.0.0.1:1/"}, "tokenService.KeyStoreLocation"),
    ({"tokenService.KeyStoreLocation": "../secrets/mail.json"}, "tokenService.KeyStoreLocation"),
])
def test_where_it_cannot_be(helper, mutual, keys, key):
    helper.destination(mutual.url(), **{"tokenService.KeyStoreLocation": "client.pem", **keys})
    reply = helper.get_token()
    assert reply["error"] == INVALID and key in reply["parameters"]["reason"]


def test_keys_and_passwords_are_not_logged(helper, mutual, certificates):
    put(helper, "client.pem", certificates / "client.crt", certificates / "client-locked.key")
    shows(helper, mutual, "client.pem", "canary-wrong")
    shows(helper, mutual, "client.pem", PASSWORD)
    log = helper.final_log()
    assert "canary" not in log and PASSWORD not in log and "PRIVATE" not in log
