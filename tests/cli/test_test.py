# SPDX-License-Identifier: Apache-2.0
"""maildest test: each stage with its time and what it found, and a hint for each failure."""

import base64
import json
import os
import re
import time
from pathlib import Path

import pytest

from fakes.mail_server import server_tls
from fakes.target import PASSWORD, SANITIZED, TOKEN
from fakes.token_service import error_reply, token_reply
from rig import process
from rig.maildest import BUILD
from rig.ports import free_port

CLAIMS = {
    "iss": "https://tokens.example",
    "aud": "https://outlook.office365.com",
    "roles": ["SMTP.SendAsApp", "IMAP.AccessAsApp"],
    "upn": "app@example.com",
    "private": "not worth telling",
}


def jwt(**claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}.marker-signature"


def details(said, step):
    """What the last step of that name found: name -> values."""
    found = {}
    for one in [one for one in said["steps"] if one["step"] == step][-1]["details"]:
        found.setdefault(one["name"], []).append(one["value"])
    return found


@pytest.mark.parametrize("protocol", ("smtp", "imap4", "pop3"))
@pytest.mark.parametrize("tls", ("implicit", "starttls"))
def test_every_stage(command, maildest, serve, protocol, tls):
    server = serve(protocol, tls=tls)
    implicit = {f"mail.{protocol}.ssl.enable": "true"} if tls == "implicit" else {}
    maildest.destination("mail", server, **implicit)
    said = command.json("test", "mail")
    assert said["ok"] and said["destination"] == "mail"
    steps = [step["step"] for step in said["steps"]]
    for wanted in ("reading the configuration", "resolving names", "connecting to the server",
                   "starting TLS", "waiting for the greeting", "asking for capabilities",
                   "logging in", "saying goodbye"):  # fmt: skip
        assert wanted in steps, f"{wanted} is missing in {steps}"
    assert all(step["outcome"] == "ok" and step["usec"] >= 0 for step in said["steps"])
    assert details(said, "resolving names")["address"]
    tls_found = details(said, "starting TLS")
    assert tls_found["cipher"][0].startswith("TLSv1.")
    assert re.search(r"until \d{4}-\d\d-\d\d .* left$", tls_found["certificate"][0])
    assert details(said, "asking for capabilities")["offered"]
    assert PASSWORD not in json.dumps(said)


