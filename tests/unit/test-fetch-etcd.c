/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two members of an etcd cluster as the JSON gateway shows them, with one key. */

#include "tests/unit/source-fixture.h"

#include "lib/http/base64.h"
#include "nhi-agentd/fetch/source-etcd-internal.h"

#define HASTE 10

typedef struct Cluster {
        pthread_mutex_t lock;
        long revision, mod_revision;
        char value[1100]; /* "": the key is not there */
        bool is_gone;     /* by an event */
        /* How it misbehaves. */
        bool is_deaf;       /* watches are created and never told of anything */
        bool is_frozen;     /* watches are not even created */
        bool is_leaderless; /* watches are canceled at once */
        bool is_compacted;  /* the next watch is canceled for it, once */
        bool is_babbling;   /* a line without an end */
        bool is_chattering; /* watches are told that there is nothing new, all the time */
        bool is_slow;       /* reads take a while, and tell what was at their beginning */
        bool is_locked;     /* needs a token */
        bool is_barred;     /* and takes none */
        unsigned status;    /* of reads; 0: 200 */
        const char *line;   /* told to every watch once; NULL: nothing */
        const char *answer; /* to every read; NULL: the truth */
        /* What it was asked. */
        unsigned n_reads, n_values, n_watches, n_tokens;
        long from_revision;
        char auth[256], authorization[128], has_leader[16];
} Cluster;

static Cluster *cluster_of(const HttpsPeer *p)
{
        const SourceFixture *f = p->server->userdata;

        return f->of_test;
}

static Cluster cluster_read(Cluster *c)
{
        Cluster copy;

        (void)pthread_mutex_lock(&c->lock);
        copy = *c;
        (void)pthread_mutex_unlock(&c->lock);
        return copy;
}

/* NULL: deleted. */
static void put(SourceFixture *f, const char *value)
{
        Cluster *c = f->of_test;

        (void)pthread_mutex_lock(&c->lock);
        c->mod_revision = ++c->revision;
        c->is_gone = !value;
        (void)snprintf(c->value, sizeof(c->value), "%s", value ? value : "");
        (void)pthread_mutex_unlock(&c->lock);
}

#define CHANGE(f, member, v)                                                                       \
        do {                                                                                       \
                Cluster *c_ = (f)->of_test;                                                        \
                (void)pthread_mutex_lock(&c_->lock);                                               \
                c_->member = (v);                                                                  \
                (void)pthread_mutex_unlock(&c_->lock);                                             \
        } while (0)

/* Run the loop until this holds of the cluster as it was seen. */
#define WAIT(f, condition)                                                                         \
        do {                                                                                       \
                const uint64_t deadline_ = now_monotonic_usec() + PATIENCE_USEC;                   \
                Cluster seen = cluster_read((f)->of_test);                                         \
                while (!(condition) && source_run(f, deadline_))                                   \
                        seen = cluster_read((f)->of_test);                                         \
                assert_true(condition);                                                            \
        } while (0)

static char *kv_text(const Cluster *c, bool has_value)
{
        _cleanup_free_ char *value64 = base64_encode(c->value, has_value ? strlen(c->value) : 0);
        _cleanup_free_ char *key64 = base64_encode("/nhi/sets/web/1.test", 20);
        char *text = NULL;

        assert_true(asprintf(&text, "{\"key\":\"%s\",\"mod_revision\":\"%ld\",\"value\":\"%s\"}",
                             key64, c->mod_revision, value64) > 0);
        return text;
}

