#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the build into a throw-away root and looks at the units there: systemd accepts them
# without a word, the helper's sandbox is as tight as promised, users and folders come out with
# the rights that the programs count on, and every directive that was bought with experience is
# still there.
#
#   test-units.sh BUILD-DIRECTORY UNIT-DIRECTORY SYSUSERS-DIRECTORY TMPFILES-DIRECTORY

set -euo pipefail

readonly BUILD=$1 UNITS=$2 SYSUSERS=$3 TMPFILES=$4
# As systemd-analyze(1) counts it, times ten.
readonly HELPER_EXPOSURE_MAX=15

readonly HANDLERS='maildest-imap@.service maildest-smtp@.service'
readonly PORTS='maildest-imap.socket maildest-smtp.socket'
readonly SOCKETS="$PORTS maildest-helper.socket"
readonly HELPER=maildest-helper.service
readonly ALL="$SOCKETS $HANDLERS $HELPER"

# units|line|what goes wrong without it
readonly DIRECTIVES="
$PORTS|Accept=yes|one process a connection is what the service template is written for
$SOCKETS|Backlog=4096|a burst of connections would be refused
$PORTS|IPAddressDeny=any|hosts of the network could connect once ListenStream= is widened
$PORTS|IPAddressAllow=localhost|nobody could connect
$PORTS|KeepAlive=yes|a client that vanished would hold its handler for ever
$PORTS|NoDelay=yes|short replies would wait for each other
$PORTS|MaxConnections=1024|the default closes the 65th connection without a word
$SOCKETS|TriggerLimitIntervalSec=0|200 connections in 2 s would close the port for good
$PORTS|Wants=maildest-helper.socket|whoever starts the port would find no helper
$PORTS|After=maildest-helper.socket|the first sessions would find no helper
$SOCKETS|WantedBy=sockets.target|systemctl enable would have no effect
maildest-smtp.socket|ListenStream=127.0.0.1:587|SMTP would not be where the README says
maildest-imap.socket|ListenStream=127.0.0.1:143|IMAP would not be where the README says
$HANDLERS|CollectMode=inactive-or-failed|failed sessions would pile up as units
$HANDLERS|StandardInput=socket|the handler would not be given the connection
$HANDLERS|StandardOutput=socket|replies would go to the journal
$HANDLERS|StandardError=journal|error messages would land in the mail dialogue
$HANDLERS|LogLevelMax=notice|the service manager would add two records a connection
$HANDLERS|User=maildest|handlers would run as root
$HANDLERS|NoNewPrivileges=yes|an exploited handler could use programs that are setuid
$HANDLERS|CapabilityBoundingSet=|an exploited handler could regain capabilities
$HANDLERS|SystemCallArchitectures=native|a second table of system calls could be attacked
$HANDLERS|LimitCORE=0|a core could hold mail and tokens
maildest-helper.socket|ListenStream=/run/maildest/helper.sock|handlers look for it there
maildest-helper.socket|SocketGroup=maildest|handlers could not connect
maildest-helper.socket|SocketMode=0660|any local program could ask for tokens
$HELPER|Type=notify|systemd would not know when it is ready
$HELPER|WatchdogSec=30s|a helper that hangs would stay
$HELPER|Restart=always|a helper that died would stay dead
$HELPER|RestartSec=100ms|sessions would wait for it too long
$HELPER|StartLimitIntervalSec=0|five crashes would end it for good
$HELPER|User=maildest-helper|the helper would run as root
$HELPER|LimitCORE=0|a core could hold secrets
$HELPER|LimitMEMLOCK=infinity|secrets could be paged out
$HELPER|LimitNOFILE=16384|it could not serve as many handlers as there may be
$HELPER|ProtectSystem=strict|an exploited helper could write to the system
$HELPER|RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX|it could not serve, or could do more
$HELPER|SystemCallFilter=@system-service|every system call would be open to it
"

# units|key|what goes wrong with it
readonly FORBIDDEN="
$HANDLERS $HELPER|RuntimeDirectory|stopping the service would delete the sockets in /run/maildest
$HANDLERS|IPAddressDeny|on the service it filters what the handler opens, not who connects
$HANDLERS|LoadCredential|secrets are the helper's alone
$HANDLERS|Private[A-Z][a-zA-Z]*|a mount namespace for each connection costs milliseconds
$HANDLERS|Protect[A-Z][a-zA-Z]*|a mount namespace for each connection costs milliseconds
$HANDLERS|SystemCallFilter|it costs up to 17 ms a connection
$HANDLERS $HELPER|RestrictSUIDSGID|openat2(2) would fail, and with it reading the configuration
$HELPER|PrivateUsers|the helper could not tell who asks
"

failures=0

fail()
{
	echo "FAIL: $*" >&2
	failures=$((failures + 1))
}

install_build()
{
	DESTDIR=$root meson install -C "$BUILD" --no-rebuild --quiet >"$scratch/log" 2>&1 ||
		{ cat "$scratch/log" >&2; fail "meson install failed"; exit 1; }
}

# verify UNIT...: what systemd-analyze says about them, nothing at best
verify()
{
	systemd-analyze --man=no --recursive-errors=no --root="$root" verify "$@" 2>&1 ||
		echo "systemd-analyze verify ended with $?"
}

