/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises P1..P6 of core/decide.h. */

#include "nhi-agentd/core/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SEC  INT64_C(1000000)
#define T0   INT64_C(1763942400) /* a Monday, 00:00 */
#define BOOT (1000 * SEC)

#define LIST(...)                                                                                  \
        {                                                                                          \
                (const char *[]){ __VA_ARGS__ },                                                   \
                        sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)                   \
        }
/* The terms live as long as the test that names them. */
#define TERMS(g, ...)                                                                              \
        ((g)->terms = (const Term[]){ __VA_ARGS__ },                                               \
         (g)->n_terms = sizeof((const Term[]){ __VA_ARGS__ }) / sizeof(Term))

#define V4(a, b, c, d)                                                                             \
        {                                                                                          \
                [10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c, [15] = d                   \
        }

static const Now now0 = { .real_usec = T0 * SEC, .boot_usec = BOOT };
static const SshKey key1 = { "ssh-ed25519", "AAAAone" }, key2 = { "ssh-ed25519", "AAAAtwo" };

/* One account of ours, two grants of it that the tests dress up. */
static struct {
        Grant g[2];
        Account account;
        const Grant *grants[2];
        const Account *accounts[1];
        GrantStore store;
        AccessRequest ssh, sudo;
        HostView host;
} f;

static Grant plain_grant(const char *jti)
{
        return (Grant){ .jti = jti,
                        .account = "svc",
                        .nbf_sec = T0,
                        .exp_sec = T0 + 3600,
                        .set_exp_sec = T0 + 7200,
                        .boot_end_usec = BOOT + 3600 * SEC };
}

static int setup(void **state)
{
        memset(&f, 0, sizeof(f));
        f.g[0] = plain_grant("g-1");
        f.g[1] = plain_grant("g-2");
        f.account = (Account){ .name = "svc", .uid = 70001, .gid = 70001 };
        f.grants[0] = &f.g[0];
        f.grants[1] = &f.g[1];
        f.accounts[0] = &f.account;
        f.store = (GrantStore){ .grants = f.grants,
                                .n_grants = 1,
                                .accounts = f.accounts,
                                .n_accounts = 1,
                                .set_exp_sec = T0 + 7200 };
        f.ssh = (AccessRequest){ REQUEST_ACCOUNT, .account = "svc", .uid = 70001, .class = "ssh" };
        f.sudo =
                (AccessRequest){ REQUEST_COMMAND,      .account = "svc",        .uid = 70001,
                                 .class = "sudo",      .elevation = true,       .sudo_plugin = true,
                                 .target = "postgres", .command = "/usr/bin/id" };
        return 0;
}

static const Term ssh_term = { .type = TERM_LOGIN, .services = LIST("ssh") };
static const Term key1_term = {
        .type = TERM_LOGIN, .services = LIST("ssh"), .ssh_keys = &key1, .n_ssh_keys = 1
};

static void grant_term(Grant *g, const Term *t)
{
        g->terms = t;
        g->n_terms = 1;
}

static void grant_ssh(Grant *g)
{
        grant_term(g, &ssh_term);
}

static void grant_key1(Grant *g)
{
        grant_term(g, &key1_term);
}

static void expect(const AccessRequest *r, Reason reason)
{
        Decision d = decide(&f.store, &f.host, r, now0);

        assert_string_equal(reason_token(d.reason), reason_token(reason));
        assert_int_equal(d.verdict, reason == REASON_GRANTED ? VERDICT_ALLOW : VERDICT_DENY);
        if (d.verdict == VERDICT_DENY) {
                assert_int_equal(d.end_sec, 0);
                assert_int_equal(d.boot_end_usec, 0);
        }
}

/* ---- P1: nothing allows nothing --------------------------------------------------------------*/

static void decide_denies_when_anything_is_zeroed(void **state)
{
        const Decision d = { 0 };
        const GrantStore empty = { 0 };
        const AccessRequest zero = { 0 };

        assert_int_equal(d.verdict, VERDICT_DENY);
        assert_int_equal(d.reason, REASON_NO_GRANT);
        assert_int_equal(decide(&empty, NULL, &f.ssh, now0).verdict, VERDICT_DENY);
        assert_int_equal(decide(&empty, NULL, &f.ssh, now0).reason, REASON_NO_SET);
        assert_int_equal(decide(NULL, NULL, &f.ssh, now0).verdict, VERDICT_DENY);
        assert_int_equal(decide(&f.store, NULL, NULL, now0).verdict, VERDICT_DENY);
        grant_ssh(&f.g[0]);
        expect(&zero, REASON_BAD_REQUEST);
        assert_int_equal(decide(&f.store, NULL, &f.ssh, (Now){ 0 }).verdict, VERDICT_DENY);
        f.g[0] = (Grant){ .account = "svc" };
        expect(&f.ssh, REASON_SERVICE_NOT_GRANTED);
        f.g[0] = (Grant){ 0 };
        assert_int_equal(decide_one(&f.store, &f.g[0], NULL, &f.ssh, now0).verdict, VERDICT_DENY);
        assert_int_equal(decide_one(&f.store, NULL, NULL, &f.ssh, now0).verdict, VERDICT_DENY);
}

static void decide_allows_without_a_host_view(void **state)
{
        grant_ssh(&f.g[0]);
        assert_int_equal(decide(&f.store, NULL, &f.ssh, now0).verdict, VERDICT_ALLOW);
}

static void decide_denies_a_grant_without_terms_and_a_term_without_services(void **state)
{
        expect(&f.ssh, REASON_SERVICE_NOT_GRANTED);
        TERMS(&f.g[0], { .type = TERM_LOGIN }, { 0 });
        expect(&f.ssh, REASON_SERVICE_NOT_GRANTED);
}

static void decide_says_that_the_set_is_stale_when_no_grant_is_left(void **state)
{
        f.store.n_grants = 0;
        expect(&f.ssh, REASON_NO_GRANT);
        f.store.set_exp_sec = T0 + 1;
        expect(&f.ssh, REASON_NO_GRANT);
        f.store.set_exp_sec = T0;
        expect(&f.ssh, REASON_SET_STALE);
        f.store.set_exp_sec = 0;
        expect(&f.ssh, REASON_NO_SET);
}

/* ---- P5: what is not known is denied ----------------------------------------------------------*/

static void decide_denies_requests_that_it_does_not_know(void **state)
{
        static const struct {
                RequestKind kind;
                const char *class;
                bool elevation;
                const char *target, *command;
        } bad[] = {
                { REQUEST_NONE, "ssh", false, NULL, NULL },
                { (RequestKind)6, "ssh", false, NULL, NULL },
                { (RequestKind)-1, "ssh", false, NULL, NULL },
                { REQUEST_ACCOUNT, NULL, false, NULL, NULL },
                { REQUEST_ACCOUNT, "", false, NULL, NULL },
                { REQUEST_ACCOUNT, "ssh", true, "root", NULL },
                { REQUEST_ACCOUNT, "sudo", false, NULL, NULL },
                { REQUEST_ACCOUNT, "su", false, "root", NULL },
                { REQUEST_ACCOUNT, "unit", true, NULL, NULL },
                { REQUEST_SESSION, "sudo", true, NULL, NULL },
                { REQUEST_REVIEW, "su", true, NULL, NULL },
                { REQUEST_COMMAND, "sudo", true, NULL, "/bin/id" },
                { REQUEST_COMMAND, "sudo", true, "root", NULL },
                { REQUEST_COMMAND, "ssh", false, "root", "/bin/id" },
                { REQUEST_KEYS, "cron", false, NULL, NULL },
        };

        TERMS(&f.g[0],
              { .type = TERM_LOGIN, .services = LIST("ssh", "cron", "unit", "sudo", "su") },
              { .type = TERM_ELEVATE, .services = LIST("sudo", "su", "ssh"), .run_as = LIST("*") });
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                AccessRequest r = f.ssh;

                r.kind = bad[i].kind;
                r.class = bad[i].class;
                r.elevation = bad[i].elevation;
                r.target = bad[i].target;
                r.command = bad[i].command;
                expect(&r, REASON_BAD_REQUEST);
        }
        f.ssh.account = NULL;
        expect(&f.ssh, REASON_BAD_REQUEST);
}

