#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Whatever a program, a setting or a resource knows stands in its manual page:
#
#   test-manuals.sh SOURCE_FOLDER BUILD_FOLDER

set -euo pipefail
source=$1 build=$2
failed=0

# expect PAGE WORD...: each is in the page, where mdoc sets options as "Fl Fl name"
expect()
{
	local page=$1 text word
	shift
	text=$(sed -e 's/Fl Fl /--/g' -e 's/ Ns //g' "$source/$page")
	(( $# )) || { echo "$page: nothing was found that it should have"; failed=1; }
	for word; do
		grep -qF -e "$word" <<<"$text" && continue
		echo "$page: '$word' is missing"
		failed=1
	done
}

# The options that a program prints at --help.
options_of() { "$@" --help | grep -oE -e '--[a-z][a-z-]+' | sort -u; }

# The words in quotes that follow a pattern in source files.
words_of()
{
	local pattern=$1
	shift
	grep -ohE "$pattern" "$@" | grep -oE '"[^"]+"' | tr -d '"' | sort -u
}

mapfile -t words < <(options_of "$build/handler/maildest-handler")
expect handler/maildest-handler.8 "${words[@]}"

mapfile -t words < <(options_of "$build/helper/maildest-helper")
expect helper/maildest-helper.8 "${words[@]}"

mapfile -t commands < <("$build/cli/maildest" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')
expect cli/maildest.1 "${commands[@]/#/Cm }"
for command in "${commands[@]}"; do
	mapfile -t words < <(options_of "$build/cli/maildest" "$command")
	expect cli/maildest.1 "${words[@]}"
done

mapfile -t words < <(words_of '\{"[A-Z][A-Za-z]+", set_' "$source/common/settings.c")
expect common/maildest.conf.5 "${words[@]/%/=}"

mapfile -t words < <(words_of '"(spec|metadata)\.[A-Za-z]+(\.[A-Za-z]+)*"|"maildest/[a-z-]+"' \
	"$source"/units/*.c | grep -vxE 'spec\.[a-zA-Z]+Ref|spec\.(service|accessControl)|metadata\.annotations')
expect units/maildest-services.5 "${words[@]}"

mapfile -t words < <(words_of \
	'"(tokenService|tokenServiceURL|clientAssertion|mail)[A-Z.][A-Za-z.]+[a-z]"|"(Key|Trust)Store[A-Za-z]+"' \
	"$source"/common/destination*.c "$source"/helper/*.c | grep -v client_assertion)
expect common/maildest-destination.5 "${words[@]}"

mapfile -t words < <(words_of '\{"MAILDEST_[A-Z_]+"' "$source"/handler/*.c)
expect handler/maildest-handler.8 "${words[@]}"

mapfile -t words < <(words_of '\{(E[A-Z]+|0), "[a-z-]+"' "$source"/handler/refusal.c)
expect handler/maildest-handler.8 "${words[@]}"

mapfile -t words < <(words_of '\{"MAILDEST_[A-Z_]+"' "$source"/helper/*.c)
expect helper/maildest-helper.8 "${words[@]}"

exit "$failed"
