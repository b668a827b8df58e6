# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Memberships: supplementary groups stay in processes that live, so what carries a granted one ends with it, in whatever
# session it runs, and nothing else does. No gate stands before olga's ssh: her shells are her own.

# In force is not yet in the snapshot, and who logs in before that is in no group for as long as the shell lives.
member_grant() { # GROUP FOR
        world_grant "olga --group $1 --for $2 --owner payments --reason membership --wait 10s"
        wait_until 15 nhi_gives "$1"
}

member_event() { # EVENT REGEX: one of this grant
        quietly journalctl -q --no-pager -o json --output-fields=NHI_CODE,NHI_COUNT,NHI_SURVIVORS,NHI_TARGET_GROUP,NHI_DETAIL \
                NHI_EVENT="$1" NHI_GRANT="$GRANT"
        says "$2"
}

nhi_gives() { # GROUP to olga, by the snapshot
        quietly bash -c 'getent -s nhi initgroups olga | grep -w "$(getent group "$1" | cut -d: -f3)"' nhi "$1"
        succeeded
}

# One that is never there for long is found by looking again.
nothing_hops() {
        local i
        for i in 1 2 3 4 5; do nothing_runs "$1" || return; done
}

# S07: who was told at the login, and a shell from before, which carries nothing.
case_what_was_opened_in_a_membership_ends_with_it_and_what_was_opened_before_does_not() {
        shell_open old ci 'ssh -tt olga@web1'
        shell_says old 'sleep 9401 & id -un'
        member_grant pay-ops "$(lasting 14)s"
        shell_open new ci 'ssh -tt olga@web1'
        shell_says new 'id -Gn'
        judge 'a new login is in the group' says 'pay-ops'
        shell_says old 'id -Gn'
        judge 'the old shell is not' both succeeded silent_on 'pay-ops'
        shell_says new 'sleep 9402 & (setsid nohup sleep 9403 >/dev/null 2>&1 &) ; sg pay-ops "exec setsid sleep 9404" >/dev/null 2>&1 & id -un'
        shell_says new "(setsid bash -c 'trap \"\" TERM HUP; sleep 9405; sleep 9406' >/dev/null 2>&1 &) ; tmux new-session -d 'sleep 9407'; id -un"
        shell_says new "nice perl -e '\$0 = \"hopper\"; while (1) { fork and exit }' >/dev/null 2>&1 & id -un"
        shell_says old 'sg pay-ops "exec setsid sleep 9408" >/dev/null 2>&1 & id -un'
        judge 'all of it runs' wait_until 15 both something_runs '^sleep 940[78]' -- something_runs '^sleep 9405'
        until_second "$GRANT_END"
        judge 'what carries the group is gone' gone_within $((GRANT_END * 1000)) 4 nothing_runs '^sleep 940[2-8]'
        judge 'with the shell that carried it' wait_until 15 shell_is_over new
        judge 'what forks and goes at once is gone, too' wait_until 10 nothing_hops '^hopper'
        judge 'the shell from before lives, with its job' both shell_lives old -- something_runs '^sleep 9401'
        shell_says old 'id -un'
        judge 'and answers' succeeded
        judge 'it is written down' wait_until 10 member_event membership-end '"NHI_SURVIVORS":"0"'
        note "$OUT"
        judge 'and that it was the end' says '"NHI_CODE":"expired"'
        quietly pkill -f '^sleep 94'
}

# The line of pam_nhi, read from a file, also while no agent answers.
case_a_login_is_told_until_when_it_is_in_the_group() {
        member_grant pay-ops 5m
        admin "$AGENT_KILL"
        wait_until 10 agent_is_dead
        person ci 'echo exit | ssh -tt olga@web1'
        judge 'she is told' says 'nhi: you are in pay-ops until [0-9: -]+UTC'
        admin 'echo id | su - olga'
        judge 'who becomes her is told nothing of her groups' both succeeded silent_on 'you are in'
        admin 'rm /run/nhi/members; echo id | su - olga'
        judge 'nor is anybody kept out without the file' succeeded
        person ci 'echo exit | ssh -tt olga@web1'
        judge 'without the file nothing is said, and everybody is let in' both succeeded silent_on 'you are in'
        admin "$AGENT_BACK"
        host_wait "$HOST" 15 nhictl status
}

case_a_group_stays_until_the_last_grant_that_gives_it() {
        member_grant pay-ops "$(lasting 9)s"
        local first=$GRANT_END
        member_grant pay-ops "$(lasting 18)s"
        shell_open olga ci 'ssh -tt olga@web1'
        shell_says olga 'sleep 9421 & id -un'
        until_second $((first + 3))
        judge 'the end of the first ends nothing' both shell_lives olga -- something_runs '^sleep 9421'
        until_second "$GRANT_END"
        judge 'the end of the last does' gone_within $((GRANT_END * 1000)) 4 nothing_runs '^sleep 9421'
        judge 'with the shell' wait_until 15 shell_is_over olga
}

# The host's own word counts; a daemon that a system unit began is reported.
case_a_local_member_keeps_the_group_and_a_daemon_is_reported() {
        quietly groupadd --force team
        member_grant team 5m
        shell_open olga ci 'ssh -tt olga@web1'
        shell_says olga 'sleep 9431 & id -Gn'
        judge 'the grant gives a group of the host' says 'team'
        judge 'by its own service' nhi_gives team
        quietly usermod -aG team olga
        judge 'until the host itself does' wait_until 15 not nhi_gives team
        admin "nhictl revoke $GRANT --reason done; nhictl status >/dev/null"
        judge 'revoked' succeeded
        judge 'and the host has it' wait_until 10 world_no_grants
        member_grant pay-ops 5m
        quietly systemd-run --quiet --unit=olga-daemon --uid=olga sleep 9432
        judge 'a daemon of hers runs' wait_until 15 something_runs '/sleep 9432$'
        shell_open new ci 'ssh -tt olga@web1'
        shell_says new 'sleep 9433 & id -un'
        quietly nhictl revoke "$GRANT" --reason done
        judge 'revocation ends what carries the group' wait_until 15 nothing_runs '^sleep 9433'
        judge 'the daemon is reported' wait_until 15 member_event survivor '"NHI_SURVIVORS":"1"'
        judge 'and lives' something_runs '/sleep 9432$'
        judge 'so does what a local membership carries' both shell_lives olga -- something_runs '^sleep 9431'
        quietly bash -c 'systemctl stop olga-daemon; gpasswd -d olga team; groupdel team; pkill -f "sleep 94"'
}

# S09: what ended while no agent was there.
case_an_agent_that_was_away_at_the_end_ends_what_carries_the_group() {
        member_grant pay-ops "$(lasting 8)s"
        shell_open olga ci 'ssh -tt olga@web1'
        shell_says olga 'sleep 9441 & id -un'
        admin "$AGENT_KILL"
        until_second $((GRANT_END + 1))
        judge 'nobody is there to end it' something_runs '^sleep 9441'
        admin "$AGENT_BACK"
        judge 'the start does' gone_within "$(now_ms)" 4 nothing_runs '^sleep 9441'
        judge 'with the shell' wait_until 15 shell_is_over olga
}
