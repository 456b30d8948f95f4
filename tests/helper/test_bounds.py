# SPDX-License-Identifier: Apache-2.0
"""Limits that a peer or a program beside the helper could make it overstep."""

import fcntl
import json
import os
import subprocess
import time

from helper_process import Helper
from token_service import error_reply, token_reply

MESSAGE_MAX = 256 * 1024


def status_bytes(helper):
    """The reply to Status as it came."""
    caller = helper.caller()
    caller.send("Status")
    while b"\0" not in caller.buffer:
        caller.buffer += caller.socket.recv(65536)
    caller.close()
    return caller.buffer


LONG = "mail" + "l" * 192  # the rest of a name is a number


def ask_for(helper, number, name=LONG, tenant="t" * 63):
    caller = helper.caller()
    for i in range(number):
        caller = helper.caller().open(f"{name}{i:04}", tenant=tenant)
        caller.send("GetToken")
        caller.receive()
        caller.close()


def test_status_of_few_tells_reasons_in_full(helper, service):
    service.reply = error_reply(400, "invalid_client", "\u00e4" * 300)
    helper.destination(service.url(), name=f"{LONG}0000")
    ask_for(helper, 1)
    status = json.loads(status_bytes(helper)[:-1])["parameters"]
    assert status["tokens_left_out"] == 0
    assert status["tokens"][0]["reason"].count("\u00e4") == 300


def test_status_of_a_thousand_is_one_message(helper, service):
    """With reasons that JSON escapes, in letters of two bytes, and the longest names."""
    service.reply = error_reply(400, "invalid_client", "\\\u00e4\"" * 200)
    for i in range(1000):
        helper.destination(service.url(), name=f"{LONG}{i:04}", clientSecret="canary")
    ask_for(helper, 1000)
    reply = status_bytes(helper)
    assert MESSAGE_MAX / 2 < len(reply) < MESSAGE_MAX
    status = json.loads(reply[:-1])["parameters"]
    assert len(status["tokens"]) + status["tokens_left_out"] == 1000
    assert status["tokens_left_out"] > 0
    assert status["tokens"][0]["destination"] == f"{LONG}0999"  # the last one asked for
    assert all(token["reason"].endswith("...") for token in status["tokens"])


def test_status_of_a_thousand_that_are_well_is_complete(helper, service):
    service.reply = token_reply()
    for i in range(1000):
        helper.destination(service.url(), name=f"mail{i:04}", clientSecret="canary-secret")
    ask_for(helper, 1000, "mail", "t")
    reply = status_bytes(helper)
    status = json.loads(reply[:-1])["parameters"]
    assert len(status["tokens"]) == 1000 and status["tokens_left_out"] == 0


def test_lock_that_nobody_gives_back_ends_the_start_with_a_reason(folder):
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    start = time.monotonic()
    result = subprocess.run(
        [Helper.program(), f"--helper-socket={folder}/helper.sock"], capture_output=True,
        env={"MAILDEST_LOG_TARGET": "stderr"}, timeout=30, check=False)
    os.close(lock)
    assert result.returncode == 1
    assert b"keeps its folder locked" in result.stderr
    assert 1 < time.monotonic() - start < 20


def test_lock_that_is_given_back_is_waited_for(make_helper, folder):
    helper = make_helper()
    os.mkdir(f"{folder}/run")
    holder = subprocess.Popen(["flock", f"{folder}/run", "sh", "-c", "echo; sleep 0.5"],
                              stdout=subprocess.PIPE)
    assert holder.stdout.read(1) == b"\n"
    helper.start()
    assert holder.poll() == 0 or holder.wait(5) == 0
    holder.stdout.close()
    assert "tokens" in helper.status()


def test_messages_that_do_not_end_have_a_limit_together(helper, service):
    """Each within its own; those that end are answered before and after."""
    helper.destination(service.url())
    callers = []
    for _ in range(64 * 1024 * 1024 // MESSAGE_MAX + 16):
        caller = helper.caller().open()
        caller.socket.settimeout(20)
        try:
            caller.socket.sendall(b"{" * (MESSAGE_MAX - 4096))
        except (BrokenPipeError, ConnectionResetError):
            caller.close()
            break
        callers.append(caller)
    assert len(callers) * MESSAGE_MAX > 60 << 20, "so few bytes are no flood"
    assert "error" not in helper.get_token()
    for caller in callers:
        caller.close()
    assert "hold too many unfinished messages" in helper.final_log()
