/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* heard.h and fetch/tidings.h: what the fetcher tells of the sources, over the socket, and what the
 * agent makes of it. */

#include "tests/unit/doors-fixture.h"

#include "lib/base/memfd.h"
#include "lib/wire/feed.h"
#include "nhi-agentd/fetch/fetcher.h"
#include "nhi-agentd/heard.h"
#include "nhi-agentd/publish.h"

#include <endian.h>
#include <sys/mman.h>

#define USEC ((int64_t)USEC_PER_SEC)

typedef struct Message {
        FeedTidings head;
        FeedTiding each[FEED_TIDINGS_MAX + 1];
} Message;

static void put(uint8_t ret[static 4], uint32_t n)
{
        n = htole32(n);
        memcpy(ret, &n, sizeof(n));
}

static void put16(uint8_t ret[static 2], uint16_t n)
{
        n = htole16(n);
        memcpy(ret, &n, sizeof(n));
}

/* Each of the sets of issuer 0, place 0, with the same words. */
static Message message(uint32_t n, uint32_t answered_sec, const char *trouble)
{
        Message m = {};

        memcpy(m.head.magic, FEED_TIDINGS_MAGIC, sizeof(m.head.magic));
        put(m.head.n_le, n);
        for (size_t i = 0; i < ELEMENTSOF(m.each); i++) {
                put(m.each[i].answered_sec_le, answered_sec);
                put(m.each[i].next_sec_le, FEED_NOT_KNOWN);
                memcpy(m.each[i].trouble, trouble, strlen(trouble));
        }
        return m;
}

static size_t message_size(size_t n)
{
        return sizeof(FeedTidings) + n * sizeof(FeedTiding);
}

/* What the agent says to these bytes; "": it closes without a word. */
static void say(Fixture *f, const void *bytes, size_t size, int fd, char ret[static 256])
{
        const int socket_fd = dial(PATH_FEED_SOCK, SOCK_SEQPACKET);
        const uint64_t deadline = now_monotonic_usec() + 30 * USEC_PER_SEC;
        ssize_t n;

        assert_int_equal(fd < 0 ? datagram_send(socket_fd, bytes, size, deadline)
                                : datagram_send_fd(socket_fd, bytes, size, fd, deadline),
                         0);
        do
                assert_true(sd_event_run(f->event, 20000) >= 0);
        while ((n = recv(socket_fd, ret, 255, MSG_DONTWAIT)) < 0 && errno == EAGAIN &&
               now_monotonic_usec() < deadline);
        assert_true(n >= 0);
        ret[n] = '\0';
        (void)close(socket_fd);
}

static const Heard *heard_of(const Fixture *f, FeedObject object, size_t place)
{
        return &f->agent->issuers[0].heard[object][place];
}

static const Heard *heard(const Fixture *f)
{
        return heard_of(f, FEED_SET, 0);
}

static void tidings_are_kept_and_not_answered(void **state)
{
        Fixture *f = *state;
        Message m = message(1, 100, "timeout");
        char line[256];

        assert_int_equal(heard_age_usec(&f->agent->issuers[0], agent_now(f->agent)), -1);
        put(m.each[0].next_sec_le, 30);
        say(f, &m, message_size(1), -1, line);
        assert_string_equal(line, "");
        assert_true(heard(f)->has_answered);
        assert_string_equal(heard_trouble(&f->agent->issuers[0]), "timeout");
        assert_true(heard(f)->next_usec - heard(f)->answered_usec == 130 * USEC);
        assert_true(heard_age_usec(&f->agent->issuers[0], agent_now(f->agent)) >= 100 * USEC);
        assert_int_equal(
                heard_age_usec(&f->agent->issuers[0], (Now){ 0, heard(f)->answered_usec + 500 }),
                500);
        assert_int_equal(heard_age_usec(&f->agent->issuers[0], (Now){ 0, 0 }), 0);
}

