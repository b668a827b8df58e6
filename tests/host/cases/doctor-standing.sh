# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# suites: bookworm
# this-host: no
# nhictl doctor, beside the ways in: agent, source, gates, exemptions, ways past the gate, units, files and standing
# access. Each is broken on a real host, flagged, and gone from the report when it is mended (K10).

# flagged CHECK LEVEL PATTERN BREAK MEND: what BREAK does is flagged by the check, and not after MEND.
flagged() {
        local check=$1 level=$2 pattern=$3 break=$4 mend=$5 n
        admin "$break"
        judge 'it is broken' succeeded
        for n in {1..10}; do
                quietly nhictl doctor "$check"
                ! says "^\[$level\] *$check: .*$pattern" || break
        done
        indent <<<"$OUT"
        judge "$check says [$level]" says "^\[$level\] *$check: .*$pattern"
        if [[ $level == FAIL ]]; then judge 'exit status 1' status 1; else judge 'exit status 0' status 0; fi
        quietly bash -c "$mend"
        judge 'it is mended' succeeded
        judge "$check does not say so any more" host_wait "$HOST" 10 bash -c \
                'nhictl doctor "$1" 2>&1 | { ! grep -E "^\[$2\] *$1: .*$3"; }' doctor "$check" "$level" "$pattern"
}

case_a_host_after_the_order_of_readme_has_no_fail_here_either() {
        local check
        admin 'nhictl doctor agent source clock gates exempt bypass polkit units automation standing files'
        judge 'exit status 0 and no [FAIL]' both succeeded silent_on '^\[FAIL\]'
        for check in agent source gates exempt polkit units automation files; do
                judge "$check is well" both says "^\[OK\] *$check: " -- silent_on "^\[WARN\] *$check: "
        done
        judge 'the way in without the agent is named' says 'exempt: .*root on the console, root by ssh'
}

case_a_dead_agent_fails_while_a_gate_is_enforced() {
        flagged agent FAIL 'does not answer' "$AGENT_KILL; while pgrep -x nhi-agentd >/dev/null; do sleep 0.1; done" "$AGENT_BACK"
        judge 'the agent is back' host_wait "$HOST" 10 nhictl status
        flagged agent FAIL '90-bad.conf:1' \
                'echo "gates = 3;" >/etc/nhi/agentd.conf.d/90-bad.conf; systemctl reload nhi-agentd || :' \
                'rm /etc/nhi/agentd.conf.d/90-bad.conf; systemctl reload nhi-agentd'
}

case_a_source_that_is_not_fetched_or_not_renewed_fails() {
        flagged source FAIL 'nhi-fetchd.service is inactive' 'systemctl stop nhi-fetchd' 'systemctl start nhi-fetchd'
        flagged source FAIL 'nhi-renew.timer is inactive' 'systemctl stop nhi-renew.timer' 'systemctl start nhi-renew.timer'
}

case_a_gate_that_is_not_what_its_author_meant_is_said() {
        flagged gates WARN 'NOT ENFORCING: gate operators' 'nhictl observe operators' 'nhictl enforce operators'
        flagged gates WARN 'group operatrs, which does not exist' \
                'sed -i s/operators\"\ \]/operatrs\"\ ]/ /etc/nhi/agentd.conf.d/20-gates.conf; systemctl reload nhi-agentd' \
                'sed -i s/operatrs/operators/ /etc/nhi/agentd.conf.d/20-gates.conf; systemctl reload nhi-agentd'
        flagged gates FAIL 'everybody but exempt' \
                'cp -a /run/nhi/gates /var/lib/nhi/gates /root; rm -f /var/lib/nhi/gates; echo x >/run/nhi/gates' \
                'cp -a /root/gates /var/lib/nhi/gates; cp -a /root/gates /run/nhi/gates'
}

