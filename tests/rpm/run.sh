#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The RPM packages as far as Debian can tell: built twice, read by rpmlint, their policy linked, their scripts on
# made-up files, and installed, verified and erased in a throw-away root. What it cannot tell: docs/RPM.md.
# Usage: run.sh BUILD-DIR [build] [policy] [profiles] [root]    as root; default: all four, policy and root of what
# build left behind. Last line: "rpm: N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
tests/host/packages.sh install build rpm boot || exit 2
mkdir -p "$1"
B=$(readlink -f "$1")
shift
[ $# -gt 0 ] || set -- build policy profiles root
work=$(mktemp -d)
passed=0 failed=0
# shellcheck source=tests/host/root.sh
. tests/host/root.sh
for part in profiles policy root; do
        # shellcheck source=/dev/null
        . "tests/rpm/$part.sh"
done
trap 'root_drop; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM HUP

truth() { # NAME COMMAND...: what it prints is shown where it fails
        local name=$1
        shift
        if "$@" >"$work/out" 2>&1; then
                passed=$((passed + 1))
        else
                failed=$((failed + 1))
                printf '  FAIL    %s\n' "$name"
                sed 's/^/          /' "$work/out" | head -40
                return 1
        fi
}

build() { # BUILD-DIR UMASK LOCALE TIMEZONE
        (
                umask "$2"
                export LC_ALL=$3 TZ=$4
                make -s B="$1" rpm
        )
}
same_bytes() {
        local file
        for file in "$B"/rpm/*.rpm; do cmp "$file" "$work/again/rpm/${file##*/}" || return; done
}
six_packages() { [[ $(names | sort | paste -sd' ') == 'nhi nhi-authselect nhi-selinux nhi-tools nss_nhi pam_nhi' ]]; }
rpmlint_finds_no_error() {
        rpmlint -r rpm/nhi.rpmlintrc "$B"/rpm/*.rpm >"$work/rpmlint" 2>&1 || :
        ! grep -E ': [EW]: ' "$work/rpmlint" && grep -q '0 errors, 0 warnings' "$work/rpmlint"
}
# A unit that the spec does not know would not stop when the package goes.
spec_knows_every_unit() {
        diff <(sed -n -E 's/^%global (services|kept_units|central_units) //p' rpm/nhi.spec | tr ' ' '\n' | sort) \
                <(basename -a conf/units/* | grep -vE '^nhi-(renew|publish|refresh|log-.*)\.service$' | sort)
}
modules_need_libc_only() {
        ! rpm -qpR "$B"/rpm/pam_nhi-*.rpm "$B"/rpm/nss_nhi-*.rpm | grep -E '^lib.*\.so' | grep -vE '^lib(c|pam)\.so'
}
modules_are_hardened() {
        local file
        mkdir -p "$work/unpacked"
        for file in "$B"/rpm/{nhi,nhi-tools,pam_nhi,nss_nhi}-[0-9]*.rpm; do (cd "$work/unpacked" && rpm2cpio "$file" | cpio -id --quiet) || return; done
        for file in "$work"/unpacked/usr/{bin/nhictl,libexec/nhi/nhi-*,libexec/sudo/*.so,lib64/*.so.2,lib64/security/*.so}; do
                readelf -dW "$file" | grep -q BIND_NOW && readelf -lW "$file" | grep -q GNU_RELRO &&
                        readelf -lW "$file" | grep 'GNU_STACK' | grep -qv 'RWE' || { echo "$file"; return 1; }
        done
}

build_case() {
        truth 'packages build' build "$B" 022 C.UTF-8 UTC || { rm -f "$B"/rpm/*.rpm; return; }
        truth 'there are six' six_packages
        truth 'a second build is the same bytes' eval 'build "$work/again" 077 C Pacific/Auckland && same_bytes'
        truth 'rpmlint finds no error and no unexplained warning' rpmlint_finds_no_error
        truth 'the spec stops every unit that it ships' spec_knows_every_unit
        truth 'modules need libc and libpam only' modules_need_libc_only
        truth 'programs and modules are hardened' modules_are_hardened
}

for part; do "${part}_case"; done
echo "rpm: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
