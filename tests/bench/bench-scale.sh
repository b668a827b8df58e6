#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One central side and many hosts: from `nhictl revoke` to a host's feed, what a fleet costs its server and itself, and
# publishing for it. Prints rows as tests/bench/bench.h says, whose goals are of p99, and lines
# "figure TABLE WHAT COLUMN VALUE", separated by TABs, for the other tables of docs/SCALE.md. Usage: bench-scale.sh B
#
#   servers, in a network of their own                    the fleet, in another
#   nginx, etcd, nhictl and its ledger   ◄── a cable ──►  scale-fleet: a source and a feed client for each host
#                                         whose bytes       └─ scale-feed: when did which host's set come?
#                                         are counted
#
# The servers and the sources are the real ones, over TLS; sources are at the defaults of agentd.conf(5).
# SCALE_WATCHERS, SCALE_FLEET, SCALE_WINDOW and SCALE_ROUNDS make it smaller; SCALE_ETCD is another etcd than the installed one.
set -uo pipefail
B=$(readlink -m "${1:?usage: bench-scale.sh BUILD-DIR}")
self=$(readlink -f "${BASH_SOURCE[0]}")
cd "$(dirname "$self")/../.." || exit 2
# What is begun in here ends with it.
[[ ${SCALE_INSIDE-} ]] || SCALE_INSIDE=1 exec unshare --net --pid --fork --kill-child --mount-proc "$self" "$@"

etcd=${SCALE_ETCD:-etcd}
for program in nginx "$etcd" ip ss curl openssl ssh-keygen; do
        command -v "$program" >/dev/null || { echo "bench-scale: $program is missing: apt-get install nginx-light etcd-server iproute2 curl openssl openssh-client" >&2; exit 1; }
done

read -ra watchers <<<"${SCALE_WATCHERS:-1 100 1000}"
fleet=${SCALE_FLEET:-10000} window_sec=${SCALE_WINDOW:-120} rounds=${SCALE_ROUNDS:-100}
PER_SECOND=100       # that begin: each costs a handshake on both sides of this one machine
HOSTS_A_PROCESS=1000 # thousands on one loop would measure the loop, and need more files than the limit
OBJECTS=2 # its set, and the list of the fleet's revocations
# What an etcd bears whose HTTP/2 has to walk all streams of its gateway's one connection for each frame (docs/SCALE.md).
OLD_ETCD_BEARS=4000
GOAL_NS=1000000000
SERVER=10.78.0.1 FLEET=10.78.0.2
dir=$(mktemp -d /tmp/nhi-scale.XXXXXX)
trap 'rm -rf "$dir"' EXIT
ulimit -n "$(ulimit -Hn)"

