# SPDX-License-Identifier: Apache-2.0
"""A mail program at a handler's port: one session, as far as it is let."""

import base64
import socket

PATIENCE = 20
USER = "someone@example.com"
GRANT = "marker-refresh-token-5e08d1b7c3"
MAIL = b"Subject: faults\r\n\r\n" + b"A line of which nothing may be lost.\r\n" * 400

_BEARER = base64.b64encode(f"user={USER}\1auth=Bearer {GRANT}\1\1".encode()).decode()


class Refused(Exception):
    """The session does not go on: an answer is not the one that was hoped for."""


class Client:
    """Speaks one protocol on a connected socket; what was heard stays in `heard`."""

    def __init__(self, connection, protocol):
        self._socket = connection
        self._socket.settimeout(PATIENCE)
        self._talk = {"smtp": self._smtp, "imap4": self._imap, "pop3": self._pop3}[protocol]
        self._buffer = b""
        self.heard = b""
        self.silent = False  # it waited in vain
        self.complete = False  # the session went to its good end

    def run(self, grant):
        """The whole session; with a grant the client logs in with it."""
        try:
            self._talk(grant)
            self.complete = True
        except TimeoutError:
            self.silent = True
        except (OSError, Refused):
            pass  # who is judged is the other side
        self._read_end()

    def _read_end(self):
        try:
            self._socket.shutdown(socket.SHUT_WR)
            while data := self._socket.recv(65536):
                self.heard += data
        except TimeoutError:
            self.silent = True
        except OSError:
            pass

    def _line(self):
        while b"\n" not in self._buffer:
            data = self._socket.recv(65536)
            if not data:
                raise Refused
            self.heard += data
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")

    def _send(self, line):
        self._socket.sendall(line.encode() + b"\r\n")

    @staticmethod
    def _hope(line, *starts):
        if not line.startswith(starts):
            raise Refused

    # --- SMTP

    def _reply(self, start, line=None):
        if line is not None:
            self._send(line)
        while (got := self._line())[3:4] == "-":
            pass
        self._hope(got, start)

    def _smtp(self, grant):
        self._reply("220")
        self._reply("250", "EHLO client.example.com")
        if grant:
            self._reply("235", f"AUTH XOAUTH2 {_BEARER}")
        self._reply("250", f"MAIL FROM:<{USER}>")
        self._reply("250", "RCPT TO:<other@example.com>")
        self._reply("354", "DATA")
        self._socket.sendall(MAIL)
        self._reply("250", ".")
        self._reply("221", "QUIT")

    # --- IMAP

    def _command(self, tag, words, start="OK"):
        self._send(f"{tag} {words}")
        while not (got := self._line()).startswith(f"{tag} "):
            if got.startswith("* BYE") and words != "LOGOUT":
                raise Refused
        self._hope(got, f"{tag} {start}")

    def _imap(self, grant):
        self._hope(self._line(), "* OK")
        if grant:
            self._command("a", f"AUTHENTICATE XOAUTH2 {_BEARER}")
        else:
            self._command("a", "LOGIN anybody anything")
        self._command("b", "SELECT INBOX")
        self._command("c", "NOOP")
        self._command("d", "LOGOUT")

    # --- POP3

    def _pop3(self, grant):
        self._hope(self._line(), "+OK")
        if grant:
            self._send("AUTH XOAUTH2")
            self._hope(self._line(), "+ ")
            self._send(_BEARER)
            self._hope(self._line(), "+OK")
        self._send("LIST")
        self._hope(self._line(), "+OK")
        while self._line() != ".":
            pass
        self._send("QUIT")
        self._hope(self._line(), "+OK")
