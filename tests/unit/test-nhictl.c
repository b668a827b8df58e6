/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The central side as an administrator meets it: whole command lines through nhictl_main(). */

#include "lib/base/file.h"
#include "lib/base/name.h"
#include "nhictl/agent-client.h"
#include "nhictl/key.h"
#include "nhictl/verb.h"
#include "tests/unit/ledger-fixture.h"
#include "tests/unit/verb-fixture.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static char jti[64];

#define GRANT_WORDS "grant", "svc-deploy", "--owner", "payments", "--reason", "CHG-42"

/* Only what these tests make: other test programs live below the same root. */
static int world_teardown(void **state)
{
        static const char *const places[] = { PATH_ETC_DIR, PATH_LEDGER_DIR, PATH_PUBLISHED_DIR,
                                              PATH_RUN_DIR, PATH_ROOT "/trust.jwk" };

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                fixture_remove_tree(places[i]);
        return 0;
}

static int world_setup(void **state)
{
        (void)world_teardown(state);
        fixture_make_path(PATH_ROOT "/etc");
        fixture_make_path(PATH_ROOT "/var/lib");
        OK("init", "--local", "--name", "web1");
        assert_string_equal(out, "changed\n");
        OK("owner", "add", "payments");
        OK("account", "add", "svc-deploy", "--owner", "payments");
        OK(GRANT_WORDS, "--service", "ssh", "--for", "30m");
        (void)snprintf(jti, sizeof(jti), "%.*s", (int)strcspn(out, "\n"), out);
        return 0;
}

static json_t *run_json(void)
{
        json_error_t error;
        json_t *doc = json_loads(out, JSON_REJECT_DUPLICATES, &error);

        if (!doc)
                fail_msg("no JSON: %s: %s", error.text, out);
        assert_int_equal(json_integer_value(json_object_get(doc, "schema")), 1);
        return doc;
}

/* The state of the world's grant in the ledger. */
static const char *state_of_grant(void)
{
        static char text[32];
        json_t *doc;

        OK("ledger", jti, "--json");
        doc = run_json();
        (void)snprintf(text, sizeof(text), "%s",
                       document_text(json_object_get(doc, "grant"), "state"));
        json_decref(doc);
        return text;
}

static void usage_is_exit_status_2_and_names_the_word(void **state)
{
        ENDS(VERB_USAGE, "frobnicate");
        assert_said("no such verb: frobnicate");
        ENDS(VERB_USAGE, "grant", "a", "--colour", "x");
        assert_said("unknown option: --colour");
        ENDS(VERB_USAGE, "account");
        assert_said("account disable");
        ENDS(VERB_USAGE, "account", "add");
        ENDS(VERB_USAGE, "ledger", "a", "b");
        assert_said("too many words");
        OK("help");
        assert_non_null(strstr(out, "account disable"));
        OK("help", "account", "add");
        assert_non_null(strstr(out, "--shell"));
        OK("grant", "--help");
        assert_non_null(strstr(out, "--run-as-group"));
        OK("--version");
}

static void summaries_stand_on_one_line(void **state)
{
        for (const Verb *const *v = verbs; *v; v++) {
                size_t size = strcspn((*v)->help, "\n");

                assert_true(size > 0);
                if (size > 78)
                        fail_msg("%s: the first line of its help is too long", (*v)->name);
                assert_true(islower((unsigned char)(*v)->help[0]) && (*v)->help[size - 1] != '.');
                assert_true((*v)->options == NULL || (*v)->options_size > 0);
        }
}

static void init_again_changes_nothing(void **state)
{
        OK("init", "--local");
        assert_string_equal(out, "unchanged\n");
        ENDS(VERB_FAILED, "init", "--local", "--name", "other");
        assert_said("host.name");
        ENDS(VERB_USAGE, "init");
        ENDS(VERB_USAGE, "init", "--local", "--source", "/x");
        ENDS(VERB_USAGE, "init", "--source", "http://x/y", "--trust", "/x");
        assert_said("https://");
        ENDS(VERB_USAGE, "init", "--local", "--trust", "/x");
        ENDS(VERB_USAGE, "init", "--local", "--wait", "5s");
}

