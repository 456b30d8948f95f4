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


def check(helper, password, service="smtp", **who):
    caller = helper.caller().open(service=service, **who)
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


def test_nobody_is_locked_out_by_another(logins):
    """Refusals count by client, of whom the handler knows before it reads a word of theirs."""
    for _ in range(TRIES):
        assert not accepted(check(logins, "wrong", client="uid 65534"))
    assert check(logins, "canary-right", client="uid 65534")["error"] == FULL
    for other in ({"client": "uid 0"}, {"client": "192.0.2.1"}, {}):
        assert accepted(check(logins, "canary-right", **other)), f"{other} is locked out"


def test_a_session_is_one_clients(logins):
    """What a client makes of its session, it cannot pass for somebody else in it."""
    caller = logins.caller().open(client="uid 65534")
    reply = caller.call(
        "OpenSession", {"service": "smtp", "destination": "mail", "client": "uid 1"}
    )
    assert reply["error"] == "io.maildest.Helper.SessionAlreadyOpen", reply
    caller.close()
    caller = logins.caller()
    reply = caller.call(
        "OpenSession", {"service": "smtp", "destination": "mail", "client": "x" * 65}
    )
    assert reply["parameters"] == {"parameter": "client"}, reply
    caller.close()


def test_what_an_administrator_has_to_correct_counts_nothing(logins):
    logins.write("clients/smtp", "nonsense\n")
    for _ in range(TRIES + 1):
        assert check(logins, "wrong")["error"] == "io.maildest.Helper.InvalidDestination"
    logins.write("clients/smtp", "app:canary-right\n")
    assert accepted(check(logins, "canary-right"))