static void decide_ignores_terms_of_an_unknown_type(void **state)
{
        TERMS(&f.g[0], { .type = (TermType)9, .services = LIST("ssh"), .user_manager = true });
        expect(&f.ssh, REASON_SERVICE_NOT_GRANTED);
        f.ssh.class = "systemd-user";
        expect(&f.ssh, REASON_USER_MANAGER_NOT_GRANTED);
}

static void decide_judges_32_terms_and_none_beyond(void **state)
{
        static Term terms[GRANT_TERMS_MAX + 1];

        f.g[0].terms = terms;
        f.g[0].n_terms = GRANT_TERMS_MAX + 1;

        memset(terms, 0, sizeof(terms));
        terms[GRANT_TERMS_MAX - 1] = ssh_term;
        expect(&f.ssh, REASON_GRANTED);
        f.g[0].n_terms = GRANT_TERMS_MAX;
        expect(&f.ssh, REASON_GRANTED);
        f.g[0].n_terms = GRANT_TERMS_MAX - 1;
        expect(&f.ssh, REASON_SERVICE_NOT_GRANTED);
        f.g[0].n_terms = GRANT_TERMS_MAX + 1;
        memset(terms, 0, sizeof(terms));
        terms[GRANT_TERMS_MAX] = ssh_term;
        expect(&f.ssh, REASON_SERVICE_NOT_GRANTED);
}

/* ---- who --------------------------------------------------------------------------------------*/

static void decide_denies_another_account(void **state)
{
        grant_ssh(&f.g[0]);
        f.ssh.account = "svc2";
        expect(&f.ssh, REASON_NO_GRANT);
        assert_int_equal(decide_one(&f.store, &f.g[0], NULL, &f.ssh, now0).verdict, VERDICT_DENY);
}

static void decide_denies_when_the_uid_is_not_the_one_the_set_defines(void **state)
{
        grant_ssh(&f.g[0]);
        f.ssh.uid = 70002;
        expect(&f.ssh, REASON_UID_MISMATCH);
        assert_int_equal(decide_one(&f.store, &f.g[0], NULL, &f.ssh, now0).reason,
                         REASON_UID_MISMATCH);
        f.store.n_accounts = 0; /* a local account: the host's own uid is right */
        expect(&f.ssh, REASON_GRANTED);
}

static void decide_looks_for_keys_by_name_alone(void **state)
{
        TERMS(&f.g[0], { .type = TERM_LOGIN, .services = LIST("ssh") });
        f.ssh.kind = REQUEST_KEYS;
        f.ssh.uid = 0;
        expect(&f.ssh, REASON_SERVICE_NOT_GRANTED);
        TERMS(&f.g[0], { .type = TERM_LOGIN,
                         .services = LIST("ssh"),
                         .from = (const Cidr[]){ { V4(10, 0, 0, 0), 104 } },
                         .n_from = 1,
                         .ssh_keys = (const SshKey[]){ { "ssh-ed25519", "AAAAone" } },
                         .n_ssh_keys = 1 });
        expect(&f.ssh, REASON_GRANTED);
}