def count_filters(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^Seccomp_filters:\s+(\d+)$", status, re.M)[1])


@pytest.mark.skipif(SANITIZED, reason="sanitizers want what the walls forbid")
@pytest.mark.parametrize("output", ((), ("--json",)), ids=("text", "json"))
def test_a_server_finds_the_walls_of_a_session(command, maildest, serve, output):
    """Root looks at a new server so, at a terminal, where all destinations can be read."""
    filters = {"before": count_filters(os.getpid())}

    def note(step, answer):
        def act(connection):
            (pid,) = (
                pid
                for pid in process.children(os.getpid())
                if Path(f"/proc/{pid}/exe").resolve() == (BUILD / "cli" / "maildest").resolve()
            )
            filters[step] = count_filters(pid) - filters["before"]
            connection.send(answer)

        return act

    answers = {"GREETING": note("GREETING", "220 hello"), "QUIT": note("QUIT", "221 bye")}
    maildest.destination("mail", serve("smtp", answers=answers))
    assert PASSWORD not in command("test", "mail", *output)
    assert (filters["GREETING"], filters["QUIT"]) == (1, 2), f"of system calls: {filters}"


def test_the_token_is_told_of_by_its_claims(command, maildest, serve, tokens):
    token = jwt(exp=int(time.time()) + 3000, **CLAIMS)
    maildest.secrets.append(token)
    tokens.reply = token_reply(token)
    maildest.destination("mail", serve("smtp", mechanisms=("XOAUTH2",)), oauth=tokens.url())
    maildest.start_helper()
    said = command.json("test", "mail")
    found = details(said, "waiting for the helper's token")
    assert found["iss"] == [CLAIMS["iss"]] and found["upn"] == [CLAIMS["upn"]]
    assert found["roles"] == ["SMTP.SendAsApp IMAP.AccessAsApp"]
    assert re.search(r"(49|50) min left", found["exp"][0])
    assert "private" not in found
    assert token not in json.dumps(said) and "marker-signature" not in json.dumps(said)


def test_an_opaque_token_is_said_to_be_one(command, maildest, serve, tokens):
    tokens.reply = token_reply(TOKEN)
    maildest.destination("mail", serve("smtp", mechanisms=("XOAUTH2",)), oauth=tokens.url())
    maildest.start_helper()
    (text,) = details(command.json("test", "mail"), "waiting for the helper's token")["token"]
    assert "opaque" in text and TOKEN not in text


def test_for_people(command, maildest, serve):
    maildest.destination("mail", serve("smtp"))
    said = command("test", "mail")
    assert re.search(r"^ +\d+\.\d ms  logging in +ok$", said, re.M)
    assert re.search(r"^ {13}certificate +CN=", said, re.M), said
    assert said.rstrip().splitlines()[-1].startswith("Logged in to 127.0.0.1:")


def refused(command, status):
    said = command.json("test", "mail", status=status)
    assert not said["ok"] and said["hint"] and said["result"]
    assert said["steps"][-1]["outcome"] == "FAILED"
    return said


def test_nothing_listens(command, maildest, serve):
    server = serve("smtp")
    maildest.destination("mail", server, **{"mail.smtp.port": str(free_port())})
    assert refused(command, 5)["steps"][-1]["step"] == "connecting to the server"


def test_a_name_without_an_address(command, maildest, serve):
    maildest.destination("mail", serve("smtp"), **{"mail.smtp.host": "nowhere.invalid"})
    assert "getent" in refused(command, 5)["hint"]


def test_a_login_that_is_refused(command, maildest, serve):
    server = serve("smtp", answers={"AUTH": "535 5.7.8 no"})
    maildest.destination("mail", server)
    assert refused(command, 4)["steps"][-1]["step"] == "logging in"


def test_a_certificate_of_a_stranger(command, maildest, serve, certificates):
    maildest.destination("mail", serve("smtp", context=server_tls(certificates.foreign_pair("x"))))
    said = refused(command, 5)
    assert said["steps"][-1]["step"] == "starting TLS" and "TrustStoreLocation" in said["hint"]


def test_a_certificate_that_has_expired(command, maildest, serve, certificates):
    """No authority that is added would help."""
    maildest.destination("mail", serve("smtp", context=server_tls(certificates.pair("x", days=-1))))
    said = refused(command, 5)
    assert "expired" in said["result"] and "this host's clock" in said["hint"], said


def test_a_token_service_that_refuses(command, maildest, serve, tokens):
    tokens.reply = error_reply(401, "invalid_client")
    maildest.destination("mail", serve("smtp", mechanisms=("XOAUTH2",)), oauth=tokens.url())
    maildest.start_helper()
    assert "clientId" in refused(command, 4)["hint"]


def test_no_helper(command, maildest, serve, tokens):
    maildest.destination("mail", serve("smtp", mechanisms=("XOAUTH2",)), oauth=tokens.url())
    assert "maildest-helper.socket" in refused(command, 1)["hint"]


@pytest.mark.parametrize("words", (("nosuch",), ("nosuch", "--tenant=acme"), ("a b",)), ids=" ".join)
def test_what_is_not_there(command, words):
    """Neither a service nor a destination, for which other commands have this status too."""
    command.basic("smtp")
    done = command.run("test", *words)
    assert done.returncode == 7, done
    assert "there is no such file" in done.stdout or "a name is" in done.stderr, done
    assert "(null)" not in done.stdout
    assert command.run("check", words[0]).returncode == command.run("list", words[0]).returncode == 7


def test_what_is_not_there_in_json(command):
    said = command.json("test", "nosuch", status=7)
    assert not said["ok"] and "maildest list" in said["hint"]


def test_a_service_whose_destination_is_not_there(command):
    command.resource("mail", "nosuch")
    assert "there is no such file" in command("test", "mail", status=3)


def test_settings_are_wrong_before_anything_is_missing(command):
    command.target.write("maildest.conf", "ClientLogon=none\n")
    assert "maildest.conf: line 1" in command("test", "nosuch", status=3)


def test_a_broken_file(command, maildest):
    maildest.write("destinations/mail.json", "{")
    said = refused(command, 3)
    assert "mail.json" in said["result"]


def test_a_service_is_tested_with_its_tenant(command, maildest, serve):
    maildest.destination("mail", serve("smtp"))
    tenants = {"transparent-proxy.connectivity.api.sap/tenant-subdomains": '["acme"]'}
    command.resource("office", "mail", annotations=tenants)
    for words in (("office_acme",), ("office-acme",), ("office", "--tenant=acme")):
        said = command.json("test", *words)
        assert said["service"] == "office_acme" and said["tenant"] == "acme"
        assert said["destination"] == "mail"
