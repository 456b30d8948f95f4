# SPDX-License-Identifier: Apache-2.0
"""Programs of Node.js: the folders of tests that have a package.json, with what that names."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("MAILDEST_CACHE", TESTS.parent / "build-cache"))
PARTS = ("package.json", "package-lock.json")


def install(name):
    """Installs what tests/<name> needs below the cache folder, once; the folder of its programs."""
    folder, source = CACHE / name, TESTS / name
    folder.mkdir(parents=True, exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current(folder, source):
            _install_into(folder, source)
        for program in source.glob("*.mjs"):
            put(program, folder / program.name)
    return folder


def put(program, place):
    """In one step, as another process may be about to run what is there."""
    if place.exists() and place.read_bytes() == program.read_bytes():
        return
    fresh = place.with_suffix(".new")
    shutil.copy(program, fresh)
    fresh.rename(place)


def _is_current(folder, source):
    return (folder / "complete").exists() and all(
        (folder / part).read_bytes() == (source / part).read_bytes() for part in PARTS
    )


def _install_into(folder, source):
    (folder / "complete").unlink(missing_ok=True)
    for part in PARTS:
        shutil.copy(source / part, folder)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--cache", str(CACHE / "npm")],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"npm_config_update_notifier": "false"},
    )
    if done.returncode != 0:
        raise RuntimeError(f"npm ci failed:\n{done.stdout}{done.stderr}")
    (folder / "complete").touch()