/* ---- P2, P3: one grant, one term
 * ---------------------------------------------------------------*/

static void decide_never_combines_two_grants(void **state)
{
        f.store.n_grants = 2;
        TERMS(&f.g[0], { .type = TERM_ELEVATE,
                         .services = LIST("sudo"),
                         .run_as = LIST("postgres"),
                         .has_commands = true });
        TERMS(&f.g[1], { .type = TERM_ELEVATE,
                         .services = LIST("sudo"),
                         .run_as = LIST("backup"),
                         .has_commands = true,
                         .commands = (const Command[]){ { LIST("/usr/bin/id") } },
                         .n_commands = 1 });
        expect(&f.sudo, REASON_COMMAND_NOT_GRANTED);
}

static void decide_never_combines_two_terms_of_a_grant(void **state)
{
        TERMS(&f.g[0],
              { .type = TERM_ELEVATE,
                .services = LIST("sudo"),
                .run_as = LIST("postgres"),
                .has_commands = true },
              { .type = TERM_ELEVATE, .services = LIST("sudo"), .run_as = LIST("backup") },
              { .type = TERM_ELEVATE, .services = LIST("su"), .run_as = LIST("*") });
        expect(&f.sudo, REASON_COMMAND_NOT_GRANTED);
        f.sudo.target = "backup";
        expect(&f.sudo, REASON_GRANTED);
}

static void decide_keeps_logins_and_elevations_apart(void **state)
{
        TERMS(&f.g[0], { .type = TERM_LOGIN, .services = LIST("sudo", "pam:doas") });
        expect(&f.sudo, REASON_SERVICE_NOT_GRANTED);
        TERMS(&f.g[0],
              { .type = TERM_ELEVATE, .services = LIST("ssh", "pam:x"), .run_as = LIST("*") });
        expect(&f.ssh, REASON_SERVICE_NOT_GRANTED);
        f.ssh.class = "pam:x";
        expect(&f.ssh, REASON_SERVICE_NOT_GRANTED);
        f.ssh.elevation = true;
        f.ssh.target = "root";
        expect(&f.ssh, REASON_GRANTED);
}

static void decide_allows_each_login_class_only_by_its_name(void **state)
{
        static const char *const classes[] = { "ssh", "cron", "at", "login", "pam:vsftpd" };
        static Term term = { .type = TERM_LOGIN };
        const char *granted;

        term.services = (StrList){ &granted, 1 };
        f.g[0].terms = &term;
        f.g[0].n_terms = 1;
        for (size_t i = 0; i < 5; i++)
                for (size_t k = 0; k < 5; k++) {
                        f.ssh.class = classes[i];
                        granted = classes[k];
                        expect(&f.ssh, i == k ? REASON_GRANTED : REASON_SERVICE_NOT_GRANTED);
                }
}

static void decide_needs_a_unit_term_that_names_the_unit(void **state)
{
        f.ssh.class = "unit";
        f.ssh.unit = "pay.service";
        TERMS(&f.g[0],
              { .type = TERM_LOGIN, .services = LIST("unit"), .units = LIST("pay.service") });
        expect(&f.ssh, REASON_UNIT_NOT_GRANTED);
        TERMS(&f.g[0], { .type = TERM_UNIT, .units = LIST("a.service", "pay.service") });
        expect(&f.ssh, REASON_GRANTED);
        f.ssh.unit = "pay.service2";
        expect(&f.ssh, REASON_UNIT_NOT_GRANTED);
        f.ssh.unit = NULL;
        expect(&f.ssh, REASON_UNIT_NOT_GRANTED);
}

static void decide_needs_user_manager_for_systemd_user(void **state)
{
        f.ssh.class = "systemd-user";
        TERMS(&f.g[0], { .type = TERM_LOGIN, .services = LIST("ssh", "systemd-user") });
        expect(&f.ssh, REASON_USER_MANAGER_NOT_GRANTED);
        TERMS(&f.g[0], { .type = TERM_LOGIN, .services = LIST("ssh"), .user_manager = true });
        expect(&f.ssh, REASON_GRANTED);
}

/* ---- origin -----------------------------------------------------------------------------------*/

static void decide_checks_the_origin_bit_by_bit(void **state)
{
        static const struct {
                uint8_t from[16];
                bool allowed;
        } cases[] = {
                { V4(10, 1, 2, 3), true },
                { V4(10, 255, 255, 255), true },
                { V4(11, 0, 0, 0), false },
                { V4(9, 255, 255, 255), false },
                { V4(192, 0, 2, 128), true },
                { V4(192, 0, 2, 191), true },
                { V4(192, 0, 2, 127), false },
                { V4(192, 0, 2, 192), false },
                { V4(203, 0, 113, 9), true },
                { V4(203, 0, 113, 8), false },
                { { 0x20, 1, 0xd, 0xb8, 0, 0x10 }, true },
                { { 0x20, 1, 0xd, 0xb8, 0, 0x1f }, true },
                { { 0x20, 1, 0xd, 0xb8, 0, 0x20 }, false },
                { { [12] = 10, [13] = 1, [14] = 2, [15] = 3 }, false }, /* ::10.1.2.3 */
        };

        TERMS(&f.g[0], { .type = TERM_LOGIN,
                         .services = LIST("ssh", "login", "cron"),
                         .n_from = 4,
                         .from = (const Cidr[]){ { V4(10, 0, 0, 0), 104 },
                                                 { V4(192, 0, 2, 128), 122 },
                                                 { V4(203, 0, 113, 9), 128 },
                                                 { { 0x20, 1, 0xd, 0xb8, 0, 0x10 }, 44 } } });
        f.ssh.has_from = true;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                memcpy(f.ssh.from, cases[i].from, 16);
                expect(&f.ssh, cases[i].allowed ? REASON_GRANTED : REASON_FROM_NOT_GRANTED);
        }
}