static void nothing_is_known_of_a_source_that_has_not_answered(void **state)
{
        Fixture *f = *state;
        Message m = message(1, FEED_NOT_KNOWN, "");
        char line[256];

        say(f, &m, message_size(1), -1, line);
        assert_false(heard(f)->has_answered);
        assert_int_equal(heard(f)->next_usec, 0);
        assert_int_equal(heard_age_usec(&f->agent->issuers[0], agent_now(f->agent)), -1);
}

static void a_fetcher_that_begins_anew_takes_no_answer_back(void **state)
{
        Fixture *f = *state;
        Message m = message(1, 100, "");
        int64_t answered_usec;
        char line[256];

        say(f, &m, message_size(1), -1, line);
        answered_usec = heard(f)->answered_usec;
        m = message(1, FEED_NOT_KNOWN, "timeout");
        say(f, &m, message_size(1), -1, line);
        assert_true(heard(f)->has_answered);
        assert_int_equal(heard(f)->answered_usec, answered_usec);
        assert_string_equal(heard(f)->trouble, "timeout");
}

static void other_places_are_not_taken_for_those_of_before(void **state)
{
        const char *urls[] = { "https://a", "https://b" }, *others[] = { "https://a", "https://c" };
        const SourceConfig file = { .type = (char *)"file", .path = (char *)"/a" };
        const SourceConfig https = { .type = (char *)"https",
                                     .path = (char *)"",
                                     .urls = { .items = urls, .n = 2 } };
        SourceConfig another = file, same = https;
        IssuerState s = { .heard[FEED_SET][1].has_answered = true };

        heard_keep(&s, &file, &another);
        heard_keep(&s, &https, &same);
        assert_true(s.heard[FEED_SET][1].has_answered);
        same.urls.items = others;
        heard_keep(&s, &https, &same);
        assert_false(s.heard[FEED_SET][1].has_answered);
        s.heard[FEED_SET][1].has_answered = true;
        another.path = (char *)"/b";
        heard_keep(&s, &file, &another);
        assert_false(s.heard[FEED_SET][1].has_answered);
        s.heard[FEED_SET][1].has_answered = true;
        heard_keep(&s, &file, &https);
        assert_false(s.heard[FEED_SET][1].has_answered);
}

