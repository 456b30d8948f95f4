# SPDX-License-Identifier: Apache-2.0
"""Starting and ending processes, each by its own pid."""

import os
import signal
import subprocess
from pathlib import Path

from . import waiting


class Process:
    """A program that runs until stop(); what it says goes to a log file."""

    def __init__(self, command, log, env=None, cwd=None, **options):
        self.log = Path(log)
        with self.log.open("ab") as out:
            self.child = subprocess.Popen(
                [str(word) for word in command],
                stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=options.pop("stdout", out),
                stderr=out,
                env=env,
                cwd=cwd,
                start_new_session=True,
                **options,
            )

    @property
    def pid(self):
        return self.child.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, condition, what, seconds=20.0):
        """waiting.until, that also notices when the program has ended."""

        def probe():
            if self.child.poll() is not None:
                raise RuntimeError(
                    f"{self.child.args[0]} ended with status {self.child.returncode} "
                    f"while waiting: {what}\n{self.output()}"
                )
            return condition()

        return waiting.until(probe, what, seconds)

    def stop(self, how=signal.SIGTERM, seconds=30.0):
        """Ends the program; its exit status."""
        if self.child.poll() is None:
            self.child.send_signal(how)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        for stream in (self.child.stdin, self.child.stdout):
            if stream:
                stream.close()
        return self.child.returncode


def children(pid):
    """The pids whose parent is this one."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _parent(entry) == pid:
            found.append(int(entry))
    return found


def _parent(entry):
    try:
        stat = Path("/proc", entry, "stat").read_text()
    except OSError:
        return None
    # The name in brackets may hold anything; the parent is the second field after it.
    return int(stat.rpartition(")")[2].split()[1])


def is_running(pid):
    try:
        stat = Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def end(pid, seconds=20.0):
    """Ends a process that is not our child: TERM, then KILL."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, how)
            waiting.until(lambda: not is_running(pid), f"pid {pid} does not end", seconds)
            return
        except ProcessLookupError:
            return
        except TimeoutError:
            continue
