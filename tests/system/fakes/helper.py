# SPDX-License-Identifier: Apache-2.0
"""A helper that answers a handler as the test says."""

import json
import socket
import threading

OPENED = b'{"parameters":{}}\0'
# To GetTlsSession: there is none.
NO_TLS_SESSION = OPENED


def message(**members):
    return json.dumps(members).encode() + b"\0"


def token_message(token, **more):
    return OPENED + message(parameters={"access_token": token, "expires_in": 3600, **more})


def error_message(name, **parameters):
    return OPENED + message(error=f"io.maildest.Helper.{name}", parameters=parameters)


class _Listener:
    """Accepts on a Unix socket; each connection is a thread of its own, serve(socket)."""

    def __init__(self, path):
        self._open = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, connection):
        try:
            self.serve(connection)
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


class FakeHelper(_Listener):
    """Answers each connection's first bytes with `answer` (bytes, or a function of the socket).

    Bytes are what OpenSession and GetToken are answered; if a TLS session is asked for between
    them, there is none. Afterwards it closes, or with `stay` it waits until the other side has
    left.
    """

    def __init__(self, path, answer, stay=True):
        self.calls = []
        self._answer = answer
        self._stay = stay
        super().__init__(path)

    def serve(self, connection):
        self.calls.append(connection.recv(65536))
        if callable(self._answer):
            self._answer(connection)
        else:
            connection.sendall(self._replies(self.calls[-1]))
        while self._stay and (data := connection.recv(65536)):
            self.calls.append(data)

    def _replies(self, calls):
        if b"GetTlsSession" in calls and self._answer.startswith(OPENED):
            return OPENED + NO_TLS_SESSION + self._answer.removeprefix(OPENED)
        return self._answer


class SessionKeeper(_Listener):
    """Keeps the TLS sessions that it is given, and hands out what the test says.

    `hand_out` is what GetTlsSession is answered: a text is the session, bytes are the message
    itself, None is that there is none. The token is the answer to GetToken.
    """

    def __init__(self, path, token=None):
        self.hand_out = None
        self.asked = []  # the contexts that a session was asked for
        self.kept = []  # the parameters of PutTlsSession
        self._token = token
        super().__init__(path)

    def serve(self, connection):
        buffer = b""
        while data := connection.recv(65536):
            *calls, buffer = (buffer + data).split(b"\0")
            for call in map(json.loads, calls):
                reply = self._reply(call["method"].split(".")[-1], call["parameters"])
                if not call.get("oneway"):
                    connection.sendall(reply)

    def _reply(self, method, parameters):
        if method == "GetToken":
            return message(parameters={"access_token": self._token, "expires_in": 3600})
        if method == "PutTlsSession":
            self.kept.append(parameters)
        if method != "GetTlsSession":
            return OPENED
        self.asked.append(parameters["context"])
        if isinstance(self.hand_out, bytes):
            return self.hand_out
        return message(parameters={"session": self.hand_out} if self.hand_out is not None else {})
