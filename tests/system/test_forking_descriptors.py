# SPDX-License-Identifier: Apache-2.0
"""What the handler makes of the descriptors that it is started with."""

import re
import socket

import pytest

from fakes.fixtures import certificates, maildest, serve, shim  # noqa: F401
from rig import proc, process, waiting
from rig.dialogue import Dialogue
from rig.forking import ForkingHandler, tcp, unix, visit
from rig.ports import free_port

USAGE = 2


@pytest.fixture
def two(maildest, serve):
    """Two destinations, each with a server of its own; their names tell nothing of protocols."""
    servers = {"alpha": serve("smtp"), "beta": serve("imap4")}
    for name, server in servers.items():
        maildest.destination(name, server)
    return servers


def assert_served(handler, name, destination, begins):
    before = len(handler.records(destination))
    line = handler.visit(name)
    assert line.startswith(begins), f"{name} greets with {line!r}:\n{handler.log()}"
    handler.wait_for_record(destination, before + 1, RESULT="ok")


def assert_no_service(maildest, sockets, **options):
    """It ends at once as for a wrong use, and says why: its error records."""
    handler = ForkingHandler(maildest, sockets, ready=False, **options)
    handler.status = USAGE
    assert handler.wait() == USAGE, f"it ends with {handler.wait()}:\n{handler.log()}"
    assert handler.said(3), f"it does not say why it ends:\n{handler.log()}"
    return handler.said(3)


# --- whom a listening descriptor serves


def test_each_descriptor_serves_the_destination_that_it_is_named_after(maildest, two, serve):
    two["gamma"] = serve("smtp")
    maildest.destination("gamma", two["gamma"])
    sockets = [("beta", tcp("::1")), ("alpha", tcp()), ("gamma", unix(maildest.folder / "g"))]
    handler = ForkingHandler(maildest, sockets)
    clients = {"beta": r"\[::1\]:\d+", "alpha": r"127\.0\.0\.1:\d+", "gamma": r"unix\(pid=.*"}
    for name, begins in (("beta", "* OK"), ("alpha", "220 "), ("gamma", "220 ")):
        assert_served(handler, name, name, begins)
        assert len(two[name].connections) == 1, f"{name} did not reach its own server"
        client = handler.records(name)[0]["CLIENT"]
        assert re.fullmatch(clients[name], client), f"the client of {name} is {client!r}"


def test_two_descriptors_of_one_name(maildest, two):
    handler = ForkingHandler(maildest, [("alpha", tcp()), ("alpha", tcp())])
    for number in (0, 1):
        assert_served(handler, number, "alpha", "220 ")


