# SPDX-License-Identifier: Apache-2.0
"""Kept states as files in memory: taken apart, and put together wrongly (helper/state-layout.h)."""

import fcntl
import hashlib
import os
import struct

PREFIX = "maildest-tokens-"
SIZE_MAX = 128 << 20
HEADER = struct.Struct("=8s32sIIQQ")
DIGESTED = 40  # where the digest begins to count

F_ADD_SEALS, F_GET_SEALS = 1033, 1034
SEALS = 0x1 | 0x2 | 0x4 | 0x8  # F_SEAL_SEAL, SHRINK, GROW, WRITE
MFD_NOEXEC_SEAL = 0x8


def memory_file(content=b"", seals=SEALS, size=None):
    """A sealed memory file with this content; its descriptor."""
    descriptor = os.memfd_create("test", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(descriptor, content)
    if size is not None:
        os.truncate(descriptor, size)
    fcntl.fcntl(descriptor, F_ADD_SEALS, seals)
    return descriptor


def seals_of(descriptor):
    return fcntl.fcntl(descriptor, F_GET_SEALS)


def kernel_seals_against_execution():
    try:
        os.close(os.memfd_create("test", MFD_NOEXEC_SEAL))
        return True
    except OSError:
        return False


def entries_of(content):
    """How many entries a state has."""
    return HEADER.unpack_from(content)[3]


def rebuilt(content, body=None, **changes):
    """The state with another body or other members of its header, and the right digest."""
    names = ("magic", "digest", "version", "entries", "length", "generation")
    header = dict(zip(names, HEADER.unpack_from(content)))
    body = content[HEADER.size:] if body is None else body
    header |= {"length": HEADER.size + len(body)} | changes
    draft = HEADER.pack(*(header[name] for name in names)) + body
    digest = hashlib.sha256(draft[DIGESTED:]).digest()
    return draft[:8] + digest + draft[DIGESTED:]


def closed_pipe(_):
    reading, writing = os.pipe()
    os.close(writing)
    return reading


def twice(content):
    return rebuilt(content, body=content[HEADER.size:] * 2, entries=2)


# what -> (descriptor from a good state, the reason that is recorded)
BROKEN = {
    "cut": (lambda good: memory_file(good[:-1]), "it is not complete"),
    "cut within its header": (lambda good: memory_file(good[:40]), "it is too short"),
    "longer than it says": (lambda good: memory_file(good + b"\0"), "it is not complete"),
    "a bit changed": (lambda good: memory_file(good[:-1] + bytes([good[-1] ^ 1])),
                      "it is damaged: its digest is wrong"),
    "another version": (lambda good: memory_file(rebuilt(good, version=1)),
                        "it is of another version of the helper"),
    "something else": (lambda good: memory_file(rebuilt(good, magic=b"SOMETHIN")),
                       "it holds something else"),
    "garbage": (lambda good: memory_file(os.urandom(4096)), "it holds something else"),
    "more entries than it has": (lambda good: memory_file(rebuilt(good, entries=2)),
                                 "an entry makes no sense"),
    "fewer entries than it has": (lambda good: memory_file(rebuilt(good, entries=0)),
                                  "it goes on behind its last entry"),
    "too many entries": (lambda good: memory_file(rebuilt(good, entries=1001)),
                         "it has too many entries"),
    "no generation": (lambda good: memory_file(rebuilt(good, generation=0)),
                      "its generation makes no sense"),
    "an entry twice": (lambda good: memory_file(twice(good)), "it has the same entry twice"),
    "another token's length": (lambda good: memory_file(rebuilt(
        good, body=good[HEADER.size:].replace(b"canary", b"canarx", 1)[:-1])),
        "an entry makes no sense"),
    "not sealed": (lambda good: memory_file(good, seals=0), "it is not sealed"),
    "sealed but for writing": (lambda good: memory_file(good, seals=SEALS & ~0x8),
                               "it is not sealed"),
    "empty": (lambda good: memory_file(), "it is empty"),
    "too long": (lambda good: memory_file(good, size=SIZE_MAX + 1), "it is too long"),
    "a pipe": (closed_pipe, "it is no memory file"),
    "a device": (lambda good: os.open("/dev/null", os.O_RDWR), "it is no memory file"),
    "a folder": (lambda good: os.open("/tmp", os.O_RDONLY), "it is no memory file"),
}
