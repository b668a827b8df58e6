# SPDX-License-Identifier: LGPL-2.1-or-later
# gcovr's CSV (file, lines, covered, %, branches, covered, %...) by room, then each file that has branches to go.

BEGIN { FS = "," }

FNR == 1 { next }

{
        room = $1
        sub(/\/[^\/]*$/, "", room)
        if (!(room in lines))
                order[++n] = room
        lines[room] += $2
        lines_hit[room] += $3
        branches[room] += $5
        branches_hit[room] += $6
        if ($5 > $6)
                left[room] = left[room] sprintf("    %-34s %3d of %3d branches to go\n", $1, $5 - $6, $5)
}

function percent(part, whole) {
        return whole ? 100 * part / whole : 100
}

END {
        printf "%-18s %7s %8s %9s %8s  %s\n", "room", "lines", "", "branches", "", "goal"
        for (i = 1; i <= n; i++) {
                r = order[i]
                p = percent(branches_hit[r], branches[r])
                wanted = index(goals, " " r " ") > 0
                short = wanted && p < goal
                missed += short
                printf "%-18s %7d %7.1f%% %9d %7.1f%%  %s\n", r, lines[r], percent(lines_hit[r], lines[r]), branches[r], p, \
                        wanted ? (short ? "MISSED" : "met") " (" goal "%)" : "-"
        }
        for (i = 1; i <= n; i++)
                printf "%s", left[order[i]]
        exit missed > 0
}
