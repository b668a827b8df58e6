# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What a session leaves behind and no kill takes away (S12): planted under a managed account, and as root by sudo; each
# is written down under its grant, once, and nothing is removed.
#
#   svc-deploy's ssh ──┐ ends                                  ┌─► decision log, journal: leftover
#   olga's sudo ───────┴─► agent ─► PID 1: nhi-leftovers.service ┘

LEFT_LOG='nhictl log --event leftover --json'

# What was planted is listed in a file of the host, "KIND PATH" a line, by who planted it.
plant_list='
plant() { echo "$1 $2" >>/var/tmp/planted-$(id -un); }'

# Its own things: a setuid copy, a queue file, a crontab, a user unit, keys. (logind removes the IPC of an account.)
left_by_account='set -e
'$plant_list'
cp /usr/bin/id /tmp/.left-copy && chmod 4755 /tmp/.left-copy && plant setuid-file /tmp/.left-copy
mkdir -p ~/.config/systemd/user ~/.ssh ~/bin
echo >~/.config/systemd/user/left.timer && plant user-unit ~/.config/systemd/user/left.timer
echo "ssh-ed25519 AAAA left" >~/.ssh/authorized_keys && plant authorized-keys ~/.ssh/authorized_keys
cp /usr/bin/id ~/bin/left && chmod 2755 ~/bin/left && plant setuid-file ~/bin/left
echo "0 0 1 1 * true" | crontab - && plant crontab svc-deploy
! command -v at >/dev/null || { echo true | at now + 1 hour 2>/dev/null && plant at-job /var/spool/cron/atjobs; }'

left_by_root='set -e
'$plant_list'
say() { plant "$1" "$2"; mkdir -p "$(dirname "$2")"; echo "# left" >"$2"; }
say cron-table /etc/cron.d/left
say system-unit /etc/systemd/system/left.service
say profile /etc/profile.d/left.sh
say pam /etc/pam.d/left
say boot /etc/udev/rules.d/99-left.rules
say policy /etc/polkit-1/rules.d/left.rules
say nhi /etc/nhi/exempt.d/left
say preload /etc/ld.so.conf.d/left.conf
say posix-ipc /dev/shm/left
say sudoers /etc/sudoers.d/left; chmod 440 /etc/sudoers.d/left
echo "# left" >>/home/bob/.ssh/authorized_keys; plant authorized-keys /home/bob/.ssh/authorized_keys
echo "# left" >>/home/bob/.bashrc; plant profile /home/bob/.bashrc
cp /usr/bin/id /usr/local/bin/left; chmod 4711 /usr/local/bin/left; plant setuid-file /usr/local/bin/left
mkdir -p /var/lib/docker/containers/left; plant container /var/lib/docker/containers/left
touch /var/lib/systemd/linger/bob || { mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/bob; }; plant linger /var/lib/systemd/linger/bob
echo "0 0 1 1 * true" | crontab -; plant crontab /root
systemd-run --quiet --unit=left-run sleep 9601; plant transient-unit left-run.service
systemd-run --quiet --unit=left-bob --property=PAMName=login --property=User=bob sleep 9602; plant transient-unit left-bob.service
systemctl start "user@$(id -u bob)"
XDG_RUNTIME_DIR=/run/user/$(id -u bob) setpriv --reuid=bob --regid=bob --init-groups systemd-run --user --quiet --unit=left-user sleep 9603
plant user-unit "/run/user/$(id -u bob)/systemd/transient/left-user.service"
systemd-run --quiet --unit=left-timer --on-active=1d true; plant transient-unit left-timer.timer
ipcmk -M 4096 >/dev/null; plant sysv-ipc shm'

left_grants() {
        world_grant "svc-deploy --service ssh --for 10m --owner payments --reason s12 --ssh-key /root/ci.pub --wait 10s"
        grant_own=$GRANT
        world_grant "olga --service sudo --group pay-ops --run-as root --for 10m --owner payments --reason s12 --wait 10s"
        grant_root=$GRANT
}

# KIND and a part of the detail, under a grant.
left_is_logged() {
        host_run "$HOST" bash -c "$LEFT_LOG --grant '$3'" </dev/null 2>/dev/null | grep -F "\"code\":\"$1\"" | grep -qF "$2"
}

left_n_logged() { host_run "$HOST" bash -c "$LEFT_LOG" </dev/null 2>/dev/null | grep -c '"event":"leftover"'; }
left_n_runs() { host_run "$HOST" journalctl -q --no-pager -o cat -u nhi-leftovers.service -g '[0-9]+ found, ' </dev/null | wc -l; }

