# SPDX-License-Identifier: Apache-2.0
"""The same tests twice: small at each run, and in full where MAILDEST_LONG says so."""

import os

LONG = os.environ.get("MAILDEST_LONG") == "1"


def either(short, full):
    """How much a test does."""
    return full if LONG else short


def figure(what, value):
    """Prints something measured, and adds it to the table in $MAILDEST_FIGURES, if there is one."""
    print(f"{what}: {value}")
    path = os.environ.get("MAILDEST_FIGURES")
    if path:
        with open(path, "a", encoding="utf-8") as table:
            table.write(f"| {what} | {value} |\n")
