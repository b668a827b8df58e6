/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/wire/feed.h"
#include "nhi-agentd/fetch/backoff.h"
#include "nhi-agentd/fetch/source.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

/* How long a condition may take, and how long nothing must happen to count as nothing. */
#define PATIENCE_USEC (30 * USEC_PER_SEC)
#define QUIET_USEC    (200 * 1000)

typedef struct Fixture {
        char root[64], dir[96], path[128], other[128];
        sd_event *event;
        SourceSpec spec;
        SourceSink sink;
        void *source;
        unsigned n_delivered, n_untaken; /* so many deliveries fail yet */
        char last[64];                   /* what was delivered last */
        size_t last_size;
        char trouble[512];
} Fixture;

static int on_deliver(void *userdata, const void *bytes, size_t size)
{
        Fixture *f = userdata;

        if (f->n_untaken > 0) {
                f->n_untaken--;
                return -EMFILE;
        }
        f->n_delivered++;
        f->last_size = size;
        snprintf(f->last, sizeof(f->last), "%.*s", (int)(size < 60 ? size : 60),
                 (const char *)bytes);
        return 0;
}

static void on_report(void *userdata, const char *sentence)
{
        Fixture *f = userdata;

        snprintf(f->trouble, sizeof(f->trouble), "%s", sentence ? sentence : "");
}

/* Run the loop until n sets were delivered. */
static void wait_delivered(Fixture *f, unsigned n)
{
        uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (f->n_delivered < n && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 50 * 1000) >= 0);
        assert_int_equal(f->n_delivered, n);
}

static void wait_trouble(Fixture *f, const char *word)
{
        uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (!strstr(f->trouble, word) && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 50 * 1000) >= 0);
        assert_non_null(strstr(f->trouble, word));
}

static void wait_no_trouble(Fixture *f)
{
        uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (*f->trouble && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 50 * 1000) >= 0);
        assert_string_equal(f->trouble, "");
}

/* Nothing is delivered while everything that is due runs. */
static void wait_quiet(Fixture *f)
{
        uint64_t deadline = now_monotonic_usec() + QUIET_USEC;
        unsigned n = f->n_delivered;

        while (now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 20 * 1000) >= 0);
        assert_int_equal(f->n_delivered, n);
}

static void spit(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        close(fd);
}

static void start(Fixture *f)
{
        assert_int_equal(source_file.start(f->event, &f->spec, &f->sink, &f->source), 0);
}

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        snprintf(f->root, sizeof(f->root), "/tmp/nhi-test-fetch.XXXXXX");
        if (!mkdtemp(f->root))
                return -1;
        snprintf(f->dir, sizeof(f->dir), "%s/a/b", f->root);
        snprintf(f->path, sizeof(f->path), "%s/set.jws", f->dir);
        snprintf(f->other, sizeof(f->other), "%s/other", f->dir);
        f->spec = (SourceSpec){ .issuer = "test", .type = "file", .path = f->path };
        f->sink = (SourceSink){ .userdata = f, .deliver = on_deliver, .report = on_report };
        *state = f;
        return sd_event_new(&f->event);
}

static void mkdirs(const Fixture *f)
{
        char a[96];

        snprintf(a, sizeof(a), "%s/a", f->root);
        assert_int_equal(mkdir(a, 0755), 0);
        assert_int_equal(mkdir(f->dir, 0755), 0);
}

static int setup_dir(void **state)
{
        int r = setup(state);

        if (r == 0)
                mkdirs(*state);
        return r;
}

static int teardown(void **state)
{
        Fixture *f = *state;
        char command[160];

        source_file.stop(f->source);
        sd_event_unref(f->event);
        snprintf(command, sizeof(command), "rm -rf %s", f->root);
        free(f);
        return system(command);
}

static void a_file_that_is_there_is_delivered(void **state)
{
        Fixture *f = *state;

        spit(f->path, "one");
        start(f);
        assert_int_equal(f->n_delivered, 0); /* never from within start */
        wait_delivered(f, 1);
        assert_string_equal(f->last, "one");
        assert_string_equal(f->trouble, "");
}

