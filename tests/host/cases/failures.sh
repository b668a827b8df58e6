# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What nhi stands on fails: the clock, logind, the bus, a trusted key, room in /run and on the disk. Each time: who has no
# right gets none, root gets in, what was granted ends on time, and afterwards all is as before.
#
# this-host: no

# T01 T03
case_a_clock_set_forward_and_back_revives_nothing() {
        clock_prepare
        grant_deploy failures 10m
        deploy_session 9401
        clock_set 86400
        judge 'a day forward: the session ends' gone_within "$(now_ms)" 5 nothing_runs '^sleep 9401'
        judge 'and nobody comes in' deploy_is_denied
        clock_set 0
        judge 'back again: it stays over' deploy_is_denied
        grant_deploy failures "$(lasting 15)s"
        judge 'what is granted from then on is in force' deploy_gets_in
        deploy_session 9402
        clock_set -86400
        judge 'a day back: nobody new' deploy_is_denied
        quietly nhictl status
        judge 'status says that the clock is behind' says '^clock +behind'
        until_second "$GRANT_END"
        judge 'who was in is out at the end all the same' gone_within $((GRANT_END * 1000)) 5 nothing_runs '^sleep 9402'
        judge 'and it stays over' deploy_is_denied
        clock_set 0
        judge 'nor is it there when the clock is right' deploy_is_denied
        clock_undo
}

# Where logind makes no session the agent makes a scope of its own (S08). Without the bus no end can be promised: then
# nobody new comes in, and what is in ends all the same.
case_without_logind_and_bus_nothing_outlives_its_grant() {
        admin 'systemctl mask --quiet --runtime --now systemd-logind.service; systemctl is-active systemd-logind.service'
        judge 'logind is down' not says '^active'
        grant_deploy failures "$(lasting 20)s"
        deploy_session 9411
        admin 'systemctl stop dbus.socket dbus.service; systemctl is-active dbus.service'
        judge 'the bus is down' not says '^active'
        judge 'a grant lets nobody in' deploy_is_denied
        judge 'who has none is denied' nobody_gets_in_unasked
        judge 'root gets in' root_gets_in
        until_second "$GRANT_END"
        judge 'who was in is out at the end' gone_within $((GRANT_END * 1000)) 5 nothing_runs '^sleep 9411'
        quietly bash -c 'systemctl start dbus.socket dbus.service
                systemctl unmask --quiet --runtime systemd-logind.service; systemctl restart systemd-logind'
        grant_deploy failures 5m
        judge 'with both grants hold again' wait_until 15 deploy_gets_in
}

# A key that cannot be believed stops the start, and a gate without an agent is closed.
case_a_trusted_key_that_cannot_be_read_stops_the_start() {
        local key=/etc/nhi/trust/local.jwk damage from
        grant_deploy failures 10m
        quietly cp -a "$key" /root/key
        for damage in ": >$key" "chmod 666 $key"; do
                from=${EPOCHREALTIME/,/.}
                admin "$damage; systemctl restart nhi-agentd"
                judge 'the agent does not start' failed
                judge 'and says which file' wait_until 15 agent_has_said "$from" 'local\.jwk'
                judge 'a grant lets nobody in' deploy_is_denied
                quietly bash -c "rm -f $key; cp -a /root/key $key"
        done
        judge 'who has none is denied' nobody_gets_in_unasked
        judge 'root gets in' root_gets_in
        judge 'with the key it starts by itself' host_wait "$HOST" 15 nhictl status
        judge 'and the grant holds' deploy_gets_in
}

agent_has_said() { # SINCE REGEX
        quietly journalctl -q --no-pager -o cat -u nhi-agentd.service --since "@$1"
        says "$2"
}

# A filesystem shrinks to what is used and its rest is filled: ENOSPC, at once and for real. It does not shrink where
# somebody has written since df looked.
room_none() { # MOUNT
        quietly bash -c 'n=0
                until mount -o "remount,size=$(($(df --output=used -k "$1" | tail -1) + 8))k" "$1"; do [ $((n += 1)) -lt 10 ] || exit; done
                dd if=/dev/zero of="$1/fill" bs=4k status=none 2>&1; ! echo x >"$1/probe"' room "$1"
        judge "$1 is full" says 'No space left'
}

room_again() {
        quietly bash -c 'mount -o remount,size=256M "$1"; rm -f "$1/fill" "$1/probe"' room "$1"
}

# A12: what cannot be published is in no snapshot; what is taken away is denied all the same.
case_a_full_run_takes_nothing_from_a_revocation() {
        grant_deploy failures 10m
        judge 'the grant is in force' deploy_gets_in
        room_none /run
        quietly nhictl revoke "$GRANT" --reason full
        judge 'revoked: denied' wait_until 10 deploy_is_denied
        judge 'who has no grant is denied' nobody_gets_in_unasked
        judge 'root gets in' root_gets_in
        room_again /run
        grant_deploy failures 10m
        judge 'with room grants are in force again' wait_until 15 deploy_gets_in
}

# Stopped, and no question at its sockets has it back.
AGENT_STOP='systemctl mask --quiet --runtime nhi-agentd.service; systemctl stop nhi-agentd.service'

# A12: a set that cannot be saved grants nothing, and takes away at once what it does not grant any more.
case_a_full_disk_takes_nothing_from_a_revocation() {
        quietly bash -c "$AGENT_STOP; "'cp -a /var/lib/nhi /root/nhi-state; mount -t tmpfs -o mode=755,size=1M nhi /var/lib/nhi
                cp -a /root/nhi-state/. /var/lib/nhi/; '"$AGENT_BACK"
        judge 'the state has a disk of its own' succeeded
        grant_deploy failures 10m
        judge 'the grant is in force' deploy_gets_in
        room_none /var/lib/nhi
        quietly nhictl revoke "$GRANT" --reason full
        judge 'revoked: denied' wait_until 10 deploy_is_denied
        quietly nhictl grant svc-deploy --service ssh --for 10m --owner payments --reason full --ssh-key /root/ci.pub
        judge 'a new grant is not in force' deploy_is_denied
        judge 'who has none is denied' nobody_gets_in_unasked
        judge 'root gets in' root_gets_in
        room_again /var/lib/nhi
        grant_deploy failures 10m
        judge 'with room grants are in force again' wait_until 15 deploy_gets_in
        quietly bash -c "$AGENT_STOP; "'rm -rf /root/nhi-state; cp -a /var/lib/nhi /root/nhi-state; umount -l /var/lib/nhi
                cp -a /root/nhi-state/. /var/lib/nhi/; '"$AGENT_BACK"
        judge 'the agent is back on the old disk' succeeded
}