static void init_with_a_source_trusts_what_key_show_printed(void **state)
{
        char *text = NULL;
        size_t size;
        FILE *file;

        OK("key", "show");
        file = fopen(PATH_ROOT "/trust.jwk", "we");
        assert_non_null(file);
        assert_true(fputs(out, file) >= 0);
        assert_int_equal(fclose(file), 0);
        ENDS(VERB_USAGE, "init", "--source", "file://" PATH_PUBLISHED_DIR, "--trust",
             PATH_ROOT "/trust.jwk", "--replace", "--thumbprint", "90facafe");
        ENDS(VERB_FAILED, "init", "--source", "file://" PATH_PUBLISHED_DIR, "--trust",
             PATH_ROOT "/trust.jwk", "--yes");
        assert_said("--replace");
        OK("init", "--source", "file://" PATH_PUBLISHED_DIR, "--trust", PATH_ROOT "/trust.jwk",
           "--yes", "--replace");
        assert_string_equal(out, "changed\n");
        assert_int_equal(
                document_read(AT_FDCWD, PATH_CONF_DIR "/10-source.conf", 10000, &text, &size), 0);
        assert_non_null(strstr(text, "nhi-local:web1"));
        assert_non_null(strstr(text, PATH_PUBLISHED_DIR "/web1.jws"));
        free(text);
        OK("init", "--source", "file://" PATH_PUBLISHED_DIR, "--trust", PATH_ROOT "/trust.jwk");
        assert_string_equal(out, "unchanged\n");
}

/* A token of a server that is not asked any more has nothing to do here. */
static void a_host_that_becomes_its_own_source_keeps_no_credentials(void **state)
{
        static const char *const written[] = {
                PATH_PRIVATE_DIR "/source-token", PATH_PRIVATE_DIR "/source-certificate",
                PATH_TRUST_DIR "/source-ca.pem",
                PATH_ROOT "/etc/systemd/system/nhi-fetchd.service.d/10-nhi-init.conf"
        };

        fixture_make_path(PATH_ROOT "/etc/systemd/system");
        assert_int_equal(system("cd " PATH_ETC_DIR " && echo s3cret >token && chmod 600 token && "
                                "echo '-----BEGIN CERTIFICATE-----' >ca.pem && "
                                "(cat ca.pem; echo '-----BEGIN PRIVATE KEY-----') >both.pem"),
                         0);
        OK("key", "show");
        assert_int_equal(file_replace(PATH_ROOT "/trust.jwk", out, strlen(out), 0600, geteuid(),
                                      getegid(), false),
                         0);
        OK("init", "--source", "https://a.example.org/", "--trust", PATH_ROOT "/trust.jwk", "--yes",
           "--replace", "--no-wait", "--token-file", PATH_ETC_DIR "/token", "--certificate",
           PATH_ETC_DIR "/both.pem", "--ca-file", PATH_ETC_DIR "/ca.pem");
        /* What did not come about takes nothing away. */
        ENDS(VERB_FAILED, "init", "--local");
        ENDS(VERB_FAILED, "init", "--local", "--replace", "--issuer", "test:other");
        for (size_t i = 0; i < ELEMENTSOF(written); i++)
                assert_int_equal(access(written[i], F_OK), 0);
        OK("init", "--local", "--replace");
        assert_string_equal(out, "changed\n");
        for (size_t i = 0; i < ELEMENTSOF(written); i++)
                assert_int_equal(access(written[i], F_OK), -1);
        OK("init", "--local", "--replace");
        assert_string_equal(out, "unchanged\n");
        fixture_remove_tree(PATH_ROOT "/etc/systemd");
}

/* Data is the key alone, so that it can go to a file; what is read out goes beside it. */
static void key_show_says_the_thumbprint_beside_the_key(void **state)
{
        OK("key", "show");
        assert_int_equal(out[0], '{');
        assert_null(strstr(out, "thumbprint"));
        assert_said("thumbprint ");
        assert_said("in words");
        OK("key", "show", "--json");
        assert_non_null(strstr(out, "\"words\""));
        ENDS(VERB_FAILED, "key", "show", PATH_ROOT "/no-such.jwk");
        ENDS(VERB_USAGE, "key", "show", PATH_ROOT "/trust.jwk", "--key", PATH_ISSUER_KEY);
        ENDS(VERB_STALE, "key", "show", PATH_ISSUER_KEY);
}

