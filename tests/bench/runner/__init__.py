# SPDX-License-Identifier: Apache-2.0
"""What tests/bench/run is made of: systems to measure, accounts of what they use, tables."""

import sys
from pathlib import Path

# The system tests' rig starts maildest and makes certificates for us too.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "system"))
