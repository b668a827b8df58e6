# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The registry of sessions by itself, with real logind, PID 1 and bus, under the agent's own sandbox: promises E1 to E4
# of nhi-agentd/session/session.h. tests/host/session-lab.c is both the agent and the program that opens PAM sessions; grants are
# told to it. Two seconds after its end nothing of a session may be left.
#
# suites: bookworm trixie
# this-host: no
#
#   session-lab agent  ◄── /run/lab/sock ── session-lab run CLASS ACCOUNT JTI SECONDS  (as sshd, sudo, cron would)
#        │                                        │
#        └─ bus ─► PID 1: nhi-JTI-N.scope, nhi-end-sN-M.timer        └─ pam_systemd ─► logind: session-N.scope

DEAF='trap "" TERM HUP'

# A fresh registry that knows nothing; its sandbox is that of the shipped unit.
lab_fresh() {
        quietly bash -c '
                systemctl stop lab nhi-end-* 2>/dev/null
                pkill -KILL -u lab-a; pkill -KILL -u lab-b
                rm -rf /run/lab; mkdir -p /run/lab'
        lab_install && lab_agent
}

lab_install() {
        in_host test -x /usr/local/bin/session-lab && return
        host_run "$HOST" sh -c 'cat >/usr/local/bin/session-lab && chmod 755 /usr/local/bin/session-lab' <"$B/debs/$NHI_SUITE/session-lab"
        quietly bash -eu -c '
                useradd -m -s /bin/bash lab-a; useradd -m -s /bin/bash lab-b
                printf "account required pam_permit.so\nauth required pam_permit.so\nsession required pam_loginuid.so\nsession optional pam_systemd.so\n" >/etc/pam.d/lab
                sed -e "/^Type=/d; /^Wants=nhi/d; /^PartOf=/d; /^After=nhi/d; /^Sockets=/d; /^Watchdog/d; /^Restart/d; /^RuntimeDirectory/d; /^StateDirectory=/d; /^ExecReload=/d" \
                    -e "s,^ExecStart=.*,ExecStart=/usr/local/bin/session-lab agent /run/lab," \
                    -e "/^\[Service\]/a ReadWritePaths=/run/lab\nStandardOutput=append:/run/lab/out" \
                    /usr/lib/systemd/system/nhi-agentd.service >/run/systemd/system/lab.service
                systemctl daemon-reload'
}

lab_agent() {
        local n
        n=$(host_run "$HOST" grep -c '^started' /run/lab/out 2>/dev/null)
        quietly systemctl start lab
        wait_until 15 lab_has_started $((${n:-0} + 1)) || judge 'the registry starts' false
}
lab_has_started() { (($(host_run "$HOST" grep -c '^started' /run/lab/out) >= $1)); }

# lab_run CLASS ACCOUNT JTI SECONDS COMMAND...: a session in the background, there when this returns; sets SESSION, END.
lab_run() {
        # With a parent in the host, as sshd has one: whose audit session it is shows there.
        host_run "$HOST" sh -c '"$@"; exit $?' sh session-lab run /run/lab "${@:1:3}" "$(lasting "$4")" "${@:5}" \
                >>"$work_dir/lab.out" 2>&1 </dev/null &
        lab_job=$!
        wait_until 15 lab_knows "$3" || { judge "a session under $3 opens" false; return; }
        SESSION=$(lab_ask list | awk -v jti="$3" '$3 == jti { print $1; exit }')
        SCOPE=$(lab_ask list | awk -v jti="$3" '$3 == jti { print $5; exit }')
        END=$(lab_end "$SESSION")
}
lab_ask() { host_run "$HOST" session-lab ask /run/lab "$@" </dev/null; }
lab_knows() { lab_ask list | grep -qE " $1 .* (active|closing)$"; }
lab_end() {
        host_run "$HOST" grep -oE "\"id\":\"$1\"[^}]*\"end\":[0-9]+" /run/lab/sessions.json | grep -oE '[0-9]+$'
}
# The new end is in the record.
lab_end_moved() { # SESSION FORMER
        END=$(lab_end "$1")
        [[ -n $END && $END != "$2" ]]
}
lab_timers() { host_run "$HOST" systemctl list-units --all --plain --no-legend 'nhi-end-*.timer' </dev/null | cut -d ' ' -f 1; }
# The new one is armed before the old one goes: there is one again, and it is another.
lab_timer_was_replaced() { # FORMER
        local now
        now=$(lab_timers)
        [[ $now == nhi-end-*.timer && $now != *$'\n'* && $now != "$1" ]]
}
lab_kill_agent() { quietly systemctl kill --signal=KILL lab; }
lab_said() { in_host grep -qE -- "$1" /run/lab/out; }
no_units_left() { [[ -z $(host_run "$HOST" systemctl list-units --all --no-legend 'nhi-g-*' 'nhi-end-*') ]]; }
shell_of_lab() { printf '%s' "$DEAF; (setsid nohup sleep $1 >/dev/null 2>&1 &); sleep $1; sleep $1"; }
gone_on_time() { gone_within $((END * 1000)) 2 nothing_runs "^sleep $1"; }

