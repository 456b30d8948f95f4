# SPDX-License-Identifier: Apache-2.0
"""Sessions to destinations that no file here has: the helper finds them in a Destination service."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "helper"))

from destination_service import DestinationService, Xsuaa  # noqa: E402
from rig.forking import ForkingHandler, tcp  # noqa: E402


@pytest.fixture
def remote(scene):
    """A Destination service that has the scene's mailbox, and a helper that knows it as "ds"."""
    xsuaa = Xsuaa()
    service = DestinationService(xsuaa)
    maildest = scene.maildest
    (maildest.config / "instances").mkdir(mode=0o750)
    maildest.write("instances/ds.json", json.dumps(service.key()))
    maildest.start_helper()
    yield service
    service.close()
    xsuaa.close()


def serve(scene, *options):
    return ForkingHandler(
        scene.maildest, [("x", tcp())], destination="mail", args=["--service=s", *options]
    )


def select(handler):
    with handler.dial("x") as session:
        first = session.line()
        if not first.startswith("* OK"):
            return first
        answer = session.imap("a SELECT INBOX")[-1]
        session.imap("b LOGOUT")
        return answer


@pytest.mark.parametrize("protocol", ["imap4", "imap4s"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "default"])
def test_a_session_needs_no_file(scene, remote, protocol, named):
    keys = scene.keys(protocol, "BasicAuthentication")
    scene.maildest.secrets.append(keys["mail.password"])
    remote.add("mail", **keys)
    if not named:
        scene.maildest.write("maildest.conf", "DefaultInstance=ds\n")
    handler = serve(scene, *(["--instance=ds"] if named else []))
    for _ in range(2):
        assert select(handler).startswith("a OK")
    handler.wait_for_end("mail", 2, RESULT="ok", SERVICE="s")


@pytest.mark.parametrize("key", ["KeyStoreLocation", "TrustStoreLocation"])
def test_its_certificates_are_not_taken(scene, remote, key):
    """The service may have a certificate of that name; whom this host trusts is decided here."""
    keys = scene.keys("imap4", "BasicAuthentication")
    remote.add("mail", **keys | {key: "corporate.pem"})
    handler = serve(scene, "--instance=ds")
    assert "BYE" in select(handler)
    record = handler.wait_for_end("mail", RESULT="configuration")
    assert "/certificates/corporate.pem: there is no such file (cert" in record["MESSAGE"], record
    assert "of the Destination service are not taken; put it into" in record["MESSAGE"], record


def test_what_the_service_has_not_is_an_operators_business(scene, remote):
    scene.maildest.add_destination("mail", scene.keys("imap4", "BasicAuthentication"))
    handler = serve(scene, "--instance=ds")
    assert "421" in select(handler) or "BYE" in select(handler)
    record = handler.wait_for_end("mail", RESULT="configuration")
    assert "cannot use the destination" in record["MESSAGE"], record
