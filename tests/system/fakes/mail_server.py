# SPDX-License-Identifier: Apache-2.0
"""A mail server that is polite except where a test says otherwise.

A session is a row of steps; `answers` replaces what is said at some of them by a text ({tag}
stands for IMAP's tag) or by a function of the Connection. `hold` names steps at which a
connection waits until release() is called.

SMTP: GREETING EHLO STARTTLS HANDSHAKE EHLO-TLS AUTH RESPONSE MAIL RCPT DATA DOT RSET NOOP QUIT
IMAP: GREETING CAPABILITY STARTTLS HANDSHAKE CAPABILITY-TLS LOGIN AUTHENTICATE RESPONSE
      CAPABILITY-LOGIN, and any other command by its name
POP3: GREETING CAPA STLS HANDSHAKE CAPA-TLS AUTH RESPONSE, and any other command by its name
"""

import collections
import socket
import ssl
import struct
import threading
import time

from .hello import peek

SMTP_STEPS = (
    "GREETING", "EHLO", "STARTTLS", "HANDSHAKE", "EHLO-TLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT",
)  # fmt: skip
IMAP_STEPS = (
    "GREETING", "CAPABILITY", "STARTTLS", "HANDSHAKE", "CAPABILITY-TLS", "AUTHENTICATE",
    "CAPABILITY-LOGIN",
)  # fmt: skip
POP3_STEPS = ("GREETING", "CAPA", "STLS", "HANDSHAKE", "CAPA-TLS", "AUTH", "RESPONSE")
# Where what logs us in has been said, and how a challenge and a refusal of it begin.
LOGIN = {"smtp": "AUTH", "imap4": "AUTHENTICATE", "pop3": "RESPONSE"}
CHALLENGE = {"smtp": "334 ", "imap4": "+ ", "pop3": "+ "}
DENIED = {
    "smtp": "535 5.7.8 ",
    "imap4": "{tag} NO [AUTHENTICATIONFAILED] ",
    "pop3": "-ERR [AUTH] ",
}


class Over(Exception):
    """The connection has ended, by either side."""


# --- what a server may do instead of answering


def silence(connection):
    """Says nothing more, until the other side leaves."""
    while True:
        connection.receive()


def hang_up(_):
    raise Over


def reset(connection):
    linger = struct.pack("ii", 1, 0)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    raise Over


def drip(text, seconds):
    """Sends the text a byte at a time, each so many seconds after the one before."""

    def act(connection):
        for byte in text.encode():
            connection.send_bytes(bytes([byte]))
            if connection.server.stopped.wait(seconds):
                raise Over

    return act


def endless(block):
    """Sends this over and over."""

    def act(connection):
        while True:
            connection.send_bytes(block)

    return act


def then(text, action):
    """Says this, then does that."""

    def act(connection):
        connection.send(text)
        action(connection)

    return act


