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
    },
    "postfix": {"smtp": "submission", "smtps": "submissions"},
}
UPSTREAMS = [(server, protocol) for server, ports in PORTS.items() for protocol in ports]
AUTHENTICATIONS = ("BasicAuthentication", "OAuth2ClientCredentials")


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
        return destinations.client_credentials(
            protocol, port, self.user.address, self.client, **more
        )

    def serve(self, protocol, *args, name=None, **more):
        """Opens a port for such a destination; the destination's name is the protocol."""
        return self.maildest.serve(name or protocol, self.keys(protocol, *args, **more))