static void tidings_that_are_not_as_they_must_be_are_refused(void **state) /* A06 */
{
        Fixture *f = *state;
        Message ok = message(1, 1, "x"), m;
        const int fd = memfd_create("test", MFD_CLOEXEC);
        char line[256];

        const struct {
                uint32_t n;
                size_t size;
                uint8_t reserved;
                int fd;
        } bad[] = {
                { 0, message_size(0), 0, -1 },
                { 2, message_size(1), 0, -1 },
                { 1, message_size(1) - 1, 0, -1 },
                { 1, message_size(1) + 1, 0, -1 },
                { 1, message_size(2), 0, -1 },
                { UINT32_MAX, message_size(1), 0, -1 },
                { FEED_TIDINGS_MAX + 1, message_size(FEED_TIDINGS_MAX + 1), 0, -1 },
                { 1, message_size(1), 1, -1 },
                { 1, message_size(1), 0, fd },
                { 1, 8, 0, -1 },
                { 1, 7, 0, -1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                m = ok;
                put(m.head.n_le, bad[i].n);
                m.head.reserved[3] = bad[i].reserved;
                say(f, &m, bad[i].size, bad[i].fd, line);
                assert_int_equal(strncmp(line, "refused malformed ", 18), 0);
                assert_false(heard(f)->has_answered);
        }
        m = message(FEED_TIDINGS_MAX, 1, "x");
        say(f, &m, message_size(FEED_TIDINGS_MAX), -1, line);
        assert_string_equal(line, "");
        assert_true(heard(f)->has_answered);
        (void)close(fd);
}

static void a_place_that_is_not_there_is_left_out(void **state)
{
        Fixture *f = *state;
        Message m = message(2, 1, "x");
        char line[256];

        put(m.each[0].issuer_index_le, 1);
        put16(m.each[1].place_le, 1);
        say(f, &m, message_size(2), -1, line);
        assert_string_equal(line, "");
        for (size_t i = 0; i < HEARD_PLACES_MAX; i++)
                assert_false(heard_of(f, FEED_SET, i)->has_answered);
}

/* A key may sign lists, none signs statements, and there are no roots. */
static void what_is_not_fetched_is_left_out(void **state) /* A06 */
{
        static const uint16_t objects[] = { FEED_KEYS, FEED_FRESHNESS, FEED_OBJECTS_N, UINT16_MAX };
        Fixture *f = *state;
        Message m = message(ELEMENTSOF(objects) + 2, 1, "x");
        char line[256];

        for (size_t i = 0; i < ELEMENTSOF(objects); i++)
                put16(m.each[i].object_le, objects[i]);
        put16(m.each[ELEMENTSOF(objects)].object_le, FEED_REVOCATIONS);
        put16(m.each[ELEMENTSOF(objects)].place_le, HEARD_PLACES_MAX);
        put16(m.each[ELEMENTSOF(objects) + 1].object_le, FEED_REVOCATIONS);
        say(f, &m, message_size(ELEMENTSOF(objects) + 2), -1, line);
        assert_string_equal(line, "");
        for (FeedObject object = 0; object < FEED_OBJECTS_N; object++)
                for (size_t i = 0; i < HEARD_PLACES_MAX; i++)
                        assert_int_equal(heard_of(f, object, i)->has_answered,
                                         object == FEED_REVOCATIONS && i == 0);
        assert_string_equal(heard_trouble(&f->agent->issuers[0]), "");
        assert_int_equal(heard_age_usec(&f->agent->issuers[0], agent_now(f->agent)), -1);
}

static void a_place_without_a_name_for_it_is_left_out(void **state)
{
        const char *urls[] = { "https://a/set", "https://b/{host}.jws" };
        Fixture *f = *state;
        SourceConfig *s = &f->agent->config->issuers[0].source;
        const SourceConfig before = *s;
        Message m = message(2, 1, "x");
        char line[256];

        s->type = (char *)"https";
        s->urls = (StrList){ .items = urls, .n = 2 };
        for (uint16_t i = 0; i < 2; i++) {
                put16(m.each[i].object_le, FEED_REVOCATIONS);
                put16(m.each[i].place_le, i);
        }
        say(f, &m, message_size(2), -1, line);
        *s = before;
        assert_false(heard_of(f, FEED_REVOCATIONS, 0)->has_answered);
        assert_true(heard_of(f, FEED_REVOCATIONS, 1)->has_answered);
}

static void words_without_an_end_get_one(void **state)
{
        Fixture *f = *state;
        Message m = message(1, 1, "");
        char line[256];

        memset(m.each[0].trouble, 'x', sizeof(m.each[0].trouble));
        say(f, &m, message_size(1), -1, line);
        assert_int_equal(strlen(heard(f)->trouble), HEARD_TROUBLE_SIZE - 1);
}

static void tidings_prolong_nothing(void **state) /* V21 */
{
        Fixture *f = *state;
        Message m = message(1, 0, "");
        char line[256];
        GrantSet before;

        fixture_deploy(f, "g-1", 0);
        before = *f->agent->issuers[0].set;
        say(f, &m, message_size(1), -1, line);
        assert_int_equal(f->agent->issuers[0].set->exp_sec, before.exp_sec);
        assert_int_equal(f->agent->issuers[0].set->iat_sec, before.iat_sec);
}

static void places_are_called_by_their_origin(void **state)
{
        const char *urls[] = { "https://a.test/x/{host}.jws?sig=secret", "https://b.test:8443",
                               "https://a.test/y/{host}.jws", "https://a.test?z" };
        static const char *const names[] = { "https://a.test", "https://b.test:8443",
                                             "https://a.test#2", "https://a.test#3" };
        const SourceConfig https = { .type = (char *)"https",
                                     .urls = { .items = urls, .n = ELEMENTSOF(urls) } };
        const SourceConfig etcd = { .type = (char *)"etcd",
                                    .urls = { .items = urls, .n = ELEMENTSOF(urls) } };
        const SourceConfig file = { .type = (char *)"file", .path = (char *)"/a/b.jws" };
        char name[64];

        assert_int_equal(heard_n_places(&https), ELEMENTSOF(urls));
        for (size_t i = 0; i < ELEMENTSOF(urls); i++)
                assert_string_equal(heard_place_name(&https, i, name, sizeof(name)), names[i]);
        assert_int_equal(heard_n_places(&etcd), 1);
        assert_string_equal(heard_place_name(&etcd, 0, name, sizeof(name)), names[0]);
        assert_int_equal(heard_n_places(&file), 1);
        assert_string_equal(heard_place_name(&file, 0, name, sizeof(name)), "/a/b.jws");
}

/* ---- the fetcher's end ---- */

#define SET_FILE PATH_ROOT "/var/lib/nhi/source.jws"

static bool has_answered(void *userdata)
{
        return heard(userdata)->has_answered && !*heard(userdata)->trouble;
}

static bool has_trouble(void *userdata)
{
        return *heard(userdata)->trouble;
}

/* Two entries of one issuer: of its sets, and of its revocation list. */
static void sources_write(const char *first, const char *second)
{
        char text[1024];

        (void)snprintf(text, sizeof(text),
                       "{\"schema\":1,\"sources\":["
                       "{\"index\":0,\"issuer\":\"x\",\"type\":\"file\",\"object\":\"set\","
                       "\"path\":\"%s\"},"
                       "{\"index\":0,\"issuer\":\"x\",\"type\":\"file\","
                       "\"object\":\"revocations\",\"path\":\"%s\"}]}",
                       first, second);
        fixture_write(PATH_SOURCES_RUN, text);
}

static Fetcher *fetcher(Fixture *f, uint64_t tidings_usec)
{
        FetcherConfig config = { .sources_path = PATH_SOURCES_RUN,
                                 .owner = geteuid(),
                                 .feed = feed_client_defaults,
                                 .tidings_usec = tidings_usec };
        Fetcher *ret = NULL;

        config.feed.owner = geteuid();
        assert_int_equal(fetcher_new(f->event, &config, &ret), 0);
        return ret;
}

static void a_source_that_answers_is_told_soon(void **state)
{
        Fixture *f = *state;
        Fetcher *of = NULL;

        fixture_write(SET_FILE, "no set");
        sources_write(SET_FILE, "/nowhere/list.jws");
        of = fetcher(f, 3600 * USEC_PER_SEC);
        assert_true(fixture_until(f, has_answered, f));
        fetcher_free(of);
}

static void a_source_that_fails_is_told_with_the_reason(void **state)
{
        Fixture *f = *state;
        Fetcher *of = NULL;

        fixture_write(SET_FILE, "no set");
        sources_write("/nowhere/set.jws", SET_FILE);
        of = fetcher(f, 1000);
        assert_true(fixture_until(f, has_trouble, f));
        /* What stands beside the sets is well, and says nothing of them. */
        for (int i = 0; i < 200; i++)
                assert_true(sd_event_run(f->event, 1000) >= 0);
        assert_false(heard(f)->has_answered);
        assert_non_null(strstr(heard(f)->trouble, "/nowhere/set.jws is not there yet"));
        fetcher_free(of);
}

static void a_file_that_stays_as_it_is_has_just_answered(void **state)
{
        Fixture *f = *state;
        Fetcher *of = NULL;
        int64_t first;
        uint64_t deadline;

        fixture_write(SET_FILE, "no set");
        sources_write(SET_FILE, "/nowhere/list.jws");
        of = fetcher(f, USEC_PER_SEC / 10);
        assert_true(fixture_until(f, has_answered, f));
        first = heard(f)->answered_usec;
        deadline = now_monotonic_usec() + 30 * USEC_PER_SEC;
        while (heard(f)->answered_usec == first && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 20000) >= 0);
        assert_true(heard(f)->answered_usec > first);
        fetcher_free(of);
}

