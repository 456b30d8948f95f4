# SPDX-License-Identifier: Apache-2.0
"""Tables: rows of texts, printed in columns or as markdown."""


def number(value):
    """Three digits that count, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if value >= 10 else 2}f}"


def numbers(values):
    """Several in a cell; what was not measured is a dash."""
    return ", ".join("-" if value is None else number(value) for value in values)


def ratios(values, bases):
    """" (1.50x, 0.80x)", or nothing if there is nothing to compare with."""
    found = [value / base if value and base else None for value, base in zip(values, bases)]
    if found == [None] * len(found):
        return ""
    return f" ({', '.join('-' if one is None else number(one) + 'x' for one in found)})"


def columns(rows):
    """For a terminal; the first row is the head."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def between_markers(text, name, command, block):
    """The text with the block in place of what stands between its two comments."""
    begin = f"<!-- {name}: begin, made by {command} -->"
    end = f"<!-- {name}: end -->"
    head, found_begin, rest = text.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"there is no pair of lines {begin!r} and {end!r}")
    return f"{head}{begin}\n{block}\n{end}{tail}"
