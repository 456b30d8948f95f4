# SPDX-License-Identifier: Apache-2.0
"""How the helper begins and ends, its sockets, and whom it serves."""

import os
import pwd
import resource
import signal
import socket
import stat
import subprocess
import sys

import pytest

from helper_process import Caller, Helper, is_sanitized

NOBODY = pwd.getpwnam("nobody").pw_uid


def connect_as(uid, path):
    """What another user gets: b'' for a connection that is closed without a word."""
    script = ("import os, socket, sys\n"
              "os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))\n"
              "s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[2])\n"
              "try:\n    s.send(b'{\"method\":\"org.varlink.service.GetInfo\"}\\0')\n"
              "    sys.stdout.buffer.write(s.recv(100))\n"
              "except (BrokenPipeError, ConnectionError):\n    pass\n")
    return subprocess.run([sys.executable, "-c", script, str(uid), path],
                          capture_output=True, timeout=30, check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_wrong_user_is_refused_with_a_record(helper):
    os.chmod(helper.path, 0o666)
    for _ in range(3):
        result = connect_as(NOBODY, helper.path)
        assert result.returncode == 0 and result.stdout == b""
    assert helper.status()["refused_connections"] == 3
    log = helper.final_log()
    assert f"MAILDEST_PEER_UID={NOBODY}" in log and "may not ask" in log


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_socket_file_itself_keeps_others_out(helper):
    mode = os.stat(helper.path)
    assert stat.S_IMODE(mode.st_mode) == 0o660
    assert b"PermissionError" in connect_as(NOBODY, helper.path).stderr


def test_socket_folder_is_made_and_the_socket_removed_at_the_end(make_helper, folder):
    helper = make_helper()
    helper.path = f"{folder}/deep/er/helper.sock"
    helper.start()
    assert stat.S_IMODE(os.stat(f"{folder}/deep/er").st_mode) == 0o755
    assert helper.serves()
    assert helper.stop() == 0
    assert not os.path.exists(helper.path)


def run_second(helper):
    return subprocess.run(
        [helper.program(), f"--helper-socket={helper.path}"], capture_output=True, timeout=30,
        env={"MAILDEST_LOG_TARGET": "stderr"}, check=False)


def test_second_helper_does_not_take_a_live_socket(helper):
    result = run_second(helper)
    assert result.returncode == 1
    assert b"Address already in use" in result.stderr
    assert helper.serves()


def test_stale_socket_is_taken_over_after_a_kill(make_helper, service):
    helper = make_helper().start()
    helper.destination(service.url())
    helper.stop(signal.SIGKILL)
    assert os.path.exists(helper.path)
    helper.start()
    assert "error" not in helper.get_token()


def test_file_that_is_no_socket_is_left_alone(make_helper):
    helper = make_helper()
    os.mkdir(os.path.dirname(helper.path))
    with open(helper.path, "w", encoding="ascii") as f:
        f.write("precious")
    result = run_second(helper)
    assert result.returncode == 1 and b"File exists" in result.stderr
    with open(helper.path, encoding="ascii") as f:
        assert f.read() == "precious"


def unix_listener(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    return listener


PASS = ["bash", "-c", 'LISTEN_PID=$$ LISTEN_FDS=2 exec "${@:3}" 3<&"$1" 4<&"$2"', "bash"]


def test_sockets_from_the_service_manager(make_helper, folder):
    helper = make_helper()
    paths = [f"{folder}/one.sock", f"{folder}/two.sock"]
    listeners = [unix_listener(path) for path in paths]
    numbers = [listener.fileno() for listener in listeners]
    helper.start(program=[*PASS, *map(str, numbers), helper.program()], pass_fds=numbers)
    for path in paths:
        assert "error" not in Caller(path).call("org.varlink.service.GetInfo")
    assert not os.path.exists(helper.path)
    assert helper.stop() == 0
    assert all(os.path.exists(path) for path in paths)


def other_socket(kind):
    if kind == "tcp":
        return socket.create_server(("127.0.0.1", 0))
    if kind == "datagram":
        return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    return socket.socketpair()[0]


@pytest.mark.parametrize("kind", ["tcp", "datagram", "connected"])
def test_other_descriptors_from_the_service_manager_are_closed(make_helper, folder, kind):
    helper = make_helper()
    good, bad = unix_listener(f"{folder}/good.sock"), other_socket(kind)
    numbers = [good.fileno(), bad.fileno()]
    helper.start(program=[*PASS, *map(str, numbers), helper.program()], pass_fds=numbers)
    assert "error" not in Caller(f"{folder}/good.sock").call("org.varlink.service.GetInfo")
    assert not os.path.exists(helper.path)
    assert helper.final_log().count("Closed descriptor 4, given by the service manager") == 1


def test_nothing_but_other_descriptors_ends_the_start_with_a_reason():
    bad = [other_socket("tcp"), other_socket("datagram")]
    numbers = [one.fileno() for one in bad]
    result = subprocess.run(
        [*PASS, *map(str, numbers), Helper.program()], pass_fds=numbers, capture_output=True,
        env={"PATH": os.environ["PATH"], "MAILDEST_LOG_TARGET": "stderr"}, timeout=30,
        check=False)
    assert result.returncode == 1
    assert b"the service manager gave no Unix stream socket" in result.stderr


def test_stops_when_calls_under_way_have_ended(helper, service):
    helper.destination(service.url())
    service.gate.clear()
    caller = helper.caller().open()
    caller.send("GetToken")
    assert service.arrived.acquire(timeout=20)
    helper.process.send_signal(signal.SIGTERM)
    assert helper.notified("STOPPING=1")
    service.gate.set()
    assert "access_token" in caller.receive()["parameters"]
    assert helper.process.wait(20) == 0


def test_stops_in_time_whatever_is_under_way(helper, service):
    helper.destination(service.url())
    service.gate.clear()
    caller = helper.caller().open()
    caller.send("GetToken")
    assert service.arrived.acquire(timeout=20)
    assert helper.stop(signal.SIGINT) == 0


def test_hangup_is_ignored(helper):
    helper.process.send_signal(signal.SIGHUP)
    assert helper.serves()


def test_tells_the_service_manager_how_it_is(make_helper, service):
    helper = make_helper(environment={"WATCHDOG_USEC": "500000"}).start()
    helper.destination(service.url())
    assert "error" not in helper.get_token()
    assert helper.notified("WATCHDOG=1")
    assert helper.notified("STATUS=1 token, ")
    helper.destination(service.url(), name="bad")
    service.reply = (500, {}, "")
    helper.get_token("bad")
    status = helper.notified("STATUS=1 token, 0 sessions, last")
    assert status == "STATUS=1 token, 0 sessions, last failure: bad: HTTP status 500, no JSON object"


@pytest.mark.release
def test_process_cannot_be_dumped_and_its_memory_is_locked(helper):
    pid = helper.process.pid
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        core = next(line for line in f if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        locked = next(line for line in f if line.startswith("VmLck"))
    if os.geteuid() == 0 and not is_sanitized():
        assert int(locked.split()[1]) > 1000


@pytest.mark.release
@pytest.mark.skipif(os.geteuid() != 0 or is_sanitized(),
                    reason="needs root; a leak check cannot trace a process of another user")
def test_serves_its_own_user_and_root_without_privileges(make_helper, service, folder):
    helper = make_helper(user="nobody")
    helper.destination(service.url())
    for path, folders, files in os.walk(folder):
        for name in [".", *folders, *files]:
            os.chown(os.path.join(path, name), NOBODY, -1)
    limit = lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 23, 1 << 23))
    helper.start(preexec=limit)
    assert "error" not in helper.get_token()
    assert os.stat(f"/proc/{helper.process.pid}/environ").st_uid == 0, (
        "other processes of its user may look into it (PR_SET_DUMPABLE)"
    )
    assert connect_as(NOBODY, helper.path).stdout.startswith(b'{"parameters"')
    assert "RLIMIT_MEMLOCK is too low" in helper.final_log()


@pytest.mark.parametrize("arguments, status, text", [
    (["--help"], 0, b"--helper-socket=PATH"),
    (["--version"], 0, b"maildest-helper "),
    (["--nonsense"], 2, b""),
    (["argument"], 2, b""),
    (["--helper-socket=relative"], 1, b""),
    (["--helper-socket=/" + "x" * 200], 1, b""),
])
def test_options(arguments, status, text):
    result = subprocess.run([Helper.program(), *arguments], capture_output=True, timeout=30,
                            env={"MAILDEST_LOG_TARGET": "stderr"}, check=False)
    assert result.returncode == status
    assert text in result.stdout
    assert bool(result.stderr) == (status != 0)
