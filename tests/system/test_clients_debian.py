# SPDX-License-Identifier: Apache-2.0
"""Debian's mail programs: what cron and scripts send with, and what brings a mailbox home."""

import pytest

from rig import clients, mail, waiting
from rig.process import Process

LOGINS = ("off", "plain", "login")
ANSWER = "All of it, 8-bit: Grüße.\n.\n..two dots\n"


@pytest.fixture
def pop3(scene):
    return scene.serve("pop3", "BasicAuthentication")


def deliver(scene, count):
    """Mails that only their text tells apart."""
    for number in range(count):
        text = f"mail {number}\r\n".encode()
        scene.world.dovecot.deliver(scene.user, mail.message(text, sender=scene.user.address))


@pytest.mark.parametrize("login", LOGINS)
def test_msmtp(scene, smtp, imap, folder, login):
    """As sendmail: recipients from the headers, and a large mail with eight bits."""
    settings = [
        "account default", f"host {clients.HOST}", f"port {smtp}", "tls off", f"auth {login}",
        f"from {scene.user.address}", "user whoever", "password what ever",
    ]  # fmt: skip
    rc = clients.own_file(folder / "msmtprc", "\n".join(settings) + "\n")
    letter = clients.unix_letter(
        scene.user.address, ANSWER.encode() + mail.noise(clients.LARGE), "from cron"
    ).replace(b"all@example.com", f"{scene.user.address}, {scene.user.address}".encode())
    clients.run("msmtp", "-C", rc, "-t", input=letter)
    mail.assert_same(mail.read_back(imap), letter.replace(b"\n", b"\r\n"))
    clients.assert_sessions(scene, "smtp", 1)


@pytest.mark.parametrize("login", ("none", "plain", "login"))
def test_s_nail(scene, smtp, imap, folder, login):
    """mailx: it sends a text with a file, and reads them from the mailbox and from the maildrop."""
    user = "" if login == "none" else "who:ever@"
    data = folder / "data.bin"
    data.write_bytes(bytes(range(256)) * 64)
    mailx = ("s-nail", "-n", "-S", "v15-compat", "-S", "nosave")
    settings = {"env": clients.environment(folder)}
    clients.run(
        *mailx, "-S", f"mta=smtp://{user}{clients.HOST}:{smtp}", "-S", f"smtp-auth={login}",
        "-r", scene.user.address, "-s", clients.SUBJECT, "-a", data, scene.user.address,
        input=ANSWER.encode(), **settings,
    )  # fmt: skip
    received = clients.parsed(mail.read_back(imap))
    assert received["subject"] == clients.SUBJECT
    assert clients.text_of(received) == ANSWER
    assert clients.attachment(received) == data.read_bytes()
    for protocol, port in (("imap", imap), ("pop3", scene.serve("pop3"))):
        box = f"{protocol}://who:ever@{clients.HOST}:{port}"
        shown = clients.run(*mailx, "-R", "-f", box, input=b"print 1\nquit\n", **settings)
        assert ANSWER.splitlines()[0].encode() in shown, f"by {protocol} it shows {shown}"
    clients.assert_sessions(scene, "smtp", 1)
    clients.assert_sessions(scene, "pop3", 1)
    clients.assert_sessions(scene, "imap4", 2)


MUTT = """\
set from={address}
set smtp_url=smtp://{login}{host}:{smtp}
set smtp_pass="what ever"
set imap_user=whoever
set imap_pass="what \\"ever"
set pop_user=whoever
set pop_pass="what ever"
set ssl_starttls=no
set ssl_force_tls=no
set copy=no
set wait_key=no
set pipe_decode=yes
set delete=yes
"""


