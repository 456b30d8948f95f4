# SPDX-License-Identifier: Apache-2.0
"""Dovecot with a private configuration: IMAP, POP3, submission, delivery, logins for Postfix."""

import imaplib
import smtplib
import uuid
from dataclasses import dataclass
from pathlib import Path

from . import waiting
from .ports import free_port
from .process import Process

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
auth_verbose = yes
login_log_format_elements = user=<%u> method=%m rip=%r %c session=<%{{session}}>

protocols = imap pop3 submission lmtp
# Dovecot counts a connection from its own address as secure and offers logins without TLS; our
# clients come from 127.0.0.1.
listen = {host}, {plain}
hostname = dovecot.example.com
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_mechanisms = plain login scram-sha-256 xoauth2 oauthbearer
auth_failure_delay = 0
# As in a company network behind a Cloud Connector, which speaks TLS as far as itself.
local {plain} {{
  ssl = no
  disable_plaintext_auth = no
}}

mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
mail_location = sdbox:{folder}/mail/%u
mail_max_userip_connections = 200

passdb {{
  driver = passwd-file
  mechanisms = plain login scram-sha-256
  args = scheme=PLAIN username_format=%u {folder}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail/%u allow_all_users=yes
}}

service anvil {{
  # Without its socket nobody is slowed down for an earlier wrong password.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener auth-postfix {{
    mode = 0666
  }}
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  service_count = 0
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service submission-login {{
  service_count = 0
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = {submissions}
    ssl = yes
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_relay_trusted = yes
submission_max_mail_size = 100M
"""

OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
issuers = {issuer}
scope = mail
username_attribute = email
username_format = %u
"""


HOST = "127.0.0.2"
PLAIN_HOST = "127.0.0.3"
PORTS = ("imap", "imaps", "pop3", "pop3s", "submission", "submissions")
# Dovecot looks at its list of passwords at most once a second, so it is written beforehand.
USERS = 600


@dataclass
class User:
    """A mailbox on the mail server."""

    address: str
    password: str


def _invent_user():
    # What a password may hold, and what each protocol must quote or escape.
    return User(f"user-{uuid.uuid4().hex[:12]}@example.com", f'Pa"s\\s %w+&= {uuid.uuid4()}')


class Dovecot:
    """A running Dovecot; relay is the port of the SMTP server that its submission uses.

    At plain_host the same ports have no TLS and take any login.
    """

    host = HOST
    plain_host = PLAIN_HOST

    def __init__(self, folder, authority, tokens, relay):
        self.folder = Path(folder)
        self._users = [_invent_user() for _ in range(USERS)]
        self.ports = {name: free_port() for name in PORTS}
        self.auth_socket = self.folder / "run" / "auth-postfix"
        self.lmtp_socket = self.folder / "run" / "lmtp"
        self._prepare(authority, tokens, relay)
        self._process = Process(
            ["/usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot.conf"],
            self.folder / "start.log",
        )
        self._process.wait_for(self._is_ready, f"Dovecot does not listen\n{self.log()}")

    def _prepare(self, authority, tokens, relay):
        for name in ("run", "state", "keys/default/RS256", "mail"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "mail").chmod(0o777)
        (self.folder / "users").write_text(
            "".join(f"{user.address}:{user.password}\n" for user in self._users)
        )
        (self.folder / "keys/default/RS256" / tokens.kid).write_text(tokens.public_key)
        certificate, key = authority.issue("dovecot", names=(f"IP:{HOST}",))
        (self.folder / "oauth2.conf").write_text(
            OAUTH2.format(folder=self.folder, issuer=tokens.issuer)
        )
        (self.folder / "dovecot.conf").write_text(
            CONFIG.format(
                folder=self.folder,
                host=HOST,
                plain=PLAIN_HOST,
                certificate=certificate,
                key=key,
                relay=relay,
                **self.ports,
            )
        )

    def _is_ready(self):
        return all(waiting.port_is_open(port, HOST) for port in self.ports.values())

    def new_user(self):
        """A mailbox that nobody else has been given."""
        user = self._users.pop()
        # It is made when it is looked at first, and two at once would be in each other's way.
        client = self.mailbox(user)
        client.select()
        client.logout()
        return user

    def deliver(self, user, mail):
        """Puts a mail into a mailbox, at once."""
        with smtplib.LMTP(str(self.lmtp_socket)) as delivery:
            delivery.sendmail("sender@example.com", [user.address], mail)

    def mailbox(self, user):
        """imaplib, logged in."""
        client = imaplib.IMAP4(PLAIN_HOST, self.ports["imap"], timeout=60)
        client.login(user.address, user.password)
        return client

    def log(self):
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self):
        self._process.stop()
