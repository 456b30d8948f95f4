# SPDX-License-Identifier: Apache-2.0
"""One mailbox with all its destinations: what most tests start from."""

from . import destinations

# Where each protocol of a destination is offered: server -> protocol -> its port's name.
# The s protocols speak TLS from the first byte, the others STARTTLS.
PORTS = {
    "dovecot": {
        "smtp": "submission",
        "smtps": "submissions",
        "imap4": "imap",
        "imap4s": "imaps",
        "pop3": "pop3",
        "pop3s": "pop3s",
    },
    "postfix": {"smtp": "submission", "smtps": "submissions"},
}
UPSTREAMS = [(server, protocol) for server, ports in PORTS.items() for protocol in ports]
# Where the client needs no login, and where it brings what a token is got for.
AUTHENTICATIONS = ("BasicAuthentication", "OAuth2ClientCredentials")
GRANTS = ("OAuth2RefreshToken", "OAuth2AuthorizationCode")
NO_LOGIN = "NoAuthentication"


class Scene:
    """A mailbox of its own on the servers, and maildest to reach it."""

    def __init__(self, world, maildest):
        self.world = world
        self.maildest = maildest
        self.user = world.dovecot.new_user()
        self.client = world.tokens.add_client(self.user.address)

    def keys(self, protocol, authentication="OAuth2ClientCredentials", server="dovecot", **more):
        """A destination for the mailbox."""
        upstream = getattr(self.world, server)
        port = upstream.ports[PORTS[server][protocol]]
        more = {"host": upstream.host} | more
        if authentication == "BasicAuthentication":
            return destinations.basic(protocol, port, self.user, **more)
        if authentication == NO_LOGIN:
            return destinations.without_login(protocol, port, **more)
        return destinations.oauth(
            protocol, port, self.user.address, self.client, authentication, **more
        )

    def serve(self, protocol, *args, name=None, **more):
        """Opens a port for such a destination; the destination's name is the protocol."""
        return self.maildest.serve(name or protocol, self.keys(protocol, *args, **more))
