# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# When a session ends, and what whoever sits at its terminal is told: prolonged and shortened grants, windows, sets that
# grow old, accounts that are taken away, with the agent alive and dead.

TOLD='' # the words at the end, without the rest of the screen

# login NAME ACCOUNT: a shell of NAME's grant, with a job, on a terminal.
login() {
        shell_open "$1" ci "ssh -tt $2@web1"
        shell_says "$1" "sleep $3 & id -un"
        judge "$1 is in" both succeeded says "^$2\$"
}

# Over, and its terminal said why.
is_over_with() { # NAME JOB REGEX
        wait_until 10 nothing_runs "^sleep $2" || return
        wait_until 10 shell_is_over "$1" || return
        TOLD=$(tr -d '\r\000' <"$work_dir/$1.out" | grep '^nhi: ')
        indent <<<"$TOLD"
        grep -qE -- "$3" <<<"$TOLD"
}

until_of() { # JTI: when its sessions end, by the agent; one that was closed may be listed for a moment more
        host_run "$HOST" nhictl sessions --json </dev/null | tr -d ' \n' | sed 's/{"/\n{"/g' | grep -F "\"$1\"" |
                grep -oE '"until":[0-9]+' | cut -d: -f2 | sort -u
}
ends_at() { [[ $(until_of "$1") == "$2" ]]; }
timers_of() { # SESSION
        host_run "$HOST" systemctl list-units --plain --no-legend "nhi-end-$1-*.timer" </dev/null | cut -d ' ' -f 1
}
# The new one is armed before the old one goes: there is one again, and it is another.
timer_was_replaced() { # SESSION FORMER
        local now
        now=$(timers_of "$1")
        [[ $now == nhi-end-*.timer && $now != *$'\n'* && $now != "$2" ]]
}
session_of() { # JTI
        host_run "$HOST" nhictl sessions --json </dev/null | tr -d ' \n' | sed 's/{"/\n{"/g' | grep -F "\"$1\"" |
                grep -oE '"id":"s[0-9]+"' | grep -oE 's[0-9]+'
}

grant_ssh() { # ACCOUNT DURATION ARGS...
        world_grant "$1 --service ssh --for $2 --owner payments --reason lives --ssh-key /root/ci.pub --wait 10s ${*:3}"
}

