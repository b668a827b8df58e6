#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# File and function lengths by room, so that drift shows. Needs universal-ctags.
set -u
cd "$(dirname "$0")/../.." || exit 2
printf '%-18s %6s %7s %8s %6s %6s %6s %8s\n' room files lines longest funcs median p90 longest
for room in lib/base lib/wire lib/gate lib/snapshot lib/jose lib/log lib/http pam_nhi nss_nhi sudo_nhi nhi-agentd/core \
        nhi-agentd/set nhi-agentd/config nhi-agentd/session nhi-agentd/member nhi-agentd/log nhi-agentd/metrics nhi-agentd/control nhi-agentd/fetch nhi-agentd/keys nhi-agentd nhictl nhictl/ledger nhictl/pam nhictl/confirm nhictl/doctor nhictl/log nhictl/leftovers nhictl/prove nhictl/store tests; do
        if [ "$room" = tests ]; then files=$(git ls-files 'tests/*.[ch]'); else files=$(git ls-files "$room" | grep "^$room/[^/]*\.[ch]$"); fi
        [ -n "$files" ] || continue
        # shellcheck disable=SC2086
        lengths=$(ctags --languages=C --kinds-C=f --fields=+ne -o - $files 2>/dev/null |
                awk -F'\t' '{ l = e = 0; for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) l = substr($i, 6); if ($i ~ /^end:/) e = substr($i, 5) } if (e) print e - l + 1 }' | sort -n)
        # shellcheck disable=SC2086
        read -r n s m < <(cat /dev/null $files | awk -v n="$(wc -w <<<"$files")" 'END { print n, NR }' |
                sed "s/\$/ $(for f in $files; do wc -l <"$f"; done | sort -n | tail -1)/")
        awk -v room="$room" -v n="$n" -v s="$s" -v m="$m" '{ v[NR] = $1 } END { printf "%-18s %6d %7d %8d %6d %6d %6d %8d\n", room, n, s, m, NR, v[int((NR + 1) / 2)], v[int((NR * 9 + 9) / 10)], v[NR] }' <<<"$lengths"
done
