# SPDX-License-Identifier: Apache-2.0
"""A company network behind a Cloud Connector: the servers, seen through the Connectivity proxy."""

import contextlib
import json

from . import logins, oauth
from .connectivity import Connectivity
from .dialogue import Dialogue

# The names that exist only there; the mail servers' ports are the usual ones.
MAIL, TOKENS = "mail.virtual", oauth.ON_PREMISE
LOCATION = "walldorf"
VIRTUAL_PORTS = {"smtp": 587, "imap4": 143, "pop3": 110}
PROTOCOLS = tuple(VIRTUAL_PORTS)
PLAIN_PORTS = {
    "dovecot": {"smtp": "submission", "imap4": "imap", "pop3": "pop3"},
    "postfix": {"smtp": "plain"},
}
HTTPS, HTTP = 443, 8080


class Company:
    """What a scene's destinations of ProxyType OnPremise need: the proxy and its configuration."""

    def __init__(self, scene, proxy):
        self.scene = scene
        self.proxy = proxy
        scene.maildest.secrets.append(proxy.client.secret)
        scene.maildest.write("maildest.conf", "AdditionalCAs=test-ca.pem\n")
        self.configure()

    def configure(self, **changes):
        """Writes connectivity.json, with other values for some keys."""
        key = self.proxy.service_key(**changes)
        self.scene.maildest.write("connectivity.json", json.dumps(key))

    def map(self, host, port, address, location_id=LOCATION):
        """What an administrator of the Cloud Connector does: (host, port) becomes reachable."""
        self.proxy.mappings[location_id, host, port] = address

    def map_servers(self, protocol, server="dovecot", location_id=LOCATION):
        """The mail server without TLS, and the token service with and without."""
        upstream, tokens = getattr(self.scene.world, server), self.scene.world.tokens
        port = upstream.ports[PLAIN_PORTS[server][protocol]]
        self.map(MAIL, VIRTUAL_PORTS[protocol], (upstream.plain_host, port), location_id)
        self.map(TOKENS, HTTPS, ("127.0.0.1", tokens.port), location_id)
        self.map(TOKENS, HTTP, ("127.0.0.1", tokens.plain_port), location_id)

    def keys(
        self, protocol="smtp", authentication="BasicAuthentication", server="dovecot", **more
    ):
        """A destination for the mailbox; its token service is on premise too."""
        location_id = more.get("CloudConnectorLocationId", LOCATION)
        self.map_servers(protocol, server, location_id or "")
        on_premise = {
            "host": MAIL,
            "ProxyType": "OnPremise",
            "CloudConnectorLocationId": location_id,
            f"mail.{protocol}.port": str(VIRTUAL_PORTS[protocol]),
        }
        if authentication.startswith("OAuth2"):
            on_premise["tokenServiceURL"] = f"https://{TOKENS}:{HTTPS}{oauth.PATH}"
        keys = self.scene.keys(protocol, authentication, server, **(on_premise | more))
        return {name: value for name, value in keys.items() if value is not None}

    def serve(self, protocol="smtp", *args, **more):
        """Opens a port for such a destination; the destination's name is the protocol."""
        return self.scene.maildest.serve(protocol, self.keys(protocol, *args, **more))

    def mail_tunnels(self):
        """The connections that were for a mail server."""
        return [tunnel for tunnel in self.proxy.tunnels if tunnel.host == MAIL]


@contextlib.contextmanager
def company(scene):
    """A Company for as long as a test takes; what its proxy's clients said was right."""
    with Connectivity(scene.world.tokens).run() as proxy:
        yield Company(scene, proxy)
        scene.maildest.secrets += proxy.client.issued
    proxy.assert_clean()


def assert_served(company, port, protocol="smtp"):
    """The mail server greets and works."""
    with Dialogue(port) as session:
        logins.greet(session, protocol)
        logins.leave(session, protocol)
    company.scene.maildest.wait_for_end(protocol, RESULT="ok")


def assert_refused(company, port, words, protocol="smtp", count=1):
    """A temporary refusal as the greeting, and a record with these words of why."""
    with Dialogue(port, timeout=60) as session:
        greeting = session.line()
    wanted = {"smtp": "421 4.", "imap4": "* BYE [UNAVAILABLE]", "pop3": "-ERR [SYS/TEMP]"}
    right = wanted[logins.family(protocol)]
    assert greeting and greeting.startswith(right), f"the greeting is {greeting!r}"
    record = company.scene.maildest.wait_for_end(protocol, count)
    said = record["MESSAGE"].lower()
    missing = [word for word in words if word.lower() not in said]
    assert not missing, f"the record does not say {missing}: {record['MESSAGE']}"
    assert record["PRIORITY"] in (3, 4), f"a failure is not recorded as one: {record}"
    return record
