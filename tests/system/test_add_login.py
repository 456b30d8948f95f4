# SPDX-License-Identifier: Apache-2.0
"""maildest add with options alone, to its end: a login on a mail server."""

import re
import subprocess
import time

import pytest

from rig.company import LOCATION, MAIL, VIRTUAL_PORTS
from rig.maildest import BUILD, SANITIZER_REPORT
from rig.ports import free_port
from rig.scene import PORTS

# Of an administrator's time, so that much is the program's at most.
MINUTE = 60
WRONG = "marker-not-the-password"


@pytest.fixture
def add(scene):
    """add(preset, protocol, secret, *options): what it says; it must end with `status`."""
    scene.maildest.write("maildest.conf", "AdditionalCAs=test-ca.pem\n")
    for folder in ("services", "secrets"):
        (scene.maildest.config / folder).mkdir(exist_ok=True)
    scene.maildest.start_helper()
    scene.maildest.secrets += [scene.user.password, scene.client.secret, WRONG]

    def run(preset, protocol, secret, *options, status=0):
        words = [f"--preset={preset}", f"--protocol={protocol}", f"--user={scene.user.address}"]
        begun = time.monotonic()
        done = subprocess.run(
            [BUILD / "cli" / "maildest", "add", "added", *words, *options],
            input=secret,
            text=True,
            capture_output=True,
            timeout=2 * MINUTE,
            env=scene.maildest.environment()
            | {
                "MAILDEST_CONFIG_DIR": str(scene.maildest.config),
                "MAILDEST_HELPER_SOCKET": str(scene.maildest.socket),
            },
        )
        said = done.stdout + done.stderr
        assert not SANITIZER_REPORT.search(said), said
        assert done.returncode == status, f"it ends with {done.returncode}: {said}"
        assert time.monotonic() - begun < MINUTE, "it takes too much of somebody's time"
        assert secret not in said
        return said

    return run


def server(scene, protocol, which="dovecot"):
    upstream = getattr(scene.world, which)
    return f"--host={upstream.host}", f"--port={upstream.ports[PORTS[which][protocol]]}"


def assert_logged_in(said):
    assert re.search(r"^written +destinations/added\.json$", said, re.M), said
    assert re.search(r"^ +\d+\.\d ms  logging in +ok$", said, re.M), said
    assert said.rstrip().splitlines()[-1].startswith("Logged in to "), said


@pytest.mark.parametrize("protocol", ("smtp", "smtps", "imap4", "imap4s", "pop3", "pop3s"))
def test_with_a_password(scene, add, protocol):
    options = ("--password-file=-", *server(scene, protocol))
    assert_logged_in(add("password", protocol, scene.user.password, *options))


@pytest.mark.parametrize("protocol, wanted", (("smtp", "smtp"), ("imap4", "imap4s")))
def test_gmail(scene, add, protocol, wanted):
    options = ("--password-file=-", *server(scene, wanted))
    assert_logged_in(add("gmail", protocol, scene.user.password, *options))


def token_options(scene):
    return (
        f"--token-url={scene.client.service.token_url}", f"--client-id={scene.client.id}",
        "--scope=mail", "--secret-file=-",
    )  # fmt: skip


@pytest.mark.parametrize("protocol, wanted", (("smtp", "smtp"), ("imap4", "imap4s")))
def test_microsoft_365(scene, add, protocol, wanted):
    options = (*token_options(scene), *server(scene, wanted))
    said = add("m365", protocol, scene.client.secret, *options)
    assert_logged_in(said)
    assert re.search(r"ms  waiting for the helper's token +ok$", said, re.M), said


def test_on_premise(company, add):
    company.map_servers("imap4")
    options = (
        f"--host={MAIL}", f"--port={VIRTUAL_PORTS['imap4']}", f"--location-id={LOCATION}",
        "--password-file=-",
    )  # fmt: skip
    assert_logged_in(add("on-premise", "imap4", company.scene.user.password, *options))
    assert company.mail_tunnels()


def test_a_wrong_password(scene, add):
    said = add("password", "imap4", WRONG, "--password-file=-", *server(scene, "imap4"), status=4)
    assert "Hint" in said or "hint" in said, said


def test_a_client_secret_that_is_refused(scene, add):
    options = (*token_options(scene), *server(scene, "smtp"))
    assert "invalid_client" in add("m365", "smtp", WRONG, *options, status=4)


def test_a_server_that_is_not_there(scene, add):
    options = ("--password-file=-", "--host=localhost", f"--port={free_port()}")
    add("password", "smtp", scene.user.password, *options, status=5)


def test_a_certificate_of_nobody(scene, add):
    scene.maildest.write("maildest.conf", "# no certificate authority but the system's\n")
    options = ("--password-file=-", *server(scene, "smtp"))
    assert "certificate" in add("password", "smtp", scene.user.password, *options, status=5)
