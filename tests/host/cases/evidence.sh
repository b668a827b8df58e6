# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The decision log of a running host: what stands in it, who may read it, and what happens without it.
#
# this-host: no

LOG=/var/log/nhi

deploy_gets_in() {
        person ci 'ssh svc-deploy@web1 id -un'
        succeeded && says '^svc-deploy$'
}

deploy_is_denied() {
        person ci 'ssh svc-deploy@web1 id -un'
        failed && silent_on '^svc-deploy$'
}

root_gets_in() {
        person ci 'ssh root@web1 id -un'
        succeeded && says '^root$'
}

grant_deploy() {
        world_grant 'svc-deploy --service ssh --for 10m --owner payments --reason evidence --ssh-key /root/ci.pub --wait 10s'
}

# Each record's hash, as coreutils make it, stands in the one behind it; and their numbers have no gap.
chain_holds() {
        quietly bash -c 'tr -d "\0" <'$LOG'/decisions.log | {
                seq= hash=
                while IFS= read -r line; do
                        n=${line#\{\"seq\":} n=${n%%,*} prev=${line#*\"prev\":\"} prev=${prev%%\"*}
                        [ -z "$seq" ] || { [ "$n" = $((seq + 1)) ] && [ "$prev" = "$hash" ]; } || { echo "broken at $n"; exit 1; }
                        seq=$n hash=$(printf %s "$line" | b2sum -l 256) hash=${hash%% *}
                done
                [ "$seq" -gt 3 ]
        }'
        succeeded
}

# A login is in the log when it is in.
case_a_login_is_in_the_log_with_its_grant() {
        grant_deploy
        judge 'a granted login gets in' deploy_gets_in
        quietly bash -c "tr -d '\0' <$LOG/decisions.log | grep '\"grant\":\"$GRANT\"'"
        judge 'its decision is in the log' says '"event":"decision".*"account":"svc-deploy".*"verdict":"allow".*"why":"evidence"'
        judge 'and the session, with its scope' says '"event":"session-start".*"scope":"session-'
        world_revoke_all
        judge 'revoked, it is denied' wait_until 10 deploy_is_denied
        quietly bash -c "tr -d '\0' <$LOG/decisions.log | tail -n 20"
        judge 'and so is that' says '"event":"denial".*"account":"svc-deploy".*"verdict":"deny"'
        judge 'the chain holds' chain_holds
        quietly bash -c "stat -c '%U:%G %a' $LOG $LOG/decisions.log"
        judge 'the directory is for auditors' says '^root:nhi-audit 2750$'
        judge 'who may read, and not write' says '^root:nhi-audit 640$'
        quietly setpriv --reuid=bob --regid=bob --groups=nhi-audit head -c 1 $LOG/decisions.log
        judge 'a member of nhi-audit reads it' succeeded
        quietly setpriv --reuid=bob --regid=bob --init-groups ls $LOG
        judge 'others do not' failed
        quietly bash -c 'cd '$LOG'/sets && for f in *.jws; do h=$(b2sum -l 256 "$f"); [ "${h%% *}.jws" = "$f" ] || exit 1; done; ls'
        judge 'the sets that it cites stand beside it' both succeeded says '^[0-9a-f]{64}\.jws$'
}

# The whole log as text, in order; compressed segments too.
LOG_TEXT='cd '$LOG' && for f in $(ls decisions-*.log* 2>/dev/null | sed "s/\.zst$//" | sort -u) decisions.log; do
        if [ -f "$f" ]; then tr -d "\0" <"$f"; else zstd -dcq "$f.zst"; fi; done'

lab_put() {
        host_run "$HOST" install -m 4755 /dev/stdin /usr/local/bin/log-lab <"$B/debs/$NHI_SUITE/log-lab"
        host_run "$HOST" install -m 4755 /dev/stdin /usr/local/bin/su-storm <"$B/debs/$NHI_SUITE/su-storm"
        host_run "$HOST" install -m 644 /dev/stdin /usr/local/share/nhi-log.schema.json <"$here/../../docs/nhi-log.schema.json"
}

log_lines() { host_run "$HOST" bash -c "$LOG_TEXT" </dev/null | wc -l; }

records_fit() {
        quietly bash -o pipefail -c "($LOG_TEXT) | log-lab check /usr/local/share/nhi-log.schema.json"
        succeeded
}

