# SPDX-License-Identifier: Apache-2.0
"""A token service that fails in every way in turn, while sessions keep coming."""

import concurrent.futures
import itertools
import threading
import time

import pytest

from token_service import token_reply

UNAVAILABLE = "io.maildest.Helper.TokenServiceUnavailable"
LIFE = 600
STEP = 20  # seconds that pass between sessions
STEPS = 100
AT_ONCE = 4
MARGIN = 60  # a token that ends so soon may be withheld
LONGEST_PAUSE = 300
PATIENCE = 1  # real seconds that the helper waits for an answer


class Flapping:
    """Answers as `ways` say, one after the other, and notes what it has given away."""

    def __init__(self):
        self.now = 0  # on the helper's clock
        self.ways = itertools.cycle((self.good, self.trouble, self.hang_up, self.silence,
                                     self.garbage, self.trouble))
        self.numbers = itertools.count(1)
        self.ends = {}  # of each token, on the helper's clock
        self.seen = set()  # those that the helper surely has
        self.ended = threading.Event()
        self.under_way = self.most = 0
        self.silent_until = 0.0
        self.failures = 0
        self.lock = threading.Lock()

    def good(self):
        token = f"canary-token-{next(self.numbers)}"
        self.ends[token] = self.now + LIFE
        return token_reply(token, expires_in=LIFE)

    @staticmethod
    def trouble():
        return 500, {}, "trouble"

    @staticmethod
    def hang_up():
        raise ConnectionError

    @staticmethod
    def garbage():
        return 200, {}, "<html>log in</html>"

    def silence(self):
        """The helper leaves before this ends: how soon, the service does not see."""
        with self.lock:
            self.under_way -= 1
            self.silent_until = time.monotonic() + PATIENCE * 0.4
        self.ended.wait(10 * PATIENCE)
        with self.lock:
            self.under_way += 1
        return self.trouble()

    def __call__(self, _):
        with self.lock:
            self.under_way += 1
            silent = time.monotonic() < self.silent_until
            self.most = max(self.most, self.under_way + silent)
            way = next(self.ways)
            self.failures += way != self.good
        try:
            return way()
        finally:
            with self.lock:
                self.under_way -= 1

    def has_good_token(self):
        return any(self.now + MARGIN < self.ends[token] for token in self.seen)


@pytest.fixture
def flapping(service):
    service.reply = Flapping()
    yield service.reply
    service.reply.ended.set()


def test_no_session_fails_that_a_token_could_serve(make_helper, clock, flapping, service):
    clock.set(boot=0)
    helper = make_helper(environment=clock.environment).start()
    helper.destination(service.url(), **{
        "tokenServiceURL.ConnectionTimeoutInSeconds": str(PATIENCE),
        "tokenServiceURL.SocketReadTimeoutInSeconds": str(PATIENCE)})
    served = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as sessions:
        for _ in range(STEPS):
            could = flapping.has_good_token()
            for reply in sessions.map(lambda _: helper.get_token(), range(AT_ONCE)):
                if "error" in reply:
                    assert reply["error"] == UNAVAILABLE
                    assert not could, f"a token was there, but: {reply}"
                    continue
                token = reply["parameters"]["access_token"]
                assert flapping.ends[token] > flapping.now, "a token that has ended is served"
                flapping.seen.add(token)
                served += 1
            flapping.now += STEP
            clock.set(boot=flapping.now)
    assert served and flapping.failures > 10, f"{served} served, {flapping.failures} failures"
    assert flapping.most == 1, f"{flapping.most} requests were under way at once"
    # Each failure has its pause: sessions do not ask on their own.
    assert len(service.requests) < STEPS / 2, f"{len(service.requests)} requests"
    flapping.ways = itertools.repeat(flapping.good)
    flapping.now += LIFE
    clock.set(boot=flapping.now)
    helper.get_token()  # it may have to wait for what was asked before
    flapping.now += LONGEST_PAUSE
    clock.set(boot=flapping.now)
    assert "error" not in helper.get_token(), "it does not recover"
