# SPDX-License-Identifier: Apache-2.0
"""Sessions of one service cannot keep those of the others away from the helper."""

import resource

# Of its descriptors a helper keeps 32 for itself.
DESCRIPTORS, CONNECTIONS = 64, 32
# An eighth is not for one service alone.
KEPT = CONNECTIONS // 8
LIMIT_EXCEEDED = "io.maildest.Helper.LimitExceeded"


def limit():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


def ask_to_open(helper, service, caller=None):
    caller = caller or helper.caller()
    reply = caller.call("OpenSession", {"service": service, "destination": "mail"})
    return caller, reply.get("error")


def test_one_service_leaves_connections_for_the_others(make_helper, service):
    helper = make_helper().start(preexec=limit)
    helper.destination(service.url())
    patient = helper.caller()
    assert "error" not in patient.call("org.varlink.service.GetInfo")
    open_ones = []
    for _ in range(CONNECTIONS - KEPT - 1):
        caller, error = ask_to_open(helper, "greedy")
        assert error is None, f"refused beyond {len(open_ones)} sessions: {error}"
        open_ones.append(caller)
    open_ones.append(ask_to_open(helper, "greedy")[0])
    _, error = ask_to_open(helper, "greedy", patient)
    assert error == LIMIT_EXCEEDED, "who came first and opens last has more than a share"
    patient.close()
    caller, error = ask_to_open(helper, "greedy")
    assert error == LIMIT_EXCEEDED, "one service may have all connections"
    caller.close()
    caller, error = ask_to_open(helper, "modest")
    assert error is None, f"another service hears {error}"
    assert "error" not in caller.call("GetToken")
    caller.close()
    for one in open_ones[:KEPT]:
        one.close()
    caller, error = ask_to_open(helper, "greedy")
    assert error is None, "what is closed makes no room"
