/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/pam-rehearse: what is done in there is seen by nobody (K04). Needs the right to mount;
 * where that is missing, the refusal is what is tested. */

#include "nhictl/pam/rehearse.h"

#include "tests/unit/pam-fixture.h"

#include <signal.h>

static char folder[sizeof(root) + 8];
static const char *const folders[] = { folder, "/nowhere/at/all", NULL };

static int set_up_folder(void **state)
{
        int r = set_up(state);

        (void)snprintf(folder, sizeof(folder), "%s/etc", root);
        put("/etc/kept", "kept\n");
        put("/etc/deep/kept", "kept\n");
        return r;
}

static bool is_there(const char *name)
{
        char path[sizeof(folder) + 64];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
        return access(path, F_OK) == 0;
}

static int change(void *data)
{
        if (!is_there("kept") || !is_there("deep/kept"))
                return 11;
        put("/etc/added", "x\n");
        put("/etc/kept", "changed\n");
        return is_there("added") ? 7 : 12;
}

static void what_is_done_inside_stays_inside(void **state)
{
        char text[16] = "", path[sizeof(folder) + 8];
        int r = rehearse(folders, change, NULL);
        FILE *f;

        assert_true(r == 7 || (r == VERB_FAILED && geteuid() != 0));
        assert_false(is_there("added"));
        (void)snprintf(path, sizeof(path), "%s/kept", folder);
        f = fopen(path, "re");
        assert_non_null(f);
        assert_non_null(fgets(text, sizeof(text), f));
        (void)fclose(f);
        assert_string_equal(text, "kept\n");
}

static int die(void *data)
{
        return raise(SIGKILL);
}

static void one_that_is_killed_has_failed(void **state)
{
        assert_int_equal(rehearse(folders, die, NULL), VERB_FAILED);
        assert_true(is_there("kept"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_is_done_inside_stays_inside, set_up_folder,
                                                tear_down),
                cmocka_unit_test_setup_teardown(one_that_is_killed_has_failed, set_up_folder,
                                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
