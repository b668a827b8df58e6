#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs inside a throw-away host, for cases/packages.sh: ten logins a second, whatever happens to the packages meanwhile.
#
#   packages-load.sh run            until /root/load.on is gone; one line a login in /root/load.log:
#                                   BEGIN-MS END-MS KIND in|out
#   packages-load.sh report         counts; then a line "dropped: ..." for each that should have got in and did not, and
#                                   "wrong: ..." for each that should not have
set -uo pipefail
on=/root/load.on log=/root/load.log

# A tenth of a second each. The clients are nice to the host: they stand for other machines.
# svc-deploy has a grant for ci's key, not for bot's; root is exempt; no gate names bob; olga
# is gated and has no grant.
kinds=(granted-ssh root-ssh denied-ssh granted-ssh bob-sudo denied-sudo granted-ssh denied-key bob-ssh denied-sudo)
IN='echo in'

as() {
        local user=$1
        shift
        setpriv --reuid="$user" --regid="$user" --init-groups env -i HOME="/home/$user" PATH="$PATH" nice -n 10 timeout 20 "$@"
}

login() {
        case $1 in
        granted-ssh) as ci ssh svc-deploy@web1 "$IN" ;;
        root-ssh) as ci ssh root@web1 "$IN" ;;
        bob-ssh) as ci ssh bob@web1 "$IN" ;;
        bob-sudo) as bob sudo -n $IN ;;
        denied-ssh) as ci ssh olga@web1 "$IN" ;;
        denied-key) as bot ssh svc-deploy@web1 "$IN" ;;
        denied-sudo) as olga sudo -n -u postgres $IN ;;
        esac
}

now_ms() {
        local t=${EPOCHREALTIME/[.,]/}
        echo $((t / 1000))
}

timed() {
        local begin end out
        begin=$(now_ms)
        out=$(login "$1" 2>/root/load.err.$BASHPID </dev/null)
        end=$(now_ms)
        if [[ $out == in ]]; then out=in; else out="out $(tr '\n' ' ' </root/load.err.$BASHPID)"; fi
        rm -f /root/load.err.$BASHPID
        echo "$begin $end $1 $out" >>"$log"
}

run() {
        local n=0 next left
        : >"$log"
        touch "$on"
        next=$(now_ms)
        while [[ -e $on ]]; do
                # No backlog: on a machine that cannot do ten a second, fewer begin, and the report says so.
                if (($(jobs -rp | wc -l) < 6)); then
                        timed "${kinds[n % ${#kinds[@]}]}" &
                        n=$((n + 1))
                fi
                next=$((next + 100))
                left=$((next - $(now_ms)))
                ((left <= 0)) || sleep "$(printf '0.%03d' "$left")"
        done
        wait
}

report() {
        awk '
                { took = $2 - $1; if (took > slowest) { slowest = took; what = $3 } sum += took
                  if (!first || $1 < first) first = $1; if ($1 > last) last = $1 }
                $3 ~ /^denied/ { denied++; if ($4 == "in") wrong[++n_wrong] = $0; next }
                { allowed++; if ($4 != "in") dropped[++n_dropped] = $0 }
                END {
                        s = (last - first) / 1000
                        printf "%d logins in %.1f s, %.1f a second: %d to be let in, %d to be denied; mean %d ms, slowest %d ms (%s)\n", \
                                NR, s, s ? NR / s : 0, allowed, denied, NR ? sum / NR : 0, slowest, what
                        for (i = 1; i <= n_dropped; i++) print "dropped: " dropped[i]
                        for (i = 1; i <= n_wrong; i++) print "wrong: " wrong[i]
                }' "$log"
}

"$1"
