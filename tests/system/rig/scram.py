# SPDX-License-Identifier: Apache-2.0
"""The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) for one password, and its keys."""

import base64
import hashlib
import hmac

SALT = b"a salt of sixteen"
ITERATIONS = 4096
NONCE = "server-nonce-of-this-test"


def _hmac(key, text):
    return hmac.digest(key, text, "sha256")


def keys(password):
    """What whoever knows one of these could log in with, or pose as the server."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, ITERATIONS)
    client, server = _hmac(salted, b"Client Key"), _hmac(salted, b"Server Key")
    return {"salted password": salted, "client key": client, "server key": server}


def first(client_first, iterations=ITERATIONS, nonce=None):
    """The server's first message to the client's."""
    theirs = dict(part.split("=", 1) for part in client_first.split(",")[2:])["r"]
    nonce = theirs + NONCE if nonce is None else nonce
    return f"r={nonce},s={base64.b64encode(SALT).decode()},i={iterations}"


def final(password, client_first, server_first, client_final):
    """The server's last message, its proof that it knows the password."""
    bare = client_first.split(",", 2)[2]
    without_proof = client_final.rpartition(",p=")[0]
    text = f"{bare},{server_first},{without_proof}".encode()
    return "v=" + base64.b64encode(_hmac(keys(password)["server key"], text)).decode()
