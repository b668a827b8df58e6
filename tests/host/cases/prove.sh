# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# nhictl prove: what independent witnesses saw is held against the decision log. Each kind of leak is planted, and
# each kind of missing evidence.
#
# this-host: no

LOG=/var/log/nhi
COPY=/root/log-copy

# Times have seconds: what is asked for begins with the next one.
from_now() {
        SINCE=$(date -u -d '+1 second' +%FT%TZ)
        until_second "$(date -d "$SINCE" +%s)"
}

# Who is not ours is no finding, for which prove would wait: journald has to have it all.
prove() { # OPTION...
        quietly journalctl --sync
        admin "nhictl prove --since $SINCE $*"
}

grant_deploy() { # FOR
        world_grant "svc-deploy --service ssh --service sudo --run-as postgres --for $1 --owner payments --reason proof \
--ssh-key /root/ci.pub --wait 10s"
}

deploy_sleeps() { # SECONDS
        host_run "$HOST" setpriv --reuid=ci --regid=ci --init-groups env HOME=/home/ci \
                bash -c "ssh svc-deploy@web1 'exec sleep $1'" >/dev/null 2>&1 </dev/null &
        judge 'a session is in' wait_until 15 something_runs "^sleep $1"
}

# The lines that ask the agent are taken out of every stack, and sudo's plugin with them.
doors_open() {
        quietly bash -c 'mkdir -p /root/pam && cp -a /etc/pam.d/. /root/pam/ && cp -a /etc/sudo.conf /root/sudo.conf
                sed -i "/pam_nhi/d" /etc/pam.d/* && nhictl sudo disable'
        judge 'nobody asks the agent any more' succeeded
}

doors_closed() {
        quietly bash -c 'cp -a /root/pam/. /etc/pam.d/ && cp -a /root/sudo.conf /etc/sudo.conf'
        judge 'and now everybody does again' succeeded
}

case_logins_under_grants_are_proved() {
        from_now
        grant_deploy 10m
        person ci 'ssh svc-deploy@web1 "id -un; sudo -n -u postgres id -un"'
        judge 'a login, and sudo in it' both succeeded says '^postgres$'
        person ci 'ssh -tt svc-deploy@web1 tty'
        judge 'another, with a terminal' succeeded
        deploy_sleeps 9601
        person ci 'ssh root@web1 id -un; ssh bob@web1 id -un'
        judge 'root and bob need no grant' both says '^root$' -- says '^bob$'
        prove
        judge 'proved' both succeeded says '^proved +4 sessions of 1 account were inside their grants.*100.00 % covered'
        judge 'who is not ours is counted' both says '^not ours .*root ssh 1 \(exempt\)' -- says '^not ours .*bob ssh 1 \(ungated\)'
        judge 'each witness was asked' says '^witnesses +log [1-9].*journal [1-9].*logind [1-9].*units [1-9].*wtmp [1-9].*sessions [1-9].*processes [1-9]'
        quietly nhictl prove --since "$SINCE" --json
        judge 'so says --json' both succeeded says '"answer": "proved"'
        world_revoke_all
        judge 'revoked, it is gone' wait_until 10 nothing_runs '^sleep 9601'
        prove
        judge 'and proved still' both succeeded says '^proved +4 sessions'
}

case_a_login_past_the_gate_is_a_leak() {
        from_now
        grant_deploy 10m
        doors_open
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'a login that nobody asks about' both succeeded says '^svc-deploy$'
        person ci 'ssh olga@web1 sudo -n -u postgres id -un'
        judge 'and a sudo without a grant' both succeeded says '^postgres$'
        doors_closed
        prove
        judge 'a leak' both status 1 -- says '^leak +[0-9]+ leaks'
        judge 'the login is named, with its witnesses' says 'LEAK +svc-deploy +ssh .* journal,logind,sshd .*the log knows no such session'
        judge 'and the sudo' says 'LEAK +olga +sudo .* journal .*the log knows no such session'
        prove --account olga
        judge 'of one account alone' both status 1 -- silent_on svc-deploy
}

# A reload is a signal: sshd starts itself anew some time later, and listens to nobody meanwhile.
sshd_has_begun_anew() { # SINCE
        in_host sh -c 'journalctl -q -o cat -u "$1" --since "@$2" | grep -q "^Server listening on "' sh "$SSH_UNIT" "$1"
}

case_a_login_past_pam_is_a_leak() {
        local from
        from_now
        grant_deploy 10m
        from=$EPOCHREALTIME
        quietly bash -c "echo 'UsePAM no' >/etc/ssh/sshd_config.d/00-past.conf && systemctl reload $SSH_UNIT"
        judge 'sshd no longer asks PAM' wait_until 15 both sshd_has_begun_anew "$from" -- in_host sh -c 'sshd -T | grep -q "^usepam no"'
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'a login that PAM never heard of' both succeeded says '^svc-deploy$'
        quietly bash -c "rm /etc/ssh/sshd_config.d/00-past.conf && systemctl reload $SSH_UNIT"
        prove
        judge 'sshd itself is the witness' both status 1 -- says 'LEAK +svc-deploy +ssh .* sshd +journal cursor .*the log knows no such session'
}

# The agent would find it by the audit session that it bears: but it is away.
case_a_process_that_outlives_its_grant_is_a_leak() {
        from_now
        grant_deploy "$(lasting 12)s"
        deploy_sleeps 9602
        quietly bash -c "$AGENT_KILL"
        judge 'the agent is dead' wait_until 15 agent_is_dead
        quietly bash -c 'for pid in $(pgrep -f "^sleep 9602"); do echo $pid >/sys/fs/cgroup/system.slice/console.service/cgroup.procs; done'
        judge 'the process is taken out of its scope' succeeded
        until_second $((GRANT_END + 13))
        judge 'and lives when its grant is over' something_runs '^sleep 9602'
        prove
        judge 'a leak' both status 1 -- says 'LEAK +svc-deploy +ssh .* processes .*pid [0-9]+ \(sleep\) in console.service +it outlived'
        quietly bash -c "$AGENT_BACK"
        judge 'the agent is back' succeeded
        judge 'and ends it' wait_until 15 nothing_runs '^sleep 9602'
        prove
        judge 'nothing runs any more, but the agent was away' both status 4 -- says 'the agent was away'
}

case_time_without_evidence_is_no_proof() {
        from_now
        quietly nhictl observe operators
        judge 'a gate observes' both succeeded wait_until 15 in_host grep -q '^gate operators observe' /run/nhi/gates
        person ci 'ssh olga@web1 sudo -n -u postgres id -un'
        judge 'a sudo that would have been denied' both succeeded says '^postgres$'
        quietly nhictl enforce operators
        judge 'it enforces again' succeeded
        prove
        judge 'no evidence' both status 4 -- says '^no evidence .* [0-9]{1,2}\.[0-9]{2} % covered'
        judge 'for that time' says 'a gate did not enforce +operators'
        judge 'in which somebody was there' says 'no evidence +olga +sudo'
        from_now
        sleep 0.1
        prove
        judge 'since then nothing is missing' both succeeded says '^proved'
        # Where there is no utmp, wtmpdb is kept instead of wtmp.
        if in_host test -e /run/utmp; then
                quietly mv /var/log/wtmp /var/log/wtmp.away
                prove
                judge 'without wtmp nothing is proved' both status 4 -- says 'wtmp: No such file'
                quietly mv /var/log/wtmp.away /var/log/wtmp
        fi
        quietly bash -c "$AGENT_KILL"
        judge 'the agent is dead' wait_until 15 agent_is_dead
        prove
        judge 'nor without the agent' both status 4 -- says 'the agent was away'
        quietly bash -c "$AGENT_BACK"
        judge 'it is back' succeeded
}

case_a_log_that_was_cut_proves_nothing() {
        from_now
        grant_deploy 10m
        quietly bash -c "rm -rf $COPY; cp -a $LOG $COPY"
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'a login' succeeded
        prove
        judge 'proved' succeeded
        prove --dir $COPY
        judge 'an older log does not know it' both status 1 -- says 'LEAK +svc-deploy +ssh'
        quietly bash -c "rm -rf $COPY; cp -a $LOG $COPY; sed -i '/\"event\":\"session-start\"/{/svc-deploy/d}' $COPY/decisions.log"
        prove --dir $COPY
        judge 'one without its records is no evidence' both status 4 -- says 'the log is no evidence'
        judge 'and the session is named' says 'no evidence +svc-deploy +ssh'
        quietly rm -rf $COPY
        prove --dir $COPY
        judge 'nor is none at all' both status 4 -- says 'No such file'
}
