/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/wire/feed.h"
#include "nhi-agentd/fetch/fetcher.h"
#include "nhi-agentd/fetch/sources.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#define PATIENCE_USEC (30 * USEC_PER_SEC)

/* An agent that says one word to everybody and remembers what it was handed. */
typedef struct Fixture {
        char dir[64], sock[96], sources[96], set[96];
        sd_event *event;
        FeedClient *client;
        Fetcher *fetcher;
        int listener;
        int held; /* a connection that is never answered */
        bool is_silent;
        const char *say;
        unsigned n_offers, n_answers;
        uint32_t index;
        int seals;
        char bytes[64], answer[256];
} Fixture;

/* The message as the agent must find it. */
static void take_offer(Fixture *f, int fd)
{
        FeedHeader header;
        union {
                struct cmsghdr align;
                char data[CMSG_SPACE(4 * sizeof(int))];
        } control = { 0 };
        struct iovec iov = { &header, sizeof(header) };
        struct msghdr m = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        const struct cmsghdr *c;
        int memfd;
        size_t n = 0;

        assert_int_equal(recvmsg(fd, &m, MSG_CMSG_CLOEXEC), sizeof(header));
        c = CMSG_FIRSTHDR(&m);
        assert_non_null(c);
        assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(int)));
        memcpy(&memfd, CMSG_DATA(c), sizeof(memfd));

        assert_memory_equal(header.magic, FEED_MAGIC, 8);
        f->index = header.issuer_index_le[0] | (uint32_t)header.issuer_index_le[1] << 8;
        f->seals = fcntl(memfd, F_GET_SEALS);
        assert_int_equal(lseek(memfd, 0, SEEK_SET), 0);
        memset(f->bytes, 0, sizeof(f->bytes));
        assert_int_equal(fd_read_all(memfd, f->bytes, sizeof(f->bytes) - 1, &n), 0);
        close(memfd);
}

static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Fixture *f = userdata;
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

        assert_true(peer >= 0);
        take_offer(f, peer);
        f->n_offers++;
        if (f->is_silent) {
                closep(&f->held);
                f->held = peer;
                return 0;
        }
        /* Who has had enough of waiting hears nothing. */
        if (f->say)
                (void)send(peer, f->say, strlen(f->say), MSG_NOSIGNAL);
        close(peer);
        return 0;
}

static void agent_listen(Fixture *f)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->sock);
        f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(f->listener >= 0);
        assert_int_equal(bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
        assert_int_equal(listen(f->listener, 8), 0);
        assert_true(sd_event_add_io(f->event, NULL, f->listener, EPOLLIN, on_connect, f) >= 0);
}

static void on_answered(void *userdata, const char *line)
{
        Fixture *f = userdata;

        f->n_answers++;
        snprintf(f->answer, sizeof(f->answer), "%s", line);
}

static FeedClientConfig config_of(Fixture *f)
{
        return (FeedClientConfig){
                .sock_path = f->sock,
                .owner = geteuid(),
                .issuer_index = 258,
                .reply_usec = PATIENCE_USEC,
                .retry_first_usec = 20 * 1000,
                .retry_max_usec = 80 * 1000,
                .refused_usec = 60 * 1000,
                .userdata = f,
                .answered = on_answered,
        };
}

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        snprintf(f->dir, sizeof(f->dir), "/tmp/nhi-test-feed.XXXXXX");
        if (!mkdtemp(f->dir))
                return -1;
        snprintf(f->sock, sizeof(f->sock), "%s/feed.sock", f->dir);
        snprintf(f->sources, sizeof(f->sources), "%s/sources.json", f->dir);
        snprintf(f->set, sizeof(f->set), "%s/set.jws", f->dir);
        f->listener = f->held = -EBADF;
        f->say = "accepted 7 abc\n";
        *state = f;
        return sd_event_new(&f->event) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        feed_client_free(f->client);
        fetcher_free(f->fetcher);
        closep(&f->held);
        sd_event_unref(f->event);
        closep(&f->listener);
        unlink(f->sock);
        unlink(f->sources);
        unlink(f->set);
        assert_int_equal(rmdir(f->dir), 0);
        free(f);
        return 0;
}

/* Run the loop until *counter has reached n. */
static void wait_for(Fixture *f, const unsigned *counter, unsigned n)
{
        uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (*counter < n && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 50 * 1000) >= 0);
        assert_true(*counter >= n);
}

