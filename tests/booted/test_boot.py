# SPDX-License-Identifier: Apache-2.0
"""The machine of these tests itself: what it leaves on the host, which is nothing."""

import signal
import subprocess

import pytest

from machine import BOOT, PATH, PATIENCE, Machine
from rig import waiting
from rig.process import is_running

# Where boot keeps a machine's processes, whatever the host mounts.
GROUPS = "mount -t cgroup2 cgroup2 /mnt && ls /mnt"


@pytest.fixture
def bare(network, tmp_path):
    """A machine on which nothing is installed."""
    tree = tmp_path / "nothing"
    tree.mkdir()
    fresh = Machine(network, tree, tmp_path / "boot.log")
    yield fresh
    fresh.stop()


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return file.read()


def group_of(machine):
    """Whether the machine's control group is on the host."""
    said = subprocess.check_output(["unshare", "--mount", "sh", "-c", GROUPS], text=True)
    return f"maildest-booted.{machine.boot.pid}" in said.split()


def boot_as(*prefix):
    """What boot says when it is run so, and cannot."""
    done = subprocess.run(
        [*prefix, BOOT, "/"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={"PATH": PATH, "NOTIFY_SOCKET": "@nobody"},
    )  # fmt: skip
    assert done.returncode == 1 and not done.stdout
    return done.stderr


def test_a_machine_runs_and_leaves_nothing(bare):
    before = mounts()
    assert group_of(bare)
    assert bare.systemctl("is-system-running") == "running\n"
    assert bare.run("sh", "-c", "echo said; exit 3", status=3) == "said\n"
    bare.run("touch", "/etc/maildest-was-here", "/usr/maildest-was-here")
    said = subprocess.run(["ls", "/etc/maildest-was-here"], capture_output=True, check=False)
    assert said.returncode != 0, "what is written inside is written outside"
    bare.stop()
    assert not is_running(bare.pid) and not group_of(bare)
    assert mounts() == before


def test_nothing_of_the_host_runs_inside(bare):
    services = bare.units("--type=service")
    assert services == ["systemd-journald.service"]


def test_a_machine_ends_with_whoever_made_it(bare):
    bare.boot.child.send_signal(signal.SIGTERM)
    bare.boot.child.wait(20)
    assert not is_running(bare.pid) and not group_of(bare)


def test_a_machine_ends_even_so(bare, network, tmp_path):
    """What a killed boot could not remove, the next one does."""
    bare.boot.child.kill()
    bare.boot.child.wait(20)
    waiting.until(lambda: not is_running(bare.pid), "the machine outlives who made it")
    Machine(network, tmp_path / "nothing", tmp_path / "next.log").stop()
    assert not group_of(bare)


def test_a_boot_that_does_not_see_its_processes_leaves_it_alone(bare, tmp_path):
    """One in another pid namespace: an empty group is one that systemd is about to use."""
    empty = "/sys/fs/cgroup/system.slice/empty"
    bare.run("mkdir", empty)
    elsewhere = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    environment = {"PATH": PATH, "NOTIFY_SOCKET": "@nobody"}
    subprocess.run(
        [*elsewhere, BOOT, tmp_path / "nothing"], stdin=subprocess.DEVNULL, env=environment,
        stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE,
    )  # fmt: skip
    bare.run("rmdir", empty)


def test_where_it_cannot_boot_it_says_so():
    assert boot_as("unshare", "--user") == "cannot boot systemd here: it takes root\n"
    limited = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
    assert boot_as(*limited) == "cannot boot systemd here: it takes CAP_SYS_ADMIN\n"
