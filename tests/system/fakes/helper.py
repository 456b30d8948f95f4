# SPDX-License-Identifier: Apache-2.0
"""A helper that answers a handler as the test says."""

import json
import socket
import threading

OPENED = b'{"parameters":{}}\0'


def message(**members):
    return json.dumps(members).encode() + b"\0"


def token_message(token, **more):
    return OPENED + message(parameters={"access_token": token, "expires_in": 3600, **more})


def error_message(name, **parameters):
    return OPENED + message(error=f"io.maildest.Helper.{name}", parameters=parameters)


class FakeHelper:
    """Answers each connection's first bytes with `answer` (bytes, or a function of the socket).

    Afterwards it closes, or with `stay` it waits until the other side has left.
    """

    def __init__(self, path, answer, stay=True):
        self.calls = []
        self._answer = answer
        self._stay = stay
        self._open = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        try:
            self.calls.append(connection.recv(65536))
            if callable(self._answer):
                self._answer(connection)
            else:
                connection.sendall(self._answer)
            while self._stay and (data := connection.recv(65536)):
                self.calls.append(data)
        except OSError:
            pass  # the handler is free to leave
        finally:
            connection.close()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself
        for thread in self._threads:
            thread.join(10)
