#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# From the end of a grant to the last process dead, on a booted host: sessions of mixed kinds under grants that expire or
# are revoked, 1, 50 and 500 at a time. Prints rows as tests/bench/bench.h says; a goal is of p99. Usage: bench-ending.sh B
#
#   the host                                           this machine
#   ssh shell, command, sftp, ssh -N, su, sudo, unit   end-watch: a pidfd of each process of each session, and the
#      each in a cgroup of its own          ◄───────── clock; asks the kernel alone, never nhi
#
# Expiry is measured from the grant's last second; `nhictl revoke` and what it is measured against, logind's own
# `loginctl terminate-session` for as many sessions that nobody gates, from the moment before the command starts.
# Polite sessions are those whose processes do as SIGTERM or SIGHUP bids; the others ignore both.
set -uo pipefail
B=$(readlink -m "${1:?usage: bench-ending.sh BUILD-DIR}")
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../host
export HOST_SIZE=4G
HOST=${HOST:-nhi-ending-$$}
. "$here/lib.sh"
. "$here/judge.sh"
. "$here/world.sh"
work_dir=$(mktemp -d)
trap 'status=$?; rm -rf "$work_dir"; (exit $status); host_cleanup' EXIT

KINDS=(shell command sftp tunnel su sudo unit)
GRACE_NS=2000000000 # session.grace as shipped
LATE_NS=500000000
ALL_NS=5000000000

die() {
        echo "bench-ending: $*" >&2
        exit 1
}

# ---- the host ----------------------------------------------------------------------------------

# What would hold up hundreds of logins elsewhere is no part of what is measured: sshd turns nobody away, and su asks
# olga for nobody's password.
prepare() {
        [[ ${BENCH_HOST-} == up ]] || { host_packages "$B" && host_boot "$HOST" && world_make && world_install "$B/debs/$NHI_SUITE" && world_enforce; } || return
        cgroup=$(host_cgroup "$HOST")
        host_run "$HOST" bash -euc "$SETTINGS" bench "$SSH_UNIT"
        host_run "$HOST" install -m 755 /dev/stdin /usr/local/bin/bench-open <<<"$OPEN"
}

SETTINGS='
        printf "MaxStartups 2000\nLoginGraceTime 0\n" >/etc/ssh/sshd_config.d/06-bench.conf
        grep -q pam_permit /etc/pam.d/su || sed -i "1i auth sufficient pam_permit.so" /etc/pam.d/su
        for manner in polite deaf; do
                [ $manner = polite ] && hold=: || hold="trap \"\" TERM HUP INT"
                printf "[Service]\nUser=svc-backup\nPAMName=nhi-unit\nExecStart=/bin/sh -c '\''%s; exec sleep 8800'\''\n" "$hold" \
                        >/etc/systemd/system/$manner@.service
        done
        mkdir -p /run/bench; chmod 1777 /run/bench
        systemctl daemon-reload; systemctl reload "$1"'

# bench-open KIND NUMBER ACCOUNT polite|deaf: one session in the background, as its person would begin it.
OPEN='#!/bin/bash
kind=$1 n=$2 account=$3 hold=:
[[ $4 == polite ]] || hold="trap \"\" TERM HUP INT"
as() {
        user=$1; shift
        exec setsid setpriv --reuid="$user" --regid="$user" --init-groups env HOME="/home/$user" USER="$user" "$@" <&9 >/dev/null 2>&1
}
[[ -p /run/bench/still ]] || mkfifo -m 666 /run/bench/still
exec 9<>/run/bench/still
case $kind in
shell) as ci ssh -tt "$account@web1" "$hold; bash --norc -ic \"sleep 8800\"" & ;;
command) as ci ssh "$account@web1" "$hold; sleep 8800" & ;;
sftp) as ci ssh -s "$account@web1" sftp & ;;
tunnel) as ci ssh -N -L "/run/bench/$BASHPID.sock:127.0.0.1:22" "$account@web1" & ;;
su) as olga su postgres -c "$hold; sleep 8800" & ;;
sudo) as olga sudo -n -u postgres sh -c "$hold; exec sleep 8800" & ;;
unit) systemctl start --no-block "$4@$n.service" ;;
esac'

