# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Every way that is known to outlive a login, tried under a grant by the account's own means. When the grant is over, each
# of these processes is dead, nothing runs as the account or in its cgroups, and what waits to run again is inert.
#
# suites: bookworm trixie
# this-host: no
#
#   escape NAME MARK COMMAND   a row: begun by COMMAND, found by MARK, a word of its command line or a regex of all of it;
#                              what another program begins has the command `:`
#   escapes_begin SHELL        type the rows' commands into an open shell
#   escapes_run                each row runs
#   escapes_end SECONDS        each row's verdict: nothing of it runs so long after revoke

escape_names=() escape_marks=() escape_script=''

escape() {
        local mark=$2
        [[ $mark == *[!0-9]* ]] || mark="(^|[^0-9A-Za-z])$mark([^0-9A-Za-z]|$)"
        escape_names+=("$1") escape_marks+=("$mark")
        escape_script+="{ $3"$'\n'"} >/dev/null 2>&1 </dev/null"$'\n'
}

# Names of the rows of which something runs, one a line.
escapes_living() {
        local processes i
        processes=$(host_run "$HOST" ps -eww -o args=)
        for i in "${!escape_names[@]}"; do
                grep -qE -- "${escape_marks[i]}" <<<"$processes" && echo "${escape_names[i]}"
        done
}
escapes_are() { (($(escapes_living | wc -l) == $1)); }

escapes_begin() {
        host_run "$HOST" sh -c 'cat >/run/escapes.sh; chmod 644 /run/escapes.sh' <<<"$escape_script"
        SHELL_SECONDS=60 shell_says "$1" 'bash /run/escapes.sh; echo begun'
        judge 'its shell begins them' says begun
}

escapes_run() {
        judge "each of ${#escape_names[@]} runs" wait_until 30 escapes_are "${#escape_names[@]}"
        comm -13 <(escapes_living | sort) <(printf '%s\n' "${escape_names[@]}" | sort) | sed 's/^/    does not run: /'
}

# Last: what forks all the time keeps PID 1 busy, which every session that begins waits for.
escapes_fork() { # SHELL MARK COMMAND
        escape forks "escape-lab forks $2" :
        shell_says "$1" "$3 >/dev/null 2>&1 </dev/null &"
        judge 'and one that forks' wait_until 30 something_runs "escape-lab forks $2"
}

escapes_end() {
        local living name
        judge "all are gone within $1 s" gone_within "$ENDED" "$1" escapes_are 0
        living=$(escapes_living)
        for name in "${escape_names[@]}"; do
                judge "$name: gone" not grep -qxF -- "$name" <<<"$living"
        done
        escape_names=() escape_marks=() escape_script=''
}

