# SPDX-License-Identifier: Apache-2.0
"""Whoever takes a session over, by what client or server sends, finds himself behind walls."""

import errno
import re
import socket
import subprocess
from pathlib import Path

import pytest

from rig import intruder, proc, waiting
from rig.dialogue import Dialogue
from rig.forking import ForkingHandler, tcp
from rig.intruder import AT_FDCWD, Killed

# Builds with sanitizers have no walls.
pytestmark = pytest.mark.release
INTRUDER = pytest.mark.skipif(not intruder.AVAILABLE, reason="knows x86-64 only")
NOBODY = 65534
FILTERS = {"login": 1, "relay": 2}
O_WRONLY_CREAT = 0o101
PROT_CODE, MAP_ANONYMOUS_PRIVATE = 5, 0x22


@pytest.fixture(params=("alone", "forked"))
def open_session(request, scene):
    """Sessions in either mode, before the login (with a client's grant) or in the relay."""

    def begin(phase, protocol="smtp"):
        grant = "OAuth2RefreshToken" if phase == "login" else "OAuth2ClientCredentials"
        keys = scene.keys(protocol, grant)
        if request.param == "forked":
            return Forked(scene, protocol, keys, phase)
        return Alone(scene, protocol, keys, phase)

    return begin


class Session:
    """One session that is held in a phase, its process, and who started it."""

    def _hold(self, dialogue, phase):
        self.dialogue = dialogue
        assert dialogue.smtp()[0].startswith("220 "), "no greeting"
        last = "NOOP" if phase == "login" else "MAIL FROM:<a@example.com>"
        for command in ("EHLO c", last):
            assert dialogue.smtp(command)[-1].startswith("250"), f"no answer to {command}"

    def status(self, name):
        text = Path(f"/proc/{self.pid}/status").read_text()
        return re.search(rf"^{name}:\s+(\S+)$", text, re.M)[1]

    def leave(self):
        self.dialogue.send("QUIT")
        self.dialogue.rest()
        self.dialogue.close()


class Alone(Session):
    def __init__(self, scene, protocol, keys, phase):
        port = scene.maildest.serve(protocol, keys)
        self._hold(Dialogue(port), phase)
        (self.pid,) = scene.maildest.handlers(protocol)


class Forked(Session):
    def __init__(self, scene, protocol, keys, phase):
        scene.maildest.add_destination(protocol, keys)
        scene.maildest.start_helper()
        self.handler = ForkingHandler(scene.maildest, [(protocol, tcp())])
        self._hold(self.handler.dial(protocol), phase)
        self.pid = self.handler.session_of()


@pytest.mark.parametrize("phase", FILTERS)
def test_switches_and_limits(open_session, phase):
    session = open_session(phase)
    assert session.status("NoNewPrivs") == "1", "it may gain privileges"
    assert session.status("Seccomp") == "2", "no system call is filtered"
    assert int(session.status("Seccomp_filters")) >= FILTERS[phase], "a filter is missing"
    limits = Path(f"/proc/{session.pid}/limits").read_text()
    for name, value in (
        ("core file size", 0), ("processes", 0), ("open files", 64), ("address space", 512 << 20),
    ):  # fmt: skip
        assert re.search(rf"^Max {name}\s+{value}\s+{value} ", limits, re.M), f"{name}:\n{limits}"
    session.leave()


@pytest.mark.parametrize("phase", FILTERS)
def test_nothing_more_than_its_connections_is_open(open_session, phase):
    session = open_session(phase)
    found = proc.descriptors(session.pid)
    sockets = [what for what in found.values() if what.startswith("socket:")]
    others = {n: what for n, what in found.items() if n > 2 and not what.startswith("socket:")}
    assert not others, f"{others} is open"
    # client and server, which may be standard input and output too; before the login, the helper
    assert len(set(sockets)) == (3 if phase == "login" else 2), f"{found} is open"
    session.leave()


