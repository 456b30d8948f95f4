# SPDX-License-Identifier: Apache-2.0
"""The programs that tests/long/70-clients installs, with a login and without; pytest takes this
file only where it is named."""

import subprocess
import sys

import pytest

from rig import clients, mail, npm, waiting
from rig.scene import NO_LOGIN

sys.path.insert(0, str(npm.TESTS / "booted"))
from scale import figure  # noqa: E402

MTAS = npm.CACHE / "clients-mta"
SOURCES = npm.TESTS / "clients"
ANSWER = "All of it, 8-bit: Grüße.\n.\n..two dots\n"
LOGINS = ("none", "any")
LIBRARIES = {
    "java": ("", "PLAIN", "LOGIN"),
    "jakarta": ("", "PLAIN", "LOGIN"),
    "perl": ("", "PLAIN", "LOGIN"),
    "php": ("", "PLAIN", "LOGIN", "CRAM-MD5"),
    "ruby": ("PLAIN", "LOGIN", "CRAM-MD5"),
}


@pytest.fixture
def ports(scene):
    """(SMTP, IMAP, POP3), for any local user: some of these programs become another one."""
    scene.maildest.write("maildest.conf", "Clients=everyone\n")
    return (
        scene.serve("smtp", "OAuth2ClientCredentials", "postfix"),
        scene.serve("imap4"),
        scene.serve("pop3", "BasicAuthentication"),
    )


