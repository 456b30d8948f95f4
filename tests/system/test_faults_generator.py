# SPDX-License-Identifier: Apache-2.0
"""The generator of units when a call fails or the disk is full: no unit is ever half a unit."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults import campaign, control, handler  # noqa: E402
from rig.maildest import BUILD, REPOSITORY, SANITIZER_REPORT, SANITIZERS  # noqa: E402

CASE = REPOSITORY / "tests" / "generator" / "cases" / "options"
# Not what is read: who cannot be looked up may not connect, so that units differ then.
KINDS = ("memory", "write", "store")
EVERY = 500 if handler.SANITIZED else 80
# Its units go to a file system that is full after some of them, and are copied from there.
FULL = """
mount -t tmpfs -o size="$0" none "$1" || exit 99
"$2" "$3"; status=$?
cp -a "$1/." "$OUT"; exit $status
"""


class Generator:
    """Runs it over one configuration."""

    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "config"
        shutil.copytree(CASE / "config", self.config)
        for path in [self.config, *self.config.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.control = control.Control(folder / "control", handler.LIBRARY, "maildest-generator")
        self.environment = SANITIZERS | {
            "MAILDEST_CONFIG_DIR": str(self.config),
            "MAILDEST_GROUP_FILE": str(CASE / "group"),
            "MAILDEST_LOG_TARGET": "stderr",
        }

    def run(self, before=(), **more):
        """The status, what was said, and the units by name."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        program = BUILD / "units" / "maildest-generator"
        done = subprocess.run(
            [*before, program, more.pop("folder", out)],
            env=self.environment | more,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr, read(out)

    def with_faults(self):
        return self.run(**self.control.environment())


def read(folder):
    """Links and files below a folder."""
    return {
        str(path.relative_to(folder)): path.readlink() if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or not path.is_dir()
    }


@pytest.fixture
def generator(folder):
    return Generator(folder)


def assert_whole(wanted, status, said, units, what):
    """Each unit that is there is whole, and if one is not, somebody was told."""
    assert status in (0, 1), f"{what}: the status is {status}:\n{said}"
    assert not SANITIZER_REPORT.search(said), f"{what}: {said}"
    for name, text in units.items():
        assert text == wanted.get(name), f"{what}: {name} is not what it should be: {text!r}"
    if units != wanted:
        assert status == 1 or said.strip(), f"{what}: units are missing, and nothing says so"


def test_a_call_that_fails_leaves_whole_units(generator):
    status, said, wanted = generator.run()
    assert status == 0 and wanted, said
    generator.control.clear()
    assert generator.with_faults() == (0, said, wanted)
    calls = generator.control.counts
    hits = 0
    for fault in campaign.plan(calls, EVERY, "generator", KINDS):
        generator.control.arm(fault.kind, fault.error, fault.n)
        status, text, units = generator.with_faults()
        hits += generator.control.hits
        if text != said or units != wanted:
            assert_whole(wanted, status, text.replace(said, ""), units, str(fault))
    # Where a sanitizer is built in, its memory functions are the ones that are called.
    assert hits > (20 if calls["memory"] else 8), f"only {hits} calls have failed"


@pytest.mark.parametrize("kib", (4, 8, 16, 32))
def test_a_full_disk_leaves_whole_units(generator, kib):
    _, _, wanted = generator.run()
    place = generator.folder / "small"
    place.mkdir()
    before = ["unshare", "--mount", "sh", "-c", FULL, f"{kib}k", str(place)]
    status, said, units = generator.run(
        before, folder=place, OUT=str(generator.folder / "out"), PATH="/usr/bin:/bin"
    )
    assert units != wanted, "the disk was not full"
    assert "No space left on device" in said, f"the reason is not said: {said}"
    assert_whole(wanted, status, said, units, "with a full disk")
