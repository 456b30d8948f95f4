# SPDX-License-Identifier: Apache-2.0
"""Nobody waits for ever: of all who cannot be served, each is told so in time."""

import concurrent.futures
import contextlib
import threading
import time

import pytest

from fakes.fixtures import certificates, maildest, serve  # noqa: F401
from fakes.journal import Journal
from rig import waiting
from rig.forking import ForkingHandler, sanitizer, tcp, unix, visit
from test_forking_limits import (  # noqa: F401
    GREETING, IN_TIME, OVERLOAD, PATIENCE_SECONDS, assert_overload, client_name, crowd,
    descriptors_used_up, fork, greeted, sent_away, three,
)  # fmt: skip

# More than one turn's worth, and than the journal's queue has room for.
MANY = 300
# Sockets: more than are looked at in one go (64), few enough for all to be served in time.
MORE_THAN_ONE_GO = 80
# So many clients of a service come again and again.
FLOOD = 12
# How often a session ends where they come and go.
STAY_SECONDS = 1
# Between two records that a busy journal takes.
JOURNAL_PAUSE = 0.00025


def silent_ones(clients):
    """Those of the clients that have not heard a word."""
    return [one for one in clients if not one.is_readable(0)]


def assert_all_hear(clients, begun):
    """Within the time that anybody may wait since then."""
    with contextlib.suppress(TimeoutError):
        left = begun + IN_TIME - time.monotonic()
        waiting.until(lambda: not silent_ones(clients), "a word for all", left)
    silent = len(silent_ones(clients))
    assert not silent, f"{silent} of {len(clients)} hear nothing for {IN_TIME} s"


def stay(handler, begun):
    """A client that stays for a while once it is served: whether it is, and when it heard."""
    with handler.dial("alpha") as session:
        line = session.line()
        heard = time.monotonic() - begun
        if not line.startswith("220 "):
            return False, heard
        assert not session.is_readable(STAY_SECONDS), "a session ends before its client"
        session.smtp("QUIT")
        return True, heard


def test_sessions_that_end_do_not_prolong_the_wait(fork):
    """There is always somebody who has just been served."""
    handler = fork(args=["--sessions-max=1"])
    count, begun = 2 * IN_TIME, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        told = list(pool.map(lambda _: stay(handler, begun), range(count)))
    latest = max(heard for _, heard in told)
    assert latest < IN_TIME, f"somebody waits for {latest:.1f} s without a word"
    away = [heard for served, heard in told if not served]
    assert away, "all could be served: this says nothing"
    assert min(away) > PATIENCE_SECONDS - 0.5, f"one is sent away after {min(away):.1f} s"


@contextlib.contextmanager
def flooded(handler, name):
    """One service has more clients than it can ever serve; yields its sessions so far."""
    over = threading.Event()
    served = []

    def come_again():
        while not over.is_set():
            with contextlib.suppress(ConnectionError):
                served.append(handler.visit(name))

    with concurrent.futures.ThreadPoolExecutor(FLOOD) as pool:
        runs = [pool.submit(come_again) for _ in range(FLOOD)]
        try:
            yield served
        finally:
            over.set()
    for run in runs:
        run.result()


def visit_in_time(handler, name):
    """A whole session, or the words in place of one: the first line."""
    client = handler.dial(name)
    assert client.is_readable(IN_TIME), f"a client of {name} hears nothing for {IN_TIME} s"
    return visit(client)


@pytest.mark.parametrize("name", OVERLOAD)
def test_a_flooded_service_leaves_the_others_their_turns(fork, name):
    """Also where there is one turn at a time, and the flood is always there before."""
    handler = fork(args=["--sessions-max=1"])
    other = "beta" if name == "alpha" else "alpha"
    with flooded(handler, name) as flood:
        waiting.until(lambda: len(flood) > FLOOD, "the flood does not begin")
        before = len(flood)
        lines = [visit_in_time(handler, other) for _ in range(3)]
        meanwhile = len(flood) - before
    served = [line for line in lines if line.startswith(GREETING[other])]
    assert served, f"{other} has no turn, while {name} has {meanwhile}: {lines}"