# E1, S01
case_a_logind_session_dies_with_its_grant_and_a_daemon_lives() {
        lab_fresh
        quietly systemd-run --quiet --collect --unit=lab-daemon --uid=lab-a sleep 9309
        lab_run ssh lab-a g-1.a 4 --pam lab bash -c "$(shell_of_lab 9301)"
        judge 'it is a logind session' test "${SCOPE#session-}" != "$SCOPE"
        until_second "$END"
        judge 'deaf, nohup and setsid: all gone' gone_on_time 9301
        judge 'the daemon of the same account lives' something_runs 'sleep 9309$'
        judge 'the end is written down' wait_until 15 lab_said '^end .*code=expired .*survivors=0'
        judge 'no unit is left' wait_until 15 no_units_left
        quietly systemctl stop lab-daemon
}

# E1, S02: a scope made before pam_systemd would be escaped from.
case_an_elevation_ends_in_its_own_scope_and_the_shell_lives() {
        lab_fresh
        lab_run ssh lab-a g-shell 60 --pam lab sleep 9311
        local shell_scope=$SCOPE
        host_run "$HOST" bash -c 'echo $$ >"/sys/fs/cgroup/user.slice/user-$(id -u lab-a).slice/$1/cgroup.procs"
                exec session-lab run /run/lab sudo lab-a g-sudo "$3" bash -c "$2"' lab "$shell_scope" "$(shell_of_lab 9312)" "$(lasting 4)" \
                >>"$work_dir/lab.out" 2>&1 </dev/null &
        wait_until 15 lab_knows g-sudo
        SCOPE=$(lab_ask list | awk '$3 == "g-sudo" { print $5 }') END=$(lab_end s2)
        quietly systemctl show --property=BindsTo --value "$SCOPE"
        judge 'its scope is bound to the session' test "$OUT" = "$shell_scope"
        until_second "$END"
        judge 'the elevated tree is gone' gone_on_time 9312
        judge 'the shell lives' something_runs '^sleep 9311'
        judge 'and goes at once when its own grant is revoked' test "$(lab_ask revoke g-shell)" = ok
        judge 'gone' gone_within "$(now_ms)" 2 nothing_runs '^sleep 9311'
}