static void decide_denies_where_a_prefix_is_longer_than_an_address(void **state)
{
        Cidr c = { .prefix = 129 };
        const Term t = { .type = TERM_LOGIN, .services = LIST("ssh"), .from = &c, .n_from = 1 };

        grant_term(&f.g[0], &t);
        f.ssh.has_from = true;
        expect(&f.ssh, REASON_FROM_NOT_GRANTED);
        c.prefix = 255;
        expect(&f.ssh, REASON_FROM_NOT_GRANTED);
        c.prefix = 128;
        expect(&f.ssh, REASON_GRANTED);
}

static void decide_denies_an_unknown_origin_where_origins_are_limited(void **state)
{
        TERMS(&f.g[0], { .type = TERM_LOGIN,
                         .services = LIST("ssh", "cron"),
                         .n_from = 1,
                         .from = (const Cidr[]){ { { 0 }, 0 } } });
        expect(&f.ssh, REASON_FROM_NOT_GRANTED);
        f.ssh.is_local = true; /* nothing of ssh is local */
        expect(&f.ssh, REASON_FROM_NOT_GRANTED);
        f.ssh.has_from = true; /* ::/0 is everywhere */
        expect(&f.ssh, REASON_GRANTED);
        f.ssh.has_from = false;
        f.ssh.class = "cron";
        expect(&f.ssh, REASON_GRANTED);
        f.ssh.is_local = false;
        expect(&f.ssh, REASON_FROM_NOT_GRANTED);
}

/* ---- ssh keys ---------------------------------------------------------------------------------*/

static void decide_judges_the_ssh_key_once_it_is_known(void **state)
{
        const SshKey other_algorithm = { "ssh-rsa", "AAAAone" };

        grant_key1(&f.g[0]);
        expect(&f.ssh, REASON_GRANTED); /* account phase: not known yet */
        f.ssh.key = &key1;
        expect(&f.ssh, REASON_GRANTED);
        f.ssh.key = &key2;
        expect(&f.ssh, REASON_KEY_NOT_GRANTED);
        f.ssh.key = &other_algorithm;
        expect(&f.ssh, REASON_KEY_NOT_GRANTED);

        f.ssh.kind = REQUEST_SESSION;
        f.ssh.key = NULL;
        f.ssh.key_is_judged = true; /* a password, where a key is granted */
        expect(&f.ssh, REASON_KEY_NOT_GRANTED);
}

static void decide_lets_a_term_without_keys_count_by_itself(void **state)
{
        TERMS(&f.g[0], { .type = TERM_LOGIN, .services = LIST("ssh") },
              { .type = TERM_LOGIN,
                .services = LIST("ssh"),
                .ssh_keys = (const SshKey[]){ { "ssh-ed25519", "AAAAone" } },
                .n_ssh_keys = 1 });
        f.ssh.key_is_judged = true;
        expect(&f.ssh, REASON_GRANTED);
        f.ssh.key = &key2;
        expect(&f.ssh, REASON_GRANTED);
}

/* ---- elevation --------------------------------------------------------------------------------*/

static void decide_checks_target_and_group_of_a_command(void **state) /* P25 */
{
        TERMS(&f.g[0], { .type = TERM_ELEVATE,
                         .services = LIST("sudo"),
                         .run_as = LIST("postgres"),
                         .run_as_groups = LIST("pgbackup") });
        expect(&f.sudo, REASON_GRANTED);
        f.sudo.target = "root";
        expect(&f.sudo, REASON_RUN_AS_NOT_GRANTED);
        f.sudo.target = "*";
        expect(&f.sudo, REASON_RUN_AS_NOT_GRANTED);
        f.sudo.target = "postgres";
        f.sudo.target_group = "docker";
        expect(&f.sudo, REASON_GROUP_NOT_GRANTED);
        f.sudo.target_group = "pgbackup";
        expect(&f.sudo, REASON_GRANTED);
        f.sudo.target_group = "";
        expect(&f.sudo, REASON_GRANTED);
}

static void decide_allows_the_targets_own_group_only_by_default(void **state)
{
        TERMS(&f.g[0], { .type = TERM_ELEVATE, .services = LIST("sudo"), .run_as = LIST("*") });
        expect(&f.sudo, REASON_GRANTED);
        f.sudo.target_group = "docker";
        expect(&f.sudo, REASON_GROUP_NOT_GRANTED);
        f.sudo.kind = REQUEST_SESSION;
        expect(&f.sudo, REASON_GROUP_NOT_GRANTED);
}

static void decide_denies_any_target_where_run_as_is_empty(void **state)
{
        TERMS(&f.g[0], { .type = TERM_ELEVATE, .services = LIST("sudo", "su") });
        expect(&f.sudo, REASON_RUN_AS_NOT_GRANTED);
        f.sudo.kind = REQUEST_ACCOUNT;
        f.sudo.target = NULL;
        expect(&f.sudo, REASON_RUN_AS_NOT_GRANTED);
        f.sudo.class = "su";
        expect(&f.sudo, REASON_RUN_AS_NOT_GRANTED);
}

