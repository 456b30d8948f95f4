# SPDX-License-Identifier: Apache-2.0
"""A maildest-helper of the test's own, its configuration folder, and callers of its socket."""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time

CLIENT_SECRET = "canary-client-secret-4711"
TIMEOUT = 60


class Caller:
    """One connection to the helper: varlink by hand."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        self.buffer = b""

    def send_raw(self, data):
        self.socket.sendall(data)

    @staticmethod
    def message(method, parameters=None, **flags):
        if "." not in method:
            method = "io.maildest.Helper." + method
        call = {"method": method, "parameters": parameters or {}, **flags}
        return json.dumps(call).encode() + b"\0"

    def send(self, method, parameters=None, **flags):
        self.send_raw(self.message(method, parameters, **flags))

    def receive(self):
        while b"\0" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, parameters=None, **flags):
        self.send(method, parameters, **flags)
        return self.receive()

    def open(self, destination="mail", service="smtp", **more):
        reply = self.call("OpenSession", {"service": service, "destination": destination, **more})
        assert reply == {"parameters": {}}
        return self

    def is_closed(self):
        """Waits for the helper to close; False if it says something instead."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self):
        self.socket.close()


def is_sanitized():
    with open(Helper.program(), "rb") as f:
        return b"__asan_init" in f.read()


class Helper:
    def __init__(self, folder, environment=None, user=None):
        self.folder = str(folder)
        self.config = f"{folder}/config"
        self.path = f"{folder}/run/helper.sock"
        self.state = f"{folder}/state"
        self.environment = environment or {}
        self.user = user
        self.process = self.reader = None
        self.log = b""
        self.notifications = None
        self.lines = queue.Queue()  # what the service manager is told
        for name in ("destinations", "secrets", "certificates"):
            os.makedirs(f"{self.config}/{name}", mode=0o750)

    @staticmethod
    def program():
        build = os.environ.get("MAILDEST_BUILD", "build")
        return os.path.abspath(f"{build}/helper/maildest-helper")

    def _own_program(self):
        """Other users need a copy that they can reach."""
        if not self.user:
            return self.program()
        return shutil.copy(self.program(), f"{self.folder}/maildest-helper")

    def write(self, path, content, mode=0o640):
        """Replaces a configuration file as an editor would: by a new one."""
        if not isinstance(content, str):
            content = json.dumps(content)
        path = f"{self.config}/{path}"
        temporary = f"{path}.new"
        with open(temporary, "w", encoding="utf-8") as f:
            f.write(content)
        os.chmod(temporary, mode)
        os.rename(temporary, path)

    def destination(self, url, name="mail", **keys):
        """A destination whose client secret lies in secrets/, unless the keys have one."""
        content = {
            "Name": name, "Type": "MAIL", "ProxyType": "Internet",
            "Authentication": "OAuth2ClientCredentials",
            "mail.user": "app@example.com", "mail.transport.protocol": "smtp",
            "mail.smtp.host": "mail.example.com", "mail.smtp.port": "587",
            "tokenServiceURL": url, "clientId": "the-client",
            **keys,
        }
        content = {k: v for k, v in content.items() if v is not None}
        self.write(f"destinations/{name}.json", content)
        if "clientSecret" not in content:
            self.write(f"secrets/{name}.json", {"clientSecret": CLIENT_SECRET})

    def _launch(self, command, environment, **options):
        environment = {
            "PATH": os.environ["PATH"], "MAILDEST_LOG_TARGET": "stderr",
            "STATE_DIRECTORY": self.state,
            **environment,
        }
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS"):
                environment[name] = value
        environment |= self.environment
        self.process = subprocess.Popen(
            [*command, f"--config-dir={self.config}", f"--helper-socket={self.path}"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, user=self.user, **options)
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()

    def start(self, arguments=(), program=None, pass_fds=(), preexec=None):
        notify = f"{self.folder}/notify"
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.settimeout(1)
        if os.path.exists(notify):
            os.unlink(notify)
        self.notifications.bind(notify)
        os.chmod(notify, 0o777)
        self._launch([*(program or [self._own_program()]), *arguments], {"NOTIFY_SOCKET": notify},
                     pass_fds=pass_fds, preexec_fn=preexec)
        # Read at once, as a service manager does.
        threading.Thread(
            target=self.read_notifications, args=(self.notifications,), daemon=True).start()
        assert self.notified("READY=1"), self.log.decode()
        return self

    def start_unmanaged(self):
        """As by hand: nobody to tell anything."""
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._launch([self.program()], {})
        assert self.wait_for(self._listens), "it does not listen"
        return self

    def _listens(self):
        """Between bind(2) and listen(2) the path is there and refuses."""
        with socket.socket(socket.AF_UNIX) as caller:
            return caller.connect_ex(self.path) == 0

    def read_log(self):
        for block in iter(lambda: os.read(self.process.stderr.fileno(), 65536), b""):
            self.log += block

    def read_notifications(self, notifications):
        while True:
            try:
                text = notifications.recv(65536).decode()
            except TimeoutError:
                continue
            except OSError:
                return
            for line in text.splitlines():
                self.lines.put(line)

    def notified(self, prefix):
        """Waits until the helper tells the service manager something that starts so."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            try:
                line = self.lines.get(timeout=0.05)
            except queue.Empty:
                if self.process.poll() is not None:
                    return None
                continue
            if line.startswith(prefix):
                return line
        return None

    def caller(self):
        return Caller(self.path)

    def serves(self):
        """Whether it answers what needs no token."""
        return "error" not in self.caller().call("org.varlink.service.GetInfo")

    def get_token(self, destination="mail", **parameters):
        caller = self.caller().open(destination)
        try:
            return caller.call("GetToken", parameters)
        finally:
            caller.close()

    def status(self):
        caller = self.caller()
        try:
            return caller.call("Status")["parameters"]
        finally:
            caller.close()

    def wait_for(self, condition):
        """Waits for something that the helper does by itself; the state is asked for, not slept for."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.01)
        return False

    def stop(self, number=signal.SIGTERM):
        """Ends the process and returns its exit status; the log is complete afterwards."""
        if self.reader is None:
            return self.process.returncode
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(TIMEOUT)
        self.reader.join(TIMEOUT)
        self.reader = None
        self.process.stderr.close()
        self.notifications.close()
        return status

    def final_log(self):
        """Ends the process and returns all it wrote."""
        assert self.stop() == 0, self.log.decode()
        return self.log.decode()
