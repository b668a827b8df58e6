/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Single values at the edges of their grammars: text, paths, units, classes, addresses, ssh keys;
 * lines of remembered ids and of local files that are nearly lawful. */

#include "nhi-agentd/set/value.h"

#include "nhi-agentd/core/grant.h"
#include "nhi-agentd/set/idmap.h"
#include "tests/unit/fake-etc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

typedef struct Row {
        const char *text;
        bool is_good;
} Row;

static void check_rows(bool (*check)(const char *text), const Row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (check(rows[i].text) != rows[i].is_good)
                        fail_msg("row %zu: \"%s\"", i, rows[i].text ? rows[i].text : "NULL");
}

static void text_shows_what_it_holds_O13(void **state)
{
        static const Row rows[] = {
                { NULL, false },           { "", true },
                { "caf\303\251", true },   { "\037", false },
                { "\177", false },         { "\302\177", false },
                { "\302\200", false },     { "\302\237", false },
                { "\302\240", true },                                 /* behind C1 */
                { "\342\200\247", true },  { "\342\200\250", false }, /* line separator */
                { "\342\200\256", false },                            /* right to left override */
                { "\342\200\257", true },  { "\342\201\245", true },
                { "\342\201\246", false }, /* isolates */
                { "\342\201\251", false }, { "\342\201\252", true },
                { "\342\202\254", true }, /* the euro sign */
                { "\342", true },         /* cut short; jansson lets no such text in */
                { "\342\200", true },      { "\342\201", true },
                { "\302", true },
        };

        check_rows(text_is_clean, rows, ELEMENTSOF(rows));
}

static void paths_have_no_way_back(void **state)
{
        static const Row rows[] = {
                { NULL, false },   { "", false },        { "/", false },      { "a", false },
                { "/a", true },    { "/a/", false },     { "//a", false },    { "/.", false },
                { "/..", false },  { "/...", true },     { "/.a", true },     { "/..a", true },
                { "/a.", true },   { "/a/../b", false }, { "/a/./b", false }, { "/a/.b/c", true },
                { "/a:b", false }, { "/a\nb", false },   { "/a/b.", true },   { "/ab/c..", true },
                { "/x/.x", true }, { "/x/x.", true },
        };
        char path[PATH_MAX + 1];

        check_rows(path_is_plain, rows, ELEMENTSOF(rows));
        memset(path, 'a', sizeof(path));
        path[0] = '/';
        path[PATH_MAX - 1] = '\0';
        assert_true(path_is_plain(path));
        path[PATH_MAX - 1] = 'a';
        path[PATH_MAX] = '\0';
        assert_false(path_is_plain(path));
}

static void comments_and_units_keep_to_their_field(void **state)
{
        static const Row gecos[] = {
                { NULL, false }, { "", true }, { "a,b", true }, { "a:b", false }, { "a\tb", false },
        };
        static const Row units[] = {
                { NULL, false },
                { "", false },
                { ".service", false },
                { "a.service", true },
                { "a.timer", false },
                { "a.servic", false },
                { "a b.service", false },
                { "a/.service", false },
                { "a@b\\x2d.service", true },
                { "aservice", false },
                { "\303\251.service", false },
        };
        char unit[258];

        check_rows(gecos_is_valid, gecos, ELEMENTSOF(gecos));
        check_rows(unit_is_valid, units, ELEMENTSOF(units));
        memset(unit, 'a', sizeof(unit));
        memcpy(unit + 255 - 8, ".service", 9);
        assert_true(unit_is_valid(unit));
        memset(unit, 'a', 256);
        memcpy(unit + 256 - 8, ".service", 9);
        assert_false(unit_is_valid(unit));
}

static void classes_are_for_logins_or_for_elevation(void **state)
{
        static const Row login[] = {
                { NULL, false },           { "", false },
                { "ssh", true },           { "cron", true },
                { "sudo", false },         { "su", false },
                { "systemd-user", false }, { "pam:vsftpd", true },
                { "pam:", false },         { "*", false },
        };
        static const Row elevation[] = {
                { NULL, false },  { "", false },     { "sudo", true },         { "su", true },
                { "ssh", false }, { "cron", false }, { "pam:polkit-1", true }, { "pam:", false },
        };
        static const Row targets[] = {
                { NULL, false }, { "", false }, { "*", true }, { "**", false }, { "root", true },
        };

        check_rows(login_class_is_valid, login, ELEMENTSOF(login));
        check_rows(elevation_class_is_valid, elevation, ELEMENTSOF(elevation));
        check_rows(target_is_valid, targets, ELEMENTSOF(targets));
}

