# SPDX-License-Identifier: Apache-2.0
"""maildest sync on a full disk: it says so, and what was recorded before stays whole."""

import shutil
import subprocess

from rig.maildest import BUILD

PROGRAM = BUILD / "cli" / "maildest"
PATIENCE = 60

PAGE = 4096
# So many services that the table of their addresses, one more, needs a second page.
MANY = 58
LONG_NAME = "a" * 50
ENOUGH = 10
# $1 is small for a while: what is in $2, room for $3 pages more, and what comes of it goes to $4.
FULL = f"""
mount -t tmpfs -o size=512k,mode=750 none "$1" && cp -a "$2/." "$1" || exit 99
left=$(($(stat -f -c %a "$1") - $3))
head -c $((left * {PAGE})) /dev/zero >"$1/.filler" || exit 99
"$5" sync; status=$?
rm "$1/.filler"
cp -a "$1/." "$4"; exit $status
"""


def read(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def sync_with_room_for(command, pages):
    """Its status, what it says, and what is recorded then; nothing of it is kept."""
    state = command.config / ".state"
    saved, out = command.target.folder / "saved", command.target.folder / "out"
    for folder in (saved, out):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(state, saved)
    out.mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "--propagation=private", "sh", "-c", FULL, "sh",
         state, saved, str(pages), out, PROGRAM],
        env=command.target.environment() | {
            "MAILDEST_CONFIG_DIR": str(command.config),
            "MAILDEST_HELPER_SOCKET": str(command.target.socket),
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode != 99, done.stderr
    return done.returncode, done.stderr, read(out)


def test_a_full_disk_leaves_what_was_recorded(command):
    """With room for one page more each time, until there is enough."""
    command.basic("one")
    command.basic("two")
    for i in range(MANY):
        command.resource(f"{LONG_NAME}-{i}", "one")
    command("sync")
    before = read(command.config / ".state")
    command.resource(f"{LONG_NAME}-0", "two")
    for i in range(MANY, MANY + 4):
        command.resource(f"{LONG_NAME}-{i}", "one")
    rounds = [sync_with_room_for(command, pages) for pages in range(ENOUGH)]
    command("sync")
    wanted = read(command.config / ".state")
    assert len(wanted["addresses"]) > PAGE > len(before["addresses"]), "that needs no room"
    for status, said, now in rounds:
        if status == 0:
            assert now == wanted
            continue
        assert status == 1, f"the status is {status}: {said}"
        assert "No space left on device" in said and "/.state/" in said, f"not why: {said}"
        assert now.keys() >= before.keys(), "what was recorded is gone"
        for name, text in now.items():
            allowed = (before.get(name), wanted.get(name))
            assert text in allowed, f"{name} is neither as it was nor as it shall be: {text!r}"
    statuses = [status for status, _, _ in rounds]
    assert statuses == sorted(statuses, reverse=True) and {*statuses} == {0, 1}, statuses
