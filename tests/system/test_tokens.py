# SPDX-License-Identifier: Apache-2.0
"""Access tokens: fetched once for many, kept, replaced when refused, and never shown."""

import concurrent.futures
import hashlib
import json
import select
import shutil
import signal
import statistics
import subprocess
import time
from pathlib import Path

import pytest

from rig import doubles, waiting
from rig.dialogue import Dialogue
from rig.direct import smtp_xoauth2
from rig.varlink import Varlink

RIG = Path(__file__).parent / "rig"
GREETINGS = ("220 ", "* OK", "+OK")
CACHED_ANSWER_SECONDS = 0.0002


def first_line(port):
    with Dialogue(port, timeout=60) as session:
        return session.line()


def wait_until_refused(scene, token):
    """Waits until the mail server itself no longer takes a token."""
    waiting.until(
        lambda: smtp_xoauth2(scene.world, "postfix", scene.user.address, token) == 535,
        "the mail server goes on taking an expired token",
    )


def test_many_sessions_cause_one_token_request(scene):
    scene.client.change(delay=300)
    port = scene.serve("imap4")
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        greetings = list(pool.map(first_line, [port] * 50))
    bad = [line for line in greetings if not (line or "").startswith("* OK")]
    assert not bad, f"{len(bad)} of 50 sessions failed: {bad[0]!r}"
    assert scene.client.requests == 1, "50 sessions at once did not share one token request"
    scene.maildest.wait_for_record("imap4", count=50)


def test_the_token_is_kept_between_sessions_and_protocols(scene):
    imap, smtp = scene.serve("imap4"), scene.serve("smtp")
    for port in (imap, imap, smtp, smtp):
        assert first_line(port).startswith(GREETINGS)
    # The two destinations ask for the same token, but each destination has its own.
    assert scene.client.requests <= 2, "a session asks for a token although there is one"


@pytest.mark.parametrize("protocol", ("smtp", "imap4", "pop3"))
def test_a_refused_token_is_replaced_once(scene, protocol):
    """The server stops taking the token long before the helper expects it."""
    scene.client.change(valid=4)
    port = scene.serve(protocol)
    assert first_line(port).startswith(GREETINGS)
    (token,) = scene.client.issued
    scene.client.change(valid=3600)
    wait_until_refused(scene, token)

    assert first_line(port).startswith(GREETINGS), "a refused token is not replaced"
    assert scene.client.requests == 2, "a refused token is not replaced by exactly one new one"
    assert first_line(port).startswith(GREETINGS)
    assert scene.client.requests == 2, "the replacement is not kept"


@pytest.mark.parametrize("mechanism", ("XOAUTH2", "OAUTHBEARER"))
def test_a_refused_identity_is_not_tried_for_ever(scene, mechanism):
    """The tokens name another mailbox: two tokens at most, then a temporary refusal."""
    scene.client.change(email="somebody-else@example.com")
    port = scene.serve("smtp", **{"mail.smtp.auth.mechanisms": mechanism})
    for _ in range(3):
        greeting = first_line(port)
        assert greeting.startswith("421 4."), f"a refused login is answered {greeting!r}"
    assert scene.client.requests <= 2, "a refused identity causes one token request after another"
    record = scene.maildest.wait_for_record("smtp", count=3)
    assert record["PRIORITY"] <= 4, f"a failure is not recorded as one: {record}"


def test_an_expired_token_is_not_used(scene):
    scene.client.change(ttl=2)
    port = scene.serve("imap4")
    assert first_line(port).startswith("* OK")
    (token,) = scene.client.issued
    wait_until_refused(scene, token)
    assert first_line(port).startswith("* OK"), "an expired token is used"
    assert scene.client.requests >= 2


def test_client_credentials_in_the_header(scene):
    scene.client.change(auth="client_secret_basic")
    scene.client.change(secret="only-plain-characters-0123456789")
    port = scene.serve(
        "imap4",
        clientSecret="only-plain-characters-0123456789",
        **{"tokenService.addClientCredentialsInBody": "false"},
    )
    assert first_line(port).startswith("* OK"), "client_secret_basic does not work"