# ---- a round -----------------------------------------------------------------------------------

# The cgroups of all sessions: nobody else is on this host.
group_list() {
        find "$cgroup/user.slice" -mindepth 2 -maxdepth 2 -name '*.scope' 2>/dev/null
        find "$cgroup"/system.slice/system-{polite,deaf}.slice -mindepth 1 -name '*.service' 2>/dev/null
}

# shellcheck disable=SC2086 # words are wanted
kind_of() { # NUMBER ACCOUNT MANNER: what ignores signals is a command; nobody needs a grant to be bob
        local -a of=(shell command sftp tunnel sudo unit)
        [[ $3 == polite ]] || of=(shell command su sudo unit)
        [[ $2 != bob ]] || of=(shell command sftp tunnel)
        echo "${of[$1 % ${#of[@]}]}"
}

n_groups() { (($(group_list | wc -l) == $1)); }
all_hold_still() { (($(host_run "$HOST" pgrep -c '^(sleep|sftp-server)$' </dev/null) >= $1)); }

# Eight logins at a time: more at once on few processors are refused for taking too long.
open_all() { # N ACCOUNT MANNER
        local i kind manner still=0 unit=0 batch=''
        for ((i = 1; i <= $1; i++)); do
                manner=$3
                [[ $3 != mixed ]] || manner=$( ((i % 10)) && echo polite || echo deaf)
                kind=$(kind_of $((i + turn)) "$2" "$manner")
                [[ $kind == tunnel ]] || still=$((still + 1))
                [[ $kind != unit ]] || unit=$((unit + 1))
                batch+="bench-open $kind $unit $2 $manner;"
                ((i % 8 == 0 || i == $1)) || continue
                host_run "$HOST" bash -c "$batch" </dev/null
                wait_until 30 n_groups "$i" || { group_list >&2; die "only $(group_list | wc -l) of $i sessions opened"; }
                batch=''
        done
        wait_until 30 all_hold_still $((still + idle)) || die "only some of $still sessions hold still"
}

# GRANTS: three of one end, for N sessions of every kind.
GRANT='
        common="--until $1 --owner payments --reason bench" units=""
        for ((i = 1; i <= $2 / 5 + 1; i++)); do units+=" --unit polite@$i.service --unit deaf@$i.service"; done
        nhictl grant svc-deploy --service ssh --ssh-key /root/ci.pub $common
        nhictl grant olga --service su --service sudo --run-as postgres $common
        nhictl grant svc-backup $units $common --wait 10s'