static void decide_matches_commands_word_by_word(void **state)
{
        const struct {
                const char *command;
                StrList argv;
                bool allowed;
        } cases[] = {
                { "/usr/bin/pg_dump", LIST("payments"), true },
                { "/usr/bin/pg_dump", { NULL, 0 }, false },
                { "/usr/bin/pg_dump", LIST("payments", "-f"), false },
                { "/usr/bin/pg_dump", LIST("payments2"), false },
                { "/usr/bin/pg_dumpall", LIST("payments"), false },
                { "pg_dump", LIST("payments"), false },
                { "/usr/bin/id", { NULL, 0 }, true },
                { "/usr/bin/id", LIST(""), false },
        };

        TERMS(&f.g[0], { .type = TERM_ELEVATE,
                         .services = LIST("sudo"),
                         .run_as = LIST("postgres"),
                         .has_commands = true,
                         .n_commands = 2,
                         .commands = (const Command[]){ { LIST("/usr/bin/pg_dump", "payments") },
                                                        { LIST("/usr/bin/id") } } });
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                f.sudo.command = cases[i].command;
                f.sudo.argv = cases[i].argv;
                expect(&f.sudo, cases[i].allowed ? REASON_GRANTED : REASON_COMMAND_NOT_GRANTED);
        }
}

static void decide_allows_no_command_where_the_list_is_empty(void **state)
{
        TERMS(&f.g[0], { .type = TERM_ELEVATE,
                         .services = LIST("sudo"),
                         .run_as = LIST("*"),
                         .has_commands = true });
        expect(&f.sudo, REASON_COMMAND_NOT_GRANTED);
}

static void decide_judges_edits_by_edit_lists_alone(void **state)
{
        const StrList app = LIST("/etc/app.conf"), both = LIST("/etc/app.conf", "/etc/shadow");

        TERMS(&f.g[0], { .type = TERM_ELEVATE,
                         .services = LIST("sudo"),
                         .run_as = LIST("postgres"),
                         .has_commands = true,
                         .n_commands = 1,
                         .commands = (const Command[]){ { LIST("/usr/bin/id") } },
                         .edit = LIST("/etc/app.conf", "/etc/b.conf") });
        f.sudo.edit = app;
        expect(&f.sudo, REASON_GRANTED);
        f.sudo.command = "/usr/bin/nano"; /* sudo names the editor */
        expect(&f.sudo, REASON_GRANTED);
        f.sudo.edit = both;
        expect(&f.sudo, REASON_EDIT_NOT_GRANTED);
        TERMS(&f.g[0], { .type = TERM_ELEVATE, .services = LIST("sudo"), .run_as = LIST("*") });
        expect(&f.sudo, REASON_EDIT_NOT_GRANTED);
}

static void decide_reads_an_edit_list_without_commands_as_edits_only(void **state)
{
        TERMS(&f.g[0], { .type = TERM_ELEVATE,
                         .services = LIST("sudo"),
                         .run_as = LIST("root"),
                         .edit = LIST("/etc/app.conf") });
        f.sudo.target = "root";
        expect(&f.sudo, REASON_COMMAND_NOT_GRANTED);
        f.sudo.kind = REQUEST_ACCOUNT;
        f.sudo.command = NULL;
        f.sudo.sudo_plugin = false;
        expect(&f.sudo, REASON_PLUGIN_MISSING);
}

static void decide_refuses_narrow_sudo_grants_without_the_plugin(void **state)
{
        const Term terms[] = {
                { .type = TERM_ELEVATE, .services = LIST("sudo"), .run_as = LIST("postgres") },
                { .type = TERM_ELEVATE,
                  .services = LIST("sudo"),
                  .run_as = LIST("*"),
                  .has_commands = true },
                { .type = TERM_ELEVATE, .services = LIST("sudo"), .run_as = LIST("*") },
                { .type = TERM_ELEVATE, .services = LIST("sudo"), .run_as = LIST("root") },
        };
        static const RequestKind kinds[] = { REQUEST_ACCOUNT, REQUEST_SESSION };

        f.g[0].n_terms = 1;
        for (size_t i = 0; i < 4; i++)
                for (size_t k = 0; k < 2; k++) {
                        f.g[0].terms = &terms[i];
                        f.sudo.kind = kinds[k];
                        f.sudo.command = NULL;
                        f.sudo.target = k == 0 ? NULL : i == 0 ? "postgres" : "root";
                        f.sudo.sudo_plugin = false;
                        expect(&f.sudo, i < 2 ? REASON_PLUGIN_MISSING : REASON_GRANTED);
                        f.sudo.sudo_plugin = true;
                        expect(&f.sudo, REASON_GRANTED);
                }
}

/* As the registry asks for a session that is open; its end is judged after what it may do. */
static void decide_reviews_what_was_opened_without_the_plugin_by_what_it_can_do(void **state)
{
        const Term wide = { .type = TERM_ELEVATE, .services = LIST("sudo"), .run_as = LIST("*") };
        const Term other = { .type = TERM_ELEVATE,
                             .services = LIST("sudo"),
                             .run_as = LIST("postgres") };
        const StrList account = LIST("svc");
        Term narrow = wide;

        narrow.has_commands = true;
        f.sudo.kind = REQUEST_REVIEW;
        f.sudo.command = NULL;
        f.sudo.target = "postgres";
        f.sudo.sudo_plugin = false;
        grant_term(&f.g[0], &wide);
        expect(&f.sudo, REASON_GRANTED);
        f.host.locked = &account;
        expect(&f.sudo, REASON_LOCKED);
        f.host.locked = NULL;
        grant_term(&f.g[0], &other);
        expect(&f.sudo, REASON_COMMAND_NOT_GRANTED);
        grant_term(&f.g[0], &narrow);
        expect(&f.sudo, REASON_COMMAND_NOT_GRANTED);
        f.sudo.sudo_plugin = true; /* it has kept the limits, and may be gone since */
        expect(&f.sudo, REASON_GRANTED);
}

