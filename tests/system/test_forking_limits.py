# SPDX-License-Identifier: Apache-2.0
"""More connections than the handler may serve, or than the host has means for."""

import concurrent.futures
import contextlib
import random
import re
import resource
import subprocess
import time

import pytest

from fakes.fixtures import certificates, maildest, serve  # noqa: F401
from rig import proc, waiting
from rig.forking import ForkingHandler, sanitizer, tcp, unix

PATIENCE_SECONDS = 10  # how long a client may wait for a session before it is told
# The latest that somebody may hear anything, on a machine that is busy with other tests.
IN_TIME = PATIENCE_SECONDS + 15
OVERLOAD = {
    "alpha": r"421 4\.3\.2 [^\r\n]+",
    "beta": r"\* BYE \[UNAVAILABLE\] [^\r\n]+",
    "gamma": r"-ERR \[SYS/TEMP\] [^\r\n]+",
}
GREETING = {"alpha": "220 ", "beta": "* OK", "gamma": "+OK"}
PROTOCOLS = {"alpha": "smtp", "beta": "imap4", "gamma": "pop3"}
# The most that a handler may use of a processor while it can do nothing but wait.
IDLE_SHARE = 0.1


@pytest.fixture
def three(maildest, serve):
    """A destination of each protocol; their names tell nothing of these."""
    servers = {name: serve(protocol, tls=None) for name, protocol in PROTOCOLS.items()}
    for name, server in servers.items():
        maildest.destination(name, server)
    return servers


@pytest.fixture
def fork(maildest, three):
    def start(**options):
        return ForkingHandler(maildest, [(name, tcp()) for name in three], **options)

    return start


def greeted(session, name):
    line = session.line()
    assert line and line.startswith(GREETING[name]), f"{name} greets with {line!r}"
    return session


def insecure(record):
    """The destinations do without TLS, of which every session warns."""
    return "RESULT" not in record


def overloads(handler, name):
    return [one for one in handler.records(name) if one.get("RESULT") == "overload"]


def assert_overload(handler, name, clients):
    """Each of these was sent away, and has its one record of that."""

    def records():
        return [one for one in overloads(handler, name) if one["CLIENT"] in clients]

    waiting.until(lambda: len(records()) >= len(clients), f"records:\n{handler.log()}")
    assert len(records()) == len(clients), f"more than one record each:\n{handler.log()}"
    assert {record["CLIENT"] for record in records()} == set(clients), handler.log()
    assert {record["PRIORITY"] for record in records()} == {4}, handler.log()


def client_name(session):
    return "{}:{}".format(*session.address())


def sent_away(session, name):
    """What a client is told that cannot be served, to the end of the connection."""
    line = session.line()
    assert line and re.fullmatch(OVERLOAD[name], line), f"{name} is told {line!r}"
    assert session.rest() == b"", "more follows the refusal"


# --- our own limit


def test_at_the_limit_clients_wait_until_a_session_ends(fork):
    handler = fork(args=["--sessions-max=2"])
    first, second = (greeted(handler.dial("alpha"), "alpha") for _ in range(2))
    third = handler.dial("beta")
    third.send_bytes(b"a NOOP\r\n")
    waits = not third.is_readable(0.7)
    assert waits, f"a session more than allowed: {third.line()!r}"
    assert len(handler.sessions()) == 2
    first.smtp("QUIT")
    greeted(third, "beta")
    assert third.line().startswith("a OK"), "what was said while waiting is lost"
    for session in (first, second, third):
        session.close()
    handler.wait_until_idle()
    assert not overloads(handler, "beta"), "a client that was served counts as sent away"


