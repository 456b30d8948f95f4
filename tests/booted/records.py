# SPDX-License-Identifier: Apache-2.0
"""What the journal knows of a session."""

import re

from sessions import KINDS

LOCAL = re.compile(r"127\.0\.0\.1:\d+$")
TEXTS = {
    "MAILDEST_CLIENT": LOCAL,
    "MAILDEST_UPSTREAM": LOCAL,
    "MAILDEST_TLS": re.compile(r"TLSv1\.3 "),
    "MAILDEST_SESSION": re.compile(r"[0-9a-f]{12}$"),
    "_PID": re.compile(r"\d+$"),
}
NUMBERS = ("MAILDEST_BYTES_IN", "MAILDEST_BYTES_OUT", "MAILDEST_DURATION_USEC")


def assert_fields(record, protocol, unit):
    """All fields that maildest-handler(8) promises, and from a unit whose name begins so."""
    expected = {
        "MAILDEST_DESTINATION": protocol,
        "MAILDEST_MECHANISM": "XOAUTH2",
        "MAILDEST_PROTOCOL": KINDS[protocol],
        "MAILDEST_RESULT": "ok",
        "PRIORITY": "5",
        "SYSLOG_IDENTIFIER": "maildest-handler",
    }
    found = {name: record.get(name) for name in expected}
    assert found == expected, record
    for name, pattern in TEXTS.items():
        assert pattern.match(record.get(name, "")), f"{name} is missing or wrong: {record}"
    for name in NUMBERS:
        assert int(record.get(name, 0)) > 0, f"{name} is missing or nothing: {record}"
    assert record["MAILDEST_SESSION"] in record["MESSAGE"], record["MESSAGE"]
    # The journal asks the kernel for the unit, and the process may be gone by then.
    assert record.get("_SYSTEMD_UNIT", unit).startswith(unit), record


def assert_all_recorded(machine, protocol, count, unit):
    """One record for each session, each complete."""
    records = machine.records(protocol, count)
    for record in records:
        assert_fields(record, protocol, unit)
    assert len({record["MAILDEST_SESSION"] for record in records}) == count
    assert len({record["_PID"] for record in records}) == count
