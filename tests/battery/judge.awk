# SPDX-License-Identifier: LGPL-2.1-or-later
# rows.txt, uncovered.txt, citations: what is covered, by group.

function fail(text) {
        printf "  FAIL    %s\n", text
        failed++
}

FNR == 1 { file++ }
/^#/ || /^ *$/ { next }

file == 1 {
        if (split($0, part, " [|] ") != 3 || (part[1] in tried))
                fail("rows.txt:" FNR ": not \"ID | what is tried | what must happen\", or there twice")
        order[++n_rows] = part[1]
        tried[part[1]] = part[2]
        next
}

file == 2 {
        at = index($0, " | ")
        id = substr($0, 1, at - 1)
        if (!at || !(id in tried) || (id in excuse))
                fail("uncovered.txt:" FNR ": not \"ID | why\" of a row, or there twice")
        excuse[id] = substr($0, at + 3)
        next
}

{
        cited[$1]++
        if (!($1 in tried))
                fail($2 " cites " $1 ", which is no row of the battery")
}

END {
        for (i = 1; i <= n_rows; i++) {
                id = order[i]
                group = substr(id, 1, 1)
                if (!(group in rows))
                        groups[++n_groups] = group
                rows[group]++
                if (id in cited)
                        covered[group]++
                else if (id in excuse)
                        open[group] = open[group] sprintf("          %s  %s: %s\n", id, tried[id], excuse[id])
                if ((id in cited) && (id in excuse))
                        fail(id " is covered (" cited[id] " times) and excused in uncovered.txt")
                else if (!(id in cited) && !(id in excuse))
                        fail(id " (" tried[id] "): no test cites it, and uncovered.txt does not say why")
                else
                        passed++
        }
        for (i = 1; i <= n_groups; i++)
                printf "  %s: %d of %d covered\n%s", groups[i], covered[groups[i]], rows[groups[i]], open[groups[i]]
        printf "battery: %d passed, %d failed\n", passed, failed
        exit failed > 0
}
