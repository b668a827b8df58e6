# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The PAM stacks of a real Debian: every way in asks, and no other module speaks before the gate.

# F1, F2, P14: pam_unix says new_authtok_reqd for an expired password, and sudo lets that through.
case_an_expired_password_does_not_open_nopasswd_sudo() {
        quietly bash -c 'chage -d 0 olga; chage -d 0 bob'
        person bob 'sudo -n id -u'
        judge 'without the gate sudo lets an expired password through' both succeeded says '^0$'
        person olga 'sudo -n -u postgres id -un'
        judge 'with the gate it is denied' both failed silent_on '^postgres'
        quietly bash -c 'chage -d -1 olga; chage -d -1 bob'
}

# P26: the subject is the invoker, whoever the target is; root's exemption is not for `su root`.
case_su_root_with_the_right_password_is_denied() {
        person bob 'echo "battery staple" | su root -c "echo became-\$(id -un)"'
        judge "the password is right: an ungated account becomes root" both succeeded says became-root
        person olga 'echo "battery staple" | su root -c "echo became-\$(id -un)"'
        judge 'the gated one does not' both failed silent_on became-root
        person olga 'echo "battery staple" | su - root -c "echo became-\$(id -un)"'
        judge 'nor by su -' both failed silent_on became-root
        admin 'journalctl --sync; journalctl --no-pager -q -o verbose -n 1 NHI_EVENT=denial NHI_ACCOUNT=olga | grep -E "NHI_(ACCOUNT|TARGET|CLASS|REASON)"'
        judge 'the subject in the record is the invoker' says 'NHI_ACCOUNT=olga'
        judge 'and root is the target' says 'NHI_TARGET=root'
        person olga 'echo "correct horse" | su olga -c "echo became-\$(id -un)"'
        judge 'su to herself is gated, too' both failed silent_on became-
}

# P18: with a grant su works, and what it started ends with it.
case_su_under_a_grant_ends_with_it() {
        world_grant "olga --service su --run-as postgres --for $(lasting 10)s --owner payments --reason su --wait 10s"
        quietly bash -c 'echo "postgres:elephant" | chpasswd'
        shell_open olga olga 'bash'
        shell_says olga '(sleep 0.2; echo elephant) | su postgres -c "echo became-\$(id -un); (setsid sleep 9101 >/dev/null 2>&1 &)"'
        judge 'su works' both succeeded says became-postgres
        judge 'its job runs' something_runs '^sleep 9101'
        shell_says olga 'echo "battery staple" | su root -c "echo became-\$(id -un)"'
        judge 'another target is denied' both failed silent_on became-root
        until_second "$GRANT_END"
        judge 'the job is gone at the end' gone_within $((GRANT_END * 1000)) 2 nothing_runs '^sleep 9101'
        judge 'the shell it came from is not' shell_lives olga
}

# P18: atd calls with uid 1 and PAM_USER the owner of the job.
case_an_at_job_runs_only_under_a_grant() {
        world_gate_people
        person svc-backup 'echo "touch /tmp/at-ran; sleep 9102" | at -q b now'
        wait_until 10 at_queue_is_empty
        judge 'without a grant it does not run' not in_host test -e /tmp/at-ran
        world_grant "svc-backup --service at --for $(lasting 10)s --owner payments --reason at --wait 10s"
        person svc-backup 'echo "touch /tmp/at-ran; sleep 9102" | at now'
        judge 'with one it does' wait_until 10 something_runs '^sleep 9102'
        until_second "$GRANT_END"
        judge 'and ends with it' gone_within $((GRANT_END * 1000)) 2 nothing_runs '^sleep 9102'
}

at_queue_is_empty() {
        [[ -z $(host_run "$HOST" atq 2>/dev/null) ]]
}

