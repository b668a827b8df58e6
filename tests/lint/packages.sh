#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the packages' metadata repeats from the sources: the version, the id of the event that their scripts write.
# Usage: packages.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
bad=0
complain() {
        echo "$*"
        bad=1
}

version=$(sed -n 's/^VERSION := //p' Makefile)
debian=$(sed -nE '1s/^nhi \(([^)]*)-[^-)]*\) .*/\1/p' debian/changelog)
[ "$debian" = "$version" ] || complain "debian/changelog: version ${debian:-(none)} of a Makefile with VERSION $version"
if [ -f rpm/nhi.spec ]; then
        rpm=$(sed -nE 's/^Version:[[:space:]]*//p' rpm/nhi.spec)
        [ "$rpm" = "$version" ] || complain "rpm/nhi.spec: version ${rpm:-(none)} of a Makefile with VERSION $version"
fi

# A central side has the tools and no agent: its units are theirs, in both kinds of packages.
central=$(sed -n 's/^CENTRAL := //p' debian/rules | tr ' ' '\n' | sort)
[ "$central" = "$(sed -nE 's|.*UNITDIR\}/(nhi-.*)|\1|p' debian/nhi-tools.install | sort)" ] ||
        complain "debian/nhi-tools.install: other units than debian/rules has in CENTRAL"
if [ -f rpm/nhi.spec ]; then
        [ "$central" = "$(sed -n '/^%files tools/,/^%files authselect/s|^%{_unitdir}/||p' rpm/nhi.spec | sort)" ] ||
                complain "rpm/nhi.spec: other units in %files tools than debian/rules has in CENTRAL"
        [ "$(grep '\.timer$' <<<"$central")" = "$(sed -n 's/^%global central_units //p' rpm/nhi.spec | tr ' ' '\n' | sort)" ] ||
                complain "rpm/nhi.spec: other timers in central_units than debian/rules has in CENTRAL"
fi
while read -r timer; do
        grep -q "stamp-$timer" debian/nhi-tools.postrm || complain "debian/nhi-tools.postrm: leaves the stamp of $timer"
        grep -q "stop .*$timer" debian/nhi-tools.prerm || complain "debian/nhi-tools.prerm: $timer would go on without nhictl"
done < <(grep '\.timer$' <<<"$central")

event=$(sed -nE 's/.*X\(GATES_REMOVED, "[a-z-]*", "([0-9a-f]{32})".*/\1/p' nhi-agentd/event.h)
for file in $(git grep --untracked -lE '^[^#]*MESSAGE_ID=[0-9a-f]' -- debian rpm); do
        grep -q "MESSAGE_ID=$event" "$file" || complain "$file: writes another MESSAGE_ID than event.h's GATES_REMOVED"
done

for file in debian/*.prerm debian/*.postinst debian/*.postrm debian/*.preinst debian/*.config debian/parts/*; do
        [ -f "$file" ] || continue
        sh -n "$file" || bad=1
        grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' "$file" || complain "$file: no SPDX line"
done
exit $bad
