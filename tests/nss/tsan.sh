#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# nss_nhi and its test of concurrency under ThreadSanitizer: no data race, whatever 64 threads and a publisher do.
# Usage: tsan.sh BUILD-DIR    Last line: "tsan nss: N passed, N failed". NHI_LONG=1: 10,000 generations.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=$1/tsan
flags='-O1 -g -fno-omit-frame-pointer -fsanitize=thread'
make -s B="$B" CFLAGS="$flags" "$B/tests/nss/test-nss-storm" || exit
# Where the kernel scatters mappings further than the sanitizer's shadow reaches, it cannot start: no randomisation.
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 ${TSAN_OPTIONS:-}"
exec setarch -R tests/run.sh 'tsan nss' "$B/tests/nss/test-nss-storm"
