#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Words that must not stand in the sources, each with its reason.
set -u
cd "$(dirname "$0")/../.." || exit 2
bad=0
ban() { # extended regex, reason, paths...
        local regex=$1 reason=$2
        shift 2
        if git grep --untracked -nE "$regex" -- "$@" ':!tests/lint'; then
                echo "^^ $reason"
                bad=1
        fi
}
ban '\bsd_bus_call\(' 'waits for the bus: use sd_bus_call_async' '*.c'
ban '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|atoi|atol|mktemp|tmpnam)\(' 'unbounded or stateful' '*.c' '*.h' ':!tests'
ban '\b(qsort|qsort_r|bsearch)\(' 'undefined for a list without memory: sort_items() and find_item() of lib/base/sort.h' '*.c' '*.h' ':!lib/base/sort.h' ':!nhi-agentd/set/index.c'
ban '\b(TODO|FIXME|XXX|HACK)\b' 'finish it or write it down in docs/DECISIONS.md' '*.c' '*.h' '*.sh' Makefile '*.mk'
ban '\b(getenv|secure_getenv)\(' 'the modules read no environment (O9)' 'lib/*.c' 'pam_nhi/*.c' 'nss_nhi/*.c' 'sudo_nhi/*.c' 'nhi-agentd/*.c' ':!nhi-agentd/fetch'
ban '\b(getpw|getgr)[a-z_]*\(' 'the agent makes no NSS call: it could ask itself' 'nhi-agentd/*.c' 'nss_nhi/*.c' ':!nhi-agentd/keys'
ban '\b(DESIGN|FACTS|STYLE)(\.md)?\b' 'is not in the tree: give the reason, or name a manual page or a file of docs' .
ban 'module_unknown *=? *ignore' 'opens the gate when the module cannot load (bookworm: ulimit -v, then su)' conf
for f in $(git ls-files --cached --others --exclude-standard '*.c' '*.h'); do
        head -1 "$f" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' || { echo "$f: no SPDX line" && bad=1; }
done
for f in $(git ls-files --cached --others --exclude-standard '*.h'); do
        grep -q '^#pragma once' "$f" || { echo "$f: no #pragma once" && bad=1; }
done
exit $bad
