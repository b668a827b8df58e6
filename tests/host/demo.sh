#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The main job, shown and judged: access that exists only under a grant, on a throw-away host with real clients.
#
#    ci, bot (ssh clients) ──► sshd ──► pam_nhi ──► nhi-agentd ◄── nhi-fetchd ◄── HOST.jws ◄── nhictl grant
#    olga (open shell) ──► sudo ──► pam_nhi, sudo_nhi ──┘ │
#    cron, systemd units ──► pam_nhi ────────────────────┘└─► logind, PID 1: the end of sessions
#
# Usage: demo.sh BUILD-DIR      KEEP=1 leaves the host up, NHI_SUITE=trixie shows it on Debian 13, SOURCE=etcd and SOURCE=https
# take the grants from real servers (a cluster of three, nginx) instead of from a file. Last line: "N passed, N failed"; 0 only where nothing failed.
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
B=$(readlink -m "${1:-build}")
HOST=${HOST:-nhi-demo-$$}
. "$here/${NHI_HOST_LIB:-lib.sh}"
. "$here/judge.sh"
. "$here/world.sh"
. "$here/sources.sh"
SOURCE=${SOURCE:-file}
[[ $SOURCE =~ ^(file|https|etcd)$ ]] || { echo "demo: SOURCE=$SOURCE: there are file, https and etcd"; exit 2; }
[[ $SOURCE != etcd ]] || HOST_SIZE=2G
DECISIONS=/var/log/nhi/decisions.log
work_dir=$(mktemp -d)
trap 'status=$?; rm -rf "$work_dir"; (exit $status); host_cleanup' EXIT

step_1_before() {
        step '1. Before: nobody knows svc-deploy'
        admin 'getent passwd svc-deploy'
        judge 'getent knows nobody' failed
        person ci 'ssh svc-deploy@web1 id'
        judge 'ssh is refused' both failed says 'Permission denied'
}

step_2_order() {
        step '2. install, init, switch on in observe mode, read the log, doctor, enforce with a way back'
        note "$WORLD_INSTALL"
        world_install "$B/debs/$NHI_SUITE"
        judge 'everything is in its place' in_host test -x /usr/bin/nhictl -a -x /usr/libexec/nhi/nhi-agentd
        judge 'nothing was started' not in_host pgrep -x 'nhi-agentd|nhi-fetchd'
        person ci 'ssh olga@web1 id -un'
        judge 'installing changes no login' succeeded
        local line
        for line in "$WORLD_INIT" "$WORLD_SSHD" "$WORLD_SUDO" "$WORLD_PAM" "$WORLD_GATES"; do
                admin "$line"
                judge 'done' succeeded
        done
        judge 'the agent and the fetcher run' in_host systemctl is-active --quiet nhi-agentd nhi-fetchd nhi-renew.timer
        judge 'pam_nhi is the first account line' account_line_is_first
        person ci 'ssh olga@web1 sudo -n -u postgres id'
        judge 'observe mode denies nothing' both succeeded says 'postgres'
        admin 'nhictl log --would-deny'
        judge 'and writes down what would have been denied' says 'olga'
        admin 'nhictl doctor'
        judge 'doctor finds nothing that fails' succeeded
        admin 'nhictl enforce operators jobs --confirm-within 10m'
        judge 'the gates are enforced until the deadline' succeeded
        person ci 'ssh root@web1 nhictl enforce --confirm'
        judge 'a new login confirms it' succeeded
}

# The ledger stays where it is; what it signs goes to servers and comes back from there.
step_2_source() {
        [[ $SOURCE != file ]] || return 0
        step "2. the grants come from $SOURCE"
        local line
        judge 'servers are up in network namespaces of their own' source_up "$SOURCE"
        while read -r line; do
                admin "$line"
                judge 'done' succeeded
        done < <(source_lines "$SOURCE")
        judge 'the host has a set from there' wait_until 15 source_is_here
        admin 'nhictl status'
        judge 'status names the source' both succeeded says 'https://'
}

account_line_is_first() {
        [[ $(host_run "$HOST" sed -n '/^account/{p;q}' "$PAM_ACCOUNT") == *pam_nhi.so* ]]
}

