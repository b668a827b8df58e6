/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The issuer's key under a passphrase, as an administrator meets it. Only what is made here costs a
 * guess its full price. */

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "nhictl/key-file.h"
#include "nhictl/key-lock.h"
#include "nhictl/verb.h"
#include "tests/unit/ledger-fixture.h"
#include "tests/unit/verb-fixture.h"

#include <sodium.h>
#include <sys/file.h>
#include <sys/wait.h>

#define RIGHT "correct horse battery staple"

typedef struct World {
        Fixture *f;
        char key[300], right[300], wrong[300];
        SigningKey secret;
} World;

static void write_text(const char *path, const char *text)
{
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0600), 0);
}

static char *read_text(const char *path)
{
        char *text = NULL;
        size_t size = 0;

        assert_int_equal(file_read_trusted(path, geteuid(), 8192, &text, &size), 0);
        return text;
}

/* A key whose passphrase costs next to nothing to try. */
static void lock_cheaply(const World *w)
{
        static const KeyCost cheap = { 1, KEY_LOCK_MEMORY_MIN };
        char *text;

        assert_int_equal(key_lock(&w->secret, RIGHT, &cheap, &text), 0);
        write_text(w->key, text);
        free(text);
}

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));
        Ledger *l;
        void *f;

        assert_int_equal(fixture_setup(&f), 0);
        w->f = f;
        (void)snprintf(w->key, sizeof(w->key), "%s/key", w->f->root);
        (void)snprintf(w->right, sizeof(w->right), "%s/right", w->f->root);
        (void)snprintf(w->wrong, sizeof(w->wrong), "%s/wrong", w->f->root);
        write_text(w->right, RIGHT "\n");
        write_text(w->wrong, "another one, as long\n");
        assert_int_equal(signing_key_generate(&w->secret), 0);
        l = fixture_open(w->f, true);
        fixture_fill(l);
        (void)ledger_free(l);
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;
        void *f = w->f;

        (void)fixture_teardown(&f);
        free(w);
        return 0;
}

#define KEY(w)    "--key", (w)->key
#define LEDGER(w) "--ledger", (w)->f->ledger

static void a_set_is_signed_with_the_right_passphrase_only(void **state)
{
        const World *w = *state;
        char set[600];

        lock_cheaply(w);
        (void)snprintf(set, sizeof(set), "%s/web1.jws", w->f->target);
        ENDS(VERB_FAILED, "publish", KEY(w), LEDGER(w), "--passphrase-file", w->wrong);
        assert_said("wrong passphrase");
        assert_int_equal(access(set, F_OK), -1);
        OK("publish", KEY(w), LEDGER(w), "--passphrase-file", w->right);
        assert_int_equal(access(set, F_OK), 0);
}

static void a_change_that_cannot_be_signed_is_kept_and_said(void **state)
{
        const World *w = *state;

        lock_cheaply(w);
        ENDS(VERB_FAILED, "owner", "add", "ops", KEY(w), LEDGER(w), "--passphrase-file", w->wrong);
        assert_said("nhictl publish");
        OK("owner", "add", "ops", KEY(w), LEDGER(w), "--passphrase-file", w->right);
        assert_string_equal(out, "unchanged\n");
}

static void the_public_key_is_shown_without_a_passphrase(void **state)
{
        const World *w = *state;
        Jwk public;

        lock_cheaply(w);
        OK("key", "show", KEY(w), LEDGER(w));
        assert_non_null(strstr(out, w->secret.public.kid));
        assert_null(strstr(out, "locked"));
        assert_int_equal(jwk_parse(out, strlen(out), &public), 0);
}

static void a_damaged_file_is_said_to_be_that(void **state)
{
        const World *w = *state;

        write_text(w->key, "{\"enc\": \"rot13\"}");
        ENDS(VERB_FAILED, "publish", KEY(w), LEDGER(w), "--passphrase-file", w->right);
        assert_said("does not know, or damaged");
        ENDS(VERB_FAILED, "key", "show", KEY(w), LEDGER(w));
        assert_said("does not know, or damaged");
}

