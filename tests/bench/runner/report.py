# SPDX-License-Identifier: Apache-2.0
"""The figures of a run as a table: one row a figure, one column a system."""

from .figures import CONCURRENCY, LARGE_MIB
from .plan import Plan
from .systems import SYSTEMS
from .table import columns, markdown, number, numbers, ratios

BASE = "direct"


class Report:
    """What a run found: `result` is the JSON that it writes."""

    def __init__(self, result):
        self._result = result
        self._systems = result["systems"]
        self._plan = Plan(**result["plan"])
        self._names = [name for name in SYSTEMS if name in self._systems]

    def _value(self, system, what, figure):
        return self._systems.get(system, {}).get(what, {}).get(figure)

    def _cell(self, system, figures, unit):
        """The numbers of these (what, figure), and their ratios to direct's."""
        values = [self._value(system, *one) for one in figures]
        if all(value is None for value in values):
            return ""
        text = f"{numbers(values)} {unit}".strip()
        if system == BASE:
            return text
        return text + ratios(values, [self._value(BASE, *one) for one in figures])

    def _row(self, label, figures, unit=""):
        return [label, *(self._cell(system, figures, unit) for system in self._names)]

    def _idle_row(self, count):
        figures = [(f"{count} idle", figure) for figure in ("private_kib", "pss_kib")]
        return self._row(f"an idle session, one of {count:,}: private, PSS", figures, "KiB")

    def _at_once_cell(self, system):
        found = self._systems[system].get("at once")
        if not found:
            return ""
        text = f"{found['failed']:.0f} failed, {number(found['seconds'])} s"
        if system == BASE:
            return text
        requests = round(found["token_requests"])
        return f"{text}, {requests} token request{'' if requests == 1 else 's'}"

    def rows(self):
        """The table; its first row is the head."""
        rows = [["", *(SYSTEMS[name].title for name in self._names)]]
        for way, title in (("imap", "IMAP session"), ("smtp", "SMTP session"),
                           ("imap-starttls", "IMAP with STARTTLS"),
                           ("smtp-starttls", "SMTP with STARTTLS")):  # fmt: skip
            rows.append(self._row(f"{title}: p50, p99", [(way, "p50_ms"), (way, "p99_ms")], "ms"))
        for title, figure, unit in (
            (f"IMAP, SMTP sessions a second, {CONCURRENCY} at once", "rate", ""),
            ("processor time of an IMAP, SMTP session", "cpu_ms", "ms"),
            (f"a mail of {LARGE_MIB} MiB: read, sent", "mib_per_s", "MiB/s"),
        ):
            rows.append(self._row(title, [("imap", figure), ("smtp", figure)], unit))
        rows += [self._idle_row(count) for count in self._plan.idle]
        title = f"{self._plan.at_once:,} connections at once, no token cached"
        rows.append([title, *map(self._at_once_cell, self._names)])
        return [row for row in rows if any(row[1:])]

    def _tokens(self):
        """What a cached token costs; the helper is the same in both modes."""
        for system in self._names:
            kept, anew = (
                self._systems[system].get(what) for what in ("token", "token, new connection")
            )
            if kept and anew:
                texts = [f"p50 {one['p50_ms']:.3f} ms, p99 {one['p99_ms']:.3f} ms"
                         for one in (kept, anew)]  # fmt: skip
                return (
                    f"A token from the helper's cache: {texts[0]}; on a new connection {texts[1]}."
                )
        return ""

    def _conditions(self):
        machine = self._result["machine"]
        return (
            f"{machine['processors']} processors, Linux {machine['kernel']}, "
            f"{machine['openssl']}; medians of {self._plan.rounds} rounds, in brackets the ratio "
            "to direct. A session is connecting, one mail of 4 KiB and the goodbye, with TLS and "
            "XOAUTH2 upstream; systemd-socket-activate starts the handlers. Processor time is that "
            f"of all of maildest's processes, spawning included ({self._result['accounting']})."
        )

    def text(self):
        return "\n\n".join(filter(None, (columns(self.rows()), self._tokens())))

    def markdown(self):
        return "\n\n".join(
            filter(None, (self._conditions(), markdown(self.rows()), self._tokens()))
        )
