/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/agent-fixture.h"

#include <pthread.h>

#define DIR    PATH_ROOT "/var/writer"
#define FILE_A DIR "/a"
#define FILE_B DIR "/b"

typedef struct Answer {
        int n, r;
} Answer;

static void on_answer(void *userdata, int r)
{
        Answer *a = userdata;

        a->n++;
        a->r = r;
}

static bool is_answered(void *userdata)
{
        return ((Answer *)userdata)->n > 0;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int wait_at_gate(void *userdata)
{
        (void)pthread_mutex_lock(&gate);
        (void)pthread_mutex_unlock(&gate);
        return 0;
}

typedef struct Case {
        Fixture f;
        Writer *writer;
} Case;

static int setup(void **state)
{
        Case *c = calloc(1, sizeof(*c));

        assert_non_null(c);
        writer_inject = NULL;
        fixture_clean();
        fixture_dirs();
        assert_int_equal(mkdir(DIR, 0755), 0);
        assert_true(sd_event_new(&c->f.event) >= 0);
        assert_int_equal(writer_new(c->f.event, "test", &c->writer), 0);
        *state = c;
        return 0;
}

static int teardown(void **state)
{
        Case *c = *state;

        writer_free(c->writer);
        sd_event_unref(c->f.event);
        free(c);
        fixture_clean();
        return 0;
}

static void files_are_replaced_in_order(void **state)
{
        Case *c = *state;
        const WriterFile files[] = { { FILE_A, "one", 3, 0600 }, { FILE_B, "two", 3, 0644 } };
        Answer answer = {};
        struct stat st;

        assert_int_equal(writer_replace(c->writer, files, 2, on_answer, &answer), 0);
        assert_int_equal(answer.n, 0); /* never from within */
        assert_true(fixture_until(&c->f, is_answered, &answer));
        assert_int_equal(answer.r, 0);
        assert_int_equal(stat(FILE_A, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(stat(FILE_B, &st), 0);
}

static void the_first_error_stops_the_rest(void **state) /* A11 */
{
        Case *c = *state;
        const WriterFile files[] = { { DIR "/no/such", "one", 3, 0600 },
                                     { FILE_B, "two", 3, 0600 } };
        Answer answer = {};

        assert_int_equal(writer_replace(c->writer, files, 2, on_answer, &answer), 0);
        assert_true(fixture_until(&c->f, is_answered, &answer));
        assert_int_equal(answer.r, -ENOENT);
        assert_int_equal(access(FILE_B, F_OK), -1);
}

static void a_full_queue_refuses(void **state) /* O30 */
{
        Case *c = *state;
        static Answer answers[WRITER_QUEUE_MAX];

        memset(answers, 0, sizeof(answers));
        (void)pthread_mutex_lock(&gate);
        for (size_t i = 0; i < WRITER_QUEUE_MAX; i++)
                assert_int_equal(writer_call(c->writer, wait_at_gate, on_answer, &answers[i]), 0);
        assert_int_equal(writer_call(c->writer, wait_at_gate, on_answer, &answers[0]), -EBUSY);
        (void)pthread_mutex_unlock(&gate);
        assert_true(fixture_until(&c->f, is_answered, &answers[WRITER_QUEUE_MAX - 1]));
        for (size_t i = 0; i < WRITER_QUEUE_MAX; i++)
                assert_int_equal(answers[i].n, 1);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        *(bool *)userdata = true;
        (void)pthread_mutex_unlock(&gate);
        return 0;
}

static void the_loop_goes_on_while_the_disk_hangs(void **state)
{
        Case *c = *state;
        Answer answer = {};
        bool ticked = false;

        (void)pthread_mutex_lock(&gate);
        assert_int_equal(writer_call(c->writer, wait_at_gate, on_answer, &answer), 0);
        assert_true(sd_event_add_time_relative(c->f.event, NULL, CLOCK_MONOTONIC, 1000, 1, on_tick,
                                               &ticked) >= 0);
        assert_true(fixture_until(&c->f, fixture_is_true, &ticked));
        assert_true(fixture_until(&c->f, is_answered, &answer));
}

static void the_end_finishes_what_is_queued_and_answers_it(void **state)
{
        Case *c = *state;
        const WriterFile file = { FILE_A, "x", 1, 0600 };
        Answer answer = {};

        assert_int_equal(writer_replace(c->writer, &file, 1, on_answer, &answer), 0);
        c->writer = writer_free(c->writer);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.r, -ECANCELED);
        assert_int_equal(access(FILE_A, F_OK), 0);
}

static void a_job_has_one_to_eight_files(void **state)
{
        Case *c = *state;
        WriterFile files[WRITER_FILES_MAX + 1];

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                files[i] = (WriterFile){ FILE_A, "x", 1, 0600 };
        assert_int_equal(writer_replace(c->writer, files, 0, on_answer, NULL), -EINVAL);
        assert_int_equal(writer_replace(c->writer, files, WRITER_FILES_MAX + 1, on_answer, NULL),
                         -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(files_are_replaced_in_order),
                TEST(the_first_error_stops_the_rest),
                TEST(a_full_queue_refuses),
                TEST(the_loop_goes_on_while_the_disk_hangs),
                TEST(the_end_finishes_what_is_queued_and_answers_it),
                TEST(a_job_has_one_to_eight_files),
        };

        return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
