# SPDX-License-Identifier: Apache-2.0
"""Destinations as SAP's pages write them: every value a string."""

TRUST_ANCHOR = "test-ca.pem"


def mail(protocol, port, user, host="localhost", **more):
    """What all our destinations share; `more` adds or replaces keys ("." written as it is)."""
    keys = {
        "Type": "MAIL",
        "ProxyType": "Internet",
        "mail.user": user,
        "mail.transport.protocol": protocol,
        f"mail.{protocol}.host": host,
        f"mail.{protocol}.port": str(port),
        f"mail.{protocol}.auth": "true",
        "TrustStoreLocation": TRUST_ANCHOR,
    }
    return keys | more


def basic(protocol, port, user, **more):
    """A destination that logs in with the user's password."""
    keys = {"Authentication": "BasicAuthentication", "mail.password": user.password}
    return mail(protocol, port, user.address, **(keys | more))


def client_credentials(protocol, port, address, client, **more):
    """A destination that logs in with a token of this client of the token service."""
    keys = {
        "Authentication": "OAuth2ClientCredentials",
        "tokenServiceURL": client.service.token_url,
        "tokenServiceURLType": "Dedicated",
        "clientId": client.id,
        "clientSecret": client.secret,
        "scope": "mail",
    }
    return mail(protocol, port, address, **(keys | more))
