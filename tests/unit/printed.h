/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is printed to stdout between two calls. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct Printed {
        FILE *terminal;
        char *text;
        size_t size;
} Printed;

static inline void printed_begin(Printed *p)
{
        p->terminal = stdout;
        stdout = open_memstream(&p->text, &p->size);
        assert_non_null(stdout);
}

static inline void printed_end(Printed *p, const char *wanted)
{
        (void)fclose(stdout);
        stdout = p->terminal;
        assert_string_equal(p->text, wanted);
        free(p->text);
}
