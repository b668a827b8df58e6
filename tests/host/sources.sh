# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# A host whose grants come from real servers (`servers`), for the demo and the cases. The servers are in the host too,
# in network namespaces of their own.
#
#   servers ARG...                 run `servers` in $SERVERS_HOST (default: $HOST)
#   source_up KIND                 the servers, and what each side needs in order to be let in; KIND:
#                                    etcd     three members; publisher and host are users of it
#                                    https    nginx that takes PUT from the publisher, and gives to the host, by certificate
#                                    static   the same nginx; the ledger publishes into the directory that it serves
#   source_lines KIND              what an administrator types then, a line each, so that ledger and agent use them
#   source_use KIND                all of it, unseen
#   source_is_here                 condition: the host has a set from one of them
#   source_set [TEXT]              these settings for agentd.conf instead of the first ones: 'urls = [ ... ]; timeout = "4s";'
#
# Sources that fail. N is the number of a session, its mark among processes:
#
#   fault_before N                 a grant in force, a session under it; marks the time
#   fault_during N [LEDGER]        who is in stays in, who is out stays out; the grant is revoked, which nobody hears of
#                                  (LEDGER: nor can it be published)
#   fault_after N SECONDS          within so many seconds of now it is dead, and denied
#   away SECONDS                   as many, or what the next try may take after it has failed for so long, where that is more
#   mark                           the fetcher and the agent are asked for what they say from now on
#   fetch_says WORD                condition: the fetcher complains with that word (or WORD|WORD)
#   set_refused CODE               condition: the agent refused a set for that reason

SOURCE_HOST=${SOURCE_HOST:-web1.example.org}
FLEET=() # the names of further hosts that etcd knows
SOURCE_CONF=/etc/nhi/agentd.conf.d/10-local.conf
LEDGER_JSON=/var/lib/nhi-ledger/ledger.json
SERVED_DIR=/srv/nhi/sets/sets1

servers() {
        host_run "${SERVERS_HOST:-$HOST}" env "NHI_SLACK=${NHI_SLACK:-1}" /opt/nhi/servers "$@" </dev/null
}

servers_install() {
        host_run "${SERVERS_HOST:-$HOST}" install -D -m 755 /dev/stdin /opt/nhi/servers <"$host_lib_dir/servers"
}

# ---- what each side needs ----------------------------------------------------------------------

# What the fetcher may show and say are credentials of its unit; the publisher's lie beside the ledger.
source_credentials() {
        # shellcheck disable=SC2016 # for the host's shell
        host_run "$HOST" bash -eu -c '
                install -d -m 700 /etc/nhi/private; cd /etc/nhi/private
                printf %s "$1" >etcd-user; printf %s "$1-secret" >etcd-password
                printf publisher >publisher-user; printf publisher-secret >publisher-password
                for name in fetcher publisher; do cp /srv/nhi/pki/$name.pem $name-cert; cp /srv/nhi/pki/$name.key $name-key; done
                chmod 600 -- *
                install -m 644 /srv/nhi/pki/ca.pem /etc/nhi/sets-ca.pem
                mkdir -p /etc/systemd/system/nhi-fetchd.service.d
                { echo "[Service]"; printf "LoadCredential=%s:/etc/nhi/private/%s\n" etcd-user{,} etcd-password{,} fetcher-cert{,} fetcher-key{,}; } \
                        >/etc/systemd/system/nhi-fetchd.service.d/credentials.conf
                systemctl daemon-reload; systemctl try-restart nhi-fetchd.service' source "$SOURCE_HOST" </dev/null
}

source_up() {
        servers_install || return
        case $1 in
        etcd)
                servers network etcd1 etcd2 etcd3 && servers pki && servers etcd 1 2 3 && servers etcd-wait &&
                        quietly env "NHI_SLACK=${NHI_SLACK:-1}" /opt/nhi/servers etcd-users "$SOURCE_HOST" "${FLEET[@]}" && succeeded || return ;;
        https | static)
                servers network sets1 sets2 names && servers pki && servers nginx sets1 && servers nginx sets2 || return ;;
        esac
        source_credentials
}

# What curl(1) would be told, in agentd.conf's words and in ledger.json's.
source_settings() {
        case $1 in
        etcd) printf 'type = "etcd"; ca_file = "/etc/nhi/sets-ca.pem"; user = "etcd-user"; password = "etcd-password"; %s' \
                'urls = [ "https://etcd1.example.org:2379", "https://etcd2.example.org:2379", "https://etcd3.example.org:2379" ]; ' ;;
        *) printf 'type = "https"; ca_file = "/etc/nhi/sets-ca.pem"; certificate = "fetcher-cert"; certificate_key = "fetcher-key"; %s' \
                'interval = "1s"; urls = [ "https://sets1.example.org/{host}.jws" ]; ' ;;
        esac
}

