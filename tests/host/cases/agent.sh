# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The agent as a service: who may talk to it, and what happens to it.

# A01
case_only_root_may_ask_the_pam_socket() {
        local connect='use Socket; socket(S, AF_UNIX, SOCK_SEQPACKET, 0); connect(S, sockaddr_un($ARGV[0])) or do { print "$!\n"; exit 1 }; print "connected\n"'
        local socket
        for socket in pam keys feed; do
                quietly setpriv --reuid=bob --regid=bob --init-groups perl -e "$connect" "/run/nhi/$socket.sock"
                judge "$socket.sock is not for others" both failed says 'Permission denied'
                quietly perl -e "$connect" "/run/nhi/$socket.sock"
                judge "$socket.sock is for root" succeeded
        done
        quietly setpriv --reuid=nhi-keys --regid=nhi-keys --init-groups perl -e "$connect" /run/nhi/keys.sock
        judge 'keys.sock is for nhi-keys' succeeded
        quietly setpriv --reuid=nhi-keys --regid=nhi-keys --init-groups perl -e "$connect" /run/nhi/pam.sock
        judge 'pam.sock is not' failed
}

# A18
case_a_bad_configuration_is_refused_and_the_old_one_kept() {
        admin 'echo "gates = ( { name = \"x\"; colour = 3; } );" >/etc/nhi/agentd.conf.d/90-bad.conf; systemctl reload nhi-agentd'
        judge 'the journal names file, line and key' host_wait "$HOST" 15 bash -c \
                'journalctl -q -o cat NHI_EVENT=config-refused | grep -q "90-bad.conf:1.*colour"'
        admin 'journalctl -q -o cat --no-pager -n 1 NHI_EVENT=config-refused'
        person olga 'sudo -n -u postgres id -un'
        judge 'the gates still hold' both failed silent_on '^postgres$'
        admin 'rm /etc/nhi/agentd.conf.d/90-bad.conf; systemctl reload nhi-agentd; nhictl status'
        judge 'and the good one is taken' succeeded
}

# systemctl waits for an agent that is busy, so that what is typed next finds what the file says.
case_a_reload_is_over_when_the_gates_are_in_force() {
        quietly bash -c 'echo "gates = ( { name = \"late\"; mode = \"observe\"; services = [ \"su\" ]; accounts = [ \"nobody\" ]; } );" \
                        >/etc/nhi/agentd.conf.d/90-late.conf
                systemctl kill --signal=STOP nhi-agentd; timeout 3 systemctl reload nhi-agentd'
        judge 'the agent does not listen: the reload goes on' status 124
        quietly bash -c 'systemctl kill --signal=CONT nhi-agentd; systemctl reload nhi-agentd && grep "^gate late" /run/nhi/gates'
        judge 'it listens: the reload is over, and the gate is there' succeeded
        quietly bash -c 'rm /etc/nhi/agentd.conf.d/90-late.conf; systemctl reload nhi-agentd; ! grep "^gate late" /run/nhi/gates'
        judge 'and gone with its file' succeeded
}

# A15
case_a_second_agent_is_refused() {
        admin '/usr/libexec/nhi/nhi-agentd'
        judge 'it exits with a sentence' both failed says .
        person bob 'nhictl mine'
        judge 'the first one still answers' not says 'unreachable'
}

# A19: a stopped agent is restarted; exempt and ungated people never notice.
case_the_watchdog_brings_a_hung_agent_back() {
        admin 'systemctl kill --signal=STOP nhi-agentd'
        local from=$(now_ms)
        person olga 'sudo -n -u postgres id -un'
        judge 'a gated request is denied' both failed silent_on '^postgres$'
        judge 'within its deadline of 2 s' test $(($(now_ms) - from)) -lt $((4000 * ${NHI_SLACK:-1}))
        person ci 'ssh root@web1 id -un'
        judge 'root gets in' both succeeded says '^root$'
        person bob 'sudo -n id -u'
        judge 'an ungated account has its sudo' both succeeded says '^0$'
        judge 'the watchdog restarts it' host_wait "$HOST" 25 nhictl status
}

