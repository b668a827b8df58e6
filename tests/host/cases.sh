# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Files of cases and what their headers say. A header is a comment line "# KEY: VALUE" above the first function:
#
#   # suites: bookworm trixie    the releases it runs on by default (default: bookworm)
#   # world: made|enforced       made: people and accounts, but nhi is not installed yet; default: installed and enforced
#   # this-host: no              not for run --this-host: it would take away what the host itself needs
#   # needs: previous            $B/debs/SUITE-previous is built, too
#   # long: yes                  takes many minutes: only with NHI_LONG=1
#
#   case_header FILE KEY DEFAULT     the value
#   case_names FILE                  its functions case_..., in order
#   case_selected NAME/CASE PATTERN...   does one of the globs name the file, the case, or both?
#   case_wanted FILE PATTERN...      is any of its cases selected?

case_header() {
        local value
        value=$(sed -n "/^[a-z_0-9]*() {/q; s/^# $2: *//p" "$1" | head -n 1)
        echo "${value:-$3}"
}

case_names() {
        sed -n 's/^\(case_[a-z0-9_A-Z]*\)() {$/\1/p' "$1"
}

case_selected() {
        local full=$1 p
        shift
        for p in "$@"; do
                # shellcheck disable=SC2053 # a glob is wanted
                [[ $full == $p || ${full##*/} == $p || ${full%%/*} == $p ]] && return 0
        done
        return 1
}

case_wanted() {
        local file=$1 case
        shift
        [[ $(case_header "$file" long no) == no || ${NHI_LONG-} == 1 ]] || return 1
        for case in $(case_names "$file"); do
                case_selected "$(basename "$file" .sh)/$case" "$@" && return 0
        done
        return 1
}
