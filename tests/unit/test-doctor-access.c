/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor: the way in with the agent dead, and the ways past a gate. */

#include "doctor-fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SSHD "/usr/sbin/sshd -T"
#define SSHD_STOCK                                                                                 \
        "permitrootlogin prohibit-password\npubkeyauthentication yes\n"                            \
        "passwordauthentication yes\nauthorizedkeysfile .ssh/authorized_keys none\n"
#define SSHD_WITH(more) SSHD_STOCK more "\n"

typedef struct Host {
        DoctorFixture x;
        json_t *gates;
} Host;

/* One gate, as the agent tells and publishes it. */
static void set_gate(Host *t, const char *mode, const char *services, const char *accounts)
{
        char text[512];

        (void)snprintf(text, sizeof(text), "nhi-gates 1\ngate ops %s %s %s\nend 1\n", mode,
                       services, accounts);
        fixture_file(&t->x, "/run/nhi/gates", text);
        json_decref(t->gates);
        t->gates = json_pack("[{s:s, s:s, s:[s], s:[s]}]", "name", "ops", "mode", mode, "services",
                             services, "accounts", accounts);
        t->x.host.gates = t->gates;
}

static int setup(void **state)
{
        Host *t = calloc(1, sizeof(*t));

        fixture_init(&t->x);
        fixture_file(&t->x, "/etc/passwd",
                     "root:x:0:0:root:/root:/bin/bash\n"
                     "daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n"
                     "olga:x:1000:1000::/home/olga:/bin/bash\n"
                     "glass:x:1001:1001::/home/glass:/bin/bash\n"
                     "svc-backup:x:1002:1002::/home/svc-backup:/bin/bash\n");
        fixture_file(&t->x, "/etc/group", "root:x:0:\noperators:x:1100:olga\ndocker:x:1101:\n");
        fixture_file(&t->x, "/etc/shadow",
                     "root:!*:1::::::\nolga:$y$j9T$x:1::::::\nglass:!:1::::::\n");
        fixture_file(&t->x, "/etc/nhi/exempt", "root login\nroot ssh\n");
        fixture_runs(&t->x, SSHD, SSHD_STOCK, 0);
        set_gate(t, "enforce", "sudo,su", "%operators");
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Host *t = *state;

        json_decref(t->gates);
        fixture_done(&t->x);
        free(t);
        return 0;
}

static bool exempt_says(Host *t, FindingLevel level, const char *text)
{
        fixture_check(&t->x, "exempt");
        return fixture_says(&t->x, level, text);
}

/* ---- exempt ---- */

static void enforcing_without_an_exempt_way_in_fails(void **state)
{
        Host *t = *state;

        assert_true(exempt_says(t, FINDING_FAIL, "nobody gets in"));
        set_gate(t, "observe", "sudo,su", "%operators");
        assert_true(exempt_says(t, FINDING_WARN, "do not enforce"));
}

static void a_password_of_root_is_a_way_in_on_the_console(void **state)
{
        Host *t = *state;

        fixture_file(&t->x, "/etc/shadow", "root:$y$j9T$x:1::::::\n");
        assert_true(exempt_says(t, FINDING_OK, "root on the console"));
        fixture_file(&t->x, "/etc/shadow", "root:!$y$j9T$x:1::::::\n");
        assert_true(exempt_says(t, FINDING_FAIL, "nobody gets in"));
        fixture_file(&t->x, "/etc/shadow", NULL);
        assert_true(exempt_says(t, FINDING_WARN, "cannot be found out"));
}

