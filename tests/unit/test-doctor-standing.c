/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor: what gated accounts have for good, and who can write what decides. */

#include "doctor-fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SSHD       "/usr/sbin/sshd -T"
#define SSHD_STOCK "pubkeyauthentication yes\nauthorizedkeysfile .ssh/authorized_keys\n"
#define CVT        "/usr/bin/cvtsudoers"

static void set_gates(DoctorFixture *x, const char *lines, unsigned n)
{
        char text[1024];

        (void)snprintf(text, sizeof(text), "nhi-gates 1\n%send %u\n", lines, n);
        fixture_file(x, "/run/nhi/gates", text);
}

static int setup(void **state)
{
        DoctorFixture *x = calloc(1, sizeof(*x));

        fixture_init(x);
        fixture_file(x, "/etc/passwd",
                     "root:x:0:0:root:/root:/bin/bash\n"
                     "olga:x:1000:1000::/home/olga:/bin/bash\n"
                     "bob:x:1001:1001::/home/bob:/bin/bash\n");
        fixture_file(x, "/etc/group", "root:x:0:\noperators:x:1100:olga\n");
        fixture_file(x, "/etc/shadow", "root:*:1::::::\nolga:!:1::::::\nbob:$y$x:1::::::\n");
        fixture_file(x, "/etc/nhi/exempt", "root *\n");
        fixture_file(x, "/etc/sudoers", "");
        fixture_runs(x, SSHD, SSHD_STOCK, 0);
        fixture_runs(x, CVT, "", 0);
        set_gates(x, "gate ops enforce sudo,su %operators\n", 1);
        *state = x;
        return 0;
}

static int teardown(void **state)
{
        DoctorFixture *x = *state;

        fixture_done(x);
        free(x);
        return 0;
}

static bool standing_says(DoctorFixture *x, FindingLevel level, const char *text)
{
        fixture_check(x, "standing");
        return fixture_says(x, level, text);
}

static bool standing_is_well(DoctorFixture *x)
{
        fixture_check(x, "standing");
        return fixture_is_well(x);
}

/* Every kind, which class opens it, and how it comes about. */
static const struct {
        const char *word, *class, *path, *text, *run, *output;
} kinds[] = {
        { "password (login)", "login,ssh", "/etc/shadow", "olga:$y$x:1::::::\n", NULL, NULL },
        { "authorized_keys (ssh)", "ssh", "/home/olga/.ssh/authorized_keys", "ssh-rsa A\n", NULL,
          NULL },
        { "sudoers rule (sudo)", "sudo", NULL, NULL, CVT, "olga ALL = (ALL) ALL\n" },
        { "crontab (cron)", "cron", "/var/spool/cron/crontabs/olga", "* * * * * x\n", NULL, NULL },
        { "lingering user manager (systemd-user)", "login,ssh", "/var/lib/systemd/linger/olga", "",
          NULL, NULL },
};

static void give(DoctorFixture *x, size_t i)
{
        if (kinds[i].path)
                fixture_file(x, kinds[i].path, kinds[i].text);
        if (kinds[i].run)
                fixture_runs(x, kinds[i].run, kinds[i].output, 0);
}

static void take(DoctorFixture *x, size_t i)
{
        if (kinds[i].path)
                fixture_file(x, kinds[i].path, NULL);
        if (kinds[i].run)
                fixture_runs(x, kinds[i].run, "", 0);
        fixture_file(x, "/etc/shadow", "root:*:1::::::\nolga:!:1::::::\n");
}

static void what_no_gate_covers_is_standing_access(void **state)
{
        DoctorFixture *x = *state;

        assert_true(standing_is_well(x));
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                /* gated for su: for everything but what is looked at */
                set_gates(x, "gate ops enforce su %operators\n", 1);
                give(x, i);
                assert_true(standing_says(x, FINDING_WARN, kinds[i].word));
                take(x, i);
                assert_true(standing_is_well(x));
        }
}

static void what_an_enforced_gate_covers_waits_for_a_grant(void **state)
{
        DoctorFixture *x = *state;
        char gate[256];

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                (void)snprintf(gate, sizeof(gate), "gate ops enforce su,%s olga\n", kinds[i].class);
                set_gates(x, gate, 1);
                give(x, i);
                assert_true(standing_is_well(x));
                assert_true(fixture_says(x, FINDING_OK, kinds[i].word));
                take(x, i);
        }
}

static void what_is_only_observed_is_standing_access(void **state)
{
        DoctorFixture *x = *state;

        set_gates(x, "gate ops enforce su olga\ngate jobs observe cron olga\n", 2);
        fixture_file(x, "/var/spool/cron/crontabs/olga", "");
        assert_true(standing_says(x, FINDING_WARN, "crontab (cron)"));
}

