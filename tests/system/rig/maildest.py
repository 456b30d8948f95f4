# SPDX-License-Identifier: Apache-2.0
"""maildest itself, run as an administrator runs it by hand, and what must always hold for it."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from . import destinations, process, waiting
from .ports import free_port
from .secrets import ProcessWatcher, find

REPOSITORY = Path(__file__).resolve().parents[3]
ANCHORS = ("SSL_CERT_DIR", "SSL_CERT_FILE")
BUILD = Path(os.environ.get("MAILDEST_BUILD", REPOSITORY / "build"))

# How long a session whose client has left may take to end by itself.
GRACE = 3.0

# A test's own library may stand before the sanitizer's.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:abort_on_error=0:exitcode=99"
    ":verify_asan_link_order=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
}
SANITIZER_REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|Sanitizer: CHECK")
# What systemd-socket-activate says when one of its handlers begins and when it has ended.
CHILD_BEGAN = re.compile(r"^Spawned .* as PID (\d+)\.$", re.M)
CHILD_ENDED = re.compile(r"^Child (\d+) died with code (\d+)$", re.M)
# How keys of a destination end that hold a secret.
SECRETS = ("mail.password", "socks.password", "clientSecret")
# A log record in its readable form: <priority>program: text [FIELD=value FIELD="a value"]
RECORD = re.compile(r"^<(\d)>[\w-]+: (.*) \[([A-Z_]+=.*)\]$")
FIELD = re.compile(r'([A-Z_]+)=("[^"]*"|\S*)')


def _all_ended(listener):
    text = listener.output()
    ended = {pid for pid, _ in CHILD_ENDED.findall(text)}
    return ended >= set(CHILD_BEGAN.findall(text))


def parse_record(line):
    """A record's fields without their prefix, and its PRIORITY and MESSAGE; None if it is none."""
    match = RECORD.match(line)
    if not match:
        return None
    priority, text, fields = match.groups()
    record = {
        name.removeprefix("MAILDEST_"): value.strip('"') for name, value in FIELD.findall(fields)
    }
    return record | {"PRIORITY": int(priority), "MESSAGE": text}


class Records:
    """The session records in a log; log(name) is its text, as far as it is about a destination."""

    def records(self, name):
        """The session records of a destination's handlers, oldest first, as dictionaries."""
        found = [parse_record(line) for line in self.log(name).splitlines()]
        return [one for one in found if one and one.get("DESTINATION") == name]

    def all_records(self, name):
        """The same as they stand in the log."""
        return [line for line in self.log(name).splitlines() if parse_record(line)]

    def ends(self, name):
        """The records of sessions that are over, without the warnings before."""
        return [one for one in self.records(name) if "RESULT" in one]

    def wait_for_end(self, name, count=1, **wanted):
        """As wait_for_record, of sessions that may have warned before."""
        return self._wait(self.ends, name, count, wanted)

    def wait_for_record(self, name, count=1, **wanted):
        """Waits until `count` sessions have their record; the last one has these fields."""
        return self._wait(self.records, name, count, wanted)

    def _wait(self, records, name, count, wanted):
        try:
            waiting.until(lambda: len(records(name)) >= count, "no record")
        except TimeoutError:
            raise AssertionError(f"session {count} left no record in:\n{self.log(name)}") from None
        record = records(name)[count - 1]
        for field, value in wanted.items():
            assert record.get(field) == value, f"{field} is not {value!r} in the record {record}"
        return record


