# SPDX-License-Identifier: Apache-2.0
"""Whole sessions for destinations that only a Destination service has: tokens and tenants."""

import json
import sys
import urllib.error
from pathlib import Path

import pytest

from rig import logins, waiting
from rig.dialogue import Dialogue
from rig.oauth import REDIRECT

sys.path.append(str(Path(__file__).resolve().parents[1] / "helper"))

from destination_service import PROVIDER, DestinationService, Xsuaa  # noqa: E402

PROTOCOLS = ("smtp", "imap4", "pop3")
INSTANCE = "--instance=ds"


class Remote(DestinationService):
    """One that gets its tokens at the token service of the destination, as SAP's does."""

    def __init__(self, xsuaa):
        super().__init__(xsuaa)
        self.clients = {}
        self.auth = self._exchange

    def put(self, name, keys, client=None, tenant=PROVIDER):
        self.destinations[tenant, name] = {"Name": name, **keys}
        self.clients[tenant, name] = client

    def _exchange(self, request):
        name = request.path.rsplit("/", 1)[-1]
        client = self.clients[self.tenant(request), name]
        form = {"grant_type": "client_credentials", "scope": "mail"}
        if request.headers["X-refresh-token"]:
            form = {"grant_type": "refresh_token",
                    "refresh_token": request.headers["X-refresh-token"]}
        if request.headers["X-code"]:
            form = {"grant_type": "authorization_code", "code": request.headers["X-code"],
                    "redirect_uri": REDIRECT}
        try:
            found = client.exchange(**form)
        except urllib.error.HTTPError as error:
            return {"type": "", "value": "", "error": error.read().decode()}
        return {"type": "Bearer", "value": found["access_token"],
                "expires_in": str(found["expires_in"]),
                "refresh_token": found.get("refresh_token", "")}


@pytest.fixture
def remote(scene):
    xsuaa = Xsuaa()
    remote = Remote(xsuaa)
    (scene.maildest.config / "instances").mkdir()
    scene.maildest.write("instances/ds.json", json.dumps(remote.key()))
    scene.maildest.start_helper()
    scene.maildest.secrets.append(remote.key()["clientsecret"])
    yield remote
    remote.close()
    xsuaa.close()
    assert not remote.problems and not xsuaa.problems


def login(scene, protocol, port, credential=None):
    """One whole session; the answer to its login if there is one."""
    answer = None
    with Dialogue(port, timeout=60) as session:
        logins.greet(session, protocol)
        if credential:
            answer = logins.log_in(
                session, protocol, "before-asking", scene.user.address, credential)
        logins.leave(session, protocol)
    return answer


@pytest.mark.parametrize("authentication", ("OAuth2ClientCredentials", "BasicAuthentication"))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sessions(scene, remote, protocol, authentication):
    remote.put("mail", scene.keys(protocol, authentication), scene.client)
    port = scene.maildest.listen("mail", options=[INSTANCE])
    for number in (1, 2):
        login(scene, protocol, port)
        scene.maildest.wait_for_record("mail", count=number)
    plain, tokens = remote.finds()
    assert len(plain) == 1, "a destination is found once in two minutes"
    assert len(tokens) == (authentication != "BasicAuthentication")


@pytest.mark.parametrize("authentication", ("OAuth2RefreshToken", "OAuth2AuthorizationCode"))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_credentials_of_clients(scene, remote, protocol, authentication):
    remote.put("mail", scene.keys(protocol, authentication), scene.client)
    port = scene.maildest.listen("mail", options=[INSTANCE])
    credential = scene.client.credential(authentication)
    for _ in range(2):
        answer = login(scene, protocol, port, credential)
        assert answer and logins.is_accepted(answer), f"the login is answered {answer!r}"
    assert len(remote.finds()[1]) == 1
    refused = login(scene, protocol, port, "nobody-has-such-a-one")
    assert refused and not logins.is_accepted(refused)
    assert refused.startswith(("535 ", "1 NO [AUTHENTICATIONFAILED]", "-ERR [AUTH]")), refused


def test_the_default_instance(scene, remote):
    """A file of that name is not looked at any more."""
    remote.put("mail", scene.keys("smtp"), scene.client)
    scene.maildest.write("destinations/mail.json", "{")
    scene.maildest.write("maildest.conf", "DefaultInstance=ds\n")
    login(scene, "smtp", scene.maildest.listen("mail"))
    scene.maildest.wait_for_record("mail")


def test_two_tenants_of_one_destination(scene, remote):
    """Each has its own mailbox, its own client and its own token, behind one name."""
    others = scene.world.dovecot.new_user()
    client = scene.world.tokens.add_client(others.address)
    remote.put("mail", scene.keys("imap4"), scene.client, "acme")
    keys = scene.keys("imap4")
    keys |= {"mail.user": others.address, "clientId": client.id, "clientSecret": client.secret}
    remote.put("mail", keys, client, "globex")
    ports = {tenant: scene.maildest.listen("mail", options=[INSTANCE, f"--tenant={tenant}"])
             for tenant in ("acme", "globex", "initech")}
    for _ in range(2):
        for tenant in ("acme", "globex"):
            login(scene, "imap4", ports[tenant])
    assert scene.client.requests == 1 and client.requests == 1
    with Dialogue(ports["initech"], timeout=60) as session:
        assert not (session.line() or "").startswith("* OK")
    waiting.until(lambda: "tenant not subscribed" in scene.maildest.log("mail"),
                  "the journal does not say why")


def test_no_such_destination(scene, remote):
    with Dialogue(scene.maildest.listen("mail", options=[INSTANCE]), timeout=60) as session:
        greeting = session.line()
    assert greeting and greeting[:1] in "45*-" and "OK" not in greeting, greeting
    scene.maildest.wait_for_record("mail")
    assert "HTTP status 404" in scene.maildest.log("mail")


def test_the_service_may_be_away(scene, remote):
    remote.put("mail", scene.keys("smtp"), scene.client)
    port = scene.maildest.listen("mail", options=[INSTANCE])
    login(scene, "smtp", port)
    remote.replies["mail"] = (503, {}, "")
    login(scene, "smtp", port)
    scene.maildest.wait_for_record("mail", count=2)
