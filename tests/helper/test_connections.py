# SPDX-License-Identifier: Apache-2.0
"""The varlink service itself: its protocol, and its peers at their worst."""

import json
import os
import pwd
import resource
import socket
import subprocess
import sys

import pytest

from helper_process import CLIENT_SECRET, is_sanitized
from token_service import is_renewed_unasked, token_reply

INVALID_PARAMETER = "org.varlink.service.InvalidParameter"
NOBODY = pwd.getpwnam("nobody").pw_uid


def test_describes_itself(helper):
    caller = helper.caller()
    info = caller.call("org.varlink.service.GetInfo")["parameters"]
    assert info["product"] == "maildest-helper"
    assert set(info["interfaces"]) == {"io.maildest.Helper", "org.varlink.service"}
    for interface in info["interfaces"]:
        text = caller.call("org.varlink.service.GetInterfaceDescription",
                           {"interface": interface})["parameters"]["description"]
        assert f"interface {interface}\n" in text and "method " in text
    folder = os.path.join(os.path.dirname(__file__), "../../helper")
    with open(f"{folder}/io.maildest.Helper.varlink", encoding="ascii") as f:
        text = caller.call("org.varlink.service.GetInterfaceDescription",
                           {"interface": "io.maildest.Helper"})["parameters"]["description"]
        assert text == f.read()


@pytest.mark.parametrize("method, parameters, error, told", [
    ("io.maildest.Helper.Nothing", {}, "org.varlink.service.MethodNotFound",
     {"method": "io.maildest.Helper.Nothing"}),
    ("com.example.Other.Get", {}, "org.varlink.service.InterfaceNotFound",
     {"interface": "com.example.Other"}),
    ("org.varlink.service.GetInterfaceDescription", {"interface": "com.example.Other"},
     "org.varlink.service.InterfaceNotFound", {"interface": "com.example.Other"}),
    ("org.varlink.service.GetInterfaceDescription", {}, INVALID_PARAMETER,
     {"parameter": "interface"}),
    ("org.varlink.service.GetInfo", {"a": 1}, INVALID_PARAMETER, {"parameter": "a"}),
    ("OpenSession", {}, INVALID_PARAMETER, {"parameter": "service"}),
    ("OpenSession", {"service": "s"}, INVALID_PARAMETER, {"parameter": "destination"}),
    ("OpenSession", {"service": "", "destination": "d"}, INVALID_PARAMETER,
     {"parameter": "service"}),
    ("OpenSession", {"service": "s", "destination": "../d"}, INVALID_PARAMETER,
     {"parameter": "destination"}),
    ("OpenSession", {"service": "s", "destination": 1}, INVALID_PARAMETER,
     {"parameter": "destination"}),
    ("OpenSession", {"service": "s", "destination": None}, INVALID_PARAMETER,
     {"parameter": "destination"}),
    ("OpenSession", {"service": "s", "destination": "d", "tenant": "a/b"}, INVALID_PARAMETER,
     {"parameter": "tenant"}),
    ("GetToken", {}, "io.maildest.Helper.SessionNotOpen", {}),
    ("GetToken", {"minimum_lifetime": -1}, INVALID_PARAMETER,
     {"parameter": "minimum_lifetime"}),
    ("GetToken", {"minimum_lifetime": "1"}, INVALID_PARAMETER,
     {"parameter": "minimum_lifetime"}),
    ("RejectToken", {}, INVALID_PARAMETER, {"parameter": "token_sha256"}),
    ("RejectToken", {"token_sha256": "A" * 64}, INVALID_PARAMETER,
     {"parameter": "token_sha256"}),
    ("RejectToken", {"token_sha256": "a" * 64}, "io.maildest.Helper.SessionNotOpen", {}),
])
def test_errors(helper, method, parameters, error, told):
    caller = helper.caller()
    assert caller.call(method, parameters) == {"error": error, "parameters": told}
    assert "error" not in caller.call("org.varlink.service.GetInfo")


def test_session_opens_once(helper):
    caller = helper.caller().open("one")
    reply = caller.call("OpenSession", {"service": "s", "destination": "two"})
    assert reply["error"] == "io.maildest.Helper.SessionAlreadyOpen"


def test_fragments_and_instances_are_not_ignored(helper, service):
    helper.destination(service.url())
    for more, words in (({"fragment": "f"}, "/fragments/f.json: there is no such file"),
                        ({"instance": "i"}, "/instances/i.json: there is no such file"),
                        ({"level": "instance"}, "DefaultInstance="), ({"chain": "c"}, "chain")):
        reply = helper.caller().open(**more).call("GetToken")
        assert reply["error"] == "io.maildest.Helper.InvalidDestination"
        assert words in reply["parameters"]["reason"]


