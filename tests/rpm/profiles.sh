# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154 # truth, work: run.sh
#
# authselect-profiles and nsswitch-lines on made-up files: tests/rpm/default holds profiles in the syntax of authselect.

vendor=$work/profiles/usr/share/authselect/vendor
derive() { rpm/authselect/authselect-profiles derive --root "$work/profiles"; }

# What authselect would write for these features: enough of its templates for the fixtures.
render() { # FILE FEATURE...
        local file=$1
        shift
        awk -v features=" $* " '
        function holds(cond) {
                if (cond ~ /^not /) return !holds(substr(cond, 5))
                gsub(/"/, "", cond)
                return index(features, " " cond " ") > 0
        }
        {
                line = $0
                if (match(line, /\{(include|exclude|continue) if [^}]*\}/)) {
                        op = substr(line, RSTART + 1, RLENGTH - 2)
                        rest = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
                        word = op; sub(/ if.*/, "", word); sub(/^[a-z]+ if /, "", op)
                        yes = holds(op)
                        if (word == "continue" && !yes) exit
                        if (word == "continue" || (word == "include" && !yes) || (word == "exclude" && yes)) next
                        line = rest
                }
                while (match(line, /\{if [^:}]*:[^}]*\}/)) {
                        op = substr(line, RSTART + 4, RLENGTH - 5)
                        cond = op; sub(/:.*/, "", cond); text = substr(op, length(cond) + 2)
                        split(text, half, "|")
                        line = substr(line, 1, RSTART - 1) (holds(cond) ? half[1] : half[2]) substr(line, RSTART + RLENGTH)
                }
                gsub(/[ \t]+/, " ", line); sub(/ $/, "", line)
                print line
        }' "$file"
}

stack() { # FILE KIND FEATURE...: "control module" of each line of this kind
        local file=$1 kind=$2
        shift 2
        render "$file" "$@" | sed -n -E "s/^-?$kind (\[[^]]*\]|[^ ]+) ([^ ]+).*/\2/p"
}
first_account_is_the_gate() { # PROFILE FEATURE...
        local file profile=$1
        shift
        for file in system-auth password-auth; do
                [[ $(stack "$vendor/$profile/$file" account "$@" | head -1) == pam_nhi.so ]] || return
                [[ $(stack "$vendor/$profile/$file" account "$@" | grep -c pam_nhi) == 1 ]] || return
                render "$vendor/$profile/$file" "$@" | grep -qx 'account requisite pam_nhi.so' || return
        done
}
last_session_is_ours() {
        local file profile=$1
        shift
        for file in system-auth password-auth; do
                [[ $(stack "$vendor/$profile/$file" session "$@" | tail -3 | paste -sd' ') == 'pam_succeed_if.so pam_mkhomedir.so pam_nhi.so' ]] || return
                stack "$vendor/$profile/$file" session "$@" | sed '1,/pam_systemd/d' | grep -qx pam_nhi.so || return
        done
}
# Nothing else is different, whatever the features.
only_our_lines_are_new() { # PROFILE FEATURE...
        local file profile=$1 base=${1#nhi-}
        shift
        for file in tests/rpm/default/"$base"/*-auth; do
                diff <(render "$file" "$@") <(render "$vendor/$profile/${file##*/}" "$@" |
                        grep -vE 'pam_nhi\.so|ingroup nhi-managed|pam_mkhomedir\.so umask=0077') || return
        done
}
nsswitch_is() { # PROFILE DATABASE TEXT FEATURE...
        local profile=$1 database=$2 text=$3
        shift 3
        [[ $(render "$vendor/$profile/nsswitch.conf" "$@" | sed -n "s/^$database: //p") == "$text" ]]
}
same_inode_after_deriving_again() {
        local before
        before=$(stat -c %i "$vendor/nhi-local")
        derive && [[ $(stat -c %i "$vendor/nhi-local") == "$before" ]]
}
broken_base_is_named_and_others_are_made() {
        local out status=0
        sed -i '/^account/d' "$work/profiles/usr/share/authselect/default/sssd/system-auth"
        rm -rf "$vendor"
        out=$(derive 2>&1) || status=$?
        [[ $status == 1 && $out == *sssd/system-auth* && ! -e $vendor/nhi-sssd && -e $vendor/nhi-local/system-auth ]]
}
base_that_went_takes_its_profile_along() {
        rm -rf "$work/profiles/usr/share/authselect/default/minimal"
        derive 2>/dev/null
        [[ ! -e $vendor/nhi-minimal && -e $vendor/nhi-local ]]
}
nothing_is_left_after_removing() {
        rpm/authselect/authselect-profiles remove --root "$work/profiles" && [[ -z $(ls -A "$vendor") ]]
}