static void tidings_of_an_agent_that_is_away_are_dropped(void **state)
{
        Fixture *f = *state;
        Fetcher *of = NULL;

        fixture_write(SET_FILE, "no set");
        sources_write(SET_FILE, "/nowhere/list.jws");
        of = fetcher(f, 1000);
        for (int i = 0; i < 20; i++) {
                if (i == 10)
                        assert_int_equal(rename(PATH_FEED_SOCK, PATH_FEED_SOCK ".away"), 0);
                assert_true(sd_event_run(f->event, 20000) >= 0);
        }
        assert_int_equal(rename(PATH_FEED_SOCK ".away", PATH_FEED_SOCK), 0);
        assert_true(fixture_until(f, has_answered, f));
        fetcher_free(of);
}

/* ---- what the agent lists, and what it is told of that ---- */

#define SOURCE_DIR PATH_ROOT "/var/lib/nhi"

/* The issuer has a root, and its sources are these. */
static SetPolicy *with_root(Fixture *f, const SourceConfig *source)
{
        static Jwk root;
        static SetPolicy before;
        Issuer *issuer = &f->agent->config->issuers[0];

        before = issuer->policy;
        issuer->policy.roots = &root;
        issuer->policy.n_roots = issuer->policy.root_threshold = 1;
        issuer->source.type = source->type;
        issuer->source.path = source->path;
        issuer->source.urls = source->urls;
        assert_int_equal(publish_sources(f->agent->config), 0);
        return &before;
}