check_verify()
{
	local unit said

	for unit in $ALL; do
		[[ -f $root$UNITS/$unit ]] || { fail "$unit: is not installed"; continue; }
		said=$(verify "$unit")
		[[ -z $said ]] || fail "$unit: $said"
		! grep -n '@[a-zA-Z_]*@' "$root$UNITS/$unit" ||
			fail "$unit: has a placeholder left"
	done
}

# Silence counts only if a mistake would have broken it.
check_that_verify_sees_mistakes()
{
	local broken=$root$UNITS/broken.service

	sed 's/^NoNewPrivileges=/NoNewPrivilege=/' "$root$UNITS/$HELPER" >"$broken"
	[[ $(verify broken.service) == *NoNewPrivilege* ]] ||
		fail "systemd-analyze verify does not see an unknown key"
	rm "$broken"
}

check_exposure()
{
	local said

	said=$(systemd-analyze security --offline=yes --no-pager \
		--threshold=$HELPER_EXPOSURE_MAX "$root$UNITS/$HELPER" 2>&1) ||
		fail "$HELPER: exposure above $HELPER_EXPOSURE_MAX/10: ${said##*$'\n'}"
}

check_directives()
{
	local units line why unit

	while IFS='|' read -r units line why; do
		for unit in $units; do
			grep -qxF -- "$line" "$root$UNITS/$unit" ||
				fail "$unit: lacks $line: without it, $why"
		done
	done < <(grep . <<<"$DIRECTIVES")
	while IFS='|' read -r units line why; do
		for unit in $units; do
			! grep -qE "^$line=" "$root$UNITS/$unit" ||
				fail "$unit: has $line=: $why"
		done
	done < <(grep . <<<"$FORBIDDEN")
}

# The key is in the file either way, as a comment where this systemd would not know it.
check_poll_limit()
{
	local unit version want=PollLimitIntervalSec=0

	version=$(systemd-analyze --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
	(( version >= 255 )) || want="#$want"
	for unit in $SOCKETS; do
		grep -qxF -- "$want" "$root$UNITS/$unit" ||
			fail "$unit: lacks $want on systemd $version"
	done
}

# Keys are sorted within their section, repeated ones (lists) aside.
check_order()
{
	local unit

	for unit in $ALL; do
		awk -F= '/^\[/ { last = ""; next }
			/^#?[A-Za-z]+=/ { sub(/^#/, "", $1)
				if ($1 < last) { print $1 " after " last; bad = 1 }
				last = $1 }
			END { exit bad }' "$root$UNITS/$unit" >"$scratch/log" ||
			fail "$unit: keys are not sorted: $(tr '\n' ';' <"$scratch/log")"
	done
}

check_users()
{
	local group

	mkdir -p "$root/etc"
	systemd-sysusers --dry-run --root="$root" "$root$SYSUSERS/maildest.conf" \
		>"$scratch/log" 2>&1 || fail "systemd-sysusers: $(<"$scratch/log")"
	(( EUID == 0 )) || return 0
	systemd-sysusers --root="$root" "$root$SYSUSERS/maildest.conf" >"$scratch/log" 2>&1 ||
		fail "systemd-sysusers: $(<"$scratch/log")"
	for user in maildest maildest-helper; do
		grep -q "^$user:.*:/usr/sbin/nologin\$" "$root/etc/passwd" ||
			fail "user $user is not there, or can log in"
	done
	group=$(grep '^maildest:' "$root/etc/group") || true
	[[ $group == *:maildest-helper ]] || fail "maildest-helper is no member of group maildest"
}

# expect_folder PATH MODE GROUP
expect_folder()
{
	local gid want

	gid=$(sed -n "s/^$3:[^:]*:\([0-9]*\):.*/\1/p" "$root/etc/group")
	want="directory $2 0 ${gid:-no group $3}"
	[[ $(stat -c '%F %a %u %g' "$root$1" 2>&1) == "$want" ]] ||
		fail "$1: is $(stat -c '%F %a %u %g' "$root$1" 2>&1) instead of $want"
}

check_folders()
{
	local folder

	(( EUID == 0 )) || return 0
	grep -q '^root:' "$root/etc/group" || echo 'root:x:0:' >>"$root/etc/group"
	systemd-tmpfiles --root="$root" --create "$root$TMPFILES/maildest.conf" \
		>"$scratch/log" 2>&1 || fail "systemd-tmpfiles: $(<"$scratch/log")"
	expect_folder /run/maildest 755 root
	for folder in '' /certificates /destinations /fragments /services; do
		expect_folder "/etc/maildest$folder" 750 maildest
	done
	for folder in /instances /secrets; do
		expect_folder "/etc/maildest$folder" 750 maildest-helper
	done
}

main()
{
	local check

	type systemd-analyze >/dev/null 2>&1 || { echo "no systemd-analyze"; exit 77; }
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	root=$scratch/root
	install_build
	for check in verify that_verify_sees_mistakes exposure directives poll_limit order \
		users folders; do
		"check_$check"
	done
	(( failures == 0 ))
}

main
