/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a module must never reach for, since it lives in somebody else's process: the environment
 * (CVE-2019-3842, CVE-2025-6018; O9), more libraries or a name service of its own (CVE-2025-32463,
 * CVE-2019-14271; O16), FD_SET (CVE-2013-0288; O24), the host's death (CVE-2024-33600; O43). */

#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char *const modules[] = { "pam_nhi.so", "libnss_nhi.so.2", "sudo_nhi.so" };

static const char *const environment[] = { "getenv",   "secure_getenv", "setenv",  "putenv",
                                           "unsetenv", "clearenv",      "environ", "__environ" };
static const char *const deaths[] = { "abort", "exit",  "_exit",        "__assert_fail", "err",
                                      "errx",  "raise", "pthread_exit", "longjmp" };
static const char *const loaders[] = { "dlopen", "dlmopen", "dlsym",      "system",
                                       "popen",  "execve",  "execvp",     "execlp",
                                       "fork",   "vfork",   "posix_spawn" };
static const char *const waits[] = { "select", "pselect", "__fdelt_chk",
                                     "sleep",  "usleep",  "nanosleep" };
static const char *const names[] = { "getaddrinfo", "gethostbyname", "getnameinfo", "res_query",
                                     "gethostname", "getlogin",      "cuserid" };
static const char *const threads[] = { "pthread_create", "sigaction", "signal",
                                       "setuid",         "seteuid",   "setresuid",
                                       "initgroups",     "chdir",     "umask" };

static bool is_one_of(const char *symbol, const char *const *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (streq(symbol, list[i]))
                        return true;
        return false;
}

/* The undefined symbols of a module, each without its version. A sanitizer or a coverage build
 * brings its own, which no other build has. */
static void expect_none(const char *module, const char *const *list, size_t n)
{
        char command[512], line[512];
        size_t n_symbols = 0;
        FILE *p;

        snprintf(command, sizeof(command), "nm -D --undefined-only %s/../tmod/%s", PATH_ROOT,
                 module);
        p = popen(command, "re");
        assert_non_null(p);
        while (fgets(line, sizeof(line), p)) {
                char *symbol = strrchr(line, ' ');

                if (!symbol)
                        continue;
                symbol++;
                symbol[strcspn(symbol, "@\n")] = '\0';
                n_symbols++;
                if (is_one_of(symbol, list, n))
                        fail_msg("%s reaches for %s", module, symbol);
        }
        assert_int_equal(pclose(p), 0);
        assert_true(n_symbols > 10);
}

#define EXPECT_NONE(list)                                                                          \
        for (size_t m = 0; m < ELEMENTSOF(modules); m++)                                           \
        expect_none(modules[m], list, ELEMENTSOF(list))

static void modules_read_no_environment_O9(void **state)
{
#ifdef COVERAGE
        skip(); /* its library reads some */
#endif
        EXPECT_NONE(environment);
}

static void modules_load_and_start_nothing_O16(void **state)
{
#ifdef COVERAGE
        skip(); /* its dump is found by dlsym() */
#endif
        EXPECT_NONE(loaders);
}

static void modules_wait_by_poll_alone_O24(void **state)
{
        EXPECT_NONE(waits);
}

static void modules_never_end_their_host_O43(void **state)
{
#ifdef COVERAGE
        skip();
#endif
        EXPECT_NONE(deaths);
}

static void modules_ask_no_name_service_for_hosts_O6(void **state)
{
        EXPECT_NONE(names);
}

static void modules_change_nothing_about_their_host_O26(void **state)
{
        EXPECT_NONE(threads);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(modules_read_no_environment_O9),
                cmocka_unit_test(modules_load_and_start_nothing_O16),
                cmocka_unit_test(modules_wait_by_poll_alone_O24),
                cmocka_unit_test(modules_never_end_their_host_O43),
                cmocka_unit_test(modules_ask_no_name_service_for_hosts_O6),
                cmocka_unit_test(modules_change_nothing_about_their_host_O26),
        };

        (void)mkdir(PATH_ROOT, 0755); /* the modules' path leads through it */
        /* The way to the modules leads through it. */
        (void)mkdir(PATH_ROOT, 0755);
        return cmocka_run_group_tests_name("cve-modules", tests, NULL, NULL);
}
