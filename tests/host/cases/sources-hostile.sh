# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Whoever holds the source writes into it what he likes: old sets, other sets, forged ones, none. He can withhold, and no
# more. What he writes is here at once, for the source is etcd; and the agent has no network at all.
#
# this-host: no

. "$host_lib_dir/sources.sh"
HOST_SIZE=2G
KEY=/nhi/sets/web1.example.org

hostile_ready() {
        source_use etcd || return
        in_host test -x /opt/nhi/mint || host_run "$HOST" install -D -m 755 /dev/stdin /opt/nhi/mint <"$host_lib_dir/mint"
}

stolen_get() { # FILE
        quietly sh -c "/opt/nhi/servers etcdctl get --print-value-only $KEY | tr -d '\n' >$1; test -s $1"
        succeeded || judge 'the set is read from etcd' false
}

stolen_put() { # FILE [KEY]
        mark
        quietly sh -c "/opt/nhi/servers etcdctl put ${2:-$KEY} <$1"
        succeeded || judge "$1 is written to etcd" false
}

minted() { # SED [KEYFILE]: from /root/now.jws into /root/minted.jws
        quietly bash -c '/opt/nhi/mint "$1" "$2" </root/now.jws >/root/minted.jws' minted "${2:-/etc/nhi/issuer.key}" "$1"
        succeeded || judge "a set is minted: $OUT" false
}

put_right() {
        quietly nhictl publish --all
        judge 'publishing again puts it right' wait_until 10 check_"$1"
}

# V18: the set from before the revocation comes back.
case_an_old_set_brings_nothing_back() {
        hostile_ready || return
        fault_before 9901
        stolen_get /root/old.jws
        quietly nhictl revoke "$GRANT" --reason rollback
        judge 'revoked: dead' gone_within "$(now_ms)" 2 nothing_runs '^sleep 9901'
        stolen_put /root/old.jws
        judge 'the old set is refused' wait_until 30 set_refused version-floor
        judge 'and stays out of force' deploy_is_denied
        quietly nhictl status
        judge 'status says what was refused' says 'version-floor'
        quietly systemctl restart nhi-agentd
        judge 'a restart forgets nothing' deploy_is_denied
        quietly nhictl publish --all
}

# V19: the same version with other content, signed by the very key of the issuer.
case_two_sets_of_one_version_are_not_both_believed() {
        hostile_ready || return
        fault_before 9902
        stolen_get /root/now.jws
        minted 's/"reason":"fault-9902"/"reason":"fault-equi"/'
        stolen_put /root/minted.jws
        judge 'the other one is refused' wait_until 30 set_refused equivocation
        judge 'who is in stays in' something_runs '^sleep 9902'
        judge 'under the grant as it was first' check_allows
        quietly nhictl revoke "$GRANT" --reason equivocation
        fault_after 9902 2
}

# A key that nobody trusts, bytes that are no set, an empty key, none: the set in force stays.
case_what_is_not_signed_is_nothing() {
        hostile_ready || return
        fault_before 9903
        stolen_get /root/now.jws
        quietly nhictl key new --key /root/own.key
        minted 's/"ver":[0-9]*/"ver":'"$(date +%s)999"'/; s/"services":\["ssh"\]/"services":["ssh","sudo"]/' /root/own.key
        stolen_put /root/minted.jws
        judge 'a forged set is refused' wait_until 30 set_refused key
        quietly sh -c 'head -c 200 /root/now.jws >/root/half.jws; sed "s/^\(.\{300\}\)./\1_/" /root/now.jws >/root/bit.jws; head -c 5000 /dev/zero | tr "\0" x >/root/x.jws'
        stolen_put /root/half.jws
        judge 'half a set is refused' wait_until 30 set_refused segments
        stolen_put /root/bit.jws
        judge 'a changed letter is refused' wait_until 30 set_refused signature
        stolen_put /root/x.jws
        judge 'what is none is refused' wait_until 30 set_refused segments
        quietly nhictl publish --all
        judge 'a publisher is told what stands there' both failed says 'publish --replace [0-9a-f]{64}'
        quietly nhictl publish --replace "$(grep -oE '[0-9a-f]{64}' <<<"$OUT" | head -n 1)"
        judge 'and overwrites it on demand' succeeded
        mark
        quietly /opt/nhi/servers etcdctl put "$KEY" ''
        fault_heard empty
        mark
        quietly /opt/nhi/servers etcdctl del "$KEY"
        fault_heard absent
        judge 'who is in stays in' something_runs '^sleep 9903'
        judge 'with what was granted' check_allows
        quietly nhictl check svc-deploy sudo -q
        judge 'and no more' status 1
        quietly bash -c "nhictl revoke '$GRANT' --reason forged; nhictl publish --all"
        fault_after 9903 3
}

