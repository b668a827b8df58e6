# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Packages on a host that has never seen nhi: nothing that apt, dpkg or a maintainer script does, or fails to do, locks
# anybody out or lets anybody in. The cases go the way of a host's life; each brings it to where it begins.
#
# suites: bookworm trixie
# world: made
# needs: previous
# this-host: no
#
#   /opt/new, /opt/previous     two builds; the previous one has a lower version (deb.sh)
#   packages-state.sh           what is compared to the byte, and who must always get in     ┐
#   packages-load.sh            ten logins a second while packages come and go               ├ run inside the host
#   packages-steps.sh           maintainer scripts, killed at each change they make          ┘

NHI_PACKAGES='nhi nhi-agent libpam-nhi libnss-nhi nhi-tools'
README=$here/../../README.md

in_state() { quietly bash /root/packages-state.sh "$@"; }
in_steps() { quietly bash /root/packages-steps.sh "$@"; }

# Everything the cases need in the host, once; its sshd must not mistake ten clients at one address for an attack.
lab_ready() {
        in_host test -d /root/state && return
        host_put "$HOST" "$B/debs/$NHI_SUITE" /opt/new
        host_put "$HOST" "$B/debs/$NHI_SUITE-previous" /opt/previous
        local file
        for file in "$here"/packages-{state,load,steps}.sh; do
                host_run "$HOST" sh -c "cat >/root/${file##*/}" <"$file"
        done
        quietly bash -eu -c '
                { echo "MaxStartups 500"; sshd -T | grep -q "^persourcepenalties" && echo "PerSourcePenalties no"; } >/etc/ssh/sshd_config.d/00-lab.conf || :
                systemctl reload ssh
                echo "APT::Get::Assume-Yes \"true\";" >/etc/apt/apt.conf.d/90-lab
                cp /root/ci.pub /root/deploy.pub'
        in_state save bare
}

# The code of README.md, so that what is tested is what is read: all of a section, or of one of its numbered steps.
readme_code() { # SECTION [STEP]
        awk -v section="## $1" -v step="${2-}" '
                /^## /{ on = $0 == section; next }
                on && match($0, /^[0-9]+\. /) { n = $1 + 0 }
                on && step == "" && !n && sub(/^    /, "")
                on && step != "" && n == step && sub(/^       /, "")' "$README"
}

logins_work() { # WHEN
        in_state logins
        judge "root and ungated people get in $1" both silent_on ': no$' -- says 'bob-su-root: yes'
}

version_of() { host_run "$HOST" dpkg-query -W -f '${Version}' "$1" 2>/dev/null; }
everything_is() { # VERSION-REGEX
        quietly dpkg-query -W -f '${Package} ${db:Status-Status} ${Version}\n' $NHI_PACKAGES
        [[ $(grep -cE "^[a-z-]+ installed [0-9.-]+$1\$" <<<"$OUT") == 5 ]]
}
dpkg_install() { quietly env DEBIAN_FRONTEND=noninteractive sh -c "dpkg -i $*"; }
dpkg_purge() { quietly env DEBIAN_FRONTEND=noninteractive dpkg --purge $NHI_PACKAGES; }
module_is_there() { in_host sh -c 'ls /usr/lib/*/security/pam_nhi.so'; }
pam_lines() { host_run "$HOST" grep -rhE '^[^#]*pam_nhi\.so' /etc/pam.d; }

