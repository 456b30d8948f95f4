# SPDX-License-Identifier: Apache-2.0
"""A Postfix whose relay host is maildest's port: the queue that maildest is not."""

import smtplib

import pytest

from rig import clients, mail, waiting
from rig.postfix import Queue


@pytest.fixture
def smtp(scene):
    """A port that Postfix' own user, who is no member of maildest-clients here, may use."""
    scene.maildest.write("maildest.conf", "Clients=postfix\n")
    return scene.serve("smtp", "OAuth2ClientCredentials", "postfix")


@pytest.fixture
def queue(folder, smtp):
    folder.chmod(0o755)
    postfix = Queue(folder / "queue", smtp)
    yield postfix
    postfix.stop()


def give(queue, scene, *mails):
    with smtplib.SMTP(clients.HOST, queue.ports["smtpd"], timeout=30) as program:
        for one in mails:
            program.sendmail(scene.user.address, [scene.user.address], one)


def body_of(letter):
    return letter.partition(b"\r\n\r\n")[2]


def wait_until_empty(queue):
    waiting.until(lambda: queue.length() == 0, "the queue stays full", 60)


def test_it_passes_mail_on(scene, queue):
    """Pipelined, by many sessions or one for many mails, as it pleases."""
    letters = [
        mail.message(text, sender=scene.user.address)
        for text in (mail.noise(clients.LARGE), *mail.BODIES.values())
    ]
    give(queue, scene, *letters)
    wait_until_empty(queue)
    imap = scene.serve("imap4")
    arrived = {body_of(mail.read_back(imap, count + 1)) for count in range(len(letters))}
    assert arrived == set(map(body_of, letters)), "some mails arrived changed"
    results = {record["RESULT"] for record in scene.maildest.ends("smtp")}
    assert results == {"ok"}, f"sessions ended as {results}"


def test_it_keeps_what_a_broken_configuration_refuses(scene, queue):
    """Nothing bounces; once the destination is mended, the mail leaves by itself."""
    file = scene.maildest.config / "destinations" / "smtp.json"
    good = file.read_text()
    file.write_text(good.replace("clientSecret", "clientSekret"))
    give(queue, scene, mail.message(b"patience\r\n", sender=scene.user.address))
    waiting.until(lambda: "status=deferred" in queue.log(), "it does not defer the mail")
    assert "status=bounced" not in queue.log() and queue.length() == 1
    file.write_text(good)
    wait_until_empty(queue)
    assert mail.read_back(scene.serve("imap4")).endswith(b"patience\r\n")
