/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where one JSON value ends, found without understanding it, in pieces of any size: enough to cut
 * a large document into entries. What lies between is read by jansson, which refuses what is no
 * JSON. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_DEPTH_MAX 64u /* arrays and objects within each other */

/* Zeroed before the first byte of a value, which is not white space. */
typedef struct Scan {
        uint64_t objects; /* bit i: what stands open at depth i is an object */
        unsigned depth;
        bool in_text, escaped, in_word;
} Scan;

typedef enum ScanResult {
        SCAN_MORE = 0, /* all used; the value goes on, or ends here if scan_may_end() */
        SCAN_END,      /* the value ended with the bytes used */
        SCAN_E_EMPTY,  /* no value begins here */
        SCAN_E_BRACKET,
        SCAN_E_DEPTH,
} ScanResult;

ScanResult scan_value(Scan *s, const char *data, size_t size, size_t *ret_used);
/* A number, true, false or null ends where the text ends. */
bool scan_may_end(const Scan *s);
/* Where the value of an object's member stands in the object's text: the first that is spelled just
 * so, without escapes. True, its offset and size; the object need be no JSON. */
bool scan_member(const char *object, size_t size, const char *name, size_t *ret_offset,
                 size_t *ret_size);
/* JSON without white space between its values, if it is plain: printable ASCII without escapes, so
 * that there is one spelling only. ret has room for size bytes; 0 where it is not plain. */
size_t scan_compact(const char *json, size_t size, char *ret);
/* What is wrong, for people. */
const char *scan_result_text(ScanResult r);

static inline bool scan_is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