# Installed, switched on, and enforced, also for olga's ssh logins.
gates_ready() {
        lab_ready
        everything_is '' || dpkg_install /opt/new/*.deb
        in_host grep -qs '^gate people enforce' /run/nhi/gates && [[ -n $(pam_lines) ]] && return
        quietly bash -c 'mkdir -p /etc/nhi/agentd.conf.d; cat >/etc/nhi/agentd.conf.d/30-people.conf <<-C
			gates = ( { name = "people"; mode = "observe"; services = [ "ssh" ]; accounts = [ "olga" ]; } );
		C'
        world_enforce && wait_until 10 in_host grep -qs '^gate people enforce' /run/nhi/gates || judge 'the gates are enforced' false
}

grant_ssh() { # FOR REASON
        world_grant "svc-deploy --service ssh --service sudo --run-as postgres --for $1 --owner payments --reason '$2' --ssh-key /root/ci.pub --wait 10s"
}

grants_decide() { # WHEN
        person ci 'ssh svc-deploy@web1 id -un'
        judge "who has a grant gets in $1" both succeeded says '^svc-deploy$'
        person olga 'sudo -n -u postgres id -un'
        judge "who has none does not $1" both failed silent_on '^postgres$'
}

# ---- installing --------------------------------------------------------------------------------

# K01
case_installing_changes_no_login() {
        lab_ready
        logins_work 'before'
        quietly bash -c 'systemctl --failed --no-legend --plain | sort >/root/failed'
        quietly bash -c 'mkdir -p /root/build/deb; cp /opt/new/*.deb /root/build/deb/'
        admin "cd /root; $(readme_code Install | sed -n 's/^make deb && sudo //p' | head -n 1)"
        judge 'the line in README.md installs' both succeeded everything_is ''
        in_state diff bare
        [[ -z $OUT ]] || indent <<<"$OUT"
        judge 'nothing but nsswitch.conf has changed' silent_on '^diff .*(pam\.d|sudo|ssh)'
        quietly bash -c 'sed -E "/^(passwd|group):/s/ files nhi( |$)/ files\1/" /etc/nsswitch.conf | diff /root/state/bare/root/etc/nsswitch.conf -'
        judge 'there, nhi stands after files in passwd and group' succeeded
        logins_work 'afterwards'
        person ci 'ssh olga@web1 sudo -n -u postgres id -un'
        judge 'and whoever could use sudo still can' both succeeded says '^postgres$'
        quietly bash -c 'systemctl list-units --all --plain --no-legend --state=active,activating,failed "nhi*"; pgrep -a nhi-'
        judge 'nothing of nhi runs' silent_on .
        quietly systemctl list-unit-files --no-legend --state=enabled,enabled-runtime 'nhi*'
        judge 'or would at the next boot' silent_on .
        quietly bash -c 'systemctl --failed --no-legend --plain | sort | comm -13 /root/failed -'
        judge 'no unit failed' silent_on .
        admin 'nhictl doctor'
        judge 'doctor names the next step' both succeeded says 'nhictl init'
}

# K03, as piuparts would: nothing was ever switched on
case_purging_what_was_only_installed_leaves_no_trace() {
        lab_ready
        everything_is '' || dpkg_install /opt/new/*.deb
        dpkg_purge
        judge 'it purges' succeeded
        in_state diff bare
        judge 'every file that a login reads is what it was, to the byte' both succeeded silent_on .
        in_state new bare
        [[ -z $OUT ]] || indent <<<"$OUT"
        judge 'no file is left over' silent_on .
        dpkg_install /opt/new/*.deb
        judge 'and it installs again' both succeeded everything_is ''
}

# K09 is another file's: here, that the page leads there.
case_the_commands_in_the_readme_lead_to_an_enforced_gate_and_a_first_login() {
        lab_ready
        local n
        everything_is '' || dpkg_install /opt/new/*.deb
        quietly usermod -aG operators olga
        for n in 1 2 3 4 5; do
                admin "cd /root; set -e; $(readme_code 'The first grant, in five minutes' "$n")"
                judge "step $n" succeeded
        done
        logins_work 'with all gates in observe mode'
        person ci 'ssh svc-deploy@web1 id -un'
        judge 'the first login under a grant' both succeeded says '^svc-deploy$'
        person ci 'ssh svc-deploy@web1 sudo -n -u postgres id -un'
        judge 'and its sudo' both succeeded says '^postgres$'
        person olga 'sudo -n -u postgres id -un'
        judge 'observe mode denies nothing' both succeeded says '^postgres$'
        admin "$(readme_code 'The first grant, in five minutes' 6 | grep -v -e '--confirm ')"
        judge 'step 6, doctor and enforce' succeeded
        person olga 'sudo -n -u postgres id -un'
        judge 'now the gate denies' both failed silent_on '^postgres$'
        person ci "ssh root@web1 '$(readme_code 'The first grant, in five minutes' 6 | sed -n 's/ *#.*//; /--confirm$/p')'"
        judge 'a new login confirms' succeeded
        logins_work 'with the gate enforced'
        world_revoke_all || judge 'no grant is left for the next case' false
        quietly rm /etc/sudoers.d/svc-deploy
}

