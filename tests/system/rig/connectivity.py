# SPDX-License-Identifier: Apache-2.0
"""A double of SAP's Connectivity proxy with a Cloud Connector and its company network behind it."""

import base64
import binascii
import contextlib
import http.client
import http.server
import json
import time
import urllib.parse
from dataclasses import dataclass

from . import doubles, socks

JWT_METHOD = 0x80
JWT_MAX = 65536
LOCATION_ID_MAX = 189  # its base64 has 252 octets; the next one would not fit a length octet
REFUSED = b"\1\1"
# A proxy that refuses a JWT, in both of its ways.
JWT_REFUSED = {
    "login": socks.Answer(login=REFUSED, end="login"),
    "reply": socks.Answer(connect=socks.reply(socks.REFUSED)),
}
# What a reply means here: (REP, words that an operator must read).
REPLIES = {
    "failure": (socks.FAILURE, ("Connectivity proxy",)),
    "forbidden": (socks.FORBIDDEN, ("Cloud Connector", "virtual host")),
    "network": (socks.NETWORK_UNREACHABLE, ("Cloud Connector", "location")),
    "host": (socks.HOST_UNREACHABLE, ("Cloud Connector",)),
    "authentication": (socks.REFUSED, ("Connectivity proxy", "token")),
    "ttl": (6, ("Connectivity proxy", "06")),
    "command": (socks.COMMAND_UNSUPPORTED, ("Connectivity proxy",)),
    "address": (socks.ADDRESS_UNSUPPORTED, ("Connectivity proxy",)),
    "unknown": (200, ("SOCKS5", "c8")),
}


def claims(jwt):
    """What a JWT says; its signature is not looked at."""
    body = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


@dataclass
class Request:
    """What came to the proxy's HTTP side."""

    url: str
    headers: dict
    body: str
    status: int = None  # what it was answered


class Connectivity(socks.Proxy):
    """SOCKS5 with SAP's method 0x80, and a forward proxy for plain http.

    `mappings` is the company network: (location id, virtual host, port) -> (host, port). JWTs must
    be of its own client of the token service and unexpired; whose tenant's they are, a test sees.
    """

    def __init__(self, tokens):
        super().__init__()
        self.client = tokens.add_client("connectivity")
        self.mappings = {}
        self.requests = []
        self.refusals = 0  # how many further HTTP requests get 407

    @contextlib.contextmanager
    def run(self):
        with super().run(), _forward_proxy(self) as self._http:
            yield self

    def service_key(self, **changes):
        """What connectivity.json holds."""
        key = {
            "onpremise_proxy_host": "127.0.0.1",
            "onpremise_socks5_proxy_port": str(self.port),
            "onpremise_proxy_http_port": str(self._http.server_port),
            "clientid": self.client.id,
            "clientsecret": self.client.secret,
            "token_service_url": self.client.service.url(),
        }
        return key | changes

    def tenant_of(self, jwt):
        """Whose JWT it is; None if it is not ours, or has expired."""
        if jwt not in self.client.issued:
            return None
        found = claims(jwt)
        return found["tenant"] if found["exp"] > time.time() else None

    # --- SOCKS5 (what SAP's page on the TCP protocol prints)

    def _login(self, wire, tunnel):
        greeting = wire.read(3)
        wire.insist(greeting == bytes((socks.VERSION, 1, JWT_METHOD)), "this offers another method")
        wire.say("method", bytes((socks.VERSION, JWT_METHOD)))
        wire.insist(wire.byte() == 1, "this is no authentication request")
        length = int.from_bytes(wire.read(4), "big")
        wire.insist(0 < length <= JWT_MAX, f"a JWT of {length} octets")
        tunnel.jwt = wire.read(length).decode()
        tunnel.location_id = self._location_id(wire)
        tunnel.tenant = self.tenant_of(tunnel.jwt)
        wire.say("login", b"\1\0" if tunnel.tenant else REFUSED)
        if not tunnel.tenant:
            raise socks.Ended

    @staticmethod
    def _location_id(wire):
        code = wire.read(wire.byte())
        try:
            octets = base64.b64decode(code, validate=True)
        except binascii.Error:
            octets = None
        wire.insist(
            octets is not None and base64.b64encode(octets) == code, "the location id is no base64"
        )
        wire.insist(len(octets) <= LOCATION_ID_MAX, "the location id is too long")
        return octets.decode()

    def _dial(self, tunnel):
        if tunnel.kind == socks.IPV6:
            tunnel.trouble = "an IPv6 address, which this proxy does not know"
            return socks.ADDRESS_UNSUPPORTED, None
        if tunnel.kind == socks.NAME and _is_dotted_quad(tunnel.host):
            tunnel.trouble = "an IPv4 address as a name"
        return self._route(tunnel.location_id, tunnel.host, tunnel.port)

    def _route(self, location_id, host, port):
        """(REP, the connection or None)"""
        if location_id not in {place for place, _, _ in self.mappings}:
            return socks.NETWORK_UNREACHABLE, None
        address = self.mappings.get((location_id, host, port))
        return socks.dial(address) if address else (socks.FORBIDDEN, None)

    # --- HTTP

    def forward(self, request):
        """(status, content type, body) for a request to the proxy's HTTP side."""
        scheme, _, jwt = request.headers.get("proxy-authorization", "").partition(" ")
        if self.refusals or scheme != "Bearer" or not self.tenant_of(jwt):
            self.refusals = max(0, self.refusals - 1)
            return 407, "text/plain", b"no valid token"
        place = request.headers.get("sap-connectivity-scc-location_id", "")
        to = urllib.parse.urlsplit(request.url)
        address = self.mappings.get((place, to.hostname, to.port or 80))
        if to.scheme != "http" or not address:
            return 403, "text/plain", b"no mapping"
        return _pass_on(request, to, address)


def _is_dotted_quad(host):
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


def _pass_on(request, to, address):
    """The same request at its destination, without what was for the proxy."""
    keep = ("content-type", "accept", "authorization")
    headers = {name: request.headers[name] for name in keep if name in request.headers}
    connection = http.client.HTTPConnection(*address, timeout=20)
    try:
        connection.request("POST", to.path or "/", request.body, headers | {"Host": to.netloc})
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


@contextlib.contextmanager
def _forward_proxy(proxy):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, body)
            proxy.requests.append(request)
            request.status, kind, answer = proxy.forward(request)
            self.send_response(request.status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_CONNECT(self):
            proxy.requests.append(Request(self.path, dict(self.headers), "", 405))
            self.send_error(405)

        def log_message(self, *_):
            pass

    with doubles.serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield server

