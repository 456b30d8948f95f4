# SPDX-License-Identifier: Apache-2.0
"""Who may connect: programs of users that may, and of users that may not, in every mode."""

import grp
import pwd
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from rig import destinations, process
from rig.forking import ForkingHandler, tcp, unix
from rig.maildest import SANITIZERS
from rig.ports import free_port
from rig.visitor import visit

# Users that every system has: the first one's group may connect.
MEMBER, STRANGER = pwd.getpwnam("daemon"), pwd.getpwnam("bin")
GROUP = grp.getgrgid(MEMBER.pw_gid)
LIMITED = f"--clients=group:{GROUP.gr_name}"

REFUSED = "554 5.7.1 access refused"
# Past the door; nobody listens where the destination is.
LET_IN = "421 4.4.1 "


@pytest.fixture
def public():
    """A folder whose sockets other users can reach."""
    path = Path(tempfile.mkdtemp(prefix="maildest-public-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def add_destination(maildest, name="smtp"):
    keys = destinations.mail(
        "smtp", free_port(), "u@example.com", Authentication="BasicAuthentication",
        **{"mail.password": "Geheim-4711"},
    )  # fmt: skip
    maildest.add_destination(name, keys)


def listen_unix(maildest, path, options):
    """As maildest.listen(), at a path."""
    keep = [f"-E{key}" for key in (*SANITIZERS, "MAILDEST_LOG_TARGET")]
    listener = process.Process(
        [
            "systemd-socket-activate", "--accept", "--inetd", *keep, "-l", path,
            maildest.handler()[0], *maildest.options(), *options, "smtp",
        ],
        maildest.logs / "smtp.log",
        env=maildest.environment(),
    )  # fmt: skip
    listener.wait_for(path.exists, "no socket")
    path.chmod(0o666)
    return listener


@pytest.fixture(params=["connection", "forking"])
def serve(request, maildest, public):
    """serve(*options) opens a port and a path for a destination: both addresses."""
    started = []

    def begin(*options):
        add_destination(maildest)
        path = public / "smtp.sock"
        if request.param == "forking":
            port = tcp()
            sockets = [("tcp", port), ("unix", unix(path))]
            number = port.getsockname()[1]
            ForkingHandler(maildest, sockets, destination="smtp", args=options)
            return number, path
        number = maildest.listen("smtp", options=options)
        started.append(listen_unix(maildest, path, options))
        return number, path

    yield begin
    for one in started:
        one.stop()


def test_members_and_strangers(serve):
    port, path = serve(LIMITED)
    assert visit(port, MEMBER.pw_uid).startswith(LET_IN)
    assert visit(port, 0).startswith(LET_IN)
    assert visit(port, STRANGER.pw_uid).startswith(REFUSED)
    assert visit(port, STRANGER.pw_uid, [GROUP.gr_gid]).startswith(REFUSED), (
        "on TCP the user database counts"
    )
    assert visit(path, MEMBER.pw_uid).startswith(LET_IN)
    assert visit(path, STRANGER.pw_uid, [GROUP.gr_gid]).startswith(LET_IN)
    assert visit(path, STRANGER.pw_uid).startswith(REFUSED)
    assert visit(path, 0).startswith(LET_IN)


def test_everyone(serve):
    port, path = serve("--clients=everyone")
    for address in (port, path):
        assert visit(address, STRANGER.pw_uid).startswith(LET_IN)
        assert visit(address, 61234).startswith(LET_IN), "not even an account is needed"


def test_only_root(serve):
    port, path = serve("--clients=root")
    for address in (port, path):
        assert visit(address, MEMBER.pw_uid).startswith(REFUSED)
        assert visit(address, 0).startswith(LET_IN)


def test_the_group_that_nobody_made(serve):
    """Without any setting it is maildest-clients, and without that group root alone."""
    port, path = serve("--clients=group:maildest-no-such")
    for address in (port, path):
        assert visit(address, MEMBER.pw_uid).startswith(REFUSED)
        assert visit(address, 0).startswith(LET_IN)


@pytest.mark.parametrize(
    ("setting", "reply"),
    [
        ("everyone", LET_IN), (GROUP.gr_name, LET_IN), ("bin", REFUSED), (None, REFUSED)
    ],
)  # fmt: skip
def test_what_the_settings_say(maildest, serve, setting, reply):
    if setting:
        maildest.write("maildest.conf", f"Clients={setting}\n")
    port, path = serve()
    for address in (port, path):
        assert visit(address, MEMBER.pw_uid).startswith(reply)
        assert visit(address, 0).startswith(LET_IN)


def test_who_sends_and_closes_at_once_is_not_root(maildest):
    """The kernel shows uid 0 for a socket that nobody has open any more."""
    add_destination(maildest)
    listener = tcp()
    port = listener.getsockname()[1]
    handler = ForkingHandler(maildest, [("tcp", listener)], destination="smtp", args=[LIMITED])
    with handler.stopped():  # so that they are gone when it looks
        visit(port, STRANGER.pw_uid, manner="hit-and-run")
        visit(port, MEMBER.pw_uid, manner="hit-and-run")
    for number in (1, 2):
        record = handler.wait_for_end("smtp", number, RESULT="access")
        assert "no process of this host" in record["MESSAGE"], record


def test_the_journal_says_who_and_what_to_do(maildest):
    add_destination(maildest)
    listener = tcp()
    port = listener.getsockname()[1]
    handler = ForkingHandler(maildest, [("tcp", listener)], destination="smtp", args=[LIMITED])
    assert visit(port, STRANGER.pw_uid).startswith(REFUSED)
    record = handler.wait_for_end("smtp", RESULT="access", SERVICE="smtp")
    assert f"uid {STRANGER.pw_uid} ({STRANGER.pw_name})" in record["MESSAGE"], record
    assert f"usermod -aG {GROUP.gr_name} {STRANGER.pw_name}" in record["MESSAGE"], record


def test_the_handlers_own_user_may(maildest):
    maildest.folder.chmod(0o755)
    add_destination(maildest)
    maildest.config.chmod(0o755)
    shutil.chown(maildest.config / "destinations" / "smtp.json", group=MEMBER.pw_gid)
    (maildest.config / "destinations").chmod(0o755)
    listener = tcp()
    port = listener.getsockname()[1]
    ForkingHandler(
        maildest, [("tcp", listener)], destination="smtp", args=["--clients=root"],
        user=MEMBER.pw_uid,
    )  # fmt: skip
    assert not visit(port, MEMBER.pw_uid).startswith(REFUSED)
    assert visit(port, STRANGER.pw_uid).startswith(REFUSED)


def test_a_port_for_both_families(maildest):
    """An IPv4 client of an IPv6 socket is found in the kernel's table like any other."""
    add_destination(maildest)
    listener = socket.create_server(
        ("::", 0), family=socket.AF_INET6, dualstack_ipv6=True
    )  # fmt: skip
    port = listener.getsockname()[1]
    ForkingHandler(maildest, [("tcp", listener)], destination="smtp", args=[LIMITED])
    assert visit(port, MEMBER.pw_uid).startswith(LET_IN)
    assert visit(port, STRANGER.pw_uid).startswith(REFUSED)