/* Run the loop until this was answered. */
static void wait_answer(Fixture *f, const char *line)
{
        uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (!streq(f->answer, line) && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 50 * 1000) >= 0);
        assert_string_equal(f->answer, line);
}

static void run_for(Fixture *f, uint64_t usec)
{
        uint64_t deadline = now_monotonic_usec() + usec;

        while (now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 5 * 1000) >= 0);
}

static void client_start(Fixture *f)
{
        FeedClientConfig config = config_of(f);

        assert_int_equal(feed_client_new(f->event, &config, &f->client), 0);
}

static void a_set_goes_out_sealed_and_the_answer_comes_back(void **state)
{
        Fixture *f = *state;

        agent_listen(f);
        client_start(f);
        assert_int_equal(feed_client_deliver(f->client, "a.b.c", 5), 0);
        wait_for(f, &f->n_answers, 1);
        assert_string_equal(f->answer, "accepted 7 abc");
        assert_string_equal(f->bytes, "a.b.c");
        assert_int_equal(f->index, 258);
        assert_int_equal(f->seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
}

static void what_was_answered_is_not_offered_again(void **state)
{
        Fixture *f = *state;

        agent_listen(f);
        client_start(f);
        f->say = "unchanged 7 abc\n";
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        wait_for(f, &f->n_answers, 1);
        run_for(f, 150 * 1000);
        assert_int_equal(f->n_offers, 1);
}

/* D2: it is offered until somebody answers. */
static void an_agent_that_is_away_gets_it_when_it_comes(void **state)
{
        Fixture *f = *state;

        client_start(f);
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        wait_for(f, &f->n_answers, 2);
        assert_non_null(strstr(f->answer, "does not answer"));
        agent_listen(f);
        wait_for(f, &f->n_offers, 1);
        wait_for(f, &f->n_answers, f->n_answers + 1);
        assert_string_equal(f->answer, "accepted 7 abc");
}

/* D3, A14: waits of 15 to 80 ms leave room for 20 tries in 300 ms at the very most. */
static void an_agent_that_is_away_costs_nothing(void **state)
{
        Fixture *f = *state;

        client_start(f);
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        run_for(f, 300 * 1000);
        wait_for(f, &f->n_answers, 1);
        assert_in_range(f->n_answers, 1, 20);
}

/* D1 */
static void a_silent_agent_is_left_and_asked_again(void **state)
{
        Fixture *f = *state;
        FeedClientConfig config = config_of(f);

        config.reply_usec = 100 * 1000;
        agent_listen(f);
        assert_int_equal(feed_client_new(f->event, &config, &f->client), 0);
        f->is_silent = true;
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        wait_for(f, &f->n_answers, 1);
        assert_non_null(strstr(f->answer, "timed out"));
        f->is_silent = false;
        wait_answer(f, "accepted 7 abc");
        assert_true(f->n_offers >= 2);
        assert_int_equal(f->n_offers, f->n_answers);
}

static void an_agent_that_hangs_up_is_asked_again(void **state)
{
        Fixture *f = *state;

        agent_listen(f);
        client_start(f);
        f->say = NULL;
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        wait_for(f, &f->n_answers, 2);
        f->say = "unchanged 7 abc";
        wait_for(f, &f->n_answers, f->n_answers + 1);
        assert_string_equal(f->answer, "unchanged 7 abc");
}

static void an_answer_that_is_none_counts_as_none(void **state)
{
        Fixture *f = *state;

        agent_listen(f);
        client_start(f);
        f->say = "acceptedx\n";
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        wait_for(f, &f->n_answers, 1);
        assert_non_null(strstr(f->answer, "does not answer"));
}

static void a_refused_set_is_offered_again_later(void **state)
{
        Fixture *f = *state;
        uint64_t begin = now_monotonic_usec();

        agent_listen(f);
        client_start(f);
        f->say = "refused version-floor older\n";
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        wait_for(f, &f->n_answers, 1);
        assert_string_equal(f->answer, "refused version-floor older");
        wait_for(f, &f->n_offers, 2);
        assert_true(now_monotonic_usec() - begin >= 40 * 1000);
}

static void what_the_agent_had_no_room_for_is_offered_again_soon_D5(void **state)
{
        static const char *const lines[] = {
                "refused busy too many sets wait to be verified",
                "refused not-verified Cannot allocate memory",
                "refused not-saved /var/lib/nhi: No space left on device",
                "refused stopping the agent stops",
        };
        Fixture *f = *state;
        FeedClientConfig config = config_of(f);

        config.refused_usec = 2 * PATIENCE_USEC;
        agent_listen(f);
        assert_int_equal(feed_client_new(f->event, &config, &f->client), 0);
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                const unsigned n = f->n_answers;

                f->say = lines[i];
                assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
                wait_for(f, &f->n_answers, n + 2);
                assert_string_equal(f->answer, lines[i]);
        }
        f->say = "accepted 7 abc";
        wait_for(f, &f->n_answers, f->n_answers + 1);
        assert_string_equal(f->answer, "accepted 7 abc");
}

