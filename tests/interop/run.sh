#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Grant sets between nhi and another implementation of JOSE (the npm package jose), both ways.
# Usage: run.sh BUILD-DIR. Everything is installed and written below BUILD-DIR/interop.
# Last line: "interop: N passed, N failed".
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." || exit 2

B=$(readlink -f "${1:?usage: run.sh BUILD-DIR}")
work=$B/interop
passed=0 failed=0

step() { # what, command...
        local what=$1
        shift
        if "$@" >"$work/log" 2>&1; then
                passed=$((passed + 1))
                echo "ok      $what"
        else
                failed=$((failed + 1))
                echo "FAILED  $what"
                sed 's/^/        /' "$work/log"
        fi
}

install_jose() {
        cp tests/interop/package.json tests/interop/package-lock.json tests/interop/*.mjs "$work"/ &&
                npm ci --prefix "$work" --no-audit --no-fund --ignore-scripts
}

rm -rf "$work/sets"
mkdir -p "$work/sets"
step "jose is installed as locked" install_jose
step "test-interop is built" make -s B="$B" "$B/tests/unit/test-interop"
step "jose mints sets" node "$work/mint.mjs" "$work/sets"
step "nhi takes and refuses them as expected" env NHI_INTEROP_DIR="$work/sets" "$B/tests/unit/test-interop"
step "jose reads what nhi signed" node "$work/read.mjs" "$work/sets"
echo "interop: $passed passed, $failed failed"
[ $failed -eq 0 ]
