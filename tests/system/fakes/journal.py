# SPDX-License-Identifier: Apache-2.0
"""A journal that takes records at a pace of its own, where handlers look for the real one."""

import re
import socket
import subprocess
import sys

# The folder of our socket takes the place of the journal's, for the handler alone.
MOUNT = """
mount -t tmpfs none /run && mkdir -p /run/systemd/journal &&
mount --bind "$1" /run/systemd/journal && shift && exec "$@"
"""
# systemd.journal-fields(7): a name, the value's length in 64 bits, and the value.
FIELD = re.compile(rb"([A-Z_]+)\n(.{8})", re.S)

# Takes datagrams into a file, each after its length; an empty one is the last. A process of its
# own, as a test's threads have to wait for each other.
TAKE = """
import socket, sys, time
journal = socket.socket(fileno=int(sys.argv[1]))
taken = sys.stdout.buffer
while datagram := journal.recv(65536):
    taken.write(len(datagram).to_bytes(4, "little") + datagram)
    taken.flush()
    time.sleep(float(sys.argv[2]))
"""


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
        self._folder = folder
        self._taken = folder.with_name(folder.name + "-taken")
        folder.mkdir()
        here = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with here, self._taken.open("wb") as taken:
            here.bind(str(folder / "socket"))
            self._process = subprocess.Popen(
                [sys.executable, "-c", TAKE, str(here.fileno()), str(pause)],
                pass_fds=[here.fileno()],
                stdout=taken,
            )

    @property
    def records(self):
        """All that it has taken whole."""
        data, at, found = self._taken.read_bytes(), 0, []
        while (end := at + 4 + int.from_bytes(data[at : at + 4], "little")) <= len(data) > at:
            found.append(parse(data[at + 4 : end]))
            at = end
        return found

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
        self._process.wait(20)
