# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# suites: bookworm trixie
# nhictl pam: what is shown is what happens, and nobody is locked out by it, whatever goes wrong in between.

PAM_STATE='{ find /etc/pam.d /var/lib/pam -type f ! -name seen -exec sha256sum {} +; find /etc/pam.d -printf "%M %U:%G %p %l\n"; } | sort'
REAL_TOOL=/usr/sbin/pam-auth-update

pam_state() { host_run "$HOST" bash -c "$PAM_STATE"; }
pam_d_is() { [[ $(pam_state) == "$1" ]]; }
root_gets_in() { [[ $(host_run "$HOST" setpriv --reuid=ci --regid=ci --init-groups env HOME=/home/ci ssh root@web1 id -u 2>/dev/null) == 0 ]]; }
bob_gets_in() { [[ $(host_run "$HOST" setpriv --reuid=ci --regid=ci --init-groups env HOME=/home/ci ssh bob@web1 id -un 2>/dev/null) == bob ]]; }
pam_off() { quietly bash -c 'nhictl pam disable; ! grep -qs pam_nhi /etc/pam.d/common-*'; }

case_diff_shows_what_enable_would_change_and_changes_nothing() {
        local before debconf
        pam_off
        before=$(pam_state) debconf=$(host_run "$HOST" sha256sum /var/cache/debconf/config.dat)
        admin 'nhictl pam diff'
        judge 'the account line is shown' both succeeded says '^\+account.*requisite.*pam_nhi.so'
        judge 'and the session line' says '^\+session.*required.*pam_nhi.so'
        judge 'as a unified diff' says '^--- /etc/pam.d/common-account$'
        judge 'nothing is changed' pam_d_is "$before"
        judge 'nor what debconf remembers' test "$debconf" = "$(host_run "$HOST" sha256sum /var/cache/debconf/config.dat)"
        judge 'no mount stays' not in_host grep -q ' /etc/pam.d ' /proc/self/mountinfo
        admin 'nhictl pam diff --json'
        judge 'JSON has the files with their lines' both succeeded says '"path": ?"/etc/pam.d/common-account"'
        admin 'nhictl pam enable && nhictl pam diff'
        judge 'enable does it, and then there is nothing to show' both succeeded silent_on '^[-+]'
        admin 'setpriv --reuid=bob --regid=bob --init-groups nhictl pam enable'
        judge 'it is for root' status 5
}

# F1, F2, P14, K03.
case_enable_puts_the_gate_first_and_keeps_nobody_out() {
        local before enabled
        pam_off
        before=$(pam_state)
        admin 'nhictl pam enable'
        judge 'it says what it did' both succeeded says '^changed$'
        quietly bash -c "grep -m1 '^account' /etc/pam.d/common-account"
        judge 'the gate is the first account line' says 'requisite.*pam_nhi.so'
        judge 'root gets in' root_gets_in
        judge 'whom no gate names gets in' bob_gets_in
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'a managed account without a grant does not' both failed silent_on '^svc-deploy$'
        quietly chage -d 0 olga
        person olga 'sudo -n -u postgres id -un'
        judge 'an expired password does not open NOPASSWD sudo' both failed silent_on '^postgres'
        quietly chage -d -1 olga
        judge 'the state before is kept' in_host test -f /var/lib/nhi/pam-backup/etc/pam.d/common-account
        enabled=$(pam_state)
        admin 'nhictl pam enable'
        judge 'a second time says so' both succeeded says '^unchanged$'
        judge 'and changes nothing' pam_d_is "$enabled"
        admin 'nhictl pam disable'
        judge 'disable says what it did' both succeeded says '^changed$'
        judge 'every file is as before, to the byte' pam_d_is "$before"
        admin 'nhictl pam disable'
        judge 'a second time says so' both succeeded says '^unchanged$'
}

case_a_module_that_is_missing_or_broken_is_refused() {
        local before so
        pam_off
        before=$(pam_state)
        so=$(host_run "$HOST" bash -c 'ls /usr/lib/*/security/pam_nhi.so')
        quietly mv "$so" /root/pam_nhi.so
        admin 'nhictl pam enable'
        judge 'missing: refused' both status 5 -- says 'is not here'
        judge 'nothing is changed' pam_d_is "$before"
        quietly bash -c "echo broken >$so"
        admin 'nhictl pam enable'
        judge 'broken: refused, because root would stay out' both status 5 -- says 'Module is unknown'
        judge 'nothing is changed' pam_d_is "$before"
        quietly mv /root/pam_nhi.so "$so"
        admin 'nhictl pam enable'
        judge 'with the module it works' succeeded
}

# pam-auth-update keeps an administrator's edit, says so and exits 0.
case_an_administrators_edit_is_kept_and_named() {
        local edited
        pam_off
        quietly cp -a /etc/pam.d/common-account /root/common-account
        quietly sed -i '/pam_unix.so/i account required pam_access.so' /etc/pam.d/common-account
        edited=$(pam_state)
        admin 'nhictl pam diff'
        judge 'diff says that nothing would happen' both status 1 -- says 'pam-auth-update leaves'
        admin 'nhictl pam enable'
        judge 'enable refuses and says what to do' both status 5 -- says 'pam-auth-update leaves'
        judge 'the line is named' says '/etc/pam.d/common-account:[0-9]+: account required pam_access.so'
        judge 'nothing is changed' pam_d_is "$edited"
        judge 'root gets in' root_gets_in
        quietly mv /root/common-account /etc/pam.d/common-account
}

