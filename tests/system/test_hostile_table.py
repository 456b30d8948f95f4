# SPDX-License-Identifier: Apache-2.0
"""SECURITY.md names a test for each promise; each of these is there."""

import re

from rig.maildest import REPOSITORY

TEXT = (REPOSITORY / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"\b(tests/[\w./*-]*\w)(?:::(\w+))?", TEXT)))


def is_there(path, name):
    """Whether a file, and the test in it, exists; `path` may have a *."""
    texts = [file.read_text() for file in REPOSITORY.glob(path)]
    wanted = re.compile(rf"def {name}\(|START_TEST\({name}\)" if name else "")
    return any(wanted.search(text) for text in texts)


def test_what_is_named_is_there():
    missing = [f"{path} {name}" for path, name in NAMED if not is_there(path, name)]
    assert NAMED and not missing, f"SECURITY.md names tests that are not there: {missing}"


def test_each_row_has_a_test():
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    bare = [row for row in rows if "tests/" not in row and not re.match(r"\| (attack|-)", row)]
    assert len(rows) > 40 and not bare, f"rows without a test: {bare}"


def test_it_is_short():
    assert len(TEXT.splitlines()) <= 150
