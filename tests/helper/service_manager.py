# SPDX-License-Identifier: Apache-2.0
"""What systemd is to the helper: keeps its socket and its descriptors, and brings it back.

It stands between a test and the program: a socket for sd_notify(3), a store of descriptors by
name (FDSTORE=1, FDNAME=, FDSTOREREMOVE=1), and a restart 100 ms after each death, with the
listening socket and the stored descriptors as sd_listen_fds_with_names(3) wants them.
"""

import array
import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

RESTART_SECONDS = 0.1
SOCKET_NAME = "maildest-helper.socket"
TIMEOUT = 20
# Puts each descriptor at its place, then becomes the program under the pid it says.
LAUNCH = """
to=3
for from in $STORED; do eval "exec $to<&$from $from<&-"; to=$((to + 1)); done
unset STORED
LISTEN_PID=$$ exec "$@"
"""
# Above all that the programs open for themselves.
HIGH = 200


def notification(data):
    """KEY=value lines as pairs."""
    return [line.partition("=")[::2] for line in data.decode().splitlines()]


class Store:
    """Descriptors by name, oldest first; a name may occur more than once."""

    def __init__(self, limit):
        self.limit = limit
        self.items = []  # (name, descriptor)
        self.pushes = 0
        self.most = 0  # held at once

    def add(self, name, descriptor):
        if len(self.items) >= self.limit:
            os.close(descriptor)
            return
        self.items.append((name, descriptor))
        self.pushes += 1
        self.most = max(self.most, len(self.items))

    def remove(self, name):
        for item in [item for item in self.items if item[0] == name]:
            self.items.remove(item)
            os.close(item[1])

    def names(self):
        return [name for name, _ in self.items]

    def contents(self, position=-1):
        """The bytes of a stored memory file."""
        descriptor = self.items[position][1]
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)

    def clear(self):
        for name in set(self.names()):
            self.remove(name)


class ServiceManager:
    """Runs one program with a listening Unix socket until stop()."""

    def __init__(self, command, path, folder, environment=None, store_limit=4):
        self.command = [str(word) for word in command]
        self.path = str(path)
        self.environment = environment or {}
        self.store = Store(store_limit)
        self.keep = lambda pairs: True  # a test may lose messages, as if never sent
        self.log = b""
        self.starts = 0
        self.deaths = []  # exit statuses, as subprocess has them
        self.process = None
        self.ready = threading.Event()
        self.wanted = True
        self.held = threading.Event()  # clear: stays dead
        self.held.set()
        self.attentive = threading.Event()  # clear: nothing is read from the program while it lives
        self.attentive.set()
        self.said = []  # all messages that were read, as pairs
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(4096)
        self.notify_path = f"{folder}/manager"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.notify.setblocking(False)
        self.notify.bind(self.notify_path)
        self.lock = threading.RLock()
        self.threads = []

    def start(self):
        self.launch()
        return self.wait_ready()

    def launch(self):
        """Starts without waiting for it to be ready."""
        self.threads = [threading.Thread(target=self._supervise, daemon=True),
                        threading.Thread(target=self._listen, daemon=True)]
        for thread in self.threads:
            thread.start()

    def wait_ready(self):
        assert self.ready.wait(TIMEOUT), f"the helper does not start:\n{self.log.decode()}"
        return self

    # --- what the program says

    def _listen(self):
        while self.wanted:
            if not self.attentive.wait(0.05):
                continue
            if select.select([self.notify], [], [], 0.05)[0]:
                with self.lock:
                    if self.attentive.is_set():
                        self._drain()

    def overload(self):
        """Reads no more, and fills the queue until there is no room for any message."""
        with self.lock:
            self.attentive.clear()
        sent = 1
        while sent:  # one sender may run out of buffer before the queue is full
            sent = 0
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, \
                    contextlib.suppress(BlockingIOError):
                sender.setblocking(False)
                while True:
                    sender.sendto(b"X_FILLER=1", self.notify_path)
                    sent += 1

    def read_one(self):
        """Makes room for one message; to be used while overloaded."""
        with self.lock:
            self._receive()

    def _receive(self):
        data, ancillary, _, _ = self.notify.recvmsg(65536, socket.CMSG_SPACE(16))
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(content)
        self._handle(notification(data), list(descriptors))

    def _handle(self, pairs, descriptors):
        message = dict(pairs)
        self.said.append(message)
        if not self.keep(pairs):
            message = {}
        if message.get("READY") == "1":
            self.ready.set()
        name = message.get("FDNAME", "stored")
        assert name.isascii() and name.isprintable() and ":" not in name and len(name) <= 255
        if message.get("FDSTOREREMOVE") == "1":
            self.store.remove(name)
        for descriptor in descriptors:
            if message.get("FDSTORE") == "1":
                self.store.add(name, descriptor)
            else:
                os.close(descriptor)

    def _drain(self):
        """What was said before death counts: systemd reads it before it reaps."""
        with self.lock, contextlib.suppress(BlockingIOError):
            while True:
                self._receive()

    # --- its lives

    def _spawn(self):
        given = [(SOCKET_NAME, self.listener.fileno()), *self.store.items]
        copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH) for _, fd in given]
        environment = self.environment | {
            "NOTIFY_SOCKET": self.notify_path, "LISTEN_FDS": str(len(given)),
            "LISTEN_FDNAMES": ":".join(name for name, _ in given),
            "STORED": " ".join(map(str, copies)), "PATH": os.environ["PATH"],
        }
        try:
            return subprocess.Popen(
                ["bash", "-c", LAUNCH, "bash", *self.command], env=environment,
                pass_fds=copies, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE)
        finally:
            for copy in copies:
                os.close(copy)

    def _supervise(self):
        while self.wanted:
            self.held.wait()
            with self.lock:
                if not self.wanted:
                    return
                self.process = self._spawn()
                self.starts += 1
            for block in iter(lambda: os.read(self.process.stderr.fileno(), 65536), b""):
                self.log += block
            status = self.process.wait()
            self.process.stderr.close()
            with self.lock:
                self._drain()
                self.ready.clear()
                self.deaths.append(status)
            if self.wanted:
                time.sleep(RESTART_SECONDS)

    def kill(self, number=signal.SIGKILL):
        """Ends the program, which comes back by itself; returns once it is dead."""
        before = len(self.deaths)
        with self.lock:
            self.process.send_signal(number)
        end = time.monotonic() + TIMEOUT
        while len(self.deaths) == before:
            assert time.monotonic() < end, "the helper does not die"
            time.sleep(0.001)

    def restart(self, number=signal.SIGKILL, while_dead=None):
        """Ends the program and waits for its next life; `while_dead` is called in between."""
        self.held.clear()
        self.kill(number)
        if while_dead:
            while_dead()
        self.held.set()
        return self.wait_ready()

    def wait_for(self, condition, what):
        end = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < end, f"{what}\n{self.log.decode()}"
            time.sleep(0.002)

    def records(self, pattern):
        """Waits for a record that matches; all that do, as re.findall() has them."""
        self.wait_for(lambda: re.search(pattern, self.log.decode()), f"no record of {pattern}")
        return re.findall(pattern, self.log.decode())

    def stop(self):
        """Ends the program for good; its exit status."""
        self.wanted = False
        self.held.set()
        with self.lock:
            if self.process and self.process.poll() is None:
                self.process.terminate()
        for thread in self.threads:
            thread.join(TIMEOUT)
        self.store.clear()
        self.listener.close()
        self.notify.close()
        return self.deaths[-1] if self.deaths else None