static void a_key_of_root_is_a_way_in_where_sshd_takes_it(void **state)
{
        static const struct {
                const char *settings;
                bool opens;
        } sshds[] = {
                { SSHD_STOCK, true },
                { SSHD_WITH("permitrootlogin no"), false },
                { SSHD_WITH("permitrootlogin forced-commands-only"), false },
                { SSHD_WITH("pubkeyauthentication no"), false },
                { SSHD_WITH("authorizedkeysfile none"), false },
                { SSHD_WITH("authorizedkeysfile %h/.ssh/%u %h/.ssh/authorized_keys"), true },
                { SSHD_WITH("authorizedkeysfile /etc/keys/%u-%U"), false },
                { SSHD_WITH("allowusers olga\nallowusers ro*@10.0.0.1"), true },
                { SSHD_WITH("allowusers olga"), false },
                { SSHD_WITH("allowgroups operators"), false },
                { SSHD_WITH("allowgroups root"), true },
                { SSHD_WITH("denyusers root"), false },
                { SSHD_WITH("denygroups roo?"), false },
        };
        Host *t = *state;

        fixture_file(&t->x, "/root/.ssh/authorized_keys", "# none yet\n\n");
        assert_true(exempt_says(t, FINDING_FAIL, "nobody gets in"));
        fixture_file(&t->x, "/root/.ssh/authorized_keys", "ssh-ed25519 AAAA root\n");
        for (size_t i = 0; i < ELEMENTSOF(sshds); i++) {
                t->x.n_runs = 0;
                fixture_runs(&t->x, SSHD, sshds[i].settings, 0);
                assert_true(exempt_says(t, sshds[i].opens ? FINDING_OK : FINDING_FAIL,
                                        sshds[i].opens ? "root by ssh" : "nobody gets in"));
        }
        t->x.n_runs = 0;
        fixture_runs(&t->x, SSHD, "", 255);
        assert_true(exempt_says(t, FINDING_WARN, "cannot be found out"));
        t->x.n_runs = 0; /* no sshd at all */
        assert_true(exempt_says(t, FINDING_FAIL, "nobody gets in"));
}

static void a_break_glass_account_must_be_able_to_become_root(void **state)
{
        Host *t = *state;

        fixture_file(&t->x, "/etc/nhi/exempt.d/glass.conf", "glass ssh\n");
        fixture_file(&t->x, "/home/glass/.ssh/authorized_keys", "ssh-ed25519 AAAA\n");
        assert_true(exempt_says(t, FINDING_OK, "glass by ssh"));
        set_gate(t, "enforce", "*", "*");
        assert_true(exempt_says(t, FINDING_WARN, "glass cannot become root"));
        fixture_file(&t->x, "/etc/nhi/exempt.d/glass.conf", "glass ssh\nglass sudo\n");
        assert_true(exempt_says(t, FINDING_OK, "glass by ssh"));
}

static void a_line_or_file_that_exempts_nobody_is_said(void **state)
{
        Host *t = *state;
        char path[PATH_MAX];

        fixture_file(&t->x, "/etc/shadow", "root:$y$j9T$x:1::::::\n");
        fixture_runs(&t->x, "/usr/bin/getent", "", 2);
        fixture_check(&t->x, "exempt");
        assert_true(fixture_is_well(&t->x));
        fixture_file(&t->x, "/etc/nhi/exempt.d/x.conf", "gone ssh\n");
        assert_true(exempt_says(t, FINDING_WARN, "x.conf:1 exempts account gone"));
        fixture_file(&t->x, "/etc/nhi/exempt.d/x.conf", "# glass\nglass shh\n");
        assert_true(exempt_says(t, FINDING_WARN, "x.conf:2 names service class shh"));
        fixture_file(&t->x, "/etc/nhi/exempt.d/x.conf", "glass\n");
        assert_true(exempt_says(t, FINDING_WARN, "/etc/nhi/exempt.d/x.conf:1 does not parse"));
        fixture_path(&t->x, "/etc/nhi/exempt.d/x.conf", path);
        assert_int_equal(chmod(path, 0666), 0);
        assert_true(exempt_says(t, FINDING_FAIL, "/etc/nhi/exempt.d/x.conf is ignored"));
}

/* ---- bypass ---- */

static bool bypass_says(Host *t, FindingLevel level, const char *text)
{
        fixture_check(&t->x, "bypass");
        return fixture_says(&t->x, level, text);
}

static void a_program_beside_the_gate_is_said_with_whom_it_lets_past(void **state)
{
        static const struct {
                const char *path, *needed, *text;
        } programs[] = {
                { "/usr/bin/pkexec", NULL, "pam:polkit-1 is not enforced for olga" },
                { "/usr/bin/run0", "/usr/lib/polkit-1/polkitd", "run0" },
                { "/usr/bin/doas", "/etc/doas.conf", "pam:doas is not enforced for olga" },
                { "/usr/bin/super", NULL, "knows no gate for olga" },
        };
        Host *t = *state;

        fixture_file(&t->x, "/usr/bin/sudo", "");
        fixture_file(&t->x, "/usr/bin/su", "");
        fixture_check(&t->x, "bypass");
        assert_true(fixture_is_well(&t->x));
        for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
                fixture_file(&t->x, programs[i].path, "");
                if (programs[i].needed) {
                        fixture_check(&t->x, "bypass");
                        assert_true(fixture_is_well(&t->x));
                        fixture_file(&t->x, programs[i].needed, "");
                }
                assert_true(bypass_says(t, FINDING_WARN, programs[i].text));
                fixture_file(&t->x, programs[i].path, NULL);
        }
        fixture_file(&t->x, "/usr/bin/pkexec", "");
        set_gate(t, "enforce", "sudo,su,pam:polkit-1", "%operators");
        fixture_check(&t->x, "bypass");
        assert_true(fixture_is_well(&t->x));
        set_gate(t, "enforce", "sudo", "%operators");
        assert_true(bypass_says(t, FINDING_WARN, "su (/usr/bin/su) stands beside the gate"));
}

