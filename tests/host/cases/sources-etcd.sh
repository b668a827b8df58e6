# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The source is a real etcd of three members, and fails in every way that there is. Each time: who is in stays in, who is
# out stays out, and a revocation arrives as soon as there is a way for it.
#
# this-host: no

. "$host_lib_dir/sources.sh"
# Three write-ahead logs, of which each takes its room beforehand.
HOST_SIZE=2G

etcd_ready() {
        source_use etcd || return
        source_set 'interval = "3s";'
}

# The member whose watch the fetcher holds, as etcdN.
member_in_use() {
        host_run "$HOST" ss -Htn state established 'dport = :2379' </dev/null | grep -oE '10\.77\.0\.2[123]:2379' |
                sort | uniq -c | sort -rn | sed -n '1s/.*\.2\([123]\):.*/etcd\1/p'
}

others() { # NAME
        printf '%s\n' etcd1 etcd2 etcd3 | grep -vx "$1" | paste -sd' '
}

# The member in use leads, so that what hits the one hits the other.
member_in_use_leads() {
        local member=$1 id
        id=$(ETCD_ENDPOINTS='' servers etcdctl member list 2>/dev/null | awk -F', ' -v name="$member" '$3 == name { print $1 }')
        [[ $(servers leader) == "$member" ]] || host_run "$HOST" env "ETCD_ENDPOINTS=https://$(servers leader).example.org:2379" \
                /opt/nhi/servers etcdctl move-leader "$id" >/dev/null 2>&1 </dev/null
        [[ $(servers leader) == "$member" ]]
}

revoked_by_etcd() { # N SECONDS
        quietly nhictl revoke "$GRANT" --reason "fault-$1"
        judge 'a revocation is published' succeeded
        fault_after "$1" "$2"
}

# What the rest is held against.
case_with_all_members_a_revocation_is_everywhere_at_once() {
        etcd_ready || return
        fault_before 9801
        revoked_by_etcd 9801 2
}

# A14
case_a_member_that_is_killed_is_left_for_another() {
        local member
        etcd_ready || return
        fault_before 9802
        member=$(member_in_use)
        note "the fetcher watches $member"
        servers stop "$member"
        judge 'who is in stays in' something_runs '^sleep 9802'
        judge 'and may come again' check_allows
        judge 'who has no grant is denied' nobody_gets_in_unasked
        judge 'the fetcher found another' gone_within "$(now_ms)" 10 other_member_in_use "$member"
        revoked_by_etcd 9802 10
        servers etcd "${member#etcd}"
        servers etcd-wait
}
other_member_in_use() { [[ -n $(member_in_use) && $(member_in_use) != "$1" ]]; }

# A14: the leader is cut off from the others, and not from us: it knows nothing new, and says so.
case_a_leader_that_is_cut_off_is_left_for_the_majority() {
        local member
        etcd_ready || return
        fault_before 9803
        member=$(member_in_use)
        judge "the leader is the one that the fetcher watches: $member" wait_until 10 member_in_use_leads "$member"
        # shellcheck disable=SC2046 # two names
        servers cut "$member" $(others "$member")
        mark
        judge 'who is in stays in' something_runs '^sleep 9803'
        judge 'the fetcher found the majority' gone_within "$(now_ms)" 15 other_member_in_use "$member"
        judge 'who is in may come again' check_allows
        revoked_by_etcd 9803 10
        servers heal "$member"
        servers etcd-wait
}

# A14: half-open. The watch is silent and looks well; what history it missed is compacted away meanwhile.
case_a_watch_that_died_silently_is_found_out() {
        local member
        etcd_ready || return
        fault_before 9804
        member=$(member_in_use)
        servers cut "$member"
        quietly nhictl revoke "$GRANT" --reason fault-9804
        judge 'a revocation is published on the other members' succeeded
        quietly /opt/nhi/servers compact
        judge 'history is compacted' succeeded
        fault_after 9804 12
        servers heal "$member"
}

# A14: no majority: nothing can be published, and nothing changes.
case_without_a_majority_nothing_changes() {
        etcd_ready || return
        fault_before 9805
        servers stop etcd1
        servers stop etcd2
        fault_heard 'watch-over|etcd-14|no-connection|timeout'
        fault_during 9805 ledger
        servers etcd 1 2
        servers etcd-wait
        quietly nhictl publish
        judge 'with a majority it is published' succeeded
        fault_after 9805 "$(away 35)"
}

# A14: what all members send is lost for every other tenth of a second; then all are killed and started, again and again.
case_members_that_flap_are_not_chased() {
        local opened took from
        etcd_ready || return
        fault_before 9806
        opened=$(connections_begun) from=$(now_ms)
        quietly bash -c 'for i in {1..10}; do for m in etcd1 etcd2 etcd3; do /opt/nhi/servers cut $m; done; sleep 0.1
                for m in etcd1 etcd2 etcd3; do /opt/nhi/servers heal $m; done; sleep 0.1; done
                for i in 1 2 3; do for m in etcd1 etcd2 etcd3; do /opt/nhi/servers stop $m; done; sleep 0.5; /opt/nhi/servers etcd 1 2 3; sleep 0.5; done'
        took=$((($(now_ms) - from) / 1000)) opened=$(($(connections_begun) - opened))
        judge "in $took s of it $opened connections were begun" test "$opened" -le $((3 * took + 10))
        judge 'who is in stays in' something_runs '^sleep 9806'
        judge 'and may come again' check_allows
        servers etcd-wait
        revoked_by_etcd 9806 30
}
connections_begun() { host_run "$HOST" awk '/^Tcp: [0-9]/ { print $6 }' /proc/net/snmp </dev/null; }