# The grant of steps 2 to 4 lives until shortly after a minute of cron's began; until then there is enough to do.
seconds_past_cron() {
        local left=$((60 - 10#$(date +%S)))
        until ((left >= $(lasting 25))); do left=$((left + 60)); done
        echo $((left + $(lasting 8)))
}

step_2_grant() {
        step '2. the first grant'
        admin 'nhictl owner add payments --contact pay@example.org'
        judge 'there is an owner' succeeded
        admin 'nhictl account add svc-deploy --owner payments --shell /bin/bash'
        judge 'there is an account, but nobody has access' succeeded
        person ci 'ssh svc-deploy@web1 id'
        judge 'ssh is still refused' failed
        admin "systemd-run --quiet --unit=svc-daemon sleep 4004"
        world_grant "svc-deploy --service ssh --service sudo --service cron --run-as postgres --for $(seconds_past_cron)s" \
                "--owner payments --reason 'CHG-42 roll out 2.3' --ssh-key /root/ci.pub --wait 10s"
        judge 'the host has the grant' succeeded
        FIRST=$GRANT FIRST_END=$GRANT_END
        admin 'getent passwd svc-deploy'
        judge 'getent answers' both succeeded says '^svc-deploy:\*:'
        SVC_UID=$(cut -d: -f3 <<<"$OUT")
        person ci 'ssh svc-deploy@web1 id'
        judge 'ssh logs in' both succeeded says "uid=$SVC_UID\(svc-deploy\)"
        person bot 'ssh svc-deploy@web1 id'
        judge 'another key does not' failed
        # The daemon: same uid, begun by root in a unit, under no grant.
        admin "systemctl stop svc-daemon; systemd-run --quiet --unit=svc-daemon --uid=$SVC_UID sleep 4004"
        judge 'root starts a daemon of the same uid' succeeded
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'crontab -l 2>/dev/null; echo "* * * * * sleep 4003" | crontab - && crontab -l'
        judge 'its cron job is in place' says 'sleep 4003'
}

step_2_sudo() {
        step '2. sudo: what the grant says, and nothing else'
        shell_says deploy 'sudo -n -u postgres id'
        judge 'sudo -u postgres is granted' both succeeded says '\(postgres\)'
        shell_says deploy 'sudo -n -u root id'
        judge 'sudo -u root is not' both failed silent_on 'uid=0'
        shell_says deploy 'sudo -n -i id'
        judge 'sudo -i is not' both failed silent_on 'uid=0'
        shell_says deploy 'sudo -n -u postgres -g root id'
        judge 'another group is not' both failed silent_on 'uid='
        quietly bash -c 'find / -xdev -newer /root/bot.pub \( -name "shadow.*" -o -name "shadowX*" \) 2>/dev/null | sort >/root/shadows'
        shell_says deploy 'SUDO_EDITOR=cat sudoedit -n /etc/shadow'
        judge 'sudoedit is not' both failed silent_on 'root:'
        quietly bash -c 'find / -xdev -newer /root/bot.pub \( -name "shadow.*" -o -name "shadowX*" \) 2>/dev/null | sort | diff /root/shadows -'
        judge 'and leaves no copy' succeeded
        shell_says deploy 'nhictl why'
        judge 'why says what was denied' says 'run-as-not-granted'
        judge 'and the group' says 'run-as-group-not-granted'
        judge 'each with its command' both says '/usr/bin/id' -- says 'shadow'
}

step_3_explain() {
        step '3. who is here, until when, why'
        admin 'nhictl sessions'
        judge 'the session is shown with its account' says svc-deploy
        judge 'and its reason' says 'CHG-42'
        admin 'nhictl check svc-deploy sudo --run-as root'
        judge 'check says no, rule by rule' both failed says 'run-as-not-granted'
        admin 'nhictl check svc-deploy sudo --run-as postgres'
        judge 'and yes' succeeded
        admin 'nhictl status'
        judge 'status is well' succeeded
}

step_4_expiry() {
        step '4. the grant ends while a shell, a sudo and a cron job are running'
        shell_says deploy 'sleep 4001 & (setsid sleep 4011 >/dev/null 2>&1 &) ; (sudo -n -u postgres sleep 4002 >/dev/null 2>&1 &) ; nohup sleep 4012 >/dev/null 2>&1 &'
        note 'waiting for cron to begin its minute'
        wait_until 75 something_runs '^sleep 4003'
        judge 'cron started the job' something_runs '^sleep 4003'
        judge 'the job of sudo runs' something_runs '^sleep 4002'
        admin "ps -o user:12,cgroup:60,args -C sleep | sed 's/[^ ]*,0::/0::/'"
        note "the grant ends at $(date -d "@$FIRST_END" +%T), now it is $(date +%T)"
        judge 'all of them until the end' shell_lives deploy
        until_second "$FIRST_END"
        judge 'the shell, its children and the tunnel are gone within 2 s' gone_within $((FIRST_END * 1000)) 2 nothing_runs '^sleep 40(01|11|12)'
        judge 'the sudo job too' gone_within $((FIRST_END * 1000)) 2 nothing_runs '^sleep 4002'
        judge 'the cron job too' gone_within $((FIRST_END * 1000)) 2 nothing_runs '^sleep 4003'
        judge 'no scope of the account is left' gone_within $((FIRST_END * 1000)) 2 no_scopes_of "$SVC_UID"
        judge "the client's connection is closed" wait_until 15 shell_is_over deploy
        shell_close deploy
        admin 'getent passwd svc-deploy'
        judge 'getent knows nobody' failed
        admin "getent passwd $SVC_UID"
        judge 'but files keep the name of their owner' both succeeded says '^svc-deploy:.*nologin'
        person ci 'ssh svc-deploy@web1 id'
        judge 'ssh is refused' failed
        judge 'the daemon that no grant started lives on' something_runs '^/?.*sleep 4004'
}

step_5_revoke() {
        step '5. revoked while in use'
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason CHG-43 --ssh-key /root/ci.pub --wait 10s"
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'sleep 5001 & id -un'
        judge 'a shell under the second grant' both shell_lives deploy -- says svc-deploy
        judge 'with a job' something_runs '^sleep 5001'
        admin "nhictl revoke $GRANT --reason 'wrong host'"
        local revoked=$(now_ms)
        judge 'everything is gone within 2 s of the revocation' gone_within "$revoked" 2 nothing_runs '^sleep 5001'
        judge 'the connection too' wait_until 15 shell_is_over deploy
        judge 'and the journal says revoked' host_wait "$HOST" 15 bash -c \
                "journalctl -q -o verbose NHI_EVENT=session-end NHI_GRANT=$GRANT | grep -q NHI_CODE=revoked"
        shell_close deploy
        person ci 'ssh svc-deploy@web1 id'
        judge 'ssh is refused' failed
}

step_5_backstop() {
        step '5. expiry with the agent killed: PID 1 ends it'
        world_grant "svc-deploy --service ssh --service sudo --run-as postgres --for $(lasting 12)s --owner payments --reason CHG-44 --ssh-key /root/ci.pub --wait 10s"
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'sleep 5002 & (sudo -n -u postgres sleep 5003 >/dev/null 2>&1 &) ; id -un'
        wait_until 15 something_runs '^sleep 5003'
        admin "$AGENT_KILL"
        judge 'the agent is dead' wait_until 15 agent_is_dead
        judge 'the session lives' both shell_lives deploy -- something_runs '^sleep 5002'
        until_second "$GRANT_END"
        # PID 1 leaves the agent its grace (session.grace, 2 s) first.
        judge 'the session is gone within 2 s of its end and the grace' gone_within $((GRANT_END * 1000 + 2000)) 2 nothing_runs '^sleep 5002'
        judge 'and sudo' gone_within $((GRANT_END * 1000 + 2000)) 2 nothing_runs '^sleep 5003'
        judge 'the agent is still dead' agent_is_dead
        shell_close deploy
        admin "$AGENT_BACK"
        judge 'the agent is back' succeeded
}

step_6_operator() {
        step "6. an operator's own account, in one open shell"
        shell_open olga ci 'ssh -tt olga@web1'
        shell_says olga 'sudo -n -u postgres id'
        judge 'denied without a grant, although sudoers says yes' both failed silent_on 'uid='
        shell_says olga 'nhictl why'
        judge 'and why' says 'no-grant'
        world_grant "olga --service sudo --run-as root --group pay-ops --for $(lasting 12)s --owner payments --reason 'INC-7 disk full' --wait 10s"
        judge 'the host has the grant' succeeded
        admin 'getent group pay-ops; id olga'
        judge 'the group exists, and olga is in it' says '\(pay-ops\)'
        shell_says olga 'sudo -n id'
        judge 'the same shell may' both succeeded says 'uid=0\(root\)'
        shell_says olga '(sudo -n sleep 6001 >/dev/null 2>&1 &) ; sleep 6002 & nhictl mine'
        judge 'mine shows the grant' says 'INC-7'
        judge 'a root job runs' wait_until 15 something_runs '^sleep 6001'
        until_second "$GRANT_END"
        judge 'it is gone within 2 s of the end' gone_within $((GRANT_END * 1000)) 2 nothing_runs '^sleep 6001'
        admin 'getent group pay-ops'
        judge 'the group is empty or gone' silent_on olga
        judge "olga's own job lives" something_runs '^sleep 6002'
        shell_says olga 'id -un; sudo -n id'
        judge 'the shell lives on, sudo is denied' both failed says '^olga$'
        shell_close olga
        quietly pkill -f '^sleep 6002'
}

step_7_two_pipelines() {
        step '7. two grants of one account, two pipelines'
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason 'pipeline ci' --ssh-key /root/ci.pub --wait 10s"
        local first=$GRANT
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason 'pipeline bot' --ssh-key /root/bot.pub --wait 10s"
        shell_open ci ci 'ssh -tt svc-deploy@web1'
        shell_open bot bot 'ssh -tt svc-deploy@web1'
        shell_says ci 'sleep 7001 & id -un'
        judge 'the first is in' says svc-deploy
        shell_says bot 'sleep 7002 & id -un'
        judge 'the second is in' says svc-deploy
        admin 'nhictl sessions'
        judge 'each session belongs to its own grant' both says 'pipeline ci' -- says 'pipeline bot'
        admin "nhictl revoke $first --reason 'pipeline ci is done'"
        local revoked=$(now_ms)
        judge "the first one's session is gone" gone_within "$revoked" 2 nothing_runs '^sleep 7001'
        judge 'its connection is closed' wait_until 15 shell_is_over ci
        shell_says bot 'id -un'
        judge "the second one's lives" both succeeded says svc-deploy
        judge 'with its job' something_runs '^sleep 7002'
        shell_close ci
        shell_close bot
        world_revoke_all
}

step_8_unit() {
        step '8. a systemd unit that works under a grant'
        admin 'cat >/etc/systemd/system/pay-migrate.service <<EOF
[Service]
User=svc-backup
PAMName=nhi-unit
ExecStart=/bin/sleep 8001
EOF
systemctl daemon-reload; systemctl start pay-migrate; sleep 0.2; systemctl show -p Result,ExecMainStatus pay-migrate'
        wait_until 15 unit_has_failed
        admin 'systemctl show -p ActiveState,Result,ExecMainStatus pay-migrate'
        judge 'without a grant it fails with 224/PAM' both says 'ExecMainStatus=224' -- says 'ActiveState=failed'
        world_grant "svc-backup --unit pay-migrate.service --for $(lasting 10)s --owner payments --reason CHG-45 --wait 10s"
        admin 'systemctl reset-failed pay-migrate; systemctl start pay-migrate'
        judge 'under its grant it starts' wait_until 15 something_runs '^/bin/sleep 8001'
        admin 'systemd-run --quiet --wait --uid=svc-backup --property=PAMName=nhi-unit --unit=other.service true'
        judge 'another unit of the same account does not' failed
        until_second "$GRANT_END"
        judge 'it ends with its grant' gone_within $((GRANT_END * 1000)) 2 nothing_runs '^/bin/sleep 8001'
        admin 'systemctl reset-failed pay-migrate; systemctl start pay-migrate; true'
        wait_until 15 unit_has_failed
        judge 'and starts no more' nothing_runs '^/bin/sleep 8001'
}

unit_has_failed() {
        [[ $(host_run "$HOST" systemctl is-failed pay-migrate) == failed ]]
}

john_doe_gets_in() {
        world_has_sssd || { note 'nobody comes from SSSD on this machine'; return; }
        person ci 'ssh john.doe@web1 id -un'
        judge 'a person from SSSD gets in' both succeeded says '^john.doe$'
}

step_9_agent_dead() {
        step '9. the agent is dead: who gets in'
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason CHG-46 --ssh-key /root/ci.pub --wait 10s"
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'with the agent: the gated account, under its grant' succeeded
        admin "$AGENT_KILL"
        judge 'the agent is dead' wait_until 15 agent_is_dead
        person ci 'ssh root@web1 id -un'
        judge 'root gets in' both succeeded says '^root$'
        person ci 'ssh bob@web1 sudo -n id -un'
        judge 'an ungated account gets in, with sudo' both succeeded says '^root$'
        john_doe_gets_in
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'the gated one does not' failed
        person ci 'ssh olga@web1 sudo -n -u postgres id -un'
        judge 'nor the gated sudo' both failed silent_on '^postgres'
        admin 'time ls -l /home /var/lib >/dev/null; time id bob; time id nobody-there'
        judge 'ls and id do not hang' silent_on 'real.*0m[1-9]|real.*[1-9]m'
        admin "$AGENT_BACK"
        judge 'the agent is back' succeeded
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'and the grant holds again' succeeded
        world_revoke_all
}

step_10_observe() {
        step '10. observe mode, agent dead, disk full: no login changes'
        admin 'nhictl observe operators jobs'
        judge 'the gates observe' succeeded
        admin "$AGENT_KILL"
        judge 'the agent is dead' wait_until 15 agent_is_dead
        host_full "$HOST"
        admin 'df --output=avail,pcent,target /var; echo x >/var/lib/full-or-not'
        judge '/var is full' says 'No space left'
        person ci 'ssh olga@web1 sudo -n -u postgres id -un'
        judge 'the operator: ssh and sudo' both succeeded says '^postgres$'
        person ci 'ssh bob@web1 sudo -n id -un'
        judge 'the ungated account' both succeeded says '^root$'
        john_doe_gets_in
        person ci 'ssh root@web1 id -un'
        judge 'root' both succeeded says '^root$'
        host_roomy "$HOST"
        quietly systemctl reset-failed
        admin "$AGENT_BACK"
        judge 'the agent is back' succeeded
}

step_11_journal() {
        step '11. what the journal says: who, what, when, why'
        admin "nhictl log --grant $FIRST"
        judge 'log shows the first grant' succeeded
        admin "journalctl --no-pager -o verbose -n 1 NHI_EVENT=session-start NHI_GRANT=$FIRST | grep -E 'NHI_|MESSAGE|_UID|_SYSTEMD_UNIT'"
        local field
        for field in NHI_ACCOUNT=svc-deploy NHI_OWNER=payments 'NHI_WHY=CHG-42 roll out 2.3' "NHI_GRANT=$FIRST" \
                NHI_CLASS= NHI_SUBJECT= NHI_SET= _SYSTEMD_UNIT=nhi-agentd.service; do
                judge "it has $field" says "$field"
        done
        admin "journalctl --no-pager -q -o cat NHI_EVENT=denial NHI_ACCOUNT=svc-deploy"
        judge 'denials' says .
        admin "journalctl --no-pager -q -o cat NHI_EVENT=session-end NHI_ACCOUNT=svc-deploy"
        judge 'ends of sessions' says .
        admin "journalctl --no-pager -q -x -n 1 NHI_EVENT=denial | tail -n +1"
        judge 'each event has a catalog entry that says what to do' says 'nhictl'
        admin 'journalctl --no-pager -q -o cat NHI_EVENT=survivor'
        judge 'nothing survived' silent_on .
}

# A byte of a record's text, somewhere in the middle, becomes another.
one_byte_changes() {
        admin "sed -i '0,/CHG-42/s//CHG-43/' $DECISIONS"
        judge 'one byte of the decision log is changed' succeeded
}

step_12_evidence() {
        step '12. the proof: nothing is missing in the log, and every session had its grant'
        admin 'nhictl log verify'
        judge 'the chain is whole, up to the last signed head in the journal' succeeded
        admin "nhictl prove --since $AGENT_HERE --until $UNTOUCHED"
        judge 'the daemon that no grant started is named' both status 1 -- says 'LEAK +svc-deploy .*svc-daemon.service'
        admin 'systemctl stop svc-daemon'
        admin "nhictl prove --since $AGENT_HERE --until $UNTOUCHED"
        judge 'log, journal, wtmp and logind agree: every session lay inside a grant' both succeeded says '^proved'
        admin 'nhictl prove'
        judge 'where gates observed or the agent was dead there is no proof' both status 4 -- says '^no evidence.*%'
        one_byte_changes
        admin 'nhictl log verify'
        judge 'verify names the record' both status 1 -- says 'record [0-9]+'
        admin "nhictl prove --since $AGENT_HERE --until $UNTOUCHED"
        judge 'and nothing is proved any more' both status 4 -- silent_on '^proved'
}

host_packages "$B" && host_boot "$HOST" && world_make || { echo '0 passed, 1 failed'; exit 1; }
SECONDS=0
step_1_before
step_2_order
step_2_source
step_2_grant
step_2_sudo
step_3_explain
step_4_expiry
step_5_revoke
step_5_backstop
AGENT_HERE=$(date -u -d '+1 second' +%FT%TZ)
step_6_operator
step_7_two_pipelines
step_8_unit
UNTOUCHED=$(date -u +%FT%TZ)
step_9_agent_dead
step_10_observe
step_11_journal
step_12_evidence
printf '\n(%d s on the host)' "$SECONDS"
verdict