static bool serve_range(HttpsPeer *p)
{
        const bool has_value = !strstr(p->body, "\"keys_only\":true");
        Cluster *all = cluster_of(p), c;
        _cleanup_free_ char *kv = NULL, *body = NULL;

        (void)pthread_mutex_lock(&all->lock);
        all->n_reads++;
        all->n_values += has_value;
        c = *all;
        (void)pthread_mutex_unlock(&all->lock);
        if (c.status)
                return https_answer(p, c.status, "",
                                    "{\"error\":\"etcdserver: no leader\",\"code\":14,"
                                    "\"message\":\"etcdserver: no leader\"}");
        if (c.answer)
                return https_answer(p, 200, "", c.answer);
        if (c.is_slow && !https_wait(p, 300))
                return false;
        kv = kv_text(&c, has_value);
        assert_true(asprintf(&body, "{\"header\":{\"revision\":\"%ld\"}%s%s%s}", c.revision,
                             *c.value ? ",\"kvs\":[" : "", *c.value ? kv : "",
                             *c.value ? "],\"count\":\"1\"" : "") > 0);
        return https_answer(p, 200, "", body);
}

static bool tell(HttpsPeer *p, const Cluster *c, const char *more)
{
        _cleanup_free_ char *line = NULL;

        assert_true(asprintf(&line, "{\"result\":{\"header\":{\"revision\":\"%ld\"}%s}}\n",
                             c->revision, more) > 0);
        return https_chunk(p, line);
}

static bool tell_change(HttpsPeer *p, const Cluster *c)
{
        _cleanup_free_ char *kv = kv_text(c, true), *more = NULL;

        assert_true(asprintf(&more, ",\"events\":[{%s\"kv\":%s}]",
                             c->is_gone ? "\"type\":\"DELETE\"," : "", kv) > 0);
        return tell(p, c, more);
}