def test_who_waits_too_long_is_told(fork):
    """On every socket, TCP and Unix, and only who has waited long enough."""
    handler = fork(args=["--sessions-max=1"])
    running = greeted(handler.dial("alpha"), "alpha")
    time.sleep(1)  # what passes before anybody waits is nobody's time
    before = proc.cpu_seconds(handler.pid)
    begun = time.monotonic()
    waiting_ones = [(name, handler.dial(name)) for name in OVERLOAD for _ in range(3)]
    leaving = handler.dial("alpha")
    leaving.reset()
    with concurrent.futures.ThreadPoolExecutor(len(waiting_ones)) as pool:
        told = pool.map(lambda pair: (sent_away(pair[1], pair[0]), time.monotonic()), waiting_ones)
        waited = [when - begun for _, when in told]
    assert PATIENCE_SECONDS - 0.5 < min(waited), f"a client is sent away after {min(waited)} s"
    assert max(waited) < IN_TIME, f"a client waits for {max(waited)} s"
    used = proc.cpu_seconds(handler.pid) - before
    assert used < PATIENCE_SECONDS * IDLE_SHARE, f"waiting takes {used} s of processor time"
    late = handler.dial("beta")
    assert not late.is_readable(1), f"who comes later does not wait: {late.line()!r}"
    for name in OVERLOAD:
        clients = [client_name(session) for other, session in waiting_ones if other == name]
        assert_overload(handler, name, clients)
        assert len(overloads(handler, name)) == 3, f"who had left is told of:\n{handler.log()}"
    assert running.smtp("NOOP")[0].startswith("250"), "the session that runs is disturbed"
    running.smtp("QUIT")
    with greeted(late, "beta"):
        late.imap("a LOGOUT")


def test_leaving_while_waiting_costs_nothing(fork):
    handler = fork(args=["--sessions-max=1"])
    with greeted(handler.dial("alpha"), "alpha"):
        for how in ("close", "reset", "close"):
            getattr(handler.dial("beta"), how)()
    handler.wait_until_idle()
    assert handler.visit("beta").startswith("* OK")
    results = {one.get("RESULT", "insecure") for one in handler.records("beta")}
    assert results <= {"ok", "client-gone", "insecure"}, f"recorded as {results}"


@pytest.mark.parametrize("count", (1, 7))
def test_the_limit_is_exact(fork, count):
    handler = fork(args=[f"--sessions-max={count}"])
    clients = [handler.dial("alpha") for _ in range(count + 3)]
    waiting.until(lambda: sum(one.is_readable(0) for one in clients) >= count, "too few sessions")
    assert len(handler.sessions()) == count
    for client in clients:
        client.close()
    handler.drain("alpha")


# --- the host's


def keeps_one(handler):
    found = proc.descriptors(handler.pid)
    return any(what == "/dev/null" for number, what in found.items() if number > 2)


@contextlib.contextmanager
def descriptors_used_up(handler, allowed=None):
    """The handler may open none beyond those that it has, or beyond fewer than that."""
    # The one that it keeps is had again when a client has been dealt with, not before.
    waiting.until(lambda: keeps_one(handler), "the handler keeps no descriptor for bad times")
    # A session may greet before its parent has closed what is the session's, and files.
    waiting.until(lambda: proc.sleeps(handler.pid), "the handler finds no rest")
    limits = resource.prlimit(handler.pid, resource.RLIMIT_NOFILE)
    used = proc.descriptors(handler.pid)
    first_free = next(number for number in range(len(used) + 1) if number not in used)
    resource.prlimit(handler.pid, resource.RLIMIT_NOFILE, (allowed or first_free, limits[1]))
    yield
    resource.prlimit(handler.pid, resource.RLIMIT_NOFILE, limits)


def assert_bearable(handler, name, clients):
    """All of these are told so, at next to no cost, and the records are few enough to read."""
    before, begun = proc.cpu_seconds(handler.pid), time.monotonic()
    for client in clients:
        sent_away(client, name)
    # And while somebody waits there is no spinning.
    time.sleep(max(0, 1 - (time.monotonic() - begun)))
    used = proc.cpu_seconds(handler.pid) - before
    took = time.monotonic() - begun
    assert used < took * IDLE_SHARE + 0.05, f"{used} s of processor time in {took} s"
    assert len(handler.log().splitlines()) < 4 * len(clients) + 20, handler.log()


@pytest.mark.parametrize("name", OVERLOAD)
def test_no_descriptors_are_left(fork, name):
    handler = fork()
    other = "beta" if name == "alpha" else "alpha"
    with greeted(handler.dial(other), other) as running:
        with descriptors_used_up(handler):
            clients = [handler.dial(name) for _ in range(3)]
            names = [client_name(one) for one in clients]
            assert_bearable(handler, name, clients)
            assert_overload(handler, name, names)
        assert handler.visit(name).startswith(GREETING[name]), "it does not go on by itself"
        assert running.send("a NOOP") is None and running.line(), "the running session suffers"


def test_descriptors_come_and_go(fork):
    handler = fork()
    for _ in range(3):
        with descriptors_used_up(handler):
            sent_away(handler.dial("alpha"), "alpha")
        assert handler.visit("alpha").startswith("220 ")


