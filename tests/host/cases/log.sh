# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Reading the decision log of a running host: nhictl log, log show, log export.
#
# this-host: no

LOG=/var/log/nhi

deploy_gets_in() {
        person ci 'ssh svc-deploy@web1 id -un'
        succeeded && says '^svc-deploy$'
}

follow_says() {
        quietly cat /run/followed
        says "$1"
}

# What happens from now on is what it shows.
# shellcheck disable=SC2016 # for the host's shell
follower_waits() {
        in_host sh -c 'readlink /proc/"$(systemctl show -P MainPID followed)"/fd/* | grep -q inotify'
}

# As a member of this group, and of no other.
bob_as() { # GROUP CMDLINE
        quietly setpriv --reuid=bob --regid=bob --groups="$1" bash -c "$2"
}

# What stands in the log is what people and programs read: live, in full, and in other formats.
case_the_log_says_who_got_in_and_what_is_behind_it() {
        world_grant 'svc-deploy --service ssh --for 10m --owner payments --reason "CHG-42 roll out" --ticket CHG-42 --act agent:bot --ssh-key /root/ci.pub --wait 10s'
        quietly systemd-run -q --unit=followed sh -c 'exec nhictl log --follow >/run/followed 2>&1'
        judge 'somebody follows the log' wait_until 15 follower_waits
        judge 'a granted login gets in' deploy_gets_in
        judge 'who follows the log sees it live' wait_until 15 follow_says 'decision  .*allow  .*svc-deploy by agent:bot .*'"$GRANT"' .*CHG-42 roll out'
        judge 'and the session begin' wait_until 15 follow_says 'session-start '
        admin "nhictl log --grant $GRANT"
        judge 'afterwards, too' both succeeded says "decision .*svc-deploy by agent:bot"
        admin 'nhictl log --account nobody-here'
        judge 'and nothing of others' both succeeded says 'nothing is recorded'
        quietly bash -c "nhictl log --grant $GRANT --event decision --json | tail -n 1"
        SEQ=$(grep -oE '^\{"seq":[0-9]+' <<<"$OUT" | grep -oE '[0-9]+$')
        judge 'as it stands in the file' both succeeded says '"grant":"'"$GRANT"'"'
        admin "nhictl log show $SEQ"
        judge 'the signature behind the decision is good' both succeeded says 'grant set +signature good .*'"$GRANT"' is in it as the record says'
        judge 'with what sshd wrote about it' says 'sshd\[[0-9]+\]: '
        quietly bash -c "mkdir /tmp/copy && cp -r $LOG/. /tmp/copy && chown -R bob: /tmp/copy && for f in /tmp/copy/sets/*.jws; do sed -i 's/./A/150' \$f; done"
        bob_as bob "nhictl log --dir /tmp/copy --grant $GRANT"
        judge 'a copy of the files is read without an agent, by who may read them' both succeeded says 'decision .*svc-deploy'
        bob_as bob "nhictl log show $SEQ --dir /tmp/copy"
        judge 'a set that was changed is found' both status 1 -- says 'grant set +WRONG'
        for format in ocsf cef csv; do
                quietly bash -c "nhictl log export --format $format --grant $GRANT --since 5m"
                judge "exported as $format" both succeeded says "CHG-42 roll out"
        done
        quietly bash -c 'systemctl kill --signal=INT followed; sleep 1; systemctl is-failed followed'
        judge 'who has seen enough ends it' both failed silent_on '^failed'
}

# What one byte takes off of the log, the agent still knows, before it has signed the next head. A set that was renewed
# would be one record more, behind the gap.
case_records_that_one_byte_cut_off_are_missed_at_once() {
        quietly systemctl stop nhi-renew.timer
        quietly nhictl log verify
        judge 'the log is whole, by what the agent knows' both succeeded says 'heads .*\(agent\)'
        quietly nhictl log verify --dir $LOG/
        judge 'however its directory is spelled' both succeeded says 'heads .*\(agent\)'
        quietly bash -c "cp -r $LOG /tmp/headless; nhictl log verify --dir /tmp/headless"
        judge 'a copy without a head is not proven' both status 4 -- says '^unproven'
        quietly bash -c "grep -aob '^{\"seq\":' $LOG/decisions.log | tail -n 1 | cut -d: -f1 >/run/cut
                printf '\\0' | dd of=$LOG/decisions.log bs=1 seek=\$(cat /run/cut) conv=notrunc status=none"
        quietly nhictl log verify
        judge 'its last record is missed' both status 1 -- says 'cut: the log ends before it; a head.*\(agent\)'
        quietly bash -c "printf '{' | dd of=$LOG/decisions.log bs=1 seek=\$(cat /run/cut) conv=notrunc status=none"
        quietly nhictl log verify
        judge 'and there again' both succeeded says '^whole'
        quietly systemctl start nhi-renew.timer
}

# E: the log is for auditors.
case_the_log_is_for_root_and_auditors() {
        bob_as nhi-audit 'nhictl log --since 1h --seq 1..'
        judge 'a member of nhi-audit reads it' both succeeded says 'log-created|agent-start'
        bob_as bob 'nhictl log'
        judge 'nobody else' both status 5 -- says 'for root and members of group nhi-audit'
        bob_as bob 'nhictl log export --format csv'
        judge 'in no other format either' both status 5 -- silent_on 'agent-start'
        bob_as nhi-admin 'nhictl log show 1'
        judge 'nor who may see every grant' both failed silent_on 'log-created'
}