static void a_new_key_can_be_locked_from_the_beginning(void **state)
{
        const World *w = *state;
        LockedKey k;
        struct stat st;
        char *text;

        OK("key", "new", "--passphrase-file", w->right, KEY(w));
        assert_string_equal(out, "changed\n");
        assert_int_equal(stat(w->key, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        text = read_text(w->key);
        assert_null(strstr(text, "\"d\""));
        assert_int_equal(locked_key_parse(text, strlen(text), &k), 0);
        assert_int_equal(k.cost.memory, key_cost_default.memory);
        free(text);
        OK("key", "new", "--passphrase-file", w->right, KEY(w));
        assert_string_equal(out, "unchanged\n");
}

/* Of the package nhi-tools alone: nobody has made /etc/nhi. */
static void the_first_key_makes_its_directory(void **state)
{
        fixture_make_path(PATH_ROOT "/etc");
        assert_int_equal(system("rm -rf " PATH_ETC_DIR), 0);
        OK("key", "new");
        assert_int_equal(access(PATH_ISSUER_KEY, R_OK), 0);
        assert_int_equal(unlink(PATH_ISSUER_KEY), 0);
        assert_int_equal(rmdir(PATH_ETC_DIR), 0);
}

static void a_key_gets_another_passphrase_and_none(void **state)
{
        const World *w = *state;
        SigningKey key = { 0 };
        bool is_locked = true;

        lock_cheaply(w);
        OK("key", "passphrase", KEY(w), "--passphrase-file", w->right, "--new-passphrase-file",
           w->wrong);
        assert_string_equal(out, "changed\n");
        ENDS(VERB_FAILED, "key", "passphrase", KEY(w), "--passphrase-file", w->right, "--remove");
        OK("key", "passphrase", KEY(w), "--passphrase-file", w->wrong, "--remove");
        assert_string_equal(out, "changed\n");
        assert_int_equal(key_file_open(w->key, NULL, &key, &is_locked), VERB_OK);
        assert_false(is_locked);
        assert_memory_equal(key.secret, w->secret.secret, sizeof(key.secret));
        OK("key", "passphrase", KEY(w), "--remove");
        assert_string_equal(out, "unchanged\n");
}

static void a_passphrase_that_is_refused_leaves_the_key_as_it_is(void **state)
{
        const World *w = *state;
        char *before, *after;
        char weak[300];

        lock_cheaply(w);
        before = read_text(w->key);
        (void)snprintf(weak, sizeof(weak), "%s/weak", w->f->root);
        write_text(weak, "short\n");
        ENDS(VERB_USAGE, "key", "passphrase", KEY(w), "--passphrase-file", w->right,
             "--new-passphrase-file", weak);
        ENDS(VERB_USAGE, "key", "passphrase", KEY(w), "--remove", "--new-passphrase-file", weak);
        ENDS(VERB_USAGE, "key", "passphrase", "--key", "exec:/bin/true");
        after = read_text(w->key);
        assert_string_equal(before, after);
        free(before);
        free(after);
        (void)unlink(w->key);
        ENDS(VERB_USAGE, "key", "new", KEY(w), "--passphrase-file", weak);
        assert_int_equal(access(w->key, F_OK), -1);
}

static void a_key_that_others_can_read_is_said(void **state)
{
        const World *w = *state;

        OK("key", "new", KEY(w));
        OK("publish", KEY(w), LEDGER(w));
        assert_null(strstr(err, "chmod 0600"));
        assert_int_equal(chmod(w->key, 0644), 0);
        OK("publish", KEY(w), LEDGER(w));
        assert_said("chmod 0600");
}

/* Somebody may be typing one. */
/* proc_locks(5) */
static bool somebody_waits_for(int fd)
{
        FILE *file = fopen("/proc/locks", "re");
        char line[256], inode[32];
        bool yes = false;
        struct stat st;

        if (!file || fstat(fd, &st) < 0)
                return true;
        (void)snprintf(inode, sizeof(inode), ":%ju ", (uintmax_t)st.st_ino);
        while (!yes && fgets(line, sizeof(line), file))
                yes = strstr(line, "-> ") && strstr(line, inode);
        (void)fclose(file);
        return yes;
}

static void who_waits_for_the_ledger_is_told(void **state)
{
        const World *w = *state;
        char lock[600], byte;
        int fds[2];
        pid_t pid;

        (void)snprintf(lock, sizeof(lock), "%s/.lock", w->f->ledger);
        assert_int_equal(pipe(fds), 0);
        pid = fork();
        if (pid == 0) {
                const int fd = open(lock, O_RDONLY);

                if (flock(fd, LOCK_EX) == 0 && write(fds[1], "x", 1) == 1)
                        while (!somebody_waits_for(fd))
                                (void)usleep(10 * 1000);
                _exit(0);
        }
        assert_int_equal(read(fds[0], &byte, 1), 1);
        OK("host", "list", LEDGER(w));
        assert_said("another nhictl is at it");
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        OK("host", "list", LEDGER(w));
        assert_string_equal(err, "");
        (void)close(fds[0]);
        (void)close(fds[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_set_is_signed_with_the_right_passphrase_only),
                TEST(a_change_that_cannot_be_signed_is_kept_and_said),
                TEST(the_public_key_is_shown_without_a_passphrase),
                TEST(a_damaged_file_is_said_to_be_that),
                TEST(a_new_key_can_be_locked_from_the_beginning),
                TEST(the_first_key_makes_its_directory),
                TEST(a_key_gets_another_passphrase_and_none),
                TEST(a_passphrase_that_is_refused_leaves_the_key_as_it_is),
                TEST(a_key_that_others_can_read_is_said),
                TEST(who_waits_for_the_ledger_is_told),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests_name("key-passphrase", tests, NULL, NULL);
}