static void the_private_key_is_private_and_never_overwritten(void **state)
{
        struct stat st;

        assert_int_equal(stat(PATH_ISSUER_KEY, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        OK("key", "new");
        assert_string_equal(out, "unchanged\n");
        /* Nor by who looked before another one made it. */
        assert_int_equal(key_create(PATH_ISSUER_KEY), -EEXIST);
        OK("key", "show");
        assert_null(strstr(out, "\"d\""));
        assert_non_null(strstr(out, "\"iss\":\"nhi-local:web1\""));
}

static void adding_twice_changes_once(void **state)
{
        OK("owner", "add", "payments");
        assert_string_equal(out, "unchanged\n");
        OK("owner", "add", "payments", "--contact", "x@y");
        assert_string_equal(out, "changed\n");
        OK("account", "add", "svc-deploy");
        assert_string_equal(out, "unchanged\n");
        OK("account", "add", "svc-deploy", "--shell", "/bin/sh", "--json");
        json_decref(run_json());
        OK("host", "add", "web2", "db1", "--label", "prod");
        assert_string_equal(out, "changed\n");
        OK("host", "add", "web2", "--label", "prod");
        assert_string_equal(out, "unchanged\n");
        OK("host", "remove", "web2", "nowhere");
        assert_string_equal(out, "changed\n");
        OK("host", "remove", "web2");
        assert_string_equal(out, "unchanged\n");
}

static void accounts_get_uids_of_the_range_and_keep_them(void **state)
{
        json_t *doc;

        OK("account", "add", "svc-two", "--owner", "payments");
        OK("account", "list", "--json");
        doc = run_json();
        assert_int_equal(json_integer_value(json_object_get(
                                 json_array_get(json_object_get(doc, "accounts"), 1), "uid")),
                         70001);
        json_decref(doc);
        ENDS(VERB_USAGE, "account", "add", "svc-two", "--uid", "70005");
        assert_said("never changes");
        ENDS(VERB_USAGE, "account", "add", "svc-three", "--owner", "payments", "--uid", "70001");
        assert_said("belongs to svc-two");
        ENDS(VERB_USAGE, "account", "add", "svc-three", "--owner", "payments", "--uid", "65535");
        OK("account", "add", "svc-three", "--owner", "payments", "--uid", "65536");
        ENDS(VERB_USAGE, "account", "add", "svc-four", "--owner", "nobody");
        assert_said("owner add nobody");
        ENDS(VERB_USAGE, "account", "add", "john.doe", "--owner", "payments");
        ENDS(VERB_USAGE, "account", "add", "svc-four", "--owner", "payments", "--home", "tmp");
}

static void only_the_id_is_printed_on_stdout(void **state)
{
        assert_int_equal(strlen(jti), 28);
        assert_true(jti_is_valid(jti));
        assert_int_equal(strncmp(jti, "g-0", 3), 0);
        OK(GRANT_WORDS, "--service", "ssh", "--for", "30m", "--json");
        json_decref(run_json());
}

static void what_makes_no_sense_is_refused_at_grant_time(void **state)
{
        static const struct {
                const char *words[8];
                const char *said;
        } bad[] = {
                { { "--for", "30m" }, "grants nothing" },
                { { "--service", "ssh" }, "needs its end" },
                { { "--service", "ssh", "--for", "1m", "--until", "2h" }, "needs its end" },
                { { "--service", "ssh", "--for", "25h" }, "lifetime_max" },
                { { "--service", "ssh", "--until", "2000-01-01T00:00:00Z" }, "over before" },
                { { "--service", "telnet", "--for", "1m" }, "no service class" },
                { { "--service", "unit", "--for", "1m" }, "--unit U" },
                { { "--service", "systemd-user", "--for", "1m" }, "--user-manager" },
                { { "--service", "sudo", "--for", "1m" }, "needs --run-as" },
                { { "--service", "ssh", "--for", "1m", "--run-as", "pg" }, "--service sudo" },
                { { "--service", "ssh", "--for", "1m", "--edit", "/etc/x" }, "--service sudo" },
                { { "--service", "cron", "--for", "1m", "--ssh-key", "/x" }, "--service ssh" },
                { { "--unit", "a.service", "--for", "1m", "--from", "::/0" }, "login service" },
                { { "--service", "ssh", "--for", "1m", "--ssh-key", "/nonexistent" }, "ssh-key" },
                { { "--service", "ssh", "--for", "1m", "--ssh-key", PATH_ISSUER_KEY },
                  "no public key" },
                { { "--service", "ssh", "--for", "1m", "--window", "always" }, "--window wants" },
                { { "--service", "ssh", "--for", "1m", "--from", "10.0.0.0/33" }, "not take" },
                { { "--service", "ssh", "--for", "1m", "--host", "nowhere" }, "host add nowhere" },
                { { "--service", "sudo", "--run-as", "pg", "--for", "1m", "--command", "'x" },
                  "quote" },
                { { "--service", "sudo", "--run-as", "pg", "--for", "1m", "--command", "ls" },
                  "not take" },
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                const char *words[20] = { "nhictl", GRANT_WORDS };

                memcpy(words + 7, bad[i].words, sizeof(bad[i].words));
                assert_status(run_words(words), VERB_USAGE);
                assert_string_equal(out, "");
                assert_said(bad[i].said);
        }
        ENDS(VERB_USAGE, "grant", "svc-deploy", "--owner", "nobody", "--reason", "r", "--for", "1m",
             "--service", "ssh");
        assert_said("owner add nobody");
        ENDS(VERB_USAGE, "grant", "svc-deploy", "--owner", "payments", "--for", "1m");
        assert_said("--reason");
}

static json_t *grant_details(void)
{
        json_t *doc, *details;

        (void)snprintf(jti, sizeof(jti), "%.*s", (int)strcspn(out, "\n"), out);
        OK("ledger", jti, "--json");
        doc = run_json();
        details = json_incref(
                json_object_get(json_object_get(doc, "grant"), "authorization_details"));
        json_decref(doc);
        return details;
}

static void assert_details(const char *wanted)
{
        json_t *details = grant_details(), *expected = json_loads(wanted, 0, NULL);

        assert_non_null(expected);
        assert_true(json_equal(details, expected));
        json_decref(details);
        json_decref(expected);
}

static void options_become_terms(void **state)
{
        OK(GRANT_WORDS, "--for", "1m", "--service", "ssh", "--service", "sudo", "--service",
           "pam:vsftpd", "--run-as", "pg", "--command", "/bin/echo 'a b'", "--group", "pay-ops",
           "--unit", "x.service", "--user-manager");
        assert_details("[{\"type\": \"nhi_login\", \"services\": [\"ssh\", \"pam:vsftpd\"], "
                       "\"user_manager\": true},"
                       " {\"type\": \"nhi_elevate\", \"services\": [\"sudo\"], \"run_as\": "
                       "[\"pg\"], \"commands\": [[\"/bin/echo\", \"a b\"]]},"
                       " {\"type\": \"nhi_unit\", \"units\": [\"x.service\"]},"
                       " {\"type\": \"nhi_group\", \"groups\": [\"pay-ops\"]}]");
        /* Editing alone grants no command. */
        OK(GRANT_WORDS, "--for", "1m", "--service", "sudo", "--run-as", "root", "--edit",
           "/etc/app.conf");
        assert_said("found, not prevented");
        assert_details("[{\"type\": \"nhi_elevate\", \"services\": [\"sudo\"], \"run_as\": "
                       "[\"root\"], \"commands\": [], \"edit\": [\"/etc/app.conf\"]}]");
}

static void an_account_without_a_document_is_granted_with_a_note(void **state)
{
        OK("grant", "olga", "--owner", "payments", "--reason", "r", "--for", "1m", "--service",
           "ssh");
        assert_said("has to exist on the hosts");
}

static void revoke_ends_and_stays_as_history(void **state)
{
        assert_string_equal(state_of_grant(), "active");
        ENDS(VERB_USAGE, "revoke", jti);
        assert_said("--reason");
        ENDS(VERB_USAGE, "revoke", jti, "--account", "svc-deploy", "--reason", "r");
        ENDS(VERB_USAGE, "revoke", jti, "g-none", "--reason", "r");
        assert_said("nothing was revoked");
        assert_string_equal(state_of_grant(), "active");
        OK("revoke", jti, "--reason", "wrong host");
        assert_string_equal(out, "changed\n");
        OK("revoke", jti, "--reason", "wrong host");
        assert_string_equal(out, "unchanged\n");
        assert_string_equal(state_of_grant(), "revoked");
        OK("ledger");
        assert_string_equal(out, "");
        OK("ledger", "--history");
        assert_non_null(strstr(out, "revoked"));
        ENDS(VERB_FAILED, "extend", jti, "--for", "1h");
        assert_said("make a new grant");
        ENDS(VERB_PROBLEM, "ledger", "g-none");
}

static size_t grants_published(void)
{
        _cleanup_free_ char *jws = NULL;
        size_t size, n;
        json_t *payload;

        assert_int_equal(
                document_read(AT_FDCWD, PATH_PUBLISHED_DIR "/web1.jws", 65536, &jws, &size), 0);
        payload = document_unverified(jws, size, NULL);
        n = json_array_size(json_object_get(payload, "grants"));
        json_decref(payload);
        return n;
}

/* L3 */
static void a_grant_that_cannot_be_read_keeps_no_other_from_being_revoked(void **state)
{
        char other[64], path[300];
        FILE *file;

        OK(GRANT_WORDS, "--service", "cron", "--for", "20m");
        (void)snprintf(other, sizeof(other), "%.*s", (int)strcspn(out, "\n"), out);
        assert_int_equal(grants_published(), 2);
        (void)snprintf(path, sizeof(path), PATH_LEDGER_DIR "/grants/%s.json", other);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs("<<<<<<< HEAD\n", file) >= 0);
        assert_int_equal(fclose(file), 0);
        ENDS(VERB_USAGE, "revoke", other, jti, "g-none", "--reason", "r");
        assert_said("nothing was revoked");
        ENDS(VERB_FAILED, "revoke", other, jti, "--reason", "stolen");
        assert_said("cannot be read: hosts lose the grant until it can, and it is not revoked");
        assert_string_equal(out, "changed\n");
        assert_string_equal(state_of_grant(), "revoked");
        assert_int_equal(grants_published(), 0);
}

static void disabling_revokes_for_good(void **state)
{
        OK("account", "disable", "svc-deploy", "--reason", "leaving");
        assert_string_equal(state_of_grant(), "revoked");
        ENDS(VERB_USAGE, GRANT_WORDS, "--service", "ssh", "--for", "1m");
        OK("account", "add", "svc-deploy");
        assert_string_equal(out, "changed\n");
        assert_string_equal(state_of_grant(), "revoked");
        OK(GRANT_WORDS, "--service", "ssh", "--for", "1m");
        (void)snprintf(jti, sizeof(jti), "%.*s", (int)strcspn(out, "\n"), out);
        OK("owner", "disable", "payments");
        assert_string_equal(state_of_grant(), "revoked");
        OK("owner", "disable", "payments");
        assert_string_equal(out, "unchanged\n");
}

static void extend_moves_the_end_forward_only(void **state)
{
        json_t *doc;

        OK("extend", jti, "--for", "1h", "--reason", "not done");
        assert_string_equal(out, "changed\n");
        OK("ledger", jti, "--json");
        doc = run_json();
        assert_int_equal(json_array_size(json_object_get(json_object_get(doc, "grant"), "history")),
                         1);
        json_decref(doc);
        OK("extend", jti, "--for", "10m");
        assert_string_equal(out, "unchanged\n");
        ENDS(VERB_USAGE, "extend", jti, "--for", "25h");
        assert_said("lifetime_max");
        ENDS(VERB_USAGE, "extend", jti);
}

static void expiring_lists_what_ends_soon(void **state)
{
        OK("ledger", "--expiring", "29m");
        assert_string_equal(out, "");
        OK("ledger", "--expiring", "31m");
        assert_non_null(strstr(out, jti));
}

static void changes_without_a_key_are_kept_and_said(void **state)
{
        assert_int_equal(unlink(PATH_ISSUER_KEY), 0);
        ENDS(VERB_FAILED, "revoke", jti, "--reason", "r");
        assert_said("nhictl publish");
        assert_string_equal(state_of_grant(), "revoked");
        OK("owner", "add", "ops", "--no-publish");
        ENDS(VERB_FAILED, "publish");
        assert_said("key new");
        /* The same again is no success as long as the hosts don't know. */
        ENDS(VERB_FAILED, "revoke", jti, "--reason", "r");
}

static void publish_says_whether_it_changed_anything(void **state)
{
        OK("publish");
        assert_string_equal(out, "unchanged\n");
        OK("publish", "--renew");
        assert_string_equal(out, "unchanged\n");
        OK("publish", "--all");
        assert_string_equal(out, "changed\n");
        ENDS(VERB_USAGE, "publish", "--to", "http://x/sets");
        ENDS(VERB_USAGE, "publish", "--to", "https://user:secret@x/sets");
        ENDS(VERB_USAGE, "publish", "--to", "https://x/{host}?token=secret");
        ENDS(VERB_USAGE, "publish", "--token-file", "/t");
        OK("publish", "--all", "--host", "no-host-*");
        assert_string_equal(out, "unchanged\n");
        ENDS(VERB_FAILED, "publish", "--to", PATH_ROOT "/nowhere");
}

static void check_finds_problems_with_exit_status_1(void **state)
{
        OK("ledger", "check");
        assert_int_equal(unlink(PATH_LEDGER_DIR "/owners/payments.json"), 0);
        ENDS(VERB_PROBLEM, "ledger", "check");
        assert_non_null(strstr(out, "no owner \"payments\""));
        ENDS(VERB_PROBLEM, "ledger", "check", "--json");
        json_decref(run_json());
}

/* The ledger's own evidence, as an auditor asks for it. */
static void who_changed_what_and_why_is_told(void **state)
{
        static const char *const actions[] = { "granted", "extended", "revoked" };
        json_t *doc, *lines;

        OK("extend", jti, "--for", "1h", "--reason", "longer");
        OK("revoke", jti, "--reason", "leaked \xff\x1b[31m\n"); /* U09 */
        OK("ledger", jti, "--history", "--json");
        doc = run_json();
        lines = json_object_get(doc, "history");
        assert_int_equal(json_array_size(lines), 3);
        for (size_t i = 0; i < 3; i++)
                assert_string_equal(document_text(json_array_get(lines, i), "action"), actions[i]);
        assert_string_equal(document_text(json_array_get(lines, 2), "reason"),
                            "leaked \xef\xbf\xbd\x1b[31m\n");
        json_decref(doc);
        OK("ledger", jti, "--history");
        assert_non_null(strstr(out, "revoked"));
        OK("ledger", "history");
        assert_non_null(strstr(out, "1 set in " PATH_PUBLISHED_DIR));
        assert_non_null(strstr(out, "leaked"));
        assert_null(strchr(out, '\x1b'));
        OK("ledger", "history", "svc-deploy");
        assert_non_null(strstr(out, "accounts/svc-deploy"));
        assert_non_null(strstr(out, "longer"));
        assert_null(strstr(out, "owners/"));
        OK("ledger", "history", "payments", "--since", "2000-01-01T00:00:00Z", "--json");
        doc = run_json();
        assert_int_equal(json_array_size(json_object_get(doc, "history")), 1);
        json_decref(doc);
        OK("ledger", "history", "--since", "2199-01-01T00:00:00Z");
        assert_string_equal(out, "");
        OK("ledger", "check");
        assert_string_equal(out, "");
}

static void an_edit_by_hand_is_named_until_it_is_adopted(void **state)
{
        char head[HISTORY_HASH] = "";
        json_t *doc;

        OK("ledger", "check", "--json");
        doc = run_json();
        (void)snprintf(head, sizeof(head), "%s", document_text(doc, "head"));
        json_decref(doc);
        assert_int_equal(strlen(head), HISTORY_HASH - 1);
        OK("ledger", "check", "--head", head);
        assert_said(head);

        assert_int_equal(
                system("sed -i 's/\"name\"/\"contact\": \"x@y\", \"name\"/' " PATH_LEDGER_DIR
                       "/owners/payments.json"),
                0);
        ENDS(VERB_PROBLEM, "ledger", "check");
        assert_non_null(strstr(out, "owners/payments.json: is not what line"));
        OK("ledger", "adopt", "--reason", "as agreed");
        assert_string_equal(out, "changed\n");
        OK("ledger", "adopt");
        assert_string_equal(out, "unchanged\n");
        OK("ledger", "check", "--head", head);
        OK("publish");
        assert_string_equal(out, "unchanged\n");

        assert_int_equal(system("sed -i 3d " PATH_LEDGER_DIR "/history"), 0);
        ENDS(VERB_PROBLEM, "ledger", "check");
        OK("revoke", jti, "--reason", "r"); /* L4 */
        assert_said("history:3: follows a line");
        ENDS(VERB_PROBLEM, "ledger", "check");
        assert_int_equal(unlink(PATH_LEDGER_DIR "/history"), 0);
        OK("owner", "add", "ops");
        assert_said("is gone");
        ENDS(VERB_PROBLEM, "ledger", "check", "--head", head);
        assert_non_null(strstr(out, "history: has no line"));
        ENDS(VERB_FAILED, "ledger", "check", "--sets", "/nowhere");
}

/* L4 */
static void without_a_history_access_is_only_taken_away(void **state)
{
        assert_int_equal(
                system("rm " PATH_LEDGER_DIR "/history && mkdir " PATH_LEDGER_DIR "/history"), 0);
        ENDS(VERB_FAILED, GRANT_WORDS, "--service", "ssh", "--for", "1m");
        assert_said("nothing is granted until that is mended");
        ENDS(VERB_FAILED, "extend", jti, "--for", "1h");
        ENDS(VERB_FAILED, "account", "add", "svc-new", "--owner", "payments");
        ENDS(VERB_FAILED, "ledger", "adopt");
        ENDS(VERB_FAILED, "ledger", "history");
        OK("revoke", jti, "--reason", "r");
        assert_said("done all the same");
        assert_string_equal(state_of_grant(), "revoked");
        OK("owner", "disable", "payments");
        OK("host", "remove", "web1");
        ENDS(VERB_PROBLEM, "ledger", "check");
        assert_int_equal(rmdir(PATH_LEDGER_DIR "/history"), 0);
}

/* An agent that answers n requests with the same line. */
static pid_t fake_agent(const char *reply, int n)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char request[4096];
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
        pid_t pid;

        fixture_make_path(PATH_RUN_DIR);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", PATH_CONTROL_SOCK);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 8), 0);
        pid = fork();
        assert_true(pid >= 0);
        /* A test that fails leaves none behind. */
        if (pid == 0)
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int i = 0; pid == 0 && i < n; i++) {
                peer = accept(fd, NULL, NULL);
                if (read(peer, request, sizeof(request)) <= 0 || !strstr(request, "\"verb\""))
                        _exit(1);
                if (write(peer, reply, strlen(reply)) < 0)
                        _exit(1);
                (void)close(peer);
        }
        if (pid == 0)
                _exit(0);
        (void)close(fd);
        return pid;
}