# A stand-in for the program: says what is selected, notes what is called.
stand_in() { # CURRENT STATUS-OF-SELECT
        mkdir -p "$work/bin"
        printf '#!/bin/sh\ncase $1 in\ncurrent) echo "%s" ;;\nselect) echo "$*" >>"%s"; exit %s ;;\napply-changes) echo "$*" >>"%s" ;;\nesac\n' \
                "$1" "$work/called" "$2" "$work/called" >"$work/bin/authselect"
        chmod 755 "$work/bin/authselect"
        rm -f "$work/called"
}
leaving() { PATH=$work/bin:$PATH rpm/authselect/authselect-profiles leave; }
leaves_to_the_base_with_its_features() {
        stand_in 'nhi-sssd with-sudo with-mkhomedir' 0
        leaving && [[ $(cat "$work/called") == 'select sssd with-sudo with-mkhomedir --quiet' ]]
}
leaves_no_profile_of_others() {
        stand_in 'sssd with-sudo' 0
        leaving && [[ ! -e $work/called ]]
}
says_so_where_it_cannot_leave() {
        stand_in 'nhi-local with-sudo' 3
        local out status=0
        out=$(leaving 2>&1) || status=$?
        [[ $status == 1 && $out == *'authselect select local with-sudo --force'* ]]
}
applies_only_ours() {
        stand_in 'nhi-local' 0
        PATH=$work/bin:$PATH rpm/authselect/authselect-profiles apply && [[ $(cat "$work/called") == apply-changes ]] || return
        stand_in 'local' 0
        PATH=$work/bin:$PATH rpm/authselect/authselect-profiles apply && [[ ! -e $work/called ]]
}

nsswitch_becomes() { # BEFORE AFTER: and back again, byte for byte; twice is once
        local root=$work/nss
        mkdir -p "$root/etc"
        printf '%s\n' "$1" >"$root/etc/nsswitch.conf"
        chmod 640 "$root/etc/nsswitch.conf"
        rpm/nsswitch-lines add --root "$root" && rpm/nsswitch-lines add --root "$root" || return
        [[ $(<"$root/etc/nsswitch.conf") == "$2" ]] || { cat "$root/etc/nsswitch.conf"; return 1; }
        [[ $(stat -c %a "$root/etc/nsswitch.conf") == 640 ]] || return
        rpm/nsswitch-lines remove --root "$root"
        cmp <(printf '%s\n' "$1") "$root/etc/nsswitch.conf" && [[ $(ls -A "$root/etc") == nsswitch.conf ]]
}
nsswitch_of_authselect_is_left_alone() {
        local root=$work/nss
        printf 'passwd: files\n' >"$work/nss/generated"
        ln -sf ../generated "$root/etc/nsswitch.conf"
        rpm/nsswitch-lines add --root "$root" && [[ -L $root/etc/nsswitch.conf && $(<"$root/generated") == 'passwd: files' ]]
}