# How many denials of an account the log accounts for since its line FROM: "N single, N counted".
log_denials() { # FROM ACCOUNT
        quietly bash -c "($LOG_TEXT)"' | tail -n +"$0" | grep -F "\"account\":\"$1\"" | awk '"'"'
                /"event":"denial"/ { single++ }
                /"event":"denials"/ { match($0, /"count":[0-9]+/); counted += substr($0, RSTART + 8, RLENGTH - 8) }
                END { printf "%d single, %d counted, %d in all\n", single, counted, single + counted }'"'" "$1" "$2"
}

# One more gate for su, over accounts of this glob.
evidence_gate() { # NAME GLOB
        quietly bash -c 'echo "gates = ( { name = \"$0\"; mode = \"enforce\"; services = [ \"su\" ]; accounts = [ \"$1\" ]; } );" \
                >/etc/nhi/agentd.conf.d/60-evidence.conf && systemctl reload nhi-agentd' "$1" "$2"
        judge "accounts $2 are gated" wait_until 15 in_host grep -q "^gate $1 enforce" /run/nhi/gates
}

evidence_ungate() { quietly bash -c 'rm -f /etc/nhi/agentd.conf.d/60-*.conf; systemctl reload nhi-agentd'; }

# U09: texts that would end a record or move a cursor, in all that an asker chooses: su's items, sudo's command, a name.
case_whatever_is_asked_for_stays_one_record() {
        local before
        lab_put
        before=$(log_lines)
        world_grant 'olga --service sudo --run-as postgres --for 10m --owner payments --reason '"'"'quote " brace } back \ slash'"'"' --wait 10s'
        quietly setpriv --reuid=olga --regid=olga --init-groups log-lab say su root
        judge 'su asks with such texts in every item' says '^28 asked$'
        quietly setpriv --reuid=olga --regid=olga --init-groups bash -c '
                sudo -n -u postgres /usr/bin/printf $'"'"'\n{"seq":1}\n'"'"' $'"'"'\e[2J\e]0;owned\a'"'"' $'"'"'\xff\xfe\xc0\xaf'"'"' "\"},{\"verdict\":\"allow\"" >/dev/null
                sudo -n -u postgres /usr/bin/printf %s "$(head -c 65536 /dev/zero | tr "\0" A)" | wc -c
                sudo -n -u root $'"'"'/bin/e\ncho'"'"' x'
        judge 'and so do commands of sudo' says '^65536$'
        evidence_gate od 'od*'
        quietly bash -c 'useradd --badname "od\"}{\\u001b" && setpriv --reuid="$(id -u "od\"}{\\u001b")" --clear-groups log-lab say su root'
        judge 'so does an account of such a name' says '^28 asked$'
        judge 'each record is whole and fits the schema' records_fit
        note "$OUT"
        judge 'there is more than one for each who asked' test "$(log_lines)" -ge $((before + 40))
        quietly bash -c "($LOG_TEXT)"
        judge 'what was asked is in it, escaped' both says '\\u000a\{\\"seq\\":1\}\\u000a' -- \
                says '"account":"od\\"\}\{\\\\u001b"'
        quietly nhictl log verify
        judge 'the log verifies' succeeded
        quietly userdel -f 'od"}{\u001b'
        evidence_ungate
}

# A08: a flood is counted, to the last one; the log grows by little, and nobody's record is missing.
case_a_flood_does_not_fill_the_log_nor_hide_others() {
        local before size tried n=${EVIDENCE_FLOOD:-3000}
        lab_put
        evidence_gate bystander bot
        [[ ${NHI_LONG-} != 1 ]] || n=100000
        before=$(($(log_lines) + 1))
        size=$(host_run "$HOST" bash -c "($LOG_TEXT) | wc -c" </dev/null)
        quietly bash -c '
                setpriv --reuid=olga --regid=olga --init-groups su-storm su root "$0" 4 & flood=$!
                for i in 1 2 3; do setpriv --reuid=bot --regid=bot --init-groups su-storm su root 1 1 >/dev/null; done
                wait $flood' "$n"
        tried=$OUT
        judge 'each is denied' both says "^tried $n denied $n " -- test -n "$tried"
        judge 'each is accounted for' wait_until 15 flood_is_counted "$before" "$n"
        note "$OUT"
        log_denials "$before" bot
        judge "and each of a bystander's has its own record" says '^3 single, 0 counted'
        size=$(($(host_run "$HOST" bash -c "($LOG_TEXT) | wc -c" </dev/null) - size))
        note "$n denials took $size bytes"
        judge 'the log has grown by little' test "$size" -lt $((n * 10 + 65536))
        judge 'each record fits the schema' records_fit
        evidence_ungate
}

