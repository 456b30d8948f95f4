# SPDX-License-Identifier: Apache-2.0
"""maildest add: files from answers, never over others, never with a secret in an argument."""

import json
import os
import pty
import select
import subprocess
import time

import pytest

from rig.maildest import BUILD

PROGRAM = BUILD / "cli" / "maildest"
PASSWORD = "marker-added-password"
TENANTS = "transparent-proxy.connectivity.api.sap/tenant-subdomains"
M365 = (
    "--preset=m365", "--protocol=smtp", "--user=app@contoso.com", "--azure-tenant=directory",
    "--client-id=client", "--secret-file=-",
)  # fmt: skip
PLAIN = (
    "--preset=password", "--protocol=smtp", "--host=127.0.0.1", "--port=1", "--user=app",
    "--password-file=-",
)  # fmt: skip


def destination(command, name):
    return json.loads((command.config / "destinations" / f"{name}.json").read_text())


def test_microsoft_365(command):
    command("add", "Mail_1", *M365, "--no-test", input=f"{PASSWORD}\n")
    assert destination(command, "Mail_1") == {
        "Name": "Mail_1",
        "Type": "MAIL",
        "ProxyType": "Internet",
        "Authentication": "OAuth2ClientCredentials",
        "mail.transport.protocol": "smtp",
        "mail.smtp.host": "smtp.office365.com",
        "mail.user": "app@contoso.com",
        "tokenServiceURL": "https://login.microsoftonline.com/directory/oauth2/v2.0/token",
        "clientId": "client",
        "scope": "https://outlook.office365.com/.default",
    }
    secret = command.config / "secrets" / "Mail_1.json"
    assert json.loads(secret.read_text()) == {"clientSecret": PASSWORD}
    assert secret.stat().st_mode & 0o777 == 0o640
    assert json.loads(json.dumps(command.json("check")))["ok"], "it writes what check refuses"
    assert [host["name"] for host in command.json("hosts")["hosts"]] == ["mail-1"]


@pytest.mark.parametrize(
    "protocol, wanted, host",
    (
        ("smtp", "smtp", "smtp.gmail.com"),
        ("imap4", "imap4s", "imap.gmail.com"),
        ("pop3", "pop3s", "pop.gmail.com"),
    ),
)
def test_gmail(command, protocol, wanted, host):
    words = ("--preset=gmail", f"--protocol={protocol}", "--user=me@gmail.com", "--password-file=-")
    command("add", "g", *words, "--no-test", input="abcdefghijklmnop")
    made = destination(command, "g")
    assert made["mail.transport.protocol"] == wanted
    assert made[f"mail.{wanted}.host"] == host
    assert not (command.config / "secrets" / "g.json").exists()
    command("check")


def test_gmail_with_tokens(command):
    words = ("--preset=gmail-oauth", "--protocol=imap4", "--user=me@gmail.com", "--client-id=i")
    command("add", "g", *words, "--secret-file=-", "--no-test", input=PASSWORD)
    made = destination(command, "g")
    assert made["Authentication"] == "OAuth2RefreshToken"
    assert made["tokenServiceURL"] == "https://oauth2.googleapis.com/token"
    command("check")


def test_on_premise(command, tmp_path):
    key = tmp_path / "key.json"
    key.write_text(
        json.dumps(
            {
                "onpremise_proxy_host": "proxy.example",
                "clientid": "c",
                "clientsecret": PASSWORD,
                "token_service_url": "https://x.authentication.example",
            }
        )
    )
    words = ("--preset=on-premise", "--protocol=imap4", "--host=mail.virtual", "--user=u")
    files = ("--password-file=-", f"--connectivity-file={key}", "--location-id=here")
    command("add", "office", *words, *files, "--no-test", input=PASSWORD)
    made = destination(command, "office")
    assert made["ProxyType"] == "OnPremise" and made["CloudConnectorLocationId"] == "here"
    assert (command.config / "connectivity.json").stat().st_mode & 0o777 == 0o640
    command("check")


def test_again_is_no_change_and_no_error(command):
    command("add", "mail", *PLAIN, "--no-test", input=PASSWORD)
    said = command.json("add", "mail", *PLAIN, "--no-test", input=PASSWORD)
    assert {file["state"] for file in said["files"]} == {"unchanged"}


def test_other_files_are_not_replaced_without_force(command):
    command("add", "mail", *PLAIN, "--no-test", input=PASSWORD)
    before = destination(command, "mail")
    other = [word.replace("127.0.0.1", "127.0.0.2") for word in PLAIN]
    done = command.run("add", "mail", *other, "--no-test", input=PASSWORD)
    assert done.returncode == 3 and "--force" in done.stderr
    assert destination(command, "mail") == before
    command("add", "mail", *other, "--no-test", "--force", input=PASSWORD)
    assert destination(command, "mail")["mail.smtp.host"] == "127.0.0.2"