/* D3: waits of 15 to 80 ms leave room for 20 tries in 300 ms at the very most. */
static void an_agent_that_stays_busy_is_not_asked_at_once(void **state)
{
        Fixture *f = *state;

        agent_listen(f);
        client_start(f);
        f->say = "refused busy too many sets wait to be verified";
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        run_for(f, 300 * 1000);
        wait_for(f, &f->n_answers, 2);
        assert_in_range(f->n_answers, 2, 20);
}

static void a_word_that_only_begins_like_busy_is_a_refusal(void **state)
{
        Fixture *f = *state;
        FeedClientConfig config = config_of(f);

        config.refused_usec = 2 * PATIENCE_USEC;
        agent_listen(f);
        assert_int_equal(feed_client_new(f->event, &config, &f->client), 0);
        f->say = "refused busybody x";
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        wait_for(f, &f->n_answers, 1);
        run_for(f, 300 * 1000);
        assert_int_equal(f->n_offers, 1);
}

static void the_newest_set_wins(void **state)
{
        Fixture *f = *state;

        client_start(f);
        assert_int_equal(feed_client_deliver(f->client, "old", 3), 0);
        wait_for(f, &f->n_answers, 1);
        assert_int_equal(feed_client_deliver(f->client, "new", 3), 0);
        agent_listen(f);
        wait_for(f, &f->n_offers, 1);
        assert_string_equal(f->bytes, "new");
        run_for(f, 150 * 1000);
        assert_int_equal(f->n_offers, 1);
}

/* O26 */
static void a_socket_of_somebody_else_is_not_spoken_to(void **state)
{
        Fixture *f = *state;
        FeedClientConfig config = config_of(f);

        agent_listen(f);
        config.owner = geteuid() + 1;
        assert_int_equal(feed_client_new(f->event, &config, &f->client), 0);
        assert_int_equal(feed_client_deliver(f->client, "x", 1), 0);
        wait_for(f, &f->n_answers, 1);
        assert_int_equal(f->n_offers, 0);
}

/* ---- the list of sources -----------------------------------------------------------------------
 */

static void sources_write(const Fixture *f)
{
        char text[512];
        int n = snprintf(text, sizeof(text),
                         "{\"schema\":1,\"sources\":["
                         "{\"index\":0,\"issuer\":\"x\",\"type\":\"gopher\",\"object\":\"set\"},"
                         "{\"index\":3,\"issuer\":\"i\",\"type\":\"file\",\"object\":\"set\","
                         "\"path\":\"%s\"}]}",
                         f->set);

        assert_int_equal(
                file_replace(f->sources, text, (size_t)n, 0640, (uid_t)-1, (gid_t)-1, false), 0);
}

static void fetcher_start(Fixture *f)
{
        FetcherConfig config = { .sources_path = f->sources,
                                 .owner = geteuid(),
                                 .feed = config_of(f) };

        assert_int_equal(fetcher_new(f->event, &config, &f->fetcher), 0);
}

static void the_fetcher_carries_what_the_agent_lists(void **state)
{
        Fixture *f = *state;

        agent_listen(f);
        fetcher_start(f);
        run_for(f, 50 * 1000);
        sources_write(f);
        assert_int_equal(file_replace(f->set, "s.e.t", 5, 0640, (uid_t)-1, (gid_t)-1, false), 0);
        wait_for(f, &f->n_offers, 1);
        assert_string_equal(f->bytes, "s.e.t");
        assert_int_equal(f->index, 3); /* the gopher did not hold it up */
}

