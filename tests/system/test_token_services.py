# SPDX-License-Identifier: Apache-2.0
"""How a destination may say where its token comes from, against a token service that insists."""

import shutil

import pytest

from rig import logins, oauth
from rig.dialogue import Dialogue
from rig.scene import GRANTS

CLIENT_CREDENTIALS = "OAuth2ClientCredentials"
AUTHENTICATIONS = (CLIENT_CREDENTIALS, *GRANTS)
STORE_PASSWORD = "store password 4be1a0c2-7d1b"


def first_line(port):
    with Dialogue(port, timeout=60) as session:
        return session.line()


def credential_for(scene, authentication):
    """What the client's own login needs, or None."""
    return scene.client.credential(authentication) if authentication in GRANTS else None


def assert_login(scene, port, credential=None):
    """A session to its end, with the client's own login if it has a credential."""
    with Dialogue(port) as session:
        logins.greet(session, "imap4")
        if credential:
            user = scene.user.address
            answer = logins.log_in(session, "imap4", "before-asking", user, credential)
            assert logins.is_accepted(answer), f"the login is answered {answer!r}"
        logins.leave(session, "imap4")
    scene.maildest.wait_for_record("imap4", RESULT="ok")


def assert_refused(scene, port, *words):
    greeting = first_line(port)
    assert greeting.startswith("* BYE [UNAVAILABLE]"), f"the greeting is {greeting!r}"
    record = scene.maildest.wait_for_record("imap4")
    missing = [word for word in words if word not in record["MESSAGE"]]
    assert not missing, f"the record does not say {missing}: {record['MESSAGE']}"


# --- tokenServiceURLType


def common(scene, authentication=CLIENT_CREDENTIALS, host="{tenant}.localhost"):
    """Keys of a destination whose token service has a name for each tenant."""
    service = scene.world.tokens
    url = f"https://{host}:{service.port}{oauth.PATH}"
    return scene.keys(
        "imap4", authentication, tokenServiceURL=url, tokenServiceURLType="Common"
    )


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("host", ("{tenant}.localhost", "localhost"))
def test_common_with_the_tenant_of_the_socket(scene, host, authentication):
    scene.maildest.write("maildest.conf", "TokenServiceTenant=tenant-b\n")
    scene.maildest.add_destination("imap4", common(scene, authentication, host))
    scene.maildest.start_helper()
    port = scene.maildest.listen("imap4", options=["--tenant=tenant-a"])
    assert_login(scene, port, credential_for(scene, authentication))
    assert scene.client.asked[-1]["host"] == "tenant-a.localhost"


@pytest.mark.parametrize("host", ("{tenant}.localhost", "localhost"))
def test_common_with_the_tenant_of_maildest_conf(scene, host):
    scene.maildest.write("maildest.conf", "TokenServiceTenant=tenant-b\n")
    port = scene.maildest.serve("imap4", common(scene, host=host))
    assert_login(scene, port)
    assert [one["host"] for one in scene.client.asked] == ["tenant-b.localhost"]


def test_common_without_a_tenant(scene):
    port = scene.maildest.serve("imap4", common(scene))
    assert_refused(scene, port, "imap4.json", "tokenServiceURLType", "TokenServiceTenant")
    assert scene.client.requests == 0


@pytest.mark.parametrize("tenant", ("a.b", "-a", "a@evil.example.com", "a/b", "t" * 64))
def test_a_tenant_that_is_no_label(scene, tenant):
    scene.maildest.write("maildest.conf", f"TokenServiceTenant={tenant}\n")
    port = scene.maildest.serve("imap4", common(scene))
    assert_refused(scene, port, "maildest.conf", "DNS label")
    assert scene.client.requests == 0


def test_each_tenant_has_its_own_tokens(scene):
    scene.maildest.add_destination("imap4", common(scene))
    scene.maildest.start_helper()
    for tenant in oauth.TENANTS * 2:
        port = scene.maildest.listen("imap4", options=[f"--tenant={tenant}"])
        assert first_line(port).startswith("* OK")
    hosts = [one["host"] for one in scene.client.asked]
    assert hosts == [f"{tenant}.localhost" for tenant in oauth.TENANTS]


# --- client certificates


def give_certificate(scene, name):
    """Makes the client one that needs a certificate, which lies below certificates/ as `name`."""
    authority = scene.world.authority
    label = scene.client.id
    certificate, key = authority.issue(label, usage="clientAuth")
    place = scene.maildest.config / "certificates" / name
    if name.endswith(".p12"):
        shutil.copy(authority.bundle(certificate, key, STORE_PASSWORD), place)
    else:
        place.write_text(certificate.read_text() + key.read_text())
    place.chmod(0o640)
    scene.client.change(auth="tls_client_auth", subject=f"CN={label}")


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("name", ("client.pem", "client.p12"))
def test_a_client_certificate(scene, name, authentication):
    credential = credential_for(scene, authentication)
    give_certificate(scene, name)
    scene.maildest.secrets.append(STORE_PASSWORD)
    more = {"tokenService.KeyStoreLocation": name, "clientSecret": None}
    if name.endswith(".p12"):
        more["tokenService.KeyStorePassword"] = STORE_PASSWORD
    keys = scene.keys("imap4", authentication, **more)
    port = scene.maildest.serve("imap4", {key: value for key, value in keys.items() if value})
    assert_login(scene, port, credential)


def test_the_wrong_client_certificate(scene):
    give_certificate(scene, "client.pem")
    scene.client.change(subject="CN=somebody else")
    port = scene.serve("imap4", **{"tokenService.KeyStoreLocation": "client.pem"})
    assert_refused(scene, port, "invalid_client")


def test_a_key_store_that_is_missing(scene):
    port = scene.serve("imap4", **{"tokenService.KeyStoreLocation": "nowhere.pem"})
    assert_refused(scene, port, "certificates/nowhere.pem")
    assert scene.client.requests == 0, "the secret was sent where a certificate was meant"