# V21: nothing new comes any more. The set's own end is the end.
case_a_source_that_is_frozen_gives_nothing_beyond_the_end_of_its_set() {
        local end
        hostile_ready || return
        fault_before 9904
        stolen_get /root/now.jws
        end=$(($(date +%s) + $(lasting 8)))
        minted "s/\"exp\":[0-9]*/\"exp\":$end/; s/\"ver\":[0-9]*/\"ver\":$(date +%s%3N)/"
        stolen_put /root/minted.jws
        judge 'a set that is good for some seconds is in force' wait_until 30 set_expires "$end"
        judge 'who is in stays in' something_runs '^sleep 9904'
        until_second "$end"
        judge 'at its end: dead' gone_within $((end * 1000)) 2 nothing_runs '^sleep 9904'
        judge 'and denied, although the grant had 10 minutes' deploy_is_denied
        quietly nhictl status
        judge 'status says that nothing holds any more' both failed says 'over: no grant holds'
        stolen_put /root/minted.jws
        quietly systemctl restart nhi-agentd nhi-fetchd
        judge 'the same again, to an agent that begins anew' wait_until 10 in_host nhictl list
        judge 'brings nothing back' check_denies
        put_right allows
}
set_expires() { quietly nhictl status --json; says "\"exp\": *$1"; }

# V38: a set that is signed as it should be, and asks for more than this host gives.
case_what_is_beyond_the_ceiling_is_left_out_and_the_rest_holds() {
        local first
        hostile_ready || return
        fault_before 9905
        first=$GRANT
        quietly bash -c 'cat >/etc/nhi/agentd.conf.d/60-ceiling.conf <<<"policy: { lifetime_max = \"1h\"; services = [ \"ssh\" ]; };"; systemctl reload nhi-agentd'
        quietly bash -c "nhictl revoke $first --reason ceiling --no-publish
                nhictl grant svc-deploy --service sudo --run-as root --for 10m --owner payments --reason beyond"
        judge 'the revocation in the same set arrives' gone_within "$(now_ms)" 2 nothing_runs '^sleep 9905'
        quietly nhictl status
        judge 'what is beyond it is quarantined' says 'quarantine.*ceiling'
        quietly nhictl check svc-deploy sudo --run-as root -q
        judge 'and grants nothing' status 1
        quietly bash -c 'rm /etc/nhi/agentd.conf.d/60-ceiling.conf; systemctl reload nhi-agentd'
}

# A14: the key changes ten times a second, between the newest set, an old one and none at all.
case_a_key_that_flaps_keeps_nobody_busy() {
        local before after from took
        hostile_ready || return
        fault_before 9906
        stolen_get /root/old.jws
        quietly bash -c 'nhictl publish --all'
        stolen_get /root/now.jws
        before=$(agent_cpu) from=$(now_ms)
        mark
        quietly sh -c 'echo x >/root/x.jws'
        quietly bash -c 'for i in {1..15}; do for set in now x old; do /opt/nhi/servers etcdctl put '"$KEY"' </root/$set.jws; done; done'
        after=$(agent_cpu) took=$((($(now_ms) - from) / 10))
        judge "of $took hundredths of a second the agent was busy for $((after - before))" \
                test $((after - before)) -lt $((took / 2 > 200 ? took / 2 : 200))
        judge 'who is in stays in' something_runs '^sleep 9906'
        judge 'and may come again' check_allows
        judge 'what was refused is written down' wait_until 30 set_refused version-floor
        quietly nhictl revoke "$GRANT" --reason flap
        fault_after 9906 5
}
agent_cpu() { host_run "$HOST" sh -c 'awk "{ print \$14 + \$15 }" /proc/$(pgrep -x nhi-agentd)/stat' </dev/null; }

# T01, T03: a clock that is behind lets nobody in who was not in, and hears of revocations; one that is ahead ends what it
# takes for over, and that stays over.
case_a_clock_that_is_wrong_lets_nobody_in() {
        hostile_ready || return
        clock_prepare
        fault_before 9907
        clock_set -300
        judge 'five minutes behind: nobody new' wait_until 30 check_denies
        judge 'who is in stays in' something_runs '^sleep 9907'
        quietly nhictl revoke "$GRANT" --reason skew
        judge 'until a revocation arrives, which it does' gone_within "$(now_ms)" 2 nothing_runs '^sleep 9907'
        clock_set 0
        judge 'right again: still denied' deploy_is_denied
        grant_deploy skew 10m
        judge 'the clock is right: a grant holds' check_allows
        clock_set 90000
        judge 'a day and an hour ahead: denied' wait_until 30 check_denies
        clock_set 0
        judge 'right again: what was over stays over' check_denies
        clock_undo
        grant_deploy skew-2 10m
        judge 'and what is granted from then on holds' check_allows
}

