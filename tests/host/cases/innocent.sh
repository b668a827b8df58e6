# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Never the wrong one: grants end, and whatever they did not start goes on. All of it lives on one host at once:
#
#   svc-deploy   grant one: ssh by ci, sudo as postgres      ends
#                grant two: ssh by bot, sudo as postgres     goes on
#                a daemon that a system unit started         goes on, and is reported
#   olga         sudo as postgres, by the host's issuer      ends
#                sudo as bob, by another issuer              goes on, as her own login shell does
#   kate         ssh under a grant                           ends
#                an at job, which an exemption lets run      goes on
#   root, bob    a console and ssh, with no grant at all     go on, also where logind was restarted in between
#
# suites: bookworm trixie

# A second issuer, with a ledger and a source of its own, that grants to olga, too.
issuer_two() {
        in_host test -e /etc/nhi/two.key && return
        quietly bash -euc '
                install -d -m 2750 -g nhi-fetch /var/lib/two-source; install -d -m 700 /var/lib/two-ledger
                sed "s,\"nhi-local:[^\"]*\",\"nhi-two\",; s,/var/lib/nhi-source,/var/lib/two-source," /var/lib/nhi-ledger/ledger.json >/var/lib/two-ledger/ledger.json
                two="--ledger /var/lib/two-ledger --key /etc/nhi/two.key"
                nhictl key new --key /etc/nhi/two.key
                nhictl key show --key /etc/nhi/two.key --ledger /var/lib/two-ledger >/etc/nhi/trust/two.jwk; chmod 644 /etc/nhi/trust/two.jwk
                nhictl owner add ops $two; nhictl host add web1.example.org $two
                cat >/etc/nhi/agentd.conf.d/60-two.conf <<-X
			issuers = ( { issuer = "nhi-two"; source: { type = "file"; path = "/var/lib/two-source/web1.example.org.jws"; };
			              keys = ( { file = "/etc/nhi/trust/two.jwk";
			                         reach: { sign = [ "grants" ]; accounts = [ "olga" ]; services = [ "sudo" ]; run_as = [ "bob" ];
			                                  groups = [ ]; lifetime_max = "24h"; }; } ); } );
		X
                systemctl reload nhi-agentd'
        judge 'the host hears two issuers' succeeded
}

# A local account whose logins are gated, and whose at jobs are exempt.
kate() {
        in_host getent passwd kate && return
        quietly bash -euc '
                useradd --create-home --shell /bin/bash kate
                mkdir -p -m 700 /home/kate/.ssh; cp /root/ci.pub /home/kate/.ssh/authorized_keys; chown -R kate: /home/kate/.ssh
                echo "kate at" >/etc/nhi/exempt.d/kate.conf
                echo "gates = ( { name = \"people\"; mode = \"enforce\"; services = [ \"ssh\", \"at\" ]; accounts = [ \"kate\" ]; } );" \
                        >/etc/nhi/agentd.conf.d/61-people.conf
                systemctl reload nhi-agentd'
        judge 'kate is gated' wait_until 10 in_host grep -q '^gate people enforce' /run/nhi/gates
}

# shell NAME USER LINE JOB COMMAND: USER's shell is open, and COMMAND runs "sleep JOB" in it.
shell() {
        shell_open "$1" "$2" "$3"
        shell_says "$1" "($5 >/dev/null 2>&1 &); id -un"
        judge "$1: its job runs" wait_until 15 something_runs "^sleep $4"
}
goes_on() { # NAME JOB
        judge "$1 goes on" both shell_lives "$1" -- something_runs "^sleep $2"
}
ends() { # NAME JOB
        judge "$1 ends" wait_until 10 nothing_runs "^sleep $2"
}
olga_has_two() {
        [[ $(host_run "$HOST" nhictl list olga --json </dev/null | grep -c '"jti"') == 2 ]]
}
# Of all that ended, was anything another grant's?
ended_grants() {
        host_run "$HOST" journalctl -q --no-pager -o json --output-fields=NHI_GRANT NHI_EVENT=session-end </dev/null |
                grep -oE '"NHI_GRANT":"[^"]*"' | cut -d'"' -f4 | sort -u
}

