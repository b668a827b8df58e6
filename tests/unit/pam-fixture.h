/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A folder that stands for the root of a host, below the test root of the build. */

#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

static char root[4096];

/* Folders on the way are made. */
static inline void put(const char *path, const char *text)
{
        char full[sizeof(root) + 256];
        FILE *f;

        assert_true(snprintf(full, sizeof(full), "%s%s", root, path) < (int)sizeof(full));
        for (char *at = strchr(full + 1, '/'); at; at = strchr(at + 1, '/')) {
                *at = '\0';
                (void)mkdir(full, 0755);
                *at = '/';
        }
        f = fopen(full, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static inline int set_up(void **state)
{
        (void)mkdir(PATH_ROOT, 0755);
        assert_true(snprintf(root, sizeof(root), "%s/pam-XXXXXX", PATH_ROOT) < (int)sizeof(root));
        return mkdtemp(root) ? 0 : -1;
}

static inline int tear_down(void **state)
{
        char command[sizeof(root) + 32];

        assert_true(snprintf(command, sizeof(command), "rm -rf '%s'", root) > 0);
        return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