# The agent has no network. What tries is started just as the agent is, in its very unit, before it.
case_the_agent_has_no_network() {
        local family
        hostile_ready || return
        mark
        quietly bash -c 'mkdir -p /run/systemd/system/nhi-agentd.service.d
                cat >/opt/nhi/try-network <<-"X"
			use Socket;
			my %families = (unix => 1, inet => 2, inet6 => 10, netlink => 16, packet => 17, vsock => 40);
			for (sort keys %families) {
			        socket(my $s, $families{$_}, SOCK_DGRAM, 0) ? print "$_: made\n" : print "$_: $!\n";
			}
		X
                printf "[Service]\nExecStartPre=/usr/bin/perl /opt/nhi/try-network\n" >/run/systemd/system/nhi-agentd.service.d/try.conf
                systemctl daemon-reload; systemctl restart nhi-agentd'
        judge 'a socket of each kind is asked for' wait_until 30 network_was_tried
        judge 'a socket of the host itself can be made' says '^unix: made'
        for family in inet inet6 netlink packet vsock; do
                judge "of $family none" both says "^$family: " -- silent_on "^$family: made"
        done
        quietly bash -c 'rm -r /run/systemd/system/nhi-agentd.service.d; systemctl daemon-reload; systemctl restart nhi-agentd'
        quietly sh -c 'nsenter --target $(pgrep -x nhi-agentd) --net ip -o link show up; awk "/^Seccomp:/ { print \$2 }" /proc/$(pgrep -x nhi-agentd)/status'
        judge 'the network that it is in has nothing but a loopback' both says '^1: lo' -- silent_on '^[2-9]+:'
        judge 'and a filter watches its system calls' says '^2$'
        quietly sh -c 'nsenter --target $(pgrep -x nhi-fetchd) --net ip -o link'
        judge 'the fetcher is in the network of the host' says 'nhi0'
        judge 'and fetches from its unit' check_fetches
}
network_was_tried() {
        quietly journalctl -q -o cat -u nhi-agentd -t perl --since "@$MARK"
        says '^vsock: '
}
check_fetches() { grant_deploy sandbox 1m; check_allows; }

# Two roots, kept elsewhere, say from now on which keys sign; both have to.
roots_ready() {
        hostile_ready || return
        quietly bash -eu -c '
                for root in a b; do
                        nhictl key new --root --key /root/root-$root.key
                        nhictl key show --key /root/root-$root.key >/etc/nhi/trust/root-$root.jwk
                done
                nhictl key show >/root/first.jwk
                issuer=$(sed -n "s/.*\(issuer = \".*\";\).*/\1/p" "$1")
                echo "issuers = ( { $issuer roots = [ \"/etc/nhi/trust/root-a.jwk\", \"/etc/nhi/trust/root-b.jwk\" ]; root_threshold = 2; } );" \
                        >/etc/nhi/agentd.conf.d/60-roots.conf
                systemctl reload nhi-agentd
                nhictl key rotate --add /root/first.jwk --root /etc/nhi/trust/root-a.jwk --root /etc/nhi/trust/root-b.jwk --threshold 2' roots "$SOURCE_CONF"
        succeeded || indent <<<"$OUT"
        judge 'there are two roots' succeeded
}

signed_by() { # ROOT
        quietly nhictl key sign --key "/root/root-$1.key"
        succeeded || judge "root $1 signs: $OUT" false
}

# V26: a key is retired by as many roots as it takes, and by nobody else; and then it is.
case_keys_change_by_the_word_of_all_roots_and_a_retired_one_signs_nothing() {
        local list=/var/lib/nhi-ledger/keys.jws
        roots_ready || return
        signed_by a
        quietly nhictl publish
        judge 'a list that one of two signed waits, and the sets do not' both succeeded says 'a key list waits'
        signed_by b
        quietly nhictl publish
        judge 'one that both signed is' succeeded
        fault_before 9908
        stolen_get /root/now.jws
        quietly bash -eu -c 'nhictl key new --key /etc/nhi/second.key; nhictl key show --key /etc/nhi/second.key >/root/second.jwk
                nhictl key rotate --add /root/second.jwk --retire /root/first.jwk'
        signed_by a
        stolen_put $list.part /nhi/sets/keys
        judge 'the word of one root is refused' wait_until 30 set_refused root-threshold
        minted "s/\"ver\":[0-9]*/\"ver\":$(date +%s)000/" /etc/nhi/second.key
        stolen_put /root/minted.jws
        judge 'and the key that it names signs nothing' wait_until 30 set_refused key
        judge 'who is in stays in' something_runs '^sleep 9908'
        judge 'and may come again' check_allows
        stolen_put /root/now.jws
        signed_by b
        stolen_put $list /nhi/sets/keys
        judge 'both retire the first key: what it signed is dead' gone_within "$(now_ms)" 2 nothing_runs '^sleep 9908'
        judge 'and denied' deploy_is_denied
        minted "s/\"ver\":[0-9]*/\"ver\":$(date +%s)999/"
        stolen_put /root/minted.jws
        judge 'what it signs anew is refused' wait_until 30 set_refused key-retired
        quietly systemctl restart nhi-agentd
        judge 'a restart forgets nothing' deploy_is_denied
        quietly bash -c 'mv /etc/nhi/second.key /etc/nhi/issuer.key; nhictl publish --all'
        judge 'signed by the second key, the grant holds again' wait_until 10 check_allows
}