def test_the_secret_may_lie_apart(scene):
    """secrets/NAME.json is laid over the destination by the helper alone."""
    keys = scene.keys("imap4")
    secret = keys.pop("clientSecret")
    scene.maildest.secrets.append(secret)
    scene.maildest.write("secrets/imap4.json", json.dumps({"clientSecret": secret}))
    port = scene.maildest.serve("imap4", keys)
    assert first_line(port).startswith("* OK"), "secrets/ is not laid over the destination"


def test_an_edited_destination_starts_afresh(scene):
    port = scene.serve("imap4")
    assert first_line(port).startswith("* OK")
    scene.maildest.add_destination("imap4", scene.keys("imap4", clientSecret="wrong-secret-4711"))
    assert first_line(port).startswith("* BYE [UNAVAILABLE]"), "the old secret's token is used"
    scene.maildest.add_destination("imap4", scene.keys("imap4"))
    assert first_line(port).startswith("* OK"), "a corrected destination needs a restart"


def test_the_helper_may_be_killed_and_restarted(scene):
    port = scene.serve("imap4")
    with Dialogue(port) as session:
        assert session.line().startswith("* OK")
        scene.maildest.stop_helper(signal.SIGKILL)
        assert session.imap("a NOOP")[-1].startswith("a OK"), "a running session needs the helper"
        line = first_line(port)
        assert line.startswith("* BYE [UNAVAILABLE]"), f"without a helper: {line!r}"
        scene.maildest.start_helper()
        assert first_line(port).startswith("* OK"), "the restarted helper is not used"
        assert session.imap("b LOGOUT")[-1].startswith("b OK")


def test_a_helper_killed_while_a_session_waits(scene):
    never = doubles.TokenAnswer(200, "{}", delay=20)
    with doubles.token_service(scene.world.authority, never) as service:
        port = scene.serve("smtp", tokenServiceURL=service.url)
        with Dialogue(port) as session:
            waiting.until(lambda: service.requests, "no token is asked for")
            scene.maildest.stop_helper(signal.SIGKILL)
            line = session.line()
    assert line and line.startswith("421 4."), f"the client is told {line!r}"
    scene.maildest.wait_for_record("smtp")


def test_a_password_needs_no_helper(scene):
    """A destination with a password works while the helper is away."""
    port = scene.serve("imap4", "BasicAuthentication")
    scene.maildest.stop_helper()
    assert first_line(port).startswith("* OK")
    assert scene.client.requests == 0, "a password destination asks for a token"


# --- the helper's own socket


@pytest.fixture
def helper(scene):
    """A helper that knows the destination imap4."""
    scene.maildest.add_destination("imap4", scene.keys("imap4"))
    scene.maildest.start_helper()
    return scene.maildest


def test_a_thousand_calls_cause_one_token_request(scene, helper):
    scene.client.change(delay=500)
    lines = [Varlink(helper.socket) for _ in range(1000)]
    for line in lines:
        line.open("imap4")
    for line in lines:
        line.send("GetToken")
    answers = [line.receive() for line in lines]
    for line in lines:
        line.close()
    errors = [answer for answer in answers if "error" in answer]
    assert not errors, f"{len(errors)} of 1000 calls failed: {errors[0]}"
    (token,) = scene.client.issued
    assert {answer["parameters"]["access_token"] for answer in answers} == {token}
    assert scene.client.requests == 1, "1000 calls on a cold cache did not share one request"


def median_of_calls(line):
    times = []
    for _ in range(500):
        start = time.perf_counter()
        line.call("GetToken")
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@pytest.mark.release
def test_a_cached_token_is_answered_fast(helper):
    with Varlink(helper.socket) as line:
        line.open("imap4").call("GetToken")
        medians = [median_of_calls(line)]
        end = time.monotonic() + 20  # other programs share the processors: the best round counts
        while min(medians) >= CACHED_ANSWER_SECONDS and time.monotonic() < end:
            medians.append(median_of_calls(line))
    best = min(medians)
    assert best < CACHED_ANSWER_SECONDS, f"a cached token takes {best * 1e6:.0f} us"


