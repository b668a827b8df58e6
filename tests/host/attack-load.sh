#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs inside a throw-away host, for cases/attack.sh: what a person without any right does to the agent, and what root
# notices of it.
#
#   attack-load.sh logins N          N logins of root by ssh, one after another: "in N of N, median M ms, p99 P ms"
#   attack-load.sh asks N            the same with `nhictl status` of root: "answered N of N, ..."
#   attack-load.sh run               until /run/attack.on is gone: connections, slow senders and failing su
#   attack-load.sh end               stop them; how often su was tried, on stdout
#   attack-load.sh recorded SINCE WHO    "N (M of them counted)": denials that the journal accounts for since then
#   attack-load.sh agent             "RSS-KB DESCRIPTORS" of the agent
set -uo pipefail
on=/run/attack.on tried=/run/attack-tried
connections=${NHI_ATTACK_CONNECTIONS:-10000}
n_su_loops=4

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

su_loop() {
        local n=0
        while [[ -e $on ]]; do
                as olga su root -c true <<<'battery staple' >/dev/null 2>&1
                n=$((n + 1))
        done
        echo "$n" >>"$tried"
}

run() {
        local i
        : >"$tried"
        touch "$on"
        for ((i = 0; i < connections; i += 1000)); do
                as bob perl -e "$connect_all" "$on" 1000 >/dev/null 2>&1 &
        done
        for ((i = 0; i < n_su_loops; i++)); do su_loop & done
        wait
}

end() {
        rm -f "$on"
        while [[ $(wc -l <"$tried") -lt $n_su_loops ]]; do sleep 0.1; done
        awk '{ n += $1 } END { print n }' "$tried"
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

case $1 in
logins) measured in "$2" login ;;
asks) measured answered "$2" ask ;;
*) "$@" ;;
esac
