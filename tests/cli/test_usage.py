# SPDX-License-Identifier: Apache-2.0
"""How the command is called, and what it says to those who call it otherwise."""

import os
import re

import pytest

from fakes.target import NOBODY

COMMANDS = (
    "add", "apply", "check", "forget", "hosts", "list", "sessions", "status", "stop", "sync",
    "test",
)  # fmt: skip


def test_help_names_every_command(command):
    said = command("--help")
    for name in COMMANDS:
        assert re.search(rf"^  {name}\b", said, re.M), f"--help does not name {name}"
    assert "Exit status: 0" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_help(command, name):
    said = command("help", name)
    assert said.startswith(f"Usage: maildest {name}")
    assert said == command(name, "--help"), "the two ways to ask for help differ"


@pytest.mark.parametrize(
    "words",
    (
        (),
        ("nonsense",),
        ("help", "nonsense"),
        ("check", "--nonsense"),
        ("check", "a", "b"),
        ("test",),
        ("test", "smtp", "--tenant=a.b"),
        ("forget",),
        ("forget", "smtp", "--tenant"),
        ("stop",),
        ("hosts", "mail"),
        ("status", "mail"),
        ("add",),
        ("add", "mail"),
    ),
    ids=" ".join,
)
def test_wrong_use_is_said_and_has_a_status_of_its_own(command, words):
    done = command.run(*words)
    assert done.returncode == 2, f"ends with {done.returncode}: {done.stderr}"
    assert done.stderr and not done.stdout


def test_options_before_the_command_are_told_where_they_stand(command):
    done = command.run("--json", "list")
    assert done.returncode == 2 and "options stand behind the command" in done.stderr, done.stderr
    done = command.run("lists")
    assert "there is no such command" in done.stderr, done.stderr


def test_without_a_configuration(command):
    done = command.run("check", env={"MAILDEST_CONFIG_DIR": "/nonexistent"})
    assert done.returncode == 7
    assert "/nonexistent" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
@pytest.mark.parametrize("mode", (0o700, 0o711), ids=("folder closed", "folder may be entered"))
def test_without_the_right_to_read_it(command, mode):
    """One sentence and one status, not what is missing because nothing could be read."""
    command.basic("smtp")
    command.config.chmod(mode)
    for words in (("check",), ("list",), ("hosts",), ("sync",), ("test", "smtp"), ("status",)):
        done = command.run(*words, user=NOBODY, group=NOBODY, extra_groups=[])
        said = done.stdout + done.stderr
        assert "may not be read by the user this runs as; root may" in said, said
        if words != ("status",):  # which has more to tell
            assert done.returncode == 6 and not done.stdout, f"ends with {done.returncode}: {said}"


def test_options_may_stand_anywhere(command):
    command.basic("smtp")
    config = f"--config-dir={command.config}"
    nowhere = {"MAILDEST_CONFIG_DIR": "/nonexistent"}
    assert command.json("check", config, "smtp", env=nowhere)["ok"]
    assert command.json("check", "smtp", config, env=nowhere)["ok"]


def test_no_colours_where_nobody_looks(command):
    command.basic("smtp")
    assert "\033" not in command("check")


def test_foreign_text_moves_no_cursor(command):
    """Neither by the controls of C1, nor by what a terminal makes of broken UTF-8."""
    for text in (b"a\xc2\x9b2Jb", b"a\x9b2Jb"):
        path = os.fsencode(command.config / "services") + b"/" + text + b".yaml"
        with open(path, "w") as file:
            file.write("kind: [")
        shown = command.run("list", errors="backslashreplace").stdout
        os.unlink(path)
        said = command.run("list", "--config-dir", b"/nowhere/" + text, errors="replace").stderr
        assert "2Jb" in shown and "\x9b" not in shown, shown
        assert r"\x9b2Jb" in said, said
