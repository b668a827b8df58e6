#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# One file of host cases on a host of its own. Usage: case-runner.sh BUILD-DIR FILE PATTERN...   (see run)
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
B=$1 file=$2
shift 2
name=$(basename "$file" .sh)
HOST=nhi-$name-$$
. "$here/lib.sh"
. "$here/judge.sh"
. "$here/world.sh"
. "$file"
work_dir=$(mktemp -d)
trap 'status=$?; rm -rf "$work_dir"; (exit $status); host_cleanup' EXIT

selected() {
        local p
        for p in "$@"; do
                # shellcheck disable=SC2053 # a glob is wanted
                [[ $name/$case == $p || $case == $p || $name == $p ]] && return 0
        done
        return 1
}

host_boot "$HOST" && world_make && world_install "$B/stage" && world_enforce || { echo "$name: 0 passed, 1 failed"; exit 1; }
for case in $(sed -n 's/^\(case_[a-z0-9_A-Z]*\)() {$/\1/p' "$file"); do
        selected "$@" || continue
        step "$name: ${case#case_}"
        "$case"
        for shell in "${!shell_fd[@]}"; do shell_close "$shell"; done
        world_revoke_all || judge 'no grant is left for the next case' false
done
verdict "$name"
