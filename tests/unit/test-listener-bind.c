/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sockets that an agent makes where nobody holds them for it. */

#include "tests/unit/doors-fixture.h"

#include "lib/base/file.h"

#include <sys/stat.h>

/* In the order of PeerKind. */
static const struct {
        const char *name, *path;
} units[] = {
        { "pam", PATH_PAM_SOCK },
        { "control", PATH_CONTROL_SOCK },
        { "keys", PATH_KEYS_SOCK },
        { "feed", PATH_FEED_SOCK },
};

/* With two groups of these names, both the caller's own. */
static void groups_write(Fixture *f, const char *first, const char *second)
{
        FILE *file = fopen(PATH_ROOT "/etc/group", "we");

        assert_non_null(file);
        assert_true(fprintf(file, "root:x:0:\n%s:x:%u:\n%s:x:%u:\n", first, (unsigned)getegid(),
                            second, (unsigned)getegid()) > 0);
        assert_int_equal(fclose(file), 0);
        f->agent->local = localdb_free(f->agent->local);
        assert_int_equal(localdb_load(PATH_ROOT "/etc", &f->agent->local), 0);
}

static int bind_setup(void **state)
{
        const int r = fixture_setup(state);

        fixture_load(*state);
        groups_write(*state, "nhi-keys", "nhi-fetch");
        return r;
}

/* SocketMode= of its unit. */
static mode_t unit_mode(const char *name)
{
        char path[128], line[256];
        unsigned mode = 0;
        FILE *file;

        (void)snprintf(path, sizeof(path), "conf/units/nhi-agentd-%s.socket", name);
        file = fopen(path, "re");
        assert_non_null(file);
        while (mode == 0 && fgets(line, sizeof(line), file))
                (void)sscanf(line, "SocketMode=%o", &mode);
        assert_int_equal(fclose(file), 0);
        assert_int_not_equal(mode, 0);
        return mode;
}

static void sockets_are_as_open_as_those_of_the_units(void **state)
{
        Fixture *f = *state;
        char error[AGENT_ERROR_MAX] = "", text[128];
        struct stat st;

        assert_int_equal(listener_bind(f->agent->listener, error), 0);
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                assert_int_equal(lstat(units[i].path, &st), 0);
                assert_true(S_ISSOCK(st.st_mode));
                assert_int_equal(st.st_mode & 07777, unit_mode(units[i].name));
                assert_int_equal(st.st_uid, geteuid());
                assert_int_equal(st.st_gid, getegid());
                (void)snprintf(text, sizeof(text), "%s.new", units[i].path);
                assert_int_equal(lstat(text, &st), -1);
        }
        assert_int_equal(listener_start(f->agent->listener), 0);
        for (size_t i = 0; i < ELEMENTSOF(fixture_doors); i++)
                assert_int_equal(close(dial(fixture_doors[i].path, fixture_doors[i].type)), 0);
}

/* A former agent's, and whatever else is in its place. */
static void what_is_in_its_place_is_replaced(void **state)
{
        Fixture *f = *state;
        char error[AGENT_ERROR_MAX] = "";
        struct stat st;

        assert_int_equal(file_replace(PATH_PAM_SOCK, "x", 1, 0666, geteuid(), getegid(), false), 0);
        assert_int_equal(
                file_replace(PATH_PAM_SOCK ".new", "x", 1, 0666, geteuid(), getegid(), false), 0);
        assert_int_equal(listener_bind(f->agent->listener, error), 0);
        assert_int_equal(lstat(PATH_PAM_SOCK, &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        assert_int_equal(st.st_mode & 07777, 0600);
}

static void without_its_group_a_socket_is_not_made(void **state)
{
        Fixture *f = *state;
        char error[AGENT_ERROR_MAX] = "";
        struct stat st;

        groups_write(f, "nhi-fetch", "other");
        assert_int_equal(listener_bind(f->agent->listener, error), -ESRCH);
        assert_non_null(strstr(error, "nhi-keys"));
        assert_int_equal(lstat(PATH_KEYS_SOCK, &st), -1);
}

static int bind_teardown(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                (void)unlink(units[i].path);
        return fixture_teardown(state);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, bind_setup, bind_teardown)
        const struct CMUnitTest tests[] = {
                CASE(sockets_are_as_open_as_those_of_the_units),
                CASE(what_is_in_its_place_is_replaced),
                CASE(without_its_group_a_socket_is_not_made),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
