# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The people and accounts of the demo and the cases, and how nhi is brought onto the host.
#
#   root         has an ssh key; is in the shipped exempt file for ssh
#   ci, bot      two pipelines: local accounts whose ssh clients reach the host over its loopback network
#   olga         an operator: a local account with key and password, member of operators
#   bob          a local account that no gate names
#   postgres     a local account that others run as
#   svc-backup   a local account that a systemd unit runs as
#   john.doe     a person who comes from SSSD
#   svc-deploy   known to nobody but a grant set
#
# sudoers says what is possible, the grant decides: world_make writes both of the administrator's files.

SSH_UNIT=${SSH_UNIT:-ssh}

world_ssh_user() { # USER: a key pair, and a client configuration that asks nothing
        host_run "$HOST" bash -eu -c '
                user=$1; home=$(getent passwd "$user" | cut -d: -f6); mkdir -p -m 700 "$home/.ssh"
                [ -f "$home/.ssh/id_ed25519" ] || ssh-keygen -q -t ed25519 -N "" -C "$user" -f "$home/.ssh/id_ed25519"
                printf "Host *\n BatchMode yes\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n ConnectTimeout 10\n" \
                        >"$home/.ssh/config"
                chown -R "$user:" "$home/.ssh"' world "$1"
}

world_people() {
        local user
        for user in ci bot olga bob postgres svc-backup; do
                in_host getent passwd "$user" || host_run "$HOST" useradd --create-home --shell /bin/bash "$user" || return
        done
        host_run "$HOST" bash -eu -c '
                groupadd --force operators; usermod -aG operators olga
                printf "olga:correct horse\nroot:battery staple\n" | chpasswd 2>/dev/null
                grep -q "web1.example.org" /etc/hosts || echo "127.0.0.1 web1.example.org web1" >>/etc/hosts'
        for user in ci bot root; do world_ssh_user "$user" || return; done
        # One key opens every local account: what is tested is the account, not the key.
        host_run "$HOST" bash -eu -c '
                for user in root olga bob; do home=$(getent passwd "$user" | cut -d: -f6)
                        mkdir -p -m 700 "$home/.ssh"; cp /home/ci/.ssh/id_ed25519.pub "$home/.ssh/authorized_keys"
                        chown -R "$user:" "$home/.ssh"; done
                cp /home/ci/.ssh/id_ed25519.pub /root/ci.pub; cp /home/bot/.ssh/id_ed25519.pub /root/bot.pub'
}

# SSSD reads the accounts of libnss-extrausers. A machine that the scenario runs on in place may lack it.
world_has_sssd() {
        ! host_is_here || in_host sh -c 'command -v sssd && test -e /usr/lib/libnss_extrausers.so.2'
}

world_sssd() {
        world_has_sssd || return 0
        host_run "$HOST" bash -eu -c '
                mkdir -p /var/lib/extrausers
                echo "john.doe:x:20001:20001:John Doe:/home/john.doe:/bin/bash" >/var/lib/extrausers/passwd
                echo "people:x:20001:" >/var/lib/extrausers/group
                cat >/etc/sssd/sssd.conf <<-X
			[sssd]
			services = nss, pam
			domains = people
			[domain/people]
			id_provider = proxy
			proxy_lib_name = extrausers
			proxy_pam_target = sssd-people
			access_provider = permit
			pwfield = *
		X
                chmod 600 /etc/sssd/sssd.conf; systemctl -q mask --now sssd-{nss,pam,pam-priv,autofs,ssh,sudo}.socket 2>/dev/null; systemctl -q start sssd
                mkdir -p -m 700 /home/john.doe /home/john.doe/.ssh; cp /home/ci/.ssh/id_ed25519.pub /home/john.doe/.ssh/authorized_keys
                chown -R 20001:20001 /home/john.doe'
        host_wait "$HOST" 15 getent passwd john.doe
}

