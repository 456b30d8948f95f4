# SPDX-License-Identifier: Apache-2.0
"""A journal that takes records at a pace of its own, where handlers look for the real one."""

import re
import socket
import threading
import time

# The folder of our socket takes the place of the journal's, for the handler alone.
MOUNT = """
mount -t tmpfs none /run && mkdir -p /run/systemd/journal &&
mount --bind "$1" /run/systemd/journal && shift && exec "$@"
"""
# systemd.journal-fields(7): a name, the value's length in 64 bits, and the value.
FIELD = re.compile(rb"([A-Z_]+)\n(.{8})", re.S)


def parse(datagram):
    """A record's fields, by name."""
    fields, at = {}, 0
    while match := FIELD.match(datagram, at):
        end = match.end() + int.from_bytes(match[2], "little")
        fields[match[1].decode()] = datagram[match.end() : end].decode()
        at = end + 1
    return fields


class Journal:
    """Takes a record, and then rests for `pause` seconds before the next."""

    def __init__(self, folder, pause):
        self.records = []
        self._folder = folder
        self._pause = pause
        folder.mkdir()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "socket"))
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self):
        while datagram := self._socket.recv(65536):
            self.records.append(parse(datagram))
            time.sleep(self._pause)

    def before(self, command):
        """The command, of a program that will find this journal."""
        return ["unshare", "--mount", "sh", "-c", MOUNT, "journal", self._folder, *command]

    def of_result(self, result):
        """The records of sessions that came to this."""
        return [one for one in self.records if one.get("MAILDEST_RESULT") == result]

    def stop(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.connect(str(self._folder / "socket"))
            last.send(b"")
        self._thread.join(20)
        self._socket.close()
