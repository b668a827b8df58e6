#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What has threads, or is called by them, under ThreadSanitizer: the modules in crowds (N12, P21), the agent's threads.
# Usage: tsan.sh BUILD-DIR [build]    Last line: "tsan: N passed, N failed[, N skipped]". NHI_LONG=1: 10,000 generations.
set -u
cd "$(dirname "$0")/.." || exit 2
B=$1/tsan
programs=(nss/test-nss-storm pam/test-pam-threads unit/test-writer unit/test-log-writer unit/test-publish unit/test-sets unit/test-sets-scale
        unit/test-log-verify)
flags='-O1 -g -fno-omit-frame-pointer -fsanitize=thread'
make -s -j"$(nproc)" B="$B" CFLAGS="$flags" "${programs[@]/#/$B/tests/}" || exit
[ "${2-}" != build ] || exit 0
# Where the kernel scatters mappings further than the sanitizer's shadow reaches, it cannot start: no randomisation.
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 suppressions=$PWD/tests/tsan.supp ${TSAN_OPTIONS:-}"
exec setarch -R tests/run.sh tsan "${programs[@]/#/$B/tests/}"
