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