static void an_at_job_is_known_by_its_owner(void **state)
{
        DoctorFixture *x = *state;
        char passwd[256];

        (void)snprintf(passwd, sizeof(passwd), "mine:x:%u:1::/home/mine:/bin/sh\n",
                       (unsigned)(geteuid() ? geteuid() : 4242));
        fixture_file(x, "/etc/passwd", passwd);
        set_gates(x, "gate ops enforce su mine\n", 1);
        assert_true(standing_is_well(x));
        fixture_file(x, "/var/spool/cron/atjobs/.SEQ", "1");
        fixture_file(x, "/var/spool/cron/atjobs/a0001", "x");
        if (geteuid() == 0) {
                char path[PATH_MAX];

                assert_true(standing_is_well(x)); /* root's */
                fixture_path(x, "/var/spool/cron/atjobs/a0001", path);
                assert_int_equal(chown(path, 4242, 0), 0);
        }
        assert_true(standing_says(x, FINDING_WARN, "at job (at)"));
}

static void a_managed_account_shall_have_nothing_of_its_own(void **state)
{
        DoctorFixture *x = *state;

        set_gates(x, "account svc-deploy 70001\n", 1);
        assert_true(standing_is_well(x));
        fixture_file(x, "/var/spool/cron/crontabs/svc-deploy", "");
        assert_true(standing_says(x, FINDING_WARN,
                                  "svc-deploy, a managed account, has of its own: "
                                  "crontab (cron)"));
        fixture_file(x, "/var/spool/cron/crontabs/svc-deploy", NULL);
        /* sudo wants a rule, besides the grant */
        fixture_runs(x, CVT, "svc-deploy ALL = (ALL) ALL\n", 0);
        assert_true(standing_is_well(x));
        assert_true(fixture_says(x, FINDING_OK, "svc-deploy has sudoers rule (sudo)"));
        fixture_runs(x, CVT, "", 0);
        fixture_file(x, "/etc/passwd", "svc-deploy:x:70001:70001::/home/s:/bin/sh\n");
        assert_true(standing_says(x, FINDING_WARN, "is a local account as well"));
}

static void what_cannot_be_looked_at_is_said(void **state)
{
        DoctorFixture *x = *state;
        char path[PATH_MAX];

        fixture_runs(x, CVT, "", 1);
        assert_true(standing_says(x, FINDING_WARN, "whether olga has: sudoers rule"));
        fixture_runs(x, CVT, "", 0);
        fixture_runs(x, SSHD, "", 255);
        assert_true(standing_says(x, FINDING_WARN, "whether olga has: authorized_keys"));
        fixture_runs(x, SSHD, SSHD_STOCK, 0);
        /* As a home on NFS that root may not enter: root is not told, the account's sshd is. */
        fixture_path(x, "/home/olga/.ssh/authorized_keys", path);
        assert_int_equal(symlink("authorized_keys", path), 0);
        assert_true(standing_says(x, FINDING_WARN, "whether olga has: authorized_keys"));
        assert_int_equal(unlink(path), 0);
        fixture_file(x, "/etc/shadow", NULL);
        assert_true(standing_says(x, FINDING_WARN, "whether olga has: password"));
        fixture_file(x, "/etc/group", NULL);
        assert_true(standing_says(x, FINDING_WARN, "cannot be read"));
}

static void a_fifo_where_keys_are_expected_hangs_nobody(void **state)
{
        DoctorFixture *x = *state;
        char path[PATH_MAX];

        fixture_path(x, "/home/olga/.ssh/authorized_keys", path);
        assert_int_equal(mkfifo(path, 0600), 0);
        set_gates(x, "gate ops enforce ssh olga\n", 1);
        assert_true(standing_is_well(x));
}

static void a_crowd_is_cut_and_counted(void **state)
{
        DoctorFixture *x = *state;
        char *text = calloc(1, 65536), *at = text;

        for (unsigned i = 0; i < 70; i++)
                at += sprintf(at, "user%u:x:%u:1::/home/u:/bin/sh\n", i, 2000 + i);
        fixture_file(x, "/etc/passwd", text);
        set_gates(x, "gate ops enforce su user*\n", 1);
        assert_true(standing_says(x, FINDING_WARN, "6 further accounts were not looked at"));
        for (unsigned i = 0; i < 12; i++) {
                char path[64];

                (void)snprintf(path, sizeof(path), "/var/spool/cron/crontabs/user%u", i);
                fixture_file(x, path, "");
        }
        assert_true(standing_says(x, FINDING_WARN, "and 2 more findings"));
        for (unsigned i = 0; i < 600; i++)
                at += sprintf(at, "more%u:x:%u:1::/:/bin/sh\n", i, 3000 + i);
        fixture_file(x, "/etc/passwd", text);
        assert_true(standing_says(x, FINDING_WARN, "164 further accounts were not looked at"));
        free(text);
}

/* ---- files ---- */

static void mode_of(DoctorFixture *x, const char *path, mode_t mode)
{
        char full[PATH_MAX];

        fixture_path(x, path, full);
        assert_int_equal(chmod(full, mode), 0);
}

