# SPDX-License-Identifier: Apache-2.0
"""Postfix with a private configuration: submission, logins through Dovecot, mail to Dovecot."""

import pwd
import shutil
import subprocess
from pathlib import Path

from . import waiting
from .ports import free_port
from .process import Process

MASTER = "/usr/lib/postfix/sbin/master"

FOLDERS_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = {folder}
maillog_file = {folder}/postfix.log
"""

MAIN_CF = (
    FOLDERS_CF
    + """
myhostname = postfix.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
message_size_limit = 104857600
mailbox_size_limit = 0

virtual_mailbox_domains = example.com
virtual_mailbox_limit = 0
virtual_transport = lmtp:unix:{lmtp}
default_transport = error:only example.com is delivered here
# A client's headers stay as they are, also missing ones.
local_header_rewrite_clients =

smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {auth}
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_mynetworks, reject
"""
)

SERVICES = """\
postlog   unix-dgram n  -       n       -       1       postlogd
cleanup   unix  n       -       n       -       0       cleanup
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
proxymap  unix  -       -       n       -       -       proxymap
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
"""

MASTER_CF = (
    SERVICES
    + """\
127.0.0.1:{submission} inet n - n       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{submissions} inet n - n      -       -       smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_mandatory_protocols=!SSLv2,!SSLv3,!TLSv1,!TLSv1.1,!TLSv1.3
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{plain} inet n -      n       -       -       smtpd
  -o smtpd_tls_security_level=none
  -o smtpd_tls_auth_only=no
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{relay} inet n -      n       -       -       smtpd
qmgr      unix  n       -       n       300     1       qmgr
lmtp      unix  -       -       n       -       -       lmtp
"""
)


# One that only passes on what programs of its host give it, as most of them are set up.
QUEUE_MAIN_CF = (
    FOLDERS_CF
    + """
myhostname = host.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_header_rewrite_clients =
message_size_limit = 104857600
relayhost = [127.0.0.1]:{relayhost}
# Tries again at once.
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
default_destination_concurrency_failed_cohort_limit = 1000
"""
)

QUEUE_MASTER_CF = (
    SERVICES
    + """\
127.0.0.1:{smtpd} inet n -      n       -       -       smtpd
qmgr      unix  n       -       n       1       1       qmgr
smtp      unix  -       -       n       -       -       smtp
"""
)

PORTS = ("submission", "submissions", "plain", "relay")


class Postfix:
    """A running Postfix: STARTTLS with TLS 1.3, and its TLS-first port with TLS 1.2. Its ports are
    there before it starts, for Dovecot's configuration.

    Its port "plain" has no TLS and wants a login, "relay" wants neither.
    """

    host = "localhost"
    plain_host = "127.0.0.1"

    def __init__(self, folder, ports=PORTS):
        self.folder = Path(folder)
        self.ports = {name: free_port() for name in ports}
        self._process = None

    def start(self, authority, auth_socket, lmtp_socket):
        certificate, key = authority.issue("postfix")
        self._prepare(
            MAIN_CF, MASTER_CF, certificate=certificate, key=key, auth=auth_socket, lmtp=lmtp_socket
        )
        self._run()

    def _run(self):
        self._process = Process(
            [MASTER, "-c", self.folder / "etc", "-d"], self.folder / "start.log"
        )
        self._process.wait_for(self._is_ready, "Postfix does not listen")

    def _prepare(self, main_cf, master_cf, **values):
        etc = self.folder / "etc"
        for path in (etc, self.folder / "queue", self.folder / "data"):
            path.mkdir(parents=True)
        shutil.chown(self.folder / "data", "postfix")
        (etc / "main.cf").write_text(main_cf.format(folder=self.folder, **values))
        (etc / "master.cf").write_text(master_cf.format(**self.ports))
        self._make_queue()

    def _make_queue(self):
        """The folders that `postfix check` would make, which insists on a running syslog."""
        queue = self.folder / "queue"
        owner = pwd.getpwnam("postfix").pw_uid
        private = "active bounce corrupt defer deferred flush hold incoming private saved trace"
        for name in private.split():
            (queue / name).mkdir(mode=0o700)
            shutil.chown(queue / name, owner)
        (queue / "pid").mkdir(mode=0o755)
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            (queue / name).mkdir()
            shutil.chown(queue / name, owner, "postdrop")
            (queue / name).chmod(mode)

    def _is_ready(self):
        return all(waiting.port_is_open(port) for port in self.ports.values())

    def log(self):
        path = self.folder / "postfix.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self):
        if self._process:
            self._process.stop()


class Queue(Postfix):
    """A Postfix that keeps mail until the port that it passes all to has taken it."""

    def __init__(self, folder, relayhost):
        super().__init__(folder, ("smtpd",))
        self._prepare(QUEUE_MAIN_CF, QUEUE_MASTER_CF, relayhost=relayhost)
        self._run()

    def length(self):
        """How many mails wait in the queue."""
        places = ("incoming", "active", "deferred")
        return sum(
            path.is_file() for name in places for path in (self.folder / "queue" / name).rglob("*")
        )


def configured(folder, name):
    """What Postfix itself makes of a setting of this private configuration."""
    return subprocess.run(
        ["postconf", "-c", str(Path(folder) / "etc"), "-h", name],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