static bool babble(HttpsPeer *p)
{
        static const char piece[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

        while (https_chunk(p, piece) && !p->server->is_stopping)
                ;
        return false;
}

/* false: the stream is over. */
static bool serve_first_lines(HttpsPeer *p, const Cluster *c)
{
        Cluster *all = cluster_of(p);
        bool is_compacted;

        if (c->is_leaderless)
                return tell(p, c, ",\"canceled\":true,\"cancel_reason\":\"no leader\"") && false;
        (void)pthread_mutex_lock(&all->lock);
        is_compacted = all->is_compacted;
        all->is_compacted = false;
        (void)pthread_mutex_unlock(&all->lock);
        if (is_compacted)
                return tell(p, c, ",\"canceled\":true,\"compact_revision\":\"9\"") && false;
        if (c->is_babbling)
                return babble(p);
        if (!c->is_frozen && !tell(p, c, ",\"created\":true"))
                return false;
        while (c->is_chattering && tell(p, c, "") && !p->server->is_stopping)
                ;
        return !c->line || https_chunk(p, c->line);
}

static bool serve_watch(HttpsPeer *p)
{
        Cluster *all = cluster_of(p), c;
        const char *from = strstr(p->body, "\"start_revision\":\"");
        long told;

        (void)pthread_mutex_lock(&all->lock);
        all->n_watches++;
        all->from_revision = from ? atol(from + strlen("\"start_revision\":\"")) : 0;
        (void)https_header(p, "Grpc-Metadata-hasleader", all->has_leader, sizeof(all->has_leader));
        told = all->from_revision - 1;
        c = *all;
        (void)pthread_mutex_unlock(&all->lock);
        if (!https_print(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") ||
            !serve_first_lines(p, &c))
                return false;
        while (https_wait(p, 5)) {
                c = cluster_read(all);
                if (c.is_leaderless)
                        return false;
                if (c.is_deaf || c.is_frozen || c.mod_revision <= told)
                        continue;
                told = c.mod_revision;
                if (!tell_change(p, &c))
                        return false;
        }
        return false;
}

static bool serve_auth(HttpsPeer *p)
{
        Cluster *c = cluster_of(p);
        char body[64];

        (void)pthread_mutex_lock(&c->lock);
        (void)snprintf(c->auth, sizeof(c->auth), "%s", p->body);
        (void)snprintf(body, sizeof(body), "{\"token\":\"T%u\"}", ++c->n_tokens);
        (void)pthread_mutex_unlock(&c->lock);
        return https_answer(p, 200, "", body);
}

static bool has_token(HttpsPeer *p)
{
        Cluster *c = cluster_of(p);
        char shown[128] = "", wanted[16];
        bool is_locked, is_barred;

        (void)https_header(p, "Authorization", shown, sizeof(shown));
        (void)pthread_mutex_lock(&c->lock);
        (void)snprintf(c->authorization, sizeof(c->authorization), "%s", shown);
        (void)snprintf(wanted, sizeof(wanted), "T%u", c->n_tokens);
        is_locked = c->is_locked;
        is_barred = c->is_barred;
        (void)pthread_mutex_unlock(&c->lock);
        return !is_barred && (!is_locked || streq(shown, wanted));
}

static bool handle(HttpsPeer *p)
{
        if (streq(p->path, "/v3/auth/authenticate"))
                return serve_auth(p);
        if (!has_token(p))
                return https_answer(p, 401, "",
                                    "{\"error\":\"etcdserver: invalid auth token\",\"code\":16,"
                                    "\"message\":\"etcdserver: invalid auth token\"}");
        if (streq(p->path, "/v3/kv/range"))
                return serve_range(p);
        if (streq(p->path, "/v3/watch"))
                return serve_watch(p);
        return https_answer(p, 404, "", "Not Found");
}

/* All of it goes on at the tenth of its time. */
static SourceWaits waits;

static int setup(void **state)
{
        SourceFixture *f = source_fixture_new(&source_etcd, handle);
        Cluster *c = calloc(1, sizeof(*c));

        *c = (Cluster){ .lock = PTHREAD_MUTEX_INITIALIZER, .revision = 6 };
        f->of_test = c;
        put(f, "one");
        f->spec.interval_usec = 3600 * USEC_PER_SEC;
        waits = source_etcd_waits;
        waits.next_member_usec /= HASTE;
        waits.retry_first_usec /= HASTE;
        waits.retry_max_usec /= HASTE;
        f->sink.waits = &waits;
        source_serve(f, &f->server);
        (void)snprintf(f->url, sizeof(f->url), "https://localhost:%u/", f->server.port);
        f->spec.urls[0] = f->url;
        f->spec.n_urls = 1;
        *state = f;
        return 0;
}

static int setup_two(void **state)
{
        int r = setup(state);
        SourceFixture *f = *state;

        source_serve(f, &f->other);
        (void)snprintf(f->other_url, sizeof(f->other_url), "https://localhost:%u", f->other.port);
        f->spec.urls[1] = f->other_url;
        f->spec.n_urls = 2;
        return r;
}

static int teardown(void **state)
{
        SourceFixture *f = *state;
        Cluster *c = f->of_test;
        const int r = source_fixture_free(f);

        free(c);
        return r;
}

static unsigned n_watches(SourceFixture *f)
{
        return cluster_read(f->of_test).n_watches;
}

/* So many watches or more. */
static void wait_watches(SourceFixture *f, unsigned n)
{
        const uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (n_watches(f) < n && source_run(f, deadline))
                ;
        assert_true(n_watches(f) >= n);
}

static void start_and_watch(SourceFixture *f)
{
        source_start(f);
        wait_delivered(f, 1);
        assert_string_equal(f->last, "one");
        wait_watches(f, 1);
        let_pass(f, 50 * 1000);
}

static void a_new_set_is_here_as_soon_as_the_watch_tells(void **state)
{
        SourceFixture *f = *state;
        Cluster c;

        start_and_watch(f);
        c = cluster_read(f->of_test);
        assert_int_equal(c.from_revision, c.revision + 1);
        assert_string_equal(c.has_leader, "true");
        put(f, "two");
        wait_delivered(f, 2);
        assert_string_equal(f->last, "two");
        put(f, "three");
        wait_delivered(f, 3);
        assert_string_equal(f->trouble, "");
        assert_int_equal(cluster_read(f->of_test).n_reads, 1);
}

/* The watch will not tell of it again. */
static void a_set_that_was_not_taken_is_read_again_W1(void **state)
{
        SourceFixture *f = *state;

        f->spec.interval_usec = 200 * 1000;
        start_and_watch(f);
        f->n_untaken = 1;
        put(f, "two");
        wait_trouble(f, "not-taken");
        assert_string_equal(f->last, "one");
        wait_delivered(f, 2);
        assert_string_equal(f->last, "two");
        assert_string_equal(f->trouble, "");
        wait_quiet(f);
}

static void a_key_that_is_not_there_is_waited_for(void **state)
{
        SourceFixture *f = *state;

        put(f, NULL);
        source_start(f);
        wait_trouble(f, "absent");
        wait_watches(f, 1);
        put(f, "late");
        wait_delivered(f, 1);
        assert_string_equal(f->trouble, "");
}

static void that_what_may_be_absent_is_absent_is_no_trouble(void **state)
{
        SourceFixture *f = *state;

        f->spec.is_optional = true;
        put(f, NULL);
        source_start(f);
        wait_watches(f, 1);
        assert_int_equal(f->n_troubles, 0);
        put(f, "late");
        wait_delivered(f, 1);
}

static void a_key_that_is_gone_takes_nothing_back_W4(void **state)
{
        SourceFixture *f = *state;
        unsigned n;

        f->spec.interval_usec = 100 * 1000;
        start_and_watch(f);
        put(f, NULL);
        wait_trouble(f, "absent");
        /* Where a read came before the watch told of it, another watch is begun. */
        n = cluster_read(f->of_test).n_reads;
        WAIT(f, seen.n_reads >= n + 2);
        n = n_watches(f);
        wait_quiet(f);
        assert_int_equal(n_watches(f), n); /* and the reads find the watch well */
        put(f, "two");
        wait_delivered(f, 2);
        assert_string_equal(f->trouble, "");
}

static void what_the_watch_loses_the_next_read_finds_W1(void **state)
{
        SourceFixture *f = *state;

        CHANGE(f, is_deaf, true);
        f->spec.interval_usec = 200 * 1000;
        start_and_watch(f);
        put(f, "two");
        wait_delivered(f, 2);
        assert_string_equal(f->last, "two");
        wait_watches(f, 2);
        assert_string_equal(f->trouble, "");
}

static void reads_that_find_nothing_leave_the_watch_alone(void **state)
{
        SourceFixture *f = *state;

        f->spec.interval_usec = 50 * 1000;
        start_and_watch(f);
        wait_requests(f, 8);
        assert_int_equal(n_watches(f), 1);
        assert_int_equal(f->n_delivered, 1);
        assert_string_equal(f->trouble, "");
}

static void what_was_delivered_is_not_sent_again_by_a_read_W5(void **state)
{
        SourceFixture *f = *state;

        f->spec.interval_usec = 50 * 1000;
        start_and_watch(f);
        wait_requests(f, 8);
        assert_int_equal(cluster_read(f->of_test).n_values, 1);
        CHANGE(f, is_deaf, true);
        put(f, "two");
        wait_delivered(f, 2);
        assert_int_equal(cluster_read(f->of_test).n_values, 2);
}

/* What is in trouble is looked at whole, so that its trouble is told again and not forgotten. */
static void a_value_that_was_found_wanting_is_read_whole_W5(void **state)
{
        SourceFixture *f = *state;

        f->spec.interval_usec = 50 * 1000;
        f->spec.size_max = 5;
        start_and_watch(f);
        put(f, "far too long");
        wait_trouble(f, "too-large");
        wait_requests(f, 8);
        assert_non_null(strstr(f->trouble, "too-large"));
        put(f, "two");
        wait_delivered(f, 2);
        assert_string_equal(f->trouble, "");
}

static void compacted_history_is_read_anew_W1(void **state)
{
        SourceFixture *f = *state;

        CHANGE(f, is_compacted, true);
        source_start(f);
        wait_watches(f, 2);
        put(f, "two");
        wait_text(f, "two");
        assert_int_equal(f->n_troubles, 0);
}

static void an_event_older_than_what_is_known_is_left_out(void **state)
{
        SourceFixture *f = *state;

        CHANGE(f, line,
               "{\"result\":{\"header\":{\"revision\":\"9\"},\"events\":[{\"kv\":{\"key\":"
               "\"L25oaS9zZXRzL3dlYi8xLnRlc3Q=\",\"mod_revision\":\"5\",\"value\":\"eA==\"}}]}}\n");
        start_and_watch(f);
        wait_quiet(f);
        assert_int_equal(f->n_delivered, 1);
        put(f, "two");
        wait_delivered(f, 2);
}

static void a_cluster_that_was_set_back_is_watched_from_there_W1(void **state)
{
        SourceFixture *f = *state;

        f->spec.interval_usec = 200 * 1000;
        for (unsigned i = 0; i < 20; i++)
                put(f, "one");
        start_and_watch(f);
        CHANGE(f, revision, 3);
        CHANGE(f, mod_revision, 3);
        wait_watches(f, 2);
        assert_int_equal(cluster_read(f->of_test).from_revision, 4);
        put(f, "two");
        wait_text(f, "two");
}

/* What a slow read brings is older than what the watch told meanwhile. */
static void a_read_that_was_overtaken_brings_nothing_back(void **state)
{
        SourceFixture *f = *state;
        unsigned n;

        f->spec.interval_usec = 100 * 1000;
        start_and_watch(f);
        CHANGE(f, is_slow, true);
        n = cluster_read(f->of_test).n_reads;
        WAIT(f, seen.n_reads != n);
        put(f, "two");
        wait_delivered(f, 2);
        n = cluster_read(f->of_test).n_reads;
        WAIT(f, seen.n_reads != n);
        assert_int_equal(f->n_delivered, 2);
        assert_string_equal(f->last, "two");
        assert_int_equal(n_watches(f), 1);
}

static void a_member_that_dies_is_left_for_the_next_W2(void **state)
{
        SourceFixture *f = *state;

        start_and_watch(f);
        for (unsigned i = 0; i < 4; i++) {
                HttpsServer *dead = i % 2 == 0 ? &f->server : &f->other;
                char text[16];

                https_die(dead);
                (void)snprintf(text, sizeof(text), "after %u", i);
                put(f, text);
                wait_text(f, text);
                source_serve(f, dead);
        }
        wait_well(f);
}

static void a_member_that_does_not_begin_to_watch_is_left_for_the_next_W2(void **state)
{
        SourceFixture *f = *state;

        CHANGE(f, is_frozen, true);
        waits.created_usec = 200 * 1000;
        source_start(f);
        wait_delivered(f, 1);
        wait_trouble(f, "does not begin to watch");
        waits.created_usec = source_etcd_waits.created_usec;
        CHANGE(f, is_frozen, false);
        put(f, "two");
        wait_text(f, "two");
}

/* One that had another set under the newest one's revision. */
static void what_a_member_said_is_not_held_against_the_next_W2(void **state)
{
        SourceFixture *f = *state;
        Cluster *c = f->of_test;

        start_and_watch(f);
        (void)pthread_mutex_lock(&c->lock);
        (void)snprintf(c->value, sizeof(c->value), "the truth");
        (void)pthread_mutex_unlock(&c->lock);
        CHANGE(f, is_leaderless, true);
        wait_trouble(f, "no leader");
        CHANGE(f, is_leaderless, false);
        wait_text(f, "the truth");
}

static void a_member_that_chatters_is_left_W3(void **state)
{
        SourceFixture *f = *state;
        unsigned n;

        CHANGE(f, is_chattering, true);
        source_start(f);
        wait_trouble(f, "more than there is to say");
        n = n_watches(f);
        let_pass(f, 2 * USEC_PER_SEC / HASTE);
        assert_true(n_watches(f) <= n + 6);
        CHANGE(f, is_chattering, false);
        put(f, "two");
        wait_text(f, "two");
}

static void a_member_without_a_leader_is_left_for_the_next_W2(void **state)
{
        SourceFixture *f = *state;

        start_and_watch(f);
        CHANGE(f, is_leaderless, true);
        wait_trouble(f, "no leader");
        assert_non_null(strstr(f->trouble, "watch-over"));
        CHANGE(f, status, 503);
        wait_trouble(f, "etcd-14");
        CHANGE(f, status, 0);
        CHANGE(f, is_leaderless, false);
        put(f, "two");
        wait_text(f, "two");
        wait_well(f);
}

static void members_that_fail_are_not_asked_without_pause_W3(void **state)
{
        SourceFixture *f = *state;
        unsigned n;

        CHANGE(f, is_leaderless, true); /* every read is well, no watch lasts */
        source_start(f);
        let_pass(f, 4 * USEC_PER_SEC / HASTE);
        n = cluster_read(f->of_test).n_reads;
        assert_true(n <= 5);
        WAIT(f, seen.n_reads >= 2);
}

/* A fleet that comes back at once needs longer than one host: with each round that failed a member
 * has twice as long, within what is configured. */
static void members_that_all_fail_are_given_longer_the_next_time(void **state)
{
        SourceFixture *f = *state;
        const EtcdLink fresh = { .spec = &f->spec };
        const HttpLimits first = etcd_link_limits(&fresh, false);
        const EtcdSource *s;
        HttpLimits later;

        f->spec.timeout_usec = 30 * USEC_PER_SEC;
        CHANGE(f, status, 503);
        source_start(f);
        s = f->source;
        wait_requests(f, 3);
        wait_trouble(f, "no leader");
        later = etcd_link_limits(&s->link, false);
        assert_true(s->link.n_rounds > 1);
        assert_true(later.connect_usec > 2 * first.connect_usec);
        assert_true(later.total_usec > 2 * first.total_usec);
        assert_true(later.total_usec <= f->spec.timeout_usec);
        assert_int_equal(etcd_link_limits(&s->link, true).total_usec, 0);
        assert_true(etcd_link_patience(&s->link, USEC_PER_SEC) > 2 * USEC_PER_SEC);
}

static void a_member_that_makes_no_sense_is_left_A14(void **state)
{
        static const char *const answers[] = {
                "", "{}", "<html>", "{\"header\":{\"revision\":\"0\"}}", "{\"header\":",
        };
        SourceFixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                CHANGE(f, answer, answers[i]);
                source_start(f);
                wait_trouble(f, "malformed");
                assert_int_equal(f->n_delivered, 0);
                f->type->stop(f->source);
                f->source = NULL;
                f->trouble[0] = '\0';
        }
}

static void a_watch_that_makes_no_sense_is_left_A14(void **state)
{
        static const char *const lines[] = {
                "}\n",
                "{}\n",
                "{\"result\":{\"header\":{\"revision\":\"9\"},\"events\":[{\"kv\":{\"key\":\"eA=="
                "\","
                "\"mod_revision\":\"99\",\"value\":\"eA==\"}}]}}\n",
        };
        SourceFixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                CHANGE(f, line, lines[i]);
                f->n_delivered = 0;
                source_start(f);
                wait_trouble(f, "malformed");
                assert_string_equal(f->last, "one");
                f->type->stop(f->source);
                f->source = NULL;
                f->trouble[0] = '\0';
        }
        CHANGE(f, line, NULL);
        CHANGE(f, is_babbling, true);
        f->n_delivered = 0;
        source_start(f);
        wait_trouble(f, "malformed");
}

