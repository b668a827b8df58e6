#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The layering rule: every #include of every room against rooms.txt. Prints each breach.
set -u
cd "$(dirname "$0")/../.." || exit 2
table=tests/lint/rooms.txt
bad=0

rule_of() { # file -> its line of the table, longest prefix first
        grep -v '^#' $table | awk -F'|' -v OFS='|' '{ sub(/ +$/, "", $1); print length($1) "|" $0 }' | sort -rn |
                cut -d'|' -f2- | while IFS='|' read -r room project libs; do
                room=${room%% *}
                case $1 in "$room"/*) echo "$room|$project|$libs" && break ;; esac
        done
}

library_of() { # header -> library, empty for libc
        case $1 in
        systemd/*) echo systemd ;;
        sodium.h | sodium/*) echo sodium ;;
        jansson.h) echo jansson ;;
        libconfig.h) echo config ;;
        curl/*) echo curl ;;
        libsmartcols/*) echo smartcols ;;
        security/*) echo pam ;;
        zstd.h | zstd_errors.h) echo zstd ;;
        sudo_plugin.h) echo sudo ;;
        esac
}

for dir in lib pam_nhi nss_nhi sudo_nhi nhi-agentd nhictl; do
        while read -r file; do
                rule=$(rule_of "$file")
                if [ -z "$rule" ]; then
                        echo "$file: stands in no room of $table"
                        bad=1
                        continue
                fi
                IFS='|' read -r room project libs <<<"$rule"
                while read -r inc; do
                        ok=0
                        for p in $project; do
                                case $inc in "$p" | "$p"/*) ok=1 ;; esac
                        done
                        [ $ok = 1 ] || { echo "$file: $room may not include \"$inc\"" && bad=1; }
                done < <(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file")
                while read -r inc; do
                        lib=$(library_of "$inc")
                        [ -z "$lib" ] && continue
                        case " $libs " in *" $lib "*) ;; *) echo "$file: $room may not use $lib (<$inc>)" && bad=1 ;; esac
                done < <(sed -n 's/^#include <\([^>]*\)>.*/\1/p' "$file")
        done < <(git ls-files "$dir" --cached --others --exclude-standard -- "$dir/*.c" "$dir/*.h" | grep '\.[ch]$')
done
exit $bad
