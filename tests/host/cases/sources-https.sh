# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The source is a real nginx, and fails in every way that there is. Each time: who is in stays in, who is out stays out,
# and what was revoked meanwhile is dead as soon as the source is well again.
#
# this-host: no

. "$host_lib_dir/sources.sh"

serve() { # BEHAVIOUR [CERTIFICATE]
        servers nginx sets1 "$@" || judge "nginx serves $*" false
        mark
        fetch_at_once
}

# A14: out of order, overloaded, and down; Retry-After is heeded.
case_a_server_in_trouble_changes_nothing() {
        source_use static || return
        fault_before 9701
        serve status-503
        fault_heard status-503
        serve status-500
        fault_heard status-500
        quietly truncate -s 0 /srv/nhi/sets1/access.log
        servers nginx sets1
        fetch_at_once
        judge 'well again, it is asked' wait_until 30 in_host grep -qE ' (200|304) GET' /srv/nhi/sets1/access.log
        quietly truncate -s 0 /srv/nhi/sets1/access.log
        # Of itself: asked at once it would forget what it was told. After a first failure the wait is a second.
        mark
        servers nginx sets1 later
        fault_heard status-503
        fault_during 9701
        judge 'with Retry-After: 3 it is asked again' wait_until 30 asked_twice
        quietly awk '$2 == 503 && ++n == 1 { from = $1 } n == 2 { printf "%.1f\n", $1 - from; exit !($1 - from >= 3) }' /srv/nhi/sets1/access.log
        judge "after $OUT s" succeeded
        mark
        servers stop sets1
        fault_heard no-connection
        servers nginx sets1
        fault_after 9701 "$(away 12)"
}

asked_twice() { (($(host_run "$HOST" grep -c " 503 " /srv/nhi/sets1/access.log </dev/null) >= 2)); }

# V36: a body that ends too soon, never, or comes a byte a second.
case_a_body_that_is_none_is_given_up() {
        source_use static || return
        servers backend sets1
        source_set 'timeout = "4s"; size_max = 1;'
        fault_before 9702
        serve truncated
        fault_heard cut-short
        serve endless
        fault_heard too-large
        quietly sh -c 'awk "/VmHWM/ { print \$2 }" /proc/$(pgrep -x nhi-fetchd)/status'
        judge "and the fetcher had $OUT kB at most" test "$OUT" -lt 65536
        serve drip
        fault_heard timeout
        fault_during 9702
        servers nginx sets1
        fault_after 9702 "$(away 12)"
        source_set
}

# V36: TLS. The server speaks the old versions, as openssl shows; we do not.
case_a_server_that_is_not_who_it_should_be_is_not_asked() {
        local certificate
        source_use static || return
        fault_before 9703
        servers stop sets1
        quietly truncate -s 0 /srv/nhi/sets1/access.log
        for certificate in wrong-name foreign expired; do
                serve well "$certificate"
                note "certificate: $certificate"
                fault_heard untrusted
        done
        serve old-tls
        quietly sh -c 'openssl s_client -connect sets1.example.org:443 -tls1_1 -cipher DEFAULT@SECLEVEL=0 </dev/null'
        judge 'a client that would take TLS 1.1 gets it' says 'Protocol *: TLSv1.1'
        fault_heard no-tls
        quietly cat /srv/nhi/sets1/access.log
        judge 'nobody was asked for a set' silent_on GET
        fault_during 9703
        servers nginx sets1
        fault_after 9703 "$(away 12)"
}

# V35: no redirect, wherever it leads, and no proxy that the environment names.
case_neither_redirect_nor_proxy_is_followed() {
        local where
        source_use static || return
        fault_before 9704
        quietly truncate -s 0 /srv/nhi/sets2/access.log
        for where in redirect redirect-http redirect-file; do
                serve "$where"
                note "$where"
                fault_heard status-302
        done
        quietly cat /srv/nhi/sets2/access.log
        judge 'nobody went there' silent_on .
        fault_during 9704
        quietly bash -c 'mkdir -p /run/systemd/system/nhi-fetchd.service.d
                printf "[Service]\nEnvironment=%s=http://10.77.0.12:3128\n" https_proxy HTTPS_PROXY all_proxy ALL_PROXY |
                        sed "2,\$ { /Service/d }" >/run/systemd/system/nhi-fetchd.service.d/proxy.conf
                systemctl daemon-reload'
        servers nginx sets1
        quietly systemctl restart nhi-fetchd
        quietly sh -c 'tr "\0" "\n" </proc/$(pgrep -x nhi-fetchd)/environ'
        judge 'the environment names a proxy' says '^https_proxy='
        fault_after 9704 "$(away 12)"
        quietly bash -c 'rm -r /run/systemd/system/nhi-fetchd.service.d; systemctl daemon-reload; systemctl restart nhi-fetchd'
}

