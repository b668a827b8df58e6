#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The demo and the cases in place: on a throw-away machine (Debian, Fedora, RHEL) where nhi is installed and not yet
# switched on. Called by `run --this-host`.
#
# Usage: this-host.sh [--yes-break-this-host] [PATTERN...]
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
. "$here/cases.sh"
unit=nhi-host-test

refuse() {
        echo "this-host: $*" >&2
        exit 2
}

check_machine() {
        [[ $(id -u) == 0 ]] || refuse 'must be root'
        [[ -d /run/systemd/system ]] || refuse 'systemd is not running here'
        [[ -x /usr/bin/nhictl && -x /usr/libexec/nhi/nhi-agentd ]] || refuse 'nhi is not installed here: install its packages first'
        [[ ! -e /etc/nhi/issuer.key ]] || refuse 'nhi has been set up here already (/etc/nhi/issuer.key): take a fresh machine'
        local tool
        for tool in sshd ssh sudo crontab at pgrep setpriv; do
                command -v "$tool" >/dev/null || refuse "$tool is missing: install it first"
        done
}

say_what_happens() {
        cat <<-TEXT
		This breaks $(hostname) for any other use. On this machine it
		  - creates users with known passwords and keys (ci, bot, olga, bob, postgres, svc-backup, kate) and sets root's password;
		  - lets them use sudo without a password (/etc/sudoers.d/world), and root log in with a new ssh key;
		  - replaces /etc/sssd/sssd.conf, adds to /etc/hosts, /etc/ssh/sshd_config.d, /etc/pam.d, /etc/sudo.conf;
		  - switches nhi on, enforces its gates, kills its agent, fills the disk for a moment, and ends sessions.
		Nothing of that is put back. Throw the machine away afterwards.
	TEXT
}

confirm() {
        local answer
        [[ -t 0 ]] || refuse 'not confirmed: say --yes-break-this-host'
        read -rp "Type this machine's name ($(hostname)) to go on: " answer
        [[ $answer == "$(hostname)" ]] || refuse 'not confirmed; nothing was changed'
}

passed=0 failed=0
add_up() { # NAME STATUS LOG
        local last
        last=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$3" | tail -n 1)
        if [[ $last =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
                passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
                [[ $2 == 0 || ${BASH_REMATCH[2]} != 0 ]] || failed=$((failed + 1))
        else
                echo "$1: broke off (exit $2)"
                failed=$((failed + 1))
        fi
}

# One after another on the one machine, the demo first: it begins with a host that knows nobody.
run_all() {
        local file name log
        export NHI_HOST_LIB=in-place.sh HOST=this-host
        log=$(mktemp)
        if case_selected demo/demo "$@"; then
                "$here/demo.sh" | tee "$log"
                add_up demo "${PIPESTATUS[0]}" "$log"
        fi
        for file in "$here"/cases/*.sh; do
                name=$(basename "$file" .sh)
                case_wanted "$file" "$@" || continue
                [[ $(case_header "$file" this-host yes) == yes && $(case_header "$file" world enforced) == enforced ]] || continue
                bash "$here/case-runner.sh" . "$file" "$@" | tee "$log"
                add_up "$name" "${PIPESTATUS[0]}" "$log"
        done
        rm -f "$log"
        printf 'host: %d passed, %d failed\n' "$passed" "$failed"
        [[ $failed == 0 ]]
}

if [[ ${1-} == --inside ]]; then
        shift
        run_all "${@:-*}"
        exit
fi
check_machine
say_what_happens
if [[ ${1-} == --yes-break-this-host ]]; then shift; else confirm; fi
# A service of its own: whoever runs this has a login session, and what is tested must not belong to it.
exec systemd-run --quiet --collect --wait --pipe --unit="$unit" --setenv=TERM="${TERM:-dumb}" --setenv=NHI_SLACK="${NHI_SLACK:-1}" \
        "$here/this-host.sh" --inside "$@"