# E1: an orphan's parent is PID 1, which bears no audit session; the orphan bears the shell's.
case_an_orphaned_elevation_takes_nothing_else_of_the_login_along() {
        lab_fresh
        quietly bash -c 'echo "lab-a ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/lab'
        # A login that needs no grant: nothing of it is known to the registry.
        quietly systemd-run --quiet --collect --unit=lab-login --property=PAMName=lab --property=User=lab-a bash -c \
                'sudo -n sh -c "(setsid session-lab run /run/lab sudo lab-a g-orphan 60 sleep 9315 >/dev/null 2>&1 &)"; sleep 9316; :'
        judge 'the elevation opens' wait_until 15 lab_knows g-orphan
        judge 'the login goes on behind it' wait_until 15 something_runs '^sleep 9316'
        judge 'revoked' test "$(lab_ask revoke g-orphan)" = ok
        judge 'the elevation is gone' gone_within "$(now_ms)" 2 nothing_runs '^sleep 9315'
        judge 'the login lives' something_runs '^sleep 9316'
        judge 'in a session of its own' in_host sh -c 'grep -q session- /proc/$(pgrep -f "^sleep 9316")/cgroup'
        quietly pkill -KILL -u lab-a
        quietly rm /etc/sudoers.d/lab
}

# S11, E2
case_the_end_and_the_backstop_move_with_the_grant() {
        lab_fresh
        lab_run ssh lab-a g-move 4 --pam lab sleep 9321
        local first=$END timer
        timer=$(lab_timers)
        judge 'prolonged' test "$(lab_ask grant g-move "$(lasting 8)")" = ok
        judge 'one timer is left, and it is another' wait_until 15 lab_timer_was_replaced "$timer"
        judge 'its end has moved' wait_until 15 lab_end_moved "$SESSION" "$first"
        until_second $((first + 2))
        judge 'past its first end it lives' something_runs '^sleep 9321'
        until_second "$END"
        judge 'at its new end it is gone' gone_on_time 9321
        lab_run ssh lab-a g-short 60 --pam lab sleep 9322
        first=$END
        judge 'shortened' test "$(lab_ask grant g-short "$(lasting 3)")" = ok
        judge 'its end has moved' wait_until 15 lab_end_moved "$SESSION" "$first"
        until_second "$END"
        judge 'gone at the earlier end' gone_on_time 9322
}

# E2, S09
case_pid_1_ends_it_when_the_agent_is_dead() {
        local class
        for class in ssh cron; do
                lab_fresh
                if [[ $class == ssh ]]; then
                        lab_run ssh lab-a g-dead 4 --pam lab bash -c "$(shell_of_lab 9331)"
                else
                        lab_run cron lab-a g-dead 4 bash -c "$(shell_of_lab 9331)"
                fi
                lab_kill_agent
                until_second "$END"
                judge "$class: the backstop is on time" gone_on_time 9331
        done
}

# S09, E4
case_a_new_agent_knows_the_sessions_of_the_former_one() {
        lab_fresh
        lab_run ssh lab-a g-back 6 --pam lab bash -c "$(shell_of_lab 9341)"
        quietly bash -c "echo g-back $END >/run/lab/grants"
        lab_kill_agent
        lab_agent
        judge 'the session is known' lab_knows g-back
        until_second "$END"
        judge 'and ends on time' gone_on_time 9341
        lab_fresh
        lab_run ssh lab-a g-late 5 --pam lab bash -c "$(shell_of_lab 9342)"
        quietly bash -c "echo g-late $END >/run/lab/grants"
        lab_kill_agent
        quietly systemctl stop 'nhi-end-*.timer'
        until_second $((END + 2))
        judge 'with neither agent nor timer it lives on' something_runs '^sleep 9342'
        lab_agent
        judge 'before anything is served it is gone' nothing_runs '^sleep 9342'
}

# E4
case_without_a_verified_set_nothing_ends_before_its_own_end() {
        lab_fresh
        lab_run ssh lab-a g-noset 5 --pam lab sleep 9351
        judge 'the set is gone' test "$(lab_ask unprove g-noset)" = ok
        until_second $((END - 2))
        judge 'the session goes on' something_runs '^sleep 9351'
        until_second "$END"
        judge 'until its own end' gone_on_time 9351
}