# A14: half-open. What the server sends vanishes, and nobody says so. The first answers show whether it is one that can
# wait, which would be given that time too.
case_a_server_that_falls_silent_is_left() {
        source_use static || return
        source_set 'timeout = "4s"; wait = "0s";'
        fault_before 9705
        servers cut sets1
        fault_heard timeout
        fault_during 9705
        servers heal sets1
        fault_after 9705 "$(away 15)"
        source_set
}

# A14, V21: a mirror that is frozen, one that is down, and one whose name nobody resolves hold nothing up.
case_one_mirror_that_is_well_is_enough() {
        local restarts=$(fetch_restarts)
        source_use static || return
        quietly sh -c 'echo "nameserver 10.77.0.31" >/etc/resolv.conf'
        servers cut names
        source_set 'timeout = "4s"; urls = [ "https://sets1.example.org/{host}.jws", "https://sets2.example.org/{host}.jws", "https://stalled.example.net/{host}.jws" ];'
        fault_before 9706
        # What is said once may have been said before.
        fetch_at_once
        fault_heard 'no-name|timeout'
        quietly sh -c 'cp -p /srv/nhi/sets/sets1/*.jws /srv/nhi/sets/sets2/'
        mark
        fetch_at_once
        judge 'the second mirror serves the set' wait_until 30 in_host grep -q ' 200 GET' /srv/nhi/sets2/access.log
        quietly nhictl revoke "$GRANT" --reason mirror
        judge 'the first one alone has the revocation' not in_host cmp -s /srv/nhi/sets/sets1/web1.example.org.jws /srv/nhi/sets/sets2/web1.example.org.jws
        fault_after 9706 4
        mark
        fetch_at_once
        judge 'what the frozen one says is refused' wait_until 30 set_refused version-floor
        judge 'and stays denied' check_denies
        judge 'the fetcher never hung' test "$(fetch_restarts)" = "$restarts"
        source_set
        quietly rm /etc/resolv.conf
        servers heal names
}

# A14: there and gone ten times a second.
case_a_source_that_flaps_is_not_chased() {
        local opened took from
        source_use static || return
        fault_before 9707
        opened=$(connections_begun) from=$(now_ms)
        servers flap sets1 6
        took=$((($(now_ms) - from) / 1000)) opened=$(($(connections_begun) - opened))
        judge "in $took s of it $opened connections were begun" test "$opened" -le $((took + 5))
        judge 'who is in stays in' something_runs '^sleep 9707'
        judge 'and may come again' check_allows
        quietly nhictl revoke "$GRANT" --reason flap
        fault_after 9707 "$(away 15)"
}
connections_begun() { host_run "$HOST" awk '/^Tcp: [0-9]/ { print $6 }' /proc/net/snmp </dev/null; }

# V24: nginx's entity tag is a second and a size. What is published twice within a second, the second time of the same
# size, is heard of all the same.
case_a_set_that_changes_twice_in_a_second_is_heard_of() {
        source_use static || return
        grant_deploy twice-1 10m
        deploy_session 9708
        # The same grant under another name, and the first one revoked: nothing else differs.
        quietly bash -euc '
                nhictl revoke "$1" --reason twice --no-publish
                nhictl grant svc-deploy --service ssh --for 10m --owner payments --reason twice-2 --ssh-key /root/ci.pub --no-publish
                mkdir -p /root/next; nhictl publish --all --to /root/next' twice "$GRANT"
        judge 'the next set waits' succeeded
        host_run "$HOST" tee /opt/nhi/twice >/dev/null <<-'SCRIPT'
		set -eu
		served=/srv/nhi/sets/sets1/web1.example.org.jws log=/srv/nhi/sets1/access.log
		cp -p $served /root/first.jws
		for try in {1..15}; do
		        cp /root/first.jws $served.new; cp -p /root/next/web1.example.org.jws $served.next
		        chmod 644 $served.new $served.next
		        now=$(date +%s); until [ $(date +%s) -gt $now ]; do sleep 0.01; done
		        mv $served.new $served; touch $served; : >$log
		        systemctl kill --signal=HUP nhi-fetchd
		        until grep -q ' 200 GET' $log; do sleep 0.01; done
		        touch $served.next; cp -p $served /root/before.jws; mv $served.next $served
		        [ $(stat -c %Y.%s $served) != $(stat -c %Y.%s /root/before.jws) ] || exit 0
		done
		exit 1
	SCRIPT
        quietly timeout $((60 * ${NHI_SLACK:-1})) bash /opt/nhi/twice
        judge 'both were published in one second, the first was fetched in between' succeeded
        fault_after_other 9708
}

fault_after_other() {
        judge 'the second one arrives: who the first let in is dead' gone_within "$(now_ms)" 6 nothing_runs "^sleep $1"
        judge 'and the second one grants' check_allows
}
