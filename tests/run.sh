#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Run test programs (cmocka) one after another and add up what they say.
# Usage: run.sh LABEL PROGRAM...    Last line: "LABEL: N passed, N failed[, N skipped]".
# A program that crashes, or says nothing, counts as one failure. One that hangs is ended after half an hour: on a disk that
# takes 0.15 s for an fsync, test-fleet alone needs four minutes. RUN_WITH="env NAME=VALUE": what each is run with.
set -u
label=$1
shift
passed=0 failed=0 skipped=0
for program in "$@"; do
        # shellcheck disable=SC2086 # words
        out=$(CMOCKA_MESSAGE_OUTPUT=stdout timeout -k 10 1800 ${RUN_WITH-} "$program" 2>&1 </dev/null)
        status=$?
        p=$(grep -c '^\[       OK \]' <<<"$out")
        f=$(grep -cE '^\[  FAILED  \] [a-z]' <<<"$out")
        s=$(grep -c '^\[  SKIPPED \] [a-z].*' <<<"$out")
        [ "$f" -gt 0 ] && f=$(grep -E '^\[  FAILED  \] [a-z]' <<<"$out" | sort -u | wc -l)
        [ "$s" -gt 0 ] && s=$(grep '^\[  SKIPPED \] [a-z]' <<<"$out" | sort -u | wc -l)
        if [ $status -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
        if [ $status -eq 0 ] && [ $((p + s)) -eq 0 ]; then f=1; fi
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
        if [ "$f" -gt 0 ]; then
                # What was asserted stands before what the sanitizers make of a test that broke off.
                printf '  FAIL    %s (exit %s)\n%s\n%s\n' "${program##*/}" "$status" \
                        "$(grep -E '^\[ *(ERROR|LINE|FAILED) *\]' <<<"$out" | tail -n 60)" "$(tail -n 60 <<<"$out")"
        else
                printf '  ok      %-24s %3d passed%s\n' "${program##*/}" "$p" "$([ "$s" -gt 0 ] && echo ", $s skipped")"
                grep -E 'skip(ped)?:' <<<"$out" | sed 's/^/          /'
        fi
done
printf '%s: %d passed, %d failed%s\n' "$label" $passed $failed "$([ $skipped -gt 0 ] && echo ", $skipped skipped")"
[ $failed -eq 0 ]
