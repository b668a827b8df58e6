# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# suites: bookworm trixie
# this-host: no
# nhictl doctor: a host after README's order has no [FAIL]; each way of breaking PAM, sshd, sudo or NSS is seen, and gone
# from the report when it is mended (K10).

COMMON_ACCOUNT=/etc/pam.d/common-account
COMMON_SESSION=/etc/pam.d/common-session
SSHD_FIRST=/etc/ssh/sshd_config.d/00-case.conf
SUDOERS_CASE=/etc/sudoers.d/case

# seen CHECK LEVEL PATTERN 'BREAK' ['MEND']: what BREAK does is flagged by the check. A file that a line of BREAK saves
# with `keep FILE` is put back without MEND.
SAVED='keep() { for f in "$@"; do mkdir -p /root/kept; cp -a --parents "$f" /root/kept; done; }; '
MENDED='[ ! -d /root/kept ] || { cp -a /root/kept/. /; rm -rf /root/kept; }; '
seen() {
        local check=$1 level=$2 pattern=$3 break=$4 mend=${5:-:}
        quietly bash -c "$SAVED$break"
        judge "broken: $break" succeeded
        admin "nhictl doctor $check"
        judge "$check says [$level]" says "^\[$level\] *$check: .*$pattern"
        [[ $level != FAIL ]] || judge 'and the exit status is 1' status 1
        quietly bash -c "$MENDED$mend"
        quietly nhictl doctor "$check"
        judge "$check is well again" both succeeded silent_on '^\[FAIL\]'
}

case_a_host_after_the_order_of_readme_has_no_fail() {
        admin 'nhictl doctor'
        judge 'exit status 0' succeeded
        judge 'no [FAIL]' silent_on '^\[FAIL\]'
        judge 'every check that looks at a way in has an answer' says '^\[OK\] *sshd-pam: '
        world_grant "svc-deploy --service ssh --group operators --ssh-key /root/ci.pub --for 2m --owner payments --reason doctor --wait 10s"
        admin 'nhictl doctor'
        judge 'nor under a grant' both succeeded silent_on '^\[FAIL\]'
        judge 'sshd was asked about the account itself' says 'AuthorizedKeysFile is none for svc-deploy'
}

case_the_report_can_be_read_by_machines_and_by_root_only() {
        admin 'nhictl doctor --json 2>/dev/null'
        judge 'JSON with counts' both succeeded says '"fail": 0'
        admin 'nhictl doctor --list'
        judge 'the checks are listed' both succeeded says '^pam-order '
        admin 'nhictl doctor no-such-check'
        judge 'an unknown check is a usage error' both status 2 -- says 'nhictl doctor --list'
        person bob 'nhictl doctor'
        judge 'root only' both status 5 -- says 'sudo nhictl doctor'
}

# F1: an expired password ends the stack before the gate.
case_what_stands_before_the_gate_is_seen() {
        seen pam-order FAIL 'common-account:[0-9]+ .*pam_unix.so' \
                "keep $COMMON_ACCOUNT; sed -i /pam_nhi.so/d $COMMON_ACCOUNT; echo 'account requisite pam_nhi.so' >>$COMMON_ACCOUNT"
        seen pam-order FAIL 'sufficient pam_localuser.so' \
                "keep $COMMON_ACCOUNT; sed -i '1i account sufficient pam_localuser.so' $COMMON_ACCOUNT"
        seen pam-order FAIL 'su, su-l: no pam_nhi.so' "keep /etc/pam.d/su; sed -i 's/^@include common-account/account required pam_unix.so/' /etc/pam.d/su"
}

case_lines_that_are_gone_or_weak_are_seen() {
        seen pam-session FAIL 'no pam_nhi.so in the session stack' "keep $COMMON_SESSION; sed -i /pam_nhi.so/d $COMMON_SESSION"
        seen pam-off FAIL 'common-account:[0-9]+: the account line' "keep $COMMON_ACCOUNT; sed -i '/pam_nhi.so/s/^/# /' $COMMON_ACCOUNT"
        seen pam-line FAIL '"optional"' "keep $COMMON_ACCOUNT; sed -i '/pam_nhi.so/s/requisite/optional/' $COMMON_ACCOUNT"
        seen pam-line FAIL 'module_unknown' \
                "keep $COMMON_ACCOUNT; sed -i '/pam_nhi.so/s/requisite/[success=ok ignore=ignore module_unknown=ignore default=die]/' $COMMON_ACCOUNT"
        seen pam-line FAIL 'knows no word "fail_open"' "keep $COMMON_ACCOUNT; sed -i '/pam_nhi.so/s/\$/ fail_open/' $COMMON_ACCOUNT"
}

# Root gets "Module is unknown"; doctor says why.
case_a_module_that_is_gone_is_seen() {
        seen pam-module FAIL 'everybody is locked out' 'm=$(ls /usr/lib/*/security/pam_nhi.so); mv $m /root/pam_nhi.so; echo $m >/root/where' \
                'mv /root/pam_nhi.so $(cat /root/where)'
        seen nss-module FAIL 'libnss_nhi.so.2 is not there' 'm=$(ls /usr/lib/*/libnss_nhi.so.2); mv $m /root/libnss; echo $m >/root/where' \
                'mv /root/libnss $(cat /root/where)'
}