profiles_case() {
        local profile features
        mkdir -p "$work/profiles/usr/share/authselect"
        cp -r tests/rpm/default "$work/profiles/usr/share/authselect/"
        truth 'profiles are derived from the bases that are there' derive
        truth 'and from no other' test ! -e "$vendor/nhi-winbind"
        for profile in nhi-local nhi-sssd nhi-minimal; do
                for features in '' 'with-pamaccess with-mkhomedir with-faillock' 'with-smartcard with-fingerprint with-files-access-provider'; do
                        # shellcheck disable=SC2086 # one feature a word
                        {
                                truth "$profile ($features): the gate is the first account line" first_account_is_the_gate $profile $features
                                truth "$profile ($features): the session line is last, after pam_systemd" last_session_is_ours $profile $features
                                truth "$profile ($features): nothing else is new" only_our_lines_are_new $profile $features
                        }
                done
        done
        truth 'a stack that includes another gets the gate from there only' cmp tests/rpm/default/local/switchable-auth "$vendor/nhi-local/switchable-auth"
        truth 'smartcard-auth has the gate' eval '[[ $(stack "$vendor/nhi-sssd/smartcard-auth" account with-smartcard | head -1) == pam_nhi.so ]]'
        truth 'fingerprint-auth has the gate' eval '[[ $(stack "$vendor/nhi-local/fingerprint-auth" account with-fingerprint | head -1) == pam_nhi.so ]]'
        truth 'fingerprint-auth without the feature is as before' eval '[[ $(render "$vendor/nhi-local/fingerprint-auth") == "auth required pam_debug.so auth=authinfo_unavail" ]]'
        truth 'passwd asks us after files' nsswitch_is nhi-local passwd 'files nhi systemd'
        truth 'passwd asks us after files, with a feature' nsswitch_is nhi-local passwd 'files nhi altfiles systemd' with-altfiles
        truth 'group is merged with us where it is merged' nsswitch_is nhi-local group 'files [SUCCESS=merge] nhi [SUCCESS=merge] systemd' with-group-merging
        truth 'files is found inside a condition' nsswitch_is nhi-sssd passwd 'sss files nhi systemd' with-files-domain
        truth 'and in its other half' nsswitch_is nhi-sssd passwd 'files nhi sss systemd'
        truth 'initgroups does not hide us' nsswitch_is nhi-sssd initgroups 'files nhi sss'
        truth 'no other database is changed' nsswitch_is nhi-sssd netgroup 'sss files' with-files-access-provider
        truth 'the name of a profile is its first line' eval '[[ $(head -1 "$vendor/nhi-local/README") == *"Accounts of this host only" ]]'
        truth 'features stay documented' grep -q '^with-mkhomedir::' "$vendor/nhi-local/README"
        truth 'requirements, dconf and postlogin are the base'"'"'s' eval 'for f in REQUIREMENTS dconf-db postlogin; do cmp tests/rpm/default/local/$f "$vendor/nhi-local/$f" || exit 1; done'
        truth 'deriving again changes nothing' same_inode_after_deriving_again
        truth 'a base without account lines is named, the others are made' broken_base_is_named_and_others_are_made
        truth 'a base that went takes its profile along' base_that_went_takes_its_profile_along
        truth 'removing leaves nothing' nothing_is_left_after_removing
        truth 'leaving selects the base with the same features' leaves_to_the_base_with_its_features
        truth 'leaving touches no profile of others' leaves_no_profile_of_others
        truth 'what cannot be left is said, with the command' says_so_where_it_cannot_leave
        truth 'changes are applied only where a profile of ours is selected' applies_only_ours

        truth 'nsswitch: after files' nsswitch_becomes 'passwd: files systemd' 'passwd: files nhi systemd'
        truth 'nsswitch: at the end of a line' nsswitch_becomes $'group:\t\tsss files' $'group:\t\tsss files nhi'
        truth 'nsswitch: with the action of files' nsswitch_becomes 'group: files [SUCCESS=merge] systemd' 'group: files [SUCCESS=merge] nhi [SUCCESS=merge] systemd'
        truth 'nsswitch: initgroups, and no other' nsswitch_becomes $'initgroups: files\nshadow: files # passwd: files' $'initgroups: files nhi\nshadow: files # passwd: files'
        truth 'nsswitch: comments stay' nsswitch_becomes '#passwd: files
passwd: compat # not nhi' '#passwd: files
passwd: compat nhi # not nhi'
        truth 'nsswitch: a file that authselect writes is left alone' nsswitch_of_authselect_is_left_alone
}
