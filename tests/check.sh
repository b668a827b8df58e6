#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `make check`: build, then unit and module tests (plain, under ASan and UBSan, threads under TSan), sets minted by
# another implementation, the fuzzers' corpora, short fault loops, the packages' scripts, make install, Debian's packages,
# RPM's, the booted hosts, and which rows of the battery have a test.
# Every part runs, whatever the one before said.
# Before the end, what failed once more, in a line each. Last line: "N passed, N failed"; exit 0 only where nothing failed.
# Usage: check.sh BUILD-DIR [PART...]    default: all
set -u
cd "$(dirname "$0")/.." || exit 2
B=$1
shift
[ $# -gt 0 ] || set -- unit asan tsan interop fuzz fault scripts removal install deb rpm host cve battery
jobs=$(nproc)
passed=0 failed=0 skipped=0
failures=()
report=$(mktemp)
# Wycheproof's vectors are not ours to ship: used where they lie beside the checkout, else that test skips.
: "${NHI_WYCHEPROOF:=$(readlink -e ../shared/data/wycheproof)}"
[ -z "$NHI_WYCHEPROOF" ] || export NHI_WYCHEPROOF
trap 'rm -f "$report"' EXIT

part() { # name, command...: its last line is "...: N passed, N failed[, N skipped]"
        local name=$1 line status began=$SECONDS
        shift
        echo "== $name"
        "$@" 2>&1 | tee "$report"
        status=${PIPESTATUS[0]}
        line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$report" | tail -n 1)
        if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
                passed=$((passed + BASH_REMATCH[1]))
                failed=$((failed + BASH_REMATCH[2]))
                skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
                [ "$status" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] || failed=$((failed + 1))
        else
                echo "  FAIL    $name: broke off (exit $status)" | tee -a "$report"
                failed=$((failed + 1))
        fi
        echo "-- $name took $((SECONDS - began)) s"
        mapfile -t -O ${#failures[@]} failures < <(sed -nE "s/^( *FAIL  +|\[  FAILED  \] |FAILED  )/$name: /p" "$report")
}

test_programs() { # all but the one that needs sets minted by somebody else: interop runs that
        printf '%s\n' "$1"/tests/*/test-* | grep -v '/test-interop$'
}

asan_build() {
        local flags='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined'
        make -s -j"$jobs" B="$B/asan" CFLAGS="$flags" tests-build
}
# Tests run one at a time: meanwhile another processor compiles what comes next. Whether that went well is asked then.
beside() { # BUILD-COMMAND... -- TEST-COMMAND...
        local -a build=()
        while [ "$1" != -- ]; do build+=("$1") && shift; done
        shift
        "${build[@]}" >/dev/null 2>&1 &
        "$@"
        local status=$?
        wait
        return $status
}

unit() {
        make -s -j"$jobs" B="$B" all tests-build || return
        beside asan_build -- tests/run.sh unit $(test_programs "$B")
}
asan() {
        asan_build || return
        beside tests/tsan.sh "$B" build -- tests/run.sh asan $(test_programs "$B/asan")
}
tsan() {
        tests/tsan.sh "$B"
}
interop() {
        tests/interop/run.sh "$B"
}
fuzz() {
        tests/fuzz/replay "$B"
}
fault() {
        make -s -j"$jobs" B="$B" fault-build || return
        tests/fault/run "$B" short
}
scripts() {
        tests/packages/pam-lines.sh
}
removal() {
        tests/packages/removal.sh
}
install() {
        tests/packages/install.sh "$B"
}
deb() {
        tests/packages/deb.sh "$B"
}
rpm() {
        tests/rpm/run.sh "$B"
}
host() {
        tests/host/run "$B"
}
cve() {
        tests/cve/check
}
battery() {
        tests/battery/count
}

for p; do part "$p" "$p"; done
[ ${#failures[@]} -eq 0 ] || printf 'not passed: %s\n' "${failures[@]}"
printf '%d passed, %d failed%s\n' $passed $failed "$([ $skipped -gt 0 ] && echo ", $skipped skipped")"
[ $failed -eq 0 ]
