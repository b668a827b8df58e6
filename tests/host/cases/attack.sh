# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A person without any right against the agent: what root and the records notice of it. How long root's logins take is
# printed, not judged: that depends on the machine.
#
#   NHI_LONG=1               100 logins of root under attack instead of 10, and 1000 kills of the agent instead of 8

attack_logins=10 attack_kills=8
[[ ${NHI_LONG-} != 1 ]] || attack_logins=100 attack_kills=1000

attack_put() {
        host_run "$HOST" install -m 755 /dev/stdin /root/attack-load.sh <"$here/attack-load.sh"
}

# A small allowance, so that also a slow machine's flood is one; and an account beside the attacker's that is gated.
attack_prepare() {
        attack_put
        # The journal's own limit would drop what the test counts; what the agent itself dropped is judged.
        quietly bash -c 'mkdir -p /etc/systemd/journald.conf.d
                printf "[Journal]\nRateLimitBurst=0\n" >/etc/systemd/journald.conf.d/attack.conf
                systemctl restart systemd-journald
                cat >/etc/nhi/agentd.conf.d/50-attack.conf <<-X
			limits: { denials_burst = 1; denials_per_sec = 1; };
			gates = ( { name = "bystander"; mode = "enforce"; services = [ "su" ]; accounts = [ "bot" ]; } );
		X
                systemctl reload nhi-agentd'
        judge 'the case is prepared' wait_until 15 in_host grep -q '^gate bystander enforce' /run/nhi/gates
}

attack_undo() {
        quietly bash -c 'rm -f /etc/nhi/agentd.conf.d/50-attack.conf /etc/systemd/journald.conf.d/attack.conf
                systemctl stop attack; systemctl restart systemd-journald; systemctl reload nhi-agentd'
}

attack_agent() { host_run "$HOST" /root/attack-load.sh agent </dev/null; }

# Root and a bystander while the attack lasts.
attack_bystanders() {
        admin "/root/attack-load.sh logins $attack_logins"
        judge 'root gets in, each time, under attack' says "^in $attack_logins of $attack_logins"
        admin '/root/attack-load.sh asks 20'
        judge 'root has each answer on control.sock' says '^answered 20 of 20'
        # No faster than the allowance, which is a person's own.
        quietly bash -c 'for i in 1 2 3; do
                setpriv --reuid=bot --regid=bot --init-groups su root -c "echo became" <<<"battery staple"; sleep 1.2; done'
        judge 'a bystander is denied' silent_on became
}

# A04 A05 A08: 10,000 connections that send a byte now and then, and su without end.
case_root_and_the_records_stand_a_flood() {
        local since rss fds rss_after fds_after tried singles_max
        attack_prepare
        admin '/root/attack-load.sh logins 3; /root/attack-load.sh asks 20'
        judge 'root gets in before' says '^in 3 of 3'
        read -r rss fds < <(attack_agent)
        since=$(($(host_run "$HOST" date +%s) + 1))
        until_second "$since"
        quietly systemd-run -q --unit=attack --property=KillMode=control-group /root/attack-load.sh run
        judge 'the attack begins' wait_until 15 attack_descriptors_exceed $((fds + 16))
        attack_bystanders
        read -r rss_after fds_after < <(attack_agent)
        note "agent: $rss kB and $fds descriptors before, $rss_after kB and $fds_after under attack"
        judge 'its memory is bounded' test "$rss_after" -lt $((rss + 32768))
        judge 'its descriptors are' test "$fds_after" -lt $((fds + 1024))
        admin '/root/attack-load.sh end'
        tried=$OUT singles_max=$(($(host_run "$HOST" date +%s) - since + 3))
        judge "each of $tried denials is accounted for" wait_until 10 attack_recorded "$since" olga "^$tried [(]"
        note "$OUT"
        judge 'no more than the allowance is written down one by one' attack_singles_at_most "$singles_max"
        # A machine may be so slow that the allowance lasts: then nothing was counted together.
        if says '[(][1-9]'; then
                quietly setpriv --reuid=olga --regid=olga --init-groups nhictl why -n 100
                judge 'who was denied learns how often' says '[0-9] times since'
        fi
        judge "each of a bystander's is written down by itself" attack_recorded "$since" bot '^3 [(]0 '
        quietly nhictl status --json
        judge 'the journal has all of them' says '"journal_dropped": *0'
        judge 'no descriptor is left' wait_until 20 not attack_descriptors_exceed $((fds + 2))
        attack_undo
}

attack_recorded() {
        quietly /root/attack-load.sh recorded "$1" "$2"
        says "$3"
}