def server_tls(pair, lowest=None, highest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    if highest and highest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
        lowest = highest
    if lowest:
        context.minimum_version = lowest
    if highest:
        context.maximum_version = highest
    return context


class Connection:
    """One session of the server; the methods are for `answers` that are functions."""

    def __init__(self, server, connected):
        self.server = server
        self.socket = connected
        self.received = b""
        self.steps = []
        self.mails = []
        self.encrypted = False
        self.hello = None
        self.resumed = False
        self.ended = threading.Event()
        self._buffer = b""
        self._tag = ""

    def run(self):
        try:
            if self.server.tls == "implicit":
                self._handshake()
            self._session()
            self._leave()
        except (OSError, Over, ValueError):
            pass  # either side is free to leave
        finally:
            self.socket.close()
            self.ended.set()

    def _leave(self):
        """As servers do after a goodbye: no reset may overtake the last reply."""
        if self.encrypted:
            self.socket = self.socket.unwrap()
        self.socket.shutdown(socket.SHUT_WR)
        while self.socket.recv(65536):
            pass

    # --- bytes

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise Over
        self.received += data
        self._buffer += data

    def line(self):
        while b"\n" not in self._buffer:
            self.receive()
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, text):
        self.send_bytes(text.replace("{tag}", self._tag).encode() + b"\r\n")

    # --- steps

    def _step(self, name, polite):
        self.steps.append(name)
        self.server.arrive(name)
        answer = self.server.answers.get(name, polite)
        if callable(answer):
            answer(self)
            return ""
        self.send(answer)
        return answer

    def _handshake(self):
        def polite(_):
            self.hello = peek(self.socket)
            self.socket = self.server.context.wrap_socket(self.socket, server_side=True)
            self.resumed = self.socket.session_reused
            self.encrypted = True

        self._step("HANDSHAKE", polite)

    def _session(self):
        greeting, command = {
            "smtp": ("220 fake.example.com ESMTP", self._smtp),
            "imap": ("* OK fake ready", self._imap),
            "pop3": ("+OK fake ready", self._pop3),
        }[self.server.protocol[:4]]
        self._step("GREETING", greeting)
        while not {"QUIT", "LOGOUT"} & set(self.steps):
            command(self.line().split(" "))

    def _respond(self, answer, polite):
        """After a challenge comes a response, and after that the outcome."""
        if answer.startswith(("334", "+")):
            self.line()
            self._step("RESPONSE", polite)

    def _smtp(self, words):
        verb = words[0].upper()
        if verb in ("EHLO", "HELO"):
            self._step("EHLO-TLS" if self.encrypted else "EHLO", self._keywords())
        elif verb == "STARTTLS":
            if self._step(verb, "220 2.0.0 Go ahead").startswith("220"):
                self._handshake()
        elif verb == "AUTH":
            accepted = "235 2.7.0 Welcome"
            answer = self._step(verb, accepted if len(words) > 2 else "334 ")
            self._respond(answer, accepted)
        elif verb == "DATA":
            if self._step(verb, "354 End with a dot").startswith("354"):
                self._mail()
        elif verb == "QUIT":
            self._step(verb, "221 2.0.0 Bye")
        else:
            self._step(verb, "250 2.0.0 OK")

    def _keywords(self):
        words = ["fake.example.com", "SIZE 1000000", "8BITMIME", *self.server.extra]
        if self.server.tls == "starttls" and not self.encrypted:
            words.append("STARTTLS")
        if self.encrypted or self.server.tls is None:
            words.append("AUTH " + " ".join(self.server.mechanisms))
        return "\r\n".join(f"250-{word}" for word in words[:-1]) + f"\r\n250 {words[-1]}"

    def _mail(self):
        while b"\r\n.\r\n" not in b"\r\n" + self._buffer:
            self.receive()
        mail, _, self._buffer = (b"\r\n" + self._buffer).partition(b"\r\n.\r\n")
        self.mails.append(mail)
        self._step("DOT", "250 2.0.0 Queued")

    def _imap(self, words):
        self._tag, verb = words[0], words[1].upper() if len(words) > 1 else ""
        accepted = "{tag} OK Welcome"
        if verb == "CAPABILITY":
            self._step(self._capability_step(), self._capabilities())
        elif verb == "STARTTLS":
            if " OK " in self._step(verb, "{tag} OK Go ahead"):
                self._handshake()
        elif verb == "AUTHENTICATE":
            self._respond(self._step(verb, accepted if len(words) > 3 else "+ "), accepted)
        elif verb == "LOGOUT":
            self._step(verb, "* BYE Bye\r\n{tag} OK Done")
        else:
            self._step(verb, "{tag} OK Done")

    def _capability_step(self):
        if {"LOGIN", "AUTHENTICATE"} & set(self.steps):
            return "CAPABILITY-LOGIN"
        return "CAPABILITY-TLS" if self.encrypted else "CAPABILITY"

    def _capabilities(self):
        words = ["IMAP4rev1", "SASL-IR", *self.server.extra]
        if self.server.tls == "starttls" and not self.encrypted:
            words += ["STARTTLS", "LOGINDISABLED"]
        if self.encrypted or self.server.tls is None:
            words += [f"AUTH={name}" for name in self.server.mechanisms]
        return f"* CAPABILITY {' '.join(words)}\r\n" + "{tag} OK Done"

    def _pop3(self, words):
        verb = words[0].upper()
        if verb == "CAPA":
            self._step("CAPA-TLS" if self.encrypted else "CAPA", self._list())
        elif verb == "STLS":
            if self._step(verb, "+OK Go ahead").startswith("+OK"):
                self._handshake()
        elif verb == "AUTH":
            answer = self._step(verb, "+ ")
            self._respond("" if answer.startswith("+OK") else answer, "+OK Welcome")
        elif verb == "LIST":
            self._step(verb, "+OK\r\n.")
        else:
            self._step(verb, "+OK")

    def _list(self):
        words = ["TOP", "UIDL", *self.server.extra]
        if self.server.tls == "starttls" and not self.encrypted:
            words.append("STLS")
        if self.encrypted or self.server.tls is None:
            words.append("SASL " + " ".join(self.server.mechanisms))
        return "\r\n".join(["+OK", *words, "."])


class MailServer:
    """Listens at once; `tls` is "starttls", "implicit" or None, `context` a server_tls()."""

    def __init__(
        self, protocol, context=None, tls=None, answers=None, hold=(), host="127.0.0.1", port=0,
        mechanisms=("PLAIN",), extra=(),
    ):  # fmt: skip
        self.protocol = protocol
        self.context = context
        self.tls = tls
        self.answers = {} if answers is None else answers
        self.mechanisms = mechanisms
        self.extra = extra
        self.host = host
        self.connections = []
        self.stopped = threading.Event()
        self._held = {name: threading.Event() for name in hold}
        self._reached = collections.defaultdict(threading.Event)
        self._listener = socket.create_server((host, port), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, connected)
            self.connections.append(connection)
            thread = threading.Thread(target=connection.run, daemon=True)
            self._threads.append(thread)
            thread.start()

    def arrive(self, step):
        self._reached[step].set()
        if step in self._held:
            self._held[step].wait()

    def wait_for(self, step, seconds=20):
        """Waits until some connection has come to this step."""
        assert self._reached[step].wait(seconds), f"no connection came to {step}"

    def release(self, *steps):
        for step in steps or self._held:
            self._held[step].set()

    @property
    def mails(self):
        return [mail for connection in self.connections for mail in connection.mails]

    @property
    def received(self):
        return b"".join(connection.received for connection in self.connections)

    def _shut(self):
        for connection in self.connections:
            if not connection.ended.is_set():
                try:
                    connection.socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has just ended by itself

    def stop(self):
        if self.stopped.is_set():
            return
        self.stopped.set()
        self.release()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        deadline = time.monotonic() + 10
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < deadline:
                self._shut()  # again and again: STARTTLS puts another socket in the place
                thread.join(0.05)
            assert not thread.is_alive(), "a session of the fake server does not end"