# shorten JTI SECOND...: these grants end then; one set says so.
shorten() {
        local line=''
        while (($# > 0)); do
                line+="sed -i 's/\"exp\": \"[^\"]*\"/\"exp\": \"$(date -u -d "@$2" +%Y-%m-%dT%H:%M:%SZ)\"/' /var/lib/nhi-ledger/grants/$1.json; "
                shift 2
        done
        admin "$line nhictl publish"
}

# The record says when, however late anybody looks: at this second, and not before.
ended_at() { # JTI SECOND
        local usec
        usec=$(host_run "$HOST" journalctl -q --no-pager -o json NHI_EVENT=session-end "NHI_GRANT=$1" </dev/null |
                grep -oE '"__REALTIME_TIMESTAMP":"[0-9]+"' | grep -oE '[0-9]+' | head -1)
        [[ -n $usec ]] || return
        note "$((usec / 1000 - $2 * 1000)) ms after its end"
        ((usec >= $2 * 1000000 && usec <= ($2 + 3 * ${NHI_SLACK:-1}) * 1000000))
}

# S11, S09: PID 1's timer bounds a dead agent at the end that the session had when the agent died.
case_a_dead_agents_sessions_end_at_the_end_that_it_last_knew() {
        local moved moved_end near near_end unheard session timer
        admin 'for a in svc-near svc-unheard; do nhictl account add "$a" --owner payments --shell /bin/bash; done'
        grant_ssh svc-near 10m
        near=$GRANT
        grant_ssh svc-unheard 10m
        unheard=$GRANT
        grant_ssh svc-deploy 10m
        moved=$GRANT
        login near svc-near 9501
        login unheard svc-unheard 9502
        login moved svc-deploy 9503
        session=$(session_of "$moved") timer=$(timers_of "$session")
        near_end=$(($(date +%s) + $(lasting 12)))
        shorten "$moved" $((near_end - 1)) "$near" "$near_end" "$unheard" "$near_end"
        judge 'the set came' wait_until 30 ends_at "$near" "$near_end"
        judge "PID 1's timer moves with the grant, to an earlier end" wait_until 30 timer_was_replaced "$session" "$timer"
        timer=$(timers_of "$session")
        admin "nhictl extend $moved --for $(lasting 20)s"
        judge 'and to a later one' wait_until 30 timer_was_replaced "$session" "$timer"
        moved_end=$(until_of "$moved")
        # Right after one session was prolonged, right before others end.
        admin "$AGENT_KILL"
        judge 'the agent is dead' wait_until 15 agent_is_dead
        admin "nhictl extend $unheard --for 10m"
        judge 'what ended right then is ended by PID 1' gone_within $((near_end * 1000)) 5 nothing_runs '^sleep 9501'
        judge 'a prolongation that no agent heard of prolongs nothing' gone_within $((near_end * 1000)) 5 nothing_runs '^sleep 9502'
        until_second $((near_end + 3))
        judge 'one that it heard of does: past its first end it lives' both shell_lives moved -- something_runs '^sleep 9503'
        until_second "$moved_end"
        judge 'and is ended at the new one' gone_within $((moved_end * 1000)) 5 nothing_runs '^sleep 9503'
        admin "$AGENT_BACK"
        host_wait "$HOST" 40 nhictl status
        judge 'the prolonged grant is good for a new session' wait_until 40 in_host setpriv --reuid=ci --regid=ci --init-groups \
                env HOME=/home/ci ssh svc-unheard@web1 true
        quietly nhictl revoke "$near" "$unheard" --reason 'next case'
}

# Open now, until the end of the minute that is at least so far away, be it tomorrow's: END WINDOW
window_of() { # SECONDS
        local now=$EPOCHSECONDS at
        at=$(((now + $1) / 60 * 60 + 60))
        echo "$at $(LC_ALL=C date -u -d "@$now" '+%a %H:%M')..$(date -u -d "@$at" +%H:%M) UTC"
}

# A minute before: an agent that is half a second late says the seconds that are left.
warned_of() { # WHAT FILE
        grep -qE "nhi: $1 ends in (1 min|5[5-9] s)" "$2"
}

# Each way of ending is said at the terminal, with what to do next.
case_whoever_sits_at_a_terminal_is_told_why() {
        local window window_end when olga
        admin 'nhictl account add svc-window --owner payments --shell /bin/bash; nhictl account add svc-gone --owner payments --shell /bin/bash'
        read -r window_end when <<<"$(window_of "$(lasting 15)")"
        grant_ssh svc-window 10m --window "'$when'"
        window=$GRANT
        login window svc-window 9511

        world_grant "olga --service sudo --run-as postgres --for $((60 + $(lasting 12)))s --owner payments --reason sudo --wait 10s"
        olga=$GRANT
        shell_open olga ci 'ssh -tt olga@web1'
        shell_says olga '(sudo -n -u postgres sleep 9518 &); until pgrep -x -f "sleep 9518" >/dev/null; do sleep 0.1; done; id -un'
        : >"$work_dir/olga.out"

        grant_ssh svc-deploy $((60 + $(lasting 12)))s
        login warned svc-deploy 9512
        : >"$work_dir/warned.out"
        judge 'a minute before the end a warning comes' wait_until 30 warned_of 'this session' "$work_dir/warned.out"
        admin "nhictl extend $GRANT --for 10m"
        judge 'prolonged' wait_until 10 not ends_at "$GRANT" "$GRANT_END"
        judge 'an elevation is warned on the terminal of its invoker' wait_until 10 warned_of sudo "$work_dir/olga.out"

        person ci 'ssh svc-deploy@web1 env'
        judge 'a command knows its grant' says "^NHI_GRANT=$GRANT\$"
        judge 'and its end' says "^NHI_EXPIRES=$(date -u -d "@$(until_of "$GRANT")" +%Y-%m-%dT%H:%M:%SZ)\$"
        shell_says olga 'sudo -n -u postgres env; env'
        judge 'sudo hands them on over env_reset, to the command only' test "$(grep -c '^NHI_EXPIRES=.*Z' <<<"$OUT")" = 1
        : >"$work_dir/olga.out"
        admin "nhictl revoke $olga --reason 'no need'"
        judge 'her elevation ends' wait_until 10 nothing_runs '^sleep 9518'
        judge 'which her terminal is told' wait_until 10 grep -q 'nhi: sudo ends now with the grant .*(revoked)' "$work_dir/olga.out"
        judge 'her shell lives' shell_lives olga
        shell_says warned 'nhictl mine | cat'
        judge 'mine shows grant, session and the time left' both says "$GRANT .* active .* [0-9]+m" -- says '^ *s[0-9]+ .*ssh .* [0-9]+m'

        admin "nhictl end $(session_of "$GRANT") --reason 'off you go'"
        judge 'ended: by whom and why' is_over_with warned 9512 'ends now: ended by root: off you go; the grant .* goes on'
        login lock svc-deploy 9513
        admin 'nhictl lock svc-deploy --reason incident'
        judge 'locked' is_over_with lock 9513 '\(locked\); ask an administrator'
        admin 'nhictl unlock svc-deploy'
        judge 'unlocked, it is known again' wait_until 10 in_host id svc-deploy
        login giver svc-deploy 9514
        shell_says giver "(sleep 1; nhictl done $GRANT) >/dev/null 2>&1 & id -un"
        judge 'given back' is_over_with giver 9514 '\(given-back\); ask for a new grant'
        grant_ssh svc-deploy 10m
        login revoke svc-deploy 9515
        admin "nhictl revoke $GRANT --reason 'no need'"
        judge 'revoked' is_over_with revoke 9515 '\(revoked\); ask whoever'

        grant_ssh svc-deploy 10m
        login short svc-deploy 9516
        local end=$(($(date +%s) + $(lasting 5)))
        shorten "$GRANT" "$end"
        judge 'a grant that was shortened' wait_until 15 nothing_runs '^sleep 9516'
        judge 'ends at its new end' wait_until 30 ended_at "$GRANT" "$end"
        judge 'expired' is_over_with short 9516 '\(expired\); ask for a new grant; more: nhictl why'

        grant_ssh svc-gone 10m
        login gone svc-gone 9517
        admin 'nhictl account disable svc-gone --reason left'
        judge 'an account that was taken out of the set' is_over_with gone 9517 '\(revoked\)'

        until_second "$window_end"
        judge 'at the end of its window a session ends' wait_until 10 nothing_runs '^sleep 9511'
        judge 'at that very time' wait_until 30 ended_at "$window" "$window_end"
        judge 'with the reason' is_over_with window 9511 '\(outside-window\)'
}

# The host hears no more of its source: what it last heard bounds everything.
case_a_set_that_grows_old_ends_the_sessions_under_it() {
        local end life
        life=$(lasting 6)
        # Once an hour it would sign a new set, which lives longer.
        quietly systemctl stop nhi-renew.timer
        grant_ssh svc-deploy 10m
        login old svc-deploy 9521
        admin "sed -i 's/\"set_lifetime\": \"24h\"/\"set_lifetime\": \"${life}s\"/' /var/lib/nhi-ledger/ledger.json; nhictl publish --all"
        judge "a set that lives for $life s" wait_until 5 not ends_at "$GRANT" "$GRANT_END"
        end=$(until_of "$GRANT")
        until_second "$end"
        judge 'the session ends with it' gone_within $((end * 1000)) 3 nothing_runs '^sleep 9521'
        judge 'and says so' is_over_with old 9521 '\(set-stale\); an administrator looks at: nhictl status'
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'nobody is let in' failed
        admin "sed -i 's/\"set_lifetime\": \"${life}s\"/\"set_lifetime\": \"24h\"/' /var/lib/nhi-ledger/ledger.json; nhictl publish --all"
        judge 'until the host hears again' wait_until 10 in_host setpriv --reuid=ci --regid=ci --init-groups \
                env HOME=/home/ci ssh svc-deploy@web1 true
        quietly systemctl start nhi-renew.timer
}
