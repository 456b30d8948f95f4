# SPDX-License-Identifier: Apache-2.0
"""The token service: npm's oidc-provider, see tests/oauth/server.mjs, and its users."""

import base64
import hashlib
import json
import ssl
import subprocess
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

from . import npm
from .browser import Browser
from .process import Process

# The service answers under each of these names of a tenant, and under the provider's own.
PROVIDER = "provider"
TENANTS = ("tenant-a", "tenant-b")
# What a company calls it behind its Cloud Connector.
ON_PREMISE = "tokens.virtual"
PATH = "/oauth/token"
REDIRECT = "https://client.example.com/callback"


@dataclass
class Client:
    """A client of the token service, whose tokens name one e-mail address."""

    service: "TokenService"
    id: str
    secret: str
    email: str

    def change(self, **settings):
        return self.service.control(self.id, settings)

    @property
    def requests(self):
        """How many token requests this client has made."""
        return self.service.control(self.id)["requests"]

    @property
    def issued(self):
        """Every token and code that it was given, oldest first."""
        return self.service.control(self.id)["issued"]

    @property
    def asked(self):
        """Its token requests, oldest first: {"grant", "host"}, of a refused one the "answer"."""
        return self.service.control(self.id)["asked"]

    @property
    def revoked(self):
        """How many families of tokens the service has ended, as one of them came back used."""
        return self.service.control(self.id)["revoked"]

    def token(self, tenant=None):
        """A token, asked for by the test itself, under a tenant's name."""
        form = {"grant_type": "client_credentials", "scope": "mail"}
        return self.exchange(tenant, **form)["access_token"]

    def exchange(self, tenant=None, **form):
        """The answer to a token request of the test itself."""
        form |= {"client_id": self.id, "client_secret": self.secret}
        request = urllib.request.Request(
            self.service.token_url,
            data=urllib.parse.urlencode(form).encode(),
            # Not every resolver knows the names below localhost.
            headers={"Host": self.service.host(tenant)} if tenant else {},
        )
        with urllib.request.urlopen(request, context=self.service.trust) as answer:
            return json.load(answer)

    def code(self, redirect=REDIRECT, verifier=None, scope="openid offline_access mail"):
        """A code: the owner of the mailbox logs in at the service's page and consents."""
        query = {
            "client_id": self.id,
            "response_type": "code",
            "scope": scope,
            "prompt": "consent",
            "redirect_uri": redirect,
            "state": uuid.uuid4().hex,
        }
        if verifier:
            digest = hashlib.sha256(verifier.encode()).digest()
            query["code_challenge"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            query["code_challenge_method"] = "S256"
        browser = Browser(self.service.issuer, self.service.trust)
        address = f"{self.service.issuer}/auth?{urllib.parse.urlencode(query)}"
        back = browser.visit(address, login=self.email, password="whatever")
        assert back.startswith(f"{redirect}?"), f"the login leads to {back}"
        found = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
        assert found.get("state") == query["state"], f"the login answers another: {back}"
        assert "code" in found, f"no code: {back}"
        return found["code"]

    def refresh_token(self):
        """A refresh token, as a program gets it once and keeps it."""
        answer = self.exchange(
            grant_type="authorization_code", code=self.code(), redirect_uri=REDIRECT
        )
        return answer["refresh_token"]

    def credential(self, authentication):
        """What a mail program has to show with a destination of this kind."""
        return {
            "OAuth2RefreshToken": self.refresh_token,
            "OAuth2AuthorizationCode": self.code,
        }[authentication]()


class TokenService:
    """A running oidc-provider on loopback, with a certificate of the given authority."""

    def __init__(self, folder, authority):
        code = npm.install("oauth")
        names = ["localhost", ON_PREMISE, *map(self.host, (PROVIDER, *TENANTS))]
        certificate, key = authority.issue("token-service", [f"DNS:{name}" for name in names])
        self._process = Process(
            ["node", code / "server.mjs", certificate, key, authority.certificate],
            Path(folder) / "token-service.log",
            cwd=code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        line = self._process.child.stdout.readline()
        if not line:
            raise RuntimeError(f"the token service ended:\n{self._process.output()}")
        ready = json.loads(line)
        self.issuer = ready["issuer"]
        self.token_url = f"{self.issuer}{PATH}"
        self.port = ready["port"]
        self.plain_port = ready["plain"]
        self.kid = ready["kid"]
        self.public_key = ready["public_key"]
        self.trust = ssl.create_default_context(cafile=authority.certificate)
        self._control = f"http://127.0.0.1:{ready['control']}"

    @staticmethod
    def host(name):
        """A tenant's own name for the service; below localhost each is this host (RFC 6761 6.3)."""
        return f"{name}.localhost"

    def url(self, tenant=PROVIDER):
        """The service as this tenant reaches it; the path of its tokens is PATH."""
        return f"https://{self.host(tenant)}:{self.port}"

    def control(self, client_id, settings=None):
        """Changes (with settings) and tells the state of a client."""
        request = urllib.request.Request(
            f"{self._control}/{urllib.parse.quote(client_id, safe='')}",
            data=None if settings is None else json.dumps(settings).encode(),
            method="GET" if settings is None else "PUT",
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def add_client(self, email, **settings):
        """A new client bound to email; the settings are those that server.mjs lists."""
        name = f"client-{uuid.uuid4()}"
        # Characters that a form must escape, as real secrets have them.
        secret = f"Sekret+&=%/{uuid.uuid4()}"
        self.control(name, {"secret": secret, "email": email, **settings})
        return Client(self, name, secret, email)

    def stop(self):
        self._process.stop()
