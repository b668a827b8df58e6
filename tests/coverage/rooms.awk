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
        if (index(whole, " " $1 " ") > 0)
                tables = tables row($1, $2, $3, $5, $6, 100)
        if ($5 > $6)
                left[room] = left[room] sprintf("    %-34s %3d of %3d branches to go\n", $1, $5 - $6, $5)
}

function percent(part, whole) {
        return whole ? 100 * part / whole : 100
}

# wanted: percent of the branches, 0 where nobody set a goal.
function row(name, n_lines, n_lines_hit, n, n_hit, wanted,   p, short) {
        p = percent(n_hit, n)
        short = p < wanted
        missed += short
        return sprintf("%-18s %7d %7.1f%% %9d %7.1f%%  %s\n", name, n_lines, percent(n_lines_hit, n_lines), n, p, \
                wanted ? (short ? "MISSED" : "met") " (" wanted "%)" : "-")
}

END {
        printf "%-18s %7s %8s %9s %8s  %s\n", "room", "lines", "", "branches", "", "goal"
        for (i = 1; i <= n; i++) {
                r = order[i]
                printf "%s", row(r, lines[r], lines_hit[r], branches[r], branches_hit[r], index(goals, " " r " ") > 0 ? goal : 0)
        }
        printf "%s", tables
        for (i = 1; i <= n; i++)
                printf "%s", left[order[i]]
        exit missed > 0
}