case_an_exempt_account_that_cannot_log_in_fails() {
        flagged exempt FAIL 'nobody gets in' 'passwd -ql root; mv /root/.ssh/authorized_keys /root/.ssh/away' \
                'passwd -qu root; mv /root/.ssh/away /root/.ssh/authorized_keys'
        flagged exempt FAIL 'nobody gets in' \
                'passwd -ql root; echo "PermitRootLogin no" >/etc/ssh/sshd_config.d/00-case.conf' \
                'passwd -qu root; rm /etc/ssh/sshd_config.d/00-case.conf'
        flagged exempt FAIL '/etc/nhi/exempt is ignored' 'chmod 666 /etc/nhi/exempt' 'chmod 644 /etc/nhi/exempt'
        flagged exempt WARN 'case.conf:1 does not parse' 'echo glass >/etc/nhi/exempt.d/case.conf' 'rm /etc/nhi/exempt.d/case.conf'
        flagged exempt WARN 'account glass, which does not exist' 'echo glass ssh >/etc/nhi/exempt.d/case.conf' \
                'rm /etc/nhi/exempt.d/case.conf'
}

case_a_way_past_the_gate_is_said() {
        flagged bypass WARN 'doas .*not enforced for olga' \
                'install -m 4755 /bin/true /usr/bin/doas; echo permit olga >/etc/doas.conf' 'rm /usr/bin/doas /etc/doas.conf'
        flagged bypass FAIL 'docker amounts to root, and olga' 'groupadd docker; usermod -aG docker olga' 'groupdel docker'
        flagged units FAIL 'case.service .*runs as svc-backup' \
                'printf "[Service]\nUser=svc-backup\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n" >/etc/systemd/system/case.service
                systemctl daemon-reload; systemctl -q enable case.service' \
                'systemctl -q disable case.service; rm /etc/systemd/system/case.service; systemctl daemon-reload'
        # runuser asks no account stack
        flagged automation WARN '/etc/cron.d/case:1 becomes svc-backup by runuser' \
                'echo "0 4 * * * root runuser -u svc-backup -- /bin/true" >/etc/cron.d/case' 'rm /etc/cron.d/case'
}

case_standing_access_is_said_and_inert_where_the_class_is_enforced() {
        admin 'nhictl doctor standing'
        judge 'a login without a grant is named' says '^\[WARN\] standing: olga .*authorized_keys \(ssh\)'
        judge 'a sudoers rule behind an enforced gate is not' silent_on 'olga .*sudoers rule'
        judge 'bob is under no gate' silent_on 'bob'
        judge 'nor is the rule that sudo wants besides a grant' says '^\[OK\] *standing: svc-deploy has sudoers rule \(sudo\)'
        flagged standing WARN 'olga .*crontab \(cron\)' 'echo "0 4 * * * true" | crontab -u olga -' 'crontab -u olga -r'
        flagged standing OK 'svc-backup has .*crontab \(cron\): these wait for a grant' \
                'passwd -ql svc-backup; echo "0 4 * * * true" | crontab -u svc-backup -' 'crontab -u svc-backup -r'
        flagged standing WARN 'svc-backup .*sudoers rule \(sudo\)' \
                'echo "svc-backup ALL=(root) NOPASSWD: /bin/true" >/etc/sudoers.d/case; chmod 440 /etc/sudoers.d/case' \
                'rm /etc/sudoers.d/case'
        flagged standing WARN 'svc-deploy, a managed account, has of its own: .*crontab' \
                'echo "0 4 * * * true" >/var/spool/cron/crontabs/svc-deploy' 'rm /var/spool/cron/crontabs/svc-deploy'
        flagged standing WARN 'olga .*lingering' 'mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/olga' \
                'rm /var/lib/systemd/linger/olga'
}

case_files_that_others_can_write_fail() {
        flagged files FAIL '/etc/nhi/exempt belongs to uid' 'chown bob /etc/nhi/exempt' 'chown root /etc/nhi/exempt'
        flagged files FAIL '/etc/nhi/issuer.key has mode 0644' 'chmod 644 /etc/nhi/issuer.key' 'chmod 600 /etc/nhi/issuer.key'
        flagged files FAIL '/etc/nhi has mode 0777' 'chmod 777 /etc/nhi' 'chmod 755 /etc/nhi'
        flagged files FAIL 'pam_nhi.so has mode 0666' 'chmod 666 /usr/lib/*-linux-gnu/security/pam_nhi.so' \
                'chmod 644 /usr/lib/*-linux-gnu/security/pam_nhi.so'
        flagged files FAIL 'agentd.conf is a symbolic link' \
                'mv /etc/nhi/agentd.conf /root/agentd.conf; ln -s /root/agentd.conf /etc/nhi/agentd.conf' \
                'rm /etc/nhi/agentd.conf; mv /root/agentd.conf /etc/nhi/agentd.conf'
}
