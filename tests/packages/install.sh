#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# make install and make uninstall below DESTDIR, as distributors use them.
# Usage: install.sh BUILD-DIR    Last line: "install: N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
mkdir -p "$1"
B=$(readlink -f "$1")
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
. tests/packages/truth.sh

staged() { make -s B="$B" DESTDIR="$stage" "$@"; }
files() { (cd "$stage" && find . ! -type d -printf '%m %p\n' | sort); }

everything_is_there() {
        local name
        for name in bin/nhictl libexec/nhi/nhi-agentd libexec/nhi/nhi-fetchd libexec/nhi/nhi-authorized-keys \
                libexec/sudo/sudo_nhi.so lib/systemd/system/nhi-agentd.service lib/sysusers.d/nhi.conf \
                lib/tmpfiles.d/nhi.conf lib/systemd/catalog/nhi.catalog share/man/man1/nhictl.1 share/pam-configs/nhi; do
                [ -f "$stage/usr/$name" ] || { echo "missing: $name"; return 1; }
        done
        [ -n "$(find "$stage/usr" -name pam_nhi.so)" ] && [ -n "$(find "$stage/usr" -name libnss_nhi.so.2)" ] &&
                [ -f "$stage/etc/nhi/agentd.conf" ] && [ -f "$stage/etc/nhi/exempt" ]
}
nobody_else_may_write() {
        ! find "$stage" ! -type l -perm /022 | grep .
}
an_edit_is_kept() {
        echo '# edited' >>"$stage/etc/nhi/exempt"
        staged install >/dev/null && tail -n 1 "$stage/etc/nhi/exempt" | grep -qx '# edited' && [ -f "$stage/etc/nhi/exempt.new" ]
        local status=$?
        rm -f "$stage/etc/nhi/exempt.new"
        return $status
}
twice_is_once() {
        local before
        before=$(files)
        staged install >/dev/null && diff <(echo "$before") <(files)
}
a_gate_in_use_stops_it() {
        mkdir -p "$stage/etc/pam.d"
        echo 'account requisite pam_nhi.so' >"$stage/etc/pam.d/common-account"
        ! staged uninstall 2>/dev/null && [ -x "$stage/usr/bin/nhictl" ]
        local status=$?
        rm "$stage/etc/pam.d/common-account"
        return $status
}
only_configuration_is_left() {
        staged uninstall && ! (cd "$stage" && find . ! -type d | grep -v '^./etc/nhi/')
}

truth 'make install' staged install
truth 'every part is in its place' everything_is_there
truth 'nobody but root may write any of it' nobody_else_may_write
truth 'installed twice it is the same' twice_is_once
truth "an administrator's edit is kept, the shipped file lies beside it" an_edit_is_kept
truth 'make uninstall refuses while PAM names the module, and removes nothing' a_gate_in_use_stops_it
truth 'make uninstall leaves configuration only' only_configuration_is_left
printf 'install: %d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
