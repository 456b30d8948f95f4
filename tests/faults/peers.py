# SPDX-License-Identifier: Apache-2.0
"""What a handler talks to in these tests: a mail server, a helper, a Connectivity proxy."""

import contextlib
from pathlib import Path

from . import client, life  # noqa: I001  (sets the path for those below)
from fakes.helper import SessionKeeper, message
from fakes.mail_server import MailServer, server_tls
from rig import destinations, socks
from rig.connectivity import Connectivity
from rig.maildest import Maildest
from rig.pki import Authority

PASSWORD = "marker-password-8f3a61c0d5"
TOKEN = "marker-access-token-91c7f2ab"
JWT = "marker-proxy-token-40b6d9e8f1"
SECRETS = [PASSWORD, TOKEN, JWT, client.GRANT]

VIRTUAL = "mail.virtual"
# Until the destination has been read, its name tells the protocol.
NAMES = {"smtp": "test-smtp", "imap4": "test-imap", "pop3": "test-pop3"}
# How a destination gets its login, and the mechanism that its server offers.
LOGINS = {
    "basic": ({"Authentication": "BasicAuthentication", "mail.password": PASSWORD}, "PLAIN"),
    "token": ({"Authentication": "OAuth2ClientCredentials"}, "XOAUTH2"),
    "grant": ({"Authentication": "OAuth2RefreshToken"}, "XOAUTH2"),
    "on-premise": ({"Authentication": "BasicAuthentication", "mail.password": PASSWORD}, "PLAIN"),
}
OAUTH = {
    "tokenServiceURL": "https://tokens.example.com/token",
    "tokenServiceURLType": "Dedicated",
    "clientId": "the-client",
}


class Helper(SessionKeeper):
    """Has a token for everybody, and knows the proxy."""

    def __init__(self, path):
        super().__init__(path, TOKEN)
        self.proxy_port = None

    def _reply(self, method, parameters):
        if method == "GetConnectivityProxy":
            place = {"host": "127.0.0.1", "port": self.proxy_port}
            return message(parameters=place | {"access_token": JWT, "expires_in": 3600})
        return super()._reply(method, parameters)


class Proxy(Connectivity):
    """Believes one token, and leads to one server."""

    def __init__(self, port):
        socks.Proxy.__init__(self)
        self.mappings = {("", VIRTUAL, port): ("127.0.0.1", port)}

    def tenant_of(self, jwt):
        return "tenant" if jwt == JWT else None

    def forward(self, request):
        raise NotImplementedError("nobody asks for tokens here")


class Peers:
    """The peers of one protocol's sessions with one kind of login."""

    def __init__(self, folder, authority, pair, protocol, login):
        self.protocol = protocol
        self.login = login
        self.name = NAMES[protocol]
        keys, mechanism = LOGINS[login]
        on_premise = login == "on-premise"
        self.server = MailServer(
            protocol,
            None if on_premise else server_tls(pair),
            None if on_premise else "starttls",
            mechanisms=(mechanism,),
        )
        self.maildest = Maildest(folder, authority)
        self.helper = Helper(self.maildest.socket)
        keys = keys | (OAUTH if mechanism == "XOAUTH2" else {})
        self._stack = contextlib.ExitStack()
        if on_premise:
            proxy = self._stack.enter_context(Proxy(self.server.port).run())
            self.helper.proxy_port = proxy.port
            keys = keys | {"ProxyType": "OnPremise", "host": VIRTUAL}
            self.proxy = proxy
        else:
            self.proxy = None
        self.maildest.add_destination(
            self.name, destinations.mail(protocol, self.server.port, client.USER, **keys)
        )

    def forget(self):
        """What was said so far; before each session, as there are thousands of them."""
        self.server.connections.clear()
        self.helper.asked.clear()
        self.helper.kept.clear()
        if self.proxy:
            self.proxy.tunnels.clear()

    def stop(self):
        self.server.stop()
        self.helper.stop()
        self._stack.close()
        self.maildest.stop()


def peers(protocol, login):
    """Peers in a folder of their own."""

    def make(folder):
        authority = Authority(Path(folder) / "pki")
        return Peers(Path(folder) / "here", authority, authority.issue("good"), protocol, login)

    return life.of(make)