def test_fragments_and_secrets_of_tenants(helper, service):
    helper.destination(service.url())
    os.makedirs(f"{helper.config}/secrets/acme")
    os.makedirs(f"{helper.config}/fragments")
    helper.write("secrets/acme/mail.json", {"clientSecret": "canary-of-acme"})
    helper.write("fragments/f.json", {"clientId": "of-the-fragment"})
    for more in ({}, {"tenant": "acme"}, {"tenant": "other"}, {"fragment": "f"},
                 {"fragment": "none", "fragment_optional": True}):
        assert "error" not in helper.caller().open(**more).call("GetToken")
    forms = [dict(request.form) for request in service.requests]
    assert [form["client_id"] for form in forms] == ["the-client"] * 3 + [
        "of-the-fragment", "the-client"]
    assert [form["client_secret"] for form in forms] == [
        CLIENT_SECRET, "canary-of-acme"] + [CLIENT_SECRET] * 3


def test_secrets_of_all_are_not_sent_where_a_tenant_says(helper, service):
    """A tenant's own destination names its token service itself."""
    os.makedirs(f"{helper.config}/destinations/acme")
    helper.destination(service.url("/of-acme"), name="mail")
    os.rename(*(f"{helper.config}/destinations/{path}mail.json" for path in ("", "acme/")))
    helper.destination(service.url("/of-all"))
    reply = helper.caller().open(tenant="acme").call("GetToken")
    assert reply["error"] == "io.maildest.Helper.InvalidDestination"
    assert "destinations/acme/mail.json" in reply["parameters"]["reason"]
    assert "clientSecret" in reply["parameters"]["reason"]
    assert not service.requests, "a secret of all is posted to a tenant's address"
    os.makedirs(f"{helper.config}/secrets/acme")
    helper.write("secrets/acme/mail.json", {"clientSecret": "canary-of-acme"})
    assert "error" not in helper.caller().open(tenant="acme").call("GetToken")
    assert "error" not in helper.caller().open(tenant="other").call("GetToken")
    seen = [(request.path, dict(request.form)["client_secret"]) for request in service.requests]
    assert seen == [("/of-acme", "canary-of-acme"), ("/of-all", CLIENT_SECRET)]


def test_flags(helper, service):
    helper.destination(service.url())
    caller = helper.caller()
    caller.send("OpenSession", {"service": "s", "destination": "mail"}, oneway=True)
    caller.send("Nothing", {}, oneway=True)
    caller.send("GetToken", {}, oneway=True)
    reply = caller.call("GetToken", {}, more=True, oneway=False)
    assert "access_token" in reply["parameters"] and "continues" not in reply
    reply = caller.call("GetToken", {}, upgrade=True)
    assert reply["error"] == "org.varlink.service.MethodNotImplemented"
    assert len(service.requests) == 1


def test_pipelined_calls_are_answered_in_order(helper, service):
    helper.destination(service.url())
    service.gate.clear()
    caller = helper.caller()
    caller.send("OpenSession", {"service": "s", "destination": "mail"})
    caller.send("GetToken")
    for i in range(200):
        caller.send(f"M{i}")
    assert caller.receive() == {"parameters": {}}
    service.gate.set()
    assert "access_token" in caller.receive()["parameters"]
    for i in range(200):
        assert caller.receive()["parameters"] == {"method": f"io.maildest.Helper.M{i}"}


@pytest.mark.parametrize("data", [
    b"garbage\0", b"\0", b"[]\0", b"{}\0", b"{\"method\": 1}\0", b"\xff\xfe\0",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\0",
    b'{"method":"a.B","parameters":[]}\0',
    b'{"method":"a.B","oneway":1}\0',
    b'{"method":"a.B","oneway":true,"more":true}\0',
    b'{"method":"a.B","method":"a.C"}\0',
    b"x" * 20000,
], ids=range(12))
def test_garbage_is_cut_off_with_a_record(helper, data):
    caller = helper.caller()
    caller.send_raw(data)
    assert caller.is_closed()
    assert helper.serves()
    log = helper.final_log()
    assert log.count("Closed a connection from user") == 1


def test_a_mebibyte_without_end_is_cut_off(helper):
    caller = helper.caller().open()
    try:
        caller.send_raw(b"x" * (1 << 20))
    except OSError:
        pass
    assert caller.is_closed()
    assert helper.serves()


def test_silent_peers_cost_nobody_anything(helper, service):
    helper.destination(service.url())
    silent = [helper.caller() for _ in range(50)]
    assert "error" not in helper.get_token()
    assert helper.status()["sessions"] >= 50
    for caller in silent:
        caller.close()
    assert helper.wait_for(lambda: helper.status()["sessions"] <= 1)


