# SPDX-License-Identifier: Apache-2.0
"""Other proxies' figures, as a JSON file of one run has them, in a table.

{system: {"imap": {"p50_ms", "p99_ms", "rate", "cpu_ms", "idle_kib", "mb_per_s"} or {"error"},
"smtp": likewise, "missing": a program that is not installed}}; figures that are not there or null
were not measured. systems.json beside this folder describes maildest to the program that makes it.
"""

from .table import columns, markdown, numbers, ratios

BASE = "direct"
PROTOCOLS = ("imap", "smtp")
# (title, figure, unit, whether its ratio to direct says something)
FIGURES = (
    ("p50 of sessions", "p50_ms", "ms", True),
    ("a second, 16 at once", "rate", "", True),
    ("processor time of one", "cpu_ms", "ms", False),
    ("an idle one, PSS", "idle_kib", "KiB", False),
    ("64 MiB mail", "mb_per_s", "MB/s", True),
)


def _values(found, figure):
    return [(found.get(protocol) or {}).get(figure) for protocol in PROTOCOLS]


def _cell(found, base, figure, unit, with_ratio):
    """IMAP's and SMTP's number, and their ratios to those of direct."""
    values = _values(found, figure)
    if values == [None, None]:
        return ""
    text = f"{numbers(values)} {unit}".strip()
    if with_ratio and found is not base:
        text += ratios(values, _values(base, figure))
    return text


def _trouble(found):
    """Why a system has no figures, or not all."""
    if "missing" in found:
        return f"not measured: {found['missing']} is not installed"
    if any("error" in (found.get(protocol) or {}) for protocol in PROTOCOLS):
        return "its sessions failed"
    return ""


def _rows(result, remark):
    """One row a system, whose last cell is remark(found); the first row is the head."""
    base = result.get(BASE, {})
    table = [["IMAP, SMTP", *(title for title, *_ in FIGURES), ""]]
    for system, found in result.items():
        cells = [_cell(found, base, *words) for _, *words in FIGURES]
        table.append([system, *cells, remark(found)])
    return table


def text_table(result):
    return columns(_rows(result, _trouble))


def markdown_table(result):
    return markdown(_rows(result, lambda found: _trouble(found) or found.get("about", "")))
