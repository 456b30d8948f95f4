# SPDX-License-Identifier: Apache-2.0
"""What lies between a handler and a server, and may change what passes."""

import socket
import threading

RECORD_HEADER = 5


def _records(data):
    """The whole TLS records at the front of the data, and the rest."""
    found = []
    while len(data) >= RECORD_HEADER:
        size = RECORD_HEADER + int.from_bytes(data[3:RECORD_HEADER], "big")
        if len(data) < size:
            break
        found.append(data[:size])
        data = data[size:]
    return found, data


class Wire:
    """A port that leads to a server's, for as many connections as come.

    After damage() the server's next two records leave together, with a bit of the second changed.
    """

    def __init__(self, server):
        self.host, self.protocol, self.tls = server.host, server.protocol, server.tls
        self._server = server
        self._damage = threading.Event()
        self._open = []
        self._listener = socket.create_server((server.host, 0))
        self.port = self._listener.getsockname()[1]
        self._threads = []
        self._start(self._accept)

    def damage(self):
        self._damage.set()

    def _start(self, *call):
        self._threads.append(threading.Thread(target=self._run, args=call, daemon=True))
        self._threads[-1].start()

    @staticmethod
    def _run(call, *ends):
        try:
            call(*ends)
        except OSError:
            pass  # either side is free to leave
        for end in ends:
            end.close()

    def _accept(self):
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection((self._server.host, self._server.port))
            self._open += [near, far]
            self._start(self._there, near.dup(), far.dup())
            self._start(self._back, far.dup(), near.dup())

    @staticmethod
    def _there(near, far):
        while data := near.recv(65536):
            far.sendall(data)
        far.shutdown(socket.SHUT_WR)

    def _back(self, far, near):
        held = b""
        while data := far.recv(65536):
            held += data
            if self._damage.is_set():
                records, rest = _records(held)
                if len(records) < 2:
                    continue
                records[1] = records[1][:-1] + bytes([records[1][-1] ^ 1])
                held = b"".join(records) + rest
            near.sendall(held)
            held = b""
        near.shutdown(socket.SHUT_WR)

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself
        for thread in self._threads:
            thread.join(10)
        for one in (self._listener, *self._open):
            one.close()
