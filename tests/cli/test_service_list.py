# SPDX-License-Identifier: Apache-2.0
"""maildest list, hosts and sync: services as they are meant to be."""

import re
import socket

import pytest

TENANTS = "transparent-proxy.connectivity.api.sap/tenant-subdomains"
ADDRESS = r"127\.88\.\d+\.\d+"


@pytest.fixture
def services(command):
    """A service of everybody, and one for each of two tenants."""
    command.basic("smtp")
    command.resource("mail", "smtp")
    command.resource("shared", "smtp", annotations={TENANTS: '["acme", "blue"]'}, namespace="prod")
    return command


def test_lines_for_etc_hosts(services):
    lines = services("hosts").splitlines()
    assert (lines[0], lines[-1]) == ("# maildest: begin", "# maildest: end")
    lines = lines[1:-1]
    names = [re.fullmatch(rf"{ADDRESS} +(.*)", line)[1] for line in lines]
    assert names == ["mail", "shared-acme shared-acme.prod", "shared-blue shared-blue.prod"]
    assert len({line.split()[0] for line in lines}) == 3, "two services have one address"


def test_a_name_of_this_host_stays_its_own(command):
    """Appended to /etc/hosts, the line would lead all that this host calls itself to a mail port."""
    own = socket.gethostname().split(".")[0].lower()
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", own):
        pytest.skip(f"this host is called {own!r}, which no service can be")
    command.basic("smtp")
    command.resource("mail", "smtp")
    command.resource(own, "smtp")
    done = command.run("hosts")
    assert done.returncode == 0 and f"{own}: left out" in done.stderr, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()[1:-1]] == ["mail"]
    rows = [row for row in command.json("check", status=None)["results"]
            if row["kind"] == "name"]  # fmt: skip
    assert [row["name"] for row in rows] == [own] and "this host's own" in rows[0]["reason"], rows


def test_hosts_for_machines(services):
    hosts = services.json("hosts")["hosts"]
    assert [host["service"] for host in hosts] == ["mail", "shared_acme", "shared_blue"]
    assert hosts[1]["long_name"] == "shared-acme.prod"


def test_a_service_says_where_it_is(services):
    (row,) = services.json("list", "mail", status=3)["services"]
    assert row["port"] == 587
    assert row["socket"] == "/run/maildest/services/mail.sock"
    assert row["state"] == "not applied", "nothing listens there"
    assert row["available"] == "True" and row["reason"] == "ConfigurationSuccessful"
    rows = services.json("list", "shared", status=3)["services"]
    assert [row["tenant"] for row in rows] == ["acme", "blue"]


def test_reasons_in_saps_words(command):
    command.resource("lost", "nowhere")
    command.target.write("services/broken.yaml", "kind: [")
    rows = {row["service"]: row for row in command.json("list", status=3)["services"]}
    assert rows["lost"]["reason"] == "ConfigurationError-ReferencedDestination-NotFound"
    assert rows["lost"]["available"] == "False"
    (broken,) = [row for name, row in rows.items() if name.startswith("broken.yaml")]
    assert broken["state"] == "not served" and broken["message"]


def test_no_such_service(services):
    services("list", "nothing", status=7)


def test_sync_keeps_what_the_generator_needs(services):
    before = services("hosts")
    services("sync")
    state = services.config / ".state"
    assert {path.stem for path in (state / "services").iterdir()} == {"mail", "shared"}
    recorded = (state / "addresses").read_text().splitlines()
    recorded = [line for line in recorded if not line.startswith("#")]
    assert sorted(line.split()[0] for line in recorded) == ["mail", "shared_acme", "shared_blue"]
    assert services("hosts") == before, "an address changed when it was recorded"


def test_sync_of_a_broken_resource_keeps_its_copy(services):
    services("sync")
    (services.config / "services" / "mail.json").write_text("{")
    services("sync", status=3)
    (row,) = services.json("list", "mail", status=3)["services"]
    assert row["port"] == 587, "the service has lost its socket"


def test_sync_quietly(services):
    assert services("sync", "--quiet") == ""


def test_sync_says_what_the_helper_lacks(command):
    command.target.write("maildest.conf", "DefaultInstance=main\n")
    command.resource("remote", "Somewhere")
    said = command.json("sync", status=None)
    (row,) = [row for row in said["results"] if row["kind"] == "service"]
    assert row["result"] == "error" and "helper is not running" in row["reason"]


@pytest.mark.parametrize("words", (("apply",), ("apply", "--dry-run")), ids=" ".join)
def test_apply_is_for_the_systems_configuration(services, words):
    """The generator reads no other: the steps would come of one and the units of another."""
    done = services.run(*words)
    assert done.returncode == 2
    assert "/etc/maildest alone" in done.stderr
