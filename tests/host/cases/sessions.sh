# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Sessions: each ends with its own grant, and nothing else ends.

# S03
case_the_end_of_one_grant_leaves_the_others_session() {
        world_grant "svc-deploy --service ssh --for $(lasting 10)s --owner payments --reason one --ssh-key /root/ci.pub --wait 10s"
        local end=$GRANT_END
        world_grant "svc-deploy --service ssh --for 2m --owner payments --reason two --ssh-key /root/bot.pub --wait 10s"
        shell_open one ci 'ssh -tt svc-deploy@web1'
        shell_open two bot 'ssh -tt svc-deploy@web1'
        shell_says one 'sleep 9201 & (setsid nohup sleep 9202 >/dev/null 2>&1 &) ; id -un'
        shell_says two 'sleep 9203 & id -un'
        until_second "$end"
        judge "the first one's processes are gone" gone_within $((end * 1000)) 2 nothing_runs '^sleep 920[12]'
        shell_says two 'id -un'
        judge "the second one's shell lives" both succeeded says '^svc-deploy$'
        judge 'with its job' something_runs '^sleep 9203'
}

# S07
case_sessions_of_root_and_of_others_are_never_touched() {
        shell_open root ci 'ssh -tt root@web1'
        shell_open bob ci 'ssh -tt bob@web1'
        # Opened before the grant, so that it does not carry the group: membership.sh has those that do.
        shell_open olga ci 'ssh -tt olga@web1'
        world_grant "olga --service sudo --group pay-ops --run-as root --for $(lasting 10)s --owner payments --reason s07 --wait 10s"
        shell_says root 'sleep 9211 & id -un'
        shell_says bob '(sudo -n sleep 9212 >/dev/null 2>&1 &) ; id -un'
        shell_says olga 'sleep 9213 & (sudo -n sleep 9214 >/dev/null 2>&1 &) ; id -un'
        judge 'the elevated job runs' wait_until 15 something_runs '^sleep 9214'
        until_second "$GRANT_END"
        judge 'the elevated job is gone' gone_within $((GRANT_END * 1000)) 2 nothing_runs '^sleep 9214'
        judge 'root stays' both shell_lives root -- something_runs '^sleep 9211'
        judge 'bob stays, with his sudo' both shell_lives bob -- something_runs '^sleep 9212'
        judge 'olga stays' both shell_lives olga -- something_runs '^sleep 9213'
        shell_says olga 'id -un'
        judge 'her shell answers' succeeded
        quietly pkill -f '^sleep 92'
}

# A grant without user_manager: the refusal is no failure of the host.
case_a_login_without_a_user_manager_leaves_no_failed_unit() {
        world_grant "svc-deploy --service ssh --for 5m --owner payments --reason 'no manager' --ssh-key /root/ci.pub --wait 10s"
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'ssh logs in' both succeeded says '^svc-deploy$'
        admin 'journalctl --sync; journalctl -q --no-pager -g "Failed at step PAM" -u "user@*"'
        judge 'its user manager was refused' says 'user@'
        admin 'systemctl list-units --failed --no-legend --plain'
        judge 'and is no failed unit' silent_on 'user@'
}

# In a scope that was made before pam_systemd it would be given a session of its own.
case_sudo_i_dies_with_its_grant() {
        shell_open olga ci 'ssh -tt olga@web1'
        world_grant "olga --service sudo --group pay-ops --run-as root --for $(lasting 12)s --owner payments --reason s42 --wait 10s"
        shell_says olga "sudo -n -i bash -c '(setsid sleep 9221 >/dev/null 2>&1 &) ; id -un'"
        judge 'sudo -i works' says '^root$'
        shell_says olga "(sudo -n -b bash -c 'trap \"\" TERM HUP; sleep 9222; sleep 9223' >/dev/null 2>&1) ; id -un"
        judge 'both jobs run' wait_until 15 both something_runs '^sleep 9221' -- something_runs '^sleep 9222'
        until_second "$GRANT_END"
        judge 'setsid and a deaf ear to SIGTERM do not help' gone_within $((GRANT_END * 1000)) 3 nothing_runs '^sleep 922'
        judge 'the shell lives' shell_lives olga
}

# S11
case_an_extended_grant_keeps_its_session() {
        world_grant "svc-deploy --service ssh --for $(lasting 8)s --owner payments --reason s11 --ssh-key /root/ci.pub --wait 10s"
        local first_end=$GRANT_END
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'sleep 9231 & id -un'
        admin "nhictl extend $GRANT --for $(lasting 14)s"
        judge 'extended' succeeded
        until_second $((first_end + 2))
        judge 'the session lives past its first end' both shell_lives deploy -- something_runs '^sleep 9231'
        admin 'nhictl list'
        judge 'and ends at the new one' wait_until 20 nothing_runs '^sleep 9231'
        judge 'with the connection' wait_until 15 shell_is_over deploy
}

# S09: what should be dead is ended before anything is served.
case_an_agent_that_was_away_at_the_end_ends_it_at_its_start() {
        world_grant "svc-deploy --service ssh --for $(lasting 8)s --owner payments --reason s09 --ssh-key /root/ci.pub --wait 10s"
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'sleep 9241 & id -un'
        # PID 1's timers are taken away, too: only the agent's own start can do it.
        admin "$AGENT_KILL; systemctl stop 'nhi-*.timer'"
        until_second $((GRANT_END + 2))
        judge 'with neither agent nor timer it lives on' something_runs '^sleep 9241'
        admin "$AGENT_BACK"
        judge 'the start ends it' gone_within "$(now_ms)" 2 nothing_runs '^sleep 9241'
        quietly systemctl start nhi-renew.timer
}

case_a_session_outlives_a_restart_of_the_agent_and_still_ends_on_time() {
        world_grant "svc-deploy --service ssh --for $(lasting 12)s --owner payments --reason restart --ssh-key /root/ci.pub --wait 10s"
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'sleep 9251 & id -un'
        admin 'systemctl restart nhi-agentd; systemctl kill --signal=KILL nhi-agentd'
        host_wait "$HOST" 15 nhictl status
        shell_says deploy 'id -un'
        judge 'the session lives' succeeded
        admin 'nhictl sessions'
        judge 'and is known' says svc-deploy
        until_second "$GRANT_END"
        judge 'and ends on time' gone_within $((GRANT_END * 1000)) 2 nothing_runs '^sleep 9251'
}

case_end_and_done_give_a_session_back() {
        world_grant "svc-deploy --service ssh --for 5m --owner payments --reason end --ssh-key /root/ci.pub --wait 10s"
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'sleep 9261 & id -un'
        quietly nhictl sessions --json
        local id
        id=$(tr -d ' \n' <<<"$OUT" | grep -oE '"id":"[^"]+"' | head -1 | cut -d'"' -f4)
        admin "nhictl end $id"
        judge 'end ends it' gone_within "$(now_ms)" 2 nothing_runs '^sleep 9261'
        shell_close deploy
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'the grant is still there' succeeded
        person ci 'ssh svc-deploy@web1 nhictl done'
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'after done it is not' failed
}

case_counted_sessions_are_counted() {
        world_grant "svc-deploy --service ssh --sessions 1 --for 5m --owner payments --reason count --ssh-key /root/ci.pub --wait 10s"
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'id -un'
        judge 'the first is in' succeeded
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'the second is not' both failed silent_on '^svc-deploy$'
        shell_close deploy
        judge 'it is over' wait_until 15 no_sessions
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'nor is one when it is over: what was let in is used' both failed silent_on '^svc-deploy$'
}

no_sessions() {
        quietly nhictl sessions
        both succeeded silent_on svc-deploy
}
