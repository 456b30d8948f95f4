# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump: tokens live by the time since the boot, suspended hours included."""

import shutil

import pytest

from client_credentials import UNAVAILABLE
from token_service import TokenService, numbered_tokens

HOUR = 60 * 60
YEAR = 365 * 24 * HOUR
WAITING = 20


def token(helper):
    reply = helper.get_token()
    assert "error" not in reply, reply
    return reply["parameters"]["access_token"]


@pytest.mark.parametrize("years", [-30, 30])
def test_a_wall_clock_that_is_set_costs_no_token(aged, clock, service, years):
    first = token(aged)
    clock.set(wall=years * YEAR)
    reply = aged.get_token()["parameters"]
    assert reply["access_token"] == first, "a token that is good is not served"
    assert HOUR - 60 <= reply["expires_in"] <= HOUR
    clock.set(boot=HOUR)
    second = token(aged)
    assert second != first, "a token that has ended is served"
    clock.set(wall=0)
    assert token(aged) == second
    assert len(service.requests) == 2


def test_a_token_that_ended_while_the_host_slept_is_not_served(aged, clock, service):
    """Everybody asks on waking up: one request is made, and all get what it brings."""
    first = token(aged)
    clock.set(boot=8 * HOUR)
    service.gate.clear()
    callers = [aged.caller().open() for _ in range(WAITING)]
    for caller in callers:
        caller.send("GetToken")
    assert aged.wait_for(lambda: sum(t["waiters"] for t in aged.status()["tokens"]) == WAITING)
    service.gate.set()
    got = {caller.receive()["parameters"]["access_token"] for caller in callers}
    assert len(got) == 1 and first not in got
    assert len(service.requests) == 2


def test_a_host_that_wakes_up_without_a_network_serves_nothing_stale(aged, clock, service):
    first = token(aged)
    good, service.reply = service.reply, (503, {}, "")
    clock.set(boot=8 * HOUR)
    assert aged.get_token()["error"] == UNAVAILABLE
    service.reply = good
    assert aged.wait_for(lambda: "error" not in aged.get_token()), "it never recovers"
    assert token(aged) != first


def test_a_pause_ends_while_the_host_sleeps(aged, clock, service):
    good, service.reply = service.reply, (503, {"Retry-After": "300"}, "")
    assert aged.get_token()["error"] == UNAVAILABLE
    service.reply = good
    assert aged.get_token()["error"] == UNAVAILABLE
    assert len(service.requests) == 1, "the pause is not kept"
    clock.set(boot=301)
    token(aged)
    assert len(service.requests) == 2


@pytest.mark.parametrize("years, why", [(-30, "not yet valid"), (30, "expired")])
def test_a_certificate_that_a_wrong_clock_refuses_costs_no_token_that_is_good(
        aged, clock, certificates, years, why):
    """And the next one is had as soon as the clock is right."""
    shutil.copy(f"{certificates}/ca.pem", f"{aged.config}/certificates")
    service = TokenService(f"{certificates}/good.pem")
    service.reply = numbered_tokens()
    try:
        aged.destination(service.url(), TrustStoreLocation="ca.pem")
        first = token(aged)
        clock.set(wall=years * YEAR)
        assert token(aged) == first
        clock.set(boot=HOUR)
        reply = aged.get_token()
        assert reply["error"] == UNAVAILABLE and why in reply["parameters"]["reason"], reply
        clock.set(wall=0, boot=2 * HOUR)
        assert token(aged) != first
        assert len(service.requests) == 2
    finally:
        service.close()
