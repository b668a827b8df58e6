# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# world: made
# this-host: no
# nhictl doctor on a host where the packages were just installed: nothing is broken, and it says what comes next.

case_a_new_host_has_warnings_only() {
        world_install "$B/debs/$NHI_SUITE" || { judge 'the packages are installed' false; return; }
        admin 'nhictl doctor'
        judge 'exit status 0' succeeded
        judge 'no [FAIL]' silent_on '^\[FAIL\]'
        judge 'nothing is gated yet' says '^\[WARN\] pam-order: .*nothing is gated yet'
        judge 'the next step is named' says 'nhictl init'
        quietly bash -c "$WORLD_INIT"
        admin 'nhictl doctor'
        judge 'nor after init' both succeeded silent_on '^\[FAIL\]'
        quietly bash -c "$WORLD_PAM && $WORLD_SSHD && $WORLD_SUDO && $WORLD_GATES"
        admin 'nhictl doctor'
        judge 'nor with every gate in observe mode' both succeeded silent_on '^\[FAIL\]'
        judge 'which it says' says 'NOT ENFORCING'
}
