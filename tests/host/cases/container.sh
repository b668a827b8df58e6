# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Sessions where PID 1 is no systemd, or where there is no logind: they end all the same, and status says by what.
# this-host: no
#
#   the host ── /sys/fs/cgroup/container, the root of the container's own hierarchy: writable, read-only
#      └─ a container: its own pids, mounts, network, /run; PID 1 is sshd, after conf/container/entrypoint
#            ├─ nhi-agentd, which makes its own sockets      ├─ a daemon of svc-deploy's uid, begun before any session
#            └─ nhi-fetchd                                   └─ sshd: sessions
#
# While a container is up host_run enters it, and everybody types there.

ENTRYPOINT=/usr/share/doc/nhi/container/entrypoint
CONTAINER_SLEEPS='nhi-agentd-{pam,control,keys,feed}.socket nhi-agentd.service nhi-fetchd.service'
CONTAINER=''
eval "outer_$(declare -f host_run)"
host_run() {
        [[ -n $CONTAINER ]] || { outer_host_run "$@"; return; }
        local name=$1
        shift
        outer_host_run "$name" /usr/local/bin/container-enter "$@"
}

container_install() {
        outer_host_run "$HOST" test -x /usr/local/bin/container-enter && return
        outer_host_run "$HOST" bash -eu -c '
                cat >/usr/local/bin/container-enter <<-"X"
			#!/bin/sh
			echo $$ >/sys/fs/cgroup/container/cgroup.procs
			exec nsenter --target "$(cat /run/container.pid)" --mount --pid --net --uts --ipc --cgroup --wdns=/ -- "$@"
		X
                cat >/usr/local/bin/container-begin <<-"X"
			#!/bin/sh
			set -eu
			mount -t proc proc /proc
			mount -t tmpfs -o mode=0755 run /run
			umount --lazy /sys/fs/cgroup
			mount -t cgroup2 cgroup /sys/fs/cgroup
			mount -o "remount,bind,$1" /sys/fs/cgroup
			ip link set lo up
			shift
			exec "$@"
		X
                chmod 755 /usr/local/bin/container-*' || return
}

# container_start rw|ro: as an image with sshd, sudo and nhi would be; the host's own nhi sleeps.
container_start() {
        container_stop
        container_install || { judge 'a container can be made' false; return; }
        outer_host_run "$HOST" bash -c "systemctl stop $CONTAINER_SLEEPS"
        # shellcheck disable=SC2016 # for the host's shell
        outer_host_run "$HOST" bash -c '
                mkdir -p /sys/fs/cgroup/container; echo $$ >/sys/fs/cgroup/container/cgroup.procs
                exec setsid unshare --pid --fork --mount --net --uts --ipc --cgroup --propagation private \
                        container-begin "$@"' container "$1" /bin/sh "$ENTRYPOINT" \
                "exec setpriv --reuid=$DEPLOY_UID --regid=$DEPLOY_UID --clear-groups sleep 9609" \
                >"$work_dir/container.log" 2>&1 </dev/null &
        wait_until 15 container_find && CONTAINER=yes
        judge 'agent and fetcher are up' wait_until 20 container_is_up
}
container_find() {
        # shellcheck disable=SC2016
        outer_host_run "$HOST" bash -c 'for p in $(cat /sys/fs/cgroup/container/cgroup.procs); do
                [ "$(awk "/^NSpid:/ { print \$NF, NF }" /proc/$p/status)" = "1 3" ] && [ "$(cat /proc/$p/comm)" = sshd ] &&
                        echo $p >/run/container.pid && exit; done; exit 1'
}
container_is_up() { in_host nhictl list && in_host sh -c 'nhictl status --json | grep -q "\"ver\": [0-9]"'; }
container_stop() {
        CONTAINER=''
        outer_host_run "$HOST" test -d /sys/fs/cgroup/container || return 0
        outer_host_run "$HOST" sh -c 'echo 1 >/sys/fs/cgroup/container/cgroup.kill'
        wait_until 15 container_is_gone || judge 'the container is gone' false
}
container_is_gone() { outer_host_run "$HOST" sh -c 'find /sys/fs/cgroup/container -depth -type d -exec rmdir {} +; ! test -d /sys/fs/cgroup/container'; }

