# SPDX-License-Identifier: Apache-2.0
"""What applications of Node.js send and read mail with: npm's nodemailer and imapflow."""

import pytest

from rig import clients, mail, npm, process, waiting

CASES = (("postfix", ()), ("dovecot", ("whoever", "what ever")))


@pytest.fixture(scope="module")
def programs():
    return npm.install("clients")


@pytest.mark.parametrize("server,login", CASES)
def test_nodemailer(scene, programs, server, login):
    """Five sessions: two only look at the port, two send a mail each, and that of the pool two."""
    port = scene.serve("smtp", "OAuth2ClientCredentials", server)
    imap = scene.serve("imap4")
    done = clients.run(
        "node", programs / "nodemailer.mjs", port, scene.user.address, clients.SUBJECT,
        clients.LARGE, *login,
    )  # fmt: skip
    assert done == b"4\n", f"four mails, and what was taken is {done}"
    first, last = (clients.parsed(mail.read_back(imap, count)) for count in (1, 4))
    assert first["subject"] == last["subject"] == clients.SUBJECT
    assert clients.text_of(first) == "Hello.\n.\n..dots\n"
    assert clients.attachment(last) == b"m" * clients.LARGE
    clients.assert_sessions(scene, "smtp", 5)


def test_imapflow(scene, programs, folder):
    letter = mail.message(mail.noise(clients.LARGE), "imapflow", scene.user.address)
    stdin, log = folder / "mail", folder / "log"
    stdin.write_bytes(letter)
    with stdin.open("rb") as given:
        program = process.Process(
            ["node", programs / "imapflow.mjs", scene.serve("imap4"), clients.FOLDER, "imapflow"],
            log,
            stdin=given,
        )
    try:
        waiting.until(lambda: "idling" in log.read_text(), "imapflow does not come to its IDLE")
        scene.world.dovecot.deliver(scene.user, letter)
        assert program.child.wait(30) == 0, f"imapflow fails:\n{log.read_text()}"
    finally:
        program.stop()
    assert log.read_text() == "idling\ndone\n"
    clients.assert_sessions(scene, "imap4", 1)
