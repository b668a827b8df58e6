/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises L1 to L3 of nhictl/ledger/ledger.h. */

#include "nhictl/ledger/state.h"
#include "tests/unit/ledger-fixture.h"

#include <sys/wait.h>

#define WRITERS        4
#define OWNERS_PER_ONE 5

static void documents_are_written_readable_and_read_back(void **state)
{
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        char *text;
        size_t size;

        assert_int_equal(ledger_put(l, DOC_OWNER, "payments",
                                    json_pack("{s:s, s:s}", "name", "payments", "contact", "x@y")),
                         0);
        assert_int_equal(document_read(l->dir_fd, "owners/payments.json", 1000, &text, &size), 0);
        assert_string_equal(text, "{\n  \"contact\": \"x@y\",\n  \"name\": \"payments\"\n}\n");
        free(text);
        ledger_free(l);

        l = fixture_open(f, false);
        assert_string_equal(document_text(ledger_get(l, DOC_OWNER, "payments"), "contact"), "x@y");
        assert_int_equal(json_array_size(l->problems), 0);
        assert_int_equal(l->settings.lifetime_max_sec, 8 * 3600);
        assert_string_equal(l->settings.publish, f->target);
        ledger_free(l);
}

static void a_reader_cannot_write(void **state)
{
        Ledger *l = fixture_open(*state, false);

        assert_int_equal(ledger_put(l, DOC_OWNER, "a", json_pack("{s:s}", "name", "a")), -EINVAL);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), -EINVAL);
        ledger_free(l);
}

/* One writer: read how many there are, add the next ones. Without the lock, two would choose the
 * same names. */
static void writer(const Fixture *f)
{
        for (int i = 0; i < OWNERS_PER_ONE; i++) {
                Ledger *l = fixture_open(f, true);
                char name[16];

                (void)snprintf(name, sizeof(name), "o%zu", json_object_size(l->docs[DOC_OWNER]));
                if (ledger_put(l, DOC_OWNER, name, json_pack("{s:s}", "name", name)) < 0 ||
                    ledger_commit(l, FIXTURE_NOW, "writer") < 0)
                        _exit(1);
                ledger_free(l);
        }
        _exit(0);
}

/* L1 */
static void writers_at_once_lose_nothing(void **state)
{
        const Fixture *f = *state;
        size_t n_lines = 0;
        int status;
        Ledger *l;

        for (int i = 0; i < WRITERS; i++) {
                pid_t pid = fork();

                assert_true(pid >= 0);
                if (pid == 0)
                        writer(f);
        }
        for (int i = 0; i < WRITERS; i++) {
                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        l = fixture_open(f, false);
        assert_int_equal(json_object_size(l->docs[DOC_OWNER]), WRITERS * OWNERS_PER_ONE);
        for (const char *c = l->revisions; *c; c++)
                n_lines += *c == '\n';
        assert_int_equal(n_lines, WRITERS * OWNERS_PER_ONE);
        ledger_free(l);
}

/* L3 */
static void a_document_that_cannot_be_understood_grants_nothing_and_harms_nobody(void **state)
{
        const Fixture *f = *state;
        static const struct {
                const char *file, *text, *said;
        } bad[] = {
                { "owners/torn.json", "{\"name\": \"to", "line 1" },
                { "owners/twice.json", "{\"name\": \"twice\", \"name\": \"twice\"}", "duplicate" },
                { "owners/list.json", "[]", "not a JSON object" },
                { "owners/other.json", "{\"name\": \"another\"}", "not the file's name" },
                { "owners/bad name.json", "{\"name\": \"bad name\"}", "no valid name" },
                { "owners/trailing.json", "{\"name\": \"trailing\"} x", "end of file" },
        };
        Ledger *l = fixture_open(f, true);

        fixture_fill(l);
        ledger_free(l);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                fixture_write(f, bad[i].file, bad[i].text);

        l = fixture_open(f, true);
        assert_int_equal(json_object_size(l->docs[DOC_OWNER]), 1);
        assert_int_equal(json_array_size(l->problems), ELEMENTSOF(bad));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                const json_t *text;
                bool found = false;
                size_t j;

                json_array_foreach(l->problems, j, text)
                        found |= strstr(json_string_value(text), bad[i].file) &&
                                 strstr(json_string_value(text), bad[i].said);
                assert_true(found);
        }
        assert_true(ledger_has_file(l, DOC_OWNER, "torn"));
        assert_null(ledger_get(l, DOC_OWNER, "torn"));
        assert_int_equal(ledger_put(l, DOC_OWNER, "new", json_pack("{s:s}", "name", "new")), 0);
        ledger_free(l);
}

