# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# suites: bookworm trixie
#
# nhictl enforce --confirm-within: the way back from a gate that locks somebody out (K09). The somebody is olga, whose
# ssh logins are gated here; bob, whom no gate names, and root confirm.

MODES=/etc/nhi/agentd.conf.d/50-modes.conf

logins_gate() { # a gate on olga's logins, observed, and nothing pending
        quietly bash -c 'cat >/etc/nhi/agentd.conf.d/30-logins.conf <<-X
			gates = ( { name = "logins"; mode = "observe"; services = [ "ssh" ]; groups = [ "operators" ]; } );
		X
                nhictl enforce --revert; systemctl reload nhi-agentd'
        wait_until 15 logins_are observe || quietly nhictl observe logins
        wait_until 15 logins_are observe || judge 'the gate is observed' false
        MODES_BEFORE=$(modes_sum)
        person ci 'ssh olga@web1 id -un'
        judge 'olga gets in' both succeeded says '^olga$'
}

logins_are() { in_host grep -q "^gate logins $1 " /run/nhi/gates; }
modes_sum() { host_run "$HOST" sha256sum "$MODES" 2>/dev/null </dev/null; }
modes_are_from_before() { [[ $(modes_sum) == "$MODES_BEFORE" ]]; }
nothing_is_pending() { not in_host test -e /var/lib/nhi/confirm.json; }
revert_is_said() { # WHY: after the record is gone, and the timer
        quietly journalctl -q -o cat --no-pager -n 1 NHI_EVENT=enforce-reverted
        says "$1"
}
timer_is_gone() { not in_host systemctl --quiet is-active nhi-revert.timer; }

olga_is_locked_out() {
        person ci 'ssh olga@web1 id -un'
        judge 'olga is locked out' both failed silent_on '^olga$'
}

olga_gets_in() {
        person ci 'ssh olga@web1 id -un'
        judge "${1:-olga gets in again}" both succeeded says '^olga$'
}

# The deadline of what is pending, as a second since the epoch.
deadline_read() {
        DEADLINE=$(host_run "$HOST" sed -n 's/.*"deadline": \([0-9]*\).*/\1/p' /var/lib/nhi/confirm.json)
}

case_unconfirmed_it_undoes_itself() {
        logins_gate
        admin "nhictl enforce logins --confirm-within $(lasting 12)s"
        judge 'it is enforced, and says how to keep it' both succeeded says 'log in anew.*nhictl enforce --confirm'
        judge 'root reads the record, and nobody else' in_host bash -c '[[ $(stat -c "%U %a" /var/lib/nhi/confirm.json) == "root 600" ]]'
        olga_is_locked_out
        admin 'nhictl status'
        judge 'status says that it is pending' says '^pending +logins: undone in'
        admin 'nhictl enforce logins operators --confirm-within 1m; nhictl status --json | grep -A10 pending'
        judge 'in JSON, too' says '"left_sec"'
        deadline_read
        until_second "$DEADLINE"
        judge 'within 5 s of its time it observes' gone_within $((DEADLINE * 1000)) 5 logins_are observe
        judge 'nothing is pending any more' wait_until 15 nothing_is_pending
        olga_gets_in
        judge 'the modes file is as before, byte by byte' modes_are_from_before
        judge 'no timer is left' wait_until 15 timer_is_gone
        judge 'the journal says why' wait_until 15 revert_is_said 'nobody confirmed it in time'
        admin 'nhictl log --since 1m'
        judge 'the gate that observes again is in the log' says 'config-changed .*logins: from enforce to observe'
}

case_it_undoes_itself_with_the_agent_dead() {
        logins_gate
        admin "nhictl enforce logins --confirm-within $(lasting 12)s"
        deadline_read
        admin "$AGENT_KILL"
        judge 'the agent is dead' wait_until 15 agent_is_dead
        olga_is_locked_out
        until_second "$DEADLINE"
        judge 'within 5 s of its time the modules observe' gone_within $((DEADLINE * 1000)) 5 logins_are observe
        judge 'what the next boot reads observes, too' in_host grep -q '^gate logins observe ' /var/lib/nhi/gates
        judge 'nothing is pending any more' wait_until 15 nothing_is_pending
        judge 'the agent is still dead' agent_is_dead
        olga_gets_in 'olga gets in with the agent dead'
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'an account that a set defined is denied as before' both failed silent_on '^svc-deploy$'
        person olga 'sudo -n -u postgres id -un'
        judge 'a gate that was enforced before still is' both failed silent_on '^postgres$'
        admin "$AGENT_BACK"
        judge 'the agent is back' host_wait "$HOST" 10 nhictl status
        judge 'and has the modes from before' both logins_are observe -- modes_are_from_before
        olga_gets_in 'olga gets in'
}

