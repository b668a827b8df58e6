#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The tables of the source against what people read: events and the catalog, reasons, configuration
# keys and the shipped file, and the manual pages. Usage: tables.sh BUILD-DIR
set -u
cd "$(dirname "$0")/../.." || exit 2
B=$1
bad=0
complain() {
        echo "$*"
        bad=1
}

ids=$(grep -oE '"[0-9a-f]{32}"' nhi-agentd/event.h | tr -d '"')
[ "$(sort -u <<<"$ids" | wc -l)" = "$(wc -l <<<"$ids")" ] || complain "event.h: a MESSAGE_ID stands twice"
for id in $ids; do
        grep -qx -- "-- $id" conf/nhi.catalog || complain "conf/nhi.catalog: no entry for MESSAGE_ID $id"
done
for id in $(sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' conf/nhi.catalog); do
        grep -q "$id" nhi-agentd/event.h || complain "conf/nhi.catalog: $id is no event"
done

for token in $(sed -n 's/^ *X([A-Z_]*, "\([a-z-]*\)".*/\1/p' nhi-agentd/core/reason.h); do
        grep -q "${token//-/\\\\-}\|$token" docs/man/nhi.7 || complain "docs/man/nhi.7: reason $token is not explained"
done

diff <("$B/nhi-agentd" --dump-defaults) conf/agentd.conf >/dev/null ||
        complain "conf/agentd.conf differs from nhi-agentd --dump-defaults"
for key in $(grep -oE 'X\([A-Z]+, [A-Z]+, "[a-z_.]+"' nhi-agentd/config/keys.h | cut -d'"' -f2); do
        grep -qx "\.It Cm $key" docs/man/agentd.conf.5 || complain "docs/man/agentd.conf.5: key $key is missing"
done

for name in $(grep -ohE '"nhi_[a-z_]+"' nhi-agentd/metrics/page*.c | tr -d '"'); do
        grep -qE "(^| )$name(_total)?(\{| |$)" docs/man/nhi-agentd.8 || complain "docs/man/nhi-agentd.8: metric $name is missing"
done

for option in $(sed -n 's/^ *X([a-z]*, "\([a-z]*\)".*/\1/p' pam_nhi/options.h); do
        grep -qx "\.It Cm $option" docs/man/pam_nhi.8 || complain "docs/man/pam_nhi.8: option $option is missing"
done

"$B/nhictl" help | sed -nE 's/^  ([a-z]+( [a-z]+)?)  +.*/\1/p' >"$B/verbs.txt"
[ -s "$B/verbs.txt" ] || complain "nhictl help lists no verbs"
while read -r verb; do
        grep -q "^\.It Cm $verb" docs/man/nhictl.1 || complain "docs/man/nhictl.1: verb $verb is missing"
        # shellcheck disable=SC2086 # one word or two
        for option in $("$B/nhictl" help $verb | sed -nE 's/^  --([a-z-]+).*/\1/p'); do
                grep -qE -- "Fl -$option|Fl $option" docs/man/nhictl.1 || complain "docs/man/nhictl.1: option --$option of $verb is missing"
        done
done <"$B/verbs.txt"
"$B/nhictl" doctor --list --color never | sed -nE 's/^([a-z]+(-[a-z0-9]+)*) +.*/\1/p' >"$B/checks.txt"
[ -s "$B/checks.txt" ] || complain "nhictl doctor --list names no check"
while read -r check; do
        grep -qx "\.It Cm $check" docs/man/nhictl.1 || complain "docs/man/nhictl.1: check $check of doctor is missing"
done <"$B/checks.txt"
# Which other manuals this machine has says nothing about ours.
for page in docs/man/*.[1-8]; do
        out=$(mandoc -Tlint "$page" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db' || :)
        [ -z "$out" ] || complain "$out"
done
exit $bad
