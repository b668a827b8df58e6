# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Three booted hosts share one etcd of three members, and one revocation reaches all of them.
#
#      $HOST, web1: the ledger ──► etcd1, etcd2, etcd3        $HOST-2, web2         $HOST-3, web3
#            nhi-fetchd ◄───────────── nhi0, a bridge ──────── lan0: nhi-fetchd      lan0: nhi-fetchd
#
# this-host: no

. "$host_lib_dir/sources.sh"
HOST_SIZE=2G
FLEET=(web2.example.org web3.example.org)

fleet_host() { # N
        echo "$HOST${1:+-$1}" | sed 's/-1$//'
}

# A cable between a host and the bridge.
fleet_wire() { # N
        local host=$HOST-$1
        ip link add "web$1" netns "$(host_leader "$HOST")" type veth peer name lan0 netns "$(host_leader "$host")" &&
                host_run "$HOST" ip link set "web$1" master nhi0 up &&
                host_run "$host" bash -c "ip addr add 10.77.0.10$1/24 dev lan0 && ip link set lan0 up" &&
                host_run "$HOST" grep etcd /etc/hosts </dev/null | host_run "$host" tee -a /etc/hosts >/dev/null
}

# As an administrator does it: the key of the central side, compared by its thumbprint, the CA, a user and a password.
fleet_join() { # N
        local host=$HOST-$1 name=web$1.example.org thumbprint
        thumbprint=$(host_run "$HOST" nhictl key show --json 2>/dev/null </dev/null | sed -n 's/.*"hex": *"\([0-9a-f ]*\)".*/\1/p')
        host_run "$HOST" sh -c 'nhictl key show 2>/dev/null' </dev/null | host_run "$host" tee /root/issuer.jwk >/dev/null
        host_run "$HOST" cat /srv/nhi/pki/ca.pem </dev/null | host_run "$host" tee /root/etcd-ca.pem >/dev/null
        # shellcheck disable=SC2016 # for the host's shell
        HOST=$host quietly bash -eu -c 'cd /root; umask 077; echo "$1" >user; echo "$1-secret" >password
                nhictl init --source etcd://etcd1.example.org:2379,etcd2.example.org:2379,etcd3.example.org:2379 --trust issuer.jwk \
                        --thumbprint "$2" --name "$1" --ca-file etcd-ca.pem --user-file user --password-file password --wait 30s' \
                join "$name" "$thumbprint"
        both succeeded says 'set [0-9]+ is verified and in force' || { indent <<<"$OUT"; return 1; }
}

fleet_boot() { # N
        local host=$HOST-$1 line
        HOST_SIZE=1G host_boot "$host" && HOST=$host world_make && HOST=$host world_install "$B/debs/$NHI_SUITE" &&
                fleet_wire "$1" && fleet_join "$1" || return
        for line in "$WORLD_SSHD" "$WORLD_SUDO" "$WORLD_PAM"; do
                HOST=$host quietly bash -c "$line"
                [[ $STATUS == 0 ]] || { printf '%s\n%s\n' "$line" "$OUT" | indent; return 1; }
        done
        host_run "$host" cat /root/ci.pub </dev/null | host_run "$HOST" tee "/root/ci-$1.pub" >/dev/null
}

# Writes down when the last process of that name was gone.
fleet_watch() { # N MARK
        host_run "$(fleet_host "$1")" setsid sh -c 'while pgrep -f "^sleep $1" >/dev/null; do sleep 0.01; done; date +%s%3N >/run/dead-$1' sh "$2" \
                >/dev/null 2>&1 </dev/null &
}

fleet_dead_at() { # N MARK
        host_run "$(fleet_host "$1")" cat "/run/dead-$2" 2>/dev/null </dev/null
}
fleet_is_dead() { [[ -n $(fleet_dead_at "$1" "$2") ]]; }

fleet_grant() {
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason fleet --label fleet --ssh-key /root/ci.pub --ssh-key /root/ci-2.pub --ssh-key /root/ci-3.pub"
}

fleet_sessions() { # MARK
        local n
        for n in 1 2 3; do
                judge "web$n has the grant" host_wait "$(fleet_host $n)" 10 sh -c "nhictl list --json | grep -q $GRANT"
                HOST=$(fleet_host $n) deploy_session "$1"
        done
}

fleet_revoke() { # MARK SECONDS
        local n from done_at
        for n in 1 2 3; do fleet_watch $n "$1"; done
        from=$(now_ms)
        admin "nhictl revoke $GRANT --reason 'one word for all'"
        judge 'one revocation' succeeded
        done_at=$(now_ms)
        for n in 1 2 3; do
                judge "web$n: dead" wait_until $(($2 * ${NHI_SLACK:-1} + 5)) fleet_is_dead $n "$1"
                note "web$n: $(($(fleet_dead_at $n "$1") - from)) ms after nhictl was started, $((done_at - from)) ms of which were its own"
                judge "web$n: within $2 s of its end" test "$(fleet_dead_at $n "$1")" -le $((done_at + $2 * 1000 * ${NHI_SLACK:-1}))
                HOST=$(fleet_host $n) judge "web$n: denied" deploy_is_denied
        done
}

case_one_revocation_reaches_three_hosts() {
        local n
        source_use etcd || return
        quietly nhictl host add web1.example.org web2.example.org web3.example.org --label fleet
        judge 'the ledger knows all three' succeeded
        for n in 2 3; do judge "web$n is booted and joins" fleet_boot $n; done
        fleet_grant
        fleet_sessions 9951
        fleet_revoke 9951 2
}

# A14: the same while a member is down.
case_one_revocation_reaches_three_hosts_with_a_member_down() {
        fleet_grant
        fleet_sessions 9952
        servers stop etcd2
        fleet_revoke 9952 10
        servers etcd 2
        servers etcd-wait
}

# The password of a host opens its own set, and no other's.
case_a_host_reads_no_set_but_its_own() {
        quietly bash -c 'ETCDCTL_API=3 etcdctl --endpoints https://etcd1.example.org:2379 --cacert /srv/nhi/pki/ca.pem \
                --user web1.example.org:web1.example.org-secret get /nhi/sets/web2.example.org'
        judge 'another one: denied' both failed says 'permission denied'
        quietly bash -c 'ETCDCTL_API=3 etcdctl --endpoints https://etcd1.example.org:2379 --cacert /srv/nhi/pki/ca.pem \
                --user web1.example.org:web1.example.org-secret put /nhi/sets/web1.example.org x'
        judge 'nor may it write its own' both failed says 'permission denied'
}