static bool is_cidr(const char *text)
{
        Cidr c;

        return cidr_parse(text, &c);
}

static bool is_address(const char *text)
{
        uint8_t a[16];

        return address_parse(text, a);
}

static void networks_have_one_spelling_and_no_name_O6(void **state)
{
        static const Row cidrs[] = {
                { NULL, false },
                { "", false },
                { "/8", false },
                { "10.0.0.0", true },
                { "10.0.0.0/", false },
                { "10.0.0.0/8", true },
                { "10.0.0.0/08", false },
                { "10.0.0.0/0", false }, /* bits behind the prefix */
                { "0.0.0.0/0", true },
                { "0.0.0.0/00", false },
                { "10.0.0.1/32", true },
                { "10.0.0.1/33", false },
                { "10.0.0.1/031", false },
                { "10.0.0.1/3 ", false },
                { "10.0.0.1/-1", false },
                { "10.0.0.1/1:", false },
                { "10.0.0.1/9999", false },
                { "::/0", true },
                { "::1/128", true },
                { "::1/129", false },
                { "::1/127", false },
                { "fe80::1%eth0", false },
                { "localhost", false },
                { "10.1", false },
                { "0x0a.0.0.1", false },
                { "1111:1111:1111:1111:1111:1111:111.111.111.111/128", true },
                { "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111", false },
        };
        static const Row addresses[] = {
                { NULL, false }, { "", false },  { "192.0.2.7", true },
                { "::", true },  { "x", false },
        };

        check_rows(is_cidr, cidrs, ELEMENTSOF(cidrs));
        check_rows(is_address, addresses, ELEMENTSOF(addresses));
}

/* ---- ssh keys ---------------------------------------------------------------------------------*/

/* "ALGORITHM BLOB", the blob saying that it is of named, with n bytes behind. */
static bool key_is_taken(const char *algorithm, const char *named, uint32_t name_size, size_t n)
{
        uint8_t blob[128] = { [3] = (uint8_t)name_size, [0] = (uint8_t)(name_size >> 24) };
        char line[512], text[256];
        SshKeyView k;

        memcpy(blob + 4, named, strlen(named));
        sodium_bin2base64(text, sizeof(text), blob, 4 + strlen(named) + n,
                          sodium_base64_VARIANT_ORIGINAL);
        snprintf(line, sizeof(line), "%s %s comment", algorithm, text);
        return ssh_key_parse(line, &k);
}

static void a_key_is_of_the_algorithm_that_it_says(void **state)
{
        assert_true(key_is_taken("ssh-ed25519", "ssh-ed25519", 11, 36));
        assert_true(key_is_taken("ssh-ed25519", "ssh-ed25519", 11, 1));
        assert_false(key_is_taken("ssh-ed25519", "ssh-ed25519", 11, 0));
        assert_false(key_is_taken("ssh-ed25519", "ssh-ed25518", 11, 36));
        assert_false(key_is_taken("ssh-ed25519", "ssh-rsa", 7, 36));
        assert_false(key_is_taken("ssh-ed25519", "ssh-ed25519", 12, 36));
        assert_false(key_is_taken("ssh-ed25519", "ssh-ed25519", 0xff00000b, 36));
        assert_false(key_is_taken("ssh-dss", "ssh-dss", 7, 36));
        assert_true(key_is_taken("ssh-rsa", "ssh-rsa", 7, 36));
}

static void a_key_line_has_no_options_and_one_spelling(void **state)
{
        static const char key[] =
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        static char big[SSH_KEY_SIZE_MAX + 2];
        char line[256];
        SshKeyView k;

        assert_true(ssh_key_parse(key, &k));
        assert_false(ssh_key_parse(NULL, &k));
        assert_false(ssh_key_parse("ssh-ed25519", &k));
        assert_false(ssh_key_parse("ssh-ed25519 ", &k));
        for (const char *const *prefix = (const char *const[]){ " ", "command=\"x\" ", "x", NULL };
             *prefix; prefix++) {
                snprintf(line, sizeof(line), "%s%s", *prefix, key);
                assert_false(ssh_key_parse(line, &k));
        }
        for (const char *const *blob = (const char *const[]){ "A", "AAA", "AAAA", "AA==", "AAA\200",
                                                              "AAA-", "AA=A", "====", NULL };
             *blob; blob++) {
                snprintf(line, sizeof(line), "ssh-ed25519 %s", *blob);
                assert_false(ssh_key_parse(line, &k));
        }
        snprintf(big, sizeof(big), "%s %*s", key, (int)(SSH_KEY_SIZE_MAX - strlen(key) - 1), "c");
        assert_int_equal(strlen(big), SSH_KEY_SIZE_MAX);
        assert_true(ssh_key_parse(big, &k));
        big[SSH_KEY_SIZE_MAX] = 'c';
        assert_false(ssh_key_parse(big, &k));
}