attack_singles_at_most() {
        [[ $OUT =~ ^([0-9]+)\ \(([0-9]+)\  ]] && ((BASH_REMATCH[1] - BASH_REMATCH[2] <= $1))
}

attack_descriptors_exceed() {
        local rss fds
        read -r rss fds < <(attack_agent)
        [[ $fds -gt $1 ]]
}

# A10: whenever the agent dies, nobody gets in who has no grant; and it comes back each time.
case_a_kill_under_load_lets_nobody_in() {
        world_grant 'svc-deploy --service ssh --for 10h --owner payments --reason load --ssh-key /root/ci.pub --wait 10s'
        quietly bash -c '
                ask() { setpriv --reuid="$1" --regid="$1" --init-groups env HOME="/home/$1" timeout 60 "${@:2}" 2>/dev/null </dev/null; }
                for ((i = 0; i < $1; i++)); do
                        { ask ci ssh svc-deploy@web1 echo granted; } & { ask bot ssh svc-deploy@web1 echo WRONG; } &
                        { ask olga sudo -n -u postgres echo WRONG; } & { ask ci ssh root@web1 echo root; } &
                        sleep "0.$((i * 7 % 40 + 10))"
                        systemctl kill --signal=KILL nhi-agentd
                        wait
                        until nhictl status >/dev/null 2>&1; do sleep 0.1; done
                done' kill "$attack_kills"
        note "$attack_kills kills: $(grep -c '^granted$' <<<"$OUT") granted logins got in, $(grep -c '^root$' <<<"$OUT") of root's"
        judge 'nobody without a grant got in' silent_on WRONG
        judge 'root got in each time' test "$(grep -c '^root$' <<<"$OUT")" = "$attack_kills"
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'the agent decides as before' both succeeded says '^svc-deploy$'
}

# A04 A17: members of nhi-admin, who may ask for everything, fill the backlog of control.sock and keep it full. Root's
# answers come; how long they take is printed.
case_a_full_backlog_leaves_root_its_answers() {
        attack_put
        quietly usermod -aG nhi-admin bob
        admin '/root/attack-load.sh asks 20'
        quietly systemd-run -q --unit=attack --property=KillMode=control-group --property=TasksMax=infinity \
                /root/attack-load.sh knock bob 200
        judge 'the backlog fills' wait_until 30 backlog_is_full
        admin '/root/attack-load.sh asks 20'
        judge 'root has each answer' says '^answered 20 of 20'
        judge 'the backlog is still full' wait_until 10 backlog_is_full
        quietly bash -c 'rm -f /run/attack.on; systemctl stop attack; gpasswd -q -d bob nhi-admin'
        judge 'the backlog drains' wait_until 30 backlog_is_empty
}

backlog() { host_run "$HOST" ss -xlH </dev/null | awk '/control\.sock/ { print $3 }'; }
backlog_is_full() { [[ $(backlog) -ge 112 ]]; }
backlog_is_empty() { [[ $(backlog) -eq 0 ]]; }

# T08: tens of sessions and elevations whose grants end in the same second.
case_tens_of_sessions_end_in_the_same_second() {
        local end=$(($(host_run "$HOST" date +%s) + $(lasting 20)))
        world_grant "svc-deploy --service ssh --until $(date -u -d "@$end" +%FT%TZ) --owner payments --reason t08 --ssh-key /root/ci.pub --wait 10s"
        world_grant "olga --service sudo --group pay-ops --run-as root --until $(date -u -d "@$end" +%FT%TZ) --owner payments --reason t08 --wait 10s"
        judge 'both end then' test "$GRANT_END" = "$end"
        # No more at a time than sshd lets in unauthenticated.
        quietly bash -c '
                as() { setsid setpriv --reuid="$1" --regid="$1" --init-groups env HOME="/home/$1" "${@:2}" >/dev/null 2>&1 </dev/null & }
                for i in 1 2; do
                        for k in 1 2 3 4 5 6; do as ci ssh svc-deploy@web1 "exec sleep 9301"; as olga sudo -n sleep 9302; done
                        n=0; until [ "$(pgrep -fc "^sleep 930[12]")" -ge $((i * 12)) ] || [ $((n += 1)) -gt 50 ]; do sleep 0.1; done
                done; pgrep -fc "^sleep 930[12]"'
        note "$OUT processes of 24"
        judge 'tens are in' test "$OUT" -ge 12
        until_second "$end"
        judge 'all are gone' gone_within $((end * 1000)) 5 nothing_runs '^sleep 930[12]'
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'and nobody comes in' both failed silent_on '^svc-deploy$'
}