static void links_and_files_of_everybody_are_left_out(void **state)
{
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        char path[600];

        fixture_fill(l);
        ledger_free(l);
        fixture_write(f, "owners/open.json", "{\"name\": \"open\"}");
        (void)snprintf(path, sizeof(path), "%s/owners/open.json", f->ledger);
        assert_int_equal(chmod(path, 0666), 0);
        (void)snprintf(path, sizeof(path), "%s/owners/link.json", f->ledger);
        assert_int_equal(symlink("payments.json", path), 0);

        l = fixture_open(f, false);
        assert_int_equal(json_object_size(l->docs[DOC_OWNER]), 1);
        assert_int_equal(json_array_size(l->problems), 2);
        ledger_free(l);
}

static void what_keeps_a_file_from_being_read_is_said_with_its_remedy(void **state)
{
        static const char chmod_it[] = "it is writable by everybody: chmod o-w it first";
        const Fixture *f = *state;
        char error[LEDGER_ERROR_MAX], path[600];
        Ledger *l = fixture_open(f, true);

        fixture_fill(l);
        ledger_free(l);
        fixture_write(f, "revisions", "");
        fixture_write(f, "owners/open.json", "{\"name\": \"open\"}");
        (void)snprintf(path, sizeof(path), "%s/owners/open.json", f->ledger);
        assert_int_equal(chmod(path, 0666), 0);
        l = fixture_open(f, false);
        assert_non_null(strstr(json_string_value(json_array_get(l->problems, 0)), chmod_it));
        ledger_free(l);

        (void)snprintf(path, sizeof(path), "%s/revisions", f->ledger);
        assert_int_equal(chmod(path, 0666), 0);
        assert_int_equal(ledger_open(f->ledger, false, &l, error), -EPERM);
        assert_non_null(strstr(error, "/revisions: "));
        assert_non_null(strstr(error, chmod_it));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(ledger_open(f->ledger, false, &l, error), -EPERM);
        assert_non_null(strstr(error, "/revisions: it is no regular file"));
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(symlink("history", path), 0);
        assert_int_equal(ledger_open(f->ledger, false, &l, error), -ELOOP);
        assert_non_null(strstr(error, "/revisions: it is a symbolic link"));
}

static mode_t mode_of(const Fixture *f, const char *name)
{
        char path[600];
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/%s", f->ledger, name);
        assert_int_equal(stat(path, &st), 0);
        return st.st_mode & 07777;
}

/* Who may only read it must not be able to hold the lock: theirs it is who may write. */
static void lock_and_revisions_are_as_open_as_the_directory(void **state)
{
        static const struct {
                mode_t directory, lock, revisions;
        } cases[] = {
                { 0700, 0600, 0600 },
                { 02770, 0660, 0660 },
                { 02750, 0600, 0640 },
                { 0755, 0600, 0644 },
        };
        const Fixture *f = *state;
        const mode_t before = umask(077);
        char path[600];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Ledger *l;

                (void)snprintf(path, sizeof(path), "%s/.lock", f->ledger);
                (void)unlink(path);
                (void)snprintf(path, sizeof(path), "%s/revisions", f->ledger);
                (void)unlink(path);
                assert_int_equal(chmod(f->ledger, cases[i].directory), 0);
                l = fixture_open(f, true);
                assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
                ledger_free(l);
                assert_int_equal(mode_of(f, ".lock"), cases[i].lock);
                assert_int_equal(mode_of(f, "revisions"), cases[i].revisions);
        }
        (void)umask(before);
}

static void settings_name_what_is_wrong(void **state)
{
        const Fixture *f = *state;
        static const struct {
                const char *text, *said;
        } bad[] = {
                { "{", "line 1" },
                { "{\"format\": 2}", "format: must be 1" },
                { "{\"format\": 1}", "issuer: is missing" },
                { "{\"format\": 1, \"issuer\": \"\"}", "issuer: must be" },
                { "{\"format\": 1, \"colour\": 1}", "colour: unknown member" },
                { "{\"format\": 1, \"issuer\": \"x\", \"publish\": \"s3://x\"}", "publish: must" },
                { "{\"format\": 1, \"issuer\": \"x\", \"uid_min\": 65535}", "uid_min: must be" },
                { "{\"format\": 1, \"issuer\": \"x\", \"uid_min\": 1e5}", "uid_min: must be" },
                { "{\"format\": 1, \"issuer\": \"x\", \"uid_min\": 70001, \"uid_max\": 70000, "
                  "\"limits\": {\"lifetime_max\": \"1h\", \"set_lifetime\": \"1h\"}}",
                  "greater than uid_max" },
                { "{\"format\": 1, \"issuer\": \"x\", \"uid_min\": 70000, \"uid_max\": 70000, "
                  "\"limits\": {\"lifetime_max\": \"1h\", \"set_lifetime\": \"169h\"}}",
                  "set_lifetime: is over 7d" },
                { "{\"format\": 1, \"issuer\": \"x\", \"uid_min\": 70000, \"uid_max\": 70000, "
                  "\"limits\": {\"lifetime_max\": \"1y\", \"set_lifetime\": \"168h\"}}",
                  "lifetime_max: must be a duration" },
        };
        char error[LEDGER_ERROR_MAX];
        Ledger *l = NULL;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                fixture_write(f, "ledger.json", bad[i].text);
                assert_int_equal(ledger_open(f->ledger, false, &l, error), -EBADMSG);
                assert_non_null(strstr(error, bad[i].said));
                assert_non_null(strstr(error, "ledger.json"));
        }
        assert_null(l);
}