def test_not_even_the_descriptor_that_is_kept_for_it(fork):
    """Then clients wait, at no cost, until there are some again."""
    handler = fork()
    with descriptors_used_up(handler, allowed=3):
        waits = handler.dial("alpha")
        before = proc.cpu_seconds(handler.pid)
        assert not waits.is_readable(1), f"it is answered {waits.line()!r}"
        used = proc.cpu_seconds(handler.pid) - before
        assert used < IDLE_SHARE, f"waiting takes {used} s of processor time a second"
    greeted(waits, "alpha").close()
    for _ in range(2):
        handler.visit("beta")
    with descriptors_used_up(handler):
        sent_away(handler.dial("alpha"), "alpha")


class Crowd:
    """A user whose processes are as many as RLIMIT_NPROC allows."""

    LIMIT = 12

    def __init__(self):
        # Nobody else's: the limit counts all processes of a user.
        self.uid = random.randrange(100_000, 2_000_000_000)
        self._sleeping = []

    def fill(self):
        for _ in range(self.LIMIT):
            self._sleeping.append(
                subprocess.Popen(["sleep", "300"], user=self.uid, group=self.uid, extra_groups=[])
            )

    def leave(self):
        for one in self._sleeping:
            one.kill()
            one.wait()
        self._sleeping.clear()


@pytest.fixture
def crowd(maildest, three):
    one = Crowd()
    for path in maildest.config.rglob("*"):
        if path.is_file():
            proc.os.chown(path, one.uid, one.uid)
    yield one
    one.leave()


def test_no_process_can_be_made(maildest, crowd):
    sockets = [("alpha", unix(maildest.folder / "alpha")), ("beta", tcp()), ("gamma", tcp())]
    # A sanitizer that looks for leaks would need a process itself.
    handler = ForkingHandler(
        maildest,
        sockets,
        user=crowd.uid,
        limits=f"-u {crowd.LIMIT}",
        environment=sanitizer("detect_leaks=0"),
    )
    assert handler.visit("beta").startswith("* OK")
    crowd.fill()
    clients = [handler.dial("beta") for _ in range(3)]
    names = [client_name(one) for one in clients]
    assert_bearable(handler, "beta", clients)
    assert_overload(handler, "beta", names)
    sent_away(handler.dial("alpha"), "alpha")
    crowd.leave()
    for name in OVERLOAD:
        assert handler.visit(name).startswith(GREETING[name]), "it does not go on by itself"


# --- clients that do not stay


@pytest.mark.parametrize("how", ("close", "reset", "half_close"))
def test_clients_that_left_before_they_were_accepted(fork, maildest, how):
    handler = fork()
    with handler.stopped():
        for name in OVERLOAD:
            for _ in range(10):
                session = handler.dial(name)
                getattr(session, how)()
                session.close()
    for name in OVERLOAD:
        assert handler.visit(name).startswith(GREETING[name])
    handler.wait_until_idle()
    for name in OVERLOAD:
        results = [one["RESULT"] for one in handler.records(name) if not insecure(one)]
        assert results.count("ok") >= 1 and set(results) <= {"ok", "client-gone"}, results
        assert len(results) <= 11, f"{len(results)} records of 11 connections"


def test_a_storm_of_clients_that_reset(fork):
    handler = fork()

    def storm(_):
        for _ in range(25):
            handler.dial("alpha").reset()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(storm, range(4)))
    assert handler.visit("beta").startswith("* OK")
    handler.drain("alpha")
    assert len(proc.descriptors(handler.pid)) < 30, "descriptors of lost clients stay open"


def test_what_comes_before_the_session_is_not_read_by_the_parent(fork, three):
    """Early bytes reach the session, whole and in order."""
    handler = fork()
    with handler.stopped():
        session = handler.dial("alpha")
        session.send_bytes(b"EHLO early\r\nNOOP\r\nQUIT\r\n")
        session.half_close()
    text = session.rest().decode()
    session.close()
    assert re.fullmatch(r"220 .*\r\n(250[- ].*\r\n)+221 .*\r\n", text), f"answered {text!r}"


def test_as_many_sockets_as_a_grouped_unit_has(maildest, three):
    names = list(OVERLOAD) * 100
    handler = ForkingHandler(maildest, [(name, tcp()) for name in names])
    for number in (0, 149, 298, 299):
        assert handler.visit(number).startswith(GREETING[names[number]])
    assert proc.cpu_seconds(handler.pid) < 2