static void that_what_may_be_absent_is_absent_is_no_trouble(void **state)
{
        Fixture *f = *state;

        f->spec.is_optional = true;
        (void)snprintf(f->trouble, sizeof(f->trouble), "nothing told yet");
        start(f);
        wait_quiet(f);
        assert_string_equal(f->trouble, "");
        spit(f->path, "late");
        wait_delivered(f, 1);
}

static void an_absent_file_is_waited_for(void **state)
{
        Fixture *f = *state;

        start(f);
        wait_trouble(f, "not there yet");
        spit(f->path, "late");
        wait_delivered(f, 1);
        assert_string_equal(f->last, "late");
}

static void a_directory_that_appears_later_is_found(void **state)
{
        Fixture *f = *state;

        start(f);
        wait_quiet(f);
        mkdirs(f);
        wait_quiet(f);
        spit(f->path, "deep");
        wait_delivered(f, 1);
        assert_string_equal(f->last, "deep");
}

static void a_rename_over_the_file_is_seen(void **state)
{
        Fixture *f = *state;

        spit(f->path, "one");
        start(f);
        wait_delivered(f, 1);
        spit(f->other, "two");
        assert_int_equal(rename(f->other, f->path), 0);
        wait_delivered(f, 2);
        assert_string_equal(f->last, "two");

        assert_int_equal(file_replace(f->path, "three", 5, 0640, (uid_t)-1, (gid_t)-1, false), 0);
        wait_delivered(f, 3);
        assert_string_equal(f->last, "three");
}

static void a_directory_replaced_by_rename_is_followed(void **state)
{
        Fixture *f = *state;
        char aside[96];

        spit(f->path, "one");
        start(f);
        wait_delivered(f, 1);
        snprintf(aside, sizeof(aside), "%s/a/old", f->root);
        assert_int_equal(rename(f->dir, aside), 0);
        assert_int_equal(mkdir(f->dir, 0755), 0);
        spit(f->path, "two");
        wait_delivered(f, 2);
        assert_string_equal(f->last, "two");
        spit(f->other, "three");
        assert_int_equal(rename(f->other, f->path), 0);
        wait_delivered(f, 3);
}

static void the_same_file_is_delivered_once(void **state)
{
        Fixture *f = *state;

        spit(f->path, "one");
        start(f);
        wait_delivered(f, 1);
        spit(f->other, "somebody else's");
        wait_quiet(f);
}

static void a_set_that_was_not_taken_is_delivered_again(void **state)
{
        Fixture *f = *state;

        f->n_untaken = 2;
        spit(f->path, "one");
        start(f);
        wait_trouble(f, strerror(EMFILE));
        assert_int_equal(f->n_delivered, 0);
        wait_delivered(f, 1);
        assert_string_equal(f->last, "one");
        assert_string_equal(f->trouble, "");
        wait_quiet(f);
}

static void a_file_taken_away_and_put_back_is_delivered_again(void **state)
{
        Fixture *f = *state;

        spit(f->path, "one");
        start(f);
        wait_delivered(f, 1);
        assert_int_equal(unlink(f->path), 0);
        wait_trouble(f, "not there yet");
        spit(f->path, "one");
        wait_delivered(f, 2);
}

/* As where what it is mounted on was away: nothing of the file itself changed. */
static void a_file_that_is_seen_again_as_it_was_is_in_no_trouble(void **state)
{
        Fixture *f = *state;
        char away[96];

        spit(f->path, "one");
        start(f);
        wait_delivered(f, 1);
        (void)snprintf(away, sizeof(away), "%s/a/away", f->root);
        assert_int_equal(rename(f->dir, away), 0);
        wait_trouble(f, "not there yet");
        assert_int_equal(rename(away, f->dir), 0);
        wait_no_trouble(f);
        assert_int_equal(f->n_delivered, 1);
}

static void an_empty_file_is_not_delivered(void **state)
{
        Fixture *f = *state;

        spit(f->path, "");
        start(f);
        wait_quiet(f);
        assert_int_equal(f->n_delivered, 0);
}