# P17: key, password, -N -L and sftp are all logins.
case_every_kind_of_ssh_needs_a_grant() {
        world_gate_people
        printf '#!/bin/sh\necho secret\n' | host_run "$HOST" bash -c 'cat >/usr/local/bin/askpass; chmod 755 /usr/local/bin/askpass; echo kate:secret | chpasswd'
        # Debian's sshd offers password only; sshd runs the account phase of this one in a forked child, whose PAM data is lost.
        quietly bash -c 'echo "KbdInteractiveAuthentication yes" >/etc/ssh/sshd_config.d/10-kbd.conf; systemctl reload '"$SSH_UNIT"
        local pw='SSH_ASKPASS=/usr/local/bin/askpass SSH_ASKPASS_REQUIRE=force ssh -o BatchMode=no -o PubkeyAuthentication=no'
        person ci 'ssh kate@web1 id -un'
        judge 'key' both failed silent_on '^kate$'
        person ci "$pw -o PreferredAuthentications=password kate@web1 id -un"
        judge 'password' both failed silent_on '^kate$'
        person ci "$pw -o PreferredAuthentications=keyboard-interactive kate@web1 id -un"
        judge 'keyboard-interactive' both failed silent_on '^kate$'
        person ci 'timeout 30 ssh -N -L 9000:127.0.0.1:22 -o ExitOnForwardFailure=yes kate@web1'
        judge '-N -L does not even connect' status 255
        person ci 'echo pwd | sftp -b - kate@web1'
        judge 'sftp' both failed silent_on 'working directory'
        world_grant "kate --service ssh --for $(lasting 14)s --owner payments --reason ssh --wait 10s"
        person ci 'ssh kate@web1 id -un'
        judge 'with a grant: key' both succeeded says '^kate$'
        person ci "$pw -o PreferredAuthentications=password kate@web1 id -un"
        judge 'password' both succeeded says '^kate$'
        person ci "$pw -o PreferredAuthentications=keyboard-interactive kate@web1 id -un"
        judge 'keyboard-interactive' both succeeded says '^kate$'
        person ci 'echo pwd | sftp -b - kate@web1'
        judge 'sftp' both succeeded says 'working directory'
        quietly setpriv --reuid=ci --regid=ci --init-groups env HOME=/home/ci bash -c \
                'setsid ssh -N -L 9000:127.0.0.1:22 kate@web1 >/dev/null 2>&1 </dev/null & setsid sftp kate@web1 >/dev/null 2>&1 < <(sleep 9103) &'
        judge 'a tunnel stands' wait_until 15 tunnel_stands
        until_second "$GRANT_END"
        judge 'the tunnel is gone at the end (S01)' gone_within $((GRANT_END * 1000)) 2 not tunnel_stands
        judge 'sftp too (S01)' gone_within $((GRANT_END * 1000)) 2 nothing_runs 'sftp-server'
        quietly pkill -f '^sleep 9103'
}

tunnel_stands() {
        in_host bash -c 'exec 3<>/dev/tcp/127.0.0.1/9000 && read -t 2 -r line <&3 && [[ $line == SSH-* ]]'
}

# A local account under a gate for ssh, at and cron; made once.
world_gate_people() {
        in_host getent passwd kate && return
        host_run "$HOST" bash -eu -c '
                useradd --create-home --shell /bin/bash kate
                mkdir -p -m 700 /home/kate/.ssh; cp /root/ci.pub /home/kate/.ssh/authorized_keys; chown -R kate: /home/kate/.ssh
                cat >/etc/nhi/agentd.conf.d/30-people.conf <<-X
			gates = ( { name = "people"; mode = "enforce"; services = [ "ssh", "at", "cron" ]; accounts = [ "kate", "svc-backup" ]; } );
		X
                systemctl reload nhi-agentd'
        wait_until 15 in_host grep -q '^gate people enforce' /run/nhi/gates
}

# No user manager without a grant for one, and no delay either.
case_ssh_works_without_a_user_manager() {
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason manager --ssh-key /root/ci.pub --wait 10s"
        local from=$(now_ms)
        person ci 'ssh svc-deploy@web1 "id -un; systemctl --user is-system-running; systemd-run --user --quiet sleep 9104"'
        judge 'systemd-run --user has no manager to ask' both failed says '^svc-deploy$'
        judge 'the login was not held up' test $(($(now_ms) - from)) -lt $((5000 * ${NHI_SLACK:-1}))
        judge 'no job runs there' nothing_runs '^/?.*sleep 9104'
}

# S04: who may have a user manager, and made it linger, keeps nothing in it.
case_a_user_manager_ends_with_its_grant() {
        world_grant "svc-deploy --service ssh --user-manager --sessions 1 --for $(lasting 25)s --owner payments --reason manager --ssh-key /root/ci.pub --wait 10s"
        local uid=$(host_run "$HOST" id -u svc-deploy)
        quietly bash -c 'mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/svc-deploy'
        person ci 'ssh svc-deploy@web1 "systemd-run --user --quiet --unit=stay sleep 9105; systemctl --user is-active stay"'
        judge 'the job runs, and one session is left for the login' both succeeded says '^active$'
        judge 'it outlives the login' something_runs '^/?.*sleep 9105'
        until_second "$GRANT_END"
        judge 'and ends with the grant' wait_until 15 nothing_runs '^/?.*sleep 9105'
        judge 'the manager too' wait_until 15 not in_host systemctl is-active --quiet "user@$uid"
        quietly rm -f /var/lib/systemd/linger/svc-deploy
}

