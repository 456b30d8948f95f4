# SPDX-License-Identifier: Apache-2.0
"""The disk of the state folder is full: no login is lost, and what waits is written later."""

import itertools
import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from client_credentials import CODE, REFRESH, logged, records, sent, token_of
from rotating_service import RotatingService

LIFE = 3600
MOUNT = 'mount -t tmpfs -o "$1" none "$2" && echo && exec cat'
FULL = pytest.mark.parametrize("disk", ["size=16k", "nr_inodes=4"], indirect=True)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount anything")


class Disk:
    """A small file system that only its keeper has mounted; it is reached through that one."""

    def __init__(self, folder, options):
        self.below = below = f"{folder}/disk"
        os.mkdir(below, 0o700)
        # It keeps the mount until its input ends.
        self.keeper = subprocess.Popen(
            ["unshare", "--mount", "--propagation=private", "sh", "-c", MOUNT, "sh",
             f"mode=700,{options}", below],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.keeper.stdout.readline(), "the disk cannot be mounted"
        self.path = f"/proc/{self.keeper.pid}/root{below}"
        self.is_small = options.startswith("size")  # else it has room for few files
        self.fillers = []

    def fill(self):
        """Until there is room for no file, or for no byte more."""
        while (left := os.statvfs(self.path)).f_bfree > 0 and left.f_ffree > 0:
            self.fillers.append(f"{self.path}/.filler-{len(self.fillers)}")
            with open(self.fillers[-1], "wb") as f:
                f.write(b"x" * left.f_frsize * left.f_bfree if self.is_small else b"")

    def make_room(self):
        while self.fillers:
            os.unlink(self.fillers.pop())

    def remount(self, how):
        subprocess.run(["nsenter", "--mount", f"--target={self.keeper.pid}",
                        "mount", "-o", f"remount,{how}", self.below], check=True)

    def close(self):
        self.keeper.communicate()


@pytest.fixture
def disk(folder, request):
    fresh = Disk(folder, request.param)
    yield fresh
    fresh.close()


@pytest.fixture
def grants(service):
    service.reply = RotatingService(expires_in=LIFE)
    return service.reply


@pytest.fixture
def helper(disk, make_helper, clock):
    """A helper on this disk; after pass_life() all tokens have ended."""
    helper = make_helper(environment=clock.environment)
    helper.state = disk.path
    lives = itertools.count(1)
    helper.pass_life = lambda: clock.set(boot=next(lives) * LIFE)
    return helper.start()


def contents(helper):
    """What the records hold, by their names."""
    return {name: Path(helper.state, name).read_bytes()
            for name in records(helper) if not name.startswith(".")}


@FULL
def test_the_disk_is_really_full(disk):
    disk.fill()
    with pytest.raises(OSError, match="No space left"), open(f"{disk.path}/x", "wb") as f:
        f.write(b"x")


@pytest.mark.parametrize("disk", ["size=1m"], indirect=True)
def test_a_folder_that_is_gone_for_its_service_is_told_of(helper, disk, service, grants):
    """Removed below its unit it cannot be made again: all else is read-only there."""
    helper.destination(service.url(), Authentication=REFRESH)
    own = grants.refresh_token()
    disk.remount("ro")
    token_of(helper, own)
    assert logged(helper, "systemctl restart maildest-helper.service"), "no remedy is told"
    disk.remount("rw")
    helper.pass_life()
    token_of(helper, own)
    assert logged(helper, "are noted in")


@FULL
@pytest.mark.parametrize("has_record", [True, False])
def test_a_login_goes_on_while_the_disk_is_full(
        helper, disk, service, grants, has_record):
    helper.destination(service.url(), Authentication=REFRESH)
    own = grants.refresh_token()
    if has_record:
        token_of(helper, own)
    before = contents(helper)
    assert bool(before) == has_record
    disk.fill()
    for _ in range(3):
        helper.pass_life()
        token_of(helper, own)
    assert contents(helper) == before, "a record is there that is not whole"
    assert logged(helper, "cannot be noted in"), "nobody is told"
    disk.make_room()
    helper.pass_life()
    token_of(helper, own)
    assert logged(helper, "are noted in"), "nobody is told that all is well again"
    assert len(contents(helper)) == 1 and contents(helper) != before, "it is not written"
    helper.stop(signal.SIGKILL)
    assert "No space left on device" in helper.log.decode(), "the reason is not told"
    helper.start()
    token_of(helper, own)
    assert len(set(sent(service))) == len(sent(service)), "a token is sent twice"
    assert not grants.revoked()


@FULL
def test_a_code_is_redeemed_though_the_disk_is_full(helper, disk, service, grants):
    helper.destination(service.url(), Authentication=CODE)
    disk.fill()
    own = grants.code()
    for _ in range(2):
        token_of(helper, own)
        helper.pass_life()
    assert sent(service).count(own) == 1
    assert logged(helper, "No space left on device")
    disk.make_room()
    token_of(helper, own)
    assert len(contents(helper)) == 1
    assert not grants.revoked()


def test_a_limit_on_files_is_told_as_a_full_disk_is(make_helper, service, grants):
    """LimitFSIZE= comes with a signal, which would be the end of whoever writes."""
    limit = (0, resource.RLIM_INFINITY)
    helper = make_helper().start(
        preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    helper.destination(service.url(), Authentication=REFRESH)
    token_of(helper, grants.refresh_token())
    assert logged(helper, "File too large"), "nobody is told"
    assert helper.process.poll() is None, "the limit ends the helper"
