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

# Looks again, in another and coarser way: any mention outside of a comment counts. What dpkg, pam-auth-update and
# editors leave behind is no service.
pam_mentions() {
        find "${DPKG_ROOT:-}/etc/pam.d" -mindepth 1 -maxdepth 1 ! -type d ! -name '.*' ! -name '*~' ! -name '*.bak' \
                ! -name '*.dpkg-*' ! -name '*.pam-old' ! -name '*.pam-new' \
                -exec grep -nE '^[^#]*pam_nhi\.so' /dev/null {} + 2>/dev/null || :
}
