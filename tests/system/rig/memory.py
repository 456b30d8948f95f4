# SPDX-License-Identifier: Apache-2.0
"""Parts of secrets in whatever a process may write to: heap, stack, data, and what was freed."""

import base64
import contextlib
import json
import os
import re
import signal
import urllib.parse
from pathlib import Path

from . import waiting

# A part of this many octets is no accident; shorter ones help nobody to guess the rest.
PART = 12
# What is looked for first.
ANCHOR = 8
# Memory that was never used is left out.
EMPTY = re.compile(rb"\0{4096,}")


def _forms(secret):
    """The forms in which a secret passes through programs, as bytes."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    forms = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for before in range(3):
        # Base64 of any text around it: only the octets that depend on nothing else.
        code = base64.b64encode(b"\0" * before + raw)
        start = -(-before * 4 // 3)
        forms |= {code[start : start + (len(raw) * 4 - 4) // 3]}
        forms |= {form.translate(bytes.maketrans(b"+/", b"-_")) for form in set(forms)}
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return forms
    return forms | {
        urllib.parse.quote(text, safe="").encode(),
        urllib.parse.quote_plus(text, safe="").encode(),
        json.dumps(text)[1:-1].encode(),
    }


class Needle:
    """A secret, to be found in part or whole in any of its forms."""

    def __init__(self, secret):
        self._forms = [form for form in _forms(secret) if len(form) >= PART]
        # Any run of PART octets has one of these in it.
        self._anchors = {
            form[at : at + ANCHOR]
            for form in self._forms
            for at in range(0, len(form) - ANCHOR + 1, PART - ANCHOR + 1)
        }

    def _is_part(self, around):
        runs = (around[at : at + PART] for at in range(len(around) - PART + 1))
        return any(run in form for run in runs for form in self._forms)

    def find(self, block):
        """Where a part of it stands, roughly: a list of offsets."""
        found = []
        for anchor in self._anchors:
            at = block.find(anchor)
            while at >= 0:
                if self._is_part(block[max(0, at - PART) : at + ANCHOR + PART]):
                    found.append(at)
                at = block.find(anchor, at + 1)
        return sorted(found)


def _regions(pid):
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        bounds, rights, *rest = line.split(maxsplit=5)
        if rights.startswith("rw"):
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            yield start, end, rest[3].strip() if len(rest) > 3 else "anonymous"


def _is_stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@contextlib.contextmanager
def _stopped(pid):
    """It moves nothing while it is looked at."""
    os.kill(pid, signal.SIGSTOP)
    try:
        waiting.until(lambda: _is_stopped(pid), f"pid {pid} does not stop")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _read(memory, start, end):
    memory.seek(start)
    return EMPTY.sub(b"\0" * PART, memory.read(end - start))


def _around(block, at):
    """What stands there, so that it can be told whose it is."""
    return re.sub(rb"[^ -~]+", b".", block[max(0, at - 48) : at + 64]).decode()


class Places(dict):
    """Which secrets stand where: {name: [(mapping, what is around)]}."""

    def __str__(self):
        return "\n".join(
            f"{name}: {len(places)} times, as in {where}: {around!r}"
            for name, places in self.items()
            for where, around in places[:2]
        )


def search(pid, secrets):
    """Looks for {name: secret}, str or bytes, in the memory of a process: Places."""
    needles = {name: Needle(secret) for name, secret in secrets.items()}
    found = Places()
    with _stopped(pid), open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end, where in _regions(pid):
            block = _read(memory, start, end)
            for name, needle in needles.items():
                for at in needle.find(block):
                    found.setdefault(name, []).append((where, _around(block, at)))
    return found
