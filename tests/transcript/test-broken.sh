#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The runner itself: a dialogue that is not as written must fail, and say why in one sentence,
# which the file's first line names.
#
#   test-broken.sh RUNNER FOLDER

set -u
runner=$(realpath "$1")
failures=0

cd "$2" || exit 1
for file in *.txt; do
	read -r wanted <"$file"
	wanted=$file:${wanted#"# says: "}
	said=$("$runner" "$file" 2>&1)
	status=$?
	said=${said%%$'\n'*}
	if [[ $status != 1 || $said != "$wanted"* ]]; then
		printf 'expected status 1 and: %s\nbut %s and: %s\n' "$wanted" "$status" "$said"
		failures=$((failures + 1))
	fi
done
exit $((failures > 0))
