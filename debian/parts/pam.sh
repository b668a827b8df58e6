# SPDX-License-Identifier: LGPL-2.1-or-later
# A line in /etc/pam.d that names a module that is gone denies everybody, root too.

# pam-lines as it was built into this script: it has to work when the package's files are gone.
pam_lines() { # list|remove
        pam_script=$(mktemp /run/nhi-pam-lines.XXXXXX 2>/dev/null || mktemp)
        cat >"$pam_script" <<'END-OF-PAM-LINES'
#FILE conf/libexec/pam-lines#
END-OF-PAM-LINES
        pam_status=0
        sh "$pam_script" "$1" ${DPKG_ROOT:+--root "$DPKG_ROOT"} || pam_status=$?
        rm -f -- "$pam_script"
        return "$pam_status"
}

# What a service takes in from a file that is no service itself: "@include /etc/own/gate".
pam_included() {
        grep -hsE '^[[:space:]]*(@include|-?(auth|account|password|session)[[:space:]]+(include|substack))[[:space:]]+[^[:space:]]*/' \
                "${DPKG_ROOT:-}"/etc/pam.d/* |
                awk -v root="${DPKG_ROOT:-}" '{ file = tolower($1) == "@include" ? $2 : $3
                        print root (file ~ /^\// ? "" : "/etc/pam.d/") file }' | sort -u
}

# Looks again, in another and coarser way: any mention outside of a comment counts. What dpkg, pam-auth-update and
# editors leave behind is no service.
pam_mentions() {
        find "${DPKG_ROOT:-}/etc/pam.d" -mindepth 1 -maxdepth 1 ! -type d ! -name '.*' ! -name '*~' ! -name '*.bak' \
                ! -name '*.dpkg-*' ! -name '*.pam-old' ! -name '*.pam-new' \
                -exec grep -nE '^[^#]*pam_nhi\.so' /dev/null {} + 2>/dev/null || :
        pam_included | while read -r file; do
                grep -nE '^[^#]*pam_nhi\.so' /dev/null "$file" 2>/dev/null || :
        done
}

# Another architecture's copy stays behind: fine while this machine's own programs find theirs.
pam_is_last() {
        [ "${DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT:-1}" -le 1 ] ||
                [ "${DPKG_MAINTSCRIPT_ARCH:-}" = "$(dpkg --print-architecture)" ]
}

# Those of our profiles that pam-auth-update has put into /etc/pam.d.
pam_profiles() {
        sed -nE 's/^Module: (nhi|nhi-session)$/\1/p' "${DPKG_ROOT:-}"/var/lib/pam/* 2>/dev/null | sort -u
}

pam_profiles_run() { # ARG...
        command -v pam-auth-update >/dev/null || return 0
        pam-auth-update ${DPKG_ROOT:+--root "$DPKG_ROOT"} --package "$@" || :
}
