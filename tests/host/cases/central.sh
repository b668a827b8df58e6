# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the central side does beside publishing sets: a revocation list that arrives by itself, the units that renew and
# re-date, root keys that say who signs, a server that waits.
#
# this-host: no

. "$host_lib_dir/sources.sh"

# What no host has heard of yet: as the ledger has it now, in a directory beside.
publish_aside() {
        quietly bash -c 'rm -rf /root/next; mkdir /root/next; nhictl publish --all --to /root/next'
        judge 'what is published next waits' succeeded
}

# These files of it, and no other, as a web server whose cache is stale would have it.
serve_only() { # FILE...
        quietly bash -c 'for f; do install -m 644 "/root/next/$f" "/srv/nhi/sets/sets1/.$f" && mv "/srv/nhi/sets/sets1/.$f" "/srv/nhi/sets/sets1/$f"; done' serve "$@"
        succeeded || judge "the server has $*: $OUT" false
}

key_may_sign() { # WORD
        quietly bash -c 'sed -i "s/\"grants\" \];/\"grants\", \"$1\" ];/" "$2" && grep -q "\"$1\"" "$2" && systemctl reload nhi-agentd' may "$1" "$SOURCE_CONF"
        judge "the host's key may sign $1" succeeded
}

# V24: the host's own set never changes.
case_a_revocation_list_alone_ends_access() {
        local before
        source_use static || return
        key_may_sign revocations
        fault_before 9751
        quietly nhictl revoke "$GRANT" --reason 'by the list' --no-publish
        publish_aside
        before=$(host_run "$HOST" sha256sum "$SERVED_DIR/web1.example.org.jws" </dev/null)
        serve_only revocations.jws
        fault_after 9751 6
        judge 'its set says what it said' test "$before" = "$(host_run "$HOST" sha256sum "$SERVED_DIR/web1.example.org.jws" </dev/null)"
        quietly nhictl publish --all
}

# RFC 7240: a server that is found to hold its answer back is asked so, and what changes is here before it would be asked.
# Each object is found out about by itself, up to an interval later than the others.
case_a_server_that_waits_tells_of_a_change_at_once() {
        source_use static || return
        servers backend sets1
        servers nginx sets1 waits
        source_set 'interval = "20s"; wait = "50s"; timeout = "4s";'
        fetch_at_once
        judge "the server holds the set's answer back" wait_until 40 in_host grep -qx 'web1.example.org.jws 50' /srv/nhi/waiting
        fault_before 9752
        quietly nhictl revoke "$GRANT" --reason 'told at once'
        fault_after 9752 4
        servers nginx sets1
        source_set
}

# The units of the manual page, with what it says that they need.
unit_may_write() { # UNIT [LINE]
        quietly bash -c 'd=/etc/systemd/system/$1.service.d; mkdir -p $d; printf "[Service]\nReadWritePaths=/srv/nhi\n%s\n" "$2" >$d/place.conf; systemctl daemon-reload' unit "$1" "${2-}"
}

# Over the network, in the unit's sandbox.
case_a_unit_finishes_what_could_not_be_published() {
        source_use static || return
        unit_may_write nhi-publish
        fault_before 9754
        quietly nhictl revoke "$GRANT" --reason unit --no-publish
        admin 'systemctl start nhi-publish.service'
        judge 'into a directory' succeeded
        fault_after 9754 6
        source_use etcd || return
        fault_before 9755
        quietly nhictl revoke "$GRANT" --reason unit --no-publish
        admin 'systemctl start nhi-publish.service'
        judge 'into etcd' succeeded
        fault_after 9755 4
        admin 'systemctl enable --now nhi-publish.timer && systemctl list-timers nhi-publish.timer'
        judge 'and does so every hour' both succeeded says 'nhi-publish.service'
        quietly systemctl disable --now nhi-publish.timer
        source_use static
}

roots_sign() {
        quietly bash -c 'nhictl key sign --key /root/a.key && nhictl key sign --key /root/b.key'
        judge 'two of three roots sign' succeeded
}

set_accepted() { in_host sh -c 'journalctl -q --since "@$1" NHI_EVENT=set-accepted | grep -q .' sh "$MARK"; }

# What nhictl(1) has an administrator type for root keys that are offline.
roots_use() {
        source_use static || return
        ! in_host test -e /root/a.key || return 0
        quietly bash -euc 'cd /root
                for root in a b c; do nhictl key new --root --key $root.key; nhictl key show --issuer nhi-local:web1.example.org --key $root.key >$root.jwk; done
                nhictl key show >issuer-1.jwk
                nhictl key rotate --add issuer-1.jwk --root a.jwk --root b.jwk --root c.jwk --threshold 2'
        judge 'three roots, and a list of theirs' succeeded
        roots_sign
        quietly nhictl publish
        judge 'what they signed is published' both succeeded in_host test -s "$SERVED_DIR/keys.jws"
        admin 'cd /root; nhictl init --source https://sets1.example.org/ --root a.jwk --root b.jwk --root c.jwk --threshold 2 --yes \
                --name web1.example.org --ca-file /etc/nhi/sets-ca.pem --certificate /etc/nhi/private/publisher-cert \
                --certificate-key /etc/nhi/private/publisher-key --replace --wait 30s'
        judge 'the host believes them, and a set' both succeeded says 'is verified and in force'
        quietly bash -c 'sed -i "s|source: {|source: { interval = \"1s\";|" /etc/nhi/agentd.conf.d/10-source.conf && systemctl reload nhi-agentd'
        judge 'and asks every second' succeeded
}

