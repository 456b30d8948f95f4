# SPDX-License-Identifier: Apache-2.0
"""The figures: each function measures one of them once, of one system."""

import time

from .account import memory_kib
from .load import Broken

MIB = 1024
LARGE_MIB = 64
CONCURRENCY = 16
# So long after the last word a session counts as idle.
IDLE_SECONDS = 1


def _whole(done, what):
    if done["failed"]:
        raise Broken(f"{what}: {done['failed']} of {done['failed'] + done['ok']} failed")
    return done


def _milliseconds(done):
    return {"p50_ms": done["p50_usec"] / 1e3, "p99_ms": done["p99_usec"] / 1e3}


def latency(system, load, way, count):
    """Of sessions, one after the other."""
    done = load.sessions(system.options(way), count)
    return _milliseconds(_whole(done, f"{way.name}, one at a time"))


def metered(system, run, count):
    """(what run() returns, the processor milliseconds of each of its `count` sessions)"""
    if not system.account:
        return run(), None
    system.settle()
    before = system.account.usage_ms()
    result = run()
    system.settle()
    return result, (system.account.usage_ms() - before) / count


def rate(system, load, way, count):
    """Of sessions, many at once; and what each costs."""
    done, cpu_ms = metered(
        system, lambda: load.sessions(system.options(way), count, CONCURRENCY), count
    )
    _whole(done, f"{way.name}, {CONCURRENCY} at once")
    figures = {"rate": done["ok"] / done["usec"] * 1e6}
    return figures if cpu_ms is None else figures | {"cpu_ms": cpu_ms}


def throughput(system, load, way, count):
    """Of one large mail at a time."""
    done = load.sessions(system.options(way), count, kib=LARGE_MIB * MIB)
    _whole(done, f"{way.name}, {LARGE_MIB} MiB")
    return {"mib_per_s": LARGE_MIB / done["p50_usec"] * 1e6}


def idle(system, load, way, count):
    """The memory of each of so many sessions whose mail has been moved and which stay: private to
    its own process, and by how much (proportional) all of maildest's grow."""
    system.settle()
    before = memory_kib(system.account.pids())
    with load.held(system.options(way), count):
        time.sleep(IDLE_SECONDS)  # what is measured, not luck: how a session is after that
        sessions = memory_kib(system.sessions())
        held = memory_kib(system.account.pids())
    if None in (before, sessions, held):
        return {}
    return {
        "private_kib": sum(one["private"] for one in sessions) / count,
        "pss_kib": (sum(one["pss"] for one in held) - sum(one["pss"] for one in before)) / count,
    }


def at_once(system, load, way, count, upstream):
    """So many connections at the same moment, and no token in the cache."""
    system.settle()
    system.forget_tokens()
    before = upstream.counters()["token_requests"]
    begun = time.monotonic()
    done = load.sessions(system.options(way), count, concurrency=count)
    seconds = time.monotonic() - begun
    return {
        "sessions": count,
        "failed": done["failed"],
        "token_requests": upstream.counters()["token_requests"] - before,
        "seconds": seconds,
    }


def token(system, load, way, count, anew):
    """A cached token from the helper."""
    done = system.tokens(load, way, count, anew)
    return _milliseconds(_whole(done, "cached tokens"))
