/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises L4 and L5 of nhictl/ledger/history.h: the process is killed at every call that reaches
 * the disk, and every such call fails once. */

#include "tests/unit/history-fixture.h"

#include <fcntl.h>
#include <sys/wait.h>

#define KILLED 42

/* What becomes of the call that brings down to 0. */
typedef enum Fate {
        FATE_NONE,
        FATE_KILL,
        FATE_KILL_HALFWAY, /* a write: its first half is there */
        FATE_FAIL,         /* ENOSPC; a write leaves its first half */
} Fate;

static Fate fate;
static unsigned n_calls;
static bool unsynced; /* history was written and not synced */

ssize_t __real_write(int fd, const void *data, size_t size);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __real_posix_fallocate(int fd, off_t offset, off_t size);
int __real_unlinkat(int dir_fd, const char *path, int flags);
ssize_t __wrap_write(int fd, const void *data, size_t size);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_posix_fallocate(int fd, off_t offset, off_t size);
int __wrap_unlinkat(int dir_fd, const char *path, int flags);

/* True where this call is to fail. */
static bool strike(bool is_write)
{
        if (fate == FATE_NONE || n_calls == 0 || --n_calls > 0)
                return false;
        if (fate == FATE_KILL || (fate == FATE_KILL_HALFWAY && !is_write))
                _exit(KILLED);
        return true;
}

static bool is_history(int fd)
{
        char link[64], path[512];
        ssize_t n;

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        path[n > 0 ? n : 0] = '\0';
        return n > 8 && streq(path + n - 8, "/history");
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
        if (is_history(fd))
                unsynced = true;
        if (strike(true)) {
                (void)__real_write(fd, data, size / 2);
                if (fate == FATE_KILL_HALFWAY)
                        _exit(KILLED);
                errno = ENOSPC;
                return -1;
        }
        return __real_write(fd, data, size);
}

int __wrap_fdatasync(int fd)
{
        if (strike(false)) {
                errno = EIO;
                return -1;
        }
        if (is_history(fd))
                unsynced = false;
        return __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
        if (strike(false)) {
                errno = EIO;
                return -1;
        }
        return __real_fsync(fd);
}

/* L4: a document takes its place, or goes, when its line is on the disk; where that failed only
 * what takes access away comes here. */
static bool is_lawful(void)
{
        return !unsynced || (fate == FATE_FAIL && n_calls == 0);
}

int __wrap_rename(const char *from, const char *to)
{
        assert_true(is_lawful());
        if (strike(false)) {
                errno = ENOSPC;
                return -1;
        }
        return __real_rename(from, to);
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t size)
{
        return strike(false) ? ENOSPC : __real_posix_fallocate(fd, offset, size);
}

int __wrap_unlinkat(int dir_fd, const char *path, int flags)
{
        assert_true(is_lawful());
        if (strike(false)) {
                errno = EROFS;
                return -1;
        }
        return __real_unlinkat(dir_fd, path, flags);
}

static json_t *grant_document(bool revoked)
{
        json_t *doc = history_grant_document("g-9");

        if (revoked)
                assert_int_equal(json_object_set_new(doc, "revoked", json_object()), 0);
        return doc;
}

/* What the verbs do, one after the other; *ret_granted and *ret_revoked: what they were told. */
static void scenario(const Fixture *f, int *ret_granted, int *ret_revoked)
{
        Ledger *l = history_open(f);

        *ret_granted =
                ledger_change(l, HISTORY_GRANTED, DOC_GRANT, "g-9", grant_document(false), "r");
        *ret_revoked =
                ledger_change(l, HISTORY_REVOKED, DOC_GRANT, "g-9", grant_document(true), "r");
        (void)ledger_change(l, HISTORY_REMOVED, DOC_HOST, "web1", NULL, NULL);
        (void)ledger_commit(l, FIXTURE_NOW, "me@here");
        ledger_free(l);
}

/* L4: is the grant's document one that a line left? */
static void assert_recorded(const Fixture *f)
{
        Ledger *l = fixture_open(f, false);
        const char *hash = json_string_value(json_object_get(l->hashes, "grants/g-9.json"));
        bool found = hash == NULL;
        History *h = NULL;

        assert_int_equal(history_load(l->dir_fd, &h), 0);
        for (size_t i = 0; i < h->n_lines; i++)
                found |= hash && streq(h->lines[i].after, hash);
        assert_true(found);
        history_free(h);
        ledger_free(l);
}

/* L5: whoever writes next records what came of it. */
static void heal(const Fixture *f)
{
        Ledger *l = history_open(f);

        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "next@here"), 0);
        assert_int_equal(history_heads(l->history, NULL, 0), 1);
        ledger_free(l);
        assert_no_problem(f);
}

