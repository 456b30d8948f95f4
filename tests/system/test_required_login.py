# SPDX-License-Identifier: Apache-2.0
"""Services that require a login of their clients, whose passwords the helper alone reads."""

import concurrent.futures
import os
import socket

import pytest

from rig.forking import ForkingHandler, tcp

LOGIN = "app", "pass: w0rd"
STRANGER = 65534
# Refused logins that end a session, and that lock a client out.
REFUSALS, LOCK = 5, 10


@pytest.fixture
def service(scene):
    """dial() connects to a service "mail" that requires a login."""
    maildest = scene.maildest
    maildest.add_destination("imap4", scene.keys("imap4", "BasicAuthentication"))
    (maildest.config / "clients").mkdir(mode=0o750)
    maildest.start_helper()
    handler = ForkingHandler(
        maildest, [("x", tcp())], destination="imap4",
        args=["--service=mail", "--client-login=required", "--clients=everyone"],
    )  # fmt: skip
    maildest.secrets.append(LOGIN[1])
    return handler


def write_clients(scene, text, mode=0o640):
    scene.maildest.write("clients/mail", text, mode)


def log_in(service, user, password, *then):
    """What the server says to a login, and to the commands behind it."""
    with service.dial("x") as session:
        assert session.line().startswith("* OK [CAPABILITY ")
        answers = [session.imap(f'a LOGIN "{user}" "{password}"')[-1]]
        answers += [session.imap(command)[-1] for command in then]
        session.imap("z LOGOUT")
        return answers


def test_who_is_listed_gets_the_mailbox(scene, service):
    write_clients(scene, f"# programs\n\nother:x\n{':'.join(LOGIN)}\n")
    answers = log_in(service, *LOGIN, "b SELECT INBOX")
    assert answers[0].startswith("a OK [CAPABILITY ") and answers[1].startswith("b OK"), answers


@pytest.mark.parametrize(
    ("user", "password"),
    [("app", "wrong"), ("app", ""), ("", LOGIN[1]), ("APP", LOGIN[1]), ("app:pass", " w0rd"),
     ("# programs", ""), ("other", LOGIN[1])],
    ids=("wrong", "none", "nobody", "case", "colon", "comment", "anothers"),
)  # fmt: skip
def test_who_is_not_listed_gets_nothing(scene, service, user, password):
    write_clients(scene, f"# programs:\nother:x\n{':'.join(LOGIN)}\n")
    answers = log_in(service, user, password, "b SELECT INBOX")
    assert answers[0].startswith("a NO [AUTHENTICATIONFAILED]"), answers
    assert answers[1].startswith("b BAD"), answers


def test_a_changed_file_counts_at_once(scene, service):
    write_clients(scene, "app:old\n")
    assert log_in(service, "app", "old")[0].startswith("a OK")
    write_clients(scene, "app:new\r\n")
    assert log_in(service, "app", "old")[0].startswith("a NO [AUTH")
    assert log_in(service, "app", "new")[0].startswith("a OK")


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (None, None, "clients/mail: there is no such file"),
        ("app:x\n", 0o644, "clients/mail: holds a secret and other users"),
        ("app:x\nnonsense\n", 0o640, "clients/mail: line 2: is no user:password"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_operators_business(scene, service, text, mode, said):
    if text:
        write_clients(scene, text, mode)
    assert log_in(service, "app", "x")[0].startswith("a NO [UNAVAILABLE]")
    record = service.wait_for_end("imap4", RESULT="configuration", SERVICE="mail")
    assert said in record["MESSAGE"] and "nonsense" not in record["MESSAGE"], record


def guess(port, password, tries):
    """What the server says to logins of a user who is not root."""
    with socket.socket() as client:
        os.fchown(client.fileno(), STRANGER, -1)  # the kernel's table shows that user
        client.settimeout(30)
        client.connect(("127.0.0.1", port))
        client.sendall(b"".join(b'a LOGIN "app" "%s"\r\n' % password.encode()
                                for _ in range(tries)))  # fmt: skip
        client.shutdown(socket.SHUT_WR)
        lines = client.makefile("rb").read().decode().splitlines()
    return [line for line in lines if line.startswith("a ")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_who_guesses_locks_out_himself_alone(scene, service):
    write_clients(scene, f"{':'.join(LOGIN)}\n")
    port = service.port("x")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        tries = [pool.submit(guess, port, "wrong", REFUSALS) for _ in range(LOCK // REFUSALS)]
        answers = [line for one in tries for line in one.result()]
    assert len(answers) == LOCK, answers
    assert all(line.startswith("a NO [AUTHENTICATIONFAILED]") for line in answers), answers
    locked = guess(port, LOGIN[1], 1)
    assert locked and locked[0].startswith("a NO [UNAVAILABLE]"), locked
    answer = log_in(service, *LOGIN)[0]
    assert answer.startswith("a OK"), f"another user is locked out: {answer}"
