#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs inside a throw-away host, for cases/packages.sh.
#
#   packages-state.sh save NAME     keep what login programs are configured by, and the names of all files
#   packages-state.sh diff NAME     what differs now, to the byte, the mode and the owner; 1 where anything does
#   packages-state.sh new NAME      files that were not there then, but for what runs by itself and what nobody owns
#   packages-state.sh logins [quick]    "KIND: yes" or "KIND: no" for those who are never to be locked out
set -uo pipefail
store=/root/state/${2-}
kept=(/etc/pam.d /etc/nsswitch.conf /etc/sudo.conf /etc/sudoers /etc/sudoers.d /etc/ssh)

state_meta() { # ROOT
        (cd "$1" && find "${kept[@]/#/.}" -printf '%p %y %m %U:%G %l\n' | LC_ALL=C sort)
}

state_files() {
        find / -xdev \( -path /root -o -path /tmp -o -path /var/log/journal -o -path /var/log/apt -o -path /var/log/dpkg.log -o -path "/var/log/[bw]tmp*" -o -path /var/cache -o -path /var/lib/dpkg \
                -o -path /var/lib/systemd -o -path /var/lib/apt -o -path /opt -o -path /var/lib/sss -o -path /home \) -prune -o -print | LC_ALL=C sort
}

state_save() {
        rm -rf "$store"
        mkdir -p "$store/root"
        cp -a --parents "${kept[@]}" "$store/root"
        state_meta / >"$store/meta"
        state_files >"$store/files"
}

state_diff() {
        local path differs=0
        for path in "${kept[@]}"; do
                diff -r "$store/root$path" "$path" || differs=1
        done
        diff "$store/meta" <(state_meta /) || differs=1
        return "$differs"
}

state_new() {
        LC_ALL=C comm -13 "$store/files" <(state_files)
}

as() {
        local user=$1
        shift
        setpriv --reuid="$user" --regid="$user" --init-groups env -i HOME="/home/$user" PATH="$PATH" timeout 20 "$@"
}

try() { # KIND USER-WHO-IT-MUST-BE CMD ARG...
        local kind=$1 want=$2
        shift 2
        [[ $("$@" 2>/dev/null </dev/null) == "$want" ]] && echo "$kind: yes" || echo "$kind: no"
}

state_logins() {
        try root-sudo root timeout 20 sudo -n id -un
        try root-su-root root timeout 20 su root -c 'id -un'
        try bob-sudo root as bob sudo -n id -un
        try root-ssh root as ci ssh root@web1 id -un
        [[ ${1-} != quick ]] || return 0
        try bob-ssh bob as ci ssh bob@web1 id -un
        try person-ssh john.doe as ci ssh john.doe@web1 id -un
        try root-su-bob bob timeout 20 su bob -c 'id -un'
        try bob-su-root root as bob sh -c 'echo "battery staple" | su root -c "id -un"'
}

case $1 in
save) state_save ;;
diff) state_diff ;;
new) state_new ;;
logins) state_logins "${2-}" ;;
esac