world_sudoers() {
        host_run "$HOST" bash -eu -c '
                cat >/etc/sudoers.d/world <<-X
			svc-deploy ALL=(ALL:ALL) NOPASSWD: ALL
			olga ALL=(postgres) NOPASSWD: ALL
			%pay-ops ALL=(ALL:ALL) NOPASSWD: ALL
			bob ALL=(ALL:ALL) NOPASSWD: ALL
		X
                chmod 440 /etc/sudoers.d/world; visudo -qc'
}

# From OpenSSH 9.8 on, sshd turns an address away for a while after refused logins. Here everybody comes from one
# address, and most are refused on purpose.
world_sshd() {
        host_run "$HOST" sh -ec '
                ! sshd -T 2>/dev/null | grep -q ^persourcepenalties || {
                        echo "PerSourcePenalties no" >/etc/ssh/sshd_config.d/05-world.conf
                        systemctl reload "$1"; }' world "$SSH_UNIT"
}

# The console of a new host: everybody but nhi.
world_make() {
        world_people && world_sudoers && world_sshd && world_sssd
}

# The packages of DIR (deb.sh made them), as an administrator installs them; there is no network.
WORLD_INSTALL='apt-get -y --no-install-recommends install /opt/nhi/*.deb'
world_install() {
        ! host_is_here || return 0
        [[ -f $(echo "$1"/nhi_*.deb) ]] || { echo "world: no packages in $1; tests/host/deb.sh makes them" >&2; return 1; }
        host_run "$HOST" rm -rf /opt/nhi
        host_put "$HOST" "$1" /opt/nhi
        quietly env DEBIAN_FRONTEND=noninteractive sh -c "$WORLD_INSTALL"
        [[ $STATUS == 0 ]] || { printf 'world: %s\n%s\n' "$WORLD_INSTALL" "$OUT" >&2; return 1; }
}

# The steps of the order in README.md that switch nhi on, each as an administrator types it.
SSHD_EXAMPLE=${SSHD_EXAMPLE:-/usr/share/doc/nhi/sshd/20-nhi.conf}
PAM_ACCOUNT=${PAM_ACCOUNT:-/etc/pam.d/common-account}
WORLD_INIT='nhictl init --local --name web1.example.org'
WORLD_SSHD="install -m 644 $SSHD_EXAMPLE /etc/ssh/sshd_config.d/ && sshd -t && systemctl reload $SSH_UNIT"
WORLD_SUDO='nhictl sudo enable'
WORLD_PAM='nhictl pam enable'
WORLD_GATES='cat >/etc/nhi/agentd.conf.d/20-gates.conf <<EOF
gates = ( { name = "operators"; mode = "observe"; services = [ "sudo", "su" ]; groups = [ "operators" ]; },
          { name = "jobs"; mode = "observe"; services = [ "unit", "cron" ]; accounts = [ "svc-backup" ]; } );
EOF
systemctl reload nhi-agentd'

# In place, files of cases follow each other on one machine: what one added to the configuration is not for the next.
world_tidy() {
        quietly bash -c 'nhictl enforce --revert; cd /etc/nhi/agentd.conf.d 2>/dev/null || exit 0
                find . -name "*.conf" ! -name 20-gates.conf -delete; systemctl reload nhi-agentd'
        return 0
}

# Everything on and enforced, without showing it: for the cases.
world_enforce() {
        local line
        for line in "$WORLD_INIT" "$WORLD_SSHD" "$WORLD_SUDO" "$WORLD_PAM" "$WORLD_GATES" 'nhictl enforce' \
                'nhictl owner add payments --contact pay@example.org' \
                'nhictl account add svc-deploy --owner payments --shell /bin/bash'; do
                quietly bash -c "$line"
                [[ $STATUS == 0 ]] || { printf 'world: %s\n%s\n' "$line" "$OUT" >&2; return 1; }
        done
}

