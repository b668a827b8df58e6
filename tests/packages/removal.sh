#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The Debian scripts that run when packages go, on made-up hosts below DPKG_ROOT, with a pam-auth-update and a dpkg that
# only write down what they were asked. K06.
# Last line: "removal: N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
passed=0 failed=0

mkdir "$work/bin"
for program in pam-auth-update dpkg; do
        printf '#!/bin/sh\necho "%s $*" >>%s/asked\n[ "$*" != --print-architecture ] || echo amd64\n' "$program" "$work" >"$work/bin/$program"
        chmod 755 "$work/bin/$program"
done
cp debian/libpam-nhi.prerm debian/libpam-nhi.postrm debian/nhi-agent.postrm "$work/"
debian/parts/expand 'nhi-agentd.service' "$work"/*.p*rm || exit 2

given() { # FILE: its text on stdin
        mkdir -p "$(dirname "$root$1")"
        cat >"$root$1"
}
run() { # SCRIPT ARG...; REFCOUNT and ARCH are dpkg's
        : >"$work/asked"
        OUT=$(env PATH="$work/bin:$PATH" DPKG_ROOT="$root" DPKG_MAINTSCRIPT_PACKAGE="${1%.*}" DPKG_MAINTSCRIPT_NAME="${1##*.}" \
                DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT="${REFCOUNT:-1}" DPKG_MAINTSCRIPT_ARCH="${ARCH:-amd64}" \
                sh "$work/$1" "${@:2}" 2>&1)
        STATUS=$?
}
truth() { # NAME COMMAND...
        local name=$1
        shift
        if "$@" >/dev/null 2>&1; then
                passed=$((passed + 1))
        else
                failed=$((failed + 1))
                printf '  FAIL    %s\n%s\n' "$name" "$OUT"
                sed 's/^/  asked: /' "$work/asked"
        fi
}
next() { rm -rf "${root:?}"; unset REFCOUNT ARCH; }
asked() { grep -qE "^$1\$" "$work/asked"; }
refused() { [ "$STATUS" -ne 0 ] && grep -qE "$1" <<<"$OUT"; }
none_is_left() { ! grep -rq pam_nhi "$root/etc/pam.d"; }
not() { ! "$@"; }

# A line that cannot be taken out: the one before jumps across it.
stubborn_sshd() {
        given /etc/pam.d/sshd <<-X
		account [success=1 default=ignore] pam_succeed_if.so quiet user = root
		account requisite pam_nhi.so
	X
}

stubborn_sshd
given /var/lib/pam/account <<<'Module: unix'
run libpam-nhi.prerm remove
truth 'a_refused_removal_names_the_lines' refused 'sshd:2:account requisite'
truth 'and_enables_no_profile_that_was_off' not asked '.*--enable.*'
printf 'Module: %s\n' nhi unix | given /var/lib/pam/account
run libpam-nhi.prerm remove
truth 'what_was_enabled_stays_enabled_and_nothing_else' asked "pam-auth-update --root $root --package --enable nhi"
truth 'the_machine_outside_of_the_root_is_not_asked' not asked 'pam-auth-update --package.*'
next

given /etc/pam.d/common-session <<<'session optional pam_mkhomedir.so'
given /var/lib/pam/session <<<'Module: nhi-session'
run libpam-nhi.prerm remove
truth 'profiles_go_also_where_their_lines_were_deleted_by_hand' asked "pam-auth-update --root $root --package --remove nhi nhi-session"
truth 'and_that_is_no_reason_to_stay' [ "$STATUS" -eq 0 ]
next

given /etc/pam.d/sshd <<<'account requisite pam_nhi.so'
REFCOUNT=2 ARCH=i386
run libpam-nhi.prerm remove
truth 'another_architectures_copy_goes_and_the_lines_stay' not none_is_left
ARCH=amd64
run libpam-nhi.postrm remove
truth 'the_lines_go_with_this_machines_own_copy_without_prerm_too' none_is_left
next

given /etc/pam.d/sshd <<<'@include /etc/own/gate'
given /etc/pam.d/cron <<<'account include own/gate'
given /etc/own/gate <<<'account requisite pam_nhi.so'
given /etc/pam.d/own/gate <<<'account requisite pam_nhi.so'
run libpam-nhi.prerm remove
truth 'a_file_outside_that_a_service_includes_is_named' refused '/etc/own/gate:1:account'
truth 'and_one_in_a_folder_below' refused '/etc/pam.d/own/gate:1:account'
next

mkdir -p "$root/etc/pam.d"
given /run/nhi/gates <<<$'nhi-gates 1\ngate jobs enforce unit svc-backup\nend 1'
run libpam-nhi.prerm remove
truth 'a_gate_of_units_only_does_not_go_unnoticed_either' grep -q 'enforced for: gate jobs' <<<"$OUT"
next

sudo_conf=$'Plugin sudoers_policy sudoers.so\n# nhi: begin (nhictl sudo disable takes this block out)\nPlugin sudo_nhi_approval sudo_nhi.so\nSet group_source dynamic\n'
given /etc/sudo.conf <<<"$sudo_conf# nhi: end"$'\nSet disable_coredump false'
run nhi-agent.postrm remove
truth 'our_block_goes_from_sudo_conf' [ "$(cat "$root/etc/sudo.conf")" = $'Plugin sudoers_policy sudoers.so\nSet disable_coredump false' ]
given /etc/sudo.conf <<<"$sudo_conf"'Set disable_coredump false'
run nhi-agent.postrm remove
truth 'of_a_block_that_is_not_closed_only_the_plugin_goes' \
        [ "$(cat "$root/etc/sudo.conf")" = "${sudo_conf/Plugin sudo_nhi_approval sudo_nhi.so$'\n'/}Set disable_coredump false" ]

printf 'removal: %d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
