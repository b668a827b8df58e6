# SPDX-License-Identifier: LGPL-2.1-or-later
# Citations of the battery in C tests and shell cases: prints "ID FILE:LINE".

FNR == 1 {
        is_c = FILENAME ~ /\.c$/
        in_comment = 0
        heeded = !is_c || FILENAME ~ /\/(fuzz|fault)\//
}

is_c && /^#include/ { heeded = 1 }

# The comments of a line of C, and the name where a test is defined.
function c_words(line, words, at) {
        words = ""
        if (line ~ /^static void [A-Za-z0-9_]+\(void \*\*/)
                words = substr(line, 13, index(line, "(") - 13)
        while (line != "") {
                if (!in_comment) {
                        at = index(line, "/*")
                        if (!at)
                                break
                        line = substr(line, at + 2)
                        in_comment = 1
                }
                at = index(line, "*/")
                words = words " " (at ? substr(line, 1, at - 1) : line)
                line = at ? substr(line, at + 2) : ""
                if (at)
                        in_comment = 0
        }
        return words
}

function shell_words(line) {
        if (line ~ /^case_/)
                return line
        return match(line, /(^|[ \t])#.*/) ? substr(line, RSTART) : ""
}

{
        words = is_c ? c_words($0) : shell_words($0)
        if (!heeded)
                next
        gsub(/[^A-Za-z0-9]+/, " ", words)
        n = split(words, word, " ")
        for (i = 1; i <= n; i++)
                if (word[i] ~ /^[VTPNAUSK][0-9][0-9]$/)
                        print word[i], FILENAME ":" FNR
}