static void files_make(DoctorFixture *x)
{
        fixture_file(x, "/etc/nhi/agentd.conf", "");
        fixture_file(x, "/etc/nhi/issuer.key", "");
        mode_of(x, "/etc/nhi/issuer.key", 0600);
        fixture_file(x, "/etc/nhi/trust/a.jwk", "");
        fixture_file(x, "/var/lib/nhi/gates", "");
        fixture_file(x, "/usr/libexec/nhi/nhi-agentd", "");
        fixture_file(x, "/usr/lib/x86_64-linux-gnu/security/pam_nhi.so", "");
}

static void a_file_that_others_can_write_or_a_key_they_can_read_fails(void **state)
{
        static const struct {
                const char *path;
                mode_t mode, good;
                FindingLevel level;
        } modes[] = {
                { "/etc/nhi", 0775, 0755, FINDING_FAIL },
                { "/etc/nhi/exempt", 0666, 0644, FINDING_FAIL },
                { "/etc/nhi/agentd.conf", 0664, 0644, FINDING_FAIL },
                { "/etc/nhi/agentd.conf", 0755, 0644, FINDING_WARN },
                { "/etc/nhi/issuer.key", 0640, 0600, FINDING_FAIL },
                { "/etc/nhi/trust/a.jwk", 0646, 0644, FINDING_FAIL },
                { "/var/lib/nhi/gates", 0664, 0644, FINDING_FAIL },
                { "/usr/libexec/nhi/nhi-agentd", 0777, 0755, FINDING_FAIL },
                { "/usr/lib/x86_64-linux-gnu/security/pam_nhi.so", 0666, 0644, FINDING_FAIL },
        };
        DoctorFixture *x = *state;

        files_make(x);
        fixture_check(x, "files");
        assert_true(fixture_is_well(x));
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                mode_of(x, modes[i].path, modes[i].mode);
                fixture_check(x, "files");
                assert_int_equal(x->findings.n, 1);
                assert_true(fixture_says(x, modes[i].level, modes[i].path));
                mode_of(x, modes[i].path, modes[i].good);
        }
}

static void a_file_of_somebody_else_or_a_link_fails(void **state)
{
        DoctorFixture *x = *state;
        char path[PATH_MAX];

        files_make(x);
        fixture_path(x, "/etc/nhi/agentd.conf", path);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/dev/null", path), 0);
        fixture_check(x, "files");
        assert_true(fixture_says(x, FINDING_FAIL, "/etc/nhi/agentd.conf is a symbolic link"));
        assert_int_equal(unlink(path), 0);
        if (geteuid() != 0)
                return;
        fixture_file(x, "/etc/nhi/agentd.conf", "");
        assert_int_equal(chown(path, 4242, 0), 0);
        fixture_check(x, "files");
        assert_true(fixture_says(x, FINDING_FAIL, "belongs to uid 4242"));
}

static void what_is_missing_is_said(void **state)
{
        DoctorFixture *x = *state;

        fixture_file(x, "/etc/nhi/exempt", NULL);
        fixture_check(x, "files");
        assert_true(fixture_says(x, FINDING_WARN, "/etc/nhi/exempt is missing"));
        assert_true(fixture_says(x, FINDING_WARN, "/var/lib/nhi is missing"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void a_grant_for_root_without_commands_bounds_nothing(void **state)
{
        static const char bounded[] =
                "[{\"jti\":\"g-1\",\"account\":\"olga\",\"authorization_details\":"
                "[{\"run_as\":[\"root\"],\"commands\":[[\"/bin/id\"]]}]}]";
        static const char unbounded[] = "[{\"jti\":\"g-2\",\"account\":\"olga\","
                                        "\"authorization_details\":[{\"run_as\":[\"root\"]}]}]";
        DoctorFixture *x = *state;
        json_t *grants;

        fixture_check(x, "unbounded");
        assert_true(fixture_says(x, FINDING_WARN, "no agent answers"));
        x->host.grants = grants = json_loads(bounded, 0, NULL);
        fixture_check(x, "unbounded");
        assert_true(fixture_is_well(x));
        json_decref(grants);
        x->host.grants = grants = json_loads(unbounded, 0, NULL);
        fixture_check(x, "unbounded");
        assert_true(fixture_says(x, FINDING_WARN, "grant g-2 makes olga root without commands"));
        json_decref(grants);
        x->host.grants = NULL;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_no_gate_covers_is_standing_access),
                TEST(what_an_enforced_gate_covers_waits_for_a_grant),
                TEST(what_is_only_observed_is_standing_access),
                TEST(an_at_job_is_known_by_its_owner),
                TEST(a_managed_account_shall_have_nothing_of_its_own),
                TEST(what_cannot_be_looked_at_is_said),
                TEST(a_fifo_where_keys_are_expected_hangs_nobody),
                TEST(a_crowd_is_cut_and_counted),
                TEST(a_file_that_others_can_write_or_a_key_they_can_read_fails),
                TEST(a_file_of_somebody_else_or_a_link_fails),
                TEST(what_is_missing_is_said),
                TEST(a_grant_for_root_without_commands_bounds_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