die() {
        echo "bench-scale: $*" >&2
        tail -n 5 "$dir"/*.log >&2
        exit 1
}

note() { echo "  $*" >&2; }

wait_for() { # SECONDS COMMAND...
        local end=$((SECONDS + $1))
        shift
        until "$@"; do
                ((SECONDS < end)) || return 1
                sleep 0.2
        done
}

# ---- servers -----------------------------------------------------------------------------------

nginx_version() { nginx -v 2>&1 | sed 's,.*/\([0-9.]*\).*,\1,'; }
etcd_version() { "$etcd" --version | sed -n 's/^etcd Version: //p'; }
etcd_is_old() {
        local major minor patch
        IFS=. read -r major minor patch <<<"$(etcd_version)"
        ((major == 3 && (minor < 4 || (minor == 4 && patch < 25) || (minor == 5 && patch < 8))))
}

networks_are_two() {
        local theirs
        theirs=$(readlink "/proc/$fleet_net/ns/net") && [[ $theirs && $theirs != $(readlink /proc/self/ns/net) ]]
}

network_make() {
        unshare --net sleep infinity &
        fleet_net=$!
        wait_for 5 networks_are_two &&
                ip link set lo up && ip link add cable type veth peer name cable netns "$fleet_net" &&
                ip address add $SERVER/24 dev cable && ip link set cable up &&
                in_fleet ip link set lo up && in_fleet ip address add $FLEET/24 dev cable && in_fleet ip link set cable up &&
                many_from_one_address
}

# Else the hosts that come back look for a port for minutes: a real one has an address of its own.
many_from_one_address() {
        in_fleet sysctl -qw net.ipv4.ip_local_port_range='1024 65535' net.ipv4.tcp_tw_reuse=1
}

in_fleet() { nsenter --net="/proc/$fleet_net/ns/net" "$@"; }

certificates_make() {
        cd "$dir" && openssl ecparam -name prime256v1 -genkey -noout -out ca.key &&
                openssl req -x509 -new -key ca.key -subj /CN=bench -days 2 -out ca.pem &&
                openssl ecparam -name prime256v1 -genkey -noout -out server.key &&
                openssl req -new -key server.key -subj /CN=server -out server.csr &&
                openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem \
                        -extfile <(echo "subjectAltName=IP:$SERVER") 2>/dev/null
        cd - >/dev/null || return
}

etcd_start() {
        mkdir -p -m 700 "$dir/etcd"
        "$etcd" --name bench --data-dir "$dir/etcd" --cert-file "$dir/server.pem" --key-file "$dir/server.key" \
                --listen-client-urls "https://$SERVER:2379" --advertise-client-urls "https://$SERVER:2379" \
                --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
                --initial-cluster bench=http://127.0.0.1:2380 --listen-metrics-urls http://127.0.0.1:2381 \
                --logger zap --log-level error >>"$dir/etcd.log" 2>&1 &
        server=$!
        wait_for 20 eval 'curl -sf http://127.0.0.1:2381/health | grep -q true'
}

etcd_metric() { # NAME: the sum of its samples
        curl -sf http://127.0.0.1:2381/metrics | awk -v name="$1" 'index($1, name) == 1 { sum += $2 } END { printf "%.0f\n", sum }'
}

nginx_start() {
        mkdir -p "$dir/www/sets" "$dir/nginx"
        cat >"$dir/nginx.conf" <<EOF
daemon off; user root; pid $dir/nginx/pid; error_log $dir/nginx.log crit;
worker_processes auto;
events { worker_connections 15000; }
http {
        log_format counts '\$status \$request_method';
        access_log $dir/nginx/requests counts buffer=64k flush=1s;
        client_body_temp_path $dir/nginx/body; proxy_temp_path $dir/nginx/proxy; fastcgi_temp_path $dir/nginx/fastcgi;
        uwsgi_temp_path $dir/nginx/uwsgi; scgi_temp_path $dir/nginx/scgi;
        server {
                listen $SERVER:443 ssl http2;
                ssl_certificate $dir/server.pem; ssl_certificate_key $dir/server.key;
                root $dir/www;
                location /sets/ { dav_methods PUT; client_max_body_size 64m; }
        }
}
EOF
        nginx -c "$dir/nginx.conf" >>"$dir/nginx.log" 2>&1 &
        server=$!
        wait_for 10 curl -s --cacert "$dir/ca.pem" -o /dev/null "https://$SERVER/"
}

server_stop() {
        kill "$server" && wait "$server" 2>/dev/null
        true
}

# ---- the ledger --------------------------------------------------------------------------------

nhictl() { "$B/nhictl" "$@" --ledger "$ledger" --key "$dir/issuer.key"; }

ROLES=(--label role0 --label role1 --label role2 --label role3 --label role4 --label role5 --label role6 --label role7 --label role8 --label role9)

# Each host has a role, with which a tenth of the fleet is given a grant, and a grant of its own; 100 hosts, or all
# where they are fewer, have the label "canary". Written as an administrator's generator would.
ledger_make() { # HOSTS PLACE [publish_with]
        ledger=$dir/ledger
        rm -rf "$ledger"
        mkdir -m 700 "$ledger" "$ledger"/{hosts,grants,accounts,owners}
        cat >"$ledger/ledger.json" <<EOF
{ "format": 1, "issuer": "https://grants.example.org", "publish": "$2", ${3:+"\"publish_with\": $3,"}
  "uid_min": 70000, "uid_max": 79999, "limits": { "lifetime_max": "30d", "set_lifetime": "24h" } }
EOF
        awk -v n="$1" -v dir="$ledger" -v key="$(cut -d ' ' -f 1,2 "$dir/login.pub")" -v from="$(date -u +%FT%TZ)" \
                -v to="$(date -u -d '+7 days' +%FT%TZ)" '
        function document(kind, name, members) {
                printf "{ \"created\": { \"at\": \"%s\", \"by\": \"bench\" }, %s }\n", from, members >(dir "/" kind "/" name ".json")
                close(dir "/" kind "/" name ".json")
        }
        function grant(name, hosts, labels) {
                document("grants", name, sprintf("\"jti\": \"%s\", \"account\": \"svc-deploy\", \"owner\": \"payments\", " \
                        "\"reason\": \"CHG-42 roll out 2.3\", \"issued_by\": \"ci@example.org\", \"approvals\": [], \"nbf\": \"%s\", " \
                        "\"exp\": \"%s\", \"hosts\": [%s], \"labels\": [%s], \"authorization_details\": [ { \"type\": \"nhi_login\", " \
                        "\"services\": [\"ssh\"], \"ssh_keys\": [\"%s\"] } ]", name, from, to, hosts, labels, key))
        }
        BEGIN {
                document("owners", "payments", "\"name\": \"payments\"")
                document("accounts", "svc-deploy", "\"name\": \"svc-deploy\", \"kind\": \"workload\", \"owner\": \"payments\", " \
                        "\"uid\": 70000, \"gid\": 70000, \"gecos\": \"deploys payments\", \"home\": \"/var/lib/svc-deploy\", " \
                        "\"shell\": \"/bin/bash\"")
                every = n > 100 ? int(n / 100) : 1
                for (i = 1; i <= n; i++) {
                        host = sprintf("h%05d", i)
                        document("hosts", host, sprintf("\"name\": \"%s\", \"labels\": [\"role%d\"%s]", host, i % 10,
                                i % every == 0 ? ", \"canary\"" : ""))
                        grant(sprintf("g-01M8278H7CJ8B1ZDTE0G%06d", i), "\"" host "\"", "")
                }
                for (i = 0; i < 10; i++) grant(sprintf("g-01M8278H7CJ8B1ZDTE0R%06d", i), "", "\"role" i "\"")
        }'
        chmod 600 "$ledger"/*/*
}

grant_for() { nhictl grant svc-deploy --service ssh --for 1h --owner payments --reason bench --ssh-key "$dir/login.pub" "$@" 2>/dev/null; }

# ---- the fleet ---------------------------------------------------------------------------------

fleet_start() { # TYPE HOSTS URL
        local i host first last n_processes
        rm -f "$dir/feed" "$dir/feed.sock"
        "$B/bench/scale-feed" "$dir/feed.sock" >"$dir/feed" 2>"$dir/feed.log" &
        feed=$!
        wait_for 5 test -S "$dir/feed.sock" || die 'no feed'
        exec {arrivals}< <(exec tail -f -n +1 --pid=$feed "$dir/feed")
        fetchers=() n_processes=$((($2 + HOSTS_A_PROCESS - 1) / HOSTS_A_PROCESS))
        : >"$dir/fleet.log"
        for ((i = 0; i < n_processes; i++)); do
                first=$(($2 * i / n_processes + 1)) last=$(($2 * (i + 1) / n_processes))
                nsenter --net="/proc/$fleet_net/ns/net" "$B/bench/scale-fleet" "$1" "$first" $((last - first + 1)) $((PER_SECOND / n_processes)) "$dir/ca.pem" \
                        "$dir/feed.sock" "$3" "$OBJECTS" >>"$dir/fleet.log" 2>&1 &
                fetchers+=($!)
        done
        for ((i = 0; i < $2; i++)); do
                read -r -t 120 -u "$arrivals" host _ || die "only $i of $2 hosts have their set"
        done
}

fleet_stop() {
        kill "${fetchers[@]}" "$feed"
        wait "${fetchers[@]}" "$feed" 2>/dev/null
        exec {arrivals}<&-
}

# Arrivals of a round to $dir/KEY, as nanoseconds since $1; the last one's to $dir/KEY-last. What came before, or to another
# host (of ten thousand one may have read its set twice), is none of it.
arrivals_take() { # FROM-NS N KEY [HOST]
        local i host ns last=0
        for ((i = 0; i < $2; )); do
                read -r -t 120 -u "$arrivals" host ns _ || die "only $i of $2 sets came"
                [[ $ns -ge $1 && (-z ${4-} || $host == "${4-}") ]] || continue
                ((++i))
                echo $((ns - $1)) >>"$dir/$3"
                ((ns - $1 <= last)) || last=$((ns - $1))
        done
        echo "$last" >>"$dir/$3-last"
}

# The moment before the command starts is where time begins. Of two sets that come together the second waits for a tenth
# of a second (fetch/feed-client.h, D4): that is not what is measured.
revoke_one() { # HOSTS KEY ROUND
        local id from host
        host=$(($3 * 7919 % $1 + 1))
        from=$(date +%s%N)
        id=$(grant_for --host "$(printf 'h%05d' "$host")") || die 'no grant'
        arrivals_take "$from" 1 given "$host"
        sleep 0.2
        from=$(date +%s%N)
        nhictl revoke "$id" --reason bench >/dev/null 2>"$dir/nhictl.log" || die 'not revoked'
        arrivals_take "$from" 1 "$2" "$host"
}

revoke_all() { # HOSTS KEY
        local id from=$(date +%s%N)
        id=$(grant_for "${ROLES[@]}") || die 'no grant'
        arrivals_take "$from" "$1" given
        sleep 0.2
        from=$(date +%s%N)
        nhictl revoke "$id" --reason bench >/dev/null 2>"$dir/nhictl.log" || die 'not revoked'
        arrivals_take "$from" "$1" "$2"
}

# ---- figures -----------------------------------------------------------------------------------

figure() { printf 'figure\t%s\t%s\t%s\t%s\n' "$@"; }

memory_kib() { # PID...: what they have of their own, and their share of what they do not
        local pid
        for pid in "$@"; do sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "/proc/$pid/smaps_rollup"; done | awk '{ sum += $1 } END { print sum }'
}

cpu_ms() { # PID...
        local pid
        for pid in "$@"; do sed 's/.*) //' "/proc/$pid/stat"; done | awk -v hz="$(getconf CLK_TCK)" '{ sum += $12 + $13 } END { printf "%.0f\n", sum * 1000 / hz }'
}

busy_ms() { awk -v hz="$(getconf CLK_TCK)" '$1 == "cpu" { printf "%.0f\n", ($2 + $3 + $4 + $7 + $8) * 1000 / hz }' /proc/stat; }
cable_bytes() { awk '$1 == "cable:" { print $2, $10 }' /proc/net/dev; }
server_pids() { echo "$server" $(pgrep -P "$server"); }
connections() { ss -Htn state established "src $SERVER and dst $FLEET" | wc -l; }
requests_of() {
        case $1 in
        https) sleep 2; grep -c ' GET$' "$dir/nginx/requests" ;;
        etcd) etcd_metric 'grpc_server_handled_total{grpc_code="OK",grpc_method="Range"' ;;
        esac
}

sample() { echo "$(requests_of "$1") $(cable_bytes) $(cpu_ms $(server_pids)) $(cpu_ms "${fetchers[@]}") $(busy_ms) $(date +%s%N)"; }

# What goes on while nothing happens, by host and hour.
idle_figures() { # TYPE COLUMN HOSTS BEFORE AFTER
        awk -v before="$4" -v after="$5" -v n="$3" -v column="$2" '
        function say(what, value) { printf "figure\tfleet\t%s\t%s\t%s\n", what, column, value }
        function each(i) { return (b[i] - a[i]) / n * hours }
        function bytes(v) { return v < 1e6 ? sprintf("%.1f kB", v / 1e3) : sprintf("%.2f MB", v / 1e6) }
        BEGIN {
                split(before, a, " "); split(after, b, " ")
                hours = 3600e9 / (b[7] - a[7])
                say("requests, by host and hour", sprintf("%.1f", each(1)))
                say("bytes from the hosts, by host and hour", bytes(each(2)))
                say("bytes to the hosts, by host and hour", bytes(each(3)))
                say("processor of the server, by host and hour", sprintf("%.0f ms", each(4)))
                say("processor of a fetcher, by hour", sprintf("%.0f ms", each(5)))
                say("requests of the fleet, by second", sprintf("%.0f", (b[1] - a[1]) * 1e9 / (b[7] - a[7])))
                say("server: of one processor", sprintf("%.1f %%", (b[4] - a[4]) * 1e8 / (b[7] - a[7])))
                say("all fetchers: of one processor", sprintf("%.1f %%", (b[5] - a[5]) * 1e8 / (b[7] - a[7])))
                say("the whole machine with its network: of one processor", sprintf("%.1f %%", (b[6] - a[6]) * 1e8 / (b[7] - a[7])))
        }'
}

# The same for ten and a hundred times as many hosts, were there a machine that bears them.
computed_figures() { # TYPE HOSTS BEFORE AFTER SERVER-KIB-BEFORE SERVER-KIB
        awk -v type="$1" -v n="$2" -v before="$3" -v after="$4" -v kib_before="$5" -v kib="$6" '
        function comma(v,   digits, text) {
                digits = sprintf("%d", v)
                while (length(digits) > 3) {
                        text = "," substr(digits, length(digits) - 2) text
                        digits = substr(digits, 1, length(digits) - 3)
                }
                return digits text
        }
        function say(what, factor, value) {
                printf "figure\tcomputed\t%s: %s\t%s hosts, %s\t%s\n", type, what, comma(n * factor), factor == 1 ? "measured" : "computed", value
        }
        function every_second(i) { return (b[i] - a[i]) * 1e9 / (b[7] - a[7]) }
        BEGIN {
                split(before, a, " "); split(after, b, " ")
                for (f = 1; f <= 100; f *= 10) {
                        say("requests, by second", f, comma(every_second(1) * f))
                        say("from the hosts, MB by second", f, sprintf("%.2f", every_second(2) * f / 1e6))
                        say("to the hosts, MB by second", f, sprintf("%.2f", every_second(3) * f / 1e6))
                        say("processors of the server", f, sprintf("%.2f", every_second(4) * f / 1e3))
                        say("memory of the server, GiB", f, sprintf("%.1f", (kib_before + (kib - kib_before) * f) / 1048576))
                }
        }'
}

state_figures() { # COLUMN HOSTS SERVER-KIB-BEFORE FLEET-KIB SERVER-KIB
        local kib=$5
        figure fleet 'connections' "$1" "$(connections)"
        figure fleet 'memory of the server without hosts' "$1" "$(($3 / 1024)) MiB"
        figure fleet 'memory of the server with them' "$1" "$((kib / 1024)) MiB"
        figure fleet 'memory of the server, by host' "$1" "$(((kib - $3) / $2)) KiB"
        figure fleet 'memory of a fetcher in this process, by host' "$1" "$(($4 / $2)) KiB"
}

troubles() { grep -c '^trouble' "$dir/fleet.log"; }

# The value at a per mille of the samples by nearest rank: of fewer than 100, p99 is the largest.
at() { sort -n "$dir/$1" | awk -v at="$2" '{ v[NR] = $1 } END { print v[at == 500 ? int(NR / 2) + 1 : int((NR * at + 999) / 1000)] }'; }

row() { # WHAT MEDIAN P99 GOAL
        local goal=- verdict=-
        if [[ $4 != - ]]; then
                goal="<= $4"
                verdict=$( (($3 <= $4)) && echo met || echo missed)
        fi
        printf 'row\t%s\t-\t%s\t%s\t-\t-\t%s\t%s\n' "$1" "$2" "$3" "$goal" "$verdict"
}

row_of() { row "$1" "$(at "$2" 500)" "$(at "$2" 990)" "$3"; } # WHAT KEY GOAL

# What happens on the host, from docs/PERFORMANCE.md, whose row has nhictl in it, too.
on_host() { # MEDIAN|P99
        awk -F ' *\\| *' -v column="$1" '
        $2 == "nhictl revoke, 1 session" { split($(column == "MEDIAN" ? 4 : 5), v, " "); printf "%.0f\n", v[1] * (v[2] == "s" ? 1e9 : v[2] == "ms" ? 1e6 : 1e3) }' docs/PERFORMANCE.md
}

# ---- what is measured --------------------------------------------------------------------------

ETCD="etcd://$SERVER:2379/nhi/sets/" WITH="{ \"ca_file\": \"$dir/ca.pem\" }"
WITH_HTTPS="{ \"ca_file\": \"$dir/ca.pem\", \"single_publisher\": true }"

time_publish() { # COLUMN WHAT: what publishing takes now
        local from=$(date +%s%N)
        nhictl publish >/dev/null 2>"$dir/nhictl.log" || die 'not published'
        echo $((($(date +%s%N) - from) / 1000000)) >>"$dir/publish-$1-$2"
        note "publish, $1, $2: $(tail -n 1 "$dir/publish-$1-$2") ms"
}

publish_figures() { # COLUMN
        local i id
        time_publish "$1" all
        for ((i = 0; i < 3; i++)); do
                time_publish "$1" none
                id=$(grant_for --label canary --no-publish) || die 'no grant'
                time_publish "$1" some
        done
        figure publish "all $fleet hosts, the first time" "$1" "$(seconds "publish-$1-all")"
        figure publish 'nothing changed' "$1" "$(seconds "publish-$1-none")"
        figure publish '100 hosts changed' "$1" "$(seconds "publish-$1-some")"
}

seconds() { awk -v ms="$(at "$1" 500)" 'BEGIN { printf "%.2f s", ms / 1000 }'; }

measure_revoke() { # HOSTS
        local i n=$1
        ledger_make "$n" "$ETCD" "$WITH"
        etcd_start && nhictl publish >/dev/null 2>"$dir/nhictl.log" || die 'not published'
        fleet_start etcd "$n" "https://$SERVER:2379"
        ((n > 1)) || one_fetcher_kib=$(memory_kib "${fetchers[@]}")
        for ((i = 0; i < rounds; i++)); do revoke_one "$n" "revoke-$n" "$i"; done
        note "revoke, $n watching: $(at "revoke-$n" 500) $(at "revoke-$n" 990)"
        if ((n >= 1000)); then
                for ((i = 0; i < 5; i++)); do revoke_all "$n" "revoke-all-$n"; done
        fi
        note "$n watching: $(troubles) troubles"
        fleet_stop
        server_stop
        rm -rf "$dir/etcd"
}

revoke_rows() {
        local n
        for n in "${watchers[@]}"; do
                row_of "nhictl revoke to the host's feed, etcd, $n watching" "revoke-$n" $GOAL_NS
                row 'the same, and its session dead (computed: with what docs/PERFORMANCE.md has for the host)' \
                        $(($(at "revoke-$n" 500) + $(on_host MEDIAN))) $(($(at "revoke-$n" 990) + $(on_host P99))) $GOAL_NS
                [[ ! -e $dir/revoke-all-$n ]] || row_of "nhictl revoke of a grant that all $n have, to each host's feed" "revoke-all-$n" -
                [[ ! -e $dir/revoke-all-$n ]] || row_of 'the same: until the last host has it' "revoke-all-$n-last" -
        done
        cat "$dir/rows"
}

watch_idle() { # TYPE COLUMN HOSTS SERVER-KIB
        local before after kib
        note "$1: $3 hosts have their sets"
        sleep $(($3 / PER_SECOND > 60 ? 5 : 65)) # the first intervals go by
        before=$(sample "$1")
        sleep "$window_sec"
        after=$(sample "$1")
        idle_figures "$1" "$2" "$3" "$before" "$after"
        kib=$(memory_kib $(server_pids))
        computed_figures "$1" "$3" "$before" "$after" "$4" "$kib"
        state_figures "$2" "$3" "$4" "$(memory_kib "${fetchers[@]}")" "$kib"
        figure fleet 'hosts in trouble meanwhile' "$2" "$(troubles)"
}

measure_https() {
        local kib
        nginx_start || die 'no nginx'
        ledger_make "$fleet" "https://$SERVER/sets/" "$WITH_HTTPS"
        publish_figures https
        kib=$(memory_kib $(server_pids))
        fleet_start https "$fleet" "https://$SERVER/sets/{host}.jws"
        watch_idle https "nginx $(nginx_version), $fleet hosts polling" "$fleet" "$kib"
        fleet_stop
        server_stop
}

all_watch() { (($(etcd_metric etcd_debugging_mvcc_watcher_total) >= $1 * OBJECTS)); }

# The herd: every host loses its server at one moment.
measure_outage() { # COLUMN HOSTS
        local from watching='not within ten minutes'
        kill -9 "$server"
        wait "$server" 2>/dev/null
        sleep 5
        from=$(date +%s%N)
        etcd_start || die 'etcd does not come back'
        if wait_for 600 all_watch "$2"; then
                watching=$(awk -v ns=$(($(date +%s%N) - from)) 'BEGIN { printf "%.1f s", ns / 1e9 }')
        fi
        figure fleet 'after 5 s without the server: until every host watches again' "$1" "$watching"
        figure fleet 'memory of the server then' "$1" "$(($(memory_kib "$server") / 1024)) MiB"
}

measure_etcd() {
        local n=$fleet kib column i
        if etcd_is_old && ((n > OLD_ETCD_BEARS)); then
                n=$OLD_ETCD_BEARS
                note "etcd $(etcd_version) does not bear $fleet watching hosts: SCALE_ETCD=PROGRAM for a newer one"
        fi
        column="etcd $(etcd_version), $n hosts watching"
        etcd_start || die 'no etcd'
        ledger_make "$fleet" "$ETCD" "$WITH"
        publish_figures etcd
        figure fleet "memory of one host's nhi-fetchd" "$column" "$one_fetcher_kib KiB"
        kib=$(memory_kib "$server")
        fleet_start etcd "$n" "https://$SERVER:2379"
        watch_idle etcd "$column" "$n" "$kib"
        for ((i = 0; i < (rounds + 9) / 10; i++)); do revoke_one "$n" "revoke-many" "$i"; done
        row_of "nhictl revoke to the host's feed, etcd, $n watching, a ledger of $fleet" revoke-many - >>"$dir/rows"
        measure_outage "$column" "$n"
        fleet_stop
        server_stop
}

measure_directory() {
        mkdir -p "$dir/sets"
        ledger_make "$fleet" "$dir/sets"
        publish_figures directory
}

network_make || die 'no network'
certificates_make || die 'no certificates'
"$B/nhictl" key new --key "$dir/issuer.key" 2>/dev/null || die 'no key'
ssh-keygen -q -t ed25519 -N '' -f "$dir/login" || die 'no key'
for n in "${watchers[@]}"; do measure_revoke "$n"; done
measure_https
measure_directory
measure_etcd
revoke_rows
