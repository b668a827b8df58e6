# SPDX-License-Identifier: LGPL-2.1-or-later
# An AuthorizedKeysCommand that is gone costs sshd an error in its log and the keys it would have printed: those of
# grants, which is as it should be, and with --then everybody else's, which is not.
sshd_dir=${DPKG_ROOT:-}/etc/ssh
sshd_ours=$sshd_dir/sshd_config.d/20-nhi.conf

sshd_lines() { # [REGEX]: what asks nhi-authorized-keys
        grep -iE "^[[:space:]]*AuthorizedKeysCommand[[:space:]=].*/nhi-authorized-keys${1-}([[:space:]\"]|\$)" \
                -n /dev/null "$sshd_dir"/sshd_config "$sshd_dir"/sshd_config.d/*.conf 2>/dev/null || :
}

sshd_check() {
        found=$(sshd_lines '.*[[:space:]]--then')
        [ -n "$found" ] || return 0
        echo "$DPKG_MAINTSCRIPT_PACKAGE: sshd asks another program through nhi-authorized-keys --then; make that program the" >&2
        echo "AuthorizedKeysCommand itself, reload sshd, and remove the package then:" >&2
        printf '%s\n' "$found" >&2
        exit 1
}

# The directives of a configuration, without comments and blanks.
sshd_directives() {
        sed -E 's/#.*//; s/[[:space:]]+/ /g; s/^ //; s/ $//; /^$/d' "$1"
}

sshd_is_ours() {
        [ -f "$sshd_ours" ] && [ "$(sshd_directives "$sshd_ours")" = "$(cat <<-'X'
	AuthorizedKeysCommand /usr/libexec/nhi/nhi-authorized-keys %u %t %k
	AuthorizedKeysCommandUser nhi-keys
	Match Group nhi-managed
	AuthorizedKeysFile none
	Match all
X
)" ]
}

# The drop-in as it was shipped goes; anything else is the administrator's, and named.
sshd_take_out() {
        if sshd_is_ours; then
                rm -f -- "$sshd_ours"
                if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ] && sshd -t 2>/dev/null; then
                        deb-systemd-invoke reload ssh.service >/dev/null 2>&1 || :
                fi
        fi
        found=$(sshd_lines)
        [ -n "$found" ] || return 0
        echo "$DPKG_MAINTSCRIPT_PACKAGE: sshd still asks nhi-authorized-keys, which is gone then; take these lines out and reload it:" >&2
        printf '%s\n' "$found" >&2
}