# The distribution's own lines: a warning, no fail.
case_user_readenv_is_a_warning() {
        seen pam-environment WARN '/etc/pam.d/cron:[0-9]+.*user_readenv=1' \
                'keep /etc/pam.d/cron; echo "session required pam_env.so user_readenv=1" >>/etc/pam.d/cron'
}

# pam_sss.so is no gate of ours, and yet it denies when SSSD was stopped: what doctor says is so.
case_a_stopped_sssd_keeps_granted_accounts_out_and_is_seen() {
        world_grant "svc-deploy --service ssh --ssh-key /root/ci.pub --for 10m --owner payments --reason sssd --wait 10s"
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'with SSSD the grant opens' both succeeded says '^svc-deploy$'
        quietly systemctl start sssd
        quietly systemctl stop sssd
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'while it is stopped pam_sss.so denies' failed
        admin 'nhictl doctor pam-sssd'
        judge 'doctor says so' both status 1 -- says 'SSSD is stopped'
        quietly bash -c 'systemctl start sssd; until getent passwd john.doe; do sleep 0.1; done'
        admin 'nhictl doctor pam-sssd'
        judge 'and is content again' succeeded
}

# F4
case_what_sshd_passes_by_is_seen() {
        world_grant "svc-deploy --service ssh --ssh-key /root/ci.pub --for 10m --owner payments --reason sshd --wait 10s"
        seen sshd-pam FAIL 'UsePAM is "no"' "echo 'UsePAM no' >$SSHD_FIRST" "rm $SSHD_FIRST"
        seen sshd-keyfile FAIL 'for svc-deploy' \
                "printf 'Match Group nhi-managed\n AuthorizedKeysFile .ssh/authorized_keys\nMatch all\n' >$SSHD_FIRST" "rm $SSHD_FIRST"
        seen sshd-keys FAIL 'does not see the keys' "printf 'AuthorizedKeysCommand none\n' >$SSHD_FIRST" "rm $SSHD_FIRST"
        seen sshd-environment WARN 'PermitUserEnvironment is "yes"' "echo 'PermitUserEnvironment yes' >$SSHD_FIRST" "rm $SSHD_FIRST"
        seen sshd-pam WARN 'sshd -T' "echo 'NoSuchKeyword yes' >$SSHD_FIRST" "rm $SSHD_FIRST"
}

# F3, F12, P27
case_options_of_sudoers_that_pass_the_gate_by_are_seen() {
        local option
        for option in '!pam_acct_mgmt' '!pam_session' 'runas_allow_unknown_id' 'pam_service=quiet'; do
                seen sudo-defaults FAIL "${option#!}.*/etc/sudoers.d/case:1" "echo 'Defaults:bob $option' >$SUDOERS_CASE; chmod 440 $SUDOERS_CASE" "rm $SUDOERS_CASE"
        done
}

case_a_sudo_that_cannot_keep_what_grants_say_is_seen() {
        world_grant "svc-deploy --service sudo --run-as postgres --group operators --for 10m --owner payments --reason sudo --wait 10s"
        seen sudo-groups FAIL 'not dynamic' 'keep /etc/sudo.conf; sed -i /group_source/d /etc/sudo.conf'
        seen sudo-plugin FAIL 'narrower than root' 'nhictl sudo disable' 'nhictl sudo enable'
        seen sudo-plugin FAIL 'fatal for everybody' 'mv /usr/libexec/sudo/sudo_nhi.so /root/' 'mv /root/sudo_nhi.so /usr/libexec/sudo/'
}

# glibc asks nobody else for initgroups then.
case_an_nsswitch_that_hides_us_is_seen() {
        seen nss-order FAIL 'initgroups line hides' "keep /etc/nsswitch.conf; echo 'initgroups: files' >>/etc/nsswitch.conf"
        seen nss-order FAIL 'ends the search of passwd' "keep /etc/nsswitch.conf; sed -i '/^passwd:/s/ nhi/ [NOTFOUND=return] nhi/' /etc/nsswitch.conf"
        seen nss-order FAIL 'nhi is missing in group' "keep /etc/nsswitch.conf; sed -i '/^group:/s/ nhi//' /etc/nsswitch.conf"
        seen nss-cache FAIL 'nscd caches' \
                "mkdir -p /run/nscd; : >/run/nscd/socket; printf 'enable-cache passwd yes\n' >/etc/nscd.conf" 'rm -r /run/nscd /etc/nscd.conf'
        seen nss-userdb WARN 'org.example.Slow' 'mkdir -p /run/systemd/userdb; : >/run/systemd/userdb/org.example.Slow' \
                'rm /run/systemd/userdb/org.example.Slow'
}

case_gates_that_nobody_asks_are_a_fail() {
        quietly nhictl pam disable
        judge 'PAM is switched off' succeeded
        admin 'nhictl doctor pam-order'
        judge 'enforced gates without PAM are a fail' both status 1 -- says 'nothing is gated'
        quietly nhictl pam enable
        admin 'nhictl doctor pam-order pam-session'
        judge 'and well when it is back' succeeded
}

case_doctor_answers_with_a_dead_agent() {
        quietly bash -c "$AGENT_KILL"
        wait_until 10 agent_is_dead
        admin 'timeout 60 nhictl doctor'
        judge 'it ends, with a problem' status 1
        judge 'it names the agent' says '^\[FAIL\] *agent: '
        judge 'and looks at PAM all the same' says '^\[OK\] *pam-order: '
        quietly bash -c "$AGENT_BACK"
        judge 'the agent is back' wait_until 15 in_host nhictl status
}
