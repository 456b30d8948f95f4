# SPDX-License-Identifier: Apache-2.0
"""TLS sessions that one connection leaves and another takes: over the socket, as handlers do."""

import os
import signal
import socket

import pytest

from helper_process import is_sanitized

CONTEXT = "c0" * 32
OTHER = "0c" * 32
INVALID_PARAMETER = "org.varlink.service.InvalidParameter"
NOT_OPEN = "io.maildest.Helper.SessionNotOpen"
LENGTH_MAX = 24 * 1024
NUMBER_MAX = 1024
BYTES_MAX = 4 << 20


def session(text="c2Vzc2lvbg==", context=CONTEXT, lifetime=3600, single_use=True, **more):
    return {"context": context, "session": text, "lifetime": lifetime,
            "single_use": single_use, **more}


def put(caller, *arguments, **parameters):
    assert caller.call("PutTlsSession", session(*arguments, **parameters)) == {"parameters": {}}


def get(caller, context=CONTEXT):
    """The session, or None; the reply has nothing beside it."""
    reply = caller.call("GetTlsSession", {"context": context})
    assert set(reply) == {"parameters"} and set(reply["parameters"]) <= {"session"}
    return reply["parameters"].get("session")


def test_one_connection_leaves_it_another_takes_it_once(helper):
    first, second = helper.caller().open(), helper.caller().open()
    assert get(first) is None
    put(first, "b25l")
    put(first, "dHdv")
    first.close()
    assert helper.status()["tls_sessions"] == 2
    assert get(second) == "dHdv"
    assert get(second) == "b25l"
    assert get(second) is None
    assert helper.status()["tls_sessions"] == 0


def test_reusable_one_is_given_to_many_until_it_is_replaced(helper):
    callers = [helper.caller().open() for _ in range(3)]
    put(callers[0], "b25l", single_use=False)
    assert [get(caller) for caller in callers] == ["b25l"] * 3
    put(callers[1], "dHdv", single_use=False)
    assert [get(caller) for caller in callers] == ["dHdv"] * 3
    assert helper.status()["tls_sessions"] == 1


def test_tenants_destinations_and_contexts_are_apart(helper):
    put(helper.caller().open(tenant="one"), "b25l", single_use=False)
    for bound in ({}, {"tenant": "two"}, {"destination": "other", "tenant": "one"},
                  {"tenant": "one", "fragment": "f"}, {"tenant": "one", "instance": "i"}):
        assert get(helper.caller().open(**bound)) is None, bound
    assert get(helper.caller().open(tenant="one"), OTHER) is None
    # Several services may expose one destination.
    assert get(helper.caller().open(service="imap", tenant="one")) == "b25l"


def test_life_ends(helper):
    caller = helper.caller().open()
    put(caller, "b25l", lifetime=1)
    put(caller, "dHdv", lifetime=0)
    assert helper.status()["tls_sessions"] == 1
    assert helper.wait_for(lambda: helper.status()["tls_sessions"] == 0)
    assert get(caller) is None


@pytest.mark.parametrize("parameters, bad", [
    ({"context": None}, "context"),
    ({"context": "C0" * 32}, "context"),
    ({"context": "c0" * 31}, "context"),
    ({"session": None}, "session"),
    ({"session": ""}, "session"),
    ({"session": "YQ== "}, "session"),
    ({"session": "YQ-_"}, "session"),
    ({"session": "\u00e4"}, "session"),
    ({"session": "x" * (LENGTH_MAX + 1)}, "session"),
    ({"session": 1}, "session"),
    ({"lifetime": -1}, "lifetime"),
    ({"lifetime": "1"}, "lifetime"),
    ({"lifetime": None}, "lifetime"),
    ({"single_use": 1}, "single_use"),
    ({"single_use": None}, "single_use"),
    ({"more": 1}, "more"),
])
def test_wrong_parameters_are_named(helper, parameters, bad):
    caller = helper.caller().open()
    reply = caller.call("PutTlsSession", session(**parameters) | parameters)
    assert reply == {"error": INVALID_PARAMETER, "parameters": {"parameter": bad}}
    if bad == "context":
        reply = caller.call("GetTlsSession", {"context": parameters["context"]})
        assert reply == {"error": INVALID_PARAMETER, "parameters": {"parameter": bad}}
    assert helper.status()["tls_sessions"] == 0


def test_longest_one_that_is_allowed(helper):
    text = "x" * LENGTH_MAX
    caller = helper.caller().open()
    put(caller, text)
    assert get(caller) == text


def test_needs_an_open_session(helper):
    caller = helper.caller()
    for method, parameters in (("GetTlsSession", {"context": CONTEXT}),
                               ("PutTlsSession", session())):
        assert caller.call(method, parameters) == {"error": NOT_OPEN, "parameters": {}}


