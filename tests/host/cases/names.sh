# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Names: who answers to what, and when.

# FACTS 47: with x, pam_unix denies a granted login.
case_a_granted_account_has_a_star_and_no_shadow() {
        world_grant "svc-deploy --service ssh --for 1m --owner payments --reason names --ssh-key /root/ci.pub --wait 10s"
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
        world_grant "svc-deploy --service ssh --for 1m --owner payments --reason names --wait 10s"
        quietly getent passwd nobody-there
        judge 'an unknown name' status 2
        quietly getent passwd
        judge 'enumeration shows nothing of ours' silent_on '^svc-deploy:'
}

# V31: a name that exists locally is refused, and the rest of the set holds.
case_a_local_name_wins_and_the_claim_is_quarantined() {
        quietly bash -c 'useradd svc-late'
        admin 'nhictl account add svc-late --owner payments && nhictl publish'
        world_grant "svc-deploy --service ssh --for 1m --owner payments --reason names --wait 10s"
        judge 'the set is in force' succeeded
        quietly getent passwd svc-late
        judge 'the local one answers' silent_on ':6[5-9][0-9]{3}:|:[7-9][0-9]{4}:'
        admin 'nhictl status'
        judge 'and status names the entry' says 'svc-late'
        quietly bash -c 'nhictl account disable svc-late; userdel svc-late'
}

# N06
case_a_damaged_snapshot_hides_ours_and_nobody_else() {
        world_grant "svc-deploy --service ssh --for 1m --owner payments --reason names --wait 10s"
        quietly bash -c 'systemctl kill --signal=STOP nhi-agentd; cp -p /run/nhi/identities /root/identities; head -c 40 /root/identities >/run/nhi/identities'
        quietly getent passwd svc-deploy
        judge 'ours is unknown' failed
        quietly getent passwd bob
        judge 'others are not' succeeded
        quietly bash -c 'cp -p /root/identities /run/nhi/identities; systemctl kill --signal=CONT nhi-agentd; systemctl restart nhi-agentd'
        judge 'and back' host_wait "$HOST" 5 getent passwd svc-deploy
}