@pytest.mark.parametrize("login", ("", "whoever@"), ids=("none", "any"))
def test_mutt(scene, smtp, imap, pop3, folder, login):
    """It sends an attachment of 5 MiB, and reads and deletes in both kinds of mailbox."""
    (folder / "Mail").mkdir()
    data, seen = folder / "data.bin", folder / "seen"
    data.write_bytes(b"m" * clients.LARGE)
    rc = folder / "muttrc"
    rc.write_text(
        MUTT.format(address=scene.user.address, host=clients.HOST, smtp=smtp, login=login)
    )
    settings = {"env": clients.environment(folder) | {"TERM": "xterm"}}
    clients.run(
        "mutt", "-F", rc, "-s", clients.SUBJECT, "-a", data, "--", scene.user.address,
        input=ANSWER.encode(), **settings,
    )  # fmt: skip
    received = clients.parsed(mail.read_back(imap))
    assert received["subject"] == clients.SUBJECT
    assert clients.attachment(received) == data.read_bytes()
    deliver(scene, 1)
    for url in (f"imap://{clients.HOST}:{imap}/INBOX", f"pop://{clients.HOST}:{pop3}/"):
        seen.unlink(missing_ok=True)
        keys = f"<first-entry><pipe-message>cat >{seen}<enter><delete-message><quit>"
        # It draws on a terminal, which script(1) is to it.
        clients.run(
            "script", "-qefc", f"mutt -F {rc} -e 'push \"{keys}\"' -f {url}", folder / "typescript",
            **settings,
        )  # fmt: skip
        assert seen.exists() and seen.stat().st_size, f"mutt shows nothing of {url}"
    assert scene.world.dovecot.mailbox(scene.user).select()[1] == [b"0"], "a mail was not deleted"
    clients.assert_sessions(scene, "smtp", 1)
    clients.assert_sessions(scene, "imap4", 2)
    clients.assert_sessions(scene, "pop3", 1)


MBSYNC = """\
IMAPAccount there
Host {host}
Port {imap}
User whoever
Pass "what ever"
SSLType None
AuthMechs {mechanisms}

IMAPStore far
Account there

MaildirStore near
Path {folder}/
Inbox {folder}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
"""


@pytest.mark.parametrize("mechanisms", ("*", "LOGIN"))
def test_mbsync(scene, imap, folder, mechanisms):
    """Mails and folders go both ways, and so do deletions."""
    here = folder / "here"
    here.mkdir()
    rc = folder / "mbsyncrc"
    rc.write_text(
        MBSYNC.format(host=clients.HOST, imap=imap, folder=here, mechanisms=mechanisms)
    )
    deliver(scene, 3)
    clients.run("mbsync", "-c", rc, "-a")
    fetched = sorted((here / "INBOX/new").iterdir())
    assert len(fetched) == 3, f"of three mails came {fetched}"
    for part in ("cur", "new", "tmp"):
        (here / clients.FOLDER_ON_THE_WIRE / part).mkdir(parents=True)
    large = clients.unix_letter(scene.user.address, mail.noise(clients.LARGE))
    (here / clients.FOLDER_ON_THE_WIRE / "new/1.large").write_bytes(large)
    fetched[0].unlink()
    clients.run("mbsync", "-c", rc, "-a")
    box = scene.world.dovecot.mailbox(scene.user)
    assert box.select()[1] == [b"2"], "a mail that was deleted here is still there"
    assert box.select(clients.FOLDER_ON_THE_WIRE)[1] == [b"1"], "a mail of here is not there"
    box.logout()
    clients.assert_sessions(scene, "imap4", 2)


def fetchmailrc(folder, protocol, port, auth="any", options=""):
    text = (
        f"poll {clients.HOST} protocol {protocol} port {port} auth {auth}\n"
        f'user whoever password "what ever" mda "cat >>{folder}/got" sslproto "" {options}\n'
    )
    return clients.own_file(folder / "fetchmailrc", text)


@pytest.mark.parametrize("protocol,destination", (("imap", "imap4"), ("pop3", "pop3")))
@pytest.mark.parametrize("login", ("any", "password", "cram-md5"))
def test_fetchmail(scene, folder, protocol, destination, login):
    deliver(scene, 2)
    port = scene.serve(destination)
    rc = fetchmailrc(folder, protocol, port, login)
    settings = {"env": clients.environment(folder)}
    clients.run("fetchmail", "-f", rc, "--nosyslog", "--pidfile", folder / "pid", **settings)
    got = (folder / "got").read_bytes()
    assert b"mail 0\n" in got and b"mail 1\n" in got, f"it brings {got}"
    assert scene.world.dovecot.mailbox(scene.user).select()[1] == [b"0"], "a mail was left there"
    clients.assert_sessions(scene, destination, 1)


def test_fetchmail_waits_in_idle(scene, imap, folder):
    rc = fetchmailrc(folder, "imap", imap, options="idle")
    program = Process(
        ["fetchmail", "-f", rc, "--nosyslog", "--pidfile", folder / "pid", "-v", "-v"],
        folder / "log",
        env=clients.environment(folder),
    )
    try:
        program.wait_for(lambda: "+ idling" in program.output(), "it does not come to its IDLE")
        deliver(scene, 1)
        got = folder / "got"
        waiting.until(lambda: got.exists() and b"mail 0" in got.read_bytes(), "it brings nothing")
    finally:
        program.stop()