left_all_logged() { # USER GRANT
        local kind what
        while read -r kind what; do
                judge "$kind is written down: $what" left_is_logged "$kind" "${what%% *}" "$2"
        done < <(host_run "$HOST" cat "/var/tmp/planted-$1" </dev/null)
}

left_all_there() {
        local kind what
        while read -r kind what; do
                [[ $what != /* ]] || in_host test -e "$what" || { echo "gone: $what"; return 1; }
        done < <(host_run "$HOST" sh -c 'cat /var/tmp/planted-*' </dev/null)
        in_host systemctl is-active left-run.service left-timer.timer && in_host sh -c 'crontab -l && crontab -u svc-deploy -l'
}

# S12
case_what_a_session_leaves_behind_is_written_down_and_stays() {
        left_grants
        host_run "$HOST" sh -c 'cat >/usr/local/share/left-own; chmod 644 /usr/local/share/left-own' <<<"$left_by_account"
        host_run "$HOST" sh -c 'cat >/usr/local/share/left-root' <<<"$left_by_root"
        local runs
        runs=$(left_n_runs)
        person ci 'ssh svc-deploy@web1 bash /usr/local/share/left-own'
        judge 'planted as the account' succeeded
        person ci 'ssh olga@web1 sudo -n bash /usr/local/share/left-root'
        judge 'planted as root' succeeded
        person ci 'for i in 1 2 3 4; do ssh svc-deploy@web1 true & done; wait'
        # Before the second look the agent rests, twenty times as long as the first took.
        judge 'the last of the account is written down' wait_until 240 left_is_logged setuid-file /svc-deploy/bin/left "$grant_own"
        judge 'the last of root, too' wait_until 240 left_is_logged setuid-file /usr/local/bin/left "$grant_root"
        admin "nhictl log --event leftover"
        left_all_logged svc-deploy "$grant_own"
        left_all_logged root "$grant_root"
        quietly bash -c "$LEFT_LOG --grant $grant_own"
        judge 'it says whose, and what to do' both says '"account":"svc-deploy"' -- says 'remove it'
        judge 'six sessions ended, and few looks were taken' test $(($(left_n_runs) - runs)) -le 3
        quietly bash -c "$LEFT_LOG"
        judge 'and the service holds nothing of its own against them' silent_on '"code":"device-node"'
        judge 'nothing was removed' left_all_there
}

case_what_was_written_down_is_not_written_again() {
        quietly systemctl start nhi-leftovers.service
        local n
        n=$(left_n_logged)
        admin 'systemctl start nhi-leftovers.service; journalctl --sync; journalctl -q --no-pager -o cat -n 1 -u nhi-leftovers.service -g found'
        judge 'there was something, and nothing of it is new' both test "$n" -gt 20 -- says ' 0 of them new'
        judge 'no record came' test "$(left_n_logged)" = "$n"
        admin 'chmod 6755 /tmp/.left-copy; systemctl start nhi-leftovers.service'
        judge 'what changed outside of a session is nobody'"'"'s' test "$(left_n_logged)" = "$n"
}

case_an_administrator_asks_what_was_left_behind() {
        admin 'nhictl leftovers'
        judge 'found, and said' both status 1 -- says 'cron-table +/etc/cron.d/left'
        judge 'with the reason' says 'cron-table: cron starts it as root'
        quietly nhictl leftovers --json
        judge 'also for programs' both status 1 -- says '"complete": ?true'
        admin 'nhictl leftovers svc-deploy'
        judge 'of one account its own only' both says '/home/svc-deploy/bin/left|/var/lib/svc-deploy/bin/left' -- silent_on '/etc/cron.d/left'
        admin 'nhictl leftovers bob'
        judge 'of who had no session nothing' both succeeded -- says 'nothing was found'
        person bob 'nhictl leftovers'
        judge 'root asks, nobody else' status 1
}

case_a_grant_that_bounds_nothing_is_said_to() {
        admin "nhictl grant olga --service sudo --run-as root --for 10m --owner payments --reason s12 --wait 10s"
        judge 'when it is made' says 'unbounded'
        admin 'nhictl list olga'
        judge 'when it is shown' says 'sudo as root \(unbounded\)'
        admin 'nhictl doctor unbounded'
        judge 'by doctor' both succeeded -- says 'makes olga root without commands'
        admin "nhictl ledger $(grep -oE 'g-[0-9A-Z]+' <<<"$OUT" | head -1)"
        judge 'by the ledger' says 'is unbounded'
}