static bool all_are_told(void *userdata)
{
        const Fixture *f = userdata;

        for (FeedObject object = 0; object < FEED_OBJECTS_N; object++)
                if (object != FEED_FRESHNESS && !heard_of(f, object, 0)->has_answered &&
                    !*heard_of(f, object, 0)->trouble)
                        return false;
        return true;
}

static void beside_a_key_list_that_is_well_its_sets_are_shown_as_they_are(void **state)
{
        Fixture *f = *state;
        const SourceConfig before = f->agent->config->issuers[0].source;
        SourceConfig source = before;
        const SetPolicy *policy;
        Fetcher *of = NULL;

        source.path = (char *)SOURCE_DIR "/web1.jws";
        fixture_write(SOURCE_DIR "/keys.jws", "no list");
        policy = with_root(f, &source);
        of = fetcher(f, 1000);
        assert_true(fixture_until(f, all_are_told, f));
        assert_false(heard(f)->has_answered);
        assert_non_null(strstr(heard(f)->trouble, "web1.jws is not there yet"));
        assert_true(heard_of(f, FEED_KEYS, 0)->has_answered);
        assert_string_equal(heard_of(f, FEED_KEYS, 0)->trouble, "");
        fetcher_free(of);
        f->agent->config->issuers[0].source = before;
        f->agent->config->issuers[0].policy = *policy;
}

