# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Logins that race with the end of their grant, at random moments around it: whole PAM stacks, the agent, logind and
# PID 1. 200 of them; 10,000 with NHI_LONG=1 (a quarter of an hour).
# this-host: no
#
#   round J ends in the second RACE_END + 4 J          tests/host/login-race.c is sshd and cron
#
#   race-J-0, -2 ...  one grant for ssh until then, another for cron that lives: a session of it stands beside the race
#   race-J-1, -3 ...  one grant for cron until then, another for ssh that lives
#   bob               nobody gates him; he comes and stays meanwhile
#
# logind keeps sshd's sessions (session-N.scope), nhi itself those of cron (nhi-JTI-N.scope).

RACE_ACCOUNTS=5  # a round
RACE_LOGINS=8    # an account's, in its round
RACE_BEFORE=600  # ms before the end that they may begin: a login takes a tenth of a second, many at once take longer
RACE_AFTER=300
RACE_EARLY=3000 # one in eight begins up to so much earlier, and is there when the end comes
RACE_APART=4    # seconds between rounds
RACE_ROUNDS=$([[ ${NHI_LONG-} == 1 ]] && echo 25 || echo 5)
RACE_BATCHES=$([[ ${NHI_LONG-} == 1 ]] && echo 10 || echo 1)

race_class() { (($1 % 2)) && echo "$2" || echo "$3"; }

# Everybody's grants by one shell in the host: race_grants END says the rest.
RACE_GRANTS='
        common="--owner payments --reason race"
        for ((j = 0; j < $2; j++)); do for ((i = 0; i < $3; i++)); do
                racing=ssh living=cron
                ((i % 2)) && racing=cron living=ssh
                if [ "$1" = living ]; then
                        nhictl account add "race-$j-$i" --owner payments --shell /bin/bash
                        nhictl grant "race-$j-$i" --service $living --for 8h $common
                else
                        nhictl grant "race-$j-$i" --service $racing --until "$(date -u -d @$(($1 + j * $4)) +%FT%TZ)" $common
                fi || exit
        done; done >/dev/null
        nhictl grant race-0-0 --service at --for 8h $common --wait 20s'
race_grants() { # living|END
        quietly bash -c "$RACE_GRANTS" race "$1" "$RACE_ROUNDS" "$RACE_ACCOUNTS" "$RACE_APART"
}

race_prepare() {
        host_run "$HOST" install -m 755 /dev/stdin /usr/local/bin/login-race <"$B/debs/$NHI_SUITE/login-race"
        local from=$(now_ms)
        race_grants living
        judge "$((RACE_ROUNDS * RACE_ACCOUNTS)) accounts have a grant that lives" succeeded
        RACE_TAKES=$((($(now_ms) - from) / 1000))
        RACE_ALIVE=$((RACE_ROUNDS * RACE_ACCOUNTS))
        race_run alive < <(race_living)
        judge 'and a session under it' wait_until 60 race_runs "$RACE_ALIVE" '^alive-'
}

# One after the other: a hundred at once would be refused for taking too long.
race_living() {
        local j i at_ms
        at_ms=$(now_ms)
        for ((j = 0; j < RACE_ROUNDS; j++)); do
                for ((i = 0; i < RACE_ACCOUNTS; i++)); do
                        echo "$((at_ms += 150))000000 $(race_class $i sshd cron) race-$j-$i alive-$j-$i"
                done
        done
}

# Every login at its own moment; the same ones again for the seed that is printed.
race_moments() { # SEED LOGINS OF...: lines of login-race; OF is race or guest
        awk -v seed="$1" -v logins="$2" -v of="$3" -v end="$RACE_END" -v apart="$RACE_APART" -v rounds="$RACE_ROUNDS" \
                -v accounts="$RACE_ACCOUNTS" -v before="$RACE_BEFORE" -v after="$RACE_AFTER" \
                -v early="$RACE_EARLY" 'BEGIN {
                srand(seed)
                for (j = 0; j < rounds; j++) for (i = 0; i < accounts; i++) for (k = 0; k < logins; k++) {
                        ms = (end + j * apart) * 1000 + int(rand() * (before + after)) - before
                        if (k == 0) ms -= early * rand()
                        printf "%.0f000000 %s %s %s-%d-%d-%d\n", ms, i % 2 ? "cron" : "sshd", of == "race" ? "race-" j "-" i : "bob", of, j, i, k
                }
        }' | sort -n
}

# In the background; race_pid ends with its last login.
race_run() { # NAME: lines from stdin
        in_host rm -f "/root/$1.results"
        cat >"$work_dir/$1.moments"
        host_run "$HOST" login-race "/root/$1.results" <"$work_dir/$1.moments" >/dev/null 2>&1 &
        race_pid=$!
}

race_runs() { (($(host_run "$HOST" pgrep -fc -- "$2" </dev/null) == $1)); }
race_is_over() { ! kill -0 "$1" 2>/dev/null; }
race_results() { host_run "$HOST" cat "/root/$1.results" </dev/null >"$work_dir/$1.results"; }

