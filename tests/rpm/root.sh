# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154 # truth, work, B: run.sh
#
# Installing, verifying, upgrading and erasing in a throw-away root: an overlay over the cached root of a Debian host.
# rpm's scriptlets run in it, by chroot; what they need from Fedora (authselect) is a stand-in. --nodeps: the libraries
# are there as Debian's packages.

root=$work/root

root_make() {
        local lower
        lower=$(root_get host bookworm) || return
        mkdir -p "$work/mem" "$root"
        mount -t tmpfs -o size=512M,mode=0755 nhi-rpm "$work/mem" || return
        mkdir -p "$work/mem/upper" "$work/mem/work"
        mount -t overlay -o "lowerdir=$lower,upperdir=$work/mem/upper,workdir=$work/mem/work" nhi-rpm "$root" || return
        mount --bind /proc "$root/proc" || return
        mkdir -p "$root/usr/share/authselect/vendor"
        cp -r tests/rpm/default "$root/usr/share/authselect/"
        rpm --root "$root" --initdb
}
root_drop() {
        umount -l "$root/proc" 2>/dev/null
        umount -l "$root" 2>/dev/null
        umount -l "$work/mem" 2>/dev/null
}

packages() { # MODE: rpm with all packages
        rpm --force-debian --root "$root" --nodeps "$@" "$B"/rpm/*.rpm
}
names() { rpm -qp --qf '%{NAME}\n' "$B"/rpm/*.rpm; }
installed() { rpm --root "$root" -q "$1" >/dev/null; }
# shellcheck disable=SC2046 # one name a word
erase() { rpm --force-debian --root "$root" --nodeps -e "$@"; }
erase_all() { erase $(names); }
in_root() { chroot "$root" "$@"; }

# Names, modes, owners and bytes of what an administrator has.
picture() { (cd "$root" && find etc usr var/lib run -xdev \( -path var/lib/rpm -o -path var/lib/systemd/catalog \) -prune -o \
        -printf '%p %y %m %U:%G %l\n' -type f -exec sha256sum {} +) 2>/dev/null | LC_ALL=C sort; }
same_etc() { # FILE...: byte-identical to before
        local file
        for file; do diff -r "$work/before/$file" "$root/etc/$file" || return; done
}

installs_quietly() {
        local out
        out=$(packages -i 2>&1 | grep -v '^Creating \(group\|user\) ') || :
        installed pam_nhi && [[ -z $out ]] || { echo "$out"; return 1; }
}
verifies() {
        local out
        out=$(rpm --root "$root" --nodeps -V $(names) 2>&1) || :
        [[ -z $out ]] || { echo "$out"; return 1; }
}
nothing_enabled() { ! find "$root/etc/systemd/system" -name 'nhi-*' | grep .; }
users_are_made() { in_root getent passwd nhi-fetch && in_root getent passwd nhi-keys && in_root getent group nhi-admin && in_root getent group nhi-managed; }
folders_are_made() { [[ -d $root/var/lib/nhi/sets && $(stat -c '%a %U' "$root/var/lib/nhi-ledger") == '700 root' ]]; }
programs_run() { in_root nhictl --version && in_root /usr/libexec/nhi/nhi-agentd --check-config 2>&1 | grep -q 'host.name: missing: nhictl init'; }
profiles_are_derived() { [[ -f $root/usr/share/authselect/vendor/nhi-local/system-auth && -f $root/usr/share/authselect/vendor/nhi-sssd/README ]]; }
profiles_follow_authselect() { # its package is a stand-in, so is its trigger: what the trigger runs is run
        echo 'account required pam_new.so' >>"$root/usr/share/authselect/default/local/system-auth"
        in_root sh -c "$(rpm -qp --qf '[%{TRIGGERSCRIPTS}\n]' "$B"/rpm/nhi-authselect-*.rpm)" &&
                grep -q pam_new.so "$root/usr/share/authselect/vendor/nhi-local/system-auth"
}
upgrade_respects_an_administrator() {
        sed -i 's/ nhi//' "$root/etc/nsswitch.conf"
        echo '# mine' >>"$root/etc/nhi/exempt"
        packages -U --replacepkgs || return
        same_etc nsswitch.conf && tail -1 "$root/etc/nhi/exempt" | grep -qx '# mine' && [[ -f $root/usr/lib64/security/pam_nhi.so ]]
}

sudo_conf() { printf '%s\n' 'Debug sudo /var/log/sudo_debug all@warn' "$@" >"$root/etc/sudo.conf"; }
own_lines() {
        sed -i '1i account requisite pam_nhi.so' "$root/etc/pam.d/common-account"
        printf 'session required \\\n  /usr/lib64/security/pam_nhi.so debug\n' >>"$root/etc/pam.d/sshd"
        sudo_conf '# nhi: begin (nhictl sudo disable takes this block out)' 'Plugin sudo_nhi_approval sudo_nhi.so' '# nhi: end'
        cp "$root/usr/share/doc/nhi/sshd/20-nhi.conf" "$root/etc/ssh/sshd_config.d/"
        printf 'nhi-gates 1\ngate operators enforce sudo,su %%operators\nend 1\n' >"$root/var/lib/nhi/gates"
}
jumping_line() { printf 'auth [success=2 default=ignore] pam_unix.so\nauth requisite pam_nhi.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n' >"$root/etc/pam.d/odd"; }
# rpm goes on with the other packages of a transaction in which one refuses: what the gate needs refuses, too.
refusal_keeps_what_the_gate_needs() {
        local out status=0 name
        out=$(erase nhi pam_nhi nhi-tools 2>&1) || status=$?
        [[ $status != 0 && $out == *'/etc/pam.d/odd:1'* ]] || { echo "$out"; return 1; }
        for name in nhi pam_nhi nhi-tools; do installed $name || { echo "$out"; return 1; }; done
        grep -q pam_nhi.so "$root/etc/pam.d/odd" && grep -q pam_nhi.so "$root/etc/pam.d/common-account" && verifies_but_for_conf
}
verifies_but_for_conf() { ! rpm --root "$root" --nodeps -V nhi pam_nhi nhi-tools | grep -v ' c /etc/nhi/'; }
included_service_refuses() {
        local out status=0
        echo 'account include nhi-unit' >"$root/etc/pam.d/job"
        out=$(erase pam_nhi 2>&1) || status=$?
        rm "$root/etc/pam.d/job"
        [[ $status != 0 && $out == *pam.d/job* && -f $root/usr/lib/pam.d/nhi-unit ]]
}
# authselect as far as erasing goes: what is selected is a word in a file.
select_profile() {
        mkdir -p "$root/etc/authselect"
        echo "$1" >"$root/etc/authselect/selected"
        printf '#!/bin/sh\ncase $1 in\ncurrent) cat /etc/authselect/selected ;;\nselect) shift; [ "$1" != broken ] || exit 3; echo "$*" | sed "s/ --quiet//" >/etc/authselect/selected ;;\nesac\n' >"$root/usr/bin/authselect"
        chmod 755 "$root/usr/bin/authselect"
}
selected_profile_is_left() { [[ $(<"$root/etc/authselect/selected") == 'sssd with-sudo' ]]; }
refusal_selects_ours_again() { [[ $(<"$root/etc/authselect/selected") == 'nhi-sssd with-sudo' ]]; }
profile_that_stays_keeps_the_module() {
        local out status=0
        select_profile 'nhi-broken'
        out=$(erase pam_nhi nhi-authselect 2>&1) || status=$?
        [[ $status != 0 && $out == *'authselect select broken --force'* ]] || { echo "$out"; return 1; }
        installed pam_nhi && installed nhi-authselect && [[ -f $root/usr/lib64/security/pam_nhi.so ]]
}
erases() {
        OUT=$(erase_all 2>&1) || { echo "$OUT"; return 1; }
}
own_lines_are_kept_aside() { grep -q pam_nhi.so "$root/var/backups/nhi/pam.d/common-account" && grep -q pam_nhi.so "$root/var/backups/nhi/pam.d/sshd"; }
sudo_is_as_before() { [[ $(<"$root/etc/sudo.conf") == 'Debug sudo /var/log/sudo_debug all@warn' ]]; }
removal_is_said() { echo "$OUT"; [[ $OUT == *'the PAM gate'*'gate operators'* ]]; }
# State and an administrator's own stay: users, ledger, uid map, what was kept aside. Folders that Fedora's packages
# share (/usr/share/licenses ...) are nobody's on Debian.
only_state_is_left() {
        local left kept='var/lib/nhi|var/backups|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?|etc/\.pwd\.lock'
        left=$(diff <(echo "$before") <(picture) | sed -n 's/^> //p' |
                grep -vE "(^|  )($kept|etc/nhi/exempt\.rpmsave|etc/authselect|etc/sudo\.conf|usr/bin/authselect|usr/share/authselect|run/nhi)([-/ ]|\$)" |
                grep -vE '^[^ ]+ d 755 0:0 $')
        [[ -z $left && ! -e $root/usr/libexec/nhi && ! -e $root/usr/share/doc/nhi ]] || { echo "$left"; return 1; }
}

root_case() {
        local before OUT=
        truth 'a throw-away root' root_make || return
        before=$(picture)
        mkdir -p "$work/before"
        cp -a "$root/etc/pam.d" "$root/etc/nsswitch.conf" "$root/etc/ssh" "$work/before/"

        truth 'packages install, and say nothing' installs_quietly
        truth 'what is installed verifies' verifies
        truth 'installing changes no PAM stack' same_etc pam.d
        truth 'installing changes nothing of sshd' same_etc ssh
        truth 'nsswitch.conf asks us after files' grep -qE '^passwd: +files nhi( |$)' "$root/etc/nsswitch.conf"
        truth 'no unit is enabled' nothing_enabled
        truth 'users and groups are made' users_are_made
        truth 'folders are made' folders_are_made
        truth 'programs run' programs_run
        truth 'profiles of authselect are derived from those of the host' profiles_are_derived
        truth 'and anew when authselect changes' profiles_follow_authselect
        truth 'an upgrade keeps what an administrator changed' upgrade_respects_an_administrator

        own_lines
        truth 'a service of ours that another includes keeps the package' included_service_refuses
        select_profile 'nhi-sssd with-sudo'
        jumping_line
        truth 'a line that another jumps across refuses the removal, and what the gate needs stays' refusal_keeps_what_the_gate_needs
        truth 'and the profile that was selected is selected again' refusal_selects_ours_again
        truth 'a profile that cannot be left keeps the module' profile_that_stays_keeps_the_module
        select_profile 'nhi-sssd with-sudo'
        rm "$root/etc/pam.d/odd"
        truth 'packages erase' erases
        truth 'that a gate was enforced is said' removal_is_said
        truth 'the selected profile became its base, with its features' selected_profile_is_left
        truth 'every line is out of pam.d: byte-identical' same_etc pam.d
        truth 'what had them is kept aside' own_lines_are_kept_aside
        truth 'nsswitch.conf is byte-identical' same_etc nsswitch.conf
        truth 'our drop-in is out of sshd' same_etc ssh
        truth 'the plugin is out of sudo.conf' sudo_is_as_before
        truth 'only state is left' only_state_is_left
}
