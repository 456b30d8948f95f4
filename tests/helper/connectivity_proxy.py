# SPDX-License-Identifier: Apache-2.0
"""A Connectivity proxy for the helper's token requests: SOCKS5 with a JWT, and plain HTTP."""

import base64
import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import ProxyHandler, Request, build_opener

GREETING, AUTHENTICATION, CONNECT = "greeting", "authentication", "connect"


class Misbehaviour(Exception):
    """What the other side sent is not what the protocol has."""


class Socks5Side:
    """
    Accepts JWTs in `accepted` (None: any) and leads to `routes[(host, port)]`, a loopback port.
    `answers` has, for a stage, what to say instead of the right answer: bytes, None for nothing
    at all (the connection stays open), or an empty string to close. `pieces` splits whatever is
    said into pieces of so many bytes.
    """

    def __init__(self):
        self.accepted = None
        self.routes = {}
        self.answers = {}
        self.pieces = None
        self.jwts, self.locations, self.asked, self.problems = [], [], [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()
        for connection in self.open:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._converse(connection)
        except Misbehaviour as problem:
            self.problems.append(str(problem))
            connection.close()
        except OSError:
            connection.close()

    @staticmethod
    def _read(connection, n):
        data = b""
        while len(data) < n:
            block = connection.recv(n - len(data))
            if not block:
                raise OSError("closed")
            data += block
        return data

    def _say(self, connection, stage, right):
        """Says what the test wants said; True if that is the right answer."""
        words = self.answers.get(stage, right)
        if words is None:
            self._read(connection, 1)  # until the other side gives up
        for start in range(0, len(words), self.pieces or len(words) or 1):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(words[start:start + (self.pieces or len(words))])
        if words != right:
            connection.shutdown(socket.SHUT_WR)
            connection.close()
        return words == right

    def _converse(self, connection):
        if self._read(connection, 3) != b"\x05\x01\x80":
            raise Misbehaviour("another greeting than 05 01 80")
        if not self._say(connection, GREETING, b"\x05\x80"):
            return
        version, length = struct.unpack("!BI", self._read(connection, 5))
        if version != 1:
            raise Misbehaviour(f"version {version} of the authentication")
        jwt = self._read(connection, length).decode()
        encoded = self._read(connection, self._read(connection, 1)[0])
        self.jwts.append(jwt)
        self.locations.append(base64.b64decode(encoded, validate=True).decode())
        known = self.accepted is None or jwt in self.accepted
        if not self._say(connection, AUTHENTICATION, b"\x01\x00" if known else b"\x01\x01") \
                or not known:
            connection.close()
            return
        host, port = self._read_address(connection)
        self.asked.append((host, port))
        target = self.routes.get((host, port))
        reply = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"
        if target is None:
            reply = b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"
        if self._say(connection, CONNECT, reply) and target is not None:
            self._relay(connection, socket.create_connection(("127.0.0.1", target)))

    def _read_address(self, connection):
        head = self._read(connection, 4)
        if head[:3] != b"\x05\x01\x00":
            raise Misbehaviour(f"no CONNECT: {head!r}")
        if head[3] == 1:
            host = socket.inet_ntoa(self._read(connection, 4))
        elif head[3] == 3:
            host = self._read(connection, self._read(connection, 1)[0]).decode()
        else:
            raise Misbehaviour(f"address type {head[3]}")
        return host, struct.unpack("!H", self._read(connection, 2))[0]

    def _relay(self, one, other):
        self.open.append(other)

        def pump(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        threading.Thread(target=pump, args=(other, one), daemon=True).start()
        pump(one, other)


class HttpSide:
    """A forward proxy: `routes[host:port]` is a loopback port; `accepted` as above."""

    def __init__(self):
        self.accepted = None
        self.routes = {}
        self.requests = []  # (URL, headers)
        side = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                side.requests.append((self.path, self.headers))
                self.answer(*side.forward(self.path, self.headers, body))

            def do_CONNECT(self):
                side.requests.append((self.path, self.headers))
                self.answer(405, b"")

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02},
                         daemon=True).start()

    def forward(self, url, headers, body):
        scheme, jwt = (headers.get("Proxy-Authorization") or " ").split(" ", 1)
        if scheme != "Bearer" or (self.accepted is not None and jwt not in self.accepted):
            return 407, b""
        authority, path = url.removeprefix("http://").split("/", 1)
        target = self.routes.get(authority)
        if target is None:
            return 403, b"no mapping"
        passed = {name: value for name, value in headers.items()
                  if not name.lower().startswith(("proxy-", "sap-connectivity-", "host"))}
        request = Request(f"http://127.0.0.1:{target}/{path}", body, passed)
        with build_opener(ProxyHandler({})).open(request, timeout=20) as reply:
            return reply.status, reply.read()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class ConnectivityProxy:
    def __init__(self):
        self.socks5 = Socks5Side()
        self.http = HttpSide()

    def binding(self, token_url, **more):
        """What connectivity.json is to be."""
        return json.dumps({
            "onpremise_proxy_host": "127.0.0.1",
            "onpremise_socks5_proxy_port": str(self.socks5.port),
            "onpremise_proxy_http_port": str(self.http.port),
            "clientid": "sb-proxy", "clientsecret": "canary-proxy-secret",
            "token_service_url": token_url, **more})

    def close(self):
        self.socks5.close()
        self.http.close()