def attempts(config, fd):
    """Label, call, arguments, what comes of it before the login, and in the relay."""
    address = socket.AF_UNIX.to_bytes(2, "little") + b"/run/maildest/helper.sock\0"
    secret, new = config / "destinations" / "smtp.json", config / "maildest.conf"
    eperm, eacces, dead = -errno.EPERM, -errno.EACCES, "killed"
    return (
        ("read a destination", "openat", (AT_FDCWD, secret, 0), eacces, eperm),
        ("read /etc/shadow", "openat", (AT_FDCWD, "/etc/shadow", 0), eacces, eperm),
        ("read /proc/self/environ", "openat", (AT_FDCWD, "/proc/self/environ", 0), eacces, eperm),
        ("write a file", "openat", (AT_FDCWD, new, O_WRONLY_CREAT, 0o600), eperm, eperm),
        ("make a folder", "mkdir", ("/tmp/maildest-walls", 0o700), eperm, eperm),
        ("remove a destination", "unlink", (secret,), eperm, eperm),
        ("make a Unix socket", "socket", (socket.AF_UNIX, 1, 0), eperm, eperm),
        ("make a UDP socket", "socket", (socket.AF_INET, 2, 0), eperm, eperm),
        ("connect to the helper", "connect", (fd, address, len(address)), eperm, eperm),
        ("send elsewhere", "sendto", (fd, address, 1, 0, address, len(address)), eperm, eperm),
        ("duplicate a descriptor", "dup", (fd,), eperm, eperm),
        ("become dumpable", "prctl", (4, 1, 0, 0, 0), eperm, eperm),
        ("go on", "getpid", (), True, True),
        ("make a TCP socket", "socket", (socket.AF_INET, 1, 6), True, eperm),
        ("execute a program", "execve", ("/bin/true", 0, 0), dead, dead),
        ("fork", "fork", (), dead, dead),
        ("trace another process", "ptrace", (16, 1, 0, 0), dead, dead),
        ("signal another process", "kill", (1, 0), dead, dead),
        ("map code", "mmap", (0, 4096, PROT_CODE, MAP_ANONYMOUS_PRIVATE, -1, 0), dead, dead),
        ("make a file in memory", "memfd_create", ("x", 0), dead, dead),
        ("set up io_uring", "io_uring_setup", (1, 0), dead, dead),
        ("ask for keys", "keyctl", (0, 0, 0, 0, 0), dead, dead),
        ("listen", "listen", (fd, 1), dead, dead),
    )


def outcome(one, call, arguments):
    try:
        return one.call(call, *arguments)
    except Killed as death:
        assert death.args[0].name == "SIGSYS", f"it died of {death}"
        return "killed"


@INTRUDER
@pytest.mark.parametrize("phase", FILTERS)
def test_an_intruder_reaches_nothing(open_session, scene, phase):
    """All that fails, in a session that then goes on and ends well."""
    session = open_session(phase)
    with intruder.intruder(session.pid) as one:
        for label, call, arguments, login, relay in attempts(scene.maildest.config, 0):
            wanted = login if phase == "login" else relay
            if wanted == "killed":
                continue
            got = outcome(one, call, arguments)
            if wanted is True:
                assert got > 0, f"to {label}: {got}"
            else:
                assert got == wanted, f"to {label}: {got} instead of {wanted}"
    assert session.dialogue.smtp("NOOP")[-1].startswith("250"), "the session does not go on"
    session.leave()


