# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The tests of tests/booted in full size, for the programs beside this file.

# run_booted NAME TITLE TEST...: runs tests, prints what they measured and "N passed, N failed",
# and keeps the figures in tests/long/NAME.md if all passed. Status 0 if they did.
run_booted()
{
	local name=$1 title=$2 rows results status

	shift 2
	cd "$(dirname "${BASH_SOURCE[0]}")/../.." || return 1
	rows=$(mktemp) results=$(mktemp --suffix=.xml)
	MAILDEST_LONG=1 MAILDEST_FIGURES=$rows /usr/bin/python3 -B -m pytest -q \
		-p no:cacheprovider -o junit_logging=no --junitxml="$results" "$@" >&2
	sort -o "$rows" "$rows"
	cat "$rows"
	tests/tally "$results"
	status=$?
	((status)) || figures "$title" "$rows" >"tests/long/$name.md"
	rm -f "$rows" "$results"
	return "$status"
}

# figures TITLE ROWS: what is kept.
figures()
{
	echo "# $1"
	echo
	echo "Made by \`tests/all --long\`, last on $(date -I): $(nproc) processors," \
		"$(systemctl --version | sed -n '1s/ (.*//p'), Linux $(uname -r). Load average of the" \
		"machine at the end: $(cut -d' ' -f1-3 /proc/loadavg)."
	echo
	echo "| what | figure |"
	echo "|---|---|"
	cat "$2"
}
