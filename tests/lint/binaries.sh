#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the built modules need and export, and what the pure core reaches for: readelf -d, nm -D
# against the .map, nm -u core.a against core-symbols.txt. Usage: binaries.sh BUILD-DIR
set -u
cd "$(dirname "$0")/../.." || exit 2
B=$1
bad=0
complain() {
        echo "$*"
        bad=1
}

check_needed() { # module, allowed libraries
        local lib
        for lib in $(readelf -d "$B/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
                case " $2 " in *" $lib "*) ;; *) complain "$1: links $lib, may only link: $2" ;; esac
        done
        readelf -lW "$B/$1" | grep -q ' TLS ' && complain "$1: has thread-local storage"
        readelf -dW "$B/$1" | grep -qE 'INIT_ARRAYSZ.* (1[6-9]|[2-9][0-9]|[0-9]{3,}) ' &&
                complain "$1: has a constructor of its own"
        return 0
}

check_exports() { # module, map
        diff <(nm -D --defined-only "$B/$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort) \
                <(sed -n '/global:/,/local:/{s/global://;s/local:.*//;s/[; ]*//g;/./p}' "$2" | tr -d '\t' | sort) ||
                complain "$1: exports (left) differ from $2 (right)"
}

check_never() { # module: functions that a guest in somebody's process never calls
        local f
        for f in abort getenv secure_getenv setenv putenv system popen pthread_create __assert_fail exit _exit sigaction signal; do
                nm -D --undefined-only "$B/$1" | awk '{ sub(/@.*/, "", $2); print $2 }' | grep -qx "$f" &&
                        complain "$1: calls $f()"
        done
        return 0
}

check_needed pam_nhi.so "libc.so.6 libpam.so.0"
check_needed libnss_nhi.so.2 "libc.so.6"
check_needed sudo_nhi.so "libc.so.6"
check_exports pam_nhi.so pam_nhi/pam_nhi.map
check_exports libnss_nhi.so.2 nss_nhi/nss_nhi.map
check_exports sudo_nhi.so sudo_nhi/sudo_nhi.map
for m in pam_nhi.so libnss_nhi.so.2 sudo_nhi.so; do check_never $m; done

# The core's own symbols are not "undefined" to it, although another object of core.a has them.
defined=$(nm --defined-only "$B/core.a" | awk 'NF == 3 { print $3 }' | sort -u)
nm -u "$B/core.a" | awk '$1 == "U" { print $2 }' | sort -u | while read -r s; do
        grep -qx "$s" <<<"$defined" || grep -qx "$s" tests/lint/core-symbols.txt || echo "$s"
done >"$B/core-alien.txt"
if [ -s "$B/core-alien.txt" ]; then
        complain "core.a reaches for: $(tr '\n' ' ' <"$B/core-alien.txt")"
fi
exit $bad
