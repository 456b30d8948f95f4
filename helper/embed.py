#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a text file as a C string: embed.py INPUT OUTPUT NAME."""

import sys

source, target, name = sys.argv[1:]
with open(source, encoding="ascii") as f:
    lines = f.read().splitlines()
with open(target, "w", encoding="ascii") as f:
    f.write(f"static const char {name}[] =\n")
    for line in lines:
        escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
        f.write(f'    "{escaped}\\n"\n')
    f.write("    ;\n")