# nohup stays in the scope of a closed session; systemd-run --user never was in it.
case_what_leaves_the_scope_still_belongs_to_the_grant() {
        lab_fresh
        lab_run ssh lab-a g-nohup 5 --pam lab sh -c '(setsid nohup sleep 9361 >/dev/null 2>&1 &)'
        wait "$lab_job"
        judge 'after the logout nohup lives' something_runs '^sleep 9361'
        until_second "$END"
        judge 'until the grant ends' gone_on_time 9361
        lab_fresh
        lab_run ssh lab-a g-moved 5 --pam lab sh -c 'export XDG_RUNTIME_DIR=/run/user/$(id -u); systemd-run --user --scope -q sh -c "sleep 9362; :" & until pgrep -f "^sleep 9362" >/dev/null; do sleep 0.1; done'
        wait "$lab_job"
        judge 'a scope of the user manager outlives the logout' something_runs '^sleep 9362'
        until_second "$END"
        judge 'and ends with the grant' gone_on_time 9362
}

# S08
case_a_hanging_logind_and_a_dead_bus_delay_no_end() {
        lab_fresh
        lab_run ssh lab-a g-hang 4 --pam lab bash -c "$(shell_of_lab 9371)"
        quietly pkill -STOP systemd-logind
        until_second "$END"
        judge 'logind hangs: gone on time' gone_on_time 9371
        quietly pkill -CONT systemd-logind
        lab_fresh
        lab_run ssh lab-a g-nobus 5 --pam lab bash -c "$(shell_of_lab 9372)"
        quietly systemctl stop 'nhi-end-*.timer' dbus.socket dbus.service
        quietly session-lab run /run/lab cron lab-a g-denied 9 true
        judge 'no bus: nobody new is let in' failed
        until_second "$END"
        judge 'no bus, no timer: gone on time' gone_on_time 9372
        quietly systemctl start dbus.socket dbus.service
        quietly systemctl restart systemd-logind
        judge 'the bus is found again' wait_until 10 in_host session-lab run /run/lab cron lab-a g-again 9 true
}

# S03, S07
case_sessions_of_other_grants_and_accounts_are_not_touched() {
        lab_fresh
        lab_run ssh lab-a g-other 60 --pam lab sleep 9382
        lab_run ssh lab-b g-bob 60 --pam lab sleep 9383
        lab_run ssh lab-a g-first 3 --pam lab sleep 9381
        until_second "$END"
        judge 'the first is gone' gone_on_time 9381
        judge 'the second grant of the account lives' something_runs '^sleep 9382'
        judge 'the other account lives' something_runs '^sleep 9383'
}

# E1
case_a_unit_is_stopped_by_pid_1_and_does_not_come_back() {
        lab_fresh
        # shellcheck disable=SC2016 # for the unit's shell
        quietly systemd-run --quiet --collect --unit=lab-job --property=Restart=always --property=RestartSec=50ms \
                session-lab run /run/lab unit lab-a g-unit "$(lasting 4)" sh -c 'trap "" TERM; sleep 9391; sleep 9391'
        wait_until 15 lab_knows g-unit
        END=$(lab_end s1)
        judge 'it is known by its unit' test "$(lab_ask list | awk '{ print $5 }')" = lab-job.service
        until_second "$END"
        judge 'it is gone' gone_on_time 9391
        judge 'Restart= does not bring it back' not in_host systemctl is-active lab-job.service
        quietly systemctl stop lab-job.service
}

# Its path may end in system.slice/NAME.service.
case_a_group_that_a_users_manager_named_is_no_unit_and_no_session() {
        lab_fresh
        quietly session-lab run /run/lab systemd-user lab-a g-um 9 true
        judge 'not the user manager: refused' failed
        quietly bash -c 'uid=$(id -u lab-a); systemctl start user@$uid.service
                d=/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service/system.slice/cron.service; mkdir -p $d; echo $$ >$d/cgroup.procs
                session-lab run /run/lab unit lab-a g-fake 9 true; s=$?
                echo $$ >/sys/fs/cgroup/system.slice/console.service/cgroup.procs; exit $s'
        judge 'a path that looks like a system unit: it is the manager that PID 1 sees' not lab_said 'jti=g-fake scope=cron.service'
        quietly bash -c 'systemctl stop user@$(id -u lab-a).service'
}