static void another_server_is_a_way_beside_a_gated_ssh(void **state)
{
        Host *t = *state;

        fixture_file(&t->x, "/usr/sbin/dropbear", "");
        fixture_check(&t->x, "bypass");
        assert_true(fixture_is_well(&t->x));
        set_gate(t, "enforce", "ssh", "olga");
        assert_true(bypass_says(t, FINDING_WARN, "dropbear"));
        set_gate(t, "observe", "ssh", "olga");
        fixture_check(&t->x, "bypass");
        assert_true(fixture_is_well(&t->x));
}

static void a_group_that_amounts_to_root_fails(void **state)
{
        Host *t = *state;

        fixture_file(&t->x, "/etc/group", "operators:x:1100:olga\ndocker:x:1101:glass,olga\n");
        assert_true(bypass_says(t, FINDING_FAIL, "group docker amounts to root, and olga,"));
        fixture_file(&t->x, "/etc/group", "operators:x:1100:olga\ndocker:x:1101:glass\n");
        fixture_check(&t->x, "bypass");
        assert_true(fixture_is_well(&t->x));
}

/* atd asks with uid 1. */
static void a_gate_on_at_that_covers_daemon_fails(void **state)
{
        Host *t = *state;

        fixture_file(&t->x, "/usr/sbin/atd", "");
        set_gate(t, "enforce", "at", "*");
        assert_true(bypass_says(t, FINDING_FAIL, "atd asks as daemon"));
        fixture_file(&t->x, "/etc/nhi/exempt", "daemon at\n");
        fixture_check(&t->x, "bypass");
        assert_true(fixture_is_well(&t->x));
}

/* ---- polkit ---- */

static void an_action_without_authentication_fails_and_a_rule_warns(void **state)
{
        Host *t = *state;

        fixture_check(&t->x, "polkit");
        assert_true(fixture_is_well(&t->x));
        fixture_file(&t->x, "/usr/lib/polkit-1/polkitd", "");
        fixture_check(&t->x, "polkit");
        assert_true(fixture_says(&t->x, FINDING_WARN, "pkaction does not say"));
        fixture_runs(&t->x, "/usr/bin/pkaction", "x:\n  implicit active:   auth_admin\n", 0);
        fixture_check(&t->x, "polkit");
        assert_true(fixture_is_well(&t->x));
        fixture_runs(&t->x,
                     "/usr/bin/pkaction --verbose --action-id org.freedesktop.policykit.exec",
                     "x:\n  implicit any:      no\n  implicit active:   yes\n", 0);
        fixture_check(&t->x, "polkit");
        assert_true(fixture_says(&t->x, FINDING_FAIL, "implicit active"));
        fixture_file(&t->x, "/etc/polkit-1/rules.d/50-x.rules",
                     "polkit.addRule(function(a, s) {\n return polkit.Result.YES; });\n");
        fixture_check(&t->x, "polkit");
        assert_true(fixture_says(&t->x, FINDING_WARN, "50-x.rules:2"));
        set_gate(t, "observe", "sudo", "%operators");
        fixture_check(&t->x, "polkit");
        assert_true(fixture_is_well(&t->x));
}

/* ---- units ---- */

#define UNIT(id, user, pam)                                                                        \
        "Id=" id "\nUser=" user "\nPAMName=" pam                                                   \
        "\nDynamicUser=no\nLoadState=loaded\nFragmentPath=/etc/systemd/system/" id "\n"

static void units_with(Host *t, const char *shown)
{
        fixture_runs(&t->x, "/usr/bin/systemctl list-unit-files", "b.service enabled enabled\n", 0);
        fixture_runs(&t->x, "/usr/bin/systemctl show", shown, 0);
        fixture_check(&t->x, "units");
}

