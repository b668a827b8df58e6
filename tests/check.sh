#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `make check`: build, then unit and module tests (plain, under ASan and UBSan, threads under TSan), sets minted by
# another implementation, the fuzzers' corpora, short fault loops, the packages' scripts, make install, Debian's packages,
# RPM's, the booted hosts, and which rows of the battery have a test.
# Every part runs, whatever the one before said. What computes and judges no time (packages, and those of the hosts ahead)
# goes beside the others at the lowest priority: tests run one at a time, and hosts mostly wait.
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
beside=' deb rpm '
reports=$(mktemp -d)
lane=
# Wycheproof's vectors are not ours to ship: used where they lie beside the checkout, else that test skips.
: "${NHI_WYCHEPROOF:=$(readlink -e ../shared/data/wycheproof)}"
[ -z "$NHI_WYCHEPROOF" ] || export NHI_WYCHEPROOF
trap '[ -z "$lane" ] || kill -- "-$lane" 2>/dev/null; wait; rm -rf "$reports"' EXIT
trap 'exit 130' INT TERM HUP

judge() { # PART STATUS SECONDS: its last line is "...: N passed, N failed[, N skipped]"
        local name=$1 line report=$reports/$1
        line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$report" | tail -n 1)
        if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
                passed=$((passed + BASH_REMATCH[1]))
                failed=$((failed + BASH_REMATCH[2]))
                skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
                [ "$2" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] || failed=$((failed + 1))
        else
                echo "  FAIL    $name: broke off (exit $2)" | tee -a "$report"
                failed=$((failed + 1))
        fi
        echo "-- $name took $3 s"
        mapfile -t -O ${#failures[@]} failures < <(sed -nE "s/^( *FAIL  +|\[  FAILED  \] |FAILED  )/$name: /p" "$report")
}

part() { # PART
        local began=$SECONDS
        echo "== $1"
        "$1" 2>&1 | tee "$reports/$1"
        judge "$1" "${PIPESTATUS[0]}" $((SECONDS - began))
}

# A process group of its own, so that all of it can be ended.
lane_start() { # PART...
        set -m
        (
                for p; do
                        renice -n 19 "$BASHPID" >/dev/null
                        began=$SECONDS
                        "$p" >"$reports/$p" 2>&1 </dev/null
                        echo "$? $((SECONDS - began))" >"$reports/$p.end"
                done
        ) &
        lane=$!
        set +m
}
lane_end() { # PART...
        wait "$lane"
        lane=
        for p; do
                echo "== $p (beside the others)"
                cat "$reports/$p"
                # shellcheck disable=SC2046 # status and seconds
                judge "$p" $(cat "$reports/$p.end")
        done
}

test_programs() { # all but the one that needs sets minted by somebody else: interop runs that
        printf '%s\n' "$1"/tests/*/test-* | grep -v '/test-interop$'
}

asan_build() { # [TARGET]
        local flags='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined'
        make -s -j"$jobs" B="$B/asan" CFLAGS="$flags" "${1:-tests-build}"
}
fuzz_and_fault_build() {
        make -s -j"$jobs" B="$B" fuzz-build fault-build && asan_build fuzz-build
}
# Tests run one at a time: meanwhile another processor compiles what comes next. Whether that went well is asked then.
during() { # BUILD-COMMAND... -- TEST-COMMAND...
        local -a build=()
        while [ "$1" != -- ]; do build+=("$1") && shift; done
        shift
        (
                renice -n 5 "$BASHPID"
                exec </dev/null
                "${build[@]}"
        ) >/dev/null 2>&1 &
        local builder=$! status
        "$@"
        status=$?
        wait $builder
        return $status
}

unit() {
        make -s -j"$jobs" B="$B" all tests-build || return
        during asan_build -- tests/run.sh unit $(test_programs "$B")
}
asan() {
        asan_build || return
        during tests/tsan.sh "$B" build -- tests/run.sh asan $(test_programs "$B/asan")
}
tsan() {
        during fuzz_and_fault_build -- tests/tsan.sh "$B"
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
        tests/rpm/run.sh "$B/rpms"
}
hosts_ahead() {
        tests/host/run "$B" --packages
}
# What the hosts wait for is no work beside others any more.
host() {
        [ -z "$lane" ] || [ -e "$reports/hosts_ahead.end" ] || renice -n 0 -g "$lane" >/dev/null 2>&1
        tests/host/run "$B"
}
cve() {
        tests/cve/check
}
battery() {
        tests/battery/count
}

front=() back=() ahead=()
for p; do
        if [[ $beside == *" $p "* && $# -gt 1 ]]; then back+=("$p"); else front+=("$p"); fi
        [ "$p" != host ] || ahead=(hosts_ahead)
done
[ $# -eq 1 ] || lane_start "${ahead[@]}" "${back[@]}"
for p in "${front[@]}"; do part "$p"; done
[ -z "$lane" ] || lane_end "${back[@]}"
[ ${#failures[@]} -eq 0 ] || printf 'not passed: %s\n' "${failures[@]}"
printf '%d passed, %d failed%s\n' $passed $failed "$([ $skipped -gt 0 ] && echo ", $skipped skipped")"
[ $failed -eq 0 ]