@pytest.mark.parametrize("sent", range(0, 150, 7))
def test_peer_that_leaves_at_any_moment(helper, service, sent):
    helper.destination(service.url())
    call = json.dumps({"method": "io.maildest.Helper.OpenSession", "parameters": {
        "service": "s", "destination": "mail"}}).encode() + b"\0"
    call += json.dumps({"method": "io.maildest.Helper.GetToken"}).encode() + b"\0"
    caller = helper.caller()
    caller.send_raw(call[:sent])
    caller.close()
    assert "error" not in helper.get_token()
    assert helper.wait_for(lambda: helper.status()["sessions"] <= 1)


def test_peer_that_leaves_while_waiting_is_forgotten(helper, service):
    helper.destination(service.url())
    service.gate.clear()
    leaving, staying = helper.caller().open(), helper.caller().open()
    waiters = lambda: sum(t["waiters"] for t in helper.status()["tokens"])
    for caller in (leaving, staying):
        caller.send("GetToken")
    assert helper.wait_for(lambda: waiters() == 2)
    leaving.close()
    assert helper.wait_for(lambda: waiters() == 1)
    service.gate.set()
    assert "access_token" in staying.receive()["parameters"]
    assert len(service.requests) == 1


def test_peer_that_is_killed_while_waiting_is_forgotten(helper, service):
    helper.destination(service.url())
    service.gate.clear()
    script = ("import sys; sys.path.insert(0, sys.argv[1])\n"
              "from helper_process import Caller\n"
              "c = Caller(sys.argv[2]).open(); c.send('GetToken'); c.receive()\n")
    child = subprocess.Popen(
        [sys.executable, "-c", script, os.path.dirname(__file__), helper.path])
    waiters = lambda: sum(t["waiters"] for t in helper.status()["tokens"])
    assert helper.wait_for(lambda: waiters() == 1)
    child.kill()
    child.wait()
    assert helper.wait_for(lambda: waiters() == 0)
    service.gate.set()
    assert "error" not in helper.get_token()
    assert len(service.requests) == 1


def test_peer_that_only_stops_sending_gets_its_answer(helper, service):
    helper.destination(service.url())
    service.gate.clear()
    caller = helper.caller().open()
    caller.send("GetToken")
    caller.socket.shutdown(socket.SHUT_WR)
    assert service.arrived.acquire(timeout=20)
    service.gate.set()
    assert "access_token" in caller.receive()["parameters"]
    assert caller.is_closed()


@pytest.mark.release
def test_peer_that_never_reads_holds_up_nobody(helper, service):
    helper.destination(service.url())
    caller = helper.caller()
    caller.socket.settimeout(0.3)
    call = json.dumps({"method": "org.varlink.service.GetInterfaceDescription",
                       "parameters": {"interface": "io.maildest.Helper"}}).encode() + b"\0"
    with pytest.raises(TimeoutError):
        for _ in range(20000):
            caller.send_raw(call)
    assert "error" not in helper.get_token()
    with open(f"/proc/{helper.process.pid}/status", encoding="ascii") as f:
        resident = next(line for line in f if line.startswith("VmRSS"))
    if not is_sanitized():
        assert int(resident.split()[1]) < 65536


def test_too_many_connections_wait_until_there_is_room(make_helper, service):
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    helper = make_helper().start(preexec=limit)
    helper.destination(service.url())
    assert "error" not in helper.get_token()
    callers = [helper.caller() for _ in range(100)]
    assert "error" not in callers[0].open().call("GetToken")
    for caller in callers[:60]:
        caller.close()
    for caller in callers[60:]:
        assert "error" not in caller.open().call("GetToken")
        caller.close()


def test_many_callers_come_and_go(helper, service):
    helper.destination(service.url())
    descriptors = lambda: len(os.listdir(f"/proc/{helper.process.pid}/fd"))
    assert "error" not in helper.get_token()
    assert helper.wait_for(lambda: helper.status()["sessions"] <= 1)
    before = descriptors()
    for _ in range(300):
        helper.caller().close()
        assert "error" not in helper.get_token()
    assert helper.wait_for(lambda: helper.status()["sessions"] <= 1)
    assert helper.wait_for(lambda: descriptors() <= before)


def test_token_renewal_ahead_of_its_end_while_in_use(helper, service):
    numbers = iter(range(100))
    service.reply = lambda r: token_reply(f"token-{next(numbers)}", expires_in=2)
    helper.destination(service.url())
    assert helper.get_token()["parameters"]["access_token"] == "token-0"
    assert helper.wait_for(lambda: is_renewed_unasked(service, helper.get_token))
    assert helper.wait_for(
        lambda: helper.get_token()["parameters"]["access_token"] != "token-0")
