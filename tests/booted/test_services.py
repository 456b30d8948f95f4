# SPDX-License-Identifier: Apache-2.0
"""Destination resources: what SAP's pages print becomes ports, and two thousand do so quickly."""

import time

import pytest

from machine import PATIENCE, processor_seconds
from rig import waiting
from rig.dialogue import Dialogue
from sessions import Session

API = "apiVersion: destination.connectivity.api.sap/v1\nkind: Destination\n"
PRINTED = API + (
    "metadata:\n"
    "  name: {name}\n"
    "spec:\n"
    "  destinationRef:\n"
    '    name: "example-dest-{protocol}"\n'
)
# As it is printed: without `spec:`.
SHARED = API + (
    "metadata:\n"
    "  name: {name}\n"
    "  annotations:\n"
    "    transparent-proxy.connectivity.api.sap/tenant-subdomains: "
    "'[\"tenant-subdomain\", \"another-tenant-subdomain\"]'\n"
    "  destinationRef:\n"
    '    name: "example-dest-{protocol}"\n'
)
MODES = pytest.mark.parametrize("mode", ("accept", "forking", "grouped"))
PORTS = {"smtp": 587, "imap": 143, "pop3": 110}
TENANTS = ("tenant-subdomain", "another-tenant-subdomain")
# How many services shall all listen within SECONDS: the service manager takes milliseconds for
# each socket unit, and more for each the more there are, so two thousand are for groups.
MANY = pytest.mark.parametrize("mode, count", (("accept", 200), ("grouped", 2000)))
SECONDS = 10
# LOG_NOTICE, as records have it.
NOTICE = 5


class ServiceSession(Session):
    """A session with a service, by TCP or by its Unix socket."""

    def __init__(self, machine, protocol, place):
        self.protocol = protocol
        host, _, port = place.rpartition(":")
        if host:
            self.dialogue = machine.network.run(Dialogue, int(port), host=host)
        else:
            self.dialogue = Dialogue(f"/proc/{machine.pid}/root{place}")


def reload(machine):
    """As `maildest apply` does it for services that are new: reads them, and starts them."""
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "sockets.target")


def places(machine, name):
    """Where a service listens: its TCP address and its Unix socket."""
    listening = machine.property(f"maildest-svc-{name}.socket", "Listen")
    return [line.split()[0] for line in listening.splitlines()]


def groups_places(machine):
    """The same for all services of all groups: by the path's name."""
    found = {}
    for unit in machine.units("maildest-group-*.socket"):
        lines = [line.split()[0] for line in machine.property(unit, "Listen").splitlines()]
        for tcp, path in zip(lines[::2], lines[1::2]):
            found[path.rsplit("/", 1)[1].removesuffix(".sock")] = [tcp, path]
    return found


def place_of(machine, mode, name):
    return groups_places(machine)[name] if mode == "grouped" else places(machine, name)


@pytest.fixture
def destinations(machine, mail, tokens):
    """The destinations that the printed resources name."""
    for protocol, server in mail.items():
        machine.destination(f"example-dest-{protocol}", server, oauth=tokens.url())


@MODES
def test_printed_resources_become_ports(machine, destinations, mode):
    machine.write("maildest.conf", f"Activation={mode}\n")
    for protocol in PORTS:
        machine.write(
            f"services/{protocol}.yaml",
            PRINTED.format(name=protocol, protocol=protocol)
            + "---\n"
            + SHARED.format(name=f"shared-{protocol}", protocol=protocol),
        )
    reload(machine)
    for protocol, port in PORTS.items():
        names = [protocol, *(f"shared-{protocol}_{tenant}" for tenant in TENANTS)]
        for name in names:
            tcp, path = place_of(machine, mode, name)
            assert tcp.startswith("127.88.") and tcp.endswith(f":{port}")
            assert path == f"/run/maildest/services/{name}.sock"
            ServiceSession(machine, protocol, tcp).whole()
            ServiceSession(machine, protocol, path).whole()


