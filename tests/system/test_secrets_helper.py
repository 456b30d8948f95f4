# SPDX-License-Identifier: Apache-2.0
"""What stands in the memory and on the disk of the helper: tokens until they are forgotten, and
nothing of what it gets them with."""

import json
from types import SimpleNamespace

import pytest

from fakes.fixtures import certificates, maildest, serve, tokens  # noqa: F401
from fakes.target import CLIENT_SECRET, TOKEN
from fakes.token_service import token_reply
from rig import memory
from rig.varlink import Varlink

pytestmark = pytest.mark.release

REFRESH = "marker-brought-6d1e83b2-refreshes"
NEXT = "marker-rotated-4a7f09c2-instead"
CODE = "marker-code-c3d95e1a-of-the-client"
VERIFIER = "marker-verifier-" + "v3r1f13r" * 5
CLIENTS = "marker-clients-own-password"
SERVER = SimpleNamespace(tls="starttls", host="127.0.0.1", port=1, protocol="imap4")


def configure(maildest, tokens, authentication="OAuth2ClientCredentials", **more):
    keys = {"Authentication": authentication, "tokenService.body.code_verifier": VERIFIER}
    maildest.destination("a", SERVER, oauth=tokens.url(), **(keys | more))
    maildest.start_helper()


def get_token(maildest, **parameters):
    with Varlink(maildest.socket) as link:
        answer = link.open("a").call("GetToken", **parameters)
    assert answer.get("parameters", {}).get("access_token") == TOKEN, answer


def forget(maildest):
    with Varlink(maildest.socket) as link:
        assert link.call("Forget", destination="a")["parameters"]["tokens"] >= 1


def known(maildest, **secrets):
    return set(memory.search(maildest.helper.pid, secrets))


def assert_unknown(maildest, **secrets):
    found = memory.search(maildest.helper.pid, secrets)
    assert not found, f"the helper still knows:\n{found}"


def on_disk(maildest, secrets):
    """Which of them stand in the helper's folder."""
    needles = {name: memory.Needle(secret) for name, secret in secrets.items()}
    return [
        (path.name, name)
        for path in maildest.state.rglob("*") if path.is_file()
        for name, needle in needles.items() if needle.find(path.read_bytes())
    ]  # fmt: skip


def test_a_token_is_known_until_it_is_forgotten(maildest, tokens):
    tokens.reply = token_reply(TOKEN)
    configure(maildest, tokens)
    get_token(maildest)
    assert known(maildest, token=TOKEN, secret=CLIENT_SECRET) == {"token"}
    forget(maildest)
    assert_unknown(maildest, token=TOKEN, secret=CLIENT_SECRET)


def test_a_secret_that_did_not_help(maildest, tokens):
    tokens.reply = 401, {}, json.dumps({"error": "invalid_client"})
    configure(maildest, tokens)
    with Varlink(maildest.socket) as link:
        assert "error" in link.open("a").call("GetToken")
    assert_unknown(maildest, secret=CLIENT_SECRET)


@pytest.mark.parametrize(
    ("authentication", "brought"),
    [("OAuth2RefreshToken", REFRESH), ("OAuth2AuthorizationCode", CODE)],
    ids=("refresh token", "code"),
)
def test_what_a_client_brings(maildest, tokens, authentication, brought):
    """It is kept for renewals; the refresh token that takes its place is on disk, and sealed."""
    tokens.reply = token_reply(TOKEN, refresh_token=NEXT)
    more = {"tokenService.body.redirect_uri": "https://example.com/back"}
    configure(maildest, tokens, authentication, **more)
    get_token(maildest, credential=brought)
    secrets = {"brought": brought, "next": NEXT, "secret": CLIENT_SECRET, "verifier": VERIFIER}
    assert known(maildest, **secrets) <= {"brought"}
    assert [path for path in maildest.state.rglob("*") if path.is_file()], "nothing is kept"
    assert not on_disk(maildest, secrets | {"token": TOKEN})
    forget(maildest)
    assert_unknown(maildest, token=TOKEN, **secrets)


def test_a_clients_password(maildest, tokens):
    (maildest.config / "clients").mkdir(mode=0o755)
    maildest.write("clients/mail", f"app:{CLIENTS}\n")
    configure(maildest, tokens)
    with Varlink(maildest.socket) as link:
        link.open("a", service="mail")
        assert link.call("CheckClient", user="app", password=CLIENTS)["parameters"]["accepted"]
    assert_unknown(maildest, password=CLIENTS)