@pytest.fixture
def journal(maildest):
    here = Journal(maildest.folder / "journal", JOURNAL_PAUSE)
    program = maildest.handler()
    maildest.handler = lambda user=None: here.before(program)
    yield here
    here.stop()


def test_however_many_wait(fork, journal):
    """All are told at the same time, and the journal has the reason of each."""
    handler = fork(args=["--sessions-max=1"], environment={"MAILDEST_LOG_TARGET": "journal"})
    with greeted(handler.dial("alpha"), "alpha") as running:
        begun = time.monotonic()
        clients = [(name, handler.dial(name)) for name in OVERLOAD for _ in range(MANY // 3)]
        names = {client_name(client) for _, client in clients}
        assert_all_hear([client for _, client in clients], begun)
        for name, client in clients:
            sent_away(client, name)
            client.close()
        with contextlib.suppress(TimeoutError):
            waiting.until(lambda: len(journal.of_result("overload")) >= MANY, "records")
        recorded = [one["MAILDEST_CLIENT"] for one in journal.of_result("overload")]
        lost = len(names - set(recorded))
        assert not lost, f"{lost} of {MANY} who were told of the journal are not in it"
        assert len(recorded) == MANY, f"{len(recorded)} records of {MANY} clients"
        running.smtp("QUIT")
    assert handler.visit("beta").startswith("* OK"), "it does not go on"


def turns(handler):
    """How many sessions there have been."""
    return sum(one["RESULT"] == "ok" for name in OVERLOAD for one in handler.ends(name))


def visit_in_turn(handler, number, sockets):
    """visit_in_time(), and again where so many had no turn each in the time that there was."""
    while True:
        before = turns(handler)
        line = visit_in_time(handler, number)
        if line.startswith(tuple(GREETING.values())) or turns(handler) - before >= sockets:
            return line


def test_every_socket_has_its_turn(maildest, three):
    """Also where more of them are ready than are looked at in one go."""
    names = [("alpha", "beta")[number % 2] for number in range(MORE_THAN_ONE_GO)]
    sockets = [(name, tcp()) for name in names]
    handler = ForkingHandler(maildest, sockets, args=["--sessions-max=2"])
    with flooded(handler, 0), flooded(handler, 1):
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            others = range(2, len(names))
            count = len(names)
            lines = list(pool.map(lambda number: visit_in_turn(handler, number, count), others))
    for name, line in zip(names[2:], lines):
        assert line.startswith(GREETING[name]), f"one of {name} is told {line!r}"


# --- a shortage that lasts

# Told one by one, while it is hoped to pass, these would wait far longer.
MORE = 150


def assert_all_are_told(handler, others=()):
    """Whoever comes to each of the services now, and these others."""
    begun = time.monotonic()
    clients = {name: [handler.dial(name) for _ in range(MORE // 3)] for name in OVERLOAD}
    assert_all_hear(sum(clients.values(), [*others]), begun)
    for name, own in clients.items():
        assert_overload(handler, name, {client_name(client) for client in own})
        for client in own:
            sent_away(client, name)
            client.close()


def assert_goes_on(handler):
    for name in OVERLOAD:
        line = handler.visit(name)
        assert line.startswith(GREETING[name]), f"it does not go on by itself: {line!r}"


def test_no_process_for_long(maildest, crowd):
    """With a Unix socket too, of which the kernel does not tell how many wait."""
    handler = ForkingHandler(
        maildest,
        [("beta", unix(maildest.folder / "unix")), *((name, tcp()) for name in OVERLOAD)],
        user=crowd.uid,
        limits=f"-u {crowd.LIMIT}",
        # A sanitizer that looks for leaks would need a process itself.
        environment=sanitizer("detect_leaks=0"),
    )
    crowd.fill()
    others = [handler.dial(0) for _ in range(MORE // 3)]
    assert_all_are_told(handler, others)
    for client in others:
        sent_away(client, "beta")
        client.close()
    crowd.leave()
    assert_goes_on(handler)


def test_no_descriptor_for_long(fork):
    handler = fork()
    with descriptors_used_up(handler):
        assert_all_are_told(handler)
    assert_goes_on(handler)