# Back to the host.
container_leave() {
        container_stop
        quietly bash -c "systemctl start $CONTAINER_SLEEPS"
        host_wait "$HOST" 10 nhictl status
}

# The account's uid, known once it has a grant; the ledger is the container's, too.
deploy_uid() {
        [[ -z ${DEPLOY_UID-} ]] || return 0
        DEPLOY_UID=$(outer_host_run "$HOST" nhictl account list --json </dev/null | tr -d ' \n' |
                grep -oE '"name":"svc-deploy"[^}]*' | grep -oE '"uid":[0-9]+' | cut -d: -f2)
        [[ -n $DEPLOY_UID ]]
}

DEAF='trap "" TERM HUP'
# Shell words that leave processes behind: in the background, with nohup, in a session of their own, after two forks,
# deaf, and one that took another name.
leave_behind() {
        printf '%s' "sleep $1 & (nohup sleep $1 >/dev/null 2>&1 &) ; (setsid sleep $1 >/dev/null 2>&1 &) ; " \
                "(setsid sh -c '(setsid sleep $1 &) ; exit' >/dev/null 2>&1 &) ; " \
                "(setsid bash -c '$DEAF; sleep $1; sleep $1' >/dev/null 2>&1 &) ; id -un"
}

container_login_ends() { # N: under a grant of some seconds; END is when
        container_grant --service ssh --for "$(lasting 12)s" --ssh-key /root/ci.pub
        person ci 'ssh bob@web1 "(setsid sleep 9608 >/dev/null 2>&1 &) ; id -un"'
        judge 'an ungated account logs in' says '^bob$'
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy "$(leave_behind "$1")"
        judge 'a granted one, too' says '^svc-deploy$'
        person ci "ssh svc-deploy@web1 '(setsid sleep $1 >/dev/null 2>&1 &) ; id -un'"
        judge 'and once more, with nothing but a job that stays' says '^svc-deploy$'
        judge 'the jobs run' wait_until 15 container_runs 6 "^sleep $1"
        admin 'nhictl sessions'
        judge 'both sessions are known' test "$(grep -c svc-deploy <<<"$OUT")" = 2
        until_second "$GRANT_END"
        judge 'at the end of the grant all are gone' gone_within $((GRANT_END * 1000)) 4 nothing_runs "^sleep $1"
        judge 'with the connection' wait_until 15 shell_is_over deploy
        judge 'the daemon of the same account lives' something_runs '^sleep 9609'
        judge 'what is of an ungated account lives' something_runs '^sleep 9608'
        judge 'no session is left' wait_until 15 container_no_sessions
        quietly pkill -f '^sleep 9608'
}
container_grant() { world_grant "svc-deploy $* --owner payments --reason container --wait 10s"; }
container_count() { host_run "$HOST" pgrep -c -f -- "$1" </dev/null; }
container_no_sessions() { quietly nhictl sessions && both succeeded silent_on svc-deploy; }

# The elevation's grant ends, the login's goes on.
container_elevations_end() {
        container_grant --service ssh --for 2m --ssh-key /root/ci.pub
        local login=$GRANT
        container_grant --service sudo --service su --run-as root --for "$(lasting 10)s"
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'sleep 9621 & id -un'
        shell_says deploy "sudo -n bash -c '$DEAF; (setsid sleep 9622 >/dev/null 2>&1 &) ; (setsid sh -c \"sleep 9622 &\" >/dev/null 2>&1) ; id -un'"
        judge 'sudo gives root' says '^root$'
        shell_says deploy "(sudo -n -b bash -c '$DEAF; sleep 9622; sleep 9622' >/dev/null 2>&1) ; id -un"
        judge 'and its jobs run' wait_until 15 container_runs 3 '^sleep 9622'
        until_second "$GRANT_END"
        judge 'they are gone with its grant' gone_within $((GRANT_END * 1000)) 4 nothing_runs '^sleep 9622'
        judge 'the shell lives' both shell_lives deploy -- something_runs '^sleep 9621'
        admin "nhictl revoke $login --reason over"
        judge 'until its own is revoked' gone_within "$(now_ms)" 4 nothing_runs '^sleep 9621'
        judge 'the daemon of the same account lives' something_runs '^sleep 9609'
}
container_runs() { (($(container_count "$2") >= $1)); }

