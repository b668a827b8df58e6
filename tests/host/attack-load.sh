#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs inside a throw-away host, for cases/attack.sh and cases/storm.sh: what a person without any right does to the
# agent, and what root notices of it.
#
#   attack-load.sh logins N          N logins of root by ssh, one after another: "in N of N, median M ms, p99 P ms"
#   attack-load.sh becomes N         N times root becomes root by su: a login without ssh's own work
#   attack-load.sh asks N            the same with `nhictl status` of root: "answered N of N, ..."
#   attack-load.sh run               until /run/attack.on is gone: connections, slow senders and failing su
#   attack-load.sh knock WHO N       until then, N processes of WHO: blocking connections to control.sock, each a request
#   attack-load.sh storm SERVICE N   N account phases of su's, as fast as they go (su-storm.c)
#   attack-load.sh end               stop them; how often su was tried, on stdout
#   attack-load.sh recorded SINCE WHO    "N (M of them counted)": denials that the journal accounts for since then
#   attack-load.sh agent             "RSS-KB DESCRIPTORS" of the agent
#   attack-load.sh peak              until /run/attack.on is gone: the agent's largest PSS, in kB, on stdout
set -uo pipefail
on=/run/attack.on tried=/run/attack-tried
connections=${NHI_ATTACK_CONNECTIONS:-10000}
n_su_loops=${NHI_ATTACK_SU_LOOPS:-4}

now_ms() {
        local t=${EPOCHREALTIME/[.,]/}
        echo $((t / 1000))
}

as() {
        local user=$1
        shift
        setpriv --reuid="$user" --regid="$user" --init-groups env -i PATH="$PATH" HOME=/tmp "$@"
}

measured() { # WORD N CMD...: how often CMD succeeds, and how long it takes
        local word=$1 n=$2 i from n_good=0 times=()
        shift 2
        for ((i = 0; i < n; i++)); do
                from=$(now_ms)
                "$@" && n_good=$((n_good + 1))
                times+=($(($(now_ms) - from)))
        done
        printf '%s\n' "${times[@]}" | sort -n | awk -v word="$word" -v good="$n_good" '{ t[NR] = $1 } END {
                printf "%s %d of %d, median %d ms, p99 %d ms\n", word, good, NR, t[int((NR + 1) / 2)], t[int(NR * 0.99 + 0.999)] }'
}

login() {
        local out
        out=$(setpriv --reuid=ci --regid=ci --init-groups env HOME=/home/ci ssh root@web1 'echo in' 2>&1 </dev/null)
        [[ $out == in ]] || { echo "refused: $out"; return 1; }
}

become() {
        [[ $(su - root -c 'echo in' 2>&1 </dev/null) == in ]]
}

ask() {
        nhictl status >/dev/null
}

# Thousands at a time, as many as one user may open files; each sends a byte now and then and never a line. Whoever is
# turned away comes again at once.
connect_all='
use Socket; $SIG{PIPE} = "IGNORE"; my ($on, $n) = @ARGV; my @open;
while (-e $on) {
        while (@open < $n) {
                socket(my $s, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) or last;
                connect($s, sockaddr_un("/run/nhi/control.sock")) or last;
                push @open, $s;
        }
        @open = grep { defined syswrite($_, "{") } @open;
        select(undef, undef, undef, 0.2);
}'

# Who blocks in connect(2) is let in before those that try now and then: the backlog is full without end.
knock_all='
use Socket; $SIG{PIPE} = "IGNORE"; my ($on, $n) = @ARGV;
for (2 .. $n) { last unless fork }
while (-e $on) {
        socket(my $s, AF_UNIX, SOCK_STREAM, 0) or next;
        connect($s, sockaddr_un("/run/nhi/control.sock")) and syswrite($s, "{\"verb\":\"list\",\"all\":true}\n");
}'

knock() { # WHO N
        touch "$on"
        as "$1" perl -e "$knock_all" "$on" "$2" >/dev/null 2>&1
}

su_loops() {
        # shellcheck disable=SC2016 # expanded by olga
        as olga bash -c 'on=$1
                one() { local n=0; while [[ -e $on ]]; do su root -c true <<<"battery staple" >/dev/null 2>&1; n=$((n + 1)); done; echo "$n"; }
                for ((i = 0; i < $2; i++)); do one & done; wait' su "$on" "$n_su_loops" >>"$tried"
}

run() {
        local i
        : >"$tried"
        touch "$on"
        for ((i = 0; i < connections; i += 1000)); do
                as bob perl -e "$connect_all" "$on" 1000 >/dev/null 2>&1 &
        done
        su_loops &
        wait
        echo over >>"$tried"
}

storm() { # SERVICE N
        : >"$tried"
        touch "$on"
        as olga su-storm "$1" root "$2" 8 >"$tried" 2>&1
        rm -f "$on"
        echo over >>"$tried"
}

end() {
        rm -f "$on"
        until grep -q '^over$' "$tried"; do sleep 0.1; done
        awk '/^[0-9]+$/ { n += $1 } /^tried/ { n += $2 } END { print n }' "$tried"
}

recorded() {
        local single counted
        single=$(journalctl -q --no-pager -o cat --since "@$1" NHI_ACCOUNT="$2" NHI_EVENT=denial | wc -l)
        counted=$(journalctl -q --no-pager -o export --since "@$1" NHI_ACCOUNT="$2" NHI_EVENT=denials |
                awk -F= '$1 == "NHI_COUNT" { n += $2 } END { print n + 0 }')
        echo "$((single + counted)) ($counted of them counted)"
}

agent() {
        local pid
        pid=$(systemctl show -P MainPID nhi-agentd)
        echo "$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status") $(ls "/proc/$pid/fd" | wc -l)"
}

peak() {
        local pid now most=0
        pid=$(systemctl show -P MainPID nhi-agentd)
        while :; do
                now=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")
                ((now <= most)) || most=$now
                [[ -e $on ]] || break
                sleep 0.2
        done
        echo "$most"
}

case $1 in
logins) measured in "$2" login ;;
becomes) measured became "$2" become ;;
asks) measured answered "$2" ask ;;
*) "$@" ;;
esac
