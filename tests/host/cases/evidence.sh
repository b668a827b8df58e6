# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The decision log of a running host: what stands in it, who may read it, and what happens without it.
#
# this-host: no

LOG=/var/log/nhi

deploy_gets_in() {
        person ci 'ssh svc-deploy@web1 id -un'
        succeeded && says '^svc-deploy$'
}

deploy_is_denied() {
        person ci 'ssh svc-deploy@web1 id -un'
        failed && silent_on '^svc-deploy$'
}

root_gets_in() {
        person ci 'ssh root@web1 id -un'
        succeeded && says '^root$'
}

grant_deploy() {
        world_grant 'svc-deploy --service ssh --for 10m --owner payments --reason evidence --ssh-key /root/ci.pub --wait 10s'
}

# Each record's hash, as coreutils make it, stands in the one behind it; and their numbers have no gap.
chain_holds() {
        quietly bash -c 'tr -d "\0" <'$LOG'/decisions.log | {
                seq= hash=
                while IFS= read -r line; do
                        n=${line#\{\"seq\":} n=${n%%,*} prev=${line#*\"prev\":\"} prev=${prev%%\"*}
                        [ -z "$seq" ] || { [ "$n" = $((seq + 1)) ] && [ "$prev" = "$hash" ]; } || { echo "broken at $n"; exit 1; }
                        seq=$n hash=$(printf %s "$line" | b2sum -l 256) hash=${hash%% *}
                done
                [ "$seq" -gt 3 ]
        }'
        succeeded
}

# A login is in the log when it is in.
case_a_login_is_in_the_log_with_its_grant() {
        grant_deploy
        judge 'a granted login gets in' deploy_gets_in
        quietly bash -c "tr -d '\0' <$LOG/decisions.log | grep '\"grant\":\"$GRANT\"'"
        judge 'its decision is in the log' says '"event":"decision".*"account":"svc-deploy".*"verdict":"allow".*"why":"evidence"'
        judge 'and the session, with its scope' says '"event":"session-start".*"scope":"session-'
        world_revoke_all
        judge 'revoked, it is denied' wait_until 10 deploy_is_denied
        quietly bash -c "tr -d '\0' <$LOG/decisions.log | tail -n 20"
        judge 'and so is that' says '"event":"denial".*"account":"svc-deploy".*"verdict":"deny"'
        judge 'the chain holds' chain_holds
        quietly bash -c "stat -c '%U:%G %a' $LOG $LOG/decisions.log"
        judge 'the directory is for auditors' says '^root:nhi-audit 2750$'
        judge 'who may read, and not write' says '^root:nhi-audit 640$'
        quietly setpriv --reuid=bob --regid=bob --groups=nhi-audit head -c 1 $LOG/decisions.log
        judge 'a member of nhi-audit reads it' succeeded
        quietly setpriv --reuid=bob --regid=bob --init-groups ls $LOG
        judge 'others do not' failed
        quietly bash -c 'cd '$LOG'/sets && for f in *.jws; do h=$(b2sum -l 256 "$f"); [ "${h%% *}.jws" = "$f" ] || exit 1; done; ls'
        judge 'the sets that it cites stand beside it' both succeeded says '^[0-9a-f]{64}\.jws$'
}

# U03, A12: a log that is gone, on a disk that is full: closed, but for root, until somebody resumes it.
case_without_its_log_a_gate_is_closed_until_somebody_resumes() {
        grant_deploy
        judge 'the grant is in force' deploy_gets_in
        quietly bash -c "systemctl stop nhi-agentd; mount -t tmpfs -o mode=2750,gid=nhi-audit,size=1M nhi $LOG; mkdir $LOG/sets; systemctl start nhi-agentd"
        judge 'a log that is gone denies' deploy_is_denied
        judge 'root gets in' root_gets_in
        quietly bash -c 'journalctl -q --no-pager -o cat --since -30s NHI_EVENT=log-failed'
        judge 'the journal says why' says 'the log is gone'
        quietly nhictl log resume
        judge 'on a full disk it stays so' both failed says 'No space left'
        judge 'denied still' deploy_is_denied
        quietly mount -o remount,size=64M $LOG
        judge 'nor does room alone open it' deploy_is_denied
        quietly nhictl log resume --reason 'moved to another disk'
        judge 'resumed' succeeded
        judge 'the grant holds again' deploy_gets_in
        quietly bash -c "tr -d '\0' <$LOG/decisions.log"
        judge 'who resumed it is in the log' says '"event":"log-resumed".*"detail":"by uid 0: moved to another disk"'
        judge 'and who got in meanwhile' says '"carried":true.*"account":"root"'
        quietly bash -c "systemctl stop nhi-agentd; umount -l $LOG; systemctl start nhi-agentd"
        judge 'the old log is not the one that was left' deploy_is_denied
        quietly nhictl log resume
        judge 'until somebody says so' both succeeded deploy_gets_in
        judge 'its chain holds' chain_holds
}
