# SPDX-License-Identifier: Apache-2.0
"""Whoever has taken over a running process: makes it call the kernel, one call at a time.

What an exploit would do from inside, ptrace(2) has the process do from outside, in whatever phase
it is; the program itself knows nothing of it. For x86-64.
"""

import contextlib
import ctypes
import os
import platform
import signal
import struct

AVAILABLE = platform.machine() == "x86_64"
CALLS = {
    "connect": 42, "dup": 32, "execve": 59, "fork": 57, "getpid": 39, "io_uring_setup": 425,
    "keyctl": 250, "kill": 62, "listen": 50, "memfd_create": 319, "mkdir": 83, "mmap": 9,
    "mprotect": 10, "mremap": 25, "munmap": 11, "openat": 257, "prctl": 157, "ptrace": 101,
    "sendto": 44, "socket": 41, "unlink": 87,
}  # fmt: skip
AT_FDCWD = -100 & 0xFFFFFFFFFFFFFFFF
# How far below the stack's top nothing is in use.
BELOW = 16384
_ATTACH, _DETACH, _STEP, _GETREGS, _SETREGS = 16, 17, 9, 12, 13
_REGISTERS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
    "fs_base gs_base ds es fs gs"
).split()
_ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
_SYSCALL = b"\x0f\x05"

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, pid, data=None):
    if _libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace request {request}")


class Killed(Exception):
    """The kernel ended the process for what it called; the signal."""


class Intruder:
    """A process that is ours to command until close(); it then goes on as if nothing had been."""

    def __init__(self, pid):
        self.pid = pid
        _ptrace(_ATTACH, pid)
        self._alive = True
        self._wait()
        self._registers = self._get()
        self._text = self._registers["rip"] - len(_SYSCALL)
        assert self.read(self._text, 2) == _SYSCALL, "the process does not wait in a call"
        self._room = self._registers["rsp"] - BELOW

    def _wait(self):
        _, status = os.waitpid(self.pid, 0x40000000)  # __WALL
        if os.WIFSIGNALED(status):
            self._alive = False
            raise Killed(signal.Signals(os.WTERMSIG(status)))
        assert os.WIFSTOPPED(status), f"the process has ended: {status:#x}"

    def _get(self):
        raw = ctypes.create_string_buffer(8 * len(_REGISTERS))
        _ptrace(_GETREGS, self.pid, raw)
        return dict(zip(_REGISTERS, struct.unpack(f"{len(_REGISTERS)}Q", raw.raw)))

    def _set(self, registers):
        raw = struct.pack(f"{len(_REGISTERS)}Q", *(registers[one] for one in _REGISTERS))
        _ptrace(_SETREGS, self.pid, ctypes.create_string_buffer(raw, len(raw)))

    def read(self, address, size):
        with open(f"/proc/{self.pid}/mem", "rb", 0) as memory:
            memory.seek(address)
            return memory.read(size)

    def put(self, data):
        """Writes bytes, or a path, into the process; their address."""
        data = os.fsencode(data) + b"\0" if isinstance(data, (str, os.PathLike)) else data
        with open(f"/proc/{self.pid}/mem", "r+b", 0) as memory:
            memory.seek(self._room)
            memory.write(data)
        return self._room

    def call(self, name, *arguments):
        """What the call returns: a number, negative for -errno. Killed if that ends the process."""
        words = [self.put(one) if not isinstance(one, int) else one for one in arguments]
        registers = self._registers | {
            "rip": self._text, "rax": CALLS[name], "orig_rax": 0xFFFFFFFFFFFFFFFF,
        }  # fmt: skip
        given = {key: word & 0xFFFFFFFFFFFFFFFF for key, word in zip(_ARGUMENTS, words)}
        self._set(registers | given)
        _ptrace(_STEP, self.pid)
        self._wait()
        return struct.unpack("q", struct.pack("Q", self._get()["rax"]))[0]

    def close(self):
        if self._alive:
            self._set(self._registers)
            _ptrace(_DETACH, self.pid)
            self._alive = False


@contextlib.contextmanager
def intruder(pid):
    one = Intruder(pid)
    try:
        yield one
    finally:
        one.close()