static void begin(const Fixture *f)
{
        run_in(f->root, "rm -rf ledger && cp -a saved ledger");
        unsynced = false;
}

/* The scenario in a child that dies at its nth call; false where it came to its end. */
static bool killed_at(const Fixture *f, Fate how, unsigned n)
{
        int granted, revoked, status;
        pid_t pid;

        begin(f);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                fate = how;
                n_calls = n;
                scenario(f, &granted, &revoked);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) &&
                    (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KILLED));
        return WEXITSTATUS(status) == KILLED;
}

static void save(const Fixture *f, bool old)
{
        Ledger *l = old ? fixture_open(f, true) : history_fill(f);

        if (old)
                fixture_fill(l);
        ledger_free(l);
        run_in(f->root, "cp -a ledger saved");
}

static void kill_everywhere(const Fixture *f, Fate how)
{
        unsigned n = 1;

        for (; killed_at(f, how, n); n++) {
                assert_recorded(f);
                heal(f);
        }
        assert_true(n > 10);
}

static void killed_at_any_call_it_is_healed_by_the_next_writer(void **state) /* U04, U05 */
{
        save(*state, false);
        kill_everywhere(*state, FATE_KILL);
        kill_everywhere(*state, FATE_KILL_HALFWAY);
}

static void so_is_a_history_that_was_just_to_begin(void **state)
{
        save(*state, true);
        kill_everywhere(*state, FATE_KILL_HALFWAY);
}

/* U06: nothing is granted without its line; revoking goes on as far as the disk lets it. */
static void a_call_that_fails_grants_nothing_unrecorded(void **state)
{
        const Fixture *f = *state;
        bool went_on;
        unsigned n = 1;

        save(f, false);
        do {
                int granted, revoked;

                begin(f);
                n_calls = n++;
                fate = FATE_FAIL;
                scenario(f, &granted, &revoked);
                went_on = n_calls == 0;
                fate = FATE_NONE;
                unsynced = false;
                assert_true(granted == 0 || granted == -ENOSPC || granted == -EIO);
                if (granted == 0)
                        assert_file_has(f, HISTORY_FILE,
                                        "\"granted\",\"file\":\"grants/g-9.json\"");
                heal(f);
        } while (went_on);
        assert_true(n > 10);
}

static const struct {
        const char *made;
        int granted;
} unwritable[] = {
        { "mkdir history", -EPERM },
        { "ln -s /dev/full history", -ELOOP },
        { "cp ../history.saved history && chmod o+w history", -EPERM },
        { "mkfifo history", -EPERM },
};

/* L4: deny must always work. */
static void where_history_cannot_be_written_access_is_only_taken_away(void **state)
{
        const Fixture *f = *state;

        ledger_free(history_fill(f));
        history_save(f);
        for (size_t i = 0; i < ELEMENTSOF(unwritable); i++) {
                char hash[LEDGER_HASH_SIZE];
                Ledger *l;
                json_t *notes;

                run_in(f->ledger, "rm -rf history");
                run_in(f->ledger, unwritable[i].made);
                l = history_open(f);
                assert_int_equal(ledger_change(l, HISTORY_GRANTED, DOC_GRANT, "g-9",
                                               grant_document(false), "r"),
                                 unwritable[i].granted);
                assert_null(ledger_get(l, DOC_GRANT, "g-9"));
                history_revoke(l, i % 2 == 0 ? "g-2" : "g-1", NULL);
                assert_non_null(json_object_get(ledger_get(l, DOC_GRANT, "g-2"), "revoked"));
                notes = ledger_notes_take(l);
                assert_int_equal(json_array_size(notes), 1);
                assert_non_null(strstr(json_string_value(json_array_get(notes, 0)), "/history: "));
                json_decref(notes);
                assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
                assert_int_equal(ledger_revision(l, hash), 0);
                assert_true(ledger_knows(l, hash)); /* so it can be published */
                ledger_free(l);
                assert_problem(f, "history: ");
        }
        run_in(f->ledger, "rm -rf history && cp ../history.saved history");
        assert_problem(f, "grants/g-2.json: is not what line 6");
        heal(f);
}

#define CRASH_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CRASH_TEST(killed_at_any_call_it_is_healed_by_the_next_writer),
                CRASH_TEST(so_is_a_history_that_was_just_to_begin),
                CRASH_TEST(a_call_that_fails_grants_nothing_unrecorded),
                CRASH_TEST(where_history_cannot_be_written_access_is_only_taken_away),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
