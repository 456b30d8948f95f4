#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What makes each program that is installed hard to abuse, as readelf(1) and objdump(1) see it:
# the addresses that it lives at, what may be written, what may run, what is checked, and that it
# does not say where it was built.
#
#   test-hardening.sh SOURCE-DIRECTORY BUILD-DIRECTORY OPTIMISED(yes|no) PROGRAM...

set -euo pipefail

readonly SOURCE=$1 BUILD=$2 OPTIMISED=$3
shift 3
readonly PROGRAMS=("$@")

failures=0

fail()
{
	echo "FAIL: $program $*" >&2
	failures=$((failures + 1))
}

# has WHAT FILE WHY: the regular expression matches a line
has() { grep -qE -- "$1" "$scratch/$2" || fail "$3"; }
lacks() { ! grep -qE -- "$1" "$scratch/$2" || fail "$3"; }

check_addresses()
{
	has '^ *Type: +DYN ' header "lives at a fixed address: it is not position-independent"
	has 'FLAGS_1.* PIE' dynamic "is not marked as position-independent"
	lacks '\((TEXTREL|RPATH|RUNPATH)\)' dynamic "has relocations of code, or a path of its own for libraries"
}

check_memory()
{
	has '^ *GNU_RELRO ' segments "has no GNU_RELRO"
	has 'FLAGS.* (BIND_NOW|NOW)' dynamic "binds symbols lazily: RELRO is partial"
	has '^ *GNU_STACK .* RW +0x' segments "has no stack, or one that runs"
	lacks '^ *LOAD .* RWE ' segments "has memory that can be written and run"
	# separate code: what runs is neither readable data's neighbour nor holds the headers
	has '^ *LOAD .* R E ' segments "has no segment for code"
	lacks '^ *LOAD +0x0+ .* R E ' segments "has its headers in the segment that runs"
}

check_checks()
{
	has ' __stack_chk_fail@' symbols "has no stack protector"
	[[ $OPTIMISED == no ]] || has ' __[a-z]+_chk@' symbols "is not fortified"
	[[ $machine != x86_64 ]] || grep -A1 -E '^[0-9a-f]+ <main>:' "$scratch/code" |
		grep -q endbr64 || fail "has no -fcf-protection: main() does not begin with endbr64"
}

# What cannot be seen in a program: each of its objects was compiled with it.
check_flags()
{
	local flag flags=(-fcf-protection=full -fstack-clash-protection)

	program="what ${PROGRAMS[*]} are made of"
	[[ $machine == x86_64 ]] || flags=(-fstack-clash-protection)
	[[ $OPTIMISED == no ]] || flags+=(-D_FORTIFY_SOURCE=3)
	grep -E '"command": .* -o (cli|common|handler|helper|units)/' \
		"$BUILD/compile_commands.json" >"$scratch/commands" || fail "is compiled nowhere"
	for flag in "${flags[@]}"; do
		! grep -qvF -- " $flag " "$scratch/commands" || fail "has objects without $flag"
	done
}

check_places()
{
	lacks "$SOURCE|$BUILD" strings "says where it was built"
}

look_at()
{
	program=$1
	[[ -x $BUILD/$program ]] || { fail "is not there"; return; }
	readelf -hW "$BUILD/$program" >"$scratch/header"
	readelf -lW "$BUILD/$program" >"$scratch/segments"
	readelf -dW "$BUILD/$program" >"$scratch/dynamic"
	readelf -W --dyn-syms "$BUILD/$program" >"$scratch/symbols"
	objdump -d --no-show-raw-insn "$BUILD/$program" >"$scratch/code"
	strings -a "$BUILD/$program" >"$scratch/strings"
	check_addresses
	check_memory
	check_checks
	check_places
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
machine=$(uname -m)
for program in "${PROGRAMS[@]}"; do
	look_at "$program"
done
check_flags
(( ${#PROGRAMS[@]} > 0 && failures == 0 ))
