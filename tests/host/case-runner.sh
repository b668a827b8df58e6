#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# One file of host cases on a host of its own. Usage: case-runner.sh BUILD-DIR FILE PATTERN...   (see run)
set -uo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
B=$1 file=$2
shift 2
name=$(basename "$file" .sh)
HOST=${HOST:-nhi-$name-$$}
. "$here/${NHI_HOST_LIB:-lib.sh}"
. "$here/judge.sh"
. "$here/world.sh"
. "$here/cases.sh"
. "$file"
work_dir=$(mktemp -d)
trap 'status=$?; rm -rf "$work_dir"; (exit $status); host_cleanup' EXIT

prepare() {
        host_boot "$HOST" && world_make || return
        ! host_is_here || world_tidy
        [[ $(case_header "$file" world enforced) == made ]] || { world_install "$B/debs/$NHI_SUITE" && world_enforce; }
}

between_cases() {
        local shell
        for shell in "${!shell_fd[@]}"; do shell_close "$shell"; done
        in_host test -x /usr/bin/nhictl || return 0
        world_revoke_all || judge 'no grant is left for the next case' false
}

prepare || { echo "$name: 0 passed, 1 failed"; exit 1; }
for case in $(case_names "$file"); do
        case_selected "$name/$case" "$@" || continue
        step "$name: ${case#case_}"
        "$case"
        [[ $(case_header "$file" world enforced) == made ]] || between_cases
done
verdict "$name"
