#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# conf/libexec/pam-lines on made-up configurations: what it takes out, what it leaves, when it refuses.
# Last line: "pam-lines: N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
passed=0 failed=0

given() { # FILE: its text on stdin
        mkdir -p "$root/etc/pam.d"
        cat >"$root/etc/pam.d/$1"
}
run() {
        rm -rf "$root/before"
        cp -a "$root/etc/pam.d" "$root/before"
        OUT=$(sh conf/libexec/pam-lines remove --root "$root" 2>&1)
        STATUS=$?
}
truth() { # NAME COMMAND...
        local name=$1
        shift
        if "$@" >/dev/null 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)) && printf '  FAIL    %s\n%s\n' "$name" "$OUT"; fi
}
next() { rm -rf "${root:?}"/*; }
file_is() { # FILE TEXT
        [ "$(cat "$root/etc/pam.d/$1"; echo .)" = "$2"$'\n.' ]
}
unchanged() { diff -r "$root/before" "$root/etc/pam.d"; }

given sshd <<'X'
#account requisite pam_nhi.so
@include common-account
-account  [success=ok default=bad] \
   /usr/lib/x86_64-linux-gnu/security/pam_nhi.so  debug
account	required	pam_nhi.so # why
account required pam_unix.so # pam_nhi.so was here \
session required pam_nhi.so
session required pam_exec.so /opt/not_pam_nhi.so
X
chmod 0640 "$root/etc/pam.d/sshd"
run
truth 'every_line_goes_and_nothing_else' file_is sshd '#account requisite pam_nhi.so
@include common-account
account required pam_unix.so # pam_nhi.so was here \
session required pam_exec.so /opt/not_pam_nhi.so'
truth 'the_mode_stays' [ "$(stat -c %a "$root/etc/pam.d/sshd")" = 640 ]
truth 'a_backup_lies_outside_of_pam_d' cmp "$root/before/sshd" "$root/var/backups/nhi/pam.d/sshd"
run
truth 'a_second_run_changes_nothing' unchanged

next
given common-session <<'X'
session required pam_unix.so
session	[success=ignore default=1]	pam_succeed_if.so quiet user ingroup nhi-managed
session	optional	pam_mkhomedir.so umask=0077
session	required	pam_nhi.so 
session optional pam_mkhomedir.so umask=0077
X
run
truth 'the_lines_of_our_profile_go_together' file_is common-session 'session required pam_unix.so
session optional pam_mkhomedir.so umask=0077'

next
given su <<'X'
account requisite pam_nhi.so
X
given login <<'X'
account [success=1 default=ignore] pam_localuser.so
account requisite pam_nhi.so
account required pam_unix.so
X
run
truth 'a_jump_across_a_line_is_refused' [ "$STATUS" = 1 ]
truth 'the_refusal_names_file_and_line' grep -q 'etc/pam.d/login:1: jumps across line 2' <<<"$OUT"
truth 'a_refusal_changes_no_file' unchanged

next
given login <<'X'
account [success=1 default=ignore] pam_localuser.so
@include common-account
account required pam_unix.so
X
given common-account <<'X'
account requisite pam_nhi.so
X
run
truth 'a_jump_into_an_included_file_is_refused' [ "$STATUS" = 1 ]

next
given login <<'X'
account [success=1 default=ignore] pam_localuser.so
session required pam_nhi.so
account required pam_deny.so
account requisite pam_nhi.so
X
run
truth 'lines_of_another_type_are_not_jumped_across' file_is login 'account [success=1 default=ignore] pam_localuser.so
account required pam_deny.so'

next
given login.dpkg-old <<'X'
account requisite pam_nhi.so
X
run
truth 'what_dpkg_left_behind_is_no_service' unchanged

printf 'pam-lines: %d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
