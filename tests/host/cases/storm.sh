# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A hundred thousand refused su, and what root notices of them: minutes, so only with NHI_LONG=1.
#
# long: yes
# this-host: no
#
# How long root's logins take depends on the machine and on what else it does. Each is measured three times in one run:
# in peace, beside as many processes that nhi has no part in (pam_deny refuses them), and under attack. Printed, and
# judged against each other.

# As the packages ship it: nhi's allowances and journald's limit are the defaults.
storm_prepare() {
        host_run "$HOST" install -m 755 /dev/stdin /root/attack-load.sh <"$here/attack-load.sh"
        host_run "$HOST" install -m 4755 /dev/stdin /usr/local/bin/su-storm <"$B/debs/$NHI_SUITE/su-storm"
        quietly bash -c 'printf "%s\n" "account optional pam_warn.so" "account requisite pam_deny.so" >/etc/pam.d/su-none'
        judge 'the case is prepared' succeeded
}

# storm_measure NAME: root's logins; sets STORM_SSH and STORM_SU to their medians, and says how many were refused.
storm_measure() {
        step "root's logins: $1"
        admin '/root/attack-load.sh becomes 100; /root/attack-load.sh asks 100; /root/attack-load.sh logins 30'
        judge 'root gets in, each time' both says '^became 100 of 100' -- says '^in 30 of 30'
        judge 'and has each answer on control.sock' says '^answered 100 of 100'
        STORM_SU=$(sed -n 's/^became .*median \([0-9]*\) ms.*/\1/p' <<<"$OUT")
        STORM_SSH=$(sed -n 's/^in .*median \([0-9]*\) ms.*/\1/p' <<<"$OUT")
        note "load $(cut -d' ' -f1-2 /proc/loadavg)"
}

storm_begin() { # CMDLINE of attack-load.sh
        quietly systemd-run -q --collect --unit=attack --property=KillMode=control-group --property=TasksMax=infinity \
                bash -c "NHI_ATTACK_SU_LOOPS=16 exec /root/attack-load.sh $1"
        judge 'it begins' wait_until 15 in_host test -e /run/attack.on
}

storm_is_over() { not in_host test -e /run/attack.on; }

storm_watch_memory() {
        host_run "$HOST" /root/attack-load.sh peak >"$work_dir/peak" </dev/null &
        storm_peak_pid=$!
}

# No slower than what any other user's processes cost root, by a factor that leaves room for a machine's moods.
storm_judge_delay() {
        judge "su of root: $STORM_SU ms, beside others' processes $1 ms" test "$STORM_SU" -le $(($1 * 3 + 20))
        judge "ssh of root: $STORM_SSH ms, beside others' processes $2 ms" test "$STORM_SSH" -le $(($2 * 3 + 20))
}

# Each denial is in the journal, one by one or in a count, though journald itself drops what the module says.
storm_judge_records() { # SINCE TRIED
        judge "each of $2 denials is accounted for" wait_until 30 storm_recorded "$1" "$2"
        note "$OUT"
        quietly nhictl status --json
        judge 'the agent lost none' says '"journal_dropped": *0'
        quietly journalctl --disk-usage
        note "$OUT"
}

storm_recorded() {
        quietly /root/attack-load.sh recorded "$1" olga
        says "^$2 [(]"
}

# A08
case_a_hundred_thousand_refused_su_hold_up_nobody() {
        local since su_beside ssh_beside peak
        storm_prepare
        storm_measure 'in peace'
        storm_begin 'storm su-none 2000000000'
        storm_measure 'beside eight processes that nhi has no part in'
        su_beside=$STORM_SU ssh_beside=$STORM_SSH
        quietly bash -c 'systemctl stop attack; rm -f /run/attack.on'

        since=$(host_run "$HOST" date +%s)
        storm_begin 'storm su 100000'
        storm_watch_memory
        storm_measure 'under 100,000 refused su of eight processes'
        note "it lasted longer than the measurement: $(storm_is_over && echo no || echo yes)"
        storm_judge_delay "$su_beside" "$ssh_beside"
        judge 'the storm ends' wait_until 1200 storm_is_over
        wait "$storm_peak_pid"
        peak=$(<"$work_dir/peak")
        quietly bash -c 'grep ^tried /run/attack-tried; echo "took $(($(date +%s) - $0)) s"' "$since"
        note "$OUT"
        judge 'each was denied by a decision or by the allowance' says '^tried 100000 denied 100000 unavailable 0 other 0$'
        note "the agent's memory: at most $peak kB PSS"
        judge 'its memory is bounded' test "$peak" -lt 15360
        storm_judge_records "$since" 100000
}

# A04 A08: real ones, each with its password, its process and su's second of sleep; and 10,000 connections.
case_thousands_of_real_su_and_ten_thousand_connections() {
        local since peak tried
        storm_prepare
        since=$(host_run "$HOST" date +%s)
        storm_begin run
        storm_watch_memory
        storm_measure 'under 16 loops of real su and 10,000 connections'
        sleep "${NHI_STORM_SECONDS:-240}"
        quietly /root/attack-load.sh end
        tried=$OUT
        judge "thousands were tried: $tried" test "$tried" -gt 1000
        wait "$storm_peak_pid"
        peak=$(<"$work_dir/peak")
        note "the agent's memory: at most $peak kB PSS"
        judge 'its memory is bounded' test "$peak" -lt 15360
        storm_judge_records "$since" "$tried"
}