static void decide_takes_a_command_request_as_proof_of_the_plugin(void **state)
{
        const Term t = { .type = TERM_ELEVATE,
                         .services = LIST("sudo"),
                         .run_as = LIST("postgres") };

        grant_term(&f.g[0], &t);
        f.sudo.sudo_plugin = false;
        expect(&f.sudo, REASON_GRANTED);
}

static void decide_judges_su_by_its_target_at_the_account_phase(void **state) /* P26 */
{
        f.sudo.kind = REQUEST_ACCOUNT;
        f.sudo.class = "su";
        f.sudo.command = NULL;
        f.sudo.sudo_plugin = false;
        TERMS(&f.g[0],
              { .type = TERM_ELEVATE, .services = LIST("su"), .run_as = LIST("postgres") });
        expect(&f.sudo, REASON_GRANTED);
        f.sudo.target = "root";
        expect(&f.sudo, REASON_RUN_AS_NOT_GRANTED);
        f.sudo.target = NULL;
        expect(&f.sudo, REASON_RUN_AS_NOT_GRANTED);
}

static void decide_refuses_command_limits_that_su_cannot_keep(void **state)
{
        TERMS(&f.g[0],
              { .type = TERM_ELEVATE,
                .services = LIST("su"),
                .run_as = LIST("*"),
                .has_commands = true,
                .n_commands = 1,
                .commands = (const Command[]){ { LIST("/usr/bin/id") } } },
              { .type = TERM_ELEVATE,
                .services = LIST("su"),
                .run_as = LIST("*"),
                .edit = LIST("/etc/app.conf") });
        f.sudo.kind = REQUEST_SESSION;
        f.sudo.class = "su";
        expect(&f.sudo, REASON_COMMAND_NOT_GRANTED);
        f.sudo.command = NULL;
        expect(&f.sudo, REASON_COMMAND_NOT_GRANTED);
}

/* ---- P4: when ---------------------------------------------------------------------------------*/

static void decide_denies_when_the_grant_ended_this_usec(void **state) /* T07 */
{
        Now now = { (T0 + 3600) * SEC, BOOT };

        grant_ssh(&f.g[0]);
        assert_int_equal(decide(&f.store, &f.host, &f.ssh, now).reason, REASON_EXPIRED);
        now.real_usec--;
        assert_int_equal(decide(&f.store, &f.host, &f.ssh, now).verdict, VERDICT_ALLOW);
        now.boot_usec = BOOT + 3600 * SEC;
        assert_int_equal(decide(&f.store, &f.host, &f.ssh, now).reason, REASON_EXPIRED);
        now.real_usec = T0 * SEC; /* T01: set back, the boot clock remembers */
        assert_int_equal(decide(&f.store, &f.host, &f.ssh, now).reason, REASON_EXPIRED);
}

static void decide_has_leeway_for_the_begin_and_none_for_the_end(void **state) /* T06 */
{
        grant_ssh(&f.g[0]);
        f.g[0].nbf_sec = T0 + 60;
        expect(&f.ssh, REASON_GRANTED);
        f.g[0].nbf_sec = T0 + 61;
        expect(&f.ssh, REASON_NOT_YET);
        f.g[0].nbf_sec = T0;
        f.g[0].exp_sec = T0;
        expect(&f.ssh, REASON_EXPIRED);
}

static void decide_answers_with_the_earliest_end_on_both_clocks(void **state)
{
        Window w;
        Decision d;

        grant_ssh(&f.g[0]);
        d = decide(&f.store, &f.host, &f.ssh, now0);
        assert_int_equal(d.end_sec, T0 + 3600);
        assert_int_equal(d.boot_end_usec, BOOT + 3600 * SEC);
        f.g[0].set_exp_sec = T0 + 1800;
        d = decide(&f.store, &f.host, &f.ssh, now0);
        assert_int_equal(d.end_sec, T0 + 1800);
        assert_int_equal(d.boot_end_usec, BOOT + 1800 * SEC);
        assert_int_equal(window_parse("00:00..00:10 UTC", &w), 0);
        f.g[0].windows = &w;
        f.g[0].n_windows = 1;
        d = decide(&f.store, &f.host, &f.ssh, now0);
        assert_int_equal(d.end_sec, T0 + 600);
        f.g[0].boot_end_usec = BOOT + 5 * SEC;
        d = decide(&f.store, &f.host, &f.ssh, now0);
        assert_int_equal(d.boot_end_usec, BOOT + 5 * SEC);
}

/* A grant's end on CLOCK_BOOTTIME is the earlier of its own and its set's. */
static void decide_says_whether_the_grant_or_its_set_came_to_its_end(void **state)
{
        grant_ssh(&f.g[0]);
        f.g[0].boot_end_usec = BOOT;
        expect(&f.ssh, REASON_EXPIRED);
        f.g[0].set_exp_sec = f.g[0].exp_sec;
        expect(&f.ssh, REASON_EXPIRED);
        f.g[0].set_exp_sec = f.g[0].exp_sec - 1;
        expect(&f.ssh, REASON_SET_STALE);
}