# A3 of tenant.h: an su inside of sudo may get a session of logind's, below the slice of whom it becomes.
case_what_an_elevation_began_in_anothers_slice_ends_with_its_grant() {
        lab_fresh
        lab_run ssh lab-b g-bob 60 --pam lab sleep 9711
        # shellcheck disable=SC2016 # for the host's shell
        host_run "$HOST" bash -c 'echo "$(id -u lab-a)" >/proc/self/loginuid
                d=/sys/fs/cgroup/user.slice/user-$(id -u lab-b).slice/session-c99.scope; mkdir -p $d
                (until grep -q "^start.*g-el" /run/lab/out; do sleep .1; done
                 (echo $BASHPID >$d/cgroup.procs; exec setpriv --reuid=lab-b --clear-groups bash -c "$1") &
                 wait) &
                exec session-lab run /run/lab sudo lab-a g-el 60 sleep 9713' lab "$DEAF; sleep 9712; sleep 9712" \
                >>"$work_dir/lab.out" 2>&1 </dev/null &
        wait_until 15 lab_knows g-el
        judge 'it runs as another, in a session of its own' wait_until 15 something_runs '^sleep 9712'
        judge 'revoked' test "$(lab_ask revoke g-el)" = ok
        judge 'it is gone' gone_within "$(now_ms)" 4 nothing_runs '^sleep 971[23]'
        judge 'whose slice it is in goes on' something_runs '^sleep 9711'
        judge 'and it is written down' wait_until 15 lab_said '^stray account=lab-a code=ended .*bash'
}

# A1, A2 of tenant.h
case_what_is_left_in_the_slice_of_a_closed_account_ends_with_its_last_session() {
        lab_fresh
        # shellcheck disable=SC2016 # for the host's shell
        quietly bash -c 'id -u lab-a >/run/lab/closed
                systemd-run --quiet --collect --unit=lab-daemon --uid=lab-a sleep 9721
                d=/sys/fs/cgroup/user.slice/user-$(id -u lab-a).slice; mkdir -p $d/session-c98.scope
                (echo $BASHPID >$d/session-c98.scope/cgroup.procs; exec setpriv --reuid=lab-a --clear-groups sleep 9722) >/dev/null 2>&1 &
                until pgrep -f "^sleep 9722" >/dev/null; do sleep .1; done'
        lab_run ssh lab-a g-last 60 --pam lab sleep 9723
        # shellcheck disable=SC2016 # for the host's shell
        quietly bash -c 'd=/sys/fs/cgroup/user.slice/user-$(id -u lab-a).slice; mkdir -p $d/nhi-lost-1.scope
                (echo $BASHPID >$d/nhi-lost-1.scope/cgroup.procs; exec setpriv --reuid=lab-a --clear-groups bash -c "$1") >/dev/null 2>&1 &
                (echo $BASHPID >$d/nhi-lost-1.scope/cgroup.procs; exec sleep 9725) >/dev/null 2>&1 &
                :' lab "$DEAF; sleep 9724; sleep 9724"
        judge 'what nobody accounts for runs' wait_until 15 something_runs '^sleep 9724'
        judge 'revoked' test "$(lab_ask revoke g-last)" = ok
        judge 'it is gone with the session' gone_within "$(now_ms)" 5 nothing_runs '^sleep 972[34]'
        judge 'a daemon of a system unit lives' something_runs 'sleep 9721$'
        judge 'a login of before lives' something_runs '^sleep 9722'
        judge "root's process there lives" something_runs '^sleep 9725'
        judge 'the end is written down' wait_until 15 lab_said '^stray account=lab-a code=ended .*bash'
        judge 'and what was left alone' wait_until 15 lab_said '^stray account=lab-a code=left unit=lab-daemon.service'
        quietly bash -c 'systemctl stop lab-daemon; pkill -KILL -f "^sleep 972"'
}