# S03, S07
case_only_what_a_grant_started_ends_with_it() {
        local one two hers
        issuer_two
        kate
        world_grant "svc-deploy --service ssh --service sudo --run-as postgres --for 10m --owner payments --reason one --ssh-key /root/ci.pub --wait 10s"
        one=$GRANT
        shell one ci 'ssh -tt svc-deploy@web1' 9601 'sudo -n -u postgres sleep 9601'
        shell_says one 'sleep 9602 & setsid nohup sleep 9602 >/dev/null 2>&1 & id -un'
        world_grant "svc-deploy --service ssh --service sudo --run-as postgres --for 10m --owner payments --reason two --ssh-key /root/bot.pub --wait 10s"
        two=$GRANT
        shell two bot 'ssh -tt svc-deploy@web1' 9603 'sudo -n -u postgres sleep 9603'
        shell_says two 'sleep 9604 & id -un'
        admin 'systemd-run --quiet --uid=svc-deploy --unit=a-daemon sleep 9605'

        quietly nhictl grant olga --service sudo --run-as bob --for 10m --owner ops --reason two --ledger /var/lib/two-ledger --key /etc/nhi/two.key
        world_grant "olga --service sudo --run-as postgres --for 10m --owner payments --reason hers --wait 10s"
        hers=$GRANT
        judge 'olga has grants of two issuers' wait_until 10 olga_has_two
        shell olga ci 'ssh -tt olga@web1' 9611 'sudo -n -u postgres sleep 9611'
        quietly bash -c 'grep -q "as bob" /etc/sudoers.d/world || echo "olga ALL=(bob) NOPASSWD: ALL # as bob" >>/etc/sudoers.d/world'
        shell_says olga '(sudo -n -u bob sleep 9612 >/dev/null 2>&1 &) ; sleep 9613 & id -un'
        judge 'under the other issuer, too' wait_until 15 something_runs '^sleep 9612'

        world_grant "kate --service ssh --for 10m --owner payments --reason kate --wait 10s"
        shell kate ci 'ssh -tt kate@web1' 9621 'sleep 9621'
        shell_says kate 'echo "sleep 9622" | at now'
        judge 'her at job runs' wait_until 15 something_runs '^sleep 9622'

        shell console root 'su - root' 9631 'sleep 9631'
        shell bob ci 'ssh -tt bob@web1' 9632 'sudo -n sleep 9632'
        admin 'systemctl restart systemd-logind'
        judge 'logind is back' wait_until 10 in_host loginctl list-sessions
        shell late ci 'ssh -tt root@web1' 9633 'sleep 9633'
        shell_says two 'sleep 9606 & id -un'

        admin "nhictl revoke $one $hers $GRANT --reason 'never the wrong one'"
        ends one '960[12]'
        ends olga 9611
        ends kate 9621
        goes_on two '960[3]'
        goes_on two 9604
        goes_on two 9606
        goes_on olga 9612
        goes_on olga 9613
        judge "kate's exempt job goes on" something_runs '^sleep 9622'
        judge 'a daemon of the same uid goes on' something_runs 'sleep 9605$'
        goes_on console 9631
        goes_on bob 9632
        goes_on late 9633
        judge 'nothing else was ended' not_ended "$two"

        admin "nhictl revoke $two --reason 'the last of the account'"
        ends two '960[346]'
        judge 'the daemon outlives the last grant of its account' something_runs 'sleep 9605$'
        judge 'and is reported' wait_until 10 stray_is_reported a-daemon
        goes_on olga 9613
        goes_on console 9631
        goes_on late 9633
        quietly bash -c 'systemctl stop a-daemon; pkill -f "^sleep 96"
                nhictl revoke --account olga --reason over --ledger /var/lib/two-ledger --key /etc/nhi/two.key'
}
not_ended() { ! ended_grants | grep -qx "$1"; }
stray_is_reported() {
        host_run "$HOST" journalctl -q --no-pager -o verbose NHI_EVENT=stray </dev/null | grep "$1" >/dev/null
}
