# SPDX-License-Identifier: Apache-2.0
"""A forking handler as a service: how it begins, tells how it is, and ends."""

import signal
import socket
import time

import pytest

from fakes.fixtures import certificates, maildest, serve  # noqa: F401
from rig import proc, process, waiting
from rig.forking import ForkingHandler, Notifications, tcp

ENDING = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture
def fork(maildest, serve):
    maildest.destination("alpha", serve("smtp"))

    def start(**options):
        return ForkingHandler(maildest, [("alpha", tcp())], **options)

    return start


def greeted(handler):
    session = handler.dial("alpha")
    assert session.line().startswith("220 ")
    return session


def assert_works(session):
    assert session.smtp("EHLO x")[-1].startswith("250 "), "a running session is disturbed"
    assert session.smtp("MAIL FROM:<a@example.com>")[0].startswith("250 ")


def is_refused(handler):
    """Nobody listens any more."""
    try:
        with socket.create_connection(("127.0.0.1", handler.port("alpha")), timeout=5):
            return False
    except ConnectionResetError:
        return False
    except ConnectionRefusedError:
        return True


def assert_deaf(handler):
    waiting.until(lambda: is_refused(handler), "it goes on listening")
    waiting.until(lambda: handler.notifications.all("STOPPING=1"), "STOPPING=1 is not said")


# --- the end


@pytest.mark.parametrize("number", ENDING, ids=lambda one: one.name)
def test_it_ends_when_its_last_session_has(fork, number):
    handler = fork()
    first, second = greeted(handler), greeted(handler)
    handler.signal(number)
    assert_deaf(handler)
    assert_works(first)
    for session in (first, second):
        assert not handler.is_over(), "it does not wait for its sessions"
        session.smtp("QUIT")
        session.close()
    assert handler.wait() == 0
    handler.wait_for_record("alpha", 2, RESULT="ok")


@pytest.mark.parametrize("number", ENDING, ids=lambda one: one.name)
def test_it_ends_at_once_if_nothing_runs(fork, number):
    handler = fork()
    handler.visit("alpha")
    handler.wait_until_idle()
    handler.signal(number)
    assert handler.wait() == 0


def outlives(handler, session, pid):
    """The session goes on without its parent, and is recorded as any other."""
    assert handler.wait() == 0
    assert process.is_running(pid), "the session has ended with its parent"
    assert_works(session)
    session.smtp("QUIT")
    session.close()
    waiting.until(lambda: not process.is_running(pid), "the session does not end")
    handler.wait_for_record("alpha", RESULT="ok")


def test_a_second_signal_ends_it_at_once(fork):
    handler = fork()
    session = greeted(handler)
    pid = handler.session_of()
    handler.signal(signal.SIGTERM)
    assert_deaf(handler)
    time.sleep(0.1)
    assert not handler.is_over()
    handler.signal(signal.SIGTERM)
    outlives(handler, session, pid)


def test_as_a_services_main_process_it_leaves_its_sessions(fork):
    """KillMode=process lets them live; systemd would start no other before this one has ended."""
    handler = fork(environment={"SYSTEMD_EXEC_PID": "self"})
    session = greeted(handler)
    pid = handler.session_of()
    handler.signal(signal.SIGTERM)
    outlives(handler, session, pid)


@pytest.mark.parametrize("pid", ("1", "x", "", "-1"), ids=repr)
def test_someone_elses_main_process_number_means_nothing(fork, pid):
    handler = fork(environment={"SYSTEMD_EXEC_PID": pid})
    session = greeted(handler)
    handler.signal(signal.SIGTERM)
    assert_deaf(handler)
    assert not handler.is_over(), "it does not wait for its session"
    session.smtp("QUIT")
    session.close()
    assert handler.wait() == 0


def test_at_the_limit_it_ends_too(fork):
    handler = fork(args=["--sessions-max=1"])
    session, other = greeted(handler), handler.dial("alpha")
    handler.signal(signal.SIGTERM)
    assert_deaf(handler)
    other.close()
    session.smtp("QUIT")
    session.close()
    assert handler.wait() == 0
    assert len(handler.records("alpha")) <= 2, handler.log()


def test_hanging_up_changes_nothing(fork):
    handler = fork()
    session = greeted(handler)
    for _ in range(3):
        handler.signal(signal.SIGHUP)
    assert_works(session)
    session.smtp("QUIT")
    session.close()
    assert handler.visit("alpha").startswith("220 ")
    assert not handler.is_over()


def test_a_session_outlives_its_killed_parent(fork):
    handler = fork()
    handler.status = -signal.SIGKILL
    session = greeted(handler)
    pid = handler.session_of()
    handler.signal(signal.SIGKILL)
    handler.wait()
    assert_works(session)
    session.smtp("QUIT")
    session.close()
    waiting.until(lambda: not process.is_running(pid), "the session does not end")