/* ---- files ------------------------------------------------------------------------------------*/

static void remembered_ids_have_one_spelling(void **state)
{
        static const char *const bad[] = {
                "user svc-a 70001a 70001 i\nend 1\n",
                "user svc-a 70001 7000: i\nend 1\n",
                "user svc-a 70001/ 70001 i\nend 1\n",
                "user svc-a 00 70001 i\nend 1\n",
                "user svc-a 12345678901 70001 i\nend 1\n",
                "user\nend 1\n",
                "user svc-a\nend 1\n",
                "user svc-a 70001\nend 1\n",
                "group\nend 1\n",
                "group G 99999\nend 1\n",
                "group g 99999x\nend 1\n",
                "end\n",
                "end x\n",
                "end 0 x\n",
                "end 00\n",
                "end 12345678901\n",
        };
        char issuer[2048], text[2200];
        IdMap *m = NULL;
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(idmap_parse(bad[i], strlen(bad[i]), &m), -EBADMSG);
        memset(issuer, 'i', sizeof(issuer));
        for (n = sizeof(issuer) - 1; n > 1; n--) { /* the longest that is taken, and no longer */
                issuer[n] = '\0';
                snprintf(text, sizeof(text), "user svc-a 70001 70001 %s\nend 1\n", issuer);
                if (idmap_parse(text, strlen(text), &m) == 0)
                        break;
                assert_null(m);
        }
        assert_true(n > 1 && n < sizeof(issuer) - 1);
        assert_int_equal(idmap_n_users(m), 1);
        idmap_free(m);
}

static void local_lines_that_do_not_parse_are_nobodys(void **state)
{
        uint32_t uid, gid;
        LocalDb *db = NULL;
        FakeEtc etc;

        assert_int_equal(fake_etc_init(&etc), 0);
        assert_int_equal(fake_etc_fill(&etc), 0);
        assert_int_equal(fake_etc_write(&etc, "passwd",
                                        "a:x:1x:1:::\nb:x:1:/:::\nc:x:::::\nd:x:1\ne:x:5:5:::\n"),
                         0);
        assert_int_equal(fake_etc_write(&etc, "group",
                                        "short:x\n:x:7:\nbad:x:7x:\nno-members:x:8\ng:x:9:a,b\n"),
                         0);
        assert_int_equal(
                fake_etc_write(&etc, "subuid", "a:x:10\na:70000:x\na:70000\n\na:90000:10\n"), 0);
        assert_int_equal(localdb_load(etc.dir, &db), 0);
        for (const char *const *name = (const char *const[]){ "a", "b", "c", "d", NULL }; *name;
             name++)
                assert_false(localdb_user(db, *name, &uid, &gid));
        assert_true(localdb_user(db, "e", &uid, &gid));
        assert_false(localdb_group(db, "short", &gid) || localdb_group(db, "", &gid) ||
                     localdb_group(db, "bad", &gid));
        assert_true(localdb_group(db, "no-members", &gid));
        assert_true(localdb_is_member(db, "a", "g"));
        assert_false(localdb_id_is_subordinate(db, 70000));
        assert_true(localdb_id_is_subordinate(db, 90009));
        assert_false(localdb_id_is_subordinate(db, 90010));
        localdb_free(db);
        fake_etc_done(&etc);
}

static void a_folder_whose_name_is_too_long_has_no_local_files(void **state)
{
        char path[PATH_MAX];
        LocalDb *db = NULL;

        memset(path, 'a', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        assert_true(localdb_load(path, &db) < 0);
        assert_null(db);
}

static int start(void **state)
{
        return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_shows_what_it_holds_O13),
                cmocka_unit_test(paths_have_no_way_back),
                cmocka_unit_test(comments_and_units_keep_to_their_field),
                cmocka_unit_test(classes_are_for_logins_or_for_elevation),
                cmocka_unit_test(networks_have_one_spelling_and_no_name_O6),
                cmocka_unit_test(a_key_is_of_the_algorithm_that_it_says),
                cmocka_unit_test(a_key_line_has_no_options_and_one_spelling),
                cmocka_unit_test(remembered_ids_have_one_spelling),
                cmocka_unit_test(local_lines_that_do_not_parse_are_nobodys),
                cmocka_unit_test(a_folder_whose_name_is_too_long_has_no_local_files),
        };

        return cmocka_run_group_tests_name("set-values", tests, start, NULL);
}
