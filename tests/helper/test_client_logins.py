# SPDX-License-Identifier: Apache-2.0
"""How often clients of a service may guess a password (CheckClient)."""

import os

import pytest

FULL = "io.maildest.Helper.LimitExceeded"
TRIES = 10


@pytest.fixture
def logins(helper):
    os.makedirs(f"{helper.config}/clients", mode=0o750)
    for service in ("smtp", "imap"):
        helper.write(f"clients/{service}", "app:canary-right\n")
    return helper


def check(helper, password, service="smtp"):
    caller = helper.caller().open(service=service)
    try:
        return caller.call("CheckClient", {"user": "app", "password": password})
    finally:
        caller.close()


def accepted(reply):
    assert "error" not in reply, reply
    return reply["parameters"]["accepted"]


def test_who_is_right_may_come_as_often_as_he_likes(logins):
    assert all(accepted(check(logins, "canary-right")) for _ in range(3 * TRIES))


def test_ten_refusals_are_enough(logins):
    """Beyond these not even the right password is looked at; other services are not concerned."""
    for number in range(TRIES):
        assert not accepted(check(logins, "wrong"))
        if number < TRIES - 1:
            assert accepted(check(logins, "canary-right")), "refused before the limit"
    for password in ("wrong", "canary-right"):
        reply = check(logins, password)
        assert reply["error"] == FULL, reply
        assert "too many logins" in reply["parameters"]["reason"]
    assert accepted(check(logins, "canary-right", "imap"))


def test_what_an_administrator_has_to_correct_counts_nothing(logins):
    logins.write("clients/smtp", "nonsense\n")
    for _ in range(TRIES + 1):
        assert check(logins, "wrong")["error"] == "io.maildest.Helper.InvalidDestination"
    logins.write("clients/smtp", "app:canary-right\n")
    assert accepted(check(logins, "canary-right"))
