# SPDX-License-Identifier: Apache-2.0
"""The token service: npm's oidc-provider, see tests/oauth/server.mjs."""

import fcntl
import json
import os
import shutil
import ssl
import subprocess
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

from .process import Process

TESTS = Path(__file__).resolve().parents[2]
SOURCE = TESTS / "oauth"
CACHE = Path(os.environ.get("MAILDEST_CACHE", TESTS.parent / "build-cache"))
PARTS = ("package.json", "package-lock.json")


def install():
    """Installs oidc-provider below the cache folder, once; the folder of server.mjs."""
    folder = CACHE / "oauth"
    folder.mkdir(parents=True, exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    with (CACHE / "oauth.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current(folder):
            _install_into(folder)
        shutil.copy(SOURCE / "server.mjs", folder)
    return folder


def _is_current(folder):
    return (folder / "complete").exists() and all(
        (folder / part).read_bytes() == (SOURCE / part).read_bytes() for part in PARTS
    )


def _install_into(folder):
    (folder / "complete").unlink(missing_ok=True)
    for part in PARTS:
        shutil.copy(SOURCE / part, folder)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--cache", str(CACHE / "npm")],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"npm_config_update_notifier": "false"},
    )
    if done.returncode != 0:
        raise RuntimeError(f"npm ci failed:\n{done.stdout}{done.stderr}")
    (folder / "complete").touch()


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
        """Every token that it was given, oldest first."""
        return self.service.control(self.id)["issued"]

    def token(self):
        """A token, asked for by the test itself."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.id,
            "client_secret": self.secret,
            "scope": "mail",
        }
        request = urllib.request.Request(
            self.service.token_url, data=urllib.parse.urlencode(form).encode()
        )
        with urllib.request.urlopen(request, context=self.service.trust) as answer:
            return json.load(answer)["access_token"]


class TokenService:
    """A running oidc-provider on loopback, with a certificate of the given authority."""

    def __init__(self, folder, authority):
        code = install()
        certificate, key = authority.issue("token-service")
        self._process = Process(
            ["node", code / "server.mjs", certificate, key],
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
        self.token_url = f"{self.issuer}/token"
        self.kid = ready["kid"]
        self.public_key = ready["public_key"]
        self.trust = ssl.create_default_context(cafile=authority.certificate)
        self._control = f"http://127.0.0.1:{ready['control']}"

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
