# SPDX-License-Identifier: Apache-2.0
"""maildest sync more than once at a time: what is remembered is that of all."""

import fcntl
import os
import subprocess

from rig import waiting
from rig.maildest import BUILD

PROGRAM = BUILD / "cli" / "maildest"


def start(command):
    environment = command.target.environment() | {"MAILDEST_CONFIG_DIR": str(command.config)}
    return subprocess.Popen(
        [PROGRAM, "sync"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def waits(child):
    """Whether the program sleeps in poll(2), as it does for a lock."""
    return open(f"/proc/{child.pid}/syscall").read().split()[0] in ("7", "73", "271")


def test_one_waits_for_the_other(command):
    command.basic("smtp")
    command.resource("mail", "smtp")
    command("sync")
    state = command.config / ".state"
    (state / "addresses").unlink()
    with open(state / ".lock", "r+") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        child = start(command)
        waiting.until(lambda: waits(child), "it waits for nobody")
        assert not (state / "addresses").exists(), "it writes although another has the lock"
        fcntl.lockf(lock, fcntl.LOCK_UN)
        assert child.wait(30) == 0, child.stdout.read()
    assert (state / "addresses").exists()


def test_many_at_once_all_succeed(command):
    command.basic("smtp")
    for i in range(20):
        command.resource(f"s{i}", "smtp")
        if i % 4:
            continue
        children = [start(command) for _ in range(4)]
        said = [(child.wait(60), child.stdout.read()) for child in children]
        assert [status for status, _ in said] == [0] * 4, said
    rows = (command.config / ".state/addresses").read_text().splitlines()
    assert sum(row.startswith("s") for row in rows) == 17, rows
    assert not [name for name in os.listdir(command.config / ".state") if name.endswith(".new")]