# S09: there is no timer; a new agent ends what is over before it serves.
container_new_agent_ends() { # N
        container_grant --service ssh --for "$(lasting 10)s" --ssh-key /root/ci.pub
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy "$(leave_behind "$1")"
        # Not back before the end: the loop that keeps it is stopped, too.
        quietly bash -c 'pid=$(pgrep -x nhi-agentd); ps -o ppid= -p $pid | xargs kill -STOP; kill -KILL $pid'
        until_second $((GRANT_END + 2))
        judge 'without an agent they live on' something_runs "^sleep $1"
        quietly pkill -CONT -f "$ENTRYPOINT"
        judge 'a new one ends them' gone_within "$(now_ms)" 5 nothing_runs "^sleep $1"
        judge 'the daemon of the same account lives' something_runs '^sleep 9609'
}

# S01, S03
case_without_systemd_sessions_end_by_cgroups_of_our_own() {
        deploy_uid && container_start rw
        admin 'nhictl status'
        judge 'status says so' says 'own cgroups, no timer'
        container_login_ends 9601
        judge 'no cgroup is left' not in_host sh -c 'ls -d /sys/fs/cgroup/nhi/s*'
}

# S07
case_elevations_end_by_cgroups_of_our_own() {
        container_elevations_end
}

# S09
case_a_new_agent_ends_what_its_cgroups_hold() {
        container_new_agent_ends 9603
}

# S01, S03
case_without_a_writable_cgroup_sessions_end_by_a_sweep_of_processes() {
        deploy_uid && container_start ro
        admin 'nhictl status'
        judge 'status says so' says 'process sweep, no timer'
        container_login_ends 9611
}

# S07
case_elevations_end_by_a_sweep_of_processes() {
        container_elevations_end
}

# S09
case_a_new_agent_ends_what_it_remembers() {
        container_new_agent_ends 9613
}

# No audit ids: a login of an account that a set defined is told by its uid; nobody could tell what an elevation begins.
case_what_could_not_be_told_by_a_sweep_is_denied() {
        quietly sed -i '/pam_loginuid/s/^/#/' /etc/pam.d/sshd
        container_grant --service ssh --for 2m --ssh-key /root/ci.pub
        local login=$GRANT
        container_grant --service sudo --run-as root --for 2m
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy "$(leave_behind 9631)"
        judge 'a granted account logs in' says '^svc-deploy$'
        shell_says deploy 'sudo -n id -un'
        judge 'but gets no root' both failed silent_on '^root$'
        shell_says deploy 'nhictl why'
        judge 'and is told why' says 'session-unknown'
        admin "nhictl revoke $login --reason over"
        judge 'all of its login is gone' gone_within "$(now_ms)" 4 nothing_runs '^sleep 9631'
        judge 'the daemon of the same account lives' something_runs '^sleep 9609'
        quietly sed -i '/pam_loginuid/s/^#//' /etc/pam.d/sshd
        container_leave
}

# S08: sshd's own cgroup is a service's; every session is moved out of it.
case_without_logind_sessions_are_scopes_of_ours() {
        quietly bash -c 'systemctl mask --quiet --runtime --now systemd-logind.service
                sed -i "/pam_systemd/s/^/#/" /etc/pam.d/common-session'
        container_grant --service ssh --for "$(lasting 12)s" --ssh-key /root/ci.pub
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy "$(leave_behind 9641)"
        judge 'a granted account logs in' says '^svc-deploy$'
        quietly nhictl sessions --json
        judge 'into a scope of ours' says 'nhi-g-[^"]*\.scope'
        admin 'systemctl daemon-reexec'
        quietly systemctl restart dbus.service
        until_second "$GRANT_END"
        judge 'PID 1 was executed anew, the bus restarted: gone on time' gone_within $((GRANT_END * 1000)) 4 nothing_runs '^sleep 9641'
        judge 'sshd lives' in_host systemctl is-active "$SSH_UNIT"
        quietly bash -c 'sed -i "/pam_systemd/s/^#//" /etc/pam.d/common-session
                systemctl unmask --quiet --runtime systemd-logind.service; systemctl restart systemd-logind.service'
}
