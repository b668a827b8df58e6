#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# packages.sh list SECTION...       print the packages of these sections of tests/packages.txt
# packages.sh install SECTION...    install those that are missing on this machine (Debian, root)
set -euo pipefail

list_file=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../packages.txt

packages_list() {
        local section
        for section in "$@"; do
                grep -qx "\[$section\]" "$list_file" || { echo "packages.sh: no section [$section] in $list_file" >&2; return 2; }
                awk -v want="[$section]" '/^\[/ { on = ($0 == want); next } on && !/^#/ && NF { print $1 }' "$list_file"
        done
}

packages_missing() {
        local package
        for package in $(packages_list "$@"); do
                [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
        done
}

# Servers are wanted as programs: apt neither starts nor enables what it installs now.
packages_apt() {
        local policy=/usr/sbin/policy-rc.d preset=/etc/systemd/system-preset/00-nhi-tests.preset
        local -a mine=()
        [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && mine+=("$policy"); }
        mkdir -p "${preset%/*}" && echo 'disable *' >"$preset" && mine+=("$preset")
        # shellcheck disable=SC2064 # the files of now
        trap "rm -f ${mine[*]}" EXIT
        packages_patiently "$@"
}

# A mirror that does not answer once, and whoever else is at dpkg on a machine that has just booted, are waited out.
packages_patiently() {
        local try
        for try in 1 2 3; do
                apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 "$@" && return
                ((try == 3)) || sleep 20
        done
        return 1
}

packages_install() {
        local missing
        missing=$(packages_missing "$@")
        [[ -n $missing ]] || return 0
        if [[ $(id -u) != 0 ]]; then
                echo "packages.sh: missing:" $missing "(run as root, or: sudo apt-get install" $missing")" >&2
                return 1
        fi
        echo "installing:" $missing
        export DEBIAN_FRONTEND=noninteractive
        packages_patiently -qq update
        # shellcheck disable=SC2086 # one package a word
        packages_apt -qq -y install --no-install-recommends $missing >/dev/null
}

case ${1-} in
list) shift; packages_list "$@" ;;
install) shift; packages_install "$@" ;;
*) echo "usage: packages.sh list|install SECTION..." >&2; exit 2 ;;
esac