# world_grant ARGS: as admin types it. GRANT is its id and GRANT_END its end in seconds. Its patience is that of
# wait_until: NHI_SLACK times as long.
world_grant() {
        local args=$*
        admin "nhictl grant ${args/%--wait 10s/--wait $((10 * ${NHI_SLACK:-1}))s}"
        GRANT=$(grep -oE '^g-[A-Za-z0-9._-]+$' <<<"$OUT" | tail -1)
        GRANT_END=$(host_run "$HOST" nhictl list --json 2>/dev/null </dev/null | tr -d ' \n' | sed 's/{"/\n{"/g' |
                grep -F "\"$GRANT\"" | grep -oE '"exp":[0-9]+' | head -1 | cut -d: -f2)
        [[ -n $GRANT && -n $GRANT_END ]] || GRANT_END=$(date +%s)
}

world_revoke_all() {
        quietly bash -c 'for a in svc-deploy olga svc-backup; do nhictl revoke --account "$a" --reason "next case"; done'
        wait_until 10 world_no_grants
}

world_no_grants() {
        local list
        list=$(host_run "$HOST" nhictl list --json 2>/dev/null </dev/null) && ! grep -q '"jti"' <<<"$list"
}

# Dead, and not brought back: PID 1 would have it back within a second.
AGENT_KILL='systemctl mask --quiet --runtime nhi-agentd.service; systemctl kill --signal=KILL nhi-agentd.service'
AGENT_BACK='systemctl unmask --quiet --runtime nhi-agentd.service; systemctl reset-failed; systemctl start nhi-agentd.service'
agent_is_dead() { not in_host pgrep -x nhi-agentd; }

# Does anything of this command line run?
something_runs() { in_host pgrep -f -- "$1"; }
nothing_runs() { not something_runs "$1"; }

# No session is left for a uid: neither a logind scope nor one of ours.
no_scopes_of() {
        [[ -z $(host_run "$HOST" find "/sys/fs/cgroup/user.slice/user-$1.slice" -maxdepth 1 -name '*.scope' 2>/dev/null) ]]
}

# ---- what cases ask again and again --------------------------------------------------------------

AS_DEPLOY='ssh svc-deploy@web1'

deploy_gets_in() {
        person ci "$AS_DEPLOY id -un"
        succeeded && says '^svc-deploy$'
}

deploy_is_denied() {
        person ci "$AS_DEPLOY id -un"
        failed && silent_on '^svc-deploy$'
}

root_gets_in() {
        person ci 'ssh root@web1 id -un'
        succeeded && says '^root$'
}

nobody_gets_in_unasked() {
        person olga 'sudo -n -u postgres id -un'
        failed && silent_on '^postgres$'
}

grant_deploy() { # REASON FOR
        world_grant "svc-deploy --service ssh --for $2 --owner payments --reason $1 --ssh-key /root/ci.pub --wait 10s"
}

# A session of svc-deploy that sleeps for so many seconds; its number is its mark.
deploy_session() {
        host_run "$HOST" setpriv --reuid=ci --regid=ci --init-groups env HOME=/home/ci \
                bash -c "$AS_DEPLOY 'exec sleep $1'" >/dev/null 2>&1 </dev/null &
        judge 'a session is in' wait_until 15 something_runs "^sleep $1"
}

# A host shares its machine's clock, and no container can have one of its own: the agent's process gets one (set-clock.c).
clock_prepare() {
        host_run "$HOST" install -D -m 755 /dev/stdin /opt/nhi/set-clock.so <"$B/debs/$NHI_SUITE/set-clock.so"
        quietly bash -c 'mkdir -p /run/systemd/system/nhi-agentd.service.d
                printf "[Service]\nEnvironment=LD_PRELOAD=/opt/nhi/set-clock.so\n" >/run/systemd/system/nhi-agentd.service.d/clock.conf
                systemctl daemon-reload; systemctl restart nhi-agentd'
        judge 'the agent has a clock of its own' succeeded
}

# The reload stands for the kernel's word that the clock was set.
clock_set() { # SECONDS
        admin "echo $1 >/run/set-clock; systemctl reload nhi-agentd"
}

clock_undo() {
        quietly bash -c 'rm -rf /run/systemd/system/nhi-agentd.service.d /run/set-clock; systemctl daemon-reload; systemctl restart nhi-agentd'
}