def version(package):
    """Of a Debian package that is installed, or was unpacked only."""
    command = ["dpkg-query", "-W", "-f${Version}", package]
    for unpacked in MTAS.glob(f"{package}_*.deb"):
        command = ["dpkg-deb", "-f", unpacked, "Version"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def note(package, what):
    figure(f"{package} {version(package)}", what)


def assert_all_ended_well(scene, *names):
    for name in names:
        waiting.until(lambda one=name: not scene.maildest.handlers(one), f"a session of {name}")
        results = {record["RESULT"] for record in scene.maildest.ends(name)}
        assert results == {"ok"}, f"sessions of {name} ended as {results}"


# --- libraries: programs of tests/clients that send, read and delete


def java_program(folder, name):
    """The folder of the compiled program, and the jars."""
    text = (SOURCES / "JavaMail.java").read_text()
    if name == "jakarta":
        text = text.replace("javax.mail", "jakarta.mail").replace("javax.act", "jakarta.act")
    (folder / "JavaMail.java").write_text(text)
    family = "javax." if name == "java" else "jakarta-"
    jars = ":".join(f"/usr/share/java/{family}{part}.jar" for part in ("mail", "activation"))
    clients.run("javac", "-encoding", "utf-8", "-cp", jars, "-d", folder, folder / "JavaMail.java")
    return ["java", "-cp", f"{folder}:{jars}", "JavaMail"]


def library_command(folder, name, login):
    if name in ("java", "jakarta"):
        return java_program(folder, name), login or ["", "", ""]
    suffix = {"perl": "pl", "php": "php", "ruby": "rb"}[name]
    return [name, SOURCES / f"libraries.{suffix}"], login


def use_library(scene, ports, folder, name, login):
    """It finds two mails, leaves none of them, and sends two."""
    command, login = library_command(folder, name, login)
    large = mail.noise(clients.LARGE)
    for text in (large, b"the last one\r\n"):
        scene.world.dovecot.deliver(scene.user, mail.message(text))
    words = (*ports, scene.user.address, len(large), *login)
    clients.run(*command, *words, env=clients.environment(folder))
    box = scene.world.dovecot.mailbox(scene.user)
    mail.newest(box, 2)
    assert box.select()[1] == [b"2"], "what it read was not deleted, or it sent more than two"


@pytest.mark.parametrize(
    "name,mechanism",
    [(name, one) for name, mechanisms in LIBRARIES.items() for one in (None, *mechanisms)],
)
def test_library(scene, ports, folder, name, mechanism):
    login = [] if mechanism is None else ["whoever", "what ever", mechanism]
    use_library(scene, ports, folder, name, login)
    assert_all_ended_well(scene, "smtp", "imap4", "pop3")


@pytest.mark.parametrize(
    "name,mechanism", (("java", ""), ("perl", "PLAIN"), ("php", "PLAIN"), ("ruby", "LOGIN"))
)
def test_library_that_logs_in_itself(scene, folder, name, mechanism):
    """Where the destination has no login, the library's own goes to the server."""
    scene.maildest.secrets.append(scene.user.password)
    ports = [scene.serve(protocol, NO_LOGIN) for protocol in ("smtp", "imap4", "pop3")]
    login = [scene.user.address, scene.user.password, mechanism]
    use_library(scene, ports, folder, name, login)
    assert_all_ended_well(scene, "smtp", "imap4", "pop3")


@pytest.mark.parametrize(
    "package,what",
    (
        ("libmail-java", "SMTP; IMAP with search, move, append, IDLE; POP3"),
        ("libjakarta-mail-java", "SMTP; IMAP with search, move, append, IDLE; POP3"),
        ("libmail-imapclient-perl", "search, move, append, IDLE"),
        ("perl", "Net::SMTP, Net::POP3"),
        ("libphp-phpmailer", "SMTP"),
        ("php8.2-imap", "IMAP with append; POP3"),
        ("ruby3.1", "net/smtp; net/imap with search, move, append, IDLE; net/pop"),
    ),
)
def test_version_of_library(package, what):
    note(package, what)


# --- programs that send


def account(login, *lines):
    """What a configuration has of a login."""
    return "\n".join(lines if login == "any" else ()) + "\n"


def send_by_mailutils(folder, port, user, login):
    user_info = "who:ever@" if login == "any" else ""
    settings = f"set sendmail=smtp://{user_info}{clients.HOST}:{port};notls"
    return ["mail.mailutils", "-E", settings, "-r", user, "-s", "maildest", user]


def send_by_neomutt(folder, port, user, login):
    user_info = "whoever@" if login == "any" else ""
    settings = (
        f"set from={user} smtp_url=smtp://{user_info}{clients.HOST}:{port} smtp_pass=x "
        "ssl_starttls=no ssl_force_tls=no copy=no"
    )
    return ["neomutt", "-F", "/dev/null", "-e", settings, "-s", "maildest", "--", user, user]


def send_by_esmtp(folder, port, user, login):
    rc = clients.own_file(
        folder / "esmtprc",
        f"hostname = {clients.HOST}:{port}\nstarttls = disabled\n"
        + account(login, 'username = "whoever"', 'password = "what ever"'),
    )
    return ["esmtp", "-C", rc, "-f", user, user, user]


def send_by_ssmtp(folder, port, user, login):
    rc = clients.own_file(
        folder / "ssmtp.conf",
        f"mailhub={clients.HOST}:{port}\nhostname=host.example.com\nFromLineOverride=YES\n"
        + account(login, "AuthUser=whoever", "AuthPass=whatever"),
    )
    return [MTAS / "usr/sbin/ssmtp", f"-C{rc}", f"-f{user}", user, user]


def send_by_git(folder, port, user, login):
    """What it is given as standard input is the commit that it sends."""
    options = ["--smtp-user=who", "--smtp-pass=what ever"] if login == "any" else []
    patch = folder / "0001.patch"
    patch.write_bytes(clients.unix_letter(user, ANSWER.encode(), "[PATCH] maildest"))
    (folder / ".gitconfig").write_text(f"[user]\nname = whoever\nemail = {user}\n")
    return [
        "git", "send-email", f"--smtp-server={clients.HOST}", f"--smtp-server-port={port}",
        *options, f"--from={user}", f"--to={user}", "--confirm=never", "--suppress-cc=all",
        "--8bit-encoding=UTF-8", patch,
    ]  # fmt: skip


SENDERS = {
    "mailutils": send_by_mailutils,
    "neomutt": send_by_neomutt,
    "esmtp": send_by_esmtp,
    "ssmtp": send_by_ssmtp,
    "git-email": send_by_git,
}
# These are given a whole mail, the others its text.
WHOLE = ("esmtp", "ssmtp")
# These name no character set, and to mailutils a dot alone ends the text.
AS_GIVEN = (*WHOLE, "mailutils")


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("name", SENDERS)
def test_sender(scene, ports, folder, name, login):
    user = scene.user.address
    text = (ANSWER.replace(".\n.\n", "\n") if name == "mailutils" else ANSWER).encode()
    clients.run(
        *SENDERS[name](folder, ports[0], user, login),
        input=clients.unix_letter(user, text) if name in WHOLE else text,
        env=clients.environment(folder),
        cwd=folder,
    )
    received = mail.read_back(ports[1])
    if name in AS_GIVEN:
        assert received.replace(b"\r\n", b"\n").endswith(text)
    else:
        assert clients.text_of(clients.parsed(received)).startswith(ANSWER)
    assert_all_ended_well(scene, "smtp")
    if login == "any":
        note(name, "sends with and without a login")


# --- programs that read


def read_by_getmail(folder, imap, pop3, protocol):
    port = {"imap": imap, "pop3": pop3}[protocol]
    (folder / "getmailrc").write_text(
        f"[retriever]\ntype = Simple{protocol.upper()}Retriever\nserver = {clients.HOST}\n"
        f"port = {port}\nusername = whoever\npassword = what ever\n"
        "[destination]\ntype = MDA_external\npath = /bin/sh\n"
        f'arguments = ("-c", "cat >>{folder}/got")\n'
        "allow_root_commands = true\n[options]\ndelete = true\n"
    )
    return ["getmail", "--getmaildir", folder, "--rcfile", "getmailrc"]


def read_by_movemail(folder, imap, pop3, protocol):
    port = {"imap": imap, "pop3": pop3}[protocol]
    kind = {"imap": "imap", "pop3": "pop"}[protocol]
    return ["movemail.mailutils", f"{kind}://who:ever@{clients.HOST}:{port}", folder / "got"]


def read_by_mpop(folder, imap, pop3, protocol):
    rc = clients.own_file(
        folder / "mpoprc",
        f"account a\nhost {clients.HOST}\nport {pop3}\nuser whoever\npassword what ever\ntls off\n"
        f"auth user\ndelivery mbox {folder}/got\nuidls_file {folder}/uidls\nkeep off\n",
    )
    return ["mpop", "-C", rc, "a"]


READERS = {
    ("getmail6", "imap"): read_by_getmail,
    ("getmail6", "pop3"): read_by_getmail,
    ("mailutils", "imap"): read_by_movemail,
    ("mailutils", "pop3"): read_by_movemail,
    ("mpop", "pop3"): read_by_mpop,
}


@pytest.mark.parametrize("name,protocol", READERS)
def test_reader(scene, ports, folder, name, protocol):
    for text in (mail.noise(clients.LARGE), b"the last one\r\n"):
        scene.world.dovecot.deliver(scene.user, mail.message(text))
    command = READERS[name, protocol](folder, *ports[1:], protocol)
    clients.run(*command, env=clients.environment(folder))
    got = (folder / "got").read_bytes()
    assert len(got) > 0.98 * clients.LARGE and b"the last one" in got, f"it brings {len(got)} octets"
    assert scene.world.dovecot.mailbox(scene.user).select()[1] == [b"0"], "mails were left there"
    assert_all_ended_well(scene, {"imap": "imap4", "pop3": "pop3"}[protocol])
    note(name, f"fetches and deletes by {protocol.upper()}")


def test_offlineimap(scene, ports, folder):
    scene.world.dovecot.deliver(scene.user, mail.message(mail.noise(clients.LARGE)))
    here = folder / "here"
    rc = folder / "rc"
    rc.write_text(
        f"[general]\naccounts = a\nmetadata = {folder}/meta\n"
        "[Account a]\nlocalrepository = near\nremoterepository = far\n"
        f"[Repository near]\ntype = Maildir\nlocalfolders = {here}\n"
        f"[Repository far]\ntype = IMAP\nremotehost = {clients.HOST}\nremoteport = {ports[1]}\n"
        "remoteuser = whoever\nremotepass = what ever\nssl = no\nstarttls = no\n"
    )
    command = ("offlineimap", "-c", rc, "-o", "-u", "basic")
    clients.run(*command, env=clients.environment(folder))
    letter = clients.unix_letter(scene.user.address, b"from here\n")
    (here / "INBOX/new/1.here").write_bytes(letter)
    clients.run(*command, env=clients.environment(folder))
    box = scene.world.dovecot.mailbox(scene.user)
    assert box.select()[1] == [b"2"], "the mail of here is not there"
    assert_all_ended_well(scene, "imap4")
    note("offlineimap3", "keeps a mailbox and a folder the same")


def test_imapfilter(scene, ports, folder):
    scene.world.dovecot.deliver(scene.user, mail.message(b"sort me\r\n", "sorted"))
    rules = folder / "rules.lua"
    rules.write_text(
        "options.starttls = false\n"
        f"box = IMAP{{server = '{clients.HOST}', port = {ports[1]}, username = 'who',"
        " password = 'what \"ever'}\n"
        "box:create_mailbox('Sorted')\n"
        "box.INBOX:contain_subject('sorted'):move_messages(box.Sorted)\n"
    )
    clients.run("imapfilter", "-c", rules, env=clients.environment(folder))
    assert scene.world.dovecot.mailbox(scene.user).select("Sorted")[1] == [b"1"]
    assert_all_ended_well(scene, "imap4")
    note("imapfilter", "searches and moves")


# --- programs that queue


def private_etc(folder, files):
    """The words before a command that sees /etc with these texts added to its files."""
    etc = folder / "etc"
    clients.run("cp", "-a", "/etc", etc)
    for name, text in files.items():
        path = etc / name
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(text)
    return ["unshare", "--mount", "sh", "-c", f'mount --bind {etc} /etc && exec "$@"', "sh"]


EXIM = """\
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
primary_hostname = host.example.com
exim_path = {program}
exim_user = mail
exim_group = mail
keep_environment =
begin routers
all:
  driver = manualroute
  transport = port
  route_list = * {host} byname
  self = send
begin transports
port:
  driver = smtp
  port = {port}
  allow_localhost
  hosts_try_auth = {auth}
begin retry
* * F,1d,1s
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^whoever^what ever
"""


def exim(folder, port, login):
    (folder / "spool").mkdir()
    clients.run("chown", "mail:mail", folder / "spool")
    program = MTAS / "usr/sbin/exim4"
    configuration = EXIM.format(
        folder=folder, host=clients.HOST, port=port, auth="*" if login == "any" else "",
        program=program,
    )  # fmt: skip
    etc = private_etc(
        folder,
        {
            "passwd": "Debian-exim:x:64999:64999::/:/bin/false\n",
            "group": "Debian-exim:x:64999:\n",
            "exim4/exim4.conf": configuration,
        },
    )
    return [*etc, program]


@pytest.mark.parametrize("login", LOGINS)
def test_exim(scene, ports, folder, login):
    """It keeps what a broken configuration refuses, and passes it on later."""
    folder.chmod(0o755)
    command = exim(folder, ports[0], login)
    user = scene.user.address
    file = scene.maildest.config / "destinations" / "smtp.json"
    good = file.read_text()
    file.write_text(good.replace("clientSecret", "clientSekret"))
    text = mail.noise(clients.LARGE)
    letter = clients.unix_letter(user, text)
    clients.run(*command, "-odf", "-oi", "-f", user, user, input=letter)
    log = folder / "spool" / "mainlog"
    assert " == " in log.read_text(), f"it does not defer the mail:\n{log.read_text()}"
    file.write_text(good)
    clients.run(*command, "-qff")
    assert mail.read_back(ports[1]).endswith(b"\r\n\r\n" + text), "the mail arrived changed"
    if login == "any":
        note("exim4-daemon-light", "relay host; queues what a broken configuration refuses")


@pytest.mark.parametrize("login", LOGINS)
def test_nullmailer(scene, ports, folder, login):
    """Its program that sends, with a mail of its queue."""
    user = scene.user.address
    queued = folder / "queued"
    envelope = f"{user}\n{user}\n\n".encode()
    queued.write_bytes(envelope + clients.unix_letter(user, ANSWER.encode()))
    options = f"host={clients.HOST}\nport={ports[0]}\n" + account(login, "user=who", "pass=ever")
    clients.run(
        "sh", "-c", 'exec "$0" 3<"$1"', MTAS / "usr/lib/nullmailer/smtp", queued,
        input=options.encode() + b"\n",
        env=clients.environment(folder) | {"HELOHOST": "odd_name"},
    )  # fmt: skip
    assert mail.read_back(ports[1]).endswith(ANSWER.replace("\n", "\r\n").encode())
    assert_all_ended_well(scene, "smtp")
    if login == "any":
        note("nullmailer", "sends with and without a login")


@pytest.mark.parametrize("login", LOGINS)
def test_dma(scene, ports, folder, login):
    """The sendmail of small hosts; it becomes the user mail."""
    folder.chmod(0o755)
    user = scene.user.address
    spool = folder / "spool"
    spool.mkdir()
    clients.run("chown", "root:mail", spool)
    spool.chmod(0o2775)
    settings = f"SMARTHOST {clients.HOST}\nPORT {ports[0]}\nSPOOLDIR {spool}\n"
    if login == "any":
        settings += "INSECURE\nAUTHPATH /etc/dma/auth.conf\n"
    credentials = account(login, f"who|{clients.HOST}:ever")
    etc = private_etc(folder, {"dma/dma.conf": settings, "dma/auth.conf": credentials})
    clients.run(
        *etc, MTAS / "usr/sbin/dma", "-D", "-i", "-f", user, user,
        input=clients.unix_letter(user, ANSWER.encode()),
    )  # fmt: skip
    assert mail.read_back(ports[1]).endswith(ANSWER.replace("\n", "\r\n").encode())
    if login == "any":
        note("dma", "sends with and without a login")