flood_is_counted() {
        log_denials "$1" olga
        says " $2 in all"
}

# U10: whatever happened on this host since it booted stands once in the log and once in the journal.
case_every_decision_is_once_in_the_log_and_once_in_the_journal() {
        lab_put
        grant_deploy
        deploy_gets_in
        world_grant 'olga --service sudo --run-as postgres --sessions 1 --for 10m --owner payments --reason once --wait 10s'
        person olga 'sudo -n -u postgres id -un'
        judge 'a grant of one session lets one in' both succeeded says '^postgres$'
        person olga 'sudo -n -u postgres id -un'
        judge 'and no second one' both failed silent_on '^postgres$'
        judge 'the sessions are over' wait_until 10 no_session_is_left
        quietly bash -c 'systemctl kill --signal=KILL nhi-agentd; until nhictl status >/dev/null 2>&1; do sleep 0.1; done'
        person olga 'sudo -n -u postgres id -un'
        judge 'also when the agent was killed meanwhile' both failed silent_on '^postgres$'
        quietly bash -c 'nhictl observe operators; nhictl enforce operators; echo "nonsense {" >/etc/nhi/agentd.conf.d/99.conf
                systemctl reload nhi-agentd; sleep 0.5; rm /etc/nhi/agentd.conf.d/99.conf; systemctl reload nhi-agentd'
        shell_open deploy ci 'ssh -tt svc-deploy@web1 bash'
        quietly bash -c 'nhictl end "$(nhictl sessions --json | grep -o "\"s[0-9]*\"" | tail -1 | tr -d \")"'
        judge 'a session is ended by hand' succeeded
        wait_until 10 shell_is_over deploy
        person bot 'ssh svc-deploy@web1 id -un'
        judge 'a wrong key is denied' failed
        judge 'root gets in' root_gets_in
        world_revoke_all
        quietly bash -c 'systemctl stop nhi-agentd; journalctl --sync; journalctl -q -b -o json SYSLOG_IDENTIFIER=nhi-agentd >/run/journal.json'
        quietly bash -o pipefail -c "($LOG_TEXT) | log-lab match /run/journal.json"
        note "$OUT"
        judge 'log and journal have the same, and each decision once' succeeded
        quietly systemctl start nhi-agentd
        judge 'the agent serves' wait_until 15 in_host nhictl status
}

no_session_is_left() {
        quietly nhictl sessions
        both succeeded silent_on 'svc-deploy|olga'
}

# U02, U03: heads leave the host, closed segments are compressed, and nothing of it may be half done.
case_heads_are_handed_on_and_closed_segments_compressed() {
        lab_put
        quietly bash -c 'cat >/usr/local/bin/anchor <<-X
			#!/bin/sh
			exec cat >>/var/lib/anchor/head
		X
                chmod 755 /usr/local/bin/anchor
                mkdir -p /var/lib/anchor /etc/systemd/system/nhi-log-anchor.service.d
                printf "[Service]\nReadWritePaths=/var/lib/anchor\n" >/etc/systemd/system/nhi-log-anchor.service.d/anchor.conf
                cat >/etc/nhi/agentd.conf.d/60-log.conf <<-X
			limits: { denials_burst = 10000; denials_per_sec = 1000; };
			log: { anchor_command = "/usr/local/bin/anchor"; head_interval = "1s"; rotate_size = 1; };
		X
                systemctl daemon-reload; systemctl reload nhi-agentd'
        judge 'records enough for some segments are written' wait_until 60 fill_segments 3
        judge 'the head is handed on' wait_until 10 in_host test -s /var/lib/anchor/head
        quietly nhictl log verify --head /var/lib/anchor/head
        judge 'and the log verifies against it' succeeded
        quietly bash -c 'printf "#!/bin/sh\nexit 7\n" >/usr/local/bin/anchor; rm /var/lib/anchor/head'
        judge 'a command that fails fails its unit' wait_until 10 anchor_has_failed
        judge 'and nobody else' root_gets_in
        quietly bash -c 'printf "#!/bin/sh\nexec cat >/var/lib/anchor/head\n" >/usr/local/bin/anchor'
        judge 'the next head is handed on again' wait_until 10 anchor_has_a_head

        quietly bash -c 'cd '$LOG'; first=$(ls decisions-*.log | head -1); echo torn >".$first.zst.new"; echo damaged >"$first.zst"
                cp -a "$first" /run/first; systemctl start nhi-log-compress.service; ls'
        judge 'closed segments are compressed, but for the newest' both says '\.log\.zst$' -- compressed_but_one
        quietly bash -c 'cd '$LOG'; first=$(ls decisions-*.log.zst | head -1); zstd -dcq "$first" | cmp - /run/first && stat -c "%U:%G %a" "$first"'
        judge 'what was there half is made anew, and whole' both succeeded says '^root:nhi-audit 640$'
        quietly nhictl log verify
        judge 'the log verifies' succeeded
        quietly bash -c 'cd '$LOG'; first=$(ls decisions-*.log.zst | head -1); cp -a /run/first "${first%.zst}"; nhictl log verify'
        judge 'and with both of a segment there' succeeded
        quietly bash -c 'systemctl start nhi-log-compress.service && cd '$LOG' && first=$(ls decisions-*.log.zst | head -1) && ! test -e "${first%.zst}"'
        judge 'until the next time' succeeded
        quietly systemctl restart nhi-agentd
        judge 'the agent goes on from there' wait_until 15 in_host nhictl status
        judge 'and lets root in' root_gets_in
        quietly nhictl log verify
        judge 'verified' succeeded
        evidence_ungate
}