static unsigned n_without_memfd;

int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags)
{
        if (n_without_memfd == 0)
                return __real_memfd_create(name, flags);
        n_without_memfd--;
        errno = EMFILE;
        return -1;
}

static void a_set_for_which_no_memfd_was_there_is_offered_all_the_same_D2(void **state)
{
        Fixture *f = *state;

        agent_listen(f);
        sources_write(f);
        assert_int_equal(file_replace(f->set, "s.e.t", 5, 0640, (uid_t)-1, (gid_t)-1, false), 0);
        n_without_memfd = 2;
        fetcher_start(f);
        wait_for(f, &f->n_offers, 1);
        assert_int_equal(n_without_memfd, 0);
        assert_string_equal(f->bytes, "s.e.t");
}

static void a_restarted_agent_is_offered_everything_again(void **state)
{
        Fixture *f = *state;

        agent_listen(f);
        sources_write(f);
        assert_int_equal(file_replace(f->set, "s.e.t", 5, 0640, (uid_t)-1, (gid_t)-1, false), 0);
        fetcher_start(f);
        wait_for(f, &f->n_offers, 1);
        run_for(f, 100 * 1000);
        assert_int_equal(f->n_offers, 1);

        sources_write(f); /* the same words, a new file */
        wait_for(f, &f->n_offers, 2);
        fetcher_reload(f->fetcher);
        wait_for(f, &f->n_offers, 3);
}

static void a_list_that_is_not_the_agents_is_not_read(void **state)
{
        Fixture *f = *state;

        agent_listen(f);
        assert_int_equal(file_replace(f->set, "s.e.t", 5, 0640, (uid_t)-1, (gid_t)-1, false), 0);
        sources_write(f);
        assert_int_equal(chmod(f->sources, 0666), 0);
        fetcher_start(f);
        run_for(f, 100 * 1000);
        assert_int_equal(f->n_offers, 0);
        assert_int_equal(chmod(f->sources, 0640), 0);
        wait_for(f, &f->n_offers, 1);
}

static void a_source_that_flaps_is_offered_now_and_then_D4(void **state)
{
        Fixture *f = *state;
        FeedClientConfig config = config_of(f);
        const uint64_t begin = now_monotonic_usec(), end = begin + 1000 * 1000;
        uint64_t took_usec;
        unsigned n = 0;

        config.spacing_usec = 200 * 1000;
        agent_listen(f);
        assert_int_equal(feed_client_new(f->event, &config, &f->client), 0);
        while (now_monotonic_usec() < end || n <= 20 || f->n_offers < 2) {
                char text[16];

                assert_true(now_monotonic_usec() < begin + PATIENCE_USEC);
                (void)snprintf(text, sizeof(text), "%u", ++n);
                assert_int_equal(feed_client_deliver(f->client, text, strlen(text)), 0);
                assert_true(sd_event_run(f->event, 10 * 1000) >= 0);
                while (sd_event_run(f->event, 0) > 0)
                        ; /* an offer under way is answered */
        }
        took_usec = now_monotonic_usec() - begin;
        assert_in_range(f->n_offers, 2, 1 + took_usec / config.spacing_usec);
        while (f->n_answers < f->n_offers || atoi(f->bytes) < (int)n) {
                assert_true(now_monotonic_usec() < begin + 2 * PATIENCE_USEC);
                assert_true(sd_event_run(f->event, 300 * 1000) >= 0);
        }
        assert_int_equal(atoi(f->bytes), n); /* the newest is what it ends with */
}

#define ENTRY(members) "{\"schema\":1,\"sources\":[{" members "}]}"
#define NETWORK(urls, places)                                                                      \
        ENTRY("\"index\":0,\"issuer\":\"i\",\"type\":\"https\",\"object\":\"freshness\","          \
              "\"host\":\"h\",\"interval_usec\":1,\"wait_usec\":0,\"timeout_usec\":1,"             \
              "\"size_max\":1,\"urls\":" urls ",\"places\":" places)

