# SPDX-License-Identifier: Apache-2.0
"""Whoever may connect to one service cannot keep the others' clients out with it."""

import re

from fakes.fixtures import certificates, maildest, serve  # noqa: F401
from rig import waiting
from rig.forking import ForkingHandler, tcp
from test_forking_limits import (  # noqa: F401
    GREETING, OVERLOAD, assert_overload, client_name, fork, greeted, three,
)  # fmt: skip

# Sessions there may be, and those of them that are not for one service alone: an eighth.
ALL, KEPT = 24, 3


def crowd_of(handler, name, count):
    """So many clients that stay; those who were served, and those who were sent away at once."""
    clients = [handler.dial(name) for _ in range(count)]
    waiting.until(lambda: all(one.is_readable(0) for one in clients), "a word for all")
    lines = [(one, one.line()) for one in clients]
    away = [one for one, line in lines if re.fullmatch(OVERLOAD[name], line)]
    served = [one for one, line in lines if line.startswith(GREETING[name])]
    assert len(away) + len(served) == count, [line for _, line in lines]
    return served, away


def test_one_service_leaves_room_for_the_others(fork):
    handler = fork(args=[f"--sessions-max={ALL}"])
    served, away = crowd_of(handler, "alpha", ALL + 10)
    assert len(served) == ALL - KEPT, f"one service has {len(served)} of {ALL} sessions"
    assert_overload(handler, "alpha", [client_name(one) for one in away])
    with greeted(handler.dial("beta"), "beta"), greeted(handler.dial("gamma"), "gamma"):
        assert handler.visit("alpha").startswith("421 "), "one service has the others' part too"
    served.pop().smtp("QUIT")
    waiting.until(
        lambda: handler.visit("alpha").startswith(GREETING["alpha"]),
        "who leaves makes room for nobody",
    )
    for one in served + away:
        one.close()
    handler.drain("alpha")


def test_a_service_on_its_own_has_them_all(maildest, three):
    """However many sockets it has."""
    handler = ForkingHandler(
        maildest, [("alpha", tcp()), ("alpha", tcp())], args=[f"--sessions-max={ALL}"])
    clients = [handler.dial(number % 2) for number in range(ALL)]
    for one in clients:
        greeted(one, "alpha")
        one.close()
    handler.drain("alpha")
