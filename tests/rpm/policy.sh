# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154 # truth, work, B: run.sh
#
# The policy module, linked with the reference policy as Debian builds it, neverallow rules checked. Nothing of it is
# installed on this machine, and no kernel enforces it: that takes a Fedora or RHEL host (docs/RPM.md).

# The reference policy in a store of its own, made once.
policy_base() {
        local version dir
        version=$(apt-cache policy selinux-policy-default | sed -n 's/^ *Candidate: *//p')
        dir=$NHI_CACHE/selinux-policy-${version//[^0-9a-zA-Z.-]/-}
        if [[ ! -d $dir ]]; then
                rm -rf "$dir.part"
                mkdir -p "$dir.part/deb"
                (cd "$dir.part/deb" && apt-get -qq download selinux-policy-default && dpkg-deb -x ./*.deb "$dir.part/x") >/dev/null 2>&1 || return
                mkdir -p "$dir.part/root/etc/selinux" "$dir.part/root/var/lib/selinux/default/active"
                cp -a "$dir.part/x/etc/selinux/." "$dir.part/root/etc/selinux/"
                printf 'module-store = direct\nexpand-check = 1\n' >"$dir.part/root/etc/selinux/semanage.conf"
                semodule -p "$dir.part/root" -s default -n -N -i "$dir.part"/x/usr/share/selinux/default/*.pp* 2>/dev/null || return
                rm -rf "$dir.part/deb" "$dir.part/x"
                mv "$dir.part" "$dir"
        fi
        echo "$dir/root"
}

policy_unpack() {
        mkdir -p "$work/policy"
        (cd "$work/policy" && rpm2cpio "$B"/rpm/nhi-selinux-*.rpm | cpio -id --quiet) &&
                bunzip2 -k "$work/policy/usr/share/selinux/packages/targeted/nhi.pp.bz2"
}
policy_links() {
        local base
        base=$(policy_base) || { echo "no reference policy to link with"; return 1; }
        cp -a "$base" "$work/selinux"
        semodule -p "$work/selinux" -s default -n -N -i "$work/policy/usr/share/selinux/packages/targeted/nhi.pp" 2>&1 | grep -v 'not in password file'
        policy=$(echo "$work"/selinux/etc/selinux/default/policy/policy.*)
        seinfo -t nhi_agentd_t "$policy" | grep -q nhi_agentd_t
}
may() { # SOURCE TARGET CLASS PERMISSION
        sesearch -A -s "$1" -t "$2" -c "$3" -p "$4" "$policy" | grep -q '^allow'
}
may_not() { ! may "$@"; }
becomes() { # SOURCE ENTRY TARGET
        sesearch -T -s "$1" -t "$2" -c process "$policy" | grep -q " $3;"
}
labelled() { # PATH TYPE
        grep -F "$1" "$work/selinux/etc/selinux/default/contexts/files/file_contexts" | grep -q ":$2:"
}
compiled_without_a_warning() { ! grep -nE 'nhi\.(te|if|fc).*(arning|rror)' "$B/rpm/build.log"; }

policy_case() {
        local domain
        truth 'the policy module compiles without a warning' compiled_without_a_warning
        truth 'the package holds it' policy_unpack
        truth 'it links with the reference policy, neverallow rules checked' policy_links
        [[ -n ${policy-} ]] || return
        for domain in sshd_t crond_t local_login_t init_t staff_sudo_t; do
                truth "$domain may ask the agent" may $domain nhi_agentd_t unix_stream_socket connectto
                truth "$domain may use the socket of pam_nhi" may $domain nhi_pam_sock_t sock_file write
                truth "$domain may read gates and exempt accounts" may $domain nhi_conf_t file read
        done
        truth 'a web server looks accounts up' may httpd_t nhi_runtime_t file map
        truth 'a web server does not ask about logins' may_not httpd_t nhi_pam_sock_t sock_file write
        truth 'a user may talk to the agent as nhictl' may user_t nhi_control_sock_t sock_file write
        truth 'a user may not as pam_nhi' may_not user_t nhi_pam_sock_t sock_file write
        truth 'PID 1 starts the agent in its domain' becomes init_t nhi_agentd_exec_t nhi_agentd_t
        truth 'PID 1 starts it without new privileges' may init_t nhi_agentd_t process2 nnp_transition
        truth 'PID 1 starts the fetcher in its domain' becomes init_t nhi_fetchd_exec_t nhi_fetchd_t
        truth 'sshd runs the keys helper in its domain' becomes sshd_t nhi_keys_exec_t nhi_keys_t
        truth 'the agent has no network' may_not nhi_agentd_t port_type tcp_socket name_connect
        truth 'the agent ends processes' may nhi_agentd_t sshd_t process sigkill
        truth 'the agent reads no ledger and no issuer key' may_not nhi_agentd_t nhi_ledger_t file read
        truth 'the fetcher reads no ledger and no issuer key' may_not nhi_fetchd_t nhi_ledger_t file read
        truth 'the fetcher writes nothing of the agent' may_not nhi_fetchd_t nhi_runtime_t file write
        truth 'the fetcher hands sets to the agent' may nhi_fetchd_t nhi_feed_sock_t sock_file write
        truth 'the fetcher reads what is published for it' may nhi_fetchd_t nhi_source_t file read
        truth 'the keys helper reads no log' may_not nhi_keys_t nhi_log_t file read
        truth 'sockets, state and log have their labels' eval 'labelled /run/nhi/pam nhi_pam_sock_t && labelled /var/lib/nhi nhi_var_lib_t && labelled /var/log/nhi nhi_log_t'
}