# A stopped agent takes requests and answers none.
case_it_undoes_itself_with_the_agent_hung() {
        logins_gate
        admin "nhictl enforce logins --confirm-within $(lasting 10)s"
        deadline_read
        until_second $((DEADLINE - 2))
        admin 'systemctl kill --signal=STOP nhi-agentd'
        until_second "$DEADLINE"
        judge 'within 5 s of its time the modules observe' gone_within $((DEADLINE * 1000)) 5 logins_are observe
        olga_gets_in
        quietly systemctl kill --signal=CONT nhi-agentd
        judge 'nothing is pending any more' wait_until 40 nothing_is_pending
        judge 'the agent is back' host_wait "$HOST" 20 nhictl status
        judge 'and observes' wait_until 15 logins_are observe
}

case_only_a_new_login_confirms() {
        logins_gate
        quietly setpriv --reuid=ci --regid=ci --init-groups env HOME=/home/ci ssh -fN -M -S /home/ci/mux bob@web1
        shell_open old ci 'ssh -tt bob@web1'
        shell_says old 'id -un'
        admin "nhictl enforce logins --confirm-within $(lasting 40)s"
        deadline_read
        shell_says old 'sudo -n nhictl enforce --confirm'
        judge 'the old login is refused' both status 1 -- says 'began before the enforcement'
        judge 'and told what to do in Ansible' says 'reset_connection'
        shell_says old 'sudo -n -i nhictl enforce --confirm'
        judge 'sudo -i in it, too' both status 1 -- says 'reset_connection'
        person ci 'ssh -S /home/ci/mux bob@web1 sudo -n nhictl enforce --confirm'
        judge 'a channel of the old connection, too' both status 1 -- says 'ControlPath=none'
        admin 'nhictl enforce --confirm'
        judge 'what no login started, too' both status 1 -- says 'started by no login'
        admin 'systemd-run --quiet --wait --pipe nhictl enforce --confirm'
        judge 'a unit, too' both status 1 -- says 'started by no login'
        person ci 'ssh bob@web1 nhictl enforce --confirm'
        judge 'it is for root' both failed says 'sudo nhictl'
        judge 'it is pending still' not nothing_is_pending
        person ci 'ssh -o ControlPath=none bob@web1 "sudo -n nhictl enforce --confirm >/dev/null"'
        judge 'a new login confirms' both succeeded says 'confirmed by session .* of bob \(sshd from'
        judge 'nothing is pending any more' both nothing_is_pending -- timer_is_gone
        admin 'cat /var/lib/nhi/confirmed.json; journalctl --sync; journalctl -q -o cat --no-pager -n 1 NHI_EVENT=enforce-confirmed'
        judge 'who confirmed is written down' both says '"user": "bob"' -- says 'Enforcement confirmed: logins'
        person ci 'ssh bob@web1 sudo -n nhictl enforce --confirm'
        judge 'there is nothing to confirm twice' both status 1 -- says 'nothing waits'
        until_second $((DEADLINE + 3))
        judge 'behind the deadline it is enforced' logins_are enforce
        olga_is_locked_out
        shell_close old
        quietly pkill -f /home/ci/mux
        admin 'nhictl observe logins'
        olga_gets_in
}

case_root_confirms_from_its_exempt_login() {
        logins_gate
        admin 'nhictl enforce logins --confirm-within 1m'
        person ci 'ssh root@web1 nhictl enforce --confirm --json'
        judge 'it does, and it is said who' both succeeded says '"user": "root"'
        judge 'it stays enforced' both logins_are enforce -- nothing_is_pending
        quietly nhictl observe logins
}

# A restart loses the timer; the boot id of the record is what tells it.
# loginctl stops at the first session that has ended since they were listed.
case_a_session_that_ends_meanwhile_hides_no_login() {
        logins_gate
        admin 'nhictl enforce logins --confirm-within 5m'
        quietly bash -c 'cp /usr/bin/loginctl /run/loginctl.real
                printf "#!/bin/sh\n[ -e /run/asked ] || { touch /run/asked; exit 1; }\nexec /run/loginctl.real \"\$@\"\n" >/run/loginctl
                chmod 755 /run/loginctl; rm -f /run/asked; mount --bind /run/loginctl /usr/bin/loginctl'
        person ci 'ssh -o ControlPath=none bob@web1 sudo -n nhictl enforce --confirm'
        judge 'the login is found all the same' both succeeded says 'confirmed by session .* of bob'
        judge 'half an answer was given' in_host test -e /run/asked
        quietly umount /usr/bin/loginctl
        quietly nhictl observe logins
}

