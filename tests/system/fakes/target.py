# SPDX-License-Identifier: Apache-2.0
"""Sessions of the real handler, started one by one on a connection that the test holds."""

import re
import socket
import struct
import subprocess
import threading
import time

from rig import destinations, waiting
from rig.maildest import BUILD, SANITIZER_REPORT, Maildest, parse_record
from rig.process import Process
from rig.secrets import find

PASSWORD = "marker-password-8f3a61c0d5"
CLIENT_SECRET = "marker-client-secret-27b9e4"
TOKEN = "marker-access-token-91c7f2ab"
USER = "someone@example.com"
NOBODY = 65534
PATIENCE = 20
# Without waiting for the 25 s that a login may take, on however busy a machine.
SOON = 15
SANITIZED = b"__asan_init" in (BUILD / "handler" / "maildest-handler").read_bytes()

# MAILDEST_RESULT -> the enhanced code behind its class, and the level in the journal
CLASSES = {
    "configuration": ("3.5", 3),
    "helper": ("3.0", 3),
    "token": ("7.0", None),
    "resolve": ("4.3", 4),
    "certificate": ("7.5", 3),
    "login": ("7.0", 3),
    "server": ("3.2", 4),
    "capability": ("3.3", 3),
    "protocol": ("5.0", 4),
    "connect": ("4.1", 4),
    "disconnected": ("4.2", 4),
    "timeout": ("4.2", 4),
    "client-refused": ("7.1", 4),
    "client-errors": ("7.0", 4),
}
FOR_GOOD = ("client-refused",)
IMAP_WITHOUT_CODE = ("client-refused", "client-errors")
POP3_CODES = {"client-refused": r"\[SYS/PERM\] ", "client-errors": ""}


def refusal_pattern(protocol, result):
    """What a client must be told for a MAILDEST_RESULT: one line, with the session's id."""
    end = r"[^\r\n]+ \(session (?P<session>[0-9a-f]{12})\)\r\n"
    if protocol.startswith("imap"):
        code = "" if result in IMAP_WITHOUT_CODE else r"\[UNAVAILABLE\] "
        return rf"\* BYE {code}{end}"
    if protocol.startswith("pop3"):
        return "-ERR " + POP3_CODES.get(result, r"\[SYS/TEMP\] ") + end
    code = "554 5" if result in FOR_GOOD else "421 4"
    return rf"{code}\.{re.escape(CLASSES[result][0])} {end}"


class Session:
    """A client's end of one handler: TCP on loopback, and the handler's process."""

    def __init__(self, target, name, before=None, env=None, user=None, args=()):
        """before(session) runs when the connection stands and the handler does not yet."""
        self.target = target
        self.name = name
        self.got = b""
        self.log = target.logs / f"session-{len(target.sessions)}.log"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.socket = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
        self.socket.settimeout(PATIENCE + 10)
        if before:
            before(self)
        options = {"user": user, "group": user, "extra_groups": []} if user else {}
        with accepted:
            self.process = Process(
                [*target.handler(user), *target.options(), *args, name],
                self.log,
                env=target.environment() | (env or {}),
                stdin=accepted,
                stdout=accepted,
                **options,
            )
        target.sessions.append(self)
        # At once: most sessions are over before the watcher's next look.
        target.watcher.sample(self.process.pid)

    # --- the dialogue

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """The next line with its end; what there is of it if the connection ends."""
        line = b""
        while not line.endswith(b"\n"):
            byte = self.socket.recv(1)
            if not byte:
                break
            line += byte
        self.got += line
        return line.decode(errors="replace")

    def smtp(self, line=None):
        """Sends a command or nothing; the reply's last line."""
        if line is not None:
            self.send(line + "\r\n")
        while (got := self.line())[3:4] == "-":
            pass
        return got

    def imap(self, command):
        """Sends a tagged command; its tagged answer, or a BYE that the command did not ask for."""
        self.send(command + "\r\n")
        tag, verb = command.split()[:2]
        ends = (f"{tag} ",) if verb == "LOGOUT" else (f"{tag} ", "* BYE")
        while (got := self.line()) and not got.startswith(ends):
            pass
        return got

    def pop3(self, line=None):
        """Sends a command or nothing; the reply's one line."""
        if line is not None:
            self.send(line + "\r\n")
        return self.line()

    def rest(self):
        """All that comes until the handler ends the connection."""
        data = b""
        try:
            while block := self.socket.recv(65536):
                data += block
        except ConnectionError:
            pass
        self.got += data
        return data.decode(errors="replace")

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def watch_memory(self):
        return Memory(self.process.pid)

    # --- the end

    def is_over(self):
        return self.process.child.poll() is not None

    def wait(self, seconds=PATIENCE):
        """Waits until the handler has ended, which must be with status 0."""
        waiting.until(self.is_over, f"the handler of {self.name} does not end", seconds)
        self.target.sessions_text[self.log.name] = self.got.decode(errors="replace")
        log = self.process.output()
        assert self.process.child.returncode == 0, f"status {self.process.child.returncode}:\n{log}"
        assert not SANITIZER_REPORT.search(log), log
        return log

    def records(self):
        """All records; whatever else the handler said is an error."""
        found = []
        for line in self.wait().splitlines():
            record = parse_record(line)
            assert record, f"no record, but said: {line!r}"
            found.append(record)
        return found

    def record(self):
        """The one record of the session; warnings about insecure settings are not it."""
        found = [one for one in self.records() if "RESULT" in one]
        assert len(found) == 1, f"{len(found)} records instead of one:\n{self.process.output()}"
        assert found[0]["DESTINATION"] == self.name, found[0]
        return found[0]

    def insecure(self):
        """The warnings about insecure settings."""
        return [one for one in self.records() if "RESULT" not in one]