# ---- upgrade and downgrade ---------------------------------------------------------------------

# When each socket came up; a socket that is down has no such moment.
sockets_since() { host_run "$HOST" systemctl show -p Id,ActiveState,ActiveEnterTimestampMonotonic 'nhi-agentd-*.socket' | sort; }
agent_pid() { host_run "$HOST" systemctl show -p MainPID --value nhi-agentd.service; }

timed_install() { # TITLE DPKG-ARGS
        local from
        from=$(now_ms)
        dpkg_install "$2"
        note "$1: $(($(now_ms) - from)) ms, exit $STATUS"
        [[ $STATUS == 0 ]] || indent <<<"$OUT"
}

one_by_one() { # DIR PACKAGE...
        local package dir=$1
        shift
        for package; do
                timed_install "$package alone" "--force-depends ${dir}/${package}_*.deb"
                judge "$package comes alone" succeeded
        done
}

# K02, S02, and modules that meet another version's agent
case_no_login_is_dropped_or_wrongly_allowed_while_packages_change() {
        gates_ready
        dpkg_install /opt/previous/*.deb
        judge 'the previous build is installed' everything_is '~previous'
        grant_ssh 1h 'upgrade'
        shell_open stays ci 'ssh -tt svc-deploy@web1'
        shell_says stays '(sudo -n -u postgres sleep 9001 >/dev/null 2>&1 &); sleep 9002 & id -un'
        judge 'a session is open' both succeeded says '^svc-deploy$'
        judge 'and a job of sudo in it' wait_until 15 something_runs '^sleep 9001'
        local sockets pid
        sockets=$(sockets_since) pid=$(agent_pid)
        host_run "$HOST" bash /root/packages-load.sh run </dev/null >/dev/null 2>&1 &
        local load=$!
        host_wait "$HOST" 10 test -s /root/load.log
        one_by_one /opt/new libpam-nhi
        judge 'a new module meets the old agent' test "$(version_of nhi-agent)" != "$(version_of libpam-nhi)" -a "$(agent_pid)" = "$pid"
        timed_install 'the others at once' '/opt/new/*.deb'
        judge 'the new build is installed' everything_is '[0-9]'
        judge 'a new agent serves' test "$(agent_pid)" -gt 0 -a "$(agent_pid)" != "$pid"
        timed_install 'all at once, back' '/opt/previous/*.deb'
        judge 'the previous build is back' everything_is '~previous'
        one_by_one /opt/new nhi-agent
        judge 'an old module meets the new agent' test "$(version_of nhi-agent)" != "$(version_of libpam-nhi)"
        one_by_one /opt/new libpam-nhi libnss-nhi nhi nhi-tools
        judge 'the new build is installed again' everything_is '[0-9]'
        quietly rm -f /root/load.on
        wait_until 30 not kill -0 "$load"
        quietly bash /root/packages-load.sh report
        indent <<<"$OUT"
        judge 'logins went on all the while' says '^[0-9]+ logins'
        judge 'none was dropped' silent_on '^dropped'
        judge 'none was wrongly allowed' silent_on '^wrong'
        judge 'four sockets listen' test "$(grep -c 'ActiveState=active' <<<"$sockets")" = 4
        judge 'and were never away' test "$(sockets_since)" = "$sockets"
        shell_says stays 'id -un'
        judge 'the session lives' both succeeded says '^svc-deploy$'
        judge 'with its job' something_runs '^sleep 9001'
        admin "nhictl revoke $GRANT --reason 'upgraded'"
        local revoked
        revoked=$(now_ms)
        judge 'and ends with its grant' gone_within "$revoked" 3 nothing_runs '^sleep 900[12]'
        judge 'its connection, too' wait_until 15 shell_is_over stays
}

floors() { host_run "$HOST" cat /var/lib/nhi/state.json | grep -oE '"(ver|time_floor)": ?[0-9]+' | sort; }
floors_not_lower() { # BEFORE
        local name value
        while IFS=: read -r name value; do
                (($(floors | grep -F "$name" | grep -oE '[0-9]+$' | sort -n | tail -1) >= value)) || return 1
        done <<<"$1"
}

# K08
case_a_downgrade_lowers_no_floor() {
        gates_ready
        quietly bash -c 'cp "$(ls /var/lib/nhi-source/*.jws | head -n 1)" /root/old.jws'
        judge 'an old set is at hand' succeeded
        grant_ssh 10m 'downgrade'
        local before
        before=$(floors)
        judge 'there are floors' test -n "$before"
        dpkg_install /opt/previous/*.deb
        judge 'the previous build comes over the newer one' both succeeded everything_is '~previous'
        judge 'its agent serves' host_wait "$HOST" 10 nhictl status
        judge 'no floor is lower' floors_not_lower "$before"
        admin 'nhictl feed /root/old.jws'
        judge 'an older set is refused' failed
        judge 'and leaves the floors' floors_not_lower "$before"
        grants_decide 'after the downgrade'
        dpkg_install /opt/new/*.deb
        judge 'the upgrade works again' both succeeded everything_is '[0-9]'
        judge 'with the same floors' floors_not_lower "$before"
        grants_decide 'after the upgrade'
}

# ---- what goes wrong ---------------------------------------------------------------------------

# K05
case_a_maintainer_script_killed_at_any_change_locks_nobody_out() {
        gates_ready
        in_steps on
        local script
        for script in 'libpam-nhi postinst configure' 'libpam-nhi prerm remove' 'libpam-nhi postrm remove' \
                'libnss-nhi postinst configure' 'libnss-nhi postrm remove' \
                'nhi-agent postinst configure' 'nhi-agent prerm remove' 'nhi-agent postrm remove'; do
                script_survives_kills "$script"
        done
        gates_ready
        quietly sed -i '/pam_unix.so/i account required pam_permit.so # hers, and pam-auth-update gives up' /etc/pam.d/common-account /etc/pam.d/common-session
        quietly sh -c 'echo "account required pam_nhi.so" >>/etc/pam.d/sshd'
        note 'with lines of an administrator'
        script_survives_kills 'libpam-nhi prerm remove'
        judge 'the script changed file after file' test "$N_CHANGES" -ge 4
        quietly bash -c 'for f in common-account common-session sshd; do cp -a /root/state/bare/root/etc/pam.d/$f /etc/pam.d/; done; pam-auth-update --package'
        in_steps off
}

script_survives_kills() {
        in_steps script $1
        N_CHANGES=$(sed -n 's/.* commands, \([0-9]*\) changes.*/\1/p' <<<"$OUT")
        note "$1: $(grep ' commands, ' <<<"$OUT")"
        grep -E '^(closed|unfinished)' <<<"$OUT" | indent
        judge "$1: killed at any change, nobody is locked out" both silent_on '^closed' -- says 'commands, .* changes'
        judge "$1: it ends well when run again" silent_on '^unfinished|exit status [1-9]'
}

