# SPDX-License-Identifier: Apache-2.0
"""Looking for secrets where none may be: logs, command lines, environments."""

import base64
import json
import threading
import urllib.parse
from pathlib import Path

# What of a longer secret is looked for: enough to be no accident.
CHUNK = 24


def disguises(secret):
    """The forms in which a secret could stand in a text."""
    raw = secret.encode()
    forms = {secret, urllib.parse.quote(secret), urllib.parse.quote_plus(secret)}
    forms.add(json.dumps(secret)[1:-1])
    for before in range(3):
        # Base64 of any text around it: only the octets that depend on nothing else.
        code = base64.b64encode(b"\0" * before + raw).decode()
        start = -(-before * 4 // 3) + (1 if before else 0)
        forms.add(code[start : start + (len(raw) - 2) * 4 // 3])
    forms.add(raw.hex())
    # The header of a token is no secret: each token has the same.
    heads = {form[:CHUNK] for form in forms if not secret.startswith("eyJ")}
    return heads | {form[-CHUNK:] for form in forms}


def find(secrets, texts):
    """Where a secret stands: a list of (which text, which line); texts is a dict."""
    found = []
    wanted = [form for secret in secrets for form in disguises(secret)]
    for where, text in texts.items():
        for line in text.splitlines():
            if any(form in line for form in wanted):
                found.append((where, line))
    return found


class ProcessWatcher:
    """Notes the command lines and environments of our processes and their children."""

    INTERVAL = 0.02

    def __init__(self):
        self.seen = {}
        self._roots = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def watch(self, pid):
        self._roots.append(pid)

    def _run(self):
        while not self._end.wait(self.INTERVAL):
            for root in list(self._roots):
                self.sample(root)

    def sample(self, pid):
        for name in ("cmdline", "environ"):
            try:
                text = Path("/proc", str(pid), name).read_text(errors="replace")
            except OSError:
                return
            self.seen.setdefault(f"/proc/{pid}/{name}: {text!r}", text.replace("\0", "\n"))
        try:
            below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return
        for child in below:
            self.sample(int(child))

    def stop(self):
        self._end.set()
        self._thread.join()
