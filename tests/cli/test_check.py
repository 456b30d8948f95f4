# SPDX-License-Identifier: Apache-2.0
"""maildest check: what is wrong with files, in words that name file, key and reason."""

import json

import pytest


def results(command, *words, status):
    rows = command.json("check", *words, status=status)["results"]
    return {(row["kind"], row["name"]): row for row in rows}


def test_a_good_configuration(command):
    command.basic("smtp")
    command.basic("imap", **{"mail.transport.protocol": "imap4", "mail.imap4.host": "x.example"})
    assert command("check").splitlines() == [
        "KIND         NAME           RESULT  REASON",
        "settings     maildest.conf  ok      -",
        "destination  imap           ok      -",
        "destination  smtp           ok      -",
    ]


@pytest.mark.parametrize(
    "line, words",
    (
        ("AdditionalCAs=lost.pem", "certificates/lost.pem"),
        ("AdditionalCAs=/nowhere/lost.pem", "/nowhere/lost.pem"),
        ("Clients=nobody-has-it", "groupadd --system nobody-has-it"),
    ),
)
def test_a_setting_that_fails_all_sessions(command, line, words):
    command.target.write("maildest.conf", f"{line}\n")
    row = results(command, status=3)["settings", "maildest.conf"]
    assert row["result"] == "error" and words in row["reason"], row


def test_each_broken_file_costs_only_itself(command):
    command.basic("good")
    command.basic("port", **{"mail.smtp.port": "65536"})
    command.target.write("destinations/empty.json", "")
    found = results(command, status=3)
    assert found["destination", "good"]["result"] == "ok"
    assert "port.json" in found["destination", "port"]["reason"]
    assert "mail.smtp.port" in found["destination", "port"]["reason"]
    assert "empty.json" in found["destination", "empty"]["reason"]


def test_never_repeats_a_secret(command):
    command.basic("smtp", **{"mail.smtp.port": "marker-password-cli"})
    assert "marker-password-cli" not in command("check", status=3)


def test_one_name_alone(command):
    command.basic("smtp")
    command.target.write("destinations/broken.json", "{")
    assert list(results(command, "smtp", status=0)) == [("destination", "smtp")]
    assert list(results(command, "broken", status=3)) == [("destination", "broken")]
    command("check", "neither", status=7)


@pytest.mark.parametrize("by", ("setting", "annotation"))
def test_a_required_login_needs_somebody_who_may(command, by):
    """Clients would be asked for a password that nobody has."""
    command.basic("smtp")
    if by == "setting":
        command.target.write("maildest.conf", "ClientLogin=required\n")
        command.resource("mail", "smtp")
    else:
        command.resource("mail", "smtp", annotations={"maildest/client-login": "required"})
        command.resource("open", "smtp")
    found = results(command, status=3)
    assert [name for kind, name in found if kind == "clients"] == ["mail"], found
    row = found["clients", "mail"]
    assert row["result"] == "error" and "no such file" in row["reason"], row
    (command.config / "clients").mkdir(mode=0o750)
    command.target.write("clients/mail", "app:marker-password-cli\n", 0o640)
    assert results(command, status=0)["clients", "mail"]["result"] == "ok"


def test_what_is_in_the_wrong_place_is_said(command):
    command.target.write("destinations/notes.txt", "")
    row = results(command, status=0)["destination", "notes.txt"]
    assert row["result"] == "warning"


@pytest.mark.parametrize(
    "keys, words",
    (
        ({"TrustAll": "TRUE"}, "TrustAll"),
        ({"mail.smtp.ssl.trust": "*"}, "ssl.trust"),
        (dict.fromkeys(("mail.smtp.starttls.enable", "mail.smtp.starttls.required"), "false"),
         "starttls"),
    ),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_weak_settings_are_warned_of(command, keys, words):
    command.basic("smtp", **keys)
    row = results(command, status=0)["destination", "smtp"]
    assert row["result"] == "warning" and words in row["reason"]


def test_the_secrets_of_a_token_request_count(command):
    oauth = {
        "Authentication": "OAuth2ClientCredentials",
        "tokenServiceURL": "https://tokens.example/token",
        "clientId": "id",
    }
    command.basic("smtp", **oauth)
    command.target.write("secrets/smtp.json", json.dumps({"clientSecret": "marker-cli"}))
    assert results(command, status=0)["destination", "smtp"]["result"] == "ok"
    command.target.write("secrets/smtp.json", json.dumps({"clientSecret": ["marker-cli"]}))
    reason = results(command, status=3)["destination", "smtp"]["reason"]
    assert "secrets/smtp.json" in reason and "clientSecret" in reason
    assert "marker-cli" not in reason


def test_the_url_of_a_token_service_counts(command):
    oauth = {"Authentication": "OAuth2ClientCredentials", "clientId": "id"}
    command.basic("smtp", **oauth, tokenServiceURL="http://tokens.example/token")
    assert "tokenServiceURL" in results(command, status=3)["destination", "smtp"]["reason"]


def test_certificates_that_are_named_must_be_there(command):
    command.basic("smtp", TrustStoreLocation="missing.pem")
    assert "missing.pem" in results(command, status=3)["destination", "smtp"]["reason"]


def test_files_that_others_may_read(command):
    command.basic("smtp").chmod(0o644)
    assert "other users" in results(command, status=3)["destination", "smtp"]["reason"]


def test_fragments(command):
    (command.config / "fragments").mkdir()
    command.target.write("fragments/good.json", '{"FragmentName": "good", "mail.user": "x"}')
    command.target.write("fragments/bad.json", '{"Name": "x"}')
    found = results(command, status=3)
    assert found["fragment", "good"]["result"] == "ok"
    assert "'Name'" in found["fragment", "bad"]["reason"]


def test_settings(command):
    command.target.write("maildest.conf", "ClientLogon=none\n")
    assert "line 1" in results(command, status=3)["settings", "maildest.conf"]["reason"]


def test_connectivity(command):
    command.target.write("connectivity.json", "{}")
    assert results(command, status=3)["connectivity", "connectivity.json"]["result"] == "error"


def test_clients(command):
    (command.config / "clients").mkdir()
    command.target.write("clients/good", "# who may\nprinter:marker-client-password\n")
    command.target.write("clients/bad", "nobody-without-a-colon\n")
    found = results(command, status=3)
    assert found["clients", "good"]["result"] == "ok"
    assert "clients/bad" in found["clients", "bad"]["reason"]


def test_instances(command):
    (command.config / "instances").mkdir()
    command.target.write("instances/main.json", '{"clientid": "c", "clientsecret": "marker-cli"}')
    reason = results(command, status=3)["instance", "main"]["reason"]
    assert "main.json" in reason and "uri" in reason and "marker-cli" not in reason


def test_resources(command):
    command.basic("smtp")
    command.resource("mail", "smtp", **{"namespace": "prod"})
    command.resource("other", "missing")
    command.target.write("services/broken.yaml", "a: [")
    found = results(command, status=3)
    assert found["service", "mail"]["result"] == "warning", "there is no group of that namespace"
    assert "ReferencedDestination-NotFound" in found["service", "other"]["reason"]
    assert any(kind == "resource" and "broken" in name for kind, name in found)