static void the_size_limit_holds_at_its_edge_V36(void **state)
{
        SourceFixture *f = *state;
        char value[1002];

        memset(value, 'x', sizeof(value));
        value[1001] = '\0';
        put(f, value);
        source_start(f);
        wait_trouble(f, "too-large");
        wait_watches(f, 1);
        assert_int_equal(f->n_delivered, 0);
        value[1000] = '\0';
        put(f, value);
        wait_delivered(f, 1);
        assert_int_equal(f->last_size, 1000);
        assert_string_equal(f->trouble, "");
}

static void user_and_password_are_good_for_a_token_and_for_another(void **state)
{
        SourceFixture *f = *state;
        Cluster c;

        f->spec.user = "etcd-user";
        f->spec.password = "etcd-password";
        source_credential(f, "etcd-user", "host\n");
        source_credential(f, "etcd-password", "pass word\n");
        CHANGE(f, is_locked, true);
        f->spec.interval_usec = 200 * 1000;
        start_and_watch(f);
        c = cluster_read(f->of_test);
        assert_string_equal(c.auth, "{\"name\":\"host\",\"password\":\"pass word\"}");
        assert_string_equal(c.authorization, "T1");

        CHANGE(f, n_tokens, 7); /* T1 has expired */
        WAIT(f, streq(seen.authorization, "T8"));
        let_pass(f, 300 * 1000);
        assert_string_equal(f->trouble, "");
        assert_int_equal(f->n_delivered, 1);
        assert_int_equal(n_watches(f), 1);
}

