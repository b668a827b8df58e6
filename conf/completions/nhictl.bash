# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for nhictl(1). Verbs and options come from `nhictl help`, so they are always those
# of the nhictl that is installed.

_nhictl_verbs() { # every verb, one a line: "grant", "account add"
        nhictl help 2>/dev/null | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p'
}

_nhictl_options() { # verb words -> its long options
        nhictl help "$@" 2>/dev/null | sed -n 's/^  \(-., \)\?\(--[a-z-]\+\).*/\2/p'
}

_nhictl_gates() {
        awk '$1 == "gate" { print $2 }' /run/nhi/gates 2>/dev/null
}

_nhictl_values() { # option -> words that may follow it; fails where it takes none that we know
        case $1 in
        --service) echo ssh sudo su cron at login unit ;;
        --color) echo always never auto ;;
        --confirm-within) echo 5m 10m 30m 1h ;;
        --run-as | --sub) compgen -u ;;
        --run-as-group | --group) compgen -g ;;
        --kind) echo workload human agent ;;
        --format) echo ocsf cef csv ;;
        --verdict) echo allow deny ;;
        --event) echo decision denial denials would-deny exemption session-start session-end set-accepted set-refused revocations keys quarantine config-changed ;;
        *) return 1 ;;
        esac
}

_nhictl_operands() { # verb -> words for an operand
        case $1 in
        observe | enforce) _nhictl_gates ;;
        doctor) nhictl doctor --list 2>/dev/null | awk 'NR > 1 { print $1 }' ;;
        list | why | sessions | leftovers | lock | unlock | check | grant) compgen -u ;;
        esac
}

_nhictl() {
        local cur prev verb words
        COMPREPLY=()
        cur=${COMP_WORDS[COMP_CWORD]}
        prev=${COMP_WORDS[COMP_CWORD - 1]}
        verb=${COMP_WORDS[1]}

        if [ "$COMP_CWORD" -eq 1 ]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_nhictl_verbs | cut -d' ' -f1 | sort -u) help" -- "$cur")
                return
        fi
        if [ "$verb" = help ]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_nhictl_verbs | cut -d' ' -f1 | sort -u)" -- "$cur")
                return
        fi
        # The second word of a noun: "account" -> add, disable, list
        words=$(_nhictl_verbs | sed -n "s/^$verb \(.*\)/\1/p")
        if [ "$COMP_CWORD" -eq 2 ] && [ -n "$words" ] && [ "${cur#-}" = "$cur" ]; then
                mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
                return
        fi

        case $prev in
        --ssh-key | --ledger | --sets | --key | --trust | --root | --ca-file | --certificate | --certificate-key | --token-file | --user-file | --password-file | --edit | --head | --dir | --journal)
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                return
                ;;
        esac
        if words=$(_nhictl_values "$prev"); then
                mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
                return
        fi
        if [ "$verb" = check ] && [ "$COMP_CWORD" -eq 3 ] && [ "${cur#-}" = "$cur" ]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_nhictl_values --service) systemd-user" -- "$cur")
                return
        fi
        if [ "${cur#-}" != "$cur" ]; then
                if [ -n "$words" ] || nhictl help "$verb" 2>/dev/null | grep -q "ACTION"; then
                        words=$(_nhictl_options "$verb" "${COMP_WORDS[2]}")
                else
                        words=$(_nhictl_options "$verb")
                fi
                mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
                return
        fi
        [ "$verb" = feed ] && mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return
        mapfile -t COMPREPLY < <(compgen -W "$(_nhictl_operands "$verb")" -- "$cur")
}

complete -F _nhictl nhictl
