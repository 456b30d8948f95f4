# SPDX-License-Identifier: Apache-2.0
"""The machine sleeps: the wall and the boot's clock jump, the monotonic one stops; or the helper
alone is stopped while all clocks go on.

What is asked for when it happens is answered afterwards, with what is then true.
"""

import signal
import time

from client_credentials import REFRESH, UNAVAILABLE, ask, sent
from rotating_service import RotatingService

HOUR = 60 * 60
NIGHT = 8 * HOUR
WAITING = 5
# What a token request may take in all where a test waits for its end: two seconds.
IMPATIENT = {
    "tokenServiceURL.ConnectionTimeoutInSeconds": "1",
    "tokenServiceURL.SocketReadTimeoutInSeconds": "1",
}
REQUEST_SEC = 2
# The helper answers at once when it goes on; the rest is for a machine with much to do.
PROMPT_SEC = 10


def sleep(clock, seconds):
    """What the machine's clocks make of a sleep."""
    clock.set(**{name: moved + seconds for name, moved in clock.seconds.items()})


def asking(helper, service, **parameters):
    """Callers that wait for a token which the token service has been asked for."""
    service.gate.clear()
    callers = [helper.caller().open() for _ in range(WAITING)]
    for caller in callers:
        caller.send("GetToken", parameters)
    assert helper.wait_for(lambda: sum(t["waiters"] for t in helper.status()["tokens"]) == WAITING)
    assert service.arrived.acquire(timeout=PROMPT_SEC)
    return callers


def token(reply):
    assert "error" not in reply, reply
    return reply["parameters"]["access_token"]


def test_a_token_that_ends_while_it_is_fetched_is_not_served(aged, service, clock):
    """The reply was on its way when the machine fell asleep."""
    callers = asking(aged, service)
    sleep(clock, NIGHT)
    service.gate.set()
    for reply in [caller.receive() for caller in callers]:
        assert reply.get("error") == UNAVAILABLE, f"a token of last night is served: {reply}"
        assert "slept" in reply["parameters"]["reason"], reply
    assert aged.wait_for(lambda: "error" not in aged.get_token()), "it never recovers"
    assert token(aged.get_token()) == "canary-token-2"


def test_a_token_is_as_old_as_the_sleep_that_it_came_through(aged, service, clock):
    callers = asking(aged, service)
    sleep(clock, HOUR // 2)
    service.gate.set()
    for reply in [caller.receive() for caller in callers]:
        assert token(reply) == "canary-token-1"
        left = reply["parameters"]["expires_in"]
        assert HOUR // 2 - 60 <= left <= HOUR // 2, f"{left} s are left of half an hour"


def test_a_refresh_token_that_comes_through_a_sleep_is_kept(aged, service, clock):
    """The token beside it has ended, but the next one is had with what came."""
    grants = service.reply = RotatingService()
    aged.destination(service.url(), Authentication=REFRESH)
    own = grants.refresh_token()
    callers = asking(aged, service, credential=own)
    sleep(clock, NIGHT)
    service.gate.set()
    assert {caller.receive().get("error") for caller in callers} == {UNAVAILABLE}
    assert aged.wait_for(lambda: "error" not in ask(aged, own)), "it never recovers"
    assert len(set(sent(service))) == 2 and not grants.revoked()


def test_a_token_that_is_used_is_renewed_on_waking_up(aged, service, clock):
    """Nobody has to ask, and who asks meanwhile gets the one that is still good."""
    assert token(aged.get_token()) == token(aged.get_token()) == "canary-token-1"
    service.gate.clear()
    sleep(clock, HOUR * 9 // 10)
    assert aged.wait_for(lambda: len(service.requests) == 2), "the timer has slept in"
    assert token(aged.get_token()) == "canary-token-1"
    service.gate.set()
    assert aged.wait_for(lambda: token(aged.get_token()) == "canary-token-2")


def test_tokens_that_ended_are_forgotten_on_waking_up(aged, service, clock):
    token(aged.get_token())
    sleep(clock, NIGHT)
    assert aged.wait_for(lambda: not aged.status()["tokens"]), "the timer has slept in"
    assert len(service.requests) == 1, "a token is fetched that nobody wants"


def test_a_stopped_helper_answers_everybody_when_it_goes_on(helper, service):
    """It is stopped for longer than a request may take, whether the reply comes then or not."""
    helper.destination(service.url(), **IMPATIENT)
    callers = asking(helper, service)
    helper.process.send_signal(signal.SIGSTOP)
    late = helper.caller()
    late.send("OpenSession", {"service": "smtp", "destination": "mail"})
    late.send("GetToken")
    time.sleep(REQUEST_SEC + 0.2)  # what passes is what is tested
    helper.process.send_signal(signal.SIGCONT)
    begun = time.monotonic()
    for reply in [caller.receive() for caller in callers]:
        assert reply.get("error") == UNAVAILABLE and "timed out" in str(reply).lower(), reply
    assert late.receive() == {"parameters": {}}
    assert "parameters" in late.receive(), "who came meanwhile is not answered"
    assert time.monotonic() - begun < PROMPT_SEC
    service.gate.set()
    assert helper.wait_for(lambda: "error" not in helper.get_token()), "it never recovers"


def test_a_reply_that_came_while_the_helper_was_stopped_counts(helper, service):
    """As long as the request may still last."""
    helper.destination(service.url())
    callers = asking(helper, service)
    helper.process.send_signal(signal.SIGSTOP)
    service.gate.set()
    time.sleep(0.3)
    helper.process.send_signal(signal.SIGCONT)
    assert len({token(caller.receive()) for caller in callers}) == 1
    assert len(service.requests) == 1