@MODES
def test_a_broken_resource_costs_only_itself(machine, destinations, mode):
    machine.write("maildest.conf", f"Activation={mode}\n")
    machine.write(
        "services/all.yaml",
        "kind: [\n---\n"
        + PRINTED.format(name="good", protocol="smtp")
        + "---\n"
        + PRINTED.format(name="missing", protocol="nothing"),
    )
    reload(machine)
    ServiceSession(machine, "smtp", place_of(machine, mode, "good")[0]).whole()
    said = [r["MESSAGE"] for r in machine.wait_for_journal(2, "-t", "maildest-generator")]
    assert any("line 1 of all.yaml: ConfigurationFailed" in message for message in said), said
    assert any("ReferencedDestination-NotFound" in message for message in said), said
    assert len(machine.units("maildest-svc-*.socket", "maildest-group-*.socket")) == 1


@MODES
def test_reading_units_again_changes_nothing(machine, destinations, mode):
    machine.write("maildest.conf", f"Activation={mode}\n")
    machine.write("services/a.yaml", PRINTED.format(name="a", protocol="imap"))
    reload(machine)
    tcp, path = place_of(machine, mode, "a")
    session = ServiceSession(machine, "imap", tcp).greet()
    machine.write("services/b.yaml", PRINTED.format(name="b", protocol="smtp"))
    machine.systemctl("daemon-reload")
    assert place_of(machine, mode, "a") == [tcp, path], "it has another address"
    session.work()
    session.leave()
    ServiceSession(machine, "imap", tcp).whole()
    ServiceSession(machine, "imap", path).whole()


COPY = "/etc/maildest/.state/services/a.json"


def test_a_resource_that_breaks_keeps_its_port(machine, destinations):
    machine.write("services/a.yaml", PRINTED.format(name="a", protocol="imap"))
    reload(machine)
    before = places(machine, "a")
    machine.systemctl("start", "maildest-sync.service")
    machine.write("services/a.yaml", "kind: [\n")
    machine.systemctl("daemon-reload")
    assert places(machine, "a") == before
    for place in before:
        ServiceSession(machine, "imap", place).whole()
    # every three minutes: what is well needs no word, and what is wrong more than information
    machine.systemctl("start", "maildest-sync.service", status=1)
    for words in ("Failed to start", "a.yaml"):
        machine.wait_for_journal(1, "-u", "maildest-sync.service", f"--grep={words}")
    records = machine.journal("-u", "maildest-sync.service")
    assert not [record for record in records if int(record["PRIORITY"]) > NOTICE], records
    machine.systemctl("reset-failed")


def test_a_file_that_changes_is_looked_at(machine, destinations):
    machine.systemctl("start", "maildest-sync.path")
    machine.write("services/a.yaml", PRINTED.format(name="a", protocol="imap"))
    waiting.until(lambda: machine.run("ls", COPY, status=None) == COPY + "\n", "no copy is made")
    # While the service runs, systemd does not watch; what changes in its last moment, the timer
    # sees.
    waiting.until(
        lambda: machine.property("maildest-sync.path", "SubState") == "waiting", "it does not end"
    )
    machine.run("rm", "/etc/maildest/services/a.yaml")
    waiting.until(lambda: machine.run("ls", COPY, status=None) != COPY + "\n", "the copy stays")


def listeners(machine):
    """How many of our addresses are listened on."""
    rows = [line.split() for line in machine.run("cat", "/proc/net/tcp").splitlines()[1:]]
    # 127.88.x.y in the order of the bytes here
    return sum(row[1][4:8] == "587F" and row[3] == "0A" for row in rows)


def unix_listeners(machine):
    return machine.run("cat", "/proc/net/unix").count("/run/maildest/services/")


@MANY
def test_many_services_listen_soon(machine, destinations, mode, count):
    machine.write("maildest.conf", f"Activation={mode}\n")
    text = "---\n".join(PRINTED.format(name=f"s{i}", protocol="smtp") for i in range(count))
    machine.write("services/many.yaml", text)
    used = processor_seconds(machine)[0]
    start = time.monotonic()
    machine.systemctl("daemon-reload")
    read = time.monotonic()
    machine.systemctl("restart", "sockets.target")
    waiting.until(lambda: listeners(machine) == count, "some do not listen", PATIENCE)
    seconds = time.monotonic() - read
    used = processor_seconds(machine)[0] - used
    print(f"{mode}: read in {read - start:.2f} s, listen after {seconds:.2f} s, {used:.2f} s used")
    assert unix_listeners(machine) == count
    # The clock also counts what else this host is doing.
    assert used < SECONDS
    ServiceSession(machine, "smtp", place_of(machine, mode, f"s{count - 1}")[0]).whole()