static void wait_without_an_agent_is_exit_status_5_and_the_grant_stays(void **state)
{
        ENDS(VERB_FAILED, GRANT_WORDS, "--service", "ssh", "--for", "1m", "--wait", "1s");
        assert_said("agent does not answer");
        assert_int_equal(strncmp(out, "g-", 2), 0);
        OK("ledger", "--json");
        assert_non_null(strstr(out, "g-"));
}

static void wait_says_what_the_agent_lists_instead(void **state)
{
        pid_t pid = fake_agent(
                "{\"schema\": 1, \"ok\": true, \"host\": \"web1\", \"grants\": []}\n", 100);

        ENDS(VERB_FAILED, GRANT_WORDS, "--service", "ssh", "--for", "1m", "--wait", "1s");
        assert_said("does not list the grant");
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void wait_is_for_this_host_only(void **state)
{
        pid_t pid = fake_agent("{\"schema\": 1, \"ok\": true, \"host\": \"web2\"}\n", 100);

        ENDS(VERB_FAILED, GRANT_WORDS, "--service", "ssh", "--for", "1m", "--wait", "1s");
        assert_said("not for this host, web2");
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void status_says_what_a_restart_would_give_back(void **state)
{
        static const char *const words[] = { "nhictl", "status", NULL };
        pid_t pid = fake_agent("{\"schema\": 1, \"ok\": true, \"host\": \"web1\", \"issuers\": [{"
                               "\"revocations\": {\"ver\": 1, \"unsaved\": true}, "
                               "\"keys\": {\"ver\": 1, \"unsaved\": true}}]}\n",
                               1);

        (void)run_words(words);
        assert_non_null(strstr(out, "a restart gives back what it revokes"));
        assert_non_null(strstr(out, "a restart gives back what it retires"));
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* CSI and OSC as C1 controls, U+202E, and CSI once more. */
#define X "\"\xc2\x9b[2J\xc2\x9d\xe2\x80\xae\\u001b[2J\\n\""

static void assert_clean(const char *verb, const char *text)
{
        static const char *const hidden[] = { "\xc2\x9b", "\xc2\x9d", "\xe2\x80\xae", "\033" };

        for (size_t i = 0; i < ELEMENTSOF(hidden); i++)
                if (strstr(text, hidden[i]))
                        fail_msg("%s shows character %zu as it is: %s", verb, i, text);
}

/* What the agent answers, a set or somebody else chose; the commands of denials are anybody's. */
static void no_answer_of_the_agent_moves_the_cursor_O13(void **state)
{
        static const char reply[] =
                "{\"schema\": 1, \"ok\": true, \"host\": " X ", \"version\": " X ", \"mode\": " X
                ", \"verdict\": \"deny\", \"sentence\": " X ", \"reason\": " X ", \"advice\": " X
                ", \"config_error\": " X ", \"locked\": [" X "], \"gate\": {\"mode\": " X "}, "
                "\"denials\": [{\"time\": 1, \"count\": 2, \"first\": 1, \"account\": " X
                ", \"class\": " X ", \"target\": " X ", \"command\": " X ", \"sentence\": " X
                ", \"reason\": " X ", \"jti\": " X ", \"advice\": " X "}], "
                "\"issuers\": [{\"issuer\": " X ", \"source\": " X
                ", \"last_refusal\": {\"time\": 1, \"code\": " X ", \"detail\": " X "}}], "
                "\"gates\": [{\"name\": " X ", \"mode\": " X ", \"services\": [" X
                "], \"accounts\": [" X "]}], "
                "\"quarantine\": [{\"entry\": " X ", \"code\": " X ", \"detail\": " X "}], "
                "\"grants\": [{\"jti\": " X ", \"account\": " X ", \"reason\": " X ", \"owner\": " X
                ", \"grant\": [{\"services\": [" X "], \"run_as\": [" X
                "]}], \"rules\": [{\"rule\": " X ", \"detail\": " X "}]}], "
                "\"sessions\": [{\"account\": " X ", \"class\": " X ", \"jti\": " X
                ", \"scope\": " X "}]}\n";
        static const char *const words[][5] = {
                { "nhictl", "why" },  { "nhictl", "status" }, { "nhictl", "check", "olga", "sudo" },
                { "nhictl", "list" }, { "nhictl", "mine" },   { "nhictl", "sessions" },
        };
        pid_t pid = fake_agent(reply, 100);

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                (void)run_words(words[i]);
                assert_clean(words[i][1], out);
                assert_clean(words[i][1], err);
                if (i < 3)
                        assert_non_null(strstr(out, "\\xc2\\x9b[2J"));
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The agent is gone, what it published is not: nobody is sent to start it, or told that nothing is
 * gated. */
static void after_an_init_that_was_undone_status_sends_to_init_alone(void **state)
{
        fixture_make_path(PATH_RUN_DIR);
        assert_int_equal(file_replace(PATH_RUN_DIR "/gates", "nhi-gates 1\nend 0\n", 18, 0644,
                                      geteuid(), getegid(), false),
                         0);
        ENDS(VERB_UNREACHABLE, "status");
        assert_said("systemctl start");
        assert_non_null(strstr(out, "systemctl status nhi-agentd"));
        assert_int_equal(unlink(PATH_CONF_DIR "/10-local.conf"), 0);
        ENDS(VERB_UNREACHABLE, "status");
        assert_said("this host is not set up: nhictl init");
        assert_non_null(strstr(out, "not set up, and no agent runs: who needs a grant is denied"));
        assert_non_null(strstr(out, "next        nhictl init --local"));
        assert_null(strstr(out, "systemctl"));
        assert_int_equal(unlink(PATH_RUN_DIR "/gates"), 0);
        ENDS(VERB_UNREACHABLE, "status");
        assert_non_null(strstr(out, "not set up: nothing is gated"));
}

static void put_config(const char *path, const char *text)
{
        assert_int_equal(file_replace(path, text, strlen(text), 0644, geteuid(), getegid(), false),
                         0);
}

static void a_host_is_set_up_by_what_its_agent_reads(void **state)
{
        assert_int_equal(unlink(PATH_CONF_DIR "/10-local.conf"), 0);
        put_config(PATH_CONF_DIR "/10-source.conf.replaced", "");
        put_config(PATH_CONF_FILE, "host: { };\n");
        assert_false(agent_is_set_up());
        put_config(PATH_CONF_FILE, "issuers = ( { name = \"a\"; } );\n");
        assert_true(agent_is_set_up());
        put_config(PATH_CONF_FILE, "issuers = (");
        assert_true(agent_is_set_up());
        assert_int_equal(unlink(PATH_CONF_FILE), 0);
        put_config(PATH_CONF_DIR "/mine.conf", "");
        assert_true(agent_is_set_up());
        assert_int_equal(unlink(PATH_CONF_DIR "/mine.conf"), 0);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WORLD_TEST(usage_is_exit_status_2_and_names_the_word),
                cmocka_unit_test(summaries_stand_on_one_line),
                WORLD_TEST(init_again_changes_nothing),
                WORLD_TEST(init_with_a_source_trusts_what_key_show_printed),
                WORLD_TEST(a_host_that_becomes_its_own_source_keeps_no_credentials),
                WORLD_TEST(after_an_init_that_was_undone_status_sends_to_init_alone),
                WORLD_TEST(a_host_is_set_up_by_what_its_agent_reads),
                WORLD_TEST(key_show_says_the_thumbprint_beside_the_key),
                WORLD_TEST(the_private_key_is_private_and_never_overwritten),
                WORLD_TEST(adding_twice_changes_once),
                WORLD_TEST(accounts_get_uids_of_the_range_and_keep_them),
                WORLD_TEST(only_the_id_is_printed_on_stdout),
                WORLD_TEST(what_makes_no_sense_is_refused_at_grant_time),
                WORLD_TEST(options_become_terms),
                WORLD_TEST(an_account_without_a_document_is_granted_with_a_note),
                WORLD_TEST(revoke_ends_and_stays_as_history),
                WORLD_TEST(a_grant_that_cannot_be_read_keeps_no_other_from_being_revoked),
                WORLD_TEST(disabling_revokes_for_good),
                WORLD_TEST(extend_moves_the_end_forward_only),
                WORLD_TEST(expiring_lists_what_ends_soon),
                WORLD_TEST(changes_without_a_key_are_kept_and_said),
                WORLD_TEST(publish_says_whether_it_changed_anything),
                WORLD_TEST(check_finds_problems_with_exit_status_1),
                WORLD_TEST(who_changed_what_and_why_is_told),
                WORLD_TEST(an_edit_by_hand_is_named_until_it_is_adopted),
                WORLD_TEST(without_a_history_access_is_only_taken_away),
                WORLD_TEST(wait_without_an_agent_is_exit_status_5_and_the_grant_stays),
                WORLD_TEST(wait_says_what_the_agent_lists_instead),
                WORLD_TEST(wait_is_for_this_host_only),
                WORLD_TEST(status_says_what_a_restart_would_give_back),
                WORLD_TEST(no_answer_of_the_agent_moves_the_cursor_O13),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