# P19, P20: spoofed labels exempt nobody.
case_a_console_name_in_ruser_or_tty_exempts_nobody() {
        person olga 'TTY=console PAM_TTY=tty1 SUDO_USER=root LOGNAME=root USER=root sudo -n -u postgres id -un'
        judge 'sudo is denied' both failed silent_on '^postgres$'
}

# P28: a module that cannot load, or has no memory, never opens the gate. Whom no gate names shows where each scan
# reaches limits that su itself can live with; he is exempt, for under tight limits anybody may be in a gate's group.
case_su_root_never_succeeds_under_tight_limits() {
        quietly bash -c 'mkdir -p /etc/nhi/exempt.d; echo "bob su" >/etc/nhi/exempt.d/bob.conf'
        su_under_limits 'olga bob' 'v '{3000..42000..1500} 'n '{3..14} 'u '{1..30..8}
        note "an ungated account became root under $(grep -c 'bob became-root' <<<"$OUT") of these limits"
        judge 'the scan reaches limits that su can live with' says 'bob became-root'
        judge 'the gated account never became root' silent_on 'olga became-root'
        quietly rm /etc/nhi/exempt.d/bob.conf
        su_under_limits bob 'v 1048576' 'd 1048576' 's 1024' 'f 16384' 'n 64' 'u 64'
        judge 'ordinary limits gate nobody whom no gate names' test "$(grep -c 'bob became-root' <<<"$OUT")" == 6
}

# su_under_limits 'USER...' 'LETTER VALUE'...: everybody tries to become root under each limit of bash's ulimit, and with
# "n 64 FREE" under that one with so many descriptors left. Sets OUT.
su_under_limits() {
        quietly bash -c '
                read -ra users <<<"$0"
                for user in "${users[@]}"; do
                        for limit; do
                                setpriv --reuid=$user --regid=$user --init-groups bash -c \
                                        "set -- $limit; ulimit -\$1 \$2
                                         for ((fd = 3; fd < \${3:+\$2 - }\${3:-0}; fd++)); do eval \"exec \$fd</dev/null\"; done
                                         exec su root -c \"echo $user became-\\\$(id -un)\"" <<<"battery staple" &
                        done
                        wait
                done 2>&1 | tr -d "\0"' "$@"
}

# P15, P28: a service of nsswitch.conf that is larger than su is passed over under limits that su can live with
# (nss-late.c): gary is a member of a group that it alone knows, hank of one in /etc/group.
case_a_member_by_another_service_never_passes_under_tight_limits() {
        # The service is compiled with the packages; in place there are none.
        ! host_is_here || return 0
        host_run "$HOST" bash -c 'cat >"$(dirname /usr/lib/*/libnss_nhi.so.2)/libnss_late.so.2"' <"$B/debs/$NHI_SUITE/nss-late.so"
        quietly bash -euc '
                groupadd --gid 7071 mixed; useradd --create-home gary; useradd --create-home hank
                cp /etc/nsswitch.conf /root/nsswitch.conf; sed -i -E "s/^group:.*/group: files late nhi/" /etc/nsswitch.conf
                echo "bob su" >/etc/nhi/exempt.d/bob.conf
                cat >/etc/nhi/agentd.conf.d/40-late.conf <<-X
			gates = ( { name = "late"; mode = "enforce"; services = [ "su" ]; groups = [ "latecomers", "mixed" ]; } );
		X
                systemctl reload nhi-agentd'
        judge 'the gate is published' wait_until 15 in_host grep -q '^gate late enforce' /run/nhi/gates
        admin 'id -nG hank; getent group latecomers'
        judge 'the service answers' both says '^hank mixed$' -- says '^latecomers:'
        su_under_limits 'gary hank' 'v unlimited'
        judge 'its members are gated' both says 'nhi:' -- silent_on became-root
        su_under_limits 'gary hank bob' 'v '{4000..64000..6000} 'd '{2000..64000..9000} 'n 64 '{3..8}
        note "the exempt account became root under $(grep -c 'bob became-root' <<<"$OUT") of these limits"
        judge 'the scan reaches limits that su can live with' says 'bob became-root'
        judge 'its members never became root' silent_on '(gary|hank) became-root'
        quietly bash -c 'cp /root/nsswitch.conf /etc/nsswitch.conf
                rm -f /etc/nhi/exempt.d/bob.conf /etc/nhi/agentd.conf.d/40-late.conf; systemctl reload nhi-agentd'
}