def test_a_refusal_leaves_nothing_behind(command):
    command.resource("mail", "other", file="mail")
    (command.config / "services" / "mail.yaml").write_text("kind: x\n")
    command("add", "mail", *PLAIN, "--no-test", input=PASSWORD, status=3)
    assert not list((command.config / "destinations").iterdir())


@pytest.mark.parametrize(
    "words",
    (
        ("--port=0",),
        ("--port=x",),
        ("--host=a b",),
        ("--protocol=http",),
        ("--preset=none",),
        ("--user=a\nb",),
    ),
    ids=lambda words: words[0].split("\n")[0],
)
def test_answers_that_are_no_configuration(command, words):
    """Wrong use: nothing that is configured is wrong."""
    done = command.run("add", "mail", *PLAIN, *words, "--no-test", input=PASSWORD)
    assert done.returncode == 2, f"ends with {done.returncode}: {done.stderr}"
    assert not list((command.config / "destinations").iterdir())
    assert PASSWORD not in done.stderr


@pytest.mark.parametrize("text", ("", "\n", "two\nlines\n"), ids=("empty", "blank", "two lines"))
def test_what_is_no_secret(command, text):
    assert "secret" in command.run("add", "mail", *PLAIN, input=text).stderr


@pytest.mark.parametrize("missing", range(len(PLAIN)))
def test_missing_answers_are_named_where_nobody_can_be_asked(command, missing):
    words = [word for i, word in enumerate(PLAIN) if i != missing and i != 3]
    option = PLAIN[missing].split("=")[0]
    done = command.run("add", "mail", *words, "--no-test", input=PASSWORD)
    if option in ("--preset", "--protocol", "--port"):  # they have defaults
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 2 and option in done.stderr


def test_a_name_that_can_be_no_hosts(command):
    assert command.run("add", "-x", *PLAIN, input=PASSWORD).returncode == 2
    done = command.run("add", "--no-test", *PLAIN, "--", "-x", input=PASSWORD)
    assert done.returncode == 2 and "--no-service" in done.stderr
    command("add", "--no-test", "--no-service", *PLAIN, "--", "-x", input=PASSWORD)
    assert destination(command, "-x")


def test_a_name_that_another_file_has(command):
    """The one that is there keeps the name: the new one would be written and never served."""
    command.basic("smtp")
    command.resource("neu", "smtp", file="zz")
    command.resource("a", "smtp", annotations={TENANTS: '["b"]'})
    for name in ("neu", "a-b"):
        done = command.run("add", name, *PLAIN, "--no-test", input=PASSWORD)
        assert done.returncode == 3, f"{name}: ends with {done.returncode}: {done.stderr}"
        assert f"has the service '{name}' already" in done.stderr, done.stderr
        assert not (command.config / "destinations" / f"{name}.json").exists()
    command("add", "neu", *PLAIN, "--no-test", "--no-service", input=PASSWORD)


def test_settings_with_which_nothing_works_are_told_first(command):
    command.target.write("maildest.conf", "ClientLogin=requierd\n")
    done = command.run("add", "mail", *PLAIN, "--no-test", input=PASSWORD)
    assert done.returncode == 3 and "maildest.conf: line 1" in done.stderr, done.stderr
    assert not (command.config / "destinations").joinpath("mail.json").exists()


def converse(command, answers):
    """Runs `maildest add` on a terminal; what it shows."""
    ours, theirs = pty.openpty()
    environment = command.target.environment() | {"MAILDEST_CONFIG_DIR": str(command.config)}
    child = subprocess.Popen(
        [PROGRAM, "add", "--no-test"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown, end = b"", time.monotonic() + 30
    while time.monotonic() < end:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            block = os.read(ours, 4096)
        except OSError:  # the terminal has lost its last program
            break
        shown += block
        if shown.endswith(b": ") and answers:
            os.write(ours, answers.pop(0).encode() + b"\n")
    os.close(ours)
    assert child.wait(20) == 0, shown.decode()
    return shown.decode()


def test_asks_on_a_terminal(command):
    answers = ["asked", "", "imap4s", "mail.example.com", "me@example.com", PASSWORD]
    shown = converse(command, answers)
    assert not answers, f"not all was asked for: {shown}"
    assert PASSWORD not in shown, "the password is shown"
    made = destination(command, "asked")
    assert made["mail.imap4s.host"] == "mail.example.com" and made["mail.password"] == PASSWORD
