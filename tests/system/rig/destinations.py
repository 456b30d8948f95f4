# SPDX-License-Identifier: Apache-2.0
"""Destinations as SAP's pages write them: every value a string."""

from .oauth import REDIRECT

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


def oauth(protocol, port, address, client, authentication="OAuth2ClientCredentials", **more):
    """A destination that logs in with a token of this client of the token service."""
    keys = {
        "Authentication": authentication,
        "tokenServiceURL": client.service.token_url,
        "tokenServiceURLType": "Dedicated",
        "clientId": client.id,
        "clientSecret": client.secret,
        "scope": "mail",
    }
    if authentication == "OAuth2AuthorizationCode":
        keys["tokenService.body.redirect_uri"] = REDIRECT
    return mail(protocol, port, address, **(keys | more))


def without_login(protocol, port, **more):
    """A destination whose clients log in themselves, or need not."""
    keys = mail(protocol, port, None, **({"Authentication": "NoAuthentication"} | more))
    return {name: value for name, value in keys.items() if value is not None}