static void what_is_no_ledger_is_not_opened(void **state)
{
        const Fixture *f = *state;
        char error[LEDGER_ERROR_MAX];
        Ledger *l = NULL;

        assert_int_equal(ledger_open("/nonexistent/ledger", false, &l, error), -ENOENT);
        assert_non_null(strstr(error, "nhictl init"));
        assert_int_equal(ledger_open(f->target, false, &l, error), -ENOENT);
        assert_non_null(strstr(error, "is no ledger"));
        assert_int_equal(chmod(f->ledger, 0777), 0);
        assert_int_equal(ledger_open(f->ledger, false, &l, error), -EPERM);
        assert_non_null(strstr(error, "writable by everybody"));
}

static void create_keeps_what_is_there(void **state)
{
        const Fixture *f = *state;
        json_t *settings = fixture_settings(f);
        char error[LEDGER_ERROR_MAX];

        assert_int_equal(ledger_create(f->ledger, settings, error), -EEXIST);
        json_decref(settings);
}

static void names_have_their_grammar(void **state)
{
        static const struct {
                DocKind kind;
                const char *name;
                bool valid;
        } cases[] = {
                { DOC_HOST, "web1", true },          { DOC_HOST, "web1.example.org", true },
                { DOC_HOST, "a-b.c", true },         { DOC_HOST, "", false },
                { DOC_HOST, "Web1", false },         { DOC_HOST, ".web1", false },
                { DOC_HOST, "web1.", false },        { DOC_HOST, "web..1", false },
                { DOC_HOST, "-web", false },         { DOC_HOST, "web-.x", false },
                { DOC_HOST, "../etc", false },       { DOC_HOST, "a/b", false },
                { DOC_OWNER, "payments", true },     { DOC_OWNER, "../x", false },
                { DOC_ACCOUNT, "svc-deploy", true }, { DOC_ACCOUNT, "john.doe", false },
        };
        char name[LEDGER_NAME_MAX + 2];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(ledger_name_is_valid(cases[i].kind, cases[i].name),
                                 cases[i].valid);
        memset(name, 'a', sizeof(name));
        name[LEDGER_NAME_MAX] = '\0';
        assert_true(ledger_name_is_valid(DOC_HOST, name));
        name[LEDGER_NAME_MAX] = 'a';
        name[LEDGER_NAME_MAX + 1] = '\0';
        assert_false(ledger_name_is_valid(DOC_HOST, name));
        assert_false(ledger_name_is_valid(DOC_HOST, NULL));
}

static void revisions_follow_the_documents(void **state)
{
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        char before[LEDGER_HASH_SIZE], after[LEDGER_HASH_SIZE];

        assert_int_equal(ledger_revision(l, before), 0);
        assert_false(ledger_knows(l, before));
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me@here"), 0);
        assert_int_equal(ledger_revision(l, before), 0);
        assert_true(ledger_knows(l, before));
        assert_non_null(history_find(l->history, before));
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me@here"), 0); /* once only */
        assert_int_equal(strlen(l->revisions), 64 + strlen(" 2026-11-21T22:00:00Z head me@here\n"));
        fixture_fill(l);
        assert_int_equal(ledger_revision(l, after), 0);
        assert_string_not_equal(before, after);
        assert_false(ledger_knows(l, after));
        ledger_free(l);

        l = fixture_open(f, true);
        assert_true(ledger_knows(l, before));
        assert_int_equal(ledger_remove(l, DOC_GRANT, "g-1"), 0);
        assert_int_equal(ledger_remove(l, DOC_GRANT, "g-1"), -ENOENT);
        assert_int_equal(ledger_revision(l, after), 0);
        assert_false(ledger_knows(l, after));
        ledger_free(l);
}

