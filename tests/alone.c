/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The test programs of one build directory share PATH_ROOT: whoever runs its tests has it alone,
 * and who comes meanwhile waits. What a test executes of its own program runs no group, and does
 * not. Files have the modes that tests say, whatever umask they are run with. */

#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cmocka.h>

#define LOCK PATH_ROOT ".lock"

int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n,
                                   CMFixtureFunction setup, CMFixtureFunction teardown)
{
        _cleanup_close_ int fd = open(LOCK, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
        int r;

        if (fd < 0 || flock(fd, LOCK_EX) < 0) {
                perror(LOCK);
                return 1;
        }
        (void)umask(0022);
        r = __real__cmocka_run_group_tests(name, tests, n, setup, teardown);
        /* A child that is left has it open, too. */
        (void)flock(fd, LOCK_UN);
        return r;
}
