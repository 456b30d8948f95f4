#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the build into a throw-away root and looks at the units there: systemd accepts them
# without a word, the sandboxes of those that stay are as tight as promised, users and folders come
# out with the rights that the programs count on, and every directive that was bought with
# experience is still there.
#
#   test-units.sh BUILD-DIRECTORY UNIT-DIRECTORY SYSUSERS-DIRECTORY TMPFILES-DIRECTORY
#       TEMPLATE-DIRECTORY

set -euo pipefail

readonly BUILD=$1 UNITS=$2 SYSUSERS=$3 TMPFILES=$4 TEMPLATES=$5
# As systemd-analyze(1) counts it, times ten. The services of one connection each close walls of
# their own, which it does not see; nor that InaccessiblePaths= leaves less of /tmp than PrivateTmp=.
readonly EXPOSURE_MAX=12 NO_TMP_EXPOSURE_MAX=14 CONNECTION_EXPOSURE_MAX=63

readonly HANDLERS='maildest-imap@.service maildest-pop3@.service maildest-smtp@.service'
readonly PLAIN='maildest-imap.socket maildest-pop3.socket maildest-smtp.socket'
readonly FORKING_PORTS=${PLAIN//.socket/-forking.socket}
readonly PORTS="$PLAIN $FORKING_PORTS"
readonly SMTP='maildest-smtp.socket maildest-smtp-forking.socket'
readonly IMAP='maildest-imap.socket maildest-imap-forking.socket'
readonly POP3='maildest-pop3.socket maildest-pop3-forking.socket'
readonly SOCKETS="$PORTS maildest-helper.socket"
readonly FORKING=maildest-forking.service
# What generated units are links to.
readonly SVC_SOCKETS="$TEMPLATES/svc.socket $TEMPLATES/svc-forking.socket"
readonly SVC_ACCEPT="$TEMPLATES/svc@.service"
readonly SVC_FORKING="$TEMPLATES/svc-forking.service"
readonly SYNC=maildest-sync.service
readonly KEEP=maildest-units.service
readonly HELPER=maildest-helper.service
# Those that stay, and carry the full sandbox.
readonly DAEMONS="$FORKING $HELPER"
readonly ALL="$SOCKETS $HANDLERS $DAEMONS $SYNC $KEEP maildest-sync.path maildest-sync.timer"
readonly ALL_FILES="$ALL $SVC_SOCKETS $SVC_ACCEPT $SVC_FORKING"

# units|line|what goes wrong without it
readonly DIRECTIVES="
$PLAIN|Accept=yes|one process a connection is what the service template is written for
$FORKING_PORTS|Accept=no|the service would not be given the port
$SOCKETS|Backlog=4096|a burst of connections would be refused
$PORTS|IPAddressDeny=any|hosts of the network could connect once ListenStream= is widened
$PORTS|IPAddressAllow=localhost|nobody could connect
$PORTS|KeepAlive=yes|a client that vanished would hold its handler for ever
$PORTS|NoDelay=yes|short replies would wait for each other
$PLAIN|MaxConnections=1024|the default closes the 65th connection without a word
$SOCKETS|TriggerLimitIntervalSec=0|200 connections in 2 s would close the port for good
$PORTS|Wants=maildest-helper.socket|whoever starts the port would find no helper
$PLAIN|After=maildest-helper.socket|the first sessions would find no helper
$SOCKETS|WantedBy=sockets.target|systemctl enable would have no effect
$SMTP|ListenStream=127.0.0.1:587|SMTP would not be where the README says
$IMAP|ListenStream=127.0.0.1:143|IMAP would not be where the README says
$POP3|ListenStream=127.0.0.1:110|POP3 would not be where the README says
$FORKING_PORTS|Service=$FORKING|systemd would look for a service of the socket's own name
maildest-smtp-forking.socket|FileDescriptorName=smtp|the handler would not know the destination
maildest-imap-forking.socket|FileDescriptorName=imap|the handler would not know the destination
maildest-pop3-forking.socket|FileDescriptorName=pop3|the handler would not know the destination
maildest-smtp-forking.socket|Conflicts=maildest-smtp.socket|both would want the port
maildest-imap-forking.socket|Conflicts=maildest-imap.socket|both would want the port
maildest-pop3-forking.socket|Conflicts=maildest-pop3.socket|both would want the port
maildest-smtp-forking.socket|After=maildest-helper.socket maildest-smtp.socket|it would be in use
maildest-imap-forking.socket|After=maildest-helper.socket maildest-imap.socket|it would be in use
maildest-pop3-forking.socket|After=maildest-helper.socket maildest-pop3.socket|it would be in use
$FORKING|PartOf=$FORKING_PORTS|a stopped socket would leave its port open, and none could be added
$FORKING|RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX|nobody but everyone could connect
$HANDLERS|CollectMode=inactive-or-failed|failed sessions would pile up as units
$HANDLERS|StandardInput=socket|the handler would not be given the connection
$HANDLERS|StandardOutput=socket|replies would go to the journal
$HANDLERS|StandardError=journal|error messages would land in the mail dialogue
$HANDLERS|LogLevelMax=notice|the service manager would add two records a connection
$HANDLERS $FORKING|User=maildest|handlers would run as root
$HANDLERS $DAEMONS|NoNewPrivileges=yes|an exploited handler could use programs that are setuid
$HANDLERS $DAEMONS|CapabilityBoundingSet=|an exploited handler could regain capabilities
$HANDLERS $DAEMONS|SystemCallArchitectures=native|a second table of system calls could be attacked
$HANDLERS $DAEMONS|LimitCORE=0|a core could hold mail, tokens and secrets
$SVC_SOCKETS|IPAddressDeny=any|hosts of the network could connect
$SVC_SOCKETS|IPAddressAllow=localhost|nobody could connect
$SVC_SOCKETS|Backlog=4096|a burst of connections would be refused
$SVC_SOCKETS|KeepAlive=yes|a client that vanished would hold its handler for ever
$SVC_SOCKETS|TriggerLimitIntervalSec=0|200 connections in 2 s would close the port for good
$SVC_SOCKETS|Wants=maildest-helper.socket|whoever starts the port would find no helper
$TEMPLATES/svc.socket|Accept=yes|one process a connection is what the service template is written for
$TEMPLATES/svc.socket|MaxConnections=1024|the default closes the 65th connection without a word
$TEMPLATES/svc-forking.socket|Accept=no|the service would not be given the port
$SVC_ACCEPT|CollectMode=inactive-or-failed|failed sessions would pile up as units
$SVC_ACCEPT|StandardInput=socket|the handler would not be given the connection
$SVC_ACCEPT|StandardOutput=socket|replies would go to the journal
$SVC_ACCEPT|StandardError=journal|error messages would land in the mail dialogue
$SVC_ACCEPT|LogLevelMax=notice|the service manager would add two records a connection
$SVC_ACCEPT $SVC_FORKING|User=maildest|handlers would run as root
$SVC_ACCEPT $SVC_FORKING $SYNC $KEEP|NoNewPrivileges=yes|an exploited one could use programs that are setuid
$SVC_ACCEPT $SVC_FORKING $SYNC $KEEP|CapabilityBoundingSet=|an exploited one could regain capabilities
$SVC_FORKING|KillMode=process|a restart would end all sessions
$SVC_FORKING|StartLimitIntervalSec=0|five crashes would end it for good
$SYNC|StartLimitIntervalSec=0|files that change often would stop maildest-sync.path for good
$SYNC $KEEP|ConfigurationDirectory=maildest/.state|it could not write what it has found
$SYNC|ConditionPathIsDirectory=/etc/maildest|a configuration that is moved away would find another in its place
$SYNC|LogLevelMax=notice|the service manager would add three records every three minutes
$SYNC|SyslogLevel=warning|what is wrong would be left out of the journal with them
$SYNC|PrivateNetwork=yes|it could speak with the network, which is the helper's business
$SVC_SOCKETS|Wants=maildest-units.service|reading units anew after boot would close ports
$KEEP|DefaultDependencies=no|it would come later than the sockets that it is for
$KEEP|PrivateNetwork=yes|it could speak with the network
$KEEP|ReadWritePaths=/run/maildest|it could not write what it keeps
$KEEP|RemainAfterExit=yes|each socket that starts would start it again
$FORKING|KillMode=process|a restart would end all sessions
$FORKING|OOMPolicy=continue|one session without memory would end all
$FORKING|LogRateLimitBurst=1000000|the journal would drop the records of a busy minute
$FORKING|LimitNOFILE=8192|it could not hold as many sessions as there may be
$FORKING|TasksMax=4608|it could not fork as many sessions as there may be
$FORKING|RestartPreventExitStatus=2|without a port, it would start over and over
$FORKING|Wants=maildest-helper.socket|it would find no helper
maildest-helper.socket|ListenStream=/run/maildest/helper.sock|handlers look for it there
maildest-helper.socket|SocketGroup=maildest|handlers could not connect
maildest-helper.socket|SocketMode=0660|any local program could ask for tokens
$DAEMONS|Type=notify|systemd would not know when it is ready
$DAEMONS|WatchdogSec=30s|one that hangs would stay
$DAEMONS|Restart=always|one that died would stay dead
$DAEMONS|RestartSec=100ms|clients would wait for it too long
$DAEMONS|StartLimitIntervalSec=0|five crashes would end it for good
$DAEMONS|ProtectSystem=strict|once exploited it could write to the system
$DAEMONS $SVC_FORKING|RestrictSUIDSGID=yes|once exploited it could leave a program that is setuid
$HANDLERS $SVC_ACCEPT $DAEMONS|UMask=0077|what it creates could be read by others
$HANDLERS $SVC_ACCEPT $DAEMONS|KeyringMode=private|it would share keys of the kernel with others
$FORKING $SVC_FORKING|SystemCallFilter=landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp|sessions could not close their walls
$HELPER|RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX|it could not serve, or could do more
$DAEMONS|SystemCallFilter=@system-service|every system call would be open to it
$HELPER|User=maildest-helper|the helper would run as root
$HELPER|LimitMEMLOCK=infinity|secrets could be paged out
$HELPER|FileDescriptorStoreMax=4|access tokens would not survive a restart
$HELPER|MemorySwapMax=0|tokens could be paged out while the helper is away
$HELPER|LimitNOFILE=16384|it could not serve as many handlers as there may be
"

# units|key|what goes wrong with it
readonly FORBIDDEN="
$HANDLERS $DAEMONS|RuntimeDirectory|stopping the service would delete the sockets in /run/maildest
$HANDLERS|IPAddressDeny|on the service it filters what the handler opens, and costs most of a millisecond
$HANDLERS $FORKING|LoadCredential|secrets are the helper's alone
$HANDLERS|Private[A-Z][a-zA-Z]*|a mount namespace for each connection costs milliseconds
$HANDLERS|Protect[A-Z][a-zA-Z]*|a mount namespace for each connection costs milliseconds
$HANDLERS|SystemCallFilter|it costs up to 17 ms a connection
$DAEMONS|PrivateUsers|it could not tell who its peers are
$FORKING|Sockets|it would open ports that nobody has enabled
$SVC_SOCKETS|NoDelay|systemd complains of it at each Unix connection
$SVC_SOCKETS|ListenStream|all services would listen there
$SVC_FORKING|ExecStart|all services would have two
$SVC_FORKING|PartOf|all services would stop with the packaged ports
"

version=$(systemd-analyze --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
readonly version

failures=0

fail()
{
	echo "FAIL: $*" >&2
	failures=$((failures + 1))
}

# place UNIT: where it has been installed; templates come with their folder.
place()
{
	case $1 in
	/*) echo "$root$1" ;;
	*) echo "$root$UNITS/$1" ;;
	esac
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
		[[ -f $(place "$unit") ]] || { fail "$unit: is not installed"; continue; }
		said=$(verify "$unit")
		[[ -z $said ]] || fail "$unit: $said"
		! grep -n '@[a-zA-Z_]*@' "$(place "$unit")" ||
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
	local max said unit

	for unit in $DAEMONS $SYNC $KEEP $HANDLERS; do
		max=$EXPOSURE_MAX
		! is_without_tmp || max=$NO_TMP_EXPOSURE_MAX
		[[ $unit != *@.service ]] || max=$CONNECTION_EXPOSURE_MAX
		said=$(systemd-analyze security --offline=yes --no-pager \
			--threshold=$max "$(place "$unit")" 2>&1) ||
			fail "$unit: exposure above $max/10: ${said##*$'\n'}"
		sed -n 's/.*exposure level for //p' <<<"$said"
	done
}

check_directives()
{
	local units line why unit

	while IFS='|' read -r units line why; do
		for unit in $units; do
			grep -qxF -- "$line" "$(place "$unit")" ||
				fail "$unit: lacks $line: without it, $why"
		done
	done < <(grep . <<<"$DIRECTIVES")
	while IFS='|' read -r units line why; do
		for unit in $units; do
			! grep -qE "^$line=" "$(place "$unit")" ||
				fail "$unit: has $line=: $why"
		done
	done < <(grep . <<<"$FORBIDDEN")
}

# The key is in the file either way, as a comment where this systemd would not know it.
check_poll_limit()
{
	local unit want=PollLimitIntervalSec=0

	(( version >= 255 )) || want="#$want"
	for unit in $SOCKETS $SVC_SOCKETS; do
		grep -qxF -- "$want" "$(place "$unit")" ||
			fail "$unit: lacks $want on systemd $version"
	done
}

is_without_tmp() { (( version >= 254 && version <= 256 )); }

check_tmp()
{
	local unit want=PrivateTmp=yes

	(( version < 257 )) || want=PrivateTmp=disconnected
	! is_without_tmp || want='InaccessiblePaths=-/tmp -/var/tmp'
	for unit in $DAEMONS $SVC_FORKING $SYNC; do
		grep -qxF -- "$want" "$(place "$unit")" ||
			fail "$unit: lacks $want on systemd $version: it would share files with everybody"
	done
}

# Keys are sorted within their section, repeated ones (lists) aside.
check_order()
{
	local unit

	for unit in $ALL_FILES; do
		awk -F= '/^\[/ { last = ""; next }
			/^#?[A-Za-z]+=/ { sub(/^#/, "", $1)
				if ($1 < last) { print $1 " after " last; bad = 1 }
				last = $1 }
			END { exit bad }' "$(place "$unit")" >"$scratch/log" ||
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
	grep -q '^maildest-clients:[^:]*:[0-9]*:$' "$root/etc/group" ||
		fail "group maildest-clients is not there, or not empty"
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
	expect_folder /run/maildest/services 755 root
	expect_folder /etc/maildest/.state 700 root
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
	for check in verify that_verify_sees_mistakes exposure directives poll_limit tmp order \
		users folders; do
		"check_$check"
	done
	(( failures == 0 ))
}

main