class Maildest(Records):
    """A configuration folder, a helper, and one listening socket for each destination."""

    def __init__(self, folder, authority=None, build=BUILD):
        self.folder = Path(folder)
        self.build = Path(build)
        self.config = self.folder / "config"
        self.socket = self.folder / "helper.sock"
        self.logs = self.folder / "logs"
        self.state = self.folder / "state"
        self.helper = None
        self.secrets = []
        self.watcher = ProcessWatcher()
        self.forking = []  # handlers in forking mode, see forking.py
        self._listeners = {}
        for name in ("destinations", "certificates", "secrets"):
            (self.config / name).mkdir(parents=True, mode=0o750)
        self.logs.mkdir()
        self.state.mkdir(mode=0o700)
        if authority:
            shutil.copy(
                authority.certificate, self.config / "certificates" / destinations.TRUST_ANCHOR
            )

    # --- configuration

    def write(self, path, text, mode=0o640):
        """A file below the configuration folder."""
        file = self.config / path
        file.touch(mode=mode)
        file.chmod(mode)
        file.write_text(text)
        return file

    def add_destination(self, name, keys):
        self.secrets += [value for key, value in keys.items() if value and key.endswith(SECRETS)]
        text = json.dumps({"Name": name, **keys}, indent=2)
        return self.write(f"destinations/{name}.json", text)

    # --- processes

    def _program(self, name):
        return self.build / name.removeprefix("maildest-") / name

    def handler(self, user=None):
        """The command that is the handler; other users need a copy that they can reach."""
        program = self._program("maildest-handler")
        if not user:
            return [program]
        copy = self.folder / "maildest-handler"
        if not copy.exists():
            shutil.copy(program, copy)
        return [copy]

    def options(self):
        return [f"--config-dir={self.config}", f"--helper-socket={self.socket}"]

    def _log(self, name):
        return self.logs / f"{name}.log"

    def environment(self):
        """As a service manager would set it, which knows nothing of whose anchors we believe."""
        ours = {name: value for name, value in os.environ.items() if name not in ANCHORS}
        return ours | SANITIZERS | {"MAILDEST_LOG_TARGET": "stderr"}

    def start_helper(self):
        """Starts the helper, as a service manager would, with a folder to keep its state in."""
        self.helper = process.Process(
            [self._program("maildest-helper"), *self.options()],
            self._log("helper"),
            env=self.environment() | {"STATE_DIRECTORY": str(self.state)},
        )
        self.watcher.watch(self.helper.pid)
        self.helper.wait_for(self._helper_answers, "the helper does not listen")
        return self.helper

    def _helper_answers(self):
        if not self.socket.exists():
            return False
        with waiting.socket.socket(waiting.socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop_helper(self, how=signal.SIGTERM):
        """Ends the helper; its exit status."""
        return self.helper.stop(how)

    def listen(self, name, port=None, options=()):
        """Opens a port for a destination with systemd-socket-activate; the port."""
        port = port or free_port()
        keep = [f"-E{key}" for key in (*SANITIZERS, "MAILDEST_LOG_TARGET")]
        listener = process.Process(
            [
                "systemd-socket-activate", "--accept", "--inetd", *keep,
                "-l", f"127.0.0.1:{port}",
                self._program("maildest-handler"), *self.options(), *options, name,
            ],
            self._log(name),
            env=self.environment(),
        )  # fmt: skip
        self._listeners.setdefault(name, []).append(listener)
        self.watcher.watch(listener.pid)
        # Not by connecting: that would be a session already.
        listener.wait_for(
            lambda: f"Listening on 127.0.0.1:{port}" in listener.output(),
            f"no socket for {name}",
        )
        return port

    def serve(self, name, keys):
        """Writes a destination and opens a port for it; starts the helper if there is none."""
        self.add_destination(name, keys)
        if not self.helper:
            self.start_helper()
        return self.listen(name)

    def check(self, name, timeout=60):
        """Runs `maildest-handler --check NAME`."""
        return self.run("maildest-handler", *self.options(), "--check", name, timeout=timeout)

    def run(self, program, *words, **options):
        done = subprocess.run(
            [str(self._program(program)), *words],
            capture_output=True,
            text=True,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            **options,
        )
        with self._log("by-hand").open("a") as log:
            log.write(done.stdout + done.stderr)
        return done

    def handlers(self, name):
        """The pids of a destination's running sessions."""
        return [pid for one in self._listeners[name] for pid in process.children(one.pid)]

    def listener(self, name):
        return self._listeners[name][-1]

    # --- what was logged

    def log(self, name):
        path = self._log(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def all_logs(self):
        return {path.name: path.read_text(errors="replace") for path in self.logs.glob("*.log")}

    # --- the end

    def stop(self):
        """Ends everything we started."""
        for handler in self.forking:
            handler.stop()
        for listeners in self._listeners.values():
            for listener in listeners:
                # A session that is over may still look for leaks: its exit status counts.
                with contextlib.suppress(TimeoutError):
                    waiting.until(lambda one=listener: _all_ended(one), "sessions", GRACE)
                sessions = process.children(listener.pid)
                listener.stop()
                for pid in sessions:
                    process.end(pid)
        if self.helper:
            self.helper.stop()
        self.watcher.stop()

    def assert_clean(self):
        """No sanitizer report, no crash, no secret in a log, command line or environment."""
        logs = self.all_logs()
        for name, text in logs.items():
            assert not SANITIZER_REPORT.search(text), f"a sanitizer reports in {name}:\n{text}"
            for pid, code in CHILD_ENDED.findall(text):
                assert code == "0", f"handler {pid} ended with {code}, see {name}:\n{text}"
        for handler in self.forking:
            handler.assert_clean()
        assert not self.helper or self.helper.child.returncode in (0, -signal.SIGKILL), (
            f"the helper ended with {self.helper.child.returncode}:\n{self.log('helper')}"
        )
        for places in (logs, self.watcher.seen):
            leaks = find(self.secrets, places)
            assert not leaks, f"a secret stands in clear: {leaks}"
