# SPDX-License-Identifier: Apache-2.0
"""The scriptable token service of the helper's own tests, for these."""

import importlib.util
from pathlib import Path

_path = Path(__file__).resolve().parents[2] / "helper" / "token_service.py"
_spec = importlib.util.spec_from_file_location("maildest_tests_token_service", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

TokenService = _module.TokenService
error_reply = _module.error_reply
token_reply = _module.token_reply