static void lists_that_are_not_lawful_are_refused(void **state)
{
        static const char lawful[] = NETWORK("[\"https://a\"]", "[7]");
        static const char *const bad[] = {
                "",
                "[]",
                "{\"schema\":1}",
                "{\"schema\":2,\"sources\":[]}",
                "{\"schema\":1,\"schema\":1,\"sources\":[]}",
                "{\"schema\":1,\"sources\":{}}",
                ENTRY("\"index\":-1,\"issuer\":\"i\",\"type\":\"file\",\"object\":\"set\""),
                ENTRY("\"index\":1e0,\"issuer\":\"i\",\"type\":\"file\",\"object\":\"set\""),
                ENTRY("\"index\":0,\"type\":\"file\",\"object\":\"set\""),
                ENTRY("\"index\":0,\"issuer\":\"i\",\"object\":\"set\""),
                ENTRY("\"index\":0,\"issuer\":\"i\",\"type\":\"file\""),
                ENTRY("\"index\":0,\"issuer\":\"i\",\"type\":\"file\",\"object\":\"sets\""),
                ENTRY("\"index\":0,\"issuer\":\"i\",\"type\":\"file\",\"object\":0"),
                NETWORK("[\"https://a\"]", "[8]"),
                NETWORK("[\"https://a\"]", "[-1]"),
                NETWORK("[\"https://a\"]", "[0,1]"),
                NETWORK("[\"https://a\"]", "0"),
                NETWORK("[0]", "[0]"),
                NETWORK("[]", "[]"),
                "{\"schema\":1,\"sources\":[]} x",
        };
        char error[SOURCES_ERROR_MAX];
        SourceList l;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                error[0] = '\0';
                assert_int_equal(sources_parse(bad[i], strlen(bad[i]), &l, error), -EBADMSG);
                assert_true(*error);
        }
        assert_int_equal(sources_parse("{\"schema\":1,\"sources\":[]}", 25, &l, error), 0);
        assert_int_equal(l.n, 0);
        sources_done(&l);
        assert_int_equal(sources_parse(lawful, strlen(lawful), &l, error), 0);
        assert_int_equal(l.specs[0].places[0], 7);
        assert_int_equal(l.specs[0].object, FEED_FRESHNESS);
        assert_true(l.specs[0].is_optional);
        sources_done(&l);
}

static void so_many_sources_and_no_more(void **state)
{
        char text[SOURCES_MAX * 64 + 128], error[SOURCES_ERROR_MAX];

        for (unsigned n = SOURCES_MAX; n <= SOURCES_MAX + 1; n++) {
                SourceList l = { 0 };
                size_t used = (size_t)sprintf(text, "{\"schema\":1,\"sources\":[");

                for (unsigned i = 0; i < n; i++)
                        used += (size_t)sprintf(text + used,
                                                "%s{\"index\":%u,\"issuer\":\"i\",\"type\":\"t\","
                                                "\"object\":\"set\"}",
                                                i ? "," : "", i);
                used += (size_t)sprintf(text + used, "]}");
                assert_int_equal(sources_parse(text, used, &l, error),
                                 n > SOURCES_MAX ? -EBADMSG : 0);
                sources_done(&l);
        }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(a_set_goes_out_sealed_and_the_answer_comes_back),
                CASE(what_was_answered_is_not_offered_again),
                CASE(an_agent_that_is_away_gets_it_when_it_comes),
                CASE(an_agent_that_is_away_costs_nothing),
                CASE(a_silent_agent_is_left_and_asked_again),
                CASE(an_agent_that_hangs_up_is_asked_again),
                CASE(an_answer_that_is_none_counts_as_none),
                CASE(a_refused_set_is_offered_again_later),
                CASE(what_the_agent_had_no_room_for_is_offered_again_soon_D5),
                CASE(an_agent_that_stays_busy_is_not_asked_at_once),
                CASE(a_word_that_only_begins_like_busy_is_a_refusal),
                CASE(the_newest_set_wins),
                CASE(a_socket_of_somebody_else_is_not_spoken_to),
                CASE(the_fetcher_carries_what_the_agent_lists),
                CASE(a_set_for_which_no_memfd_was_there_is_offered_all_the_same_D2),
                CASE(a_restarted_agent_is_offered_everything_again),
                CASE(a_source_that_flaps_is_offered_now_and_then_D4),
                CASE(a_list_that_is_not_the_agents_is_not_read),
                cmocka_unit_test(lists_that_are_not_lawful_are_refused),
                cmocka_unit_test(so_many_sources_and_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
