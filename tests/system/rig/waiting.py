# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true, with a deadline and never by a lucky sleep."""

import socket
import time


def until(condition, what, seconds=20.0):
    """Returns the first true value of condition(); fails saying what never happened."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:g} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def port_is_open(port, host="127.0.0.1"):
    """True if something accepts connections on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
