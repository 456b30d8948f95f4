# SPDX-License-Identifier: Apache-2.0
"""The environment that puts shim.c before a handler."""

import subprocess
from pathlib import Path

from rig.maildest import SANITIZERS

SOURCE = Path(__file__).with_name("shim.c")


class Shim:
    """shim.c, built in a folder of the caller's."""

    def __init__(self, folder):
        self._library = Path(folder, "shim.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", self._library, SOURCE], check=True)

    def environment(self, **settings):
        """SPEED, LEAD, LATER, SLEPT, HOST, ADDRESSES, HANG, EXIT, THREAD, ACCEPTED of shim.c."""
        words = {f"SHIM_{name}": str(value) for name, value in settings.items()}
        return words | SANITIZERS | {"LD_PRELOAD": str(self._library)}
