/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Everything that the agent reads at its start, made into what somebody else would like it to be:
 * a symbolic link to a secret, a FIFO, a folder, a file that others may write (CVE-2019-12209,
 * CVE-2024-47191, CVE-2024-22365; O3, O5). The start is refused, at once, and no error shows a byte
 * of what was behind it. */

#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/session/registry.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#define SECRET_PATH PATH_ROOT "/etc/secret"
#define SECRET      "s3cr3t-of-root"

typedef enum Trap {
        TRAP_SYMLINK,
        TRAP_FIFO,
        TRAP_FOLDER,
        TRAP_WRITABLE,
        TRAP_DEVICE,
        TRAP_N,
} Trap;

static int setup(void **state)
{
        const int r = fixture_setup(state);
        Fixture *f = *state;

        writer_inject = NULL;
        fixture_load(f);
        fixture_deploy(f, "g-1", 0);
        fixture_write(SECRET_PATH, SECRET "\n");
        fixture_stop(f);
        return r;
}

/* False where this machine does not let us make one. */
static bool make_trap(Trap t, const char *path)
{
        if (t == TRAP_WRITABLE)
                return chmod(path, 0666) == 0;
        assert_int_equal(unlink(path), 0);
        switch (t) {
        case TRAP_SYMLINK:
                return symlink(SECRET_PATH, path) == 0;
        case TRAP_FIFO:
                return mkfifo(path, 0600) == 0;
        case TRAP_FOLDER:
                return mkdir(path, 0700) == 0;
        case TRAP_DEVICE:
                return mknod(path, S_IFCHR | 0600, makedev(1, 5)) == 0;
        default:
                return false;
        }
}

/* Configuration and state: 0 only where the agent would start. */
static int try_start(Fixture *f, char error[static AGENT_ERROR_MAX])
{
        char config_error[CONFIG_ERROR_MAX] = "";
        Config *config = NULL;
        int r;

        r = config_load(PATH_CONF_FILE, PATH_CONF_DIR, &config, config_error);
        if (r < 0) {
                (void)snprintf(error, AGENT_ERROR_MAX, "%.200s", config_error);
                return r;
        }
        assert_true(sd_event_new(&f->event) >= 0);
        assert_int_equal(agent_new(f->event, config, &f->agent), 0);
        return agent_load(f->agent, error);
}

static void start_refuses(Fixture *f, const char *path)
{
        for (Trap t = 0; t < TRAP_N; t++) {
                char saved[600], error[AGENT_ERROR_MAX] = "";
                const uint64_t begin = now_monotonic_usec();

                (void)snprintf(saved, sizeof(saved), "%s.saved", path);
                (void)unlink(saved);
                assert_int_equal(link(path, saved), 0);
                if (make_trap(t, path)) {
                        if (try_start(f, error) == 0)
                                fail_msg("%s as trap %d: the agent starts", path, (int)t);
                        assert_true(strlen(error) > 0);
                        assert_null(strstr(error, SECRET));
                        fixture_stop(f);
                }
                if (t == TRAP_FOLDER)
                        (void)rmdir(path);
                (void)unlink(path);
                assert_int_equal(rename(saved, path), 0);
                assert_int_equal(chmod(path, 0644), 0);
                /* No FIFO held it up; ten seconds is for a machine that is busy. */
                assert_true(now_monotonic_usec() - begin < 10 * USEC_PER_SEC);
        }
}

static void no_trap_in_the_place_of_a_file_is_read_O3_O5(void **state)
{
        Fixture *f = *state;
        char error[AGENT_ERROR_MAX] = "";

        start_refuses(f, PATH_CONF_FILE);
        start_refuses(f, FIXTURE_KEY);
        start_refuses(f, PATH_STATE_FILE);
        start_refuses(f, PATH_UIDS_FILE);
        if (try_start(f, error) != 0)
                fail_msg("with everything as it was: %s", error);
}

static void archive_path(char path[static 600])
{
        DIR *d = opendir(PATH_SETS_DIR);
        struct dirent *e;

        assert_non_null(d);
        path[0] = '\0';
        while ((e = readdir(d)))
                if (strstr(e->d_name, ".jws"))
                        (void)snprintf(path, 600, "%s/%s", PATH_SETS_DIR, e->d_name);
        (void)closedir(d);
        assert_true(path[0] != '\0');
}

/* The archive is believed for its signature; in another shape it is no set, and the start is not
 * held up. */
static void no_trap_in_the_place_of_the_archived_set_grants_anything_O3_O5(void **state)
{
        Fixture *f = *state;

        for (Trap t = 0; t < TRAP_N; t++) {
                char path[600], saved[700];

                archive_path(path);
                (void)snprintf(saved, sizeof(saved), "%s.saved", path);
                assert_int_equal(link(path, saved), 0);
                if (make_trap(t, path)) {
                        fixture_agent(f);
                        fixture_load(f);
                        assert_int_equal(f->agent->store.n_grants, 0);
                        assert_null(strstr(f->agent->issuers[0].refused.detail, SECRET));
                        fixture_stop(f);
                }
                if (t == TRAP_FOLDER)
                        (void)rmdir(path);
                (void)unlink(path);
                assert_int_equal(rename(saved, path), 0);
                assert_int_equal(chmod(path, 0644), 0);
        }
        fixture_agent(f);
        fixture_load(f);
        assert_int_equal(f->agent->store.n_grants, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(no_trap_in_the_place_of_a_file_is_read_O3_O5),
                T(no_trap_in_the_place_of_the_archived_set_grants_anything_O3_O5),
        };

        return cmocka_run_group_tests_name("cve-paths", tests, NULL, NULL);
}
