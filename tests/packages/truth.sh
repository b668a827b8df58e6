# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# For the scripts beside it: what they claim, and how much of it held.

passed=0 failed=0
truth() { # NAME COMMAND...: what it prints is shown where it fails
        local name=$1 out
        shift
        if out=$("$@" 2>&1); then
                passed=$((passed + 1))
        else
                failed=$((failed + 1))
                printf '  FAIL    %s\n%s\n' "$name" "$(head -n 40 <<<"$out")"
        fi
}