# By any of its four uids, wherever it is; and by cgroup, whoever it is.
nothing_of() { # UID
        [[ -z $(host_run "$HOST" sh -c 'ps -eo ruid=,euid=,suid=,fsuid=,pid=,args= | grep -E "^( *[0-9]+){0,3} +$1 "
                find /sys/fs/cgroup/user.slice/user-$1.slice -name cgroup.procs -exec cat {} + 2>/dev/null' sh "$1") ]]
}

lab_install() {
        in_host test -x /usr/local/bin/escape-lab && return
        BEGUN=$(host_run "$HOST" date -u -d '+1 second' +%FT%TZ)
        host_run "$HOST" sh -c 'cat >/usr/local/bin/escape-lab && chmod 755 /usr/local/bin/escape-lab' <"$B/debs/$NHI_SUITE/escape-lab"
}

# deploy_begin ARGS: a grant of svc-deploy, its home, and its shell "deploy". DEPLOY_UID is its uid.
deploy_begin() {
        lab_install
        world_grant "svc-deploy --service ssh $* --for 10m --owner payments --reason escapes --ssh-key /root/ci.pub --wait 10s"
        DEPLOY_UID=$(host_run "$HOST" id -u svc-deploy)
        quietly bash -c 'install -d -o svc-deploy -g "$(id -g svc-deploy)" /home/svc-deploy
                grep -q svc-deploy /etc/subuid || echo "svc-deploy:700000:65536" | tee -a /etc/subuid >>/etc/subgid'
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
}

revoke() {
        ENDED=$(now_ms)
        admin "nhictl revoke $GRANT --reason over"
}

ci_begins() { # CMDLINE
        in_host setpriv --reuid=ci --regid=ci --init-groups env HOME=/home/ci bash -c "setsid $1 &"
}

# S01: nothing here needs more than a shell.
rows_of_a_shell() {
        escape nohup 9401 'nohup sleep 9401 &'
        escape setsid 9402 'setsid sleep 9402 &'
        escape 'double fork' 9403 '( (setsid sleep 9403 &) & )'
        escape 'daemon(3)' 9404 'escape-lab daemon 9404'
        escape disown 9405 'sleep 9405 & disown'
        escape tmux 9406 'tmux new-session -d "sleep 9406"'
        escape screen 9407 'screen -dm sleep 9407'
        escape script 9408 'setsid script -qfc "sleep 9408" /dev/null &'
        escape 'another name by exec' 9409 '(exec -a "[kworker/9409]" sleep 940900) &'
        escape 'another name by prctl(2)' 9410 'escape-lab rename 9410 &'
        escape 'deaf to every signal' 9411 'setsid escape-lab deaf 9411 &'
        escape 'holds the terminal' 9412 'escape-lab deaf 9412 </dev/tty >/dev/tty &'
        escape stopped 9413 'setsid sh -c "kill -STOP \$\$; sleep 9413" &'
        escape 'traced by strace' 9414 'sleep 941400 & setsid strace -qq -o /dev/null -e trace=none -p $! sleep 9414 &'
        escape 'stopped by its tracer' 9415 'setsid escape-lab traced 9415 &'
        escape 'user, pid and mount namespaces' 9416 'setsid unshare -Ur --pid --fork --mount sleep 9416 &'
        escape 'a subordinate uid' '^sleep 9417' 'setsid unshare -U sleep 941700 & until newuidmap $! 0 700000 1000 2>/dev/null; do sleep 0.1; done
                newgidmap $! 0 700000 1000; setsid nsenter -t $! -U setpriv --reuid 5 sleep 9417 &'
        escape 'a service that a session bus activates' 9419 'cd; mkdir -p .local/share/dbus-1/services
                printf "[D-BUS Service]\nName=org.example.Escape\nExec=/bin/sleep 9419\n" >.local/share/dbus-1/services/e.service'
        escape 'its session bus' 9418 'setsid dbus-run-session -- sh -c "dbus-send --dest=org.example.Escape / org.example.Escape.Go; sleep 9418" &'
        escape 'a listening socket' 9420 'setsid escape-lab listen 9420 &'
        # These have no manager to ask; that it may linger makes none.
        escape_script+='export XDG_RUNTIME_DIR=/run/user/$(id -u); systemd-run --user sleep 9425; systemd-run --user --scope sleep 9425 &'$'\n'
}

# S04: jobs of others' daemons, under the same grant.
rows_of_jobs() {
        escape at '^sleep 9421' 'echo "sleep 9421" | at now'
        escape batch '^sleep 9422' 'echo "sleep 9422" | batch'
        escape crontab '^sleep 9423' 'echo "@reboot sleep 9423" | crontab -'
        escape_script+='mkdir -p ~/.ssh; cp /tmp/bot.pub ~/.ssh/authorized_keys; chmod -R go= ~/.ssh; echo "touch /tmp/at-later" | at now + 1 hour'$'\n'
}

# Whatever the machine's load is, a batch job begins. The table's next run is cron's next start.
jobs_make() {
        quietly bash -c 'cp /root/bot.pub /tmp/bot.pub; mkdir -p /run/systemd/system/atd.service.d
                printf "[Service]\nExecStart=\nExecStart=/usr/sbin/atd -f -l 1000 -b 1\n" >/run/systemd/system/atd.service.d/load.conf
                systemctl daemon-reload; systemctl restart atd'
}
cron_starts() {
        quietly bash -c 'rm -f /run/crond.reboot; systemctl restart cron'
}

# S01: what ssh itself keeps open for its client.
rows_of_ssh() {
        escape 'ssh -f' '^sleep 9431' :
        ci_begins 'ssh -f svc-deploy@web1 sleep 9431'
        # A grant's key forwards nothing; pam.sh has a tunnel by another key.
        escape 'ssh -N -L' '^ssh -N -L 9432' :
        ci_begins 'ssh -N -L 9432:127.0.0.1:22 svc-deploy@web1'
        escape sftp 'sftp-server$' :
        ci_begins 'sftp -b <(sleep 943300) svc-deploy@web1'
        escape ControlMaster '^ssh -M ' :
        in_host setpriv --reuid=ci --regid=ci --init-groups env HOME=/home/ci bash -c 'ssh -M -S ~/mux -o ControlPersist=yes -fN svc-deploy@web1'
        escape 'a channel that it opened later' '^sleep 9434' :
        ci_begins 'ssh -S ~/mux svc-deploy@web1 sleep 9434'
}

case_what_a_shell_leaves_behind() {
        jobs_make
        deploy_begin --service at --service cron
        quietly loginctl enable-linger svc-deploy
        rows_of_a_shell
        rows_of_jobs
        escapes_begin deploy
        cron_starts
        rows_of_ssh
        escapes_run
        judge 'systemd-run --user: refused' nothing_runs 'sleep 9425'
        judge 'a lingering manager: refused' not in_host systemctl is-active "user@$DEPLOY_UID"
        escapes_fork deploy 9424 'setsid escape-lab forks 9424'
        revoke
        escapes_end 5
        judge 'nothing of the account is left' wait_until 10 nothing_of "$DEPLOY_UID"
        person ci 'ssh -S ~/mux -o ControlMaster=no svc-deploy@web1 id -un'
        judge 'no channel opens' both failed silent_on '^svc-deploy$'
        person bot 'ssh svc-deploy@web1 id -un'
        judge 'a key that was planted opens nothing' both failed silent_on '^svc-deploy$'
        jobs_come_due
}

# Nothing is taken out of crontabs and queues: they are inert. atd reads in a job's name when it is due.
jobs_come_due() {
        quietly bash -c 'cd /var/spool/cron/atjobs; for f in a?????????????; do mv "$f" "${f%????????}$(printf %08x $(($(date +%s) / 60 - 1)))"; done
                date +%s >/tmp/due; systemctl restart atd'
        cron_starts
        judge 'atd refuses the job that comes due' host_wait "$HOST" 30 sh -c 'journalctl -q --since "@$(cat /tmp/due)" -t atd | grep -i "user not known"'
        judge 'cron refuses the table' host_wait "$HOST" 15 sh -c 'journalctl -q --since "@$(cat /tmp/due)" -u cron | grep "svc-deploy. ORPHAN"'
        judge 'neither ran' not in_host sh -c 'test -e /tmp/at-later || pgrep -f "^sleep 9423"'
}

rows_of_a_manager() {
        local run='systemd-run --user'
        escape_script+='export XDG_RUNTIME_DIR=/run/user/$(id -u)'$'\n'
        escape 'a unit' 'bin/sleep 9441' "$run sleep 9441"
        escape 'a scope' 'bin/sleep 9442' "setsid $run --scope sleep 9442 &"
        escape 'a unit with Restart=always' 'bin/sleep 9443' "$run -p Restart=always -p RestartSec=10ms sleep 9443"
        escape 'a timer' 'bin/sleep 9444' "$run --on-active=10ms --on-unit-inactive=100ms sleep 9444"
        escape 'a unit that is never killed' 'deaf 9445' "$run -p KillMode=none -p SendSIGKILL=no -p TimeoutStopSec=infinity escape-lab deaf 9445"
        escape 'a frozen group of its own' '^sleep 9446' "$run -p Delegate=yes sh -c 'd=/sys/fs/cgroup\$(tail -n 1 /proc/self/cgroup | cut -d: -f3); mkdir \$d/ice
                sleep 9446 & until grep -q sleep /proc/\$!/comm; do sleep 0.1; done; echo \$! >\$d/ice/cgroup.procs; echo 1 >\$d/ice/cgroup.freeze; wait'"
        escape 'tmux in a scope' '^sleep 9447' "setsid $run --scope tmux new-session -d 'sleep 9447' &"
        escape 'a subordinate uid' '^sleep 9448' "$run sh -c 'unshare -U sleep 944800 & until newuidmap \$! 0 700000 1000 2>/dev/null; do sleep 0.1; done
                newgidmap \$! 0 700000 1000; exec nsenter -t \$! -U setpriv --reuid 5 sleep 9448'"
        escape 'a bus of its own' 'dbus-daemon.*9450' "$run dbus-daemon --session --nofork --address=unix:path=/tmp/bus-9450"
        escape 'a service that it activates' '^/bin/sleep 9451' 'cd; mkdir -p .local/share/dbus-1/services
                printf "[D-BUS Service]\nName=org.example.Unit\nExec=/bin/sleep 9451\n" >.local/share/dbus-1/services/u.service
                for i in {1..300}; do [ -S /tmp/bus-9450 ] && break; sleep 0.1; done
                setsid busctl --address=unix:path=/tmp/bus-9450 call org.example.Unit / org.example.Unit Go &'
}

# S04: it lingers, too.
case_what_a_user_manager_keeps() {
        deploy_begin --user-manager
        quietly loginctl enable-linger svc-deploy
        rows_of_a_manager
        escapes_begin deploy
        escapes_run
        escapes_fork deploy 9449 "XDG_RUNTIME_DIR=/run/user/$DEPLOY_UID systemd-run --user escape-lab forks 9449"
        revoke
        escapes_end 5
        judge 'nothing of the account is left' wait_until 10 nothing_of "$DEPLOY_UID"
        judge 'the manager is gone' not in_host systemctl is-active "user@$DEPLOY_UID"
        quietly systemctl start "user@$DEPLOY_UID"
        judge 'and does not come again' both failed nothing_of "$DEPLOY_UID"
        quietly rm -f /var/lib/systemd/linger/svc-deploy
}

# What root can do besides, systemd-run, at, a crontab, is in leftovers.sh: a grant of root without commands bounds
# nothing, and says so.
rows_of_sudo() {
        escape 'sudo -b' '^sleep 9461' 'sudo -n -b sleep 9461'
        escape 'deaf to TERM, HUP and INT' '^escape-lab deaf 9462' 'sudo -n -b escape-lab deaf 9462'
        escape 'with use_pty' '^escape-pty deaf 9463' 'sudo -n escape-pty deaf 9463 &'
        escape 'without use_pty' '^escape-nopty deaf 9464' 'sudo -n escape-nopty deaf 9464 &'
        escape 'su in sudo' '^sleep 9465' 'sudo -n su postgres -c "setsid sleep 9465 &"'
        escape 'su - in sudo' '^sleep 9466' 'sudo -n su - postgres -c "setsid sleep 9466 &"'
        escape 'sudo -i' '^sleep 9467' 'sudo -n -i bash -c "setsid sleep 9467 &"'
        escape 'runuser -l in sudo' '^sleep 9468' 'sudo -n runuser -l bob -c "setsid sleep 9468 &"'
        escape 'another uid' '^escape-lab deaf 9469' 'sudo -n -u postgres setsid escape-lab deaf 9469 &'
        escape 'frozen in a group of its own' '^sleep 9470' 'sudo -n sh -c "d=/sys/fs/cgroup\$(tail -n 1 /proc/self/cgroup | cut -d: -f3); mkdir \$d/ice
                sleep 9470 & until grep -q sleep /proc/\$!/comm; do sleep 0.1; done; echo \$! >\$d/ice/cgroup.procs; echo 1 >\$d/ice/cgroup.freeze"'
        escape 'mount and pid namespaces' '^sleep 9472' 'sudo -n unshare --mount --pid --fork --mount-proc sleep 9472 &'
        escape tmux '^sleep 9473' 'sudo -n tmux -L root new-session -d "sleep 9473"'
        escape 'daemon(3)' '^escape-lab daemon 9474' 'sudo -n escape-lab daemon 9474'
        # There is no run0 before systemd 256, and none without polkit.
        escape_script+='run0 sleep 9476 </dev/null'$'\n'
}

# S01 S07
case_what_sudo_leaves_behind() {
        lab_install
        quietly bash -c 'cd /usr/local/bin; cp escape-lab escape-pty; cp escape-lab escape-nopty
                printf "Defaults!/usr/local/bin/escape-pty use_pty\nDefaults!/usr/local/bin/escape-nopty !use_pty\n" >/etc/sudoers.d/zz-escapes'
        # Before the grant: a login that carries the granted group ends with the membership (membership.sh).
        shell_open olga ci 'ssh -tt olga@web1'
        shell_says olga 'sleep 9460 & id -un'
        world_grant "olga --service sudo --group pay-ops --run-as root --run-as postgres --for 10m --owner payments --reason escapes --wait 10s"
        rows_of_sudo
        escapes_begin olga
        escapes_run
        judge 'run0: refused' nothing_runs 'sleep 9476'
        escapes_fork olga 9475 'sudo -n -b -u postgres escape-lab forks 9475'
        # A4: at each moment one is about to begin.
        shell_says olga 'for i in {1..4}; do while sudo -n true; do :; done >/dev/null 2>&1 & done; echo always'
        revoke
        escapes_end 5
        judge 'no group of the grant is left' wait_until 10 no_scope_of_grant
        judge 'her own shell lives, with its job' both shell_lives olga -- something_runs '^sleep 9460'
        shell_says olga 'kill %1; id -un'
        judge 'and answers' says '^olga$'
}
no_scope_of_grant() { [[ -z $(host_run "$HOST" find /sys/fs/cgroup -name "nhi-$GRANT-*") ]]; }

# A file that its server does not answer for: whoever reads it cannot be killed until it does.
slow_file() {
        quietly bash -ec '[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229
                printf "#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n" >/usr/local/bin/slow-server; chmod 755 /usr/local/bin/slow-server
                mkdir -p /mnt/slow /srv/slow; echo slow >/srv/slow/file
                sshfs -o allow_other,default_permissions,cache=no,ssh_command=/usr/local/bin/slow-server web1:/srv/slow /mnt/slow
                pkill -STOP -x sftp-server'
        judge 'a server that does not answer' succeeded
}

# S01 S08: reported, not hidden; gone once it wakes.
case_a_process_in_uninterruptible_sleep_is_reported() {
        slow_file
        deploy_begin
        escape 'a reader of it' '^cat /mnt/slow/file 9491' 'setsid cat /mnt/slow/file 9491 &'
        escapes_begin deploy
        escapes_run
        revoke
        judge 'it is reported as a survivor' wait_until 30 event_is_recorded survivor
        quietly nhictl sessions
        judge 'its session is listed' says 'svc-deploy .* ending'
        judge 'for it runs' escapes_are 1
        quietly pkill -CONT -x sftp-server
        judge 'it wakes and is gone' wait_until 10 escapes_are 0
        judge 'its session is over' wait_until 10 no_session_of svc-deploy
        judge 'and recorded' wait_until 10 event_is_recorded session-end
        judge 'nothing of the account is left' wait_until 10 nothing_of "$DEPLOY_UID"
        quietly umount /mnt/slow
}

event_is_recorded() { # NAME
        quietly nhictl log --grant "$GRANT"
        says " $1 "
}
no_session_of() {
        quietly nhictl sessions
        both succeeded silent_on "$1"
}

# What the other cases of this file left, in the eyes of others than the agent.
case_witnesses_saw_no_leak() {
        admin "nhictl prove --since ${BEGUN-10m}"
        judge 'no leak' both silent_on LEAK -- says '^(proved|no evidence) '
}