static void a_unit_of_a_gated_user_without_pam_fails(void **state)
{
        Host *t = *state;

        set_gate(t, "enforce", "unit,cron", "svc-backup");
        units_with(t, UNIT("a.service", "", "") "\n" UNIT("b.service", "olga", ""));
        assert_true(fixture_is_well(&t->x));
        units_with(t, UNIT("a.service", "", "") "\n" UNIT("b.service", "svc-backup", ""));
        assert_true(fixture_says(&t->x, FINDING_FAIL,
                                 "b.service (/etc/systemd/system/b.service) "
                                 "runs as svc-backup"));
        units_with(t, UNIT("b.service", "1002", ""));
        assert_true(fixture_says(&t->x, FINDING_FAIL, "b.service"));
        units_with(t, UNIT("b.service", "svc-backup", "nhi-unit"));
        assert_true(fixture_is_well(&t->x));
        units_with(t, UNIT("b.service", "svc-backup", "login"));
        assert_true(fixture_says(&t->x, FINDING_WARN, "whose class login is not gated"));
        set_gate(t, "observe", "unit", "svc-backup");
        units_with(t, UNIT("b.service", "svc-backup", ""));
        assert_true(fixture_says(&t->x, FINDING_WARN, "once the gate is enforced"));
}

static void units_that_cannot_be_looked_at_are_no_ok(void **state)
{
        Host *t = *state;

        fixture_check(&t->x, "units");
        assert_true(fixture_says(&t->x, FINDING_WARN, "does not say"));
        fixture_runs(&t->x, "/usr/bin/systemctl", "", 1);
        fixture_check(&t->x, "units");
        assert_true(fixture_says(&t->x, FINDING_WARN, "does not say"));
}

/* ---- automation ---- */

/* K10 */
static void a_job_of_root_that_becomes_a_gated_account_is_said(void **state)
{
        static const struct {
                const char *path, *text, *found;
        } jobs[] = {
                { "/etc/cron.d/backup", "# x\n1 2 * * * root runuser -u svc-backup -- /bin/b\n",
                  "/etc/cron.d/backup:2 becomes svc-backup by runuser" },
                { "/etc/crontab", "1 2 * * * root setpriv --reuid=svc-backup /bin/b\n", "setpriv" },
                { "/etc/systemd/system/b.service",
                  "[Service]\nExecStart=/usr/sbin/runuser -u svc-backup b\n", "b.service:2" },
                { "/var/spool/cron/crontabs/root", "@daily su - svc-backup -c b\n", "by su" },
                /* and what only looks like it */
                { "/etc/cron.d/backup", "# runuser -u svc-backup\n", NULL },
                { "/etc/cron.d/backup", "1 * * * * root runuser -u svc-backup-two b\n", NULL },
                { "/etc/cron.d/backup", "1 * * * * svc-backup /usr/bin/sudo-x result\n", NULL },
                { "/etc/cron.d/backup", "1 * * * * root runuser -u olga b\n", NULL },
        };
        Host *t = *state;

        set_gate(t, "enforce", "unit,cron", "svc-backup");
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                fixture_file(&t->x, jobs[i].path, jobs[i].text);
                fixture_check(&t->x, "automation");
                if (jobs[i].found)
                        assert_true(fixture_says(&t->x, FINDING_WARN, jobs[i].found));
                else
                        assert_true(fixture_is_well(&t->x));
                fixture_file(&t->x, jobs[i].path, NULL);
        }
}

static void without_passwd_nothing_is_called_well(void **state)
{
        static const char *const checks[] = { "exempt", "bypass", "units", "automation" };
        Host *t = *state;

        fixture_file(&t->x, "/etc/passwd", NULL);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                fixture_check(&t->x, checks[i]);
                assert_int_equal(findings_count(&t->x.findings, FINDING_OK), 0);
                assert_true(fixture_says(&t->x, FINDING_WARN, NULL));
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(enforcing_without_an_exempt_way_in_fails),
                TEST(a_password_of_root_is_a_way_in_on_the_console),
                TEST(a_key_of_root_is_a_way_in_where_sshd_takes_it),
                TEST(a_break_glass_account_must_be_able_to_become_root),
                TEST(a_line_or_file_that_exempts_nobody_is_said),
                TEST(a_program_beside_the_gate_is_said_with_whom_it_lets_past),
                TEST(another_server_is_a_way_beside_a_gated_ssh),
                TEST(a_group_that_amounts_to_root_fails),
                TEST(a_gate_on_at_that_covers_daemon_fails),
                TEST(an_action_without_authentication_fails_and_a_rule_warns),
                TEST(a_unit_of_a_gated_user_without_pam_fails),
                TEST(units_that_cannot_be_looked_at_are_no_ok),
                TEST(a_job_of_root_that_becomes_a_gated_account_is_said),
                TEST(without_passwd_nothing_is_called_well),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
