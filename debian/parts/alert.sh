# SPDX-License-Identifier: LGPL-2.1-or-later
# An enforced gate does not go unnoticed. One entry in the journal, explained by its catalog entry.
alert_where_enforced() { # WHAT GOES; also where the removal is then refused
        gates=${DPKG_ROOT:-}/run/nhi/gates
        [ -e "$gates" ] || gates=${DPKG_ROOT:-}/var/lib/nhi/gates
        [ -r "$gates" ] || return 0
        enforced=$(awk '
                $1 == "gate" && $3 == "enforce" { names = names (names ? ", " : "") "gate " $2 }
                $1 == "account" { n++ }
                END { if (n) names = names (names ? ", " : "") n " account(s) of grant sets"; print names }' "$gates") || return 0
        [ -n "$enforced" ] || return 0
        message="The package $DPKG_MAINTSCRIPT_PACKAGE is being removed, and with it $1, enforced for: $enforced"
        echo "$DPKG_MAINTSCRIPT_PACKAGE: $message" >&2
        [ -z "${DPKG_ROOT:-}" ] || return 0
        printf '%s\n' MESSAGE_ID=e90b37bced0b42b0ae063aa6b5d7de96 PRIORITY=1 SYSLOG_IDENTIFIER=nhi NHI_EVENT=gates-removed \
                "NHI_CODE=$DPKG_MAINTSCRIPT_PACKAGE" "NHI_DETAIL=$enforced" "MESSAGE=$message" |
                timeout 5 logger --journald 2>/dev/null ||
                timeout 5 logger --priority auth.alert --tag nhi -- "$message" || :
}
