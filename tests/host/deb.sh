#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Build nhi's Debian packages as a user without rights, without network, in a root that has the build dependencies of
# debian/control and nothing else; and, with them, the helpers of the host tests that are no part of a package.
#
# Usage: deb.sh BUILD-DIR SUITE [--previous]
#   the tree as it lies here, uncommitted edits and all   → BUILD-DIR/debs/SUITE
#   --previous: the commit in tests/host/previous         → BUILD-DIR/debs/SUITE-previous, with a version below the tree's
#
# What was built once from the same files in the same root is taken from $NHI_CACHE.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
. "$here/root.sh"
[[ $# -ge 2 ]] || { echo 'usage: deb.sh BUILD-DIR SUITE [--previous]' >&2; exit 2; }
B=$(readlink -m "$1") suite=$2 which=${3-}
work=$(mktemp -d)
root=''
deb_cleanup() {
        [[ -z $root ]] || umount --lazy "$root" 2>/dev/null || :
        mountpoint -q "$work" && umount --lazy "$work"
        rm -rf --one-file-system "$work"
}
trap deb_cleanup EXIT

deb_git() {
        # The checkout may belong to the person who said sudo.
        git -C "$root_source_dir" -c safe.directory='*' "$@"
}

# The names of the tree's files, with NUL between; also without git, as in an unpacked tarball.
deb_tree_files() {
        if deb_git rev-parse --git-dir >/dev/null 2>&1; then
                deb_git ls-files -z --cached --others --exclude-standard
        else
                (cd "$root_source_dir" && find . -path './build*' -prune -o -type f -print0)
        fi | (cd "$root_source_dir" && while IFS= read -r -d '' f; do [[ ! -e $f ]] || printf '%s\0' "$f"; done)
}

deb_copy_tree() {
        deb_tree_files | tar -C "$root_source_dir" --null -T - -cf - | tar -C "$1" -xf -
}

# A shallow clone lacks the commit: then the tree itself, under the lower version, stands in for it.
deb_copy_previous() {
        local commit
        commit=$(sed -n '/^[0-9a-f]\{40\}$/{p;q}' "$here/previous")
        if [[ -n $commit ]] && deb_git cat-file -e "$commit^{commit}" 2>/dev/null; then
                deb_git archive "$commit" | tar -C "$1" -xf -
        else
                echo "deb.sh: commit ${commit:-(none)} of tests/host/previous is not here; the same tree is built as the previous version"
                deb_copy_tree "$1"
        fi
        sed -i '1s/(\([^)]*\))/(\1~previous)/' "$1/debian/changelog"
}

# Of the tests only what is compiled here counts.
deb_hash() {
        (
                cd "$1"
                { find . -type f ! -path './tests/*'; printf '%s\n' ./tests/host/host.mk ./tests/host/*.c; } | LC_ALL=C sort |
                        xargs -d '\n' sha256sum 2>/dev/null
                root_key build "$suite"
                sha256sum <"$here/deb.sh"
        ) | sha256sum | cut -c1-16
}

# Runs inside the root, as its user builder.
deb_recipe='
        cd /build/nhi
        export LC_ALL=C.UTF-8 DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=$(nproc)"
        dpkg-buildpackage -us -uc -b --no-check-builddeps
        mkdir ../result
        for helper in session-lab escape-lab su-storm login-race log-lab set-clock.so nss-late.so; do
                # An older version may lack it.
                [[ ! -f tests/host/${helper%.so}.c ]] || { make -s -j"$(nproc)" B=lab "lab/tests/host/$helper"; mv "lab/tests/host/$helper" ../result/; }
        done
        mv ../*.deb ../*.changes ../*.buildinfo ../result/'

deb_build() {
        local source=$1 result=$2 lower
        lower=$(root_get build "$suite")
        mount -t tmpfs -o mode=0755 nhi-build "$work"
        mkdir "$work/upper" "$work/work" "$work/root"
        root=$work/root
        mount -t overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/work" nhi-build "$root"
        cp -a "$source" "$root/build/nhi"
        chown -R 1000:1000 "$root/build"
        if ! unshare --mount --net --ipc --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" \
                setpriv --reuid=1000 --regid=1000 --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/build \
                bash -euc "$deb_recipe" >"$B/debs/build-$suite.log" 2>&1 </dev/null; then
                { grep -E '[Ee]rror[: ]' "$B/debs/build-$suite.log" || tail "$B/debs/build-$suite.log"; } | tail -20 >&2
                echo "deb.sh: the build for $suite failed; the whole log is $B/debs/build-$suite.log" >&2
                return 1
        fi
        mkdir -p "$result.part"
        cp "$root"/build/result/* "$result.part/"
        mv "$result.part" "$result"
}

source_dir=$work.source
trap 'deb_cleanup; rm -rf "$source_dir"' EXIT
mkdir -p "$source_dir" "$B/debs"
if [[ $which == --previous ]]; then deb_copy_previous "$source_dir"; else deb_copy_tree "$source_dir"; fi
[[ -f $source_dir/debian/control ]] || { echo 'deb.sh: there is no debian/control in these sources' >&2; exit 1; }
result=$NHI_CACHE/debs-$suite-$(deb_hash "$source_dir")
mkdir -p "$NHI_CACHE"
exec 9>"$NHI_CACHE/debs-$suite.lock"
flock 9
if [[ -d $result ]]; then
        touch "$result"
else
        rm -rf "$result.part"
        deb_build "$source_dir" "$result"
fi
rm -rf "$B/debs/$suite${which:+-previous}"
cp -r "$result" "$B/debs/$suite${which:+-previous}"
cache_prune "debs-$suite-*" 12
printf 'deb.sh: %s%s: %s\n' "$suite" "${which:+, previous}" "$(cd "$result" && echo *.deb)"
