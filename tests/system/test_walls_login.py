# SPDX-License-Identifier: Apache-2.0
"""Whoever takes a session over while its server is heard: he may dial that server and nobody else."""

import errno
import socket
import struct
from pathlib import Path

import pytest

from fakes.fixtures import certificates, maildest, serve, shim, tokens  # noqa: F401
from rig import intruder, proc, waiting
from rig.intruder import Killed

pytestmark = [
    pytest.mark.release,  # builds with sanitizers have no walls
    pytest.mark.skipif(not intruder.AVAILABLE, reason="knows x86-64 only"),
]
STEPS = ("GREETING", "EHLO", "HANDSHAKE", "AUTH")
POLL, PPOLL = "7", "271"
# Addresses that a session has left lie between these two, one each 256 bytes.
LOWEST, HIGHEST, STRIDE = 1 << 32, 2 << 32, 256
AI_ADDR = 24  # in a struct addrinfo
READ_WRITE, PRIVATE, FIXED, MAY_MOVE = 3, 0x22, 0x10, 1


def ipv4(port):
    """A struct sockaddr_in of this host."""
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, b"\x7f\0\0\x01")


def pinned(pid):
    """Where the addresses lie that the process may connect to, and who may write there."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        bounds, rights = line.split()[:2]
        start = int(bounds.split("-")[0], 16)
        if LOWEST <= start < HIGHEST:
            return start, rights
    return None, ""


@pytest.fixture(params=("password", "token"))
def hold(request, maildest, serve, tokens):  # noqa: F811
    """A session whose server says nothing from some step on; a token's login may be tried twice."""

    def begin(step):
        oauth = tokens.url() if request.param == "token" else None
        mechanism = "XOAUTH2" if oauth else "PLAIN"
        server = serve("smtp", hold=(step,), mechanisms=(mechanism,))
        maildest.destination("smtp", server, oauth=oauth)
        maildest.start_helper()
        session = maildest.connect("smtp")
        server.wait_for(step)
        wait_till_it_waits(session)
        return server, session

    return begin


def wait_till_it_waits(session):
    call = Path(f"/proc/{session.process.pid}/syscall")
    waiting.until(lambda: call.read_text().split()[0] in (POLL, PPOLL), "the handler never waits")


@pytest.mark.parametrize("step", STEPS)
def test_a_hostile_server_leads_to_itself_alone(hold, step):
    """The session then goes on, as all that was refused has changed nothing."""
    server, session = hold(step)
    pid, eperm = session.process.pid, -errno.EPERM
    place, rights = pinned(pid)
    assert rights == "r--p", f"the addresses that it has left are {rights or 'nowhere'}"
    open_before = proc.descriptors(pid)
    with socket.create_server(("127.0.0.1", 0)) as stranger, intruder.intruder(pid) as one:
        stranger.setblocking(False)
        fd = one.call("socket", socket.AF_INET, socket.SOCK_STREAM, 0)
        assert fd > 0, f"no socket to try with: {fd}"
        for label, address in (
            ("somebody else", ipv4(stranger.getsockname()[1])),
            ("the server by a copy of its address", ipv4(server.port)),
            ("nobody, so that it can be connected anew", bytes(16)),
        ):
            for number in (fd, *(n for n, what in open_before.items() if "socket:" in what)):
                got = one.call("connect", number, address, len(address))
                assert got == eperm, f"descriptor {number} to {label}: {got}"
        with pytest.raises(BlockingIOError):
            stranger.accept()
        (address,) = struct.unpack("Q", one.read(place + AI_ADDR, 8))
        assert one.call("connect", fd, address + STRIDE, 16) == 0, "its server is out of reach"
        assert one.call("connect", fd, address + 4, 16) == eperm, "a part of an address counts"
    server.release()
    assert session.smtp().startswith("220 "), session.process.output()
    assert pinned(pid) == (place, rights), "what was pinned does not stay"
    session.smtp("QUIT")
    session.close()
    assert session.record()["RESULT"] == "ok"


def test_no_two_sessions_have_them_at_one_place(maildest, serve):  # noqa: F811
    """What a name server answers lies where nobody knows."""
    server = serve("smtp", hold=("GREETING",))
    maildest.destination("smtp", server)
    sessions = [maildest.connect("smtp") for _ in range(3)]
    waiting.until(lambda: len(server.connections) == 3, "no connection comes")
    places = {pinned(session.process.pid)[0] for session in sessions}
    assert len(places) == 3 and None not in places, f"they lie at {places}"


ATTEMPTS = {
    "make it writable": ("mprotect", 4096, READ_WRITE),
    "unmap it": ("munmap", 4096),
    "map over it": ("mmap", 4096, READ_WRITE, PRIVATE | FIXED, -1, 0),
    "move it away": ("mremap", 4096, 8192, MAY_MOVE),
}


@pytest.mark.parametrize("how", ATTEMPTS)
def test_what_is_pinned_stays_what_it_is(maildest, serve, how):  # noqa: F811
    """The kernel ends who tries to have other bytes there."""
    server = serve("smtp", hold=("GREETING",))
    maildest.destination("smtp", server)
    session = maildest.connect("smtp")
    server.wait_for("GREETING")
    wait_till_it_waits(session)
    place, _ = pinned(session.process.pid)
    call, *others = ATTEMPTS[how]
    with intruder.intruder(session.process.pid) as one, pytest.raises(Killed) as death:
        one.call(call, place, *others)
    assert death.value.args[0].name == "SIGSYS", f"it died of {death.value}"
    assert session.rest() == "", "the client is told something"
    maildest.sessions.remove(session)
    session.close()


# --- a library that has started a thread


def test_a_librarys_thread_is_said(maildest, serve, shim):  # noqa: F811
    """Landlock binds the one thread that asks for it; the session goes on, as without Landlock."""
    maildest.destination("smtp", serve("smtp"))
    session = maildest.connect("smtp", env=shim.environment(THREAD=1))
    assert session.smtp().startswith("220 "), session.process.output()
    status = Path(f"/proc/{session.process.pid}/task")
    states = [(one / "status").read_text() for one in status.iterdir()]
    assert len(states) == 2, "there is no thread"
    assert all("\nSeccomp:\t2\n" in one for one in states), "a thread may call anything"
    session.smtp("QUIT")
    session.close()
    said = [one["MESSAGE"] for one in session.records() if "UNCONFINED" in one["MESSAGE"]]
    assert len(said) == 1 and "started a thread" in said[0], f"said: {said}"


def test_a_librarys_thread_is_a_lack(maildest, serve, shim):  # noqa: F811
    maildest.write("maildest.conf", "RequireSandbox=yes\n")
    maildest.destination("smtp", serve("smtp"))
    session = maildest.connect("smtp", env=shim.environment(THREAD=1))
    maildest.assert_refused(session, "smtp", "configuration", "started a thread")
    session = maildest.connect("smtp", env=shim.environment())
    assert session.smtp().startswith("220 "), session.process.output()
