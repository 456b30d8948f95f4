#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Who may include whom: folders form layers, each library lives in named modules, headers do not
# include each other in circles, every header compiles alone, and the handler's program is linked
# with OpenSSL and libc only.
#
#   test-layers.sh SOURCE-DIRECTORY BUILD-DIRECTORY
#
# $CC is the compiler, $SANITIZE what the build was sanitized with ("none": it was not).

set -euo pipefail

cd "$1"
readonly BUILD=$2
CC=${CC:-cc}

# files (extended regular expression)|what they must not include (likewise)|why
readonly FORBIDDEN='
common/.*|(handler|helper|cli|units)/|common is below the programs
handler/.*|(helper|cli)/|the handler knows the helper by its socket alone
helper/.*|(handler|cli)/|the helper knows handlers by its socket alone
units/.*|(handler|helper|cli)/|what makes units knows programs by their arguments alone
.*|.*\.\./|includes name a header, not a way to it
'

# What is included (extended regular expression)|who may (likewise). Of OpenSSL, handlers have TLS
# and SCRAM; the helper, whose TLS is libcurl's, unpacks PKCS#12 and seals tokens; both wipe what
# OpenSSL frees.
readonly CONFINED='
<openssl/.*|common/(base64|digest|secret-memory|tls-anchors|tls-certificates|tls-describe|tls-keys)\.[ch]|handler/(tls[a-z-]*\.[ch]|scram\.c)|helper/crypto\.c
<jsmn\.h>|common/json\.c
<curl/.*|helper/(curl-loop|fetch(-[a-z]+)?)\.[ch]
<systemd/.*|(helper|cli|units)/.*\.[ch]
<yaml\.h>|units/tree-yaml\.c
'

# The exposed program starts once a connection: each library more costs every one of them.
readonly HANDLER_LIBRARIES='libssl\.so|libcrypto\.so|libc\.so|linux-vdso|ld-linux'

failures=0

fail()
{
	echo "FAIL: $*" >&2
	failures=$((failures + 1))
}

sources()
{
	find common handler helper cli units -name '*.[ch]' 2>/dev/null | LC_ALL=C sort
}

# "file: included", of which ours come with the folder that has them: common/json.h
includes()
{
	local file name folder

	while read -r file; do
		while read -r name; do
			case $name in
			\"*)
				name=${name//\"/}
				for folder in "${file%/*}" common handler helper cli units ''; do
					[[ -e $folder/$name ]] && break
				done
				# one that the build makes is its own folder's
				echo "$file: ${folder:-${file%/*}}/$name" ;;
			*)
				echo "$file: $name" ;;
			esac
		done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*(["<][^">]*[">]).*/\1/p' "$file")
	done < <(sources)
}

check_folders()
{
	local files what why line

	while IFS='|' read -r files line; do
		why=${line##*|}
		what=${line%|*}
		while read -r line; do
			fail "$line: $why"
		done < <(grep -E "^$files: $what" "$scratch/includes" || true)
	done < <(grep . <<<"$FORBIDDEN")
}

check_libraries()
{
	local what who line

	while IFS='|' read -r what who; do
		while read -r line; do
			fail "$line: only $who may"
		done < <(grep -E ": $what" "$scratch/includes" | grep -vE "^($who): " || true)
	done < <(grep . <<<"$CONFINED")
}

# tsort(1) names the circles.
check_circles()
{
	sed -nE 's/^([^:]*\.h): ([^<]*\.h)$/\1 \2/p' "$scratch/includes" >"$scratch/edges"
	tsort "$scratch/edges" >/dev/null 2>"$scratch/circles" ||
		fail "headers include each other: $(tr '\n' ' ' <"$scratch/circles")"
}

check_headers_alone()
{
	local header folder generated beside

	for header in $(sources | grep '\.h$'); do
		folder=${header%/*}
		generated=$BUILD/$folder
		# the command may use the public headers of all
		beside=
		[[ $folder != cli ]] || beside='-Ihandler -Ihelper -Iunits'
		# shellcheck disable=SC2086 # CC may be a command with arguments
		$CC -fsyntax-only -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror \
			-Icommon "-I$folder" "-I$generated" $beside \
			-include "$header" -x c /dev/null 2>"$scratch/errors" ||
			fail "$header does not compile alone: $(head -3 "$scratch/errors")"
		grep -q '^#pragma once$' "$header" || fail "$header lacks #pragma once"
	done
}

check_handlers_libraries()
{
	local handler=$BUILD/handler/maildest-handler more

	[[ ${SANITIZE:-none} == none ]] || return 0
	[[ -e $handler ]] || { fail "there is no $handler"; return; }
	more=$(ldd "$handler" | awk '{ print $1 }' | grep -vE "(^|/)($HANDLER_LIBRARIES)" || true)
	[[ -z $more ]] || fail "the handler is linked with ${more//$'\n'/ }"
}

check_licences()
{
	local file

	for file in $(sources) meson.build */meson.build; do
		head -1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' ||
			fail "$file: the first line is no SPDX line"
	done
}

main()
{
	local check

	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	includes >"$scratch/includes"
	[[ -s $scratch/includes ]] || fail "found no sources in $PWD"
	for check in folders libraries circles headers_alone handlers_libraries licences; do
		"check_$check"
	done
	(( failures == 0 ))
}

main
