# SPDX-License-Identifier: Apache-2.0
"""Clients' refresh tokens and codes: asked with, and looked for where they may be."""

import os

UNAVAILABLE = "io.maildest.Helper.TokenServiceUnavailable"
REFUSED = "io.maildest.Helper.TokenRefused"
LIMIT = "io.maildest.Helper.LimitExceeded"
BAD_PARAMETER = {"error": "org.varlink.service.InvalidParameter",
                 "parameters": {"parameter": "credential"}}
REFRESH = "OAuth2RefreshToken"
CODE = "OAuth2AuthorizationCode"


def ask(helper, credential, destination="mail"):
    return helper.get_token(destination, credential=credential)


def token_of(helper, credential, destination="mail"):
    return ask(helper, credential, destination)["parameters"]["access_token"]


def invalid_grant(reply):
    return reply.get("error") == REFUSED and reply["parameters"]["error"] == "invalid_grant"


def expired(helper, credential, token, destination="mail"):
    """Waits until another answer is given than this token."""
    replies = []

    def is_other():
        replies[:] = [ask(helper, credential, destination)]
        return replies[0].get("parameters", {}).get("access_token") != token

    assert helper.wait_for(is_other), "the token never expires"
    return replies[0]


def records(helper):
    """The files there are, temporary ones too."""
    return sorted(os.listdir(helper.state)) if os.path.isdir(helper.state) else []


def has_records(helper, n):
    """Waits for them: one may just be written again, beside the one that it replaces."""
    return helper.wait_for(lambda: len(records(helper)) == n)


def record(helper):
    assert has_records(helper, 1), records(helper)
    (name,) = records(helper)
    return f"{helper.state}/{name}"


def sent(service):
    """The credentials as they came."""
    forms = [dict(request.form) for request in service.requests]
    return [form.get("refresh_token") or form["code"] for form in forms]


def logged(helper, text):
    """Waits for it: what is written before an answer may be read after it."""
    return helper.wait_for(lambda: text in helper.log.decode())


def again(helper, credential, token, destination="mail"):
    """The next token, once this one has expired."""
    reply = expired(helper, credential, token, destination)
    assert "error" not in reply, reply
    return reply["parameters"]["access_token"]
