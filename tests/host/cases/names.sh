# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Names: who answers to what, and when.

# With x, pam_unix denies a granted login.
case_a_granted_account_has_a_star_and_no_shadow() {
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason names --ssh-key /root/ci.pub --wait 10s"
        admin 'getent passwd svc-deploy'
        judge 'pw_passwd is *' says '^svc-deploy:\*:'
        quietly getent shadow svc-deploy
        judge 'there is no shadow entry' failed
        person ci 'ssh svc-deploy@web1 pwd'
        judge 'and the login is not held up by it' succeeded
        quietly stat -c '%U %a' "$OUT"
        judge 'its home was made for it alone' says '^svc-deploy 700$'
}

# N03
case_root_and_local_names_are_never_ours() {
        quietly getent -s nhi passwd root
        judge 'root by name' failed
        quietly getent -s nhi passwd 0
        judge 'root by uid' failed
        quietly getent -s nhi passwd bob
        judge 'a local name' failed
}

# N02 and enumeration
case_unknown_names_are_unknown_and_enumeration_is_silent() {
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason names --wait 10s"
        quietly getent passwd nobody-there
        judge 'an unknown name' status 2
        quietly getent passwd
        judge 'enumeration shows nothing of ours' silent_on '^svc-deploy:'
}

status_says() {
        quietly nhictl status
        says "$1"
}

# V31: a name that exists locally is refused, and the rest of the set holds.
case_a_local_name_wins_and_the_claim_is_quarantined() {
        quietly bash -c 'useradd svc-late'
        admin 'nhictl account add svc-late --owner payments && nhictl publish'
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason names --wait 10s"
        judge 'the set is in force' succeeded
        quietly getent passwd svc-late
        judge 'the local one answers' silent_on ':6[5-9][0-9]{3}:|:[7-9][0-9]{4}:'
        # The agent reads /etc/passwd some time after a change, and judges the set by it once more.
        judge 'and status names the entry' wait_until 10 status_says 'svc-late'
        quietly bash -c 'nhictl account disable svc-late; userdel svc-late'
}

# N06
case_a_damaged_snapshot_hides_ours_and_nobody_else() {
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason names --wait 10s"
        quietly bash -c 'systemctl kill --signal=STOP nhi-agentd; cp -p /run/nhi/identities /root/identities; head -c 40 /root/identities >/run/nhi/identities'
        quietly getent passwd svc-deploy
        judge 'ours is unknown' failed
        quietly getent passwd bob
        judge 'others are not' succeeded
        quietly bash -c 'cp -p /root/identities /run/nhi/identities; systemctl kill --signal=CONT nhi-agentd; systemctl restart nhi-agentd'
        judge 'and back' host_wait "$HOST" 15 getent passwd svc-deploy
}

# A cache in front of everything, and a name that ends while it is in there.
nscd_start() {
        quietly bash -c 'sed -i "/^[^#]*positive-time-to-live *passwd/d" /etc/nscd.conf; echo "positive-time-to-live passwd $1" >>/etc/nscd.conf
                systemctl start nscd' nscd "$1"
        host_wait "$HOST" 15 test -S /run/nscd/socket
}
nscd_stop() { quietly bash -c 'systemctl stop nscd; rm -f /run/nscd/socket'; }
name_is_gone() { not in_host getent passwd "$1"; }

# N17
case_nscd_holds_a_withdrawn_name_no_longer_than_its_ttl() {
        world_grant "svc-deploy --service ssh --for 2m --owner payments --reason nscd --wait 10s"
        judge 'nscd runs' nscd_start 6
        quietly getent passwd svc-deploy
        judge 'and has the name' succeeded
        quietly nhictl revoke --account svc-deploy --reason nscd
        judge 'which is gone from the snapshot' wait_until 10 not in_host getent -s nhi passwd svc-deploy
        # nscd prunes every few seconds: its TTL, and as long again.
        judge 'and from nscd when its TTL is over' wait_until 30 name_is_gone svc-deploy
        nscd_stop

        judge 'with an hour for a TTL' nscd_start 3600
        world_grant "svc-deploy --service ssh --for 2m --owner payments --reason nscd --wait 10s"
        quietly bash -c 'nscd -i passwd; getent passwd svc-deploy'
        judge 'it has the name again' succeeded
        quietly nhictl revoke --account svc-deploy --reason nscd
        judge 'which is gone' wait_until 10 not in_host getent -s nhi passwd svc-deploy
        quietly nscd -i passwd
        judge 'and from nscd once it is told' wait_until 15 name_is_gone svc-deploy
        nscd_stop
}

# N17
case_the_modules_of_systemd_and_sssd_stand_before_ours_and_hide_nothing() {
        quietly bash -c 'cp /etc/nsswitch.conf /root/nsswitch.conf
                sed -i -E "s/^(passwd|group):.*/\1: files systemd sss nhi/" /etc/nsswitch.conf; test -e /usr/lib/*/libnss_systemd.so.2'
        judge 'systemd has a module there' succeeded
        world_grant "svc-deploy --service ssh --for 2m --owner payments --reason stacked --wait 10s"
        quietly getent passwd svc-deploy
        judge 'ours is found behind them' says '^svc-deploy:'
        quietly getent passwd john.doe
        judge 'and so is theirs' says '^john.doe:'
        quietly nhictl revoke --account svc-deploy --reason stacked
        judge 'ours is gone when it is withdrawn' wait_until 10 name_is_gone svc-deploy
        quietly bash -c 'cp /root/nsswitch.conf /etc/nsswitch.conf'
}

# N17
case_a_membership_behind_files_ends_with_its_grant() {
        quietly bash -c 'cp /etc/nsswitch.conf /root/nsswitch.conf; sed -i -E "s/^group:.*/group: files nhi/" /etc/nsswitch.conf'
        world_grant "olga --group pay-ops --for $(lasting 8)s --owner payments --reason groups --wait 10s"
        local end=$GRANT_END
        quietly id -Gn olga
        judge 'she is a member' says 'pay-ops'
        until_second "$end"
        quietly id -Gn olga
        judge 'and is none in the second of the end' both succeeded silent_on 'pay-ops'
        quietly bash -c 'cp /root/nsswitch.conf /etc/nsswitch.conf'
}