@INTRUDER
@pytest.mark.parametrize("phase", FILTERS)
def test_a_hostile_call_ends_the_session_and_is_said(scene, phase):
    """The kernel ends it at once, others go on, and the journal knows."""
    grant = "OAuth2RefreshToken" if phase == "login" else "OAuth2ClientCredentials"
    scene.maildest.add_destination("smtp", scene.keys("smtp", grant))
    scene.maildest.start_helper()
    handler = ForkingHandler(scene.maildest, [("smtp", tcp())])
    for label, call, arguments, login, relay in attempts(scene.maildest.config, 0):
        if "killed" not in (login, relay):
            continue
        before = handler.sessions()
        with handler.dial("smtp") as dialogue:
            assert dialogue.smtp()[0].startswith("220 ")
            assert dialogue.smtp("EHLO c")[-1].startswith("250")
            if phase == "relay":
                dialogue.smtp("MAIL FROM:<a@example.com>")
            handler.deaths.append("killed")
            with intruder.intruder(handler.session_of(before)) as one:
                assert outcome(one, call, arguments) == "killed", f"it may {label}"
            assert dialogue.rest() == b"", "the client is told something"
        handler.wait_until_idle()
    waiting.until(lambda: len(handler.ended_badly()) == len(handler.deaths), "no record of it")
    said = [text for text in handler.said(3) if "a system call that no session makes" in text]
    assert len(said) == len(handler.deaths), f"{len(said)} of them are explained"
    handler.visit("smtp")


# --- who looks from outside


def run_as(user, *words):
    return subprocess.run(
        ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *words],
        capture_output=True, text=True)  # fmt: skip


def test_its_own_user_cannot_look_into_it(scene):
    scene.maildest.folder.chmod(0o755)
    for path in scene.maildest.config.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    keys = scene.keys("smtp", "NoAuthentication")
    scene.maildest.add_destination("smtp", keys).chmod(0o644)
    handler = ForkingHandler(scene.maildest, [("smtp", tcp())], user=NOBODY)
    with handler.dial("smtp") as dialogue:
        dialogue.smtp()
        for pid in (handler.pid, handler.session_of()):
            for name in ("environ", "maps", "fd/0"):
                done = run_as(NOBODY, "cat", f"/proc/{pid}/{name}")
                assert "Permission denied" in done.stderr, f"{name} shows {done.stdout!r}"
            assert run_as(NOBODY, "cat", f"/proc/{pid}/cmdline").stdout, "no title is shown"
        dialogue.smtp("QUIT")


# --- hosts without


WITHOUT = """#!/usr/bin/python3 -I
import ctypes, os, struct, sys
load, equal, give, refuse, allow = 0x20, 0x15, 0x06, 0x00050000, 0x7FFF0000
code = [(load, 0, 0, 0), (equal, 0, 1, {call}), (give, 0, 0, refuse | {error}), (give, 0, 0, allow)]
text = b"".join(struct.pack("HBBI", *one) for one in code)
buffer = ctypes.create_string_buffer(text)
program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(buffer))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.create_string_buffer(program), 0, 0):
    sys.exit("no filter of system calls can be had")
os.execv({program!r}, sys.argv)
"""
LANDLOCK_CREATE_RULESET, SECCOMP = 444, 317
LACKS = {
    "no-landlock": (LANDLOCK_CREATE_RULESET, errno.ENOSYS, "Landlock"),
    "landlock-off": (LANDLOCK_CREATE_RULESET, errno.EOPNOTSUPP, "Landlock"),
    "landlock-forbidden": (LANDLOCK_CREATE_RULESET, errno.EPERM, "Landlock"),
    "no-seccomp": (SECCOMP, errno.EPERM, "filter of system calls"),
}


@pytest.fixture(params=LACKS)
def lacking(request, scene):
    """A handler on a host that forbids one of the two; what its warning names."""
    call, error, name = LACKS[request.param]
    if intruder.platform.machine() != "x86_64" and call == SECCOMP:
        call = 277
    maildest = scene.maildest
    real = maildest._program("maildest-handler")
    wrapper = maildest.folder / "maildest-handler"
    wrapper.write_text(WITHOUT.format(call=call, error=error, program=str(real)))
    wrapper.chmod(0o755)
    others = maildest._program
    maildest._program = lambda name: wrapper if name == "maildest-handler" else others(name)
    return name


def warnings(records):
    return [one for one in records if "UNCONFINED" in one["MESSAGE"]]