grant_all() { # END N
        GRANTS=$(host_run "$HOST" bash -c "$GRANT" bench "$(date -u -d "@$1" +%FT%TZ)" "$2" 2>/dev/null </dev/null)
        GRANTS=${GRANTS//$'\n'/ }
        [[ $(wc -w <<<"$GRANTS") == 3 ]] || die "grants: $GRANTS"
}

# Say when it began and do it, in the host: no time of getting there is counted.
at_once() {
        FROM_NS=$(host_run "$HOST" bash -c 'date +%s%N; exec "$@" >/dev/null 2>&1' bench "$@" </dev/null)
}

end_expiry() { FROM_NS=${1}000000000; }
end_revoke() { at_once nhictl revoke $GRANTS --reason bench; }
end_logind() {
        local -a ids
        mapfile -t ids < <(group_list | sed -n 's/.*\/session-\(.*\)\.scope$/\1/p')
        at_once loginctl terminate-session "${ids[@]}"
}

# round HOW N MANNER: N sessions; each one's time goes to $work_dir/HOW-N-MANNER. A grant that expires leaves the time
# that it took to open as many before, and half as much again.
round() {
        local how=$1 n=$2 manner=$3 lead=3600 end account=svc-deploy watch_pid watch_sec from
        local key=$how-$n-$manner
        [[ $how != expiry ]] || lead=$((open_ms * n * 3 / 2000 + 6))
        end=$(($(date +%s) + lead))
        if [[ $how == logind ]]; then account=bob; else grant_all "$end" "$n"; fi
        from=$(now_ms)
        open_all "$n" "$account" "$manner"
        open_ms=$((($(now_ms) - from) / n))
        [[ $how != expiry ]] || (($(date +%s) < end)) || die "opening $n sessions took longer than their grant"
        group_list >"$work_dir/groups"
        watch_sec=$([[ $how == expiry ]] && echo $((lead + 30)) || echo 30)
        nice -n -5 "$B/bench/end-watch" "$watch_sec" <"$work_dir/groups" >"$work_dir/ends" &
        watch_pid=$!
        wait_until 5 grep -q "^watching $n " "$work_dir/ends"
        "end_$how" "$end"
        wait "$watch_pid" || { cat "$work_dir/ends" >&2; die "$key: something outlived its grant"; }
        awk -v from="$FROM_NS" '$1 == "end" { printf "%.0f\n", $2 - from }' "$work_dir/ends" >>"$work_dir/$key"
        awk -v from="$FROM_NS" '$1 == "end" && $2 - from > last { last = $2 - from } END { printf "%.0f\n", last }' "$work_dir/ends" >>"$work_dir/$key-last"
        echo "  $key: $(sed -n 's/^watching \(.*\) \(.*\)/\1 sessions, \2 processes/p' "$work_dir/ends"), the last after $(($(tail -n 1 "$work_dir/$key-last") / 1000000)) ms"
        wait_until 30 n_groups 0 || die "groups are left"
        turn=$((turn + n))
}

rounds() { # HOW-MANY ROUND...
        local i
        for ((i = 0; i < $1; i++)); do round "${@:2}"; done
}

# ---- rows --------------------------------------------------------------------------------------

# The value at a per mille of the samples by nearest rank, as bench_result() of bench.c gives it.
at() { sort -n "$work_dir/$1" | awk -v at="$2" '{ v[NR] = $1 } END { print v[at == 500 ? int(NR / 2) + 1 : int((NR * at + 999) / 1000)] }'; }

# row WHAT KEY GOAL [AGAINST KEY]
row() {
        local median p99 against=- their=- ratio=- verdict=- goal=-
        median=$(at "$2" 500) p99=$(at "$2" 990)
        if [[ -n ${4-} ]]; then
                against=$4 their=$(at "$5" 500)
                ratio=$(awk -v a="$median" -v b="$their" 'BEGIN { printf "%.2f", a / b }')
        fi
        if [[ $3 != - ]]; then
                goal="<= $3"
                verdict=$( ((p99 <= $3)) && echo met || echo missed)
        fi
        printf 'row\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$against" "$median" "$p99" "$their" "$ratio" "$goal" "$verdict"
}

# The last one of each round: that is what "all gone" takes.
row_last() { # WHAT KEY GOAL
        row "$1" "$2-last" "$3"
}

LOGIND='loginctl terminate-session'

turn=0 open_ms=200
prepare || die 'no host'
idle=$(host_run "$HOST" pgrep -c '^(sleep|sftp-server)$' </dev/null)

rounds 200 revoke 1 polite
rounds 30 logind 1 polite
rounds 4 revoke 50 polite
rounds 4 expiry 50 polite
rounds 4 logind 50 polite
rounds 4 expiry 50 deaf
rounds 1 expiry 500 mixed

row 'nhictl revoke, 1 session' revoke-1-polite $LATE_NS "$LOGIND" logind-1-polite
row 'nhictl revoke, 50 sessions at once' revoke-50-polite $LATE_NS "$LOGIND" logind-50-polite
row 'expiry, 50 sessions at once' expiry-50-polite $LATE_NS "$LOGIND" logind-50-polite
row 'expiry, 50 sessions at once that ignore SIGTERM and SIGHUP' expiry-50-deaf $((GRACE_NS + LATE_NS))
row 'expiry, 500 sessions at once, one of ten ignores SIGTERM and SIGHUP' expiry-500-mixed -
row_last 'the same: until the last one is gone' expiry-500-mixed $ALL_NS
