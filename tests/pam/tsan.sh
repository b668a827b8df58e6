#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# pam_nhi under ThreadSanitizer: 64 logins at once in one process (P21).
# Usage: tsan.sh BUILD-DIR    Last line: "tsan pam: N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
B=$1/tsan
flags='-O1 -g -fno-omit-frame-pointer -fsanitize=thread'
make -s B="$B" CFLAGS="$flags" "$B/tests/pam/test-pam-threads" || exit
# Where the kernel scatters mappings further than the sanitizer's shadow reaches, it cannot start: no randomisation.
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 suppressions=$PWD/tests/pam/tsan.supp ${TSAN_OPTIONS:-}"
exec setarch -R tests/run.sh 'tsan pam' "$B/tests/pam/test-pam-threads"
