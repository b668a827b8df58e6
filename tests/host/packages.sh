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
        apt-get -qq update
        # shellcheck disable=SC2086 # one package a word
        apt-get -qq -y install --no-install-recommends $missing >/dev/null
}

case ${1-} in
list) shift; packages_list "$@" ;;
install) shift; packages_install "$@" ;;
*) echo "usage: packages.sh list|install SECTION..." >&2; exit 2 ;;
esac
