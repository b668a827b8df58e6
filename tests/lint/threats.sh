#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every file, function and test that docs/THREATS.md names, and every row of the battery.
set -u
cd "$(dirname "$0")/../.." || exit 2
page=docs/THREATS.md
bad=0
complain() {
        echo "$page: $*"
        bad=1
}

# FILE or FILE:NAME, from the root or below tests/.
check_name() {
        local file=${1%%:*} name=${1#*:}
        [ -e "$file" ] || file=tests/$file
        if [ ! -e "$file" ]; then
                complain "there is no ${1%%:*}"
        elif [ "$name" != "$1" ] && ! grep -qE "^([A-Za-z].*[ *])?$name\(" "$file"; then
                complain "$file has no $name"
        fi
}

n=0
while read -r name; do
        check_name "$name"
        n=$((n + 1))
done < <(grep '^| ' $page | grep -oE '`[A-Za-z0-9_./-]*/[A-Za-z0-9_./-]+(:[A-Za-z0-9_]+)?`' | tr -d '`' | sort -u)
[ $n -gt 50 ] || complain "names only $n files: is the table still there?"

for id in $(grep '^| ' $page | grep -oE '\b[VTPNAUSK][0-9]{2}\b' | sort -u); do
        grep -q "^$id | " tests/battery/rows.txt || complain "$id is no row of the battery"
done
exit $bad
