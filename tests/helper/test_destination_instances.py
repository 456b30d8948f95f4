# SPDX-License-Identifier: Apache-2.0
"""Files of Destination service instances: keys, bindings, certificates, and what is wrong there."""

import json
import os

import pytest

from destination_service import DestinationService, Xsuaa
from test_destination_service import (  # noqa: F401
    UNAVAILABLE, bound, call, destination, reason, remote, xsuaa,
)  # fmt: skip
from token_service import TokenService

@pytest.mark.parametrize("change, words", [
    ({"uri": None}, "key 'uri' is missing"),
    ({"uri": "ftp://x"}, "key 'uri' is no URL"),
    ({"uri": "http://ds.example"}, "must start with https://"),
    ({"uri": "https://ds.example/?x=1"}, "may have no query"),
    ({"url": None}, "key 'url' is missing"),
    ({"clientid": ""}, "key 'clientid' is empty"),
    ({"clientsecret": None}, "key 'clientsecret' is missing"),
    ({"clientsecret": "<secret>"}, "key 'clientsecret'"),
    ({"certificate": "x", "certurl": "https://a.b.example"}, "key 'key' is missing"),
    ({"certificate": "x", "key": "y"}, "only one of XSUAA"),
    ({"certificate": "x", "key": "y", "certurl": "http://a.localhost"}, "https://")])
def test_service_keys(bound, remote, change, words):
    key = {k: v for k, v in remote.key(**change).items() if v is not None}
    bound.write("instances/ds.json", key)
    text = reason(call(bound))
    assert words in text and "instances/ds.json" in text


def test_a_binding_and_a_missing_one(bound, remote):
    bound.write("instances/b.json", {"credentials": remote.key(), "label": "destination"})
    assert destination(bound, instance="b")["Name"] == "mail"
    assert "instances/none.json" in reason(call(bound, instance="none"))


def test_files_that_others_can_read(bound, remote):
    bound.write("instances/ds.json", remote.key(), mode=0o644)
    assert "instances/ds.json: holds a secret" in reason(call(bound))


def test_a_credential_of_the_service_manager(make_helper, folder, remote):
    os.mkdir(f"{folder}/credentials")
    with open(f"{folder}/credentials/instances.ds.json", "w", encoding="ascii") as f:
        json.dump(remote.key(), f)
    helper = make_helper(environment={"CREDENTIALS_DIRECTORY": f"{folder}/credentials"}).start()
    assert destination(helper)["Name"] == "mail"


def test_an_edited_instance_is_asked_at_once(bound, remote, xsuaa):
    destination(bound)
    other = DestinationService(xsuaa)
    other.add(**{"mail.smtp.host": "other.example"})
    bound.write("instances/ds.json", other.key())
    assert destination(bound)["mail.smtp.host"] == "other.example"
    other.close()


@pytest.mark.parametrize("separate", [False, True])
def test_x509(bound, remote, certificates, separate):
    """The token service wants the certificate; its key may lie in a file of its own."""
    secure = Xsuaa(f"{certificates}/good.pem", f"{certificates}/ca.pem")
    remote.xsuaa = secure
    certificate, key = ((certificates / f"client.{part}").read_text() for part in ("crt", "key"))
    found = remote.key(certificate=certificate, certurl=f"https://127.0.0.1:{secure.port}",
                       **({} if separate else {"key": key}))
    del found["clientsecret"]
    bound.write("instances/ds.json", found)
    if separate:
        bound.write("instances/ds.key", key)
    bound.write("maildest.conf", f"AdditionalCAs={certificates}/ca.pem\n")
    secure.known.add("127")
    secure.subscribed.add("127")
    remote.destinations["127", "mail"] = remote.destinations["provider", "mail"]
    assert destination(bound)["Name"] == "mail"
    assert secure.requests[0].peer
    secure.close()


def test_nobody_listens(bound, remote, xsuaa):
    other = TokenService()
    other.close()
    bound.write("instances/ds.json", remote.key(uri=f"http://127.0.0.1:{other.port}"))
    assert "127.0.0.1" in reason(call(bound), UNAVAILABLE)
    bound.write("instances/ds.json", remote.key(url=f"http://p.localhost:{other.port}"))
    assert "no token for Destination service instance 'ds'" in reason(call(bound), UNAVAILABLE)
    assert len(remote.requests) == 0