# The allowance is as it was until it has been earned.
fill_segments() {
        quietly setpriv --reuid=olga --regid=olga --init-groups su-storm su root 3000 4
        closed_at_least "$1"
}
closed_at_least() { [[ $(host_run "$HOST" bash -c "ls $LOG/decisions-*.log | wc -l" </dev/null) -ge $1 ]]; }
compressed_but_one() { [[ $(grep -c '^decisions-.*\.log$' <<<"$OUT") == 1 ]] && silent_on 'zst.new'; }
log_is_said_gone() { # SINCE
        quietly journalctl -q --no-pager -o cat --since "@$1" NHI_EVENT=log-failed
        says 'the log is gone'
}
# A head that comes while the one before is handed on is left to the next: so there is another one each time.
anchor_has_a_head() {
        root_gets_in
        in_host test -s /var/lib/anchor/head
}
anchor_has_failed() {
        root_gets_in
        quietly journalctl -q --no-pager -o cat -b _SYSTEMD_UNIT=init.scope UNIT=nhi-log-anchor.service
        says "status=7"
}

# U03, A12: a log that is gone, on a disk that is full: closed, but for root, until somebody resumes it.
case_without_its_log_a_gate_is_closed_until_somebody_resumes() {
        grant_deploy
        judge 'the grant is in force' deploy_gets_in
        local from=${EPOCHREALTIME/,/.}
        quietly bash -c "systemctl stop nhi-agentd; mount -t tmpfs -o mode=2750,gid=nhi-audit,size=1M nhi $LOG; mkdir $LOG/sets; systemctl start nhi-agentd"
        judge 'a log that is gone denies' deploy_is_denied
        judge 'root gets in' root_gets_in
        judge 'the journal says why' wait_until 15 log_is_said_gone "$from"
        quietly nhictl status
        judge 'status does' both failed says 'log +record .*FAILED.*nhictl log resume: .*the log is gone'
        quietly nhictl doctor
        judge 'doctor does' both failed says '\[FAIL\] +agent: .*cannot be written'
        quietly nhictl log resume
        judge 'on a full disk it stays so' both failed says 'No space left'
        judge 'denied still' deploy_is_denied
        quietly mount -o remount,size=64M $LOG
        judge 'nor does room alone open it' deploy_is_denied
        quietly nhictl log resume --reason 'moved to another disk'
        judge 'resumed' succeeded
        judge 'the grant holds again' deploy_gets_in
        quietly bash -c "cat $LOG/decisions*.log | tr -d '\0'"
        judge 'who resumed it is in the log' says '"event":"log-resumed".*"detail":"by uid 0: moved to another disk"'
        judge 'and who got in meanwhile, in its reserve or carried' says '"event":"exemption".*"account":"root"'
        quietly bash -c "systemctl stop nhi-agentd; umount -l $LOG; systemctl start nhi-agentd"
        judge 'the old log is not the one that was left' deploy_is_denied
        quietly nhictl log resume
        judge 'until somebody says so' both succeeded deploy_gets_in
        judge 'its chain holds' chain_holds
}
