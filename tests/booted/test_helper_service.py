# SPDX-License-Identifier: Apache-2.0
"""The helper as a service: what it knows outlives it, and no session notices its death."""

import re

import pytest

from fakes.target import TOKEN
from fakes.token_service import TokenService, token_reply
from rig import waiting
from scale import either, figure
from sessions import PROTOCOLS, Load, Session, at_once, begin

SERVICE = "maildest-helper.service"
KILLS = either(10, 100)
# One protocol in each mode.
SOCKETS = ("maildest-smtp.socket", "maildest-imap-forking.socket", "maildest-pop3.socket")


@pytest.fixture
def ports(machine, mail):
    machine.systemctl("start", *SOCKETS)
    return machine


def assert_nothing_noticed(machine, tokens):
    """No session has failed or was late, and no token was asked for anew."""
    for protocol in PROTOCOLS:
        match = (f"MAILDEST_DESTINATION={protocol}", "-p", "warning")
        assert not machine.journal(*match), "a session complains"
    assert len(tokens.requests) == len(PROTOCOLS), "tokens are asked for again"


def serve_one_each(machine):
    at_once(begin(machine, len(PROTOCOLS)), Session.leave)


def wait_for_another(machine, before):
    """Waits until the helper runs in another process than this one; its pid."""

    def pid():
        current = int(machine.property(SERVICE, "MainPID"))
        ready = machine.property(SERVICE, "ActiveState") == "active"
        return current if ready and current not in (0, before) else None

    return waiting.until(pid, "the helper is not started again")


def kill(machine):
    """Kills the helper and waits for the next."""
    before = int(machine.property(SERVICE, "MainPID"))
    machine.systemctl("kill", "-s", "KILL", SERVICE)
    return wait_for_another(machine, before)


def test_what_is_said_of_a_lost_socket_mends_it(ports):
    """Its unit is active still, and to start it would do nothing."""
    ports.run("rm", "/run/maildest/helper.sock")
    session = Session(ports, "smtp")
    assert session.dialogue.line().startswith("421 4.3.0 ")
    session.dialogue.close()
    (record,) = ports.records("smtp", 1)
    ports.run(*re.search(r"\((systemctl .*)\)$", record["MESSAGE"])[1].split())
    Session(ports, "smtp").whole()


@pytest.fixture
def moving(machine, mail, certificates, network, tmp_path):
    """A token service by a name, of which the destination `smtp` has its tokens."""
    pair = certificates.authority.issue("moving", names=("DNS:tokens.example",))
    (tmp_path / "moving.pem").write_text("".join(path.read_text() for path in pair))
    service = network.run(TokenService, tmp_path / "moving.pem")
    service.reply = token_reply(TOKEN)
    machine.destination("smtp", mail["smtp"], oauth=service.url(host="tokens.example"))
    yield service
    service.close()


def test_a_token_service_that_moves_is_found_again(machine, moving):
    """Its old address is no longer than in the name service itself."""
    machine.systemctl("start", SOCKETS[0])
    machine.run("tee", "-a", "/etc/hosts", text="127.0.0.9 tokens.example\n")

    def greeting():
        session = Session(machine, "smtp")
        line = session.dialogue.line()
        session.dialogue.close()
        return line[:9]

    assert greeting() == "421 4.7.0"
    hosts = machine.run("sed", "s/^127.0.0.9 /127.0.0.1 /", "/etc/hosts")
    machine.run("tee", "/etc/hosts", text=hosts)
    waiting.until(lambda: greeting().startswith("220 "), "it is asked at its old address")


@pytest.mark.parametrize("how", ("kill", "restart"))
def test_tokens_outlive_the_helper(ports, mail, tokens, how):
    serve_one_each(ports)
    assert len(tokens.requests) == len(PROTOCOLS), "not one token request for each destination"
    for _ in range(3):
        if how == "kill":
            kill(ports)
        else:
            ports.systemctl("restart", SERVICE)
        serve_one_each(ports)
    assert len(tokens.requests) == len(PROTOCOLS), "tokens are asked for again"


def test_no_session_notices_a_dying_helper(ports, mail, tokens):
    serve_one_each(ports)
    with Load(ports) as load:
        for _ in range(KILLS):
            kill(ports)
            load.wait_for_more("after that")
    assert int(ports.property(SERVICE, "NRestarts")) == KILLS
    assert_nothing_noticed(ports, tokens)
    figure(f"helper killed {KILLS} times, sessions meanwhile", sum(load.counts.values()))


def test_a_helper_that_hangs(ports, mail, tokens):
    """The watchdog ends it, and who asked meanwhile is answered by the next."""
    ports.drop_in(SERVICE, "[Service]\nWatchdogSec=1s\n")
    serve_one_each(ports)
    sessions = begin(ports, len(PROTOCOLS))
    before = int(ports.property(SERVICE, "MainPID"))
    with Load(ports) as load:
        ports.run("kill", "-STOP", before)
        wait_for_another(ports, before)
        load.wait_for_more("after that")
    at_once(sessions, Session.work)
    at_once(sessions, Session.leave)
    said = " ".join(one["MESSAGE"] for one in ports.journal(f"UNIT={SERVICE}", "-p", "warning"))
    assert "atchdog" in said, f"it is not the watchdog that ended it: {said}"
    assert_nothing_noticed(ports, tokens)
