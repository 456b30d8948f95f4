# SPDX-License-Identifier: Apache-2.0
"""A machine with a systemd of its own, and maildest on it as the README installs it."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import uuid
from pathlib import Path

from fakes.target import CLIENT_SECRET, PASSWORD, TOKEN, Target
from rig import waiting
from rig.destinations import TRUST_ANCHOR
from rig.process import Process
from rig.secrets import find

BOOT = Path(__file__).resolve().parent / "boot"
# Another root to boot from than the host's, with another systemd: a folder.
ROOT = os.environ.get("MAILDEST_BOOT_ROOT")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONFIGURATION = "/etc/maildest"
SECRETS = (PASSWORD, CLIENT_SECRET, TOKEN)
# For whatever shall happen once, on a machine that is busy with other tests.
PATIENCE = 120
# In /proc/net/tcp, the state of a socket that has no peer.
LISTENS = "0A"


def _heard(manager, word):
    with contextlib.suppress(BlockingIOError):
        return word in manager.recv(65536)


def processor_seconds(machine):
    """What the service manager has used: itself, and those that it has started and that have
    ended."""
    fields = machine.run("cat", "/proc/1/stat").rpartition(")")[2].split()
    ticks = [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:15]]
    return sum(ticks[:2]), sum(ticks[2:])


def _boot(tree, log):
    """Starts the machine and waits until it has booted: (the process that holds it, its pid)."""
    address = f"\0maildest-booted-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.setblocking(False)
        boot = Process(
            [BOOT, tree, *([ROOT] if ROOT else [])],
            log,
            env={"PATH": PATH, "NOTIFY_SOCKET": address.replace("\0", "@")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            boot.wait_for(lambda: _heard(manager, b"READY=1"), "systemd does not boot", PATIENCE)
        except RuntimeError:
            raise AssertionError(boot.output().strip()) from None
        except BaseException:
            boot.stop()
            raise
    return boot, int(boot.child.stdout.readline())


class Machine:
    """Runs from the start to stop(); its network is that of the given Network.

    The tree holds what is installed beyond the host's own files. What is written inside stays
    inside.
    """

    # It needs no more of its object than add_destination().
    destination = Target.destination

    def __init__(self, network, tree, log):
        self.network = network
        self.boot, self.pid = network.run(_boot, tree, log)

    # --- inside

    def start(self, *command, **options):
        """Starts a command inside."""
        return subprocess.Popen(
            ["nsenter", f"--target={self.pid}", "--all", "--", *map(str, command)],
            env={"PATH": PATH},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def run(self, *command, text=None, status=0):
        """Runs a command inside, which must end with this status (None: any); what it said."""
        with self.start(*command) as process:
            said, _ = process.communicate(text, PATIENCE)
        assert status in (None, process.returncode), (
            f"{' '.join(map(str, command))} ended with {process.returncode}: {said}"
        )
        return said

    def systemctl(self, *words, **options):
        return self.run("systemctl", "--no-pager", *words, **options)

    def property(self, unit, name):
        """What systemd says about a unit: its MainPID, NRestarts, ActiveState..."""
        return self.systemctl("show", "-P", name, unit).strip()

    def processes(self, service):
        """The pids, as they are inside, of a service's processes."""
        group = f"/sys/fs/cgroup/system.slice/{service}/cgroup.procs"
        said = self.run("sh", "-c", f"[ ! -e {group} ] || cat {group}")
        return {int(pid) for pid in said.split()}

    def programs(self, name):
        """What the processes of a program run: {pid inside: the file, and whether it is gone}."""
        words = ("-maxdepth", "2", "-name", "exe", "-lname", f"*/{name}*", "-printf", "%h %l\n")
        lines = self.run("find", "/proc", *words, status=None).splitlines()
        rows = [line.split(" ", 1) for line in lines if line.startswith("/proc/")]
        return {int(folder.split("/")[2]): file for folder, file in rows if folder[6:].isdigit()}

    def connections(self, port):
        """The inodes of the sockets that are this end of a connection to a port."""
        rows = [line.split() for line in self.run("cat", "/proc/net/tcp").splitlines()[1:]]
        return {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] != LISTENS}

    def units(self, *patterns, **options):
        """The names of the units that systemd has in memory and that match."""
        lines = self.systemctl("list-units", "--plain", "--no-legend", *patterns, **options)
        return [line.split()[0] for line in lines.splitlines()]

    def install(self, tree):
        """Lays files over those that are there, as package managers do: each is old or new."""
        root = Path(f"/proc/{self.pid}/root")
        for source in (path for path in tree.rglob("*") if path.is_file()):
            target = root / source.relative_to(tree)
            fresh = target.with_name(f"{target.name}.new")
            shutil.copy2(source, fresh)
            fresh.replace(target)

    # --- configuration

    def prepare(self, authority):
        """What the README does after `meson install`, and a certificate authority."""
        self.run("systemd-sysusers", "maildest.conf")
        self.run("systemd-tmpfiles", "--create", "maildest.conf")
        self.systemctl("daemon-reload")
        self.write(f"certificates/{TRUST_ANCHOR}", authority.certificate.read_text())

    def write(self, path, text, group="maildest"):
        """A file below /etc/maildest."""
        words = ("install", "-m", "0640", "-g", group, "/dev/stdin", f"{CONFIGURATION}/{path}")
        self.run(*words, text=text)

    def add_destination(self, name, keys):
        self.write(f"destinations/{name}.json", json.dumps({"Name": name, **keys}))

    def drop_in(self, unit, text):
        """What `systemctl edit` would make of a unit."""
        path = f"/etc/systemd/system/{unit}.d/test.conf"
        self.run("install", "-D", "-m", "0644", "/dev/stdin", path, text=text)
        self.systemctl("daemon-reload")

    # --- the journal

    def journal(self, *match):
        """The records that match, oldest first, as dictionaries."""
        lines = self.run("journalctl", "--no-pager", "--quiet", "-o", "json", *match)
        return [json.loads(line) for line in lines.splitlines()]

    def wait_for_journal(self, count, *match):
        """Waits until at least so many records match; all of them."""
        try:
            waiting.until(lambda: len(self.journal(*match)) >= count, "too few", PATIENCE)
        except TimeoutError:
            raise AssertionError(
                f"{len(self.journal(*match))} records of {' '.join(match)} instead of {count}:\n"
                + self.journal_text()
            ) from None
        return self.journal(*match)

    def records(self, name, count):
        """The records of a destination's sessions, of which there must be so many."""
        found = self.wait_for_journal(count, f"MAILDEST_DESTINATION={name}", "-p", "notice")
        found = [record for record in found if "MAILDEST_RESULT" in record]
        assert len(found) == count, f"{len(found)} records of {count} sessions"
        return found

    def journal_text(self):
        return self.run("journalctl", "--no-pager", "-o", "short-monotonic", "--no-hostname")

    # --- the end

    def assert_clean(self):
        """No unit has failed, and no secret stands in the journal."""
        failed = self.units("--failed")
        assert not failed, f"failed units: {failed}"
        leaks = find(SECRETS, {"the journal": self.journal_text()})
        assert not leaks, f"a secret stands in clear: {leaks}"

    def stop(self):
        """Ends everything inside; afterwards all that boot made is gone."""
        self.boot.child.stdin.close()
        self.boot.child.wait(PATIENCE)
        self.boot.stop()
