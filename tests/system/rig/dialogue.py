# SPDX-License-Identifier: Apache-2.0
"""A mail session typed by hand: one line sent, one reply read, as a person at telnet does."""

import select
import socket
import struct


def _connect(port, host, timeout):
    if isinstance(port, int):
        return socket.create_connection((host, port), timeout=timeout)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    connection.connect(str(port))
    return connection


class Dialogue:
    """One connection to a port, or to the path of a Unix socket; show(side, line) is told every
    line of both sides."""

    def __init__(self, port, show=None, timeout=30, host="127.0.0.1"):
        self._socket = _connect(port, host, timeout)
        self._in = self._socket.makefile("rb")
        self._show = show or (lambda side, line: None)

    def send(self, line):
        self._show("C", line)
        self._socket.sendall(line.encode() + b"\r\n")

    def send_bytes(self, data):
        self._socket.sendall(data)

    def line(self):
        """The next line without its end; None at the end of the connection."""
        data = self._in.readline()
        if not data:
            return None
        text = data.decode(errors="replace").rstrip("\r\n")
        self._show("S", text)
        return text

    def smtp(self, line=None):
        """Sends a command (or nothing: the greeting); all lines of the reply."""
        if line is not None:
            self.send(line)
        reply = []
        while True:
            got = self.line()
            assert got is not None, f"the connection ended in the reply to {line!r}: {reply}"
            reply.append(got)
            if got[3:4] != "-":
                return reply

    def imap(self, command):
        """Sends a tagged command; all lines of the answer, literals as they stand."""
        self.send(command)
        return self.imap_answer(command.split()[0])

    def imap_answer(self, tag):
        answer = []
        while True:
            got = self.line()
            assert got is not None, f"the connection ended before the answer to {tag}: {answer}"
            answer.append(got)
            if got.startswith(f"{tag} "):
                return answer

    def pop3(self, command=None):
        """Sends a command (or nothing: the greeting); the reply's one line."""
        if command is not None:
            self.send(command)
        reply = self.line()
        assert reply is not None, f"the connection ended in the reply to {command!r}"
        return reply

    def pop3_lines(self, command):
        """Sends a command whose reply has many lines: all of them, without the dot."""
        reply = [self.pop3(command)]
        while reply[0].startswith("+OK"):
            line = self.line()
            assert line is not None, f"the connection ended in the reply to {command!r}: {reply}"
            if line == ".":
                break
            reply.append(line)
        return reply

    def bytes_to_dot(self):
        """What comes before a line that is a dot, which ends a mail in POP3, byte for byte."""
        lines = []
        while (line := self._in.readline()) != b".\r\n":
            assert line, f"the connection ended after {sum(map(len, lines))} bytes of a mail"
            lines.append(line)
        return b"".join(lines)

    def address(self):
        """Our own end's."""
        return self._socket.getsockname()

    def fileno(self):
        """Its descriptor, for select and poll."""
        return self._socket.fileno()

    def is_readable(self, seconds):
        """Whether more comes, or the end, within this time."""
        return bool(select.select([self._socket], [], [], seconds)[0])

    def half_close(self):
        self._socket.shutdown(socket.SHUT_WR)

    def rest(self):
        """All that still comes, to the end of the connection."""
        return self._in.read()

    def reset(self):
        """Leaves without a word: the other side's next look at the connection fails."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self._in.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
