# SPDX-License-Identifier: LGPL-2.1-or-later
# sudo refuses to run for everybody while sudo.conf names a plugin that is not there.
sudo_conf=${DPKG_ROOT:-}/etc/sudo.conf

sudo_lines() {
        awk 'tolower($1) == "plugin" && $3 ~ /(^|\/)sudo_nhi\.so$/ { print FILENAME ":" FNR ": " $0 }' "$sudo_conf" 2>/dev/null || :
}

# By nhictl, which looks whether sudo works afterwards; without it, or where it refuses, by hand.
sudo_take_out() {
        [ -n "$(sudo_lines)" ] || return 0
        if [ -z "${DPKG_ROOT:-}" ] && command -v nhictl >/dev/null; then
                nhictl sudo disable >/dev/null || :
                [ -n "$(sudo_lines)" ] || return 0
        fi
        target=$(readlink -f -- "$sudo_conf")
        rm -f -- "$target.nhi-new"
        cp -p -- "$target" "$target.nhi-new"
        # A block that is not closed is no block: what follows may be the administrator's.
        awk '
                NR == FNR { if (/^# nhi: end$/) end = FNR; next }
                /^# nhi: begin / && FNR < end { inside = 1 }
                !inside && !(tolower($1) == "plugin" && $3 ~ /(^|\/)sudo_nhi\.so$/)
                /^# nhi: end$/ { inside = 0 }' "$target" "$target" >"$target.nhi-new"
        sync -- "$target.nhi-new"
        mv -f -- "$target.nhi-new" "$target"
        [ -z "$(sudo_lines)" ]
}