# Nothing of a round is left its grace and two seconds after its end, round by round.
race_nobody_is_left() {
        local j grace=2
        for ((j = 0; j < RACE_ROUNDS; j++)); do
                until_second $((RACE_END + j * RACE_APART))
                gone_within $(((RACE_END + j * RACE_APART) * 1000)) $((grace + 2)) nothing_runs "^race-$j-" >/dev/null || return
        done
}

# Who asked once the end had come was refused.
race_nobody_came_late() {
        awk -v end="$RACE_END" -v apart="$RACE_APART" '{ split($1, name, "-") }
                $4 == "granted" && $5 >= (end + name[2] * apart) * 1e9 { print; late = 1 } END { exit late }' "$work_dir/race.results"
}

race_count() { awk -v phase="$2" '$4 == phase' "$work_dir/$1.results" | wc -l; }

# The log's sessions of those who raced: as many ends as starts, each without a survivor, and a start for each login that
# was let in. (One that died before it could say so has a start, too.)
race_is_recorded() {
        local granted=$1 silent=$2 starts ends
        host_run "$HOST" nhictl log --json --since "$RACE_SINCE" --event session-start --event session-end </dev/null |
                grep -E '"account":"race-' >"$work_dir/records"
        starts=$(grep -c '"event":"session-start"' "$work_dir/records")
        ends=$(grep '"event":"session-end"' "$work_dir/records" | grep -c '"survivors":0')
        note "$granted logins were let in, $silent died unheard; $starts sessions began, $ends ended"
        ((starts == ends && starts >= granted && starts <= granted + silent))
}

# A job that was refused at its last step is an open question to prove: cron closes no session that was not opened.
race_is_proved() { [[ $STATUS == 0 ]] || { status 4 && says '100.00 % covered'; }; }

# prove takes what is ten seconds apart for two things: where logind let a login wait that long, it is not asked.
race_prove() {
        local slowest
        slowest=$(awk '{ s = int(($6 - $5) / 1e9); if (s > most) most = s } END { print most + 0 }' "$work_dir"/{race,guest}.results)
        ((slowest < 5)) || { note "a login took $slowest s: this machine is too busy for prove"; return; }
        quietly nhictl prove --since "$RACE_SINCE"
        judge 'and prove finds no leak' both race_is_proved silent_on LEAK
}

# Grants that are there well before their end: on a busy machine the second or third time.
race_grants_in_time() {
        local try
        for ((try = 1; try <= 3; try++)); do
                RACE_END=$(($(date +%s) + try * RACE_TAKES + 10))
                race_grants "$RACE_END"
                succeeded || return
                (($(now_ms) < (RACE_END - 4) * 1000)) && return
        done
        return 1
}

race_has_ended() {
        (($(host_run "$HOST" nhictl sessions --json </dev/null | grep -c '"id"') == RACE_ALIVE))
}

# One batch: as many rounds as there are accounts for.
race_batch() { # SEED
        local n=$((RACE_ROUNDS * RACE_ACCOUNTS * RACE_LOGINS)) racing guests granted heard
        RACE_SINCE=$(date -u -d '+1 second' +%FT%TZ)
        until_second "$(date -d "$RACE_SINCE" +%s)"
        judge 'there are grants that end in the same seconds' race_grants_in_time
        note "$n logins, seed $1"
        race_run race < <(race_moments "$1" "$RACE_LOGINS" race)
        racing=$race_pid
        race_run guest < <(race_moments "$1" 2 guest)
        guests=$race_pid
        judge 'nothing of a round outlives its end' race_nobody_is_left
        judge 'nor does what held its sessions' wait_until 60 race_is_over "$racing"
        race_results race
        race_results guest
        granted=$(race_count race granted) heard=$(wc -l <"$work_dir/race.results")
        judge 'some came in time and some did not' test "$granted" -gt $((n / 50)) -a $((heard - granted)) -gt $((n / 50))
        judge 'nobody was let in who asked at the end or later' race_nobody_came_late
        judge 'every session under another grant of the same accounts lives' race_runs "$RACE_ALIVE" '^alive-'
        judge 'who needs no grant came in each time, and is there' \
                wait_until 60 race_runs $((RACE_ROUNDS * RACE_ACCOUNTS * 2)) '^guest-'
        quietly pkill -f '^guest-'
        judge 'every end is known' wait_until 60 race_has_ended
        judge 'each that was let in has its start and its end in the log' race_is_recorded "$granted" $((n - heard))
        race_prove
        wait "$guests"
}

# S01 S03 S07
case_logins_that_race_with_the_end_leave_no_survivor_and_take_no_innocent() {
        local i
        race_prepare
        for ((i = 1; i <= RACE_BATCHES; i++)); do race_batch "$RANDOM"; done
        quietly pkill -f '^alive-'
        quietly nhictl revoke --owner payments --reason 'the race is over'
        judge 'the race is over' succeeded
}
