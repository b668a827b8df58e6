# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Cached Debian roots, one directory each, read only once they bear their final name:
#
#   host-SUITE-KEY    what a throw-away host boots: [host] and [host-SUITE] of tests/packages.txt
#   build-SUITE-KEY   what packages are built in: build-essential and the Build-Depends of debian/control, nothing else
#
#   root_get KIND SUITE    make it where it is missing; prints its path
#   root_key KIND SUITE    changes whenever anything that decides the content does
#   cache_prune GLOB N     all but the N of $NHI_CACHE/GLOB that were used last go

NHI_CACHE=${NHI_CACHE:-/var/cache/nhi-tests}
root_lib_dir=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root_source_dir=$(readlink -f "$root_lib_dir/../..")

# The mirror this machine itself uses for Debian; nothing where it cannot be told: mmdebstrap's own choice.
root_mirror() {
        local uri
        uri=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
                awk '$1 == "Debian" && $2 !~ /security/ { print $2; exit }')
        echo "${NHI_MIRROR:-$uri}"
}

root_inputs_host() {
        "$root_lib_dir/packages.sh" list host "host-$1"
}

root_inputs_build() {
        sed -n '/^Build-Depends/,/^[^ \t]*:/p' "$root_source_dir/debian/control" | sed '/^[^B \t]/d'
}

root_key() {
        { "root_inputs_$1" "$2"; echo "$2"; declare -f "root_make_$1"; } | sha256sum | cut -c1-16
}

root_make_host() {
        local suite=$1 dir=$2 include
        include=$(root_inputs_host "$suite" | paste -sd,)
        mmdebstrap --quiet --variant=minbase --include="$include" \
                --aptopt='Acquire::Check-Valid-Until "false"' \
                --customize-hook='rm -f "$1"/etc/machine-id "$1"/etc/resolv.conf' \
                --customize-hook='for u in console-getty apt-daily apt-daily-upgrade e2scrub_reap systemd-firstboot; do ln -sf /dev/null "$1/etc/systemd/system/$u.service"; done' \
                --customize-hook='for u in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim; do ln -sf /dev/null "$1/etc/systemd/system/$u.timer"; done' \
                --customize-hook='rm -f "$1"/etc/systemd/system/multi-user.target.wants/sssd*' \
                --customize-hook='chroot "$1" systemctl disable -q sssd.service sssd-nss.socket sssd-pam.socket nscd.service nginx.service etcd.service || true' \
                --customize-hook='sed -i "s/ systemd$//; s/ systemd / /" "$1"/etc/nsswitch.conf' \
                "$suite" "$dir" $(root_mirror)
}

# apt reads debian/control itself, in the new root: a build dependency that is missing there fails the build.
root_make_build() {
        local suite=$1 dir=$2
        mmdebstrap --quiet --variant=buildd \
                --aptopt='Acquire::Check-Valid-Until "false"' \
                --customize-hook='mkdir -p "$1/build/nhi/debian"' \
                --customize-hook="copy-in $root_source_dir/debian/control /build/nhi/debian" \
                --customize-hook='chroot "$1" env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends build-dep /build/nhi' \
                --customize-hook='rm -r "$1/build"; chroot "$1" useradd --create-home --home-dir /build --uid 1000 builder' \
                "$suite" "$dir" $(root_mirror)
}

root_get() {
        local kind=$1 suite=$2 path
        path=$NHI_CACHE/$kind-$suite-$(root_key "$kind" "$suite")
        mkdir -p "$NHI_CACHE"
        (
                flock 9
                [[ ! -d $path ]] || { touch "$path"; exit 0; }
                echo "host: building $path (once)"
                # A mirror that does not answer once is asked again.
                for try in 1 2 3; do
                        rm -rf "$path.part"
                        mkdir "$path.part"
                        "root_make_$kind" "$suite" "$path.part" >"$path.log" 2>&1 && break
                        tail -20 "$path.log"
                        echo "host: mmdebstrap failed; the whole log is $path.log"
                        rm -rf "$path.part"
                        ((try < 3)) || exit 1
                        sleep 20
                done
                chmod 0755 "$path.part"
                mv "$path.part" "$path"
                rm -f "$path.log"
        ) 9>"$path.lock" >&2 || return 1
        echo "$path"
}

cache_prune() {
        ls -dt "$NHI_CACHE"/$1 | tail -n +$(($2 + 1)) | xargs -r rm -rf
}