static void a_torn_last_revision_swallows_nothing(void **state)
{
        const Fixture *f = *state;
        char hash[LEDGER_HASH_SIZE];
        Ledger *l;

        fixture_write(f, "revisions", "0123456789abcdef");
        l = fixture_open(f, true);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
        assert_int_equal(ledger_revision(l, hash), 0);
        ledger_free(l);
        l = fixture_open(f, false);
        assert_true(ledger_knows(l, hash));
        assert_false(ledger_knows(l, "0123456789abcdef"));
        assert_false(ledger_knows(l, ""));
        ledger_free(l);
}

static void a_grant_is_what_its_times_and_people_make_of_it(void **state)
{
        const int64_t begin = FIXTURE_NOW - 60, end = FIXTURE_NOW + 1800;
        Ledger *l = fixture_open(*state, true);
        json_t *grant, *owner;

        fixture_fill(l);
        grant = ledger_get(l, DOC_GRANT, "g-1");
        owner = ledger_get(l, DOC_OWNER, "payments");
        assert_int_equal(ledger_grant_state(l, grant, begin - 1), GRANT_STATE_PENDING);
        assert_int_equal(ledger_grant_state(l, grant, begin), GRANT_STATE_ACTIVE);
        assert_int_equal(ledger_grant_state(l, grant, end - 1), GRANT_STATE_ACTIVE);
        assert_int_equal(ledger_grant_state(l, grant, end), GRANT_STATE_ENDED);
        json_object_set_new(owner, "disabled", json_object());
        assert_int_equal(ledger_grant_state(l, grant, begin), GRANT_STATE_WITHDRAWN);
        json_object_del(owner, "disabled");
        json_object_set_new(ledger_get(l, DOC_ACCOUNT, "svc-deploy"), "disabled", json_object());
        assert_int_equal(ledger_grant_state(l, grant, begin), GRANT_STATE_WITHDRAWN);
        json_object_del(l->docs[DOC_ACCOUNT], "svc-deploy"); /* its file cannot be read */
        assert_int_equal(ledger_grant_state(l, grant, begin), GRANT_STATE_WITHDRAWN);
        json_object_set_new(grant, "account", json_string("olga")); /* a local one */
        assert_int_equal(ledger_grant_state(l, grant, begin), GRANT_STATE_ACTIVE);
        json_object_set_new(grant, "exp", json_integer(end));
        assert_int_equal(ledger_grant_state(l, grant, begin), GRANT_STATE_BROKEN);
        json_object_set_new(grant, "revoked", json_object());
        assert_int_equal(ledger_grant_state(l, grant, begin), GRANT_STATE_REVOKED);
        assert_false(grant_state_is_live(GRANT_STATE_BROKEN));
        assert_false(grant_state_is_live((GrantState)99));
        ledger_free(l);
}

static void a_grant_reaches_named_and_labelled_hosts_only(void **state)
{
        json_t *host = json_pack("{s:s, s:[s, s]}", "name", "web1", "labels", "web", "prod");
        static const struct {
                const char *grant;
                bool reaches;
        } cases[] = {
                { "{\"hosts\": [\"web1\"], \"labels\": []}", true },
                { "{\"hosts\": [], \"labels\": [\"db\", \"prod\"]}", true },
                { "{\"hosts\": [\"web2\"], \"labels\": [\"db\"]}", false },
                { "{\"hosts\": \"web1\"}", false },
                { "{\"hosts\": [1], \"labels\": [null]}", false },
                { "{}", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *grant = json_loads(cases[i].grant, 0, NULL);

                assert_int_equal(grant_reaches(grant, host), cases[i].reaches);
                json_decref(grant);
        }
        json_decref(host);
}

#define LEDGER_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                LEDGER_TEST(documents_are_written_readable_and_read_back),
                LEDGER_TEST(a_reader_cannot_write),
                LEDGER_TEST(writers_at_once_lose_nothing),
                LEDGER_TEST(a_document_that_cannot_be_understood_grants_nothing_and_harms_nobody),
                LEDGER_TEST(links_and_files_of_everybody_are_left_out),
                LEDGER_TEST(what_keeps_a_file_from_being_read_is_said_with_its_remedy),
                LEDGER_TEST(lock_and_revisions_are_as_open_as_the_directory),
                LEDGER_TEST(settings_name_what_is_wrong),
                LEDGER_TEST(what_is_no_ledger_is_not_opened),
                LEDGER_TEST(create_keeps_what_is_there),
                cmocka_unit_test(names_have_their_grammar),
                LEDGER_TEST(revisions_follow_the_documents),
                LEDGER_TEST(a_torn_last_revision_swallows_nothing),
                LEDGER_TEST(a_grant_is_what_its_times_and_people_make_of_it),
                cmocka_unit_test(a_grant_reaches_named_and_labelled_hosts_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