static void trouble_with_a_list_is_none_of_the_sets_and_one_that_is_not_there_is_none(void **state)
{
        Fixture *f = *state;
        const SourceConfig before = f->agent->config->issuers[0].source;
        SourceConfig source = before;
        const SetPolicy *policy;
        Fetcher *of = NULL;

        source.path = (char *)SOURCE_DIR "/web1.jws";
        fixture_write(SOURCE_DIR "/web1.jws", "no set");
        fixture_write(SOURCE_DIR "/revocations.jws", "no list");
        assert_int_equal(chmod(SOURCE_DIR "/revocations.jws", 0646), 0);
        policy = with_root(f, &source);
        of = fetcher(f, 1000);
        assert_true(fixture_until(f, all_are_told, f));
        assert_string_equal(heard_trouble(&f->agent->issuers[0]), "");
        assert_true(heard(f)->has_answered);
        assert_true(heard_of(f, FEED_KEYS, 0)->has_answered);
        assert_string_equal(heard_of(f, FEED_KEYS, 0)->trouble, "");
        assert_non_null(strstr(heard_of(f, FEED_REVOCATIONS, 0)->trouble,
                               "revocations.jws may be written by everybody"));
        fetcher_free(of);
        f->agent->config->issuers[0].source = before;
        f->agent->config->issuers[0].policy = *policy;
}

static bool both_mirrors_are_told(void *userdata)
{
        const Fixture *f = userdata;

        return *heard_of(f, FEED_SET, 0)->trouble && *heard_of(f, FEED_SET, 1)->trouble &&
               *heard_of(f, FEED_KEYS, 1)->trouble && *heard_of(f, FEED_REVOCATIONS, 1)->trouble;
}

/* Nobody serves these ports. The first names one object only. */
static void each_mirror_has_its_own_words_though_not_all_have_a_place_for_it(void **state)
{
        const char *urls[] = { "https://localhost:1/set", "https://localhost:2/{host}.jws" };
        Fixture *f = *state;
        const SourceConfig before = f->agent->config->issuers[0].source;
        SourceConfig source = before;
        const SetPolicy *policy;
        Fetcher *of = NULL;

        source.type = (char *)"https";
        source.urls = (StrList){ .items = urls, .n = 2 };
        policy = with_root(f, &source);
        of = fetcher(f, 1000);
        assert_true(fixture_until(f, both_mirrors_are_told, f));
        assert_non_null(strstr(heard_of(f, FEED_SET, 0)->trouble, "localhost:1/set"));
        assert_non_null(strstr(heard_of(f, FEED_SET, 1)->trouble, "localhost:2/" FIXTURE_HOST));
        assert_string_equal(heard_of(f, FEED_KEYS, 0)->trouble, "");
        assert_non_null(strstr(heard_of(f, FEED_KEYS, 1)->trouble, "localhost:2/keys.jws"));
        assert_non_null(
                strstr(heard_of(f, FEED_REVOCATIONS, 1)->trouble, "localhost:2/revocations.jws"));
        fetcher_free(of);
        f->agent->config->issuers[0].source = before;
        f->agent->config->issuers[0].policy = *policy;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(tidings_are_kept_and_not_answered),
                TEST(nothing_is_known_of_a_source_that_has_not_answered),
                TEST(a_fetcher_that_begins_anew_takes_no_answer_back),
                cmocka_unit_test(other_places_are_not_taken_for_those_of_before),
                TEST(tidings_that_are_not_as_they_must_be_are_refused),
                TEST(a_place_that_is_not_there_is_left_out),
                TEST(what_is_not_fetched_is_left_out),
                TEST(a_place_without_a_name_for_it_is_left_out),
                TEST(words_without_an_end_get_one),
                TEST(tidings_prolong_nothing),
                cmocka_unit_test(places_are_called_by_their_origin),
                TEST(a_source_that_answers_is_told_soon),
                TEST(a_source_that_fails_is_told_with_the_reason),
                TEST(a_file_that_stays_as_it_is_has_just_answered),
                TEST(tidings_of_an_agent_that_is_away_are_dropped),
                TEST(beside_a_key_list_that_is_well_its_sets_are_shown_as_they_are),
                TEST(trouble_with_a_list_is_none_of_the_sets_and_one_that_is_not_there_is_none),
                TEST(each_mirror_has_its_own_words_though_not_all_have_a_place_for_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
