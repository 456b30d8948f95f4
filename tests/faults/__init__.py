# SPDX-License-Identifier: Apache-2.0
"""Programs of maildest whose calls fail, one at a time."""

import sys
from pathlib import Path

# The servers and clients of the system tests serve here too.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
