# SPDX-License-Identifier: Apache-2.0
"""What a strict token service makes of codes and refresh tokens (RFC 6749 4.1.2, RFC 9700 4.14.2).

A code is good once, a refresh token until its successor has been used: presenting an older one
means that it was stolen, and revokes all tokens that go back to the same login.
"""

import itertools
import threading

from token_service import error_reply, token_reply


class Login:
    """All refresh tokens that go back to one login, oldest first."""

    def __init__(self, first):
        self.tokens = [first]
        self.used = 0  # the place of the newest one that has been presented
        self.revoked = False

    def accepts(self, token):
        place = self.tokens.index(token)
        if self.revoked or place < self.used:
            self.revoked = True
            return False
        self.used = place
        return True


class RotatingService:
    """To be called with each request, as TokenService.reply is."""

    def __init__(self, rotates=True, refreshes_codes=True, **members):
        self.rotates = rotates
        self.refreshes_codes = refreshes_codes  # whether a refresh token comes for a code
        self.members = members  # of each good reply
        self.logins = {}  # by refresh token
        self.codes = {}  # to the login, None if it has none yet
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()

    def refresh_token(self, name="canary-first"):
        """The token of a new login, as if a browser had been used."""
        self.logins[name] = Login(name)
        return name

    def code(self, name="canary-code"):
        self.codes[name] = None
        return name

    def revoked(self):
        return any(login.revoked for login in self.logins.values())

    def _successor(self, login):
        token = f"canary-refresh-{next(self.numbers)}"
        login.tokens.append(token)
        self.logins[token] = login
        return token

    def _access(self, refresh_token):
        return token_reply(f"canary-access-{next(self.numbers)}", refresh_token=refresh_token,
                           **self.members)

    def _redeem(self, code):
        if code not in self.codes:
            return error_reply(400, "invalid_grant", f"{code} is no code")
        if self.codes[code]:
            self.codes[code].revoked = True
            return error_reply(400, "invalid_grant", "the code was used before")
        first = f"canary-refresh-{next(self.numbers)}"
        self.logins[first] = self.codes[code] = Login(first)
        return self._access(first if self.refreshes_codes else None)

    def _refresh(self, token):
        login = self.logins.get(token)
        if not login or not login.accepts(token):
            return error_reply(400, "invalid_grant", f"{token} is no refresh token")
        return self._access(self._successor(login) if self.rotates else None)

    def __call__(self, request):
        form = dict(request.form)
        with self.lock:
            if form["grant_type"] == "authorization_code":
                return self._redeem(form["code"])
            return self._refresh(form["refresh_token"])