def test_each_session_says_what_is_lacking(scene, lacking):
    port = scene.serve("smtp")
    for count in (1, 2):
        with Dialogue(port) as session:
            assert session.smtp()[0].startswith("220 ")
            session.smtp("QUIT")
        scene.maildest.wait_for_end("smtp", count, RESULT="ok")
        said = warnings(scene.maildest.records("smtp"))
        assert len(said) == count, f"{len(said)} warnings of {count} sessions"
        assert lacking in said[-1]["MESSAGE"] and said[-1]["PRIORITY"] == 4


def test_a_parent_says_it_once(scene, lacking):
    scene.maildest.add_destination("smtp", scene.keys("smtp"))
    scene.maildest.start_helper()
    handler = ForkingHandler(scene.maildest, [("smtp", tcp())])
    for _ in range(3):
        assert handler.visit("smtp").startswith("220 ")
    said = [text for text in handler.said(4) if lacking in text]
    assert len(said) == 1 and "RequireSandbox=" in said[0], f"said: {handler.said(4)}"


@pytest.mark.parametrize("mode", ("alone", "forked"))
def test_required_walls_that_are_lacking_refuse(scene, lacking, mode):
    scene.maildest.write("maildest.conf", "RequireSandbox=yes\n")
    scene.maildest.add_destination("smtp", scene.keys("smtp"))
    scene.maildest.start_helper()
    if mode == "forked":
        records = handler = ForkingHandler(scene.maildest, [("smtp", tcp())])
        dialogue = handler.dial("smtp")
    else:
        records = scene.maildest
        dialogue = Dialogue(scene.maildest.listen("smtp"))
    with dialogue:
        assert dialogue.smtp()[0].startswith("421 4.3.5 ")
    message = records.wait_for_end("smtp", RESULT="configuration")["MESSAGE"]
    assert "RequireSandbox=yes" in message and lacking in message


def test_required_walls_that_are_there_serve(scene):
    scene.maildest.write("maildest.conf", "RequireSandbox=yes\n")
    port = scene.serve("smtp")
    with Dialogue(port) as session:
        assert session.smtp()[0].startswith("220 ")
        session.smtp("QUIT")
    scene.maildest.wait_for_end("smtp", RESULT="ok")
    assert not warnings(scene.maildest.records("smtp")), "a wall is said to be lacking"
    done = scene.maildest.check("smtp")
    assert done.returncode == 0 and re.search(r"ms\s+closing the walls\s+ok", done.stdout)


# --- trust anchors, which are read behind the first walls


def hashed(folder, certificate):
    """How OpenSSL looks the certificate up in a folder."""
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-subject_hash", "-in", certificate],
        check=True, capture_output=True, text=True)  # fmt: skip
    return folder / f"{done.stdout.strip()}.0"


@pytest.mark.parametrize("place", ("in-the-folder", "linked-within", "linked-elsewhere"))
def test_hashed_trust_anchors(scene, place):
    folder, elsewhere = scene.maildest.folder / "anchors", scene.maildest.folder / "elsewhere"
    certificate = Path(scene.world.authority.certificate).read_bytes()
    for one in (folder, elsewhere):
        one.mkdir()
    link = hashed(folder, scene.world.authority.certificate)
    target = (folder if place == "linked-within" else elsewhere) / "ca.pem"
    target.write_bytes(certificate)
    if place == "in-the-folder":
        link.write_bytes(certificate)
    else:
        link.symlink_to(target)
    keys = scene.keys("smtp", "BasicAuthentication")
    del keys["TrustStoreLocation"]
    scene.maildest.add_destination("smtp", keys)
    scene.maildest.start_helper()
    handler = ForkingHandler(
        scene.maildest, [("smtp", tcp())], environment={"SSL_CERT_DIR": str(folder)})
    greeting = handler.visit("smtp")
    if place == "linked-elsewhere":
        assert greeting.startswith("421 4.7.5 ")
        message = handler.wait_for_end("smtp", RESULT="certificate")["MESSAGE"]
        assert "is a link to where no session may read" in message
    else:
        assert greeting.startswith("220 ")
