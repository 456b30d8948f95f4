# SPDX-License-Identifier: Apache-2.0
"""Peers that misbehave on purpose, where a real server never would."""

import contextlib
import http.server
import socket
import ssl
import threading
import time


def _tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class _Threaded:
    """Accepts on a free port of 127.0.0.1; each connection is a thread of its own."""

    def __init__(self, talk):
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            self._talk(connection)

    def stop(self):
        # shutdown() wakes accept(); close() alone would leave it waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def server(talk):
    """A server whose every connection is talk(socket)."""
    running = _Threaded(talk)
    try:
        yield running
    finally:
        running.stop()


def silent(connection):
    """Says nothing, for ever."""
    while connection.recv(65536):
        pass


def says(text):
    """Greets with this text, answers each line with 250 or, tagged, with OK."""

    def talk(connection):
        connection.sendall(text)
        for line in connection.makefile("rb"):
            word = line.split()[0] if line.split() else b""
            imap = text.startswith(b"*")
            connection.sendall(word + b" OK done\r\n" if imap else b"250 done\r\n")

    return talk


def tls(certificate, key, text=b""):
    """Speaks TLS from the first byte with this certificate, then greets with the text."""

    def talk(connection):
        with _tls(certificate, key).wrap_socket(connection, server_side=True) as secured:
            secured.sendall(text)
            silent(secured)

    return talk


class TokenAnswer:
    """What a broken token service answers: a status, headers, a body, and how late."""

    def __init__(self, status=200, body="", delay=0.0, **headers):
        self.status = status
        self.body = body
        self.delay = delay
        self.headers = {"Content-Type": "application/json"} | headers


@contextlib.contextmanager
def serving(running):
    """A server of http.server, each of whose connections is a thread, until the end."""
    running.daemon_threads = True
    running.handle_error = lambda *_: None
    threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield running
    finally:
        running.shutdown()
        running.server_close()


@contextlib.contextmanager
def token_service(authority, *answers):
    """An HTTPS token service that gives these answers in turn, the last one for ever.

    Yields an object with .url and .requests, the bodies that came.
    """
    left = list(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            running.requests.append(self.rfile.read(length).decode())
            answer = left.pop(0) if len(left) > 1 else left[0]
            time.sleep(answer.delay)
            body = answer.body.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.requests = []
    running.url = f"https://localhost:{running.server_port}/token"
    running.socket = _tls(*authority.issue(f"double-{running.server_port}")).wrap_socket(
        running.socket, server_side=True, do_handshake_on_connect=False
    )
    with serving(running):
        yield running