def test_is_answered_before_the_token_that_is_waited_for(helper, service):
    helper.destination(service.url())
    put(helper.caller().open(), "b25l")
    service.gate.clear()
    caller = helper.caller()
    caller.send_raw(b"".join(
        caller.message(method, parameters) for method, parameters in (
            ("OpenSession", {"service": "smtp", "destination": "mail"}),
            ("GetTlsSession", {"context": CONTEXT}),
            ("GetToken", None))))
    assert caller.receive() == {"parameters": {}}
    assert caller.receive() == {"parameters": {"session": "b25l"}}
    assert service.arrived.acquire(timeout=20)
    service.gate.set()
    assert "access_token" in caller.receive()["parameters"]


def leave(helper, caller, *messages, end="close"):
    """Says all that in one write and is gone, by one of the ways there are, before it is heard."""
    helper.process.send_signal(signal.SIGSTOP)
    caller.send_raw(b"".join(messages))
    if end == "half-close":
        caller.socket.shutdown(socket.SHUT_WR)
    else:
        caller.close()
    helper.process.send_signal(signal.SIGCONT)
    assert end == "close" or caller.is_closed()


@pytest.mark.parametrize("end", ["close", "half-close"])
@pytest.mark.parametrize("size", [4, LENGTH_MAX])
def test_last_words_of_a_peer_that_leaves_count(helper, end, size):
    for i in range(20):
        caller = helper.caller()
        last = caller.message("PutTlsSession", session("x" * size), oneway=True)
        leave(helper, caller.open(), last, end=end)
        assert helper.wait_for(lambda n=i: helper.status()["tls_sessions"] == n + 1)
    assert get(helper.caller().open()) == "x" * size


def test_last_words_count_though_the_session_was_opened_with_them(helper):
    caller = helper.caller()
    leave(helper, caller,
          caller.message("OpenSession", {"service": "smtp", "destination": "mail"}),
          caller.message("PutTlsSession", session("x" * LENGTH_MAX), oneway=True),
          caller.message("PutTlsSession", session("x" * LENGTH_MAX), oneway=True))
    assert helper.wait_for(lambda: helper.status()["tls_sessions"] == 2)


def test_last_words_count_though_an_answer_was_not_read(helper, service):
    helper.destination(service.url())
    caller = helper.caller().open()
    caller.send("GetToken")
    assert helper.wait_for(lambda: helper.status()["tokens"] and
                           helper.status()["tokens"][0]["state"] == "valid")
    leave(helper, caller, caller.message("PutTlsSession", session(), oneway=True))
    assert helper.wait_for(lambda: helper.status()["tls_sessions"] == 1)


def test_last_words_count_behind_a_call_that_would_wait(helper, service):
    helper.destination(service.url())
    service.gate.clear()
    caller = helper.caller().open()
    leave(helper, caller, caller.message("GetToken"),
          caller.message("PutTlsSession", session(), oneway=True))
    assert helper.wait_for(lambda: helper.status()["tls_sessions"] == 1)
    assert helper.wait_for(lambda: helper.status()["sessions"] == 1)
    assert all(token["waiters"] == 0 for token in helper.status()["tokens"])


def resident_kib(helper):
    with open(f"/proc/{helper.process.pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


@pytest.mark.release
def test_flood_of_one_peer_is_bounded(helper):
    caller = helper.caller().open()
    before = resident_kib(helper)
    for i in range(2000):
        text = "x" * (LENGTH_MAX if i % 2 else 64)
        caller.send("PutTlsSession", session(text, f"{i % 500:064x}"), oneway=True)
    status = caller.call("Status")["parameters"]
    assert 0 < status["tls_sessions"] <= NUMBER_MAX
    if not is_sanitized():
        assert resident_kib(helper) - before < 4 * BYTES_MAX / 1024
    # ... and at the least as many as were put last are still there.
    assert get(caller, f"{1999 % 500:064x}") == "x" * LENGTH_MAX


def test_status_counts_small_ones_up_to_their_number(helper):
    caller = helper.caller().open()
    for i in range(NUMBER_MAX + 100):
        caller.send("PutTlsSession", session(context=f"{i:064x}"), oneway=True)
    assert caller.call("Status")["parameters"]["tls_sessions"] == NUMBER_MAX
    assert get(caller, f"{0:064x}") is None
    assert get(caller, f"{NUMBER_MAX + 99:064x}") is not None


def test_nothing_is_kept_across_a_restart(make_helper):
    helper = make_helper().start()
    put(helper.caller().open(), "b25l")
    assert helper.stop() == 0
    helper.start()
    assert get(helper.caller().open()) is None


def test_no_session_is_in_the_log(helper):
    caller = helper.caller().open()
    put(caller, "c2VjcmV0LXRpY2tldA==")
    caller.call("PutTlsSession", session("c2VjcmV0LXRpY2tldA== "))
    assert "c2VjcmV0LXRpY2tldA" not in helper.final_log()
    assert not os.path.exists(helper.path)