static void a_symlink_is_not_followed_V37(void **state)
{
        Fixture *f = *state;

        spit(f->other, "secret");
        assert_int_equal(symlink(f->other, f->path), 0);
        start(f);
        wait_trouble(f, "symlink");
        wait_quiet(f);
        assert_int_equal(f->n_delivered, 0);
}

static void a_fifo_does_not_hang_the_loop_V37(void **state)
{
        Fixture *f = *state;

        assert_int_equal(mkfifo(f->path, 0644), 0);
        start(f);
        wait_trouble(f, "not a regular file");
        assert_int_equal(f->n_delivered, 0);
}

static void a_file_that_everybody_may_write_is_not_read_V37(void **state)
{
        Fixture *f = *state;

        spit(f->path, "one");
        assert_int_equal(chmod(f->path, 0646), 0);
        start(f);
        wait_trouble(f, "everybody");
        assert_int_equal(f->n_delivered, 0);

        assert_int_equal(chmod(f->path, 0644), 0);
        wait_delivered(f, 1);
        assert_string_equal(f->trouble, "");
}

static void the_size_limit_holds_at_its_edge(void **state)
{
        Fixture *f = *state;

        spit(f->other, "x");
        assert_int_equal(truncate(f->other, (off_t)FEED_SET_MAX + 1), 0);
        assert_int_equal(rename(f->other, f->path), 0);
        start(f);
        wait_trouble(f, "larger");
        assert_int_equal(f->n_delivered, 0);

        spit(f->other, "x");
        assert_int_equal(truncate(f->other, (off_t)FEED_SET_MAX), 0);
        assert_int_equal(rename(f->other, f->path), 0);
        wait_delivered(f, 1);
        assert_int_equal(f->last_size, FEED_SET_MAX);
}

static void a_relative_path_is_refused(void **state)
{
        Fixture *f = *state;
        void *source = NULL;

        f->spec.path = "set.jws";
        assert_int_equal(source_file.start(f->event, &f->spec, &f->sink, &source), -EINVAL);
        f->spec.path = "/tmp/";
        assert_int_equal(source_file.start(f->event, &f->spec, &f->sink, &source), -EINVAL);
        f->spec.path = NULL;
        assert_int_equal(source_file.start(f->event, &f->spec, &f->sink, &source), -EINVAL);
        assert_null(source);
}

/* A14 */
static void waits_double_up_to_their_bound_and_differ(void **state)
{
        bool differs = false;

        for (unsigned n = 1; n < 40; n++) {
                uint64_t usec = backoff_usec(n, 1000, 16000), full = n > 5 ? 16000 : 500u << n;

                assert_in_range(usec, full - full / 4, full);
                differs |= n > 5 && usec != backoff_usec(n, 1000, 16000);
        }
        assert_true(differs);
}

int main(void)
{
#define CASE(setup_, test) cmocka_unit_test_setup_teardown(test, setup_, teardown)
        const struct CMUnitTest tests[] = {
                CASE(setup_dir, a_file_that_is_there_is_delivered),
                CASE(setup_dir, an_absent_file_is_waited_for),
                CASE(setup_dir, that_what_may_be_absent_is_absent_is_no_trouble),
                CASE(setup, a_directory_that_appears_later_is_found),
                CASE(setup_dir, a_rename_over_the_file_is_seen),
                CASE(setup_dir, a_directory_replaced_by_rename_is_followed),
                CASE(setup_dir, the_same_file_is_delivered_once),
                CASE(setup_dir, a_set_that_was_not_taken_is_delivered_again),
                CASE(setup_dir, a_file_taken_away_and_put_back_is_delivered_again),
                CASE(setup_dir, a_file_that_is_seen_again_as_it_was_is_in_no_trouble),
                CASE(setup_dir, an_empty_file_is_not_delivered),
                CASE(setup_dir, a_symlink_is_not_followed_V37),
                CASE(setup_dir, a_fifo_does_not_hang_the_loop_V37),
                CASE(setup_dir, a_file_that_everybody_may_write_is_not_read_V37),
                CASE(setup_dir, the_size_limit_holds_at_its_edge),
                CASE(setup, a_relative_path_is_refused),
                cmocka_unit_test(waits_double_up_to_their_bound_and_differ),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