def test_a_socket_of_both_kinds_of_ip(maildest, two):
    """What a bare port of ListenStream= is: IPv4 peers have mapped addresses."""
    both = socket.socket(socket.AF_INET6)
    both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    both.bind(("::ffff:127.0.0.1", 0))
    both.listen()
    port = both.getsockname()[1]
    handler = ForkingHandler(maildest, [("alpha", both)])
    assert visit(Dialogue(port)).startswith("220 ")
    client = handler.wait_for_record("alpha", RESULT="ok")["CLIENT"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", client), f"the client is {client!r}"


def test_a_socket_that_somebody_shuts_down(maildest, two):
    """It accepts nothing any more; the others do."""
    shared = tcp()
    handler = ForkingHandler(maildest, [("alpha", shared), ("beta", tcp())], keep=True)
    assert_served(handler, "alpha", "alpha", "220 ")
    before = proc.cpu_seconds(handler.pid)
    shared.shutdown(socket.SHUT_RDWR)
    waiting.until(lambda: handler.said(3), "nobody is told")
    assert len(handler.said(3)) == 1 and "alpha" in handler.said(3)[0], handler.log()
    for _ in range(3):
        handler.visit("beta")
    assert_served(handler, "beta", "beta", "* OK")
    assert proc.cpu_seconds(handler.pid) - before < 0.2, "it spins"
    assert len(handler.said(3)) == 1, handler.log()
    shared.close()


@pytest.mark.parametrize("names", ("alpha:nonsense", "connection", None), ids=str)
def test_an_argument_names_the_destination_of_all_descriptors(maildest, two, names):
    handler = ForkingHandler(
        maildest,
        [("a", tcp()), ("b", unix(maildest.folder / "b"))],
        destination="beta",
        environment={"LISTEN_FDNAMES": names},
    )
    for number in (0, 1):
        assert_served(handler, number, "beta", "* OK")


@pytest.mark.parametrize("name", ("nothing-of-this-name", "not%a/name", "..", "smtp.socket"))
def test_a_name_without_a_destination_costs_only_its_own_sessions(maildest, two, name):
    handler = ForkingHandler(maildest, [(name, tcp()), ("alpha", tcp())])
    with handler.dial(0) as session:
        line = session.line()
    assert line.startswith("421 4.3.5 "), f"the client is told {line!r}"
    record = waiting.until(
        lambda: [one for one in handler.said(3) if "RESULT=configuration" in one], "no record"
    )[0]
    assert name in record, f"the record does not name the destination: {record}"
    assert_served(handler, "alpha", "alpha", "220 ")


def test_blocking_descriptors_do_not_block(maildest, two, shim):
    """Somebody else takes the connection between the look and the accept."""
    blocking = tcp()
    blocking.setblocking(True)
    handler = ForkingHandler(
        maildest, [("alpha", blocking), ("beta", tcp())], environment=shim.environment(STOLEN=1)
    )
    with handler.dial("alpha") as stolen:
        assert stolen.rest() == b"", "no connection is taken: this says nothing"
    for name, begins in (("beta", "* OK"), ("alpha", "220 ")):
        assert_served(handler, name, name, begins)


# --- a connected descriptor


def assert_one_session(handler, ours, destination):
    """A connection that was there from the start is served, by no process more, to its end."""
    ours.settimeout(20)
    with ours, ours.makefile("rb") as lines:
        assert lines.readline().startswith(b"* OK"), handler.log()
        assert not process.children(handler.pid), "a process more than the connection needs"
        ours.sendall(b"a LOGOUT\r\n")
        lines.read()
    assert handler.wait() == 0
    handler.wait_for_record(destination, RESULT="ok")
    assert len(handler.records(destination)) == 1


@pytest.mark.parametrize("names", ("connection", "alpha", None), ids=str)
def test_one_connected_descriptor_is_one_session(maildest, two, names):
    ours, theirs = socket.socketpair()
    handler = ForkingHandler(
        maildest,
        [("x", theirs)],
        destination="beta",
        environment={"LISTEN_FDNAMES": names},
        ready=False,
    )
    assert_one_session(handler, ours, "beta")


def test_a_connected_descriptor_may_name_its_destination(maildest, two):
    """As systemd 257 names it for a socket unit with Accept=yes."""
    ours, theirs = socket.socketpair()
    assert_one_session(ForkingHandler(maildest, [("beta", theirs)], ready=False), ours, "beta")


@pytest.mark.parametrize("names", (None, "", "beta:alpha"), ids=str)
def test_one_connected_descriptor_needs_a_destination(maildest, two, names):
    ours, theirs = socket.socketpair()
    assert_no_service(maildest, [("x", theirs)], environment={"LISTEN_FDNAMES": names})
    ours.close()


def activate(maildest, *options, words=()):
    """The handler below systemd-socket-activate: its ports and its process."""
    ports = [free_port(), free_port()]
    started = process.Process(
        [
            "systemd-socket-activate", *[f"-E{key}" for key in maildest.environment()],
            *options, *[f"-l127.0.0.1:{port}" for port in ports],
            *maildest.handler(), *maildest.options(), *words,
        ],
        maildest.logs / "activate.log",
        env=maildest.environment(),
    )  # fmt: skip
    for port in ports:
        started.wait_for(lambda p=port: f"127.0.0.1:{p}" in started.output(), "no socket")
    return ports, started


@pytest.fixture
def activated(maildest, two):
    started = []

    def start(*options, **more):
        ports, listener = activate(maildest, *options, **more)
        started.append(listener)
        return ports

    yield start
    for listener in started:
        assert listener.stop() in (0, -15), listener.output()


def test_below_socket_activate_with_names(activated):
    first, second = activated("--fdname=beta:alpha")
    assert visit(Dialogue(first)).startswith("* OK")
    assert visit(Dialogue(second)).startswith("220 ")
    assert visit(Dialogue(first)).startswith("* OK")


def test_below_socket_activate_that_accepts(activated):
    first, second = activated("--accept", words=["beta"])
    assert visit(Dialogue(first)).startswith("* OK")
    assert visit(Dialogue(second)).startswith("* OK")


# --- descriptors that are none of ours, or no use


def test_descriptors_of_another_process_are_left_alone(maildest, two):
    errors = assert_no_service(maildest, [("alpha", tcp())], environment={"LISTEN_PID": "1"})
    assert len(errors) == 1 and "LISTEN_PID" in errors[0], f"that is no reason: {errors}"


def test_with_a_destination_the_connection_is_standard_input_then(maildest, two):
    """An inherited environment does not turn a session into a listener."""
    strange = {"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "alpha:beta"}
    session = maildest.connect("beta", env=strange)
    assert session.line().startswith("* OK")
    session.imap("a LOGOUT")
    session.close()
    assert session.record()["RESULT"] == "ok"


@pytest.mark.parametrize(
    "count",
    ("", "x", "0", "-1", "1x", "1 ", "1.0", "2147483647", "4294967297", "9" * 40, "1\n"),
    ids=repr,
)
def test_a_senseless_number_of_descriptors(maildest, two, count):
    assert_no_service(maildest, [("alpha", tcp())], environment={"LISTEN_FDS": count})


@pytest.mark.parametrize("pid", ("", "x", "-1", "0", "9" * 40), ids=repr)
def test_a_senseless_process_number(maildest, two, pid):
    assert_no_service(maildest, [("alpha", tcp())], environment={"LISTEN_PID": pid})


@pytest.mark.parametrize("names", ("alpha", "alpha:beta:alpha", "", None), ids=str)
def test_names_that_do_not_match_the_descriptors(maildest, two, names):
    environment = {"LISTEN_FDNAMES": names}
    assert_no_service(maildest, [("a", tcp()), ("b", tcp())], environment=environment)


@pytest.mark.parametrize("limit", ("0", "-1", "x", "", "1x", "9" * 40), ids=repr)
def test_a_senseless_limit_of_sessions(maildest, two, limit):
    handler = ForkingHandler(
        maildest, [("alpha", tcp())], args=[f"--sessions-max={limit}"], ready=False
    )
    handler.status = USAGE
    assert handler.wait() == USAGE, f"--sessions-max={limit} is taken"
    assert handler.log().strip(), "it does not say why it ends"


def useless(folder):
    """Descriptors that nobody can connect to, each under a name that says what it is."""
    connected, other = socket.socketpair()
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    return [
        ("a-file", open(folder / "file", "wb")),
        ("a-datagram-socket", socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
        ("a-unix-datagram-socket", socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)),
        ("a-connected-socket", connected),
        ("its-other-end", other),
        ("a-socket-that-does-not-listen", silent),
        ("nothing-at-all", None),
        ("a-device", open("/dev/null", "rb")),
    ]


def assert_complaints(handler, wanted):
    """One error record for each, with the descriptor's number and its name."""
    for number, name in wanted.items():
        about = [one for one in handler.said(3) if name in one]
        assert len(about) == 1, f"{len(about)} records about {name}:\n{handler.log()}"
        assert re.search(rf"\b{number}\b", about[0]), f"{number} is not in: {about[0]}"
    assert len(handler.said(3)) == len(wanted), handler.log()


def test_what_is_no_use_is_closed_and_the_others_are_served(maildest, two):
    bad = useless(maildest.folder)
    sockets = [("alpha", tcp()), *bad, ("beta", tcp())]
    inodes = {proc.socket_name(one) for _, one in bad if isinstance(one, socket.socket)}
    handler = ForkingHandler(maildest, sockets)
    assert_complaints(handler, {4 + at: name for at, (name, _) in enumerate(bad)})
    held = set(proc.descriptors(handler.pid).values())
    assert not held & (inodes | {str(maildest.folder / "file")}), "what is no use stays open"
    assert_served(handler, "alpha", "alpha", "220 ")
    assert_served(handler, "beta", "beta", "* OK")


def test_nothing_of_use_at_all(maildest, two):
    bad = useless(maildest.folder)
    errors = assert_no_service(maildest, bad)
    for name, _ in bad:
        assert any(name in one for one in errors), f"{name} is not complained of: {errors}"
