# SPDX-License-Identifier: Apache-2.0
"""The life of what is tested: in a folder of its own, and with an end that is judged."""

import contextlib
import tempfile

from rig import maildest
from rig.secrets import find

# NSS loads libraries, and ld.so allocates what they keep for each thread, where no sanitizer
# looks. It takes that for lost (92 bytes of libnss_systemd's) unless it finds ld.so on the stack,
# which ends at our malloc() for who follows the frame pointers.
SANITIZERS = maildest.SANITIZERS | {
    "ASAN_OPTIONS": f"{maildest.SANITIZERS['ASAN_OPTIONS']}:fast_unwind_on_malloc=0"
}


@contextlib.contextmanager
def of(make):
    """What make(folder) makes, until its stop(). The folder's path is short, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="mdf-", dir="/tmp") as folder:
        here = make(folder)
        try:
            yield here
        finally:
            here.stop()


def assert_good_end(status, log, secrets):
    """That a helper has ended in order, and that its log has none of these secrets."""
    assert status == 0, f"the helper ended with {status}: {log[-4000:]}"
    assert not maildest.SANITIZER_REPORT.search(log), log
    leaks = find(secrets, {"log": log})
    assert not leaks, f"a secret is in the log: {leaks}"