source_place() {
        local private=/etc/nhi/private members=etcd1.example.org:2379,etcd2.example.org:2379,etcd3.example.org:2379
        case $1 in
        etcd) printf '"publish": "etcd://%s/nhi/sets", "publish_with": {"ca_file": "/etc/nhi/sets-ca.pem", "user_file": "%s", "password_file": "%s"}' \
                "$members" "$private/publisher-user" "$private/publisher-password" ;;
        https) printf '"publish": "https://sets1.example.org/{host}.jws", "publish_with": {"ca_file": "/etc/nhi/sets-ca.pem", %s}' \
                "\"certificate\": \"$private/publisher-cert\", \"certificate_key\": \"$private/publisher-key\", \"single_publisher\": true" ;;
        static) printf '"publish": "%s"' "$SERVED_DIR" ;;
        esac
}

source_lines() {
        printf "sed -i 's|\"publish\": *\"[^\"]*\"|%s|' %s && nhictl publish --all\n" "$(source_place "$1")" "$LEDGER_JSON"
        printf "sed -i 's|source: .*|source: { %s};|' %s && systemctl reload nhi-agentd\n" "$(source_settings "$1")" "$SOURCE_CONF"
}

source_is_here() {
        quietly nhictl status
        says '^source .*https://' && says 'set [0-9]+'
}

source_set() {
        local settings name
        settings=$(source_settings "$source_used")
        for name in $(grep -oE '[a-z_]+ =' <<<"${1-}" | cut -d' ' -f1); do
                settings=$(sed "s/\b$name = [^;]*; *//" <<<"$settings")
        done
        quietly bash -c 'sed -i "s|source: .*|source: { $1 };|" "$2" && systemctl reload nhi-agentd' set "$settings${1-}" "$SOURCE_CONF"
        succeeded || judge "the agent takes ${1-}: $OUT" false
}

source_used=''
source_use() {
        local line
        [[ $source_used != "$1" ]] || return 0
        source_up "$1" || { judge "the servers of $1 are up" false; return; }
        while read -r line; do
                quietly bash -c "$line"
                [[ $STATUS == 0 ]] || { printf '%s\n%s\n' "$line" "$OUT" | indent; judge "$1 is this host's source" false; return; }
        done < <(source_lines "$1")
        judge "the host has a set from $1" wait_until 15 source_is_here
        source_used=$1
}

# ---- sources that fail -------------------------------------------------------------------------

MARK=0
mark() { MARK=${EPOCHREALTIME/,/.}; }

fetch_says() {
        in_host sh -c 'journalctl -q -o cat -u nhi-fetchd.service --since "@$1" | grep -qE -- ": ($2): "' sh "$MARK" "$1"
}

set_refused() {
        in_host sh -c 'journalctl -q -o cat --since "@$1" NHI_EVENT=set-refused "NHI_CODE=$2" | grep -q .' sh "$MARK" "$1"
}

# `nhictl check` asks the agent what a login would be told.
check_allows() { in_host nhictl check svc-deploy ssh -q; }
check_denies() {
        quietly nhictl check svc-deploy ssh -q
        status 1
}

fault_before() {
        grant_deploy "fault-$1" 10m
        deploy_session "$1"
        mark
        fault_since=$EPOCHSECONDS
}

fault_heard() { # WORD
        local from=$(now_ms)
        judge "the fetcher says $1" gone_within "$from" 30 fetch_says "$1"
}

fault_during() {
        quietly nhictl revoke "$GRANT" --reason "fault-$1"
        if [[ ${2-} == ledger ]]; then
                judge 'a revocation is written down, but cannot be published' both failed says .
        else
                judge 'a revocation is published' succeeded
        fi
        judge 'the host does not hear of it: who is in stays in' something_runs "^sleep $1"
        judge 'and may come again' check_allows
        judge 'who has no grant is denied' nobody_gets_in_unasked
}

fault_after() {
        judge 'the revocation arrives: dead' gone_within "$(now_ms)" "$2" nothing_runs "^sleep $1"
        judge 'and denied' deploy_is_denied
}

# The waits between tries double, and each is up to a quarter shorter: who was away for longer, as on a slow machine, is
# asked again within as long as that, and a third.
away() { # SECONDS
        local seconds=$(((EPOCHSECONDS - fault_since) * 4 / 3 + 2))
        echo $((seconds > $1 ? seconds : $1))
}

# Ask now, not when the wait after the last failure is over.
fetch_at_once() { in_host systemctl kill --signal=HUP nhi-fetchd.service; }

fetch_restarts() {
        host_run "$HOST" systemctl show --property=NRestarts --value nhi-fetchd.service </dev/null
}