static void a_member_that_takes_no_token_is_not_asked_without_pause_W3(void **state)
{
        SourceFixture *f = *state;
        unsigned n;

        f->spec.user = "etcd-user";
        f->spec.password = "etcd-password";
        source_credential(f, "etcd-user", "host\n");
        source_credential(f, "etcd-password", "pass word\n");
        CHANGE(f, is_barred, true);
        source_start(f);
        wait_trouble(f, "etcd-16");
        let_pass(f, 2 * USEC_PER_SEC / HASTE);
        n = cluster_read(f->of_test).n_tokens;
        assert_true(n <= 8);
        WAIT(f, seen.n_tokens >= 2);
}

static void a_credential_that_is_not_there_is_said(void **state)
{
        SourceFixture *f = *state;

        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        f->spec.user = "etcd-user";
        f->spec.password = "etcd-password";
        source_start(f);
        wait_trouble(f, "LoadCredential=etcd-user:FILE");
        assert_int_equal(f->server.n_requests, 0);
}

static void a_source_without_members_is_refused(void **state)
{
        SourceFixture *f = *state;
        void *source = NULL;

        f->spec.n_urls = 0;
        assert_int_equal(f->type->start(f->event, &f->spec, &f->sink, &source), -EINVAL);
        assert_null(source);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define TWO(test)  cmocka_unit_test_setup_teardown(test, setup_two, teardown)
        const struct CMUnitTest tests[] = {
                CASE(a_new_set_is_here_as_soon_as_the_watch_tells),
                CASE(a_set_that_was_not_taken_is_read_again_W1),
                CASE(a_key_that_is_not_there_is_waited_for),
                CASE(that_what_may_be_absent_is_absent_is_no_trouble),
                CASE(a_key_that_is_gone_takes_nothing_back_W4),
                CASE(what_the_watch_loses_the_next_read_finds_W1),
                CASE(reads_that_find_nothing_leave_the_watch_alone),
                CASE(what_was_delivered_is_not_sent_again_by_a_read_W5),
                CASE(a_value_that_was_found_wanting_is_read_whole_W5),
                CASE(compacted_history_is_read_anew_W1),
                CASE(an_event_older_than_what_is_known_is_left_out),
                CASE(a_cluster_that_was_set_back_is_watched_from_there_W1),
                CASE(a_read_that_was_overtaken_brings_nothing_back),
                TWO(a_member_that_dies_is_left_for_the_next_W2),
                TWO(a_member_that_does_not_begin_to_watch_is_left_for_the_next_W2),
                TWO(a_member_without_a_leader_is_left_for_the_next_W2),
                CASE(members_that_fail_are_not_asked_without_pause_W3),
                CASE(members_that_all_fail_are_given_longer_the_next_time),
                CASE(a_member_that_makes_no_sense_is_left_A14),
                CASE(a_watch_that_makes_no_sense_is_left_A14),
                TWO(what_a_member_said_is_not_held_against_the_next_W2),
                CASE(a_member_that_chatters_is_left_W3),
                CASE(the_size_limit_holds_at_its_edge_V36),
                CASE(user_and_password_are_good_for_a_token_and_for_another),
                CASE(a_member_that_takes_no_token_is_not_asked_without_pause_W3),
                CASE(a_credential_that_is_not_there_is_said),
                CASE(a_source_without_members_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
