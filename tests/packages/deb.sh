#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's packages: two builds are the same bytes, lintian finds nothing that is not explained, every program and
# module is hardened, and installing them can enable nothing. K11.
# Usage: deb.sh BUILD-DIR    Last line: "deb: N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
mkdir -p "$1"
B=$(readlink -f "$1")/packages
. tests/packages/truth.sh

build() { # DIRECTORY UMASK LOCALE TIMEZONE
        (
                umask "$2"
                export LC_ALL=$3 TZ=$4 DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" HOME=/nonexistent-$2
                make -s B="$B/$1" deb
        ) >"$B/$1.log" 2>&1 || { tail -n 30 "$B/$1.log"; return 1; }
}

same_bytes() {
        diff <(cd "$B/one/deb" && sha256sum ./*.deb) <(cd "$B/two-of-another-length/deb" && sha256sum ./*.deb)
}

# Information is for people; errors and warnings are judged. Overrides carry their reasons in debian/*.lintian-overrides.
lintian_is_silent() {
        local out
        out=$(lintian --no-cfg --allow-root --fail-on none --tag-display-limit 0 "$B"/one/deb/*.deb 2>&1 | grep -E '^[EW]:')
        printf '%s' "$out"
        [ -z "$out" ]
}

hardened() {
        local file bad=0
        while read -r file; do
                hardening-check --lintian "$file" || { hardening-check "$file"; bad=1; }
        done < <(find "$B/root" -type f \( -perm -100 -o -name '*.so*' \) -exec sh -c 'head -c4 "$1" | grep -q ELF' sh {} \; -print)
        return $bad
}

unpack() {
        local deb
        rm -rf "$B/root"
        mkdir "$B/root"
        for deb in "$B"/one/deb/*.deb; do
                [[ $deb == *-dbgsym_* ]] || dpkg-deb -R "$deb" "$B/root/$(basename "$deb" | cut -d_ -f1)" || return 1
        done
}

# Enabled and started by `nhictl init` only, whatever debhelper comes to think of.
enables_nothing() {
        ! grep -rnE 'deb-systemd-invoke (start|restart)|systemctl[^#]*enable|pam-auth-update.*--force' "$B"/root/*/DEBIAN/p*inst
}

scripts_parse() {
        local script bad=0
        for script in "$B"/root/*/DEBIAN/{preinst,postinst,prerm,postrm,config}; do
                [ -f "$script" ] || continue
                sh -n "$script" || bad=1
                ! grep -nE '#(PART|FILE|UNITS|DEBHELPER)[ #]' "$script" || bad=1
        done
        return $bad
}

rm -rf "$B"
mkdir -p "$B"
truth 'the_packages_build' build one 022 C.UTF-8 UTC
truth 'they_build_elsewhere_with_another_umask_locale_and_time' build two-of-another-length 077 C Asia/Tokyo
truth 'two_builds_are_the_same_bytes' same_bytes
truth 'the_packages_unpack' unpack
truth 'lintian_finds_nothing_unexplained' lintian_is_silent
truth 'every_program_and_module_is_hardened' hardened
truth 'maintainer_scripts_parse_and_are_complete' scripts_parse
truth 'installing_enables_and_starts_nothing' enables_nothing
printf 'deb: %d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