class Target(Maildest):
    """maildest under attack: its handlers are started by the test, one for each connection."""

    def __init__(self, folder, authority):
        folder.chmod(0o755)
        super().__init__(folder, authority)
        for path in (self.config, *self.config.iterdir()):
            path.chmod(0o755)
        self.sessions = []
        self.sessions_text = {}
        self.secrets += [PASSWORD, CLIENT_SECRET, TOKEN]

    def connect(self, name, **options):
        return Session(self, name, **options)

    def destination(self, name, server, protocol=None, oauth=None, **keys):
        """Writes a destination for a fake server; `oauth` is the URL of its token service."""
        protocol = protocol or server.protocol
        if oauth:
            login = {
                "Authentication": "OAuth2ClientCredentials",
                "tokenServiceURL": oauth,
                "tokenServiceURLType": "Dedicated",
                "clientId": "the-client",
                "clientSecret": CLIENT_SECRET,
            }
        else:
            login = {"Authentication": "BasicAuthentication", "mail.password": PASSWORD}
        if server and server.tls is None:
            login |= {
                f"mail.{protocol}.starttls.enable": "false",
                f"mail.{protocol}.starttls.required": "false",
            }
        address = {"host": server.host} if server else {}
        port = server.port if server else 1
        keys = destinations.mail(protocol, port, USER, **(address | login | keys))
        self.add_destination(name, {k: v for k, v in keys.items() if v is not None})

    def assert_refused(self, session, protocol, result, *words, at_most=PATIENCE, reply=None):
        """The client is told so and nothing else, and the one record says why in these words."""
        begun = time.monotonic()
        reply = session.rest() if reply is None else reply
        session.close()
        record = session.record()
        took = time.monotonic() - begun
        match = re.fullmatch(refusal_pattern(protocol, result), reply)
        assert match, f"the client is told {reply!r}, the journal {record}"
        assert match["session"] == record["SESSION"], "the reply names another session"
        self.assert_record(record, result, *words)
        assert took < at_most, f"the refusal took {took:.1f} s"
        return record

    @staticmethod
    def assert_record(record, result, *words):
        message = record["MESSAGE"]
        assert record["RESULT"] == result, f"the result is {record['RESULT']!r}: {message}"
        level = CLASSES[result][1] if result in CLASSES else None
        assert level is None or record["PRIORITY"] == level, record
        assert " failed while " in message, f"the message names no phase: {message}"
        for word in words:
            assert word in message, f"the message does not say {word!r}: {message}"

    def stop(self):
        for session in self.sessions:
            session.socket.close()
            session.process.stop()
        super().stop()

    def assert_clean(self):
        super().assert_clean()
        leaks = find(self.secrets, self.sessions_text)
        assert not leaks, f"a client is told a secret: {leaks}"


class Memory:
    """The most memory a process has had, looked at all the time; sanitizers need more."""

    LIMIT_KIB = 32 * 1024

    def __init__(self, pid):
        self._path = f"/proc/{pid}/status"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.kib = 0

    def _run(self):
        while not self._end.wait(0.01):
            try:
                with open(self._path, encoding="ascii") as status:
                    peak = re.search(r"VmHWM:\s+(\d+)", status.read())
            except OSError:
                return
            if peak:
                self.kib = max(self.kib, int(peak[1]))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def assert_bounded(self):
        assert SANITIZED or self.kib < self.LIMIT_KIB, f"the handler grew to {self.kib} KiB"


def run_as_nobody(script, *words):
    """Starts a Python program of a few lines as another user."""
    return subprocess.Popen(
        ["/usr/bin/python3", "-c", script, *map(str, words)],
        user=NOBODY, group=NOBODY, extra_groups=[], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
