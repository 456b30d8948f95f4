# SPDX-License-Identifier: Apache-2.0
"""Replies that do not end, each in a part of HTTP of its own, grow nothing in the helper."""

import contextlib
import itertools
import socket
import threading
import time

import pytest

UNAVAILABLE = "io.maildest.Helper.TokenServiceUnavailable"
LINES_A_BLOCK = 1000
# What a helper may grow by, and what may be under way in the kernel's buffers besides.
GROWTH_MAX = 16 << 20
SENT_MAX = 64 << 20

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def headers(number):
    return b"".join(b"X-%d-%d: %s\r\n" % (number, i, b"x" * 60) for i in range(LINES_A_BLOCK))


REPLIES = {
    "headers": (OK, headers),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", headers),
    "interim replies": (b"", lambda _: b"HTTP/1.1 103 Early Hints\r\n\r\n" * LINES_A_BLOCK),
    "a header's line": (OK + b"X: ", lambda _: b"x" * 65536),
    "a body of one chunk": (CHUNKED + b"7fffffff\r\n", lambda _: b"x" * 65536),
    "a body of small chunks": (CHUNKED, lambda _: b"1\r\nx\r\n" * LINES_A_BLOCK),
}


class EndlessService:
    """Goes on with its reply until the client has enough; counts what it could send."""

    def __init__(self, begin, more):
        self.begin, self.more, self.sent = begin, more, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/token"

    def serve(self):
        connection, _ = self.listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(self.begin)
            for number in itertools.count():
                block = self.more(number)
                connection.sendall(block)
                self.sent += len(block)

    def close(self):
        self.listener.close()
        self.thread.join(20)


def memory_peak(helper):
    """The most that it has ever had in memory, in bytes."""
    with open(f"/proc/{helper.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) << 10


@pytest.mark.release
@pytest.mark.parametrize("part", REPLIES)
def test_a_reply_without_an_end(helper, part):
    service = EndlessService(*REPLIES[part])
    helper.destination(service.url())
    before = memory_peak(helper)
    reply = helper.get_token()
    service.close()
    growth = memory_peak(helper) - before
    assert reply["error"] == UNAVAILABLE, f"endless {part} are taken for a reply"
    assert growth < GROWTH_MAX, f"endless {part} make the helper grow by {growth >> 20} MiB"
    assert service.sent < SENT_MAX, f"{service.sent >> 20} MiB of endless {part} are read"


def test_a_reply_that_drips(helper):
    """Each byte comes in time, and there is always one more."""
    service = EndlessService(CHUNKED, lambda _: time.sleep(0.2) or b"1\r\nx\r\n")
    helper.destination(service.url(), **{
        "tokenServiceURL.ConnectionTimeoutInSeconds": "1",
        "tokenServiceURL.SocketReadTimeoutInSeconds": "1",
    })
    began = time.monotonic()
    reply = helper.get_token()
    took = time.monotonic() - began
    service.close()
    assert reply["error"] == UNAVAILABLE, "it is taken for a reply"
    assert took < 15, f"a token service that drips is heard for {took:.0f} s instead of 2"