# K05: dpkg itself killed, with the script it was running; then done again.
case_dpkg_killed_on_its_way_locks_nobody_out() {
        gates_ready
        in_steps on
        local n
        for n in 1 2; do
                in_steps kill "$n" dpkg -r nhi libpam-nhi
                judge "removal killed at change $n" both silent_on '^closed' -- says '^killed'
                judge 'the module is there as long as a line names it' nothing_or_module
                quietly sh -c 'dpkg --configure -a && dpkg -r nhi libpam-nhi'
                judge 'it ends well when run again' both succeeded not module_is_there
                judge 'with no line left' test -z "$(pam_lines)"
                dpkg_install /opt/new/*.deb
                quietly bash -c "$WORLD_PAM"
        done
        in_steps off
        logins_work 'after all this'
        grants_decide_without 'and the gate is back'
}

nothing_or_module() { [[ -z $(pam_lines) ]] || module_is_there; }

grants_decide_without() {
        person olga 'sudo -n -u postgres id -un'
        judge "$1" both failed silent_on '^postgres$'
}

# K05
case_a_full_disk_locks_nobody_out_and_is_got_over() {
        gates_ready
        dpkg_install /opt/previous/*.deb
        host_full "$HOST"
        dpkg_install /opt/new/*.deb
        judge 'an upgrade fails' failed
        logins_work 'while the disk is full'
        quietly dpkg -r nhi libpam-nhi
        judge 'or a removal' failed
        logins_work 'after that'
        grants_decide_without 'and nobody else does'
        host_roomy "$HOST"
        quietly sh -c 'dpkg --configure -a; dpkg -i /opt/new/*.deb'
        judge 'with room again the upgrade completes' both succeeded everything_is '[0-9]'
        quietly bash -c "$AGENT_BACK; $WORLD_PAM"
        judge 'and the agent is back' host_wait "$HOST" 10 nhictl status
        grant_ssh 2m 'room again'
        grants_decide 'with room again'
}

# ---- removing ----------------------------------------------------------------------------------

# K03, K06: a jump across the line would land one line too far, so it is the administrator's to take it out.
case_a_removal_that_cannot_take_a_line_out_fails_and_names_it() {
        gates_ready
        quietly bash -eu -c '
                cp -a /etc/pam.d/su /root/su
                { echo "account [success=1 default=ignore] pam_succeed_if.so quiet user = nobody-there"; echo "account required pam_nhi.so"; cat /root/su; } >/etc/pam.d/su'
        in_state save jump
        admin 'dpkg -r nhi libpam-nhi'
        judge 'the removal fails' failed
        judge 'and names file and line' says '/etc/pam.d/su:[12]'
        judge 'the module is still there' module_is_there
        in_state diff jump
        judge 'and so is every line' both succeeded silent_on .
        logins_work 'all the same'
        grants_decide_without 'and the gate stands'
        quietly cp -a /root/su /etc/pam.d/su
        quietly dpkg --configure -a
        judge 'with the line gone all is well' succeeded
}

# K06: seen from outside, what dpkg and its scripts do to the two
case_the_lines_are_gone_before_the_module_is() {
        gates_ready
        quietly strace -f -qq -e trace=rename,renameat,renameat2,unlink,unlinkat -e signal=none -o /root/trace dpkg -r nhi libpam-nhi
        judge 'it is removed' both succeeded not module_is_there
        quietly awk '/rename.*"\/etc\/pam.d\/common-(account|session|session-noninteractive)"/ { line = NR }
                (/unlink.*pam_nhi\.so"/ || /rename\("[^"]*pam_nhi\.so"/) && !module { module = NR } END { print "line", line, "module", module; exit !(line && module && line < module) }' /root/trace
        [[ -z $OUT ]] || indent <<<"$OUT"
        judge 'the last change of /etc/pam.d came first' succeeded
        judge 'and no line is left' test -z "$(pam_lines)"
        logins_work 'afterwards'
}

# Whatever bears our name, but for what PID 1 was told about sessions that the cases before have left: a user manager lives
# on for a while after its last login, and the end of its grant stays due.
units_left() {
        quietly bash -c 'systemctl list-units --all --plain --no-legend "nhi*.socket" "nhi*.timer" "nhi*.service" | grep -v "^nhi-end-"; pgrep -a nhi-'
        [[ -z $OUT ]] || indent <<<"$OUT"
}
ends_due() { host_run "$HOST" systemctl list-units --all --plain --no-legend 'nhi-end-*.timer' | cut -d ' ' -f 1 | sort; }
only_due() { [[ -z $(comm -13 - <(ends_due) <<<"$1") ]]; }

# K03: PID 1 knows the end (nhi-agentd(8), SIGTERM), and asks nobody
case_a_session_ends_on_time_although_everything_was_removed() {
        gates_ready
        world_revoke_all || judge 'no other grant would keep the session' false
        local before
        before=$(ends_due)
        world_grant "svc-deploy --service ssh --for $(lasting 40)s --owner payments --reason 'removed meanwhile' --ssh-key /root/ci.pub --wait 10s"
        shell_open deploy ci 'ssh -tt svc-deploy@web1'
        shell_says deploy 'sleep 5008 & id -un'
        judge 'a shell under a grant, with a job' both says svc-deploy -- wait_until 15 something_runs '^sleep 5008'
        judge 'of which PID 1 knows the end' not only_due "$before"
        admin "dpkg -r $NHI_PACKAGES"
        judge 'everything is removed' both succeeded not module_is_there
        units_left
        judge 'nothing of it runs' silent_on .
        ((GRANT_END * 1000 <= $(now_ms))) || judge 'the session lives on' both shell_lives deploy -- something_runs '^sleep 5008'
        until_second "$GRANT_END"
        # PID 1 leaves the agent its grace (session.grace, 2 s), be it there or not.
        judge 'it is gone within 2 s of its end and the grace' gone_within $((GRANT_END * 1000 + 2000)) 2 nothing_runs '^sleep 5008'
        judge 'the connection too' wait_until 15 shell_is_over deploy
        shell_close deploy
        judge 'and nothing is due that was not before' wait_until 15 only_due "$before"
}

# K03
case_removing_an_enforced_gate_is_an_alert_and_puts_everything_back() {
        gates_ready
        quietly bash -c 'nhictl observe operators && nhictl enforce operators --confirm-within 10m'
        judge 'an enforcement waits to be confirmed' both succeeded in_host test -e /var/lib/nhi/confirm.json
        quietly bash -c 'journalctl --rotate --vacuum-time=1s -q; true'
        admin 'dpkg -r nhi libpam-nhi libnss-nhi nhi-agent nhi-tools'
        judge 'it is removed' succeeded
        admin 'journalctl --sync; journalctl -q --no-pager -o json-pretty MESSAGE_ID=e90b37bced0b42b0ae063aa6b5d7de96 | grep -E "PRIORITY|MESSAGE\"|NHI_"'
        judge 'the journal has an alert' says '"PRIORITY" : "1"'
        judge 'that names the gate' says 'operators'
        in_state diff bare
        [[ -z $OUT ]] || indent <<<"$OUT"
        judge 'every file that a login reads is what it was, to the byte' both succeeded silent_on .
        logins_work 'afterwards'
        units_left
        judge 'nothing runs, waits or has failed' silent_on .
        judge 'what waited to be confirmed is undone' in_host sh -c \
                '[ ! -e /var/lib/nhi/confirm.json ] && ! grep -qs "operators.*enforce" /etc/nhi/agentd.conf.d/50-modes.conf'
}

# K03
case_an_administrators_own_edits_outlive_a_removal() {
        gates_ready
        quietly bash -eu -c '
                sed -i "/pam_unix.so/i account required pam_permit.so # hers" /etc/pam.d/common-account
                printf "# pam_nhi.so: asked for by hand\naccount  required \\\\\n    pam_nhi.so\n-session optional /usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null || echo x86_64-linux-gnu)/security/pam_nhi.so\naccount required pam_permit.so # hers too\n" >>/etc/pam.d/sshd
                sed -i "s/^passwd:.*/passwd:  files sss nhi # hers/; s/^group:.*/group: files [SUCCESS=merge] nhi sss/; s/^hosts:.*/hosts: files/" /etc/nsswitch.conf
                printf "Set disable_coredump false\n" >>/etc/sudo.conf
                printf "# hers\nClientAliveInterval 77\n" >/etc/ssh/sshd_config.d/50-hers.conf'
        judge 'she has been everywhere' succeeded
        dpkg_purge
        judge 'it purges' succeeded
        in_state diff bare
        indent <<<"$OUT"
        judge 'no line of ours is left' not in_host grep -rE '^[^#]*nhi' /etc/pam.d /etc/sudo.conf /etc/nsswitch.conf /etc/ssh
        judge 'nothing of before is missing or changed, but what she changed' silent_on '^Only in /root|^< ($|[^pgh]|p[^a]|pa[^s]|pas[^s]|pass[^w]|passw[^d]|passwd[^:])'
        local line
        for line in '^> account required pam_permit.so # hers$' '^> # pam_nhi.so: asked for by hand$' '^> account required pam_permit.so # hers too$' \
                '^> passwd: +files sss # hers$' '^> group: +files( \[SUCCESS=merge\])? sss$' '^> hosts: files$' '^> Set disable_coredump false$' 'Only in /etc/ssh/sshd_config.d: 50-hers.conf'; do
                judge "hers stays: $line" says "$line"
        done
        logins_work 'afterwards'
        quietly bash -c 'for f in /etc/pam.d/common-account /etc/pam.d/sshd /etc/nsswitch.conf /etc/sudo.conf; do cp -a /root/state/bare/root$f $f; done; rm /etc/ssh/sshd_config.d/50-hers.conf'
}