case_a_restart_within_the_time_undoes_it() {
        logins_gate
        admin 'nhictl enforce logins --confirm-within 10m; systemctl is-enabled nhi-revert.service'
        judge 'the unit is enabled' says '^enabled$'
        admin 'systemctl start nhi-revert.service'
        judge 'while its time is not over, it does nothing' both succeeded logins_are enforce
        # A soft reboot stops every unit and keeps /run: the boot seems to be the same.
        admin 'systemctl stop nhi-revert.timer; systemctl start nhi-revert.service'
        judge 'but start its timer anew, where that is gone' both succeeded -- in_host systemctl --quiet is-active nhi-revert.timer
        quietly bash -c 'systemctl stop nhi-revert.timer; sed -i "s/\"boot_id\": \"[0-9a-f]*\"/\"boot_id\": \"00000000000000000000000000000000\"/" /var/lib/nhi/confirm.json'
        admin 'systemctl start nhi-revert.service'
        judge 'in another boot it undoes it at once' both succeeded logins_are observe
        judge 'and is done' both nothing_is_pending -- modes_are_from_before
        olga_gets_in
        admin 'systemctl show -p Before nhi-revert.service'
        judge 'it comes before anybody may log in' both says 'ssh.service' -- says 'systemd-user-sessions.service'
}

case_an_agent_that_refuses_is_overruled_and_asked_again() {
        logins_gate
        admin "nhictl enforce logins --confirm-within $(lasting 12)s"
        deadline_read
        quietly bash -c 'echo "gates = ( { name = \"x\"; colour = 3; } );" >/etc/nhi/agentd.conf.d/90-bad.conf; systemctl reload nhi-agentd'
        until_second "$DEADLINE"
        judge 'the modules observe although the agent keeps its configuration' gone_within $((DEADLINE * 1000)) 5 logins_are observe
        olga_gets_in
        judge 'it stays pending' not nothing_is_pending
        quietly rm /etc/nhi/agentd.conf.d/90-bad.conf
        judge 'and is done once the agent can' wait_until 60 nothing_is_pending
        judge 'with the modes from before' both logins_are observe -- modes_are_from_before
}

case_one_at_a_time_and_observe_takes_it_back() {
        logins_gate
        admin 'nhictl observe jobs; nhictl enforce logins --confirm-within 1m'
        admin 'nhictl enforce jobs --confirm-within 1m'
        judge 'a second one is refused' both status 1 -- says 'waits for its confirmation'
        admin 'nhictl enforce jobs'
        judge 'also one that is for good' both status 1 -- says '--revert'
        admin 'nhictl observe operators'
        judge 'another gate may observe' both succeeded not nothing_is_pending
        admin 'nhictl enforce --revert'
        judge 'the revert puts back what was before, and what was observed since' \
                both logins_are observe -- in_host grep -q '^gate operators observe' /run/nhi/gates
        admin 'nhictl enforce logins --confirm-within 1m; nhictl observe logins'
        judge 'observe takes it back' both succeeded nothing_is_pending
        judge 'and the timer' timer_is_gone
        admin 'nhictl enforce --revert'
        judge 'reverting twice is no error' both succeeded says '^unchanged'
        quietly nhictl enforce operators jobs
}

case_the_timer_holds_against_a_change_of_target() {
        logins_gate
        quietly nhictl enforce logins --confirm-within 10m
        admin 'systemctl daemon-reload; systemctl show -p IgnoreOnIsolate,ActiveState,Unit,AccuracyUSec nhi-revert.timer'
        judge 'it is armed' both says 'ActiveState=active' -- says 'Unit=nhi-revert.service'
        judge 'and stays when targets change' says 'IgnoreOnIsolate=yes'
        quietly systemd-analyze security --no-pager nhi-revert.service
        judge 'its service is well confined' says 'exposure level for nhi-revert.service: [01]\.'
        admin 'nhictl enforce --revert'
        judge 'root takes it back at any time' both succeeded logins_are observe
}