static void decide_denies_outside_windows_and_after_the_set(void **state)
{
        Window w;

        grant_ssh(&f.g[0]);
        assert_int_equal(window_parse("Tue 00:00..00:10 UTC", &w), 0);
        f.g[0].windows = &w;
        f.g[0].n_windows = 1;
        expect(&f.ssh, REASON_OUTSIDE_WINDOW);
        f.g[0].set_exp_sec = T0;
        expect(&f.ssh, REASON_SET_STALE);
}

/* ---- the host ---------------------------------------------------------------------------------*/

static bool is_ended_jti(void *userdata, const Grant *g)
{
        return strcmp(g->jti, userdata) == 0;
}

static void decide_denies_what_the_host_locked_ended_or_cannot_date(void **state)
{
        const StrList account = LIST("other", "svc"), jti = LIST("g-1"), other = LIST("g-3");

        grant_ssh(&f.g[0]);
        f.host.locked = &other;
        f.host.is_ended = is_ended_jti;
        f.host.userdata = (void *)(uintptr_t) "g-3";
        expect(&f.ssh, REASON_GRANTED);
        f.host.locked = &account;
        expect(&f.ssh, REASON_LOCKED);
        f.host.locked = &jti;
        expect(&f.ssh, REASON_LOCKED);
        f.host.userdata = (void *)(uintptr_t) "g-1";
        expect(&f.ssh, REASON_GIVEN_BACK);
        f.host.clock_behind = true;
        expect(&f.ssh, REASON_CLOCK);
}

static uint32_t two_uses(void *userdata, const Grant *g)
{
        assert_string_equal(g->jti, "g-1");
        return 2;
}

static void decide_counts_sessions_only_when_one_opens(void **state)
{
        grant_ssh(&f.g[0]);
        f.host.n_uses = two_uses;
        f.ssh.kind = REQUEST_SESSION;
        expect(&f.ssh, REASON_GRANTED); /* no limit */
        f.g[0].max_sessions = 3;
        expect(&f.ssh, REASON_GRANTED);
        f.g[0].max_sessions = 2;
        expect(&f.ssh, REASON_MAX_SESSIONS);
        f.ssh.kind = REQUEST_ACCOUNT;
        expect(&f.ssh, REASON_GRANTED);
        f.ssh.kind = REQUEST_REVIEW; /* it is one of the two */
        expect(&f.ssh, REASON_GRANTED);
        f.ssh.kind = REQUEST_SESSION;
        f.ssh.class = "systemd-user"; /* it comes with a login, which is counted */
        f.g[0].terms = (const Term[]){
                { .type = TERM_LOGIN, .services = LIST("ssh"), .user_manager = true }
        };
        expect(&f.ssh, REASON_GRANTED);
        f.ssh.class = "ssh";
        expect(&f.ssh, REASON_MAX_SESSIONS);
        f.g[0].issuer = f.ssh.counted_issuer = "https://a";
        f.ssh.counted_jti = "g-2";
        expect(&f.ssh, REASON_MAX_SESSIONS);
        f.ssh.counted_jti = "g-1"; /* it is the second one itself */
        expect(&f.ssh, REASON_GRANTED);
        f.ssh.counted_issuer = "https://b"; /* another one's g-1 */
        expect(&f.ssh, REASON_MAX_SESSIONS);
        f.ssh.counted_jti = f.ssh.counted_issuer = NULL;
        f.host.n_uses = NULL;
        expect(&f.ssh, REASON_GRANTED);
}

/* ---- P6: the choice ---------------------------------------------------------------------------*/

static const char *chosen(void)
{
        Decision d = decide(&f.store, &f.host, &f.ssh, now0);

        assert_int_equal(d.verdict, VERDICT_ALLOW);
        return d.grant->jti;
}

static void decide_chooses_key_then_preferred_then_latest_end_then_lowest_jti(void **state)
{
        f.store.n_grants = 2;
        f.ssh.key = &key1;
        grant_ssh(&f.g[0]);
        grant_ssh(&f.g[1]);
        assert_string_equal(chosen(), "g-1");
        f.grants[0] = &f.g[1];
        f.grants[1] = &f.g[0];
        assert_string_equal(chosen(), "g-1");
        f.g[0].exp_sec = T0 + 3599;
        assert_string_equal(chosen(), "g-2");
        f.ssh.preferred_jti = "g-1";
        assert_string_equal(chosen(), "g-1");
        grant_key1(&f.g[1]);
        assert_string_equal(chosen(), "g-2");
        f.ssh.preferred_jti = "g-9";
        f.ssh.key = NULL;
        assert_string_equal(chosen(), "g-2");
        f.g[1].nbf_sec = T0 + 3000; /* a preferred grant that does not allow is not chosen */
        f.ssh.preferred_jti = "g-2";
        assert_string_equal(chosen(), "g-1");
}

static void decide_names_the_nearest_miss(void **state)
{
        Decision d;

        f.store.n_grants = 2;
        TERMS(&f.g[0], { .type = TERM_LOGIN, .services = LIST("cron") });
        grant_ssh(&f.g[1]);
        f.g[1].exp_sec = T0;
        d = decide(&f.store, &f.host, &f.ssh, now0);
        assert_int_equal(d.reason, REASON_EXPIRED);
        assert_string_equal(d.grant->jti, "g-2");
}

/* ---- explanation ------------------------------------------------------------------------------*/

typedef struct Seen {
        size_t n;
        char last[32], detail[512];
        bool last_held;
} Seen;

static void see(void *userdata, const char *rule, bool held, const char *detail)
{
        Seen *s = userdata;

        if (s->n > 0)
                assert_true(s->last_held); /* nothing comes after the first that does not hold */
        s->n++;
        strncpy(s->last, rule, sizeof(s->last) - 1);
        strncpy(s->detail, detail, sizeof(s->detail) - 1);
        s->last_held = held;
}