# K04: what the rehearsal could not see is put back.
case_a_change_that_goes_wrong_is_put_back_to_the_byte() {
        local before
        pam_off
        before=$(pam_state)
        quietly bash -c "mv $REAL_TOOL $REAL_TOOL.real && cat >$REAL_TOOL <<'X' && chmod 755 $REAL_TOOL
#!/bin/sh
$REAL_TOOL.real \"\$@\"
grep -q ' /etc/pam.d ' /proc/self/mountinfo || sed -i '0,/^account/s//account requisite pam_deny.so\naccount/' /etc/pam.d/common-account
X"
        admin 'nhictl pam enable'
        judge 'root would stay out: it is undone' both status 5 -- says 'put back as it was'
        judge 'and the difference named' says 'answer to root would become'
        judge 'every file is as before, to the byte' pam_d_is "$before"
        judge 'root gets in' root_gets_in
        quietly mv "$REAL_TOOL.real" "$REAL_TOOL"
        quietly bash -c 'flock /var/cache/debconf/config.dat sleep 9103 >/dev/null 2>&1 & until pgrep -f "^sleep 9103" >/dev/null; do sleep 0.1; done'
        admin 'nhictl pam enable'
        judge 'while debconf is busy it fails' status 5
        judge 'and every file is as before' pam_d_is "$before"
        quietly pkill -f '^sleep 9103'
        wait_until 10 in_host flock --nonblock /var/cache/debconf/config.dat true
        admin 'nhictl pam enable'
        judge 'afterwards it works' both succeeded says '^changed$'
}

case_disable_is_the_way_back_when_all_else_is_gone() {
        local so
        quietly nhictl pam enable
        so=$(host_run "$HOST" bash -c 'ls /usr/lib/*/security/pam_nhi.so')
        quietly bash -c "$AGENT_KILL"
        wait_until 10 agent_is_dead
        quietly mv "$so" /root/pam_nhi.so
        judge 'without the module root stays out' not root_gets_in
        # As from single-user mode: no bus, no systemd, no socket.
        admin 'unshare --mount bash -c "mount -t tmpfs none /run && nhictl pam disable"'
        judge 'disable still works' both succeeded says '^changed$'
        judge 'root gets in' root_gets_in
        quietly mv /root/pam_nhi.so "$so"
        admin 'nhictl pam enable'
        judge 'enable without an agent warns' both succeeded says 'no agent answers'
        judge 'root gets in, with the agent dead' root_gets_in
        judge 'so does whom no gate names' bob_gets_in
        quietly bash -c "$AGENT_BACK"
        host_wait "$HOST" 10 nhictl status
}

case_a_line_of_the_administrators_own_is_named() {
        quietly nhictl pam enable
        quietly cp -a /etc/pam.d/sshd /root/sshd
        quietly sed -i '1a account required pam_nhi.so' /etc/pam.d/sshd
        admin 'nhictl pam disable'
        judge 'disable names it and says that it is still there' both status 1 -- says '/etc/pam.d/sshd:2: required pam_nhi.so'
        judge 'ours are gone' not in_host grep -q pam_nhi /etc/pam.d/common-account
        quietly mv /root/sshd /etc/pam.d/sshd
        admin 'nhictl pam disable'
        judge 'then nothing is left' both succeeded says '^unchanged$'
}

# pam-auth-update would put them back with the next package that runs it.
case_lines_deleted_by_hand_do_not_come_back() {
        quietly nhictl pam enable
        quietly sed -i /pam_nhi.so/d /etc/pam.d/common-account /etc/pam.d/common-session /etc/pam.d/common-session-noninteractive
        admin 'nhictl pam disable'
        judge 'disable tells the tool' both succeeded says '^changed$'
        quietly env DEBIAN_FRONTEND=noninteractive pam-auth-update --package
        judge 'its next run adds nothing' not in_host grep -q pam_nhi /etc/pam.d/common-account /etc/pam.d/common-session
        admin 'nhictl pam disable'
        judge 'then nothing is left to do' both succeeded says '^unchanged$'
}

# K09: whatever is half done, nobody is out and disable finishes.
case_a_run_that_is_killed_leaves_nobody_out() {
        local part whole_ms
        pam_off
        whole_ms=$(now_ms)
        quietly nhictl pam enable
        whole_ms=$(($(now_ms) - whole_ms))
        note "a whole run takes $whole_ms ms"
        for part in 10 30 50 60 70 80 90 97; do
                pam_off
                quietly bash -c "nhictl pam enable >/dev/null 2>&1 & sleep $(printf '%d.%03d' $((whole_ms * part / 100000)) $((whole_ms * part / 100 % 1000))); kill -KILL \$!"
                judge "killed after $part % of its time: root and a person get in" both root_gets_in bob_gets_in
        done
        admin 'nhictl pam enable'
        judge 'the next enable waits for what still works, and finishes' succeeded
        admin 'nhictl pam disable'
        judge 'so does disable' both succeeded says '^changed$'
        admin 'nhictl pam enable & nhictl pam enable; wait'
        judge 'two at a time are one after the other' both says '^changed$' -- says '^unchanged$'
}