# A10 in small: the sockets outlive it, requests wait for it.
case_a_killed_agent_comes_back_by_itself() {
        local round
        for round in 1 2 3; do
                quietly systemctl kill --signal=KILL nhi-agentd
                judge "back after kill $round" host_wait "$HOST" 10 nhictl status
        done
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason back --ssh-key /root/ci.pub --wait 10s"
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'and grants' both succeeded says '^svc-deploy$'
}

# A21
case_the_agent_cannot_be_traced_or_dumped() {
        quietly bash -c 'setpriv --reuid=nhi-fetch --regid=nhi-fetch --init-groups cat /proc/$(pgrep -x nhi-agentd)/environ'
        judge 'its memory is not for other users' both failed says 'Permission denied'
        quietly bash -c 'awk "/Max core file size/ { print \$5, \$6 }" /proc/$(pgrep -x nhi-agentd)/limits'
        judge 'it leaves no core' says '^0 0$'
        quietly bash -c 'awk "/^CapBnd|^CapEff/ { print \$2 }" /proc/$(pgrep -x nhi-agentd)/status'
        judge 'it has two capabilities' not silent_on '^0000000000080020$'
        judge 'and no other' not says '^0*[1-9a-f][0-9a-f]{6,}$'
}

# A22
case_the_units_are_well_confined() {
        local unit score
        for unit in nhi-agentd nhi-fetchd; do
                quietly systemd-analyze security --no-pager "$unit.service"
                score=$(grep -oE 'exposure level for [^:]+: [0-9.]+' <<<"$OUT" | grep -oE '[0-9.]+$')
                judge "$unit scores ${score:-nothing}" awk -v s="${score:-9}" 'BEGIN { exit !(s <= 2.0) }'
        done
}

# The journal is a copy: without it decisions go on, and what it did not get is counted.
case_without_journald_decisions_go_on_and_losses_are_counted() {
        local units='systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald.service'
        world_grant "svc-deploy --service ssh --for 5m --owner payments --reason journal --ssh-key /root/ci.pub --wait 10s"
        admin "systemctl stop $units 2>/dev/null; systemctl is-active systemd-journald.service"
        judge 'journald is down' says '^inactive$'
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'who has a grant gets in' both succeeded says '^svc-deploy$'
        person olga 'sudo -n -u postgres id -un'
        judge 'who has none does not' both failed silent_on '^postgres$'
        quietly nhictl status --json
        judge 'what was not written down is counted' says '"journal_dropped": *[1-9]'
        quietly bash -c "systemctl start $units"
        person olga 'sudo -n -u postgres id -un; nhictl why -n 1'
        judge 'it was remembered all the same' says 'olga'
        judge 'and the next denial is written down again' host_wait "$HOST" 10 bash -c \
                'journalctl -q --no-pager -o cat --since "-1min" NHI_EVENT=denial NHI_ACCOUNT=olga | grep -q .'
}

# P19: whoever a gate and the exempt file both name gets in, and it is written down; the agent is not needed for it.
case_an_exemption_holds_and_leaves_a_record() {
        quietly bash -c 'cat >/etc/nhi/agentd.conf.d/40-everybody.conf <<-X
			gates = ( { name = "everybody"; mode = "enforce"; services = [ "ssh" ]; accounts = [ "*" ]; } );
		X
                systemctl reload nhi-agentd'
        wait_until 15 in_host grep -q '^gate everybody enforce' /run/nhi/gates
        person ci 'ssh bob@web1 id -un'
        judge 'who is not exempt is denied' both failed silent_on '^bob$'
        person ci 'ssh root@web1 id -un'
        judge 'root gets in' both succeeded says '^root$'
        admin 'journalctl --sync; journalctl --no-pager -q -o cat NHI_EVENT=exemption NHI_ACCOUNT=root'
        judge 'and a record says so' says root
        admin "$AGENT_KILL"
        person ci 'ssh root@web1 id -un'
        judge 'root gets in with the agent dead' both succeeded says '^root$'
        person ci 'ssh bob@web1 id -un'
        judge 'bob does not' both failed silent_on '^bob$'
        quietly bash -c "rm /etc/nhi/agentd.conf.d/40-everybody.conf; $AGENT_BACK"
        judge 'the gate goes' wait_until 15 not in_host grep -q '^gate everybody' /run/nhi/gates
}
