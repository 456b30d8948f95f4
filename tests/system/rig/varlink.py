# SPDX-License-Identifier: Apache-2.0
"""Varlink as the handler speaks it to the helper: JSON objects, each ended by a NUL."""

import json
import socket

INTERFACE = "io.maildest.Helper"


class Varlink:
    """One connection to the helper."""

    def __init__(self, path, timeout=60):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))
        self._buffer = b""

    def send(self, method, **parameters):
        if "." not in method:
            method = f"{INTERFACE}.{method}"
        message = {"method": method, "parameters": parameters}
        self._socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        while b"\0" not in self._buffer:
            data = self._socket.recv(65536)
            assert data, "the helper closed the connection instead of answering"
            self._buffer += data
        text, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.send(method, **parameters)
        return self.receive()

    def open(self, destination, service="test"):
        answer = self.call("OpenSession", service=service, destination=destination)
        assert "error" not in answer, f"OpenSession failed: {answer}"
        return self

    def fileno(self):
        return self._socket.fileno()

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
