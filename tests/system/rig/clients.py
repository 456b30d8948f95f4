# SPDX-License-Identifier: Apache-2.0
"""Programs that people send and read mail with, and what all of them must find and leave."""

import email
import email.policy
import os
import subprocess

from . import mail

HOST = "127.0.0.1"
# A subject and a folder with letters that headers, and IMAP, each encode in their own way.
SUBJECT = "Grüße aus 日本"
FOLDER = "Grüße"
FOLDER_ON_THE_WIRE = "Gr&APwA3w-e"
LARGE = 5 * 1024 * 1024


def run(*words, timeout=60, **options):
    """Runs a program to its end, which must be a good one; what it said (its errors go by)."""
    options.setdefault("input", b"")
    done = subprocess.run(list(map(str, words)), capture_output=True, timeout=timeout, **options)
    assert done.returncode == 0, (
        f"{words[0]} fails with {done.returncode}:\n"
        f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}"
    )
    return done.stdout


def own_file(path, text):
    """A file that only its owner may read, as programs want one that has a password in it."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def environment(home):
    """For a program that looks into its user's home, which is this folder."""
    return os.environ | {"HOME": str(home), "LC_ALL": "C.UTF-8"}


def parsed(octets):
    """A mail as its reader sees it: headers decoded, its parts taken apart."""
    return email.message_from_bytes(octets, policy=email.policy.default)


def attachment(message):
    """The octets of the one attachment of a parsed mail."""
    (part,) = message.iter_attachments()
    return part.get_payload(decode=True)


def text_of(message):
    """The text of a parsed mail, with line feeds only."""
    return message.get_body(("plain",)).get_content().replace("\r\n", "\n")


def unix_letter(address, text, subject="maildest"):
    """A mail as programs are given it, with line feeds only."""
    return mail.message(text, subject, address).replace(b"\r\n", b"\n")


def assert_sessions(scene, name, count):
    """So many sessions of a destination are over, and each ended well for the journal too."""
    scene.maildest.wait_for_end(name, count)
    results = [record["RESULT"] for record in scene.maildest.ends(name)]
    assert results == ["ok"] * count, f"sessions of {name} ended as {results}"
