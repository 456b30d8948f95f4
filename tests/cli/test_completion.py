# SPDX-License-Identifier: Apache-2.0
"""What bash offers behind "maildest"."""

import subprocess
from pathlib import Path

import pytest

from rig.maildest import BUILD

SCRIPT = Path(__file__).resolve().parents[2] / "cli" / "maildest.bash-completion"


def complete(command, *words):
    """The completions of the last word, which may be empty."""
    quoted = " ".join(f"'{word}'" for word in ("maildest", *words))
    program = (
        f". {SCRIPT}; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; COMP_LINE=; _maildest\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-euc", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=command.config,
        env=command.target.environment()
        | {
            "MAILDEST_CONFIG_DIR": str(command.config),
            "PATH": f"{BUILD / 'cli'}:/usr/bin:/bin",
        },
    )
    assert not done.stderr, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    "words, wanted",
    (
        (("s",), {"sessions", "status", "stop", "sync"}),
        (("help", "che"), {"check"}),
        (("stop", "--s"), {"--sessions"}),
        (("add", "--pre"), {"--preset="}),
        (("add", "--preset", "=", "gm"), {"gmail", "gmail-oauth"}),
        (("add", "--protocol", "="), {"smtp", "smtps", "imap4", "imap4s", "pop3", "pop3s"}),
        (("--config-dir", "=", "/x", "te"), {"test"}),
        (("hosts", ""), set()),
    ),
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_words(command, words, wanted):
    assert set(complete(command, *words)) == wanted


def test_names_of_destinations_and_services(command):
    command.basic("smtp")
    command.basic("backup")
    command.resource("mail", "smtp")
    assert set(complete(command, "test", "")) == {"backup", "smtp", "mail"}
    assert complete(command, "check", "b") == ["backup"]


def test_names_that_are_commands(command):
    """bash would run what is in such a file's name, for whoever asks what comes next."""
    command.basic("smtp")
    for name in ("$(>it-has-run)", "`>it-has-run`", "${HOME:?}", "a b", "sémail"):
        (command.config / "destinations" / f"{name}.json").touch()
    assert complete(command, "test", "") == ["smtp"]
    assert not (command.config / "it-has-run").exists(), "the name of a file was run"