def test_a_slow_token_service_delays_no_cached_answer(scene, helper):
    slow = scene.world.tokens.add_client(scene.user.address, delay=6000)
    keys = scene.keys("imap4", clientId=slow.id, clientSecret=slow.secret)
    helper.add_destination("slow", keys)
    helper.secrets.append(slow.secret)
    with Varlink(helper.socket) as fast, Varlink(helper.socket) as waiter:
        fast.open("imap4").call("GetToken")
        waiter.open("slow").send("GetToken")
        for _ in range(20):
            assert "error" not in fast.call("GetToken")
        is_answered = bool(select.select([waiter], [], [], 0)[0])
        assert not is_answered, "cached answers wait for a slow token service"
        assert "error" not in waiter.receive(), "the slow token never comes"


def test_the_wire(helper, scene):
    with Varlink(helper.socket) as line:
        answer = line.call("GetToken")
        assert answer["error"] == "io.maildest.Helper.SessionNotOpen"
        line.open("imap4")
        answer = line.call("OpenSession", service="x", destination="imap4")
        assert answer["error"] == "io.maildest.Helper.SessionAlreadyOpen"
        answer = line.call("GetToken")["parameters"]
        assert 3000 < answer["expires_in"] <= 3600
        rejected = hashlib.sha256(answer["access_token"].encode()).hexdigest()
        other = line.call("RejectToken", token_sha256=rejected)["parameters"]
        assert other["access_token"] != answer["access_token"], "the rejected token comes back"
    assert scene.client.requests == 2


def test_the_interface_describes_itself(helper):
    with Varlink(helper.socket) as line:
        info = line.call("org.varlink.service.GetInfo")["parameters"]
        assert "io.maildest.Helper" in info["interfaces"]
        answer = line.call(
            "org.varlink.service.GetInterfaceDescription", interface="io.maildest.Helper"
        )
        assert "method GetToken" in answer["parameters"]["description"]


def test_no_client_secret_leaves_the_helper(scene, helper):
    """Neither any answer, nor the status, holds a client secret or, unasked, a token."""
    with Varlink(helper.socket) as line:
        line.open("imap4").call("GetToken")
        status = line.call("Status")
    text = str(status)
    assert "error" not in status, f"root may not ask for the status: {status}"
    assert scene.client.secret not in text and scene.client.issued[0] not in text
    assert status["parameters"]["token_requests"] == 1


@pytest.mark.parametrize("destination", ("absent", "../imap4", "", "a" * 201))
def test_a_bad_destination_is_an_answer(helper, destination):
    with Varlink(helper.socket) as line:
        answer = line.call("OpenSession", service="x", destination=destination)
        if "error" not in answer:
            answer = line.call("GetToken")
        assert "error" in answer, f"destination {destination!r} is taken"


def test_a_stranger_gets_nothing(helper, folder):
    """Another user on the host may reach the socket, and is told no more than that."""
    folder.chmod(0o755)
    helper.socket.chmod(0o777)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from rig.varlink import Varlink\n"
        "line = Varlink(sys.argv[2], 10)\n"
        "line.call('OpenSession', service='x', destination='imap4')\n"
        "print('TOKEN' if 'access_token' in str(line.call('GetToken')) else 'none')"
    )
    here = folder / "rig"
    shutil.copytree(RIG, here / "rig")
    done = subprocess.run(
        ["/usr/bin/python3", "-c", code, here, helper.socket],
        capture_output=True,
        text=True,
        user="nobody",
        group="nogroup",
        extra_groups=[],
        cwd="/",
    )
    assert "TOKEN" not in done.stdout, "any user on the host gets a token"
    refused = "none" in done.stdout or "closed the connection" in done.stderr
    assert refused or "ConnectionResetError" in done.stderr or "BrokenPipe" in done.stderr, done


def test_helper_ends_in_order(helper):
    with Varlink(helper.socket) as line:
        line.open("imap4").call("GetToken")
        assert helper.stop_helper() == 0, "the helper does not end in order on SIGTERM"
