# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The functions of lib.sh for the very machine this runs on: no host is booted, and $HOST is only a name. For
# this-host.sh, which asks first.

. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"
NHI_SUITE=this-host
here_fill=/var/lib/nhi-host-test.fill

host_is_here() { true; }
host_packages() { :; }
host_boot() { :; }
host_poweroff() { :; }

host_run() {
        shift
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
                TERM="${TERM:-dumb}" "$@"
}

# fallocate takes at once what a disk has; dd takes the rest, and what fallocate cannot.
host_full() {
        local free
        free=$(df --output=avail -B1 /var/lib | tail -1)
        fallocate -l "$((free - free / 1000))" "$here_fill" 2>/dev/null || :
        dd if=/dev/zero of="$here_fill" oflag=append conv=notrunc bs=64k status=none 2>/dev/null
        dd if=/dev/zero of="$here_fill" oflag=append conv=notrunc bs=4k status=none 2>/dev/null || :
}

host_roomy() {
        rm -f "$here_fill"
}

# Debian's names, then Fedora's.
here_first() {
        local name
        for name in "$@"; do
                [[ ! -e $name ]] || { echo "$name"; return; }
        done
}
SSH_UNIT=$(systemctl cat ssh.service >/dev/null 2>&1 && echo ssh || echo sshd)
SSHD_EXAMPLE=$(here_first /usr/share/doc/nhi*/sshd/20-nhi.conf)
PAM_ACCOUNT=$(here_first /etc/pam.d/common-account /etc/pam.d/system-auth)