# K03, K08
case_a_purge_keeps_records_and_floors_until_told_otherwise() {
        gates_ready
        grant_ssh 10m 'purge'
        quietly bash -c 'cp "$(ls /var/lib/nhi-source/*.jws | head -n 1)" /root/old.jws'
        grant_ssh 10m 'purge again'
        local before
        before=$(floors)
        # As of a host with a central source, whose credentials go with /etc/nhi.
        quietly install -D -m 644 /dev/null /etc/systemd/system/nhi-fetchd.service.d/10-nhi-init.conf
        dpkg_purge
        judge 'it purges' succeeded
        in_state diff bare
        [[ -z $OUT ]] || indent <<<"$OUT"
        judge 'every file that a login reads is what it was, to the byte' both succeeded silent_on .
        in_state new bare
        OUT=$(grep -vE '^/(etc/nhi(/issuer\.key.*)?|var/lib/nhi(/(uids.*|state\.json|sets.*|host\.key|log-head\.json))?|var/log/nhi.*|var/lib/nhi-(ledger|source).*|var/lib/svc-deploy.*)$' <<<"$OUT")
        [[ -z $OUT ]] || indent <<<"$OUT"
        judge 'what is left is what README.Debian lists' silent_on .
        quietly ls /var/lib/nhi/uids /var/lib/nhi/state.json /etc/nhi/issuer.key /var/lib/nhi-ledger/ledger.json
        judge 'ids, floors, ledger and key are kept' succeeded
        quietly bash -c 'getent passwd nhi-keys nhi-fetch && getent group nhi-admin nhi-managed'
        judge 'so are users and groups' succeeded
        gates_ready
        judge 'installed again, no floor is lower' floors_not_lower "$before"
        admin 'nhictl feed /root/old.jws'
        judge 'and an older set is refused' failed
        quietly sh -c 'echo nhi-agent nhi-agent/purge-records boolean true | debconf-set-selections'
        dpkg_purge
        in_state new bare
        OUT=$(grep -v '^/var/lib/svc-deploy' <<<"$OUT")
        [[ -z $OUT ]] || indent <<<"$OUT"
        judge 'told otherwise, it leaves nothing but the homes of accounts' silent_on .
        in_state diff bare
        [[ -z $OUT ]] || indent <<<"$OUT"
        judge 'and every file that a login reads as it was' both succeeded silent_on .
        logins_work 'in the end'
}