def test_another_takes_over_on_the_same_socket(maildest, serve):
    """As systemd restarts a service: the socket stays, and no client is turned away."""
    maildest.destination("alpha", serve("smtp"))
    shared = tcp()
    main = {"SYSTEMD_EXEC_PID": "self"}
    old = ForkingHandler(maildest, [("alpha", shared)], environment=main, keep=True)
    session = greeted(old)
    pid = old.session_of()
    old.signal(signal.SIGTERM)
    assert old.wait() == 0
    early = old.dial("alpha")
    new = ForkingHandler(maildest, [("alpha", shared)], environment=main)
    assert early.line().startswith("220 "), "who came in between is not served"
    early.close()
    outlives(old, session, pid)
    assert new.visit("alpha").startswith("220 ")


# --- what the service manager hears


def test_it_says_how_it_is(fork):
    handler = fork()
    heard = handler.notifications
    assert heard.all("READY=") == ["READY=1"]
    session = greeted(handler)
    waiting.until(lambda: any("1" in one for one in heard.all("STATUS=")), "no STATUS of 1 session")
    session.close()
    waiting.until(lambda: "0" in heard.all("STATUS=")[-1], "no STATUS of no session")
    assert not heard.all("STOPPING="), "it is said to end"
    handler.signal(signal.SIGTERM)
    assert handler.wait() == 0
    waiting.until(lambda: heard.all("STOPPING=") == ["STOPPING=1"], "STOPPING=1 is not said once")
    assert heard.all("READY=") == ["READY=1"], "READY=1 is said again"


WATCHDOG = 0.4


def watchdog(**environment):
    return {"WATCHDOG_USEC": str(int(WATCHDOG * 1e6)), "WATCHDOG_PID": "self"} | environment


def beats(handler, seconds):
    before = len(handler.notifications.all("WATCHDOG=1"))
    time.sleep(seconds)
    return len(handler.notifications.all("WATCHDOG=1")) - before


def is_fed_in_time(handler):
    """For as long as five times are due. The machine may stand still, but not each time."""
    before = len(handler.notifications.all("WATCHDOG=1"))
    if not 4 <= beats(handler, 5 * WATCHDOG / 2 + 0.1) <= 8:
        return False
    times = handler.notifications.times("WATCHDOG=1")[max(0, before - 1) :]
    return max(b - a for a, b in zip(times, times[1:])) < WATCHDOG


def test_the_watchdog_is_fed_in_time(fork):
    handler = fork(environment=watchdog(), args=["--sessions-max=1"])
    waiting.until(lambda: is_fed_in_time(handler), "the watchdog is left alone, or never")
    # Also while nothing else is done: at the limit, with somebody waiting.
    with greeted(handler), handler.dial("alpha"):
        waiting.until(lambda: is_fed_in_time(handler), "it is left alone where somebody waits", 8)
    handler.drain("alpha")


@pytest.mark.parametrize(
    "environment",
    (
        watchdog(WATCHDOG_PID="1"), watchdog(WATCHDOG_USEC="x"), watchdog(WATCHDOG_USEC="0"),
        watchdog(WATCHDOG_USEC="-5"), watchdog(WATCHDOG_USEC="9" * 40), {"WATCHDOG_USEC": ""},
    ),
    ids=lambda one: ",".join(f"{key[9:]}={value[:4]}" for key, value in one.items()),
)  # fmt: skip
def test_no_watchdog_that_is_not_ours(fork, environment):
    handler = fork(environment=environment)
    before = proc.cpu_seconds(handler.pid)
    assert beats(handler, 0.5) == 0
    assert proc.cpu_seconds(handler.pid) - before < 0.1, "it spins"
    assert handler.visit("alpha").startswith("220 ")


def test_the_watchdog_without_a_process_number(fork):
    """sd_watchdog_enabled(3): unset, it is meant for whoever reads it."""
    handler = fork(environment=watchdog(WATCHDOG_PID=None))
    waiting.until(lambda: len(handler.notifications.all("WATCHDOG=1")) >= 3, "it is not fed")


@pytest.mark.parametrize("path", ("/nonexistent/notify", "relative", "", "/" + "x" * 200))
def test_nobody_to_notify(fork, path):
    handler = fork(environment=watchdog(NOTIFY_SOCKET=path), ready=False)
    assert handler.visit("alpha").startswith("220 ")


def test_a_manager_at_an_abstract_address(fork, maildest):
    manager = Notifications(f"@maildest-test-{maildest.folder.name}")
    fork(environment={"NOTIFY_SOCKET": manager.address}, ready=False)
    waiting.until(lambda: manager.all("READY=1"), "READY=1 is not said")
    manager.close()


def test_a_manager_that_does_not_listen_holds_nobody_up(fork, maildest):
    manager = Notifications(maildest.folder / "deaf", deaf=True)
    manager.fill()
    handler = fork(environment=watchdog(NOTIFY_SOCKET=manager.address), ready=False)
    for _ in range(5):
        assert handler.visit("alpha").startswith("220 ")
    time.sleep(WATCHDOG)
    assert handler.visit("alpha").startswith("220 ")
    handler.signal(signal.SIGTERM)
    assert handler.wait() == 0
    manager.close()


def test_idle_it_costs_nothing(fork):
    handler = fork()
    handler.visit("alpha")
    handler.wait_until_idle()
    before = proc.cpu_seconds(handler.pid)
    time.sleep(1)
    assert proc.cpu_seconds(handler.pid) - before < 0.03, "an idle handler uses the processor"
