# SPDX-License-Identifier: Apache-2.0
"""
A Destination service and its XSUAA on free loopback ports. Both check every header of what they
are asked and note as a problem whatever is not as SAP's pages have it.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from token_service import Request, TokenService, token_reply

ID = "sb-destination!b1"
SECRET = "canary-instance-secret"
PREFIX = "/destination-configuration/"
LEVELS = {"subaccount", "instance", "provider_subaccount", "provider_instance"}
PLAIN = {"Host", "User-Agent", "Accept", "Authorization"}
ASKED = {"X-refresh-token", "X-code", "X-tenant", "X-fragment-name", "X-fragment-optional",
         "X-chain-name"}
PROVIDER = "provider"


class Xsuaa(TokenService):
    """Tokens for the provider and for those tenants that subscribe; each is one tenant's."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.subscribed = {"acme", "globex"}
        self.known = self.subscribed | {"initech"}
        self.problems = []
        self.tokens = {}  # token -> tenant
        self.lifetime = 3600
        self.failure = None
        self.reply = self._answer

    def _answer(self, request):
        tenant = request.headers["Host"].split(".")[0]
        form = dict(request.form)
        if (request.method, request.path) != ("POST", "/oauth/token"):
            self.problems.append(f"XSUAA: {request.method} {request.path}")
        expected = {"grant_type": "client_credentials", "client_id": ID}
        if not request.peer:
            expected["client_secret"] = SECRET
        if form != expected or "Authorization" in request.headers:
            self.problems.append(f"XSUAA: form {sorted(form)}")
        if self.failure:
            return self.failure
        if tenant != PROVIDER and tenant not in self.known:
            return 404, {"Content-Type": "text/html"}, "<html>no such zone</html>"
        if tenant != PROVIDER and tenant not in self.subscribed:
            return 401, {}, json.dumps({"error": "unauthorized", "error_description": "Bad"})
        token = f"canary-ds-{tenant}-{len(self.tokens) + 1}"
        self.tokens[token] = tenant
        return token_reply(token, expires_in=self.lifetime)


class DestinationService:
    """
    `destinations` has configurations by (tenant, name); `replies` says what to answer to a name
    instead: (status, headers, body), or "close" or "silence"; `auth` makes the element of
    authTokens from a request.
    """

    def __init__(self, xsuaa):
        self.xsuaa = xsuaa
        self.destinations, self.fragments, self.replies = {}, {}, {}
        self.requests, self.problems = [], []
        self.revoked = set()  # tokens that are refused all the same
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = threading.Semaphore(0)
        self.auth = self._auth
        self.count = 0
        self.lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                request = Request(self.command, self.path, self.headers, b"")
                with service.lock:
                    service.requests.append(request)
                    service.arrived.release()
                    service.check(request)
                service.gate.wait(30)
                reply = service.answer(request)
                if reply == "close":
                    self.close_connection = True
                    return
                if reply == "silence":
                    time.sleep(5)
                    return
                status, headers, text = reply
                body = text.encode()
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    if headers.get("Connection") != "close":
                        self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the client is free to leave

            def do_POST(self):
                service.problems.append("a POST")

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02},
                         daemon=True).start()

    def key(self, **more):
        """A service key; the XSUAA's URL has a label to put a tenant in the place of."""
        return {"clientid": ID, "clientsecret": SECRET, "uri": f"http://127.0.0.1:{self.port}",
                "url": f"http://{PROVIDER}.localhost:{self.xsuaa.port}", **more}

    def add(self, name="mail", tenant=PROVIDER, **keys):
        self.destinations[tenant, name] = {
            "Name": name, "Type": "MAIL", "ProxyType": "Internet",
            "Authentication": "OAuth2ClientCredentials", "mail.user": "app@example.com",
            "mail.transport.protocol": "smtp", "mail.smtp.host": "mail.example.com",
            "mail.smtp.port": "587", "tokenServiceURL": "https://as.example/token",
            "clientId": "the-client", "clientSecret": "canary-secret-of-the-service",
            **keys}

    def check(self, request):
        url = urlsplit(request.path)
        if url.query not in ("", "$skipTokenRetrieval=true"):
            self.problems.append(f"query {url.query}")
        if request.headers["Accept"] != "application/json":
            self.problems.append("no Accept")
        for name in request.headers:
            chain = name.startswith("X-chain-var-")
            if name not in PLAIN | ASKED and not chain:
                self.problems.append(f"header {name}")
            if len(request.headers.get_all(name)) != 1:
                self.problems.append(f"{name} twice")
            if name in ("X-refresh-token", "X-code", "X-tenant") and url.query:
                self.problems.append(f"{name} without a token to be had")
        version, _, name = url.path.removeprefix(PREFIX).partition("/destinations/")
        level = unquote(name).partition("@")[2]
        if version not in ("v1", "v2") or (version == "v2") != (level in LEVELS):
            self.problems.append(f"path {url.path}")

    def tenant(self, request):
        scheme, _, token = (request.headers["Authorization"] or "").partition(" ")
        return self.xsuaa.tokens.get(token) if (
            scheme == "Bearer" and token not in self.revoked) else None

    def answer(self, request):
        tenant = self.tenant(request)
        url = urlsplit(request.path)
        name = url.path.rsplit("/", 1)[-1].partition("@")[0]
        if not tenant:
            return 401, {}, json.dumps({"ErrorMessage": "the token is not valid"})
        if name in self.replies:
            return self.replies[name]
        found = self.destinations.get((tenant, name))
        if not found:
            return 404, {}, json.dumps({"ErrorMessage": f"Configuration {name} was not found"})
        found = dict(found)
        fragment = request.headers["X-fragment-name"]
        for part in (fragment or "").split(","):
            part = part.partition("@")[0]
            if part and part not in self.fragments:
                if request.headers["X-fragment-optional"] == "true":
                    continue
                return 404, {}, json.dumps({"ErrorMessage": f"Fragment {part} was not found"})
            found.update(self.fragments.get(part, {}))
        reply = {"owner": {"SubaccountId": "x", "InstanceId": None}, "news": [1, {"a": None}],
                 "destinationConfiguration": found | {"$metadata": {"owner": []}},
                 "certificates": [{"type": "CERTIFICATE", "NAME": "x", "content": "eA=="}]}
        if not url.query:
            reply["authTokens"] = [self.auth(request)]
        return 200, {"Content-Type": "application/json"}, json.dumps(reply)

    def _auth(self, request):
        self.count += 1
        value = f"canary-token-{self.tenant(request)}-{self.count}"
        return {"type": "Bearer", "value": value, "expires_in": "3600",
                "http_header": {"key": "Authorization", "value": f"Bearer {value}"}}

    def finds(self):
        """Requests for configurations, and those for tokens."""
        plain = [r for r in self.requests if "?" in r.path]
        return plain, [r for r in self.requests if "?" not in r.path]

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