static void explain_ends_at_the_rule_that_decides(void **state)
{
        static const struct {
                int64_t exp_sec;
                const char *class, *rule, *detail;
        } cases[] = {
                { T0 + 3600, "ssh", "lock", "" },
                { T0, "ssh", "end", "ends 2025-11-24T00:00:00Z" },
                { T0 + 3600, "cron", "service", "login by cron; granted: ssh" },
        };

        grant_ssh(&f.g[0]);
        for (size_t i = 0; i < 3; i++) {
                Seen s = { 0 };
                Decision d, e;

                f.g[0].exp_sec = cases[i].exp_sec;
                f.ssh.class = cases[i].class;
                d = decide_explain(&f.store, &f.g[0], &f.host, &f.ssh, now0, see, &s);
                e = decide(&f.store, &f.host, &f.ssh, now0);
                assert_memory_equal(&d, &e, sizeof(d));
                assert_string_equal(s.last, cases[i].rule);
                assert_string_equal(s.detail, cases[i].detail);
                assert_int_equal(s.last_held, d.verdict == VERDICT_ALLOW);
        }
}

static void explain_shows_origins_as_people_write_them(void **state)
{
        Seen s = { 0 };

        TERMS(&f.g[0], { .type = TERM_LOGIN,
                         .services = LIST("ssh"),
                         .n_from = 2,
                         .from = (const Cidr[]){ { V4(10, 0, 0, 0), 104 },
                                                 { { 0x20, 1, 0xd, 0xb8 }, 32 } } });
        f.ssh.has_from = true;
        memcpy(f.ssh.from, (const uint8_t[16])V4(192, 0, 2, 7), 16);
        decide_explain(&f.store, &f.g[0], &f.host, &f.ssh, now0, see, &s);
        assert_string_equal(s.last, "from");
        assert_string_equal(s.detail,
                            "from 192.0.2.7; granted: 10.0.0.0/8 2001:db8:0:0:0:0:0:0/32");
}

static void explain_cuts_what_is_too_long(void **state)
{
        static char command[2000];
        Seen s = { 0 };

        memset(command, 'x', sizeof(command) - 1);
        f.sudo.command = command;
        TERMS(&f.g[0], { .type = TERM_ELEVATE,
                         .services = LIST("sudo"),
                         .run_as = LIST("*"),
                         .has_commands = true });
        decide_explain(&f.store, &f.g[0], &f.host, &f.sudo, now0, see, &s);
        assert_string_equal(s.last, "command");
        assert_true(strlen(s.detail) < 400);
        assert_string_equal(s.detail + strlen(s.detail) - 4, "x...");
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(decide_denies_when_anything_is_zeroed),
                T(decide_allows_without_a_host_view),
                T(decide_denies_a_grant_without_terms_and_a_term_without_services),
                T(decide_says_that_the_set_is_stale_when_no_grant_is_left),
                T(decide_denies_requests_that_it_does_not_know),
                T(decide_ignores_terms_of_an_unknown_type),
                T(decide_judges_32_terms_and_none_beyond),
                T(decide_denies_another_account),
                T(decide_denies_when_the_uid_is_not_the_one_the_set_defines),
                T(decide_looks_for_keys_by_name_alone),
                T(decide_never_combines_two_grants),
                T(decide_never_combines_two_terms_of_a_grant),
                T(decide_keeps_logins_and_elevations_apart),
                T(decide_allows_each_login_class_only_by_its_name),
                T(decide_needs_a_unit_term_that_names_the_unit),
                T(decide_needs_user_manager_for_systemd_user),
                T(decide_checks_the_origin_bit_by_bit),
                T(decide_denies_where_a_prefix_is_longer_than_an_address),
                T(decide_denies_an_unknown_origin_where_origins_are_limited),
                T(decide_judges_the_ssh_key_once_it_is_known),
                T(decide_lets_a_term_without_keys_count_by_itself),
                T(decide_checks_target_and_group_of_a_command),
                T(decide_allows_the_targets_own_group_only_by_default),
                T(decide_denies_any_target_where_run_as_is_empty),
                T(decide_matches_commands_word_by_word),
                T(decide_allows_no_command_where_the_list_is_empty),
                T(decide_judges_edits_by_edit_lists_alone),
                T(decide_reads_an_edit_list_without_commands_as_edits_only),
                T(decide_refuses_narrow_sudo_grants_without_the_plugin),
                T(decide_reviews_what_was_opened_without_the_plugin_by_what_it_can_do),
                T(decide_takes_a_command_request_as_proof_of_the_plugin),
                T(decide_judges_su_by_its_target_at_the_account_phase),
                T(decide_refuses_command_limits_that_su_cannot_keep),
                T(decide_denies_when_the_grant_ended_this_usec),
                T(decide_has_leeway_for_the_begin_and_none_for_the_end),
                T(decide_answers_with_the_earliest_end_on_both_clocks),
                T(decide_says_whether_the_grant_or_its_set_came_to_its_end),
                T(decide_denies_outside_windows_and_after_the_set),
                T(decide_denies_what_the_host_locked_ended_or_cannot_date),
                T(decide_counts_sessions_only_when_one_opens),
                T(decide_chooses_key_then_preferred_then_latest_end_then_lowest_jti),
                T(decide_names_the_nearest_miss),
                T(explain_ends_at_the_rule_that_decides),
                T(explain_shows_origins_as_people_write_them),
                T(explain_cuts_what_is_too_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