# V26: a rotation with an overlap, and a key that was stolen.
case_roots_that_are_offline_say_which_keys_sign() {
        roots_use || return
        fault_before 9756
        key_overlaps
        key_list_is_no_set
        key_was_stolen
}

key_overlaps() {
        quietly bash -euc 'cd /root
                nhictl key new --key issuer-2.key; nhictl key show --key issuer-2.key >issuer-2.jwk
                nhictl key rotate --add issuer-2.jwk && nhictl key sign --key a.key && cp "$1" keys-1.jws; nhictl publish' overlap "$SERVED_DIR/keys.jws"
        judge 'with one root the list waits' both says 'waits there for more of the roots' -- in_host cmp -s /root/keys-1.jws "$SERVED_DIR/keys.jws"
        roots_sign
        mark
        quietly bash -c 'nhictl publish && nhictl publish --key /root/issuer-2.key --all'
        judge 'a second key signs beside the first' succeeded
        judge 'the host takes its set' wait_until 15 set_accepted
        quietly nhictl key rotate --retire /root/issuer-1.jwk
        roots_sign
        mark
        quietly nhictl publish --key /root/issuer-2.key --all
        judge 'the first signs no more' succeeded
        judge 'the host has heard of that' wait_until 15 set_accepted
        judge 'who came under the first key stays in' something_runs '^sleep 9756'
        judge 'and may come again' check_allows
}

# What is shown as the source is the sets'.
key_list_is_no_set() {
        servers nginx sets1 set-forbidden
        judge 'a set that is refused is seen, though the key list is there' wait_until 10 source_says status-403
        servers nginx sets1
        judge 'and that it is there again' wait_until 10 not source_says status-403
}
source_says() {
        quietly nhictl status
        says "^ .*https://sets1.example.org.*$1"
}

key_was_stolen() {
        quietly bash -euc 'cd /root
                nhictl key new --key issuer-3.key; nhictl key show --key issuer-3.key >issuer-3.jwk
                nhictl key rotate --add issuer-3.jwk --retire issuer-2.jwk --floor "$(date -u +%Y-%m-%dT%H:%M:%SZ)"'
        judge 'the second was stolen' succeeded
        roots_sign
        quietly bash -c 'rm -rf /root/next; mkdir /root/next; nhictl publish --key /root/issuer-3.key --all --to /root/next'
        judge 'a third signs' succeeded
        serve_only keys.jws
        judge 'who is in by what the second signed is dead' gone_within "$(now_ms)" 6 nothing_runs '^sleep 9756'
        judge 'and denied' check_denies
        quietly nhictl publish --key /root/issuer-3.key --all
        judge 'what the third signed grants anew' wait_until 15 check_allows
        quietly mv /root/issuer-3.key /etc/nhi/issuer.key
}

# The issuer's key is away; the one that can only re-date is in the unit. The last case: a clock that is behind what
# its source has proved lets nobody in.
case_a_set_that_nobody_signs_anew_is_kept_fresh_by_a_unit() {
        roots_use || return
        quietly bash -euc 'cd /root
                nhictl key new --key /etc/nhi/fresh.key
                nhictl key show --key /etc/nhi/fresh.key | sed "s/}/, \"reach\": {\"sign\": [\"freshness\"]}}/" >fresh.jwk
                nhictl key show >/etc/nhi/issuer.jwk
                nhictl key rotate --add fresh.jwk
                sed -i "s/\"set_lifetime\": *[^,}]*/\"set_lifetime\": \"4h\"/" "$1"' fresh "$LEDGER_JSON"
        judge 'a set of four hours, and a key for freshness' succeeded
        roots_sign
        quietly nhictl publish --all
        clock_prepare
        unit_may_write nhi-refresh Environment=LD_PRELOAD=/opt/nhi/set-clock.so
        grant_deploy fresh 12h
        deploy_session 9759
        quietly mv /etc/nhi/issuer.key /root/issuer.key
        clock_set 10800
        admin 'systemctl start nhi-refresh.service'
        judge 'the unit says that the set is the newest' both succeeded in_host test -s "$SERVED_DIR/web1.example.org_fresh.jws"
        judge 'the host hears it' wait_until 15 in_host sh -c "journalctl -q NHI_EVENT=set-fresh | grep -q ."
        clock_set 18000
        judge 'past the end of the set who is in stays in' something_runs '^sleep 9759'
        judge 'and may come again' check_allows
        clock_set 28800
        judge 'past the end that the unit gave it is over' gone_within "$(now_ms)" 4 nothing_runs '^sleep 9759'
        judge 'and denied' check_denies
        quietly bash -c 'mv /root/issuer.key /etc/nhi/; rm -r /etc/systemd/system/nhi-refresh.service.d'
        clock_undo
        quietly nhictl publish --all
}
