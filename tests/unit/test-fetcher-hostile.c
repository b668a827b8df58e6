/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A fetcher in somebody else's hands, at the agent's real door: it sends everything but a valid
 * newer set. It can withhold, and nothing else: what was allowed stays allowed until its end, what
 * was not does not become so, and the agent serves on. */

#include "tests/unit/doors-fixture.h"

#include "lib/base/memfd.h"
#include "lib/wire/feed.h"
#include "nhi-agentd/core/decide.h"
#include "nhi-agentd/fetch/feed-client.h"

#include <fcntl.h>
#include <sys/mman.h>

#define THEIRS                                                                                     \
        "{\"name\":\"svc-theirs\",\"kind\":\"workload\",\"owner\":\"them\",\"uid\":70009,"         \
        "\"gid\":70009}"

/* What is in force before anything hostile comes: version 10, by which svc-deploy may log in. */
typedef struct InForce {
        const GrantSet *set;
        char hash[65];
        char *current; /* as it was sent */
} InForce;

static bool is_allowed(const Fixture *f, const char *account, uint32_t uid)
{
        const AccessRequest ask = { .kind = REQUEST_ACCOUNT,
                                    .account = account,
                                    .uid = uid,
                                    .class = "ssh",
                                    .is_local = true };
        const HostView view = agent_host_view(f->agent);

        return decide(&f->agent->store, &view, &ask, agent_now(f->agent)).verdict == VERDICT_ALLOW;
}

static InForce stand(Fixture *f)
{
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        InForce s = { .current = fixture_set(f, 10, FIXTURE_ACCOUNT, grant) };

        assert_int_equal(strncmp(fixture_offer(f, strdup(s.current)), "accepted ", 9), 0);
        fixture_settle(f);
        s.set = f->agent->issuers[0].set;
        strcpy(s.hash, s.set->hash);
        assert_true(is_allowed(f, "svc-deploy", 70001));
        return s;
}

/* Nothing has changed. */
static void check_stands(Fixture *f, const InForce *s, const char *after)
{
        if (f->agent->issuers[0].set != s->set || !streq(s->set->hash, s->hash))
                fail_msg("another set is in force after %s", after);
        if (!is_allowed(f, "svc-deploy", 70001))
                fail_msg("svc-deploy is shut out after %s", after);
        if (is_allowed(f, "svc-theirs", 70009))
                fail_msg("svc-theirs is let in after %s", after);
}

/* ---- sets that are none ---- */

typedef struct Mint {
        const char *what;
        bool is_strangers; /* signed with another key */
        const char *typ, *iss, *aud;
        int64_t iat, exp, ver; /* from base_sec, of ver in milliseconds */
} Mint;

/* A lawful newer set that lets svc-theirs in, but for one thing. */
static const Mint bad_mints[] = {
        { "a set of another key", true, JWS_TYP_GRANTS, FIXTURE_ISSUER, FIXTURE_HOST, 0, 3600, 20 },
        { "another host's set", false, JWS_TYP_GRANTS, FIXTURE_ISSUER, "other.test", 0, 3600, 20 },
        { "another issuer's", false, JWS_TYP_GRANTS, "https://o.test", FIXTURE_HOST, 0, 3600, 20 },
        { "a lower version", false, JWS_TYP_GRANTS, FIXTURE_ISSUER, FIXTURE_HOST, 0, 3600, 9 },
        { "the same version", false, JWS_TYP_GRANTS, FIXTURE_ISSUER, FIXTURE_HOST, 0, 3600, 10 },
        { "one that is over", false, JWS_TYP_GRANTS, FIXTURE_ISSUER, FIXTURE_HOST, -7200, -3600,
          20 },
        { "tomorrow's version", false, JWS_TYP_GRANTS, FIXTURE_ISSUER, FIXTURE_HOST, 0, 3600,
          86400000 },
        { "tomorrow's set", false, JWS_TYP_GRANTS, FIXTURE_ISSUER, FIXTURE_HOST, 86400, 90000, 20 },
        { "another thing that the key signed", false, "nhi-head+jwt", FIXTURE_ISSUER, FIXTURE_HOST,
          0, 3600, 20 },
};

static char *mint(const Fixture *f, const Mint *m)
{
        _cleanup_free_ char *grant = fixture_grant("g-x", "svc-theirs", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *payload = NULL;
        const long long base = f->base_sec;
        SigningKey stranger;
        char *signed_set = NULL;

        assert_int_equal(signing_key_generate(&stranger), 0);
        assert_true(asprintf(&payload,
                             "{\"format\":1,\"iss\":\"%s\",\"aud\":\"%s\",\"iat\":%lld,"
                             "\"exp\":%lld,\"ver\":%lld,\"ledger\":\"00\",\"accounts\":[%s],"
                             "\"grants\":[%s]}",
                             m->iss, m->aud, base + (long long)m->iat, base + (long long)m->exp,
                             base * 1000 + (long long)m->ver, THEIRS, grant) > 0);
        assert_int_equal(jws_sign(m->is_strangers ? &stranger : &f->key, m->typ, payload,
                                  strlen(payload), &signed_set),
                         0);
        signing_key_done(&stranger);
        return signed_set;
}

/* ---- a fetcher as ours is, with other bytes ---- */

typedef struct Carrier {
        FeedClient *client;
        char answer[FEED_REPLY_MAX + 1];
        bool is_answered;
} Carrier;

static void on_answered(void *userdata, const char *line)
{
        Carrier *c = userdata;

        (void)snprintf(c->answer, sizeof(c->answer), "%s", line);
        c->is_answered = true;
}

static void carrier_init(Fixture *f, Carrier *c)
{
        FeedClientConfig config = feed_client_defaults;

        *c = (Carrier){ 0 };
        config.owner = geteuid();
        config.spacing_usec = 0;
        config.userdata = c;
        config.answered = on_answered;
        assert_int_equal(feed_client_new(f->event, &config, &c->client), 0);
}

static const char *carry(Fixture *f, Carrier *c, const void *bytes, size_t size)
{
        c->is_answered = false;
        assert_int_equal(feed_client_deliver(c->client, bytes, size), 0);
        assert_true(fixture_until(f, fixture_is_true, &c->is_answered));
        return c->answer;
}

static void carry_in_vain(Fixture *f, Carrier *c, const InForce *s, const char *bytes,
                          const char *what)
{
        const char *answer = carry(f, c, bytes, strlen(bytes));

        if (strncmp(answer, "refused ", 8) != 0)
                fail_msg("%s: %s", what, answer);
        check_stands(f, s, what);
}

static void what_is_no_valid_newer_set_changes_nothing(void **state)
{
        Fixture *f = *state;
        InForce s = stand(f);
        Carrier c;

        carrier_init(f, &c);
        for (size_t i = 0; i < ELEMENTSOF(bad_mints); i++) {
                _cleanup_free_ char *bad = mint(f, &bad_mints[i]);

                carry_in_vain(f, &c, &s, bad, bad_mints[i].what);
        }
        assert_int_equal(strncmp(carry(f, &c, s.current, strlen(s.current)), "unchanged ", 10), 0);
        check_stands(f, &s, "the set that is in force");
        feed_client_free(c.client);
        free(s.current);
}

static void what_is_no_set_changes_nothing(void **state)
{
        static const char *const rubbish[] = {
                "x",
                "..",
                "a.b.c",
                "{}",
                "null",
                "<html><body>503</body></html>",
                "eyJhbGciOiJub25lIn0.e30.", /* {"alg":"none"} */
                "\xff\xfe",
                "accepted 99 aa",
                "\n\n\n",
        };
        Fixture *f = *state;
        _cleanup_free_ char *zeros = calloc(1, 1 << 20);
        InForce s = stand(f);
        Carrier c;

        carrier_init(f, &c);
        for (size_t i = 0; i < ELEMENTSOF(rubbish); i++)
                carry_in_vain(f, &c, &s, rubbish[i], rubbish[i]);
        assert_int_equal(strncmp(carry(f, &c, zeros, 1 << 20), "refused ", 8), 0);
        assert_int_equal(strncmp(carry(f, &c, "", 0), "refused ", 8), 0);
        check_stands(f, &s, "nothing at all");
        feed_client_free(c.client);
        free(s.current);
}

/* Where the third part of a JWS begins, with its dot. */
static size_t signature_at(const char *jws)
{
        const size_t n = strcspn(jws, ".") + 1;

        return n + strcspn(jws + n, ".");
}

/* V17, V23: of a set that would revoke everything, and with parts of the one in force. */
static void a_newer_set_that_is_not_whole_changes_nothing(void **state)
{
        Fixture *f = *state;
        InForce s = stand(f);
        _cleanup_free_ char *newer = fixture_set(f, 20, FIXTURE_ACCOUNT, "");
        const size_t n = strlen(newer);
        Carrier c;
        char *mixed = NULL;

        carrier_init(f, &c);
        for (size_t i = 1; i < n; i += n / 20) {
                _cleanup_free_ char *cut = strndup(newer, i), *flipped = strdup(newer);

                flipped[i] = (char)(flipped[i] ^ 1);
                carry_in_vain(f, &c, &s, cut, "a cut set");
                carry_in_vain(f, &c, &s, flipped, "a changed set");
        }
        assert_true(asprintf(&mixed, "%.*s%s", (int)signature_at(newer), newer,
                             s.current + signature_at(s.current)) > 0);
        carry_in_vain(f, &c, &s, mixed, "a set with another's signature");
        free(mixed);
        assert_true(asprintf(&mixed, "%s\n", newer) > 0);
        carry_in_vain(f, &c, &s, mixed, "a set with a newline");
        free(mixed);
        assert_true(asprintf(&mixed, "%s%s", newer, s.current) > 0);
        carry_in_vain(f, &c, &s, mixed, "two sets");
        free(mixed);

        /* What it withheld all the time does at once what it is for. */
        assert_int_equal(strncmp(carry(f, &c, newer, n), "accepted ", 9), 0);
        assert_false(is_allowed(f, "svc-deploy", 70001));
        feed_client_free(c.client);
        free(s.current);
}

/* ---- a fetcher that knows no protocol ---- */

typedef struct Message {
        const char *what;
        FeedHeader header;
        size_t size;
        int fds[2];
        size_t n_fds;
        int fd; /* of the connection */
} Message;

static bool has_answer(void *userdata)
{
        const Message *m = userdata;
        char byte;
        const ssize_t n = recv(m->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

        return n >= 0 || errno != EAGAIN;
}

/* The answer; "": hung up. */
static void post(Fixture *f, Message *m, char ret[static FEED_REPLY_MAX + 1])
{
        union {
                struct cmsghdr head;
                uint8_t space[CMSG_SPACE(2 * sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = &m->header, .iov_len = m->size };
        struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;

        if (m->n_fds > 0) {
                h.msg_control = &control;
                h.msg_controllen = CMSG_SPACE(m->n_fds * sizeof(int));
                control.head.cmsg_level = SOL_SOCKET;
                control.head.cmsg_type = SCM_RIGHTS;
                control.head.cmsg_len = CMSG_LEN(m->n_fds * sizeof(int));
                memcpy(CMSG_DATA(&control.head), m->fds, m->n_fds * sizeof(int));
        }
        m->fd = dial(PATH_FEED_SOCK, SOCK_SEQPACKET);
        assert_int_equal(sendmsg(m->fd, &h, MSG_NOSIGNAL), (ssize_t)m->size);
        assert_true(fixture_until(f, has_answer, m));
        n = recv(m->fd, ret, FEED_REPLY_MAX, MSG_DONTWAIT);
        ret[n > 0 ? n : 0] = '\0';
        (void)close(m->fd);
}

/* Not sealed, with a lawful newer set in it. */
static int memfd_open(const char *jws, unsigned seals)
{
        const int fd = memfd_create("nhi-grant-set", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, jws, strlen(jws)), strlen(jws));
        if (seals)
                assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
        return fd;
}

static void what_does_not_keep_to_the_protocol_changes_nothing(void **state)
{
        static const FeedHeader good = { .magic = FEED_MAGIC };
        Fixture *f = *state;
        InForce s = stand(f);
        _cleanup_free_ char *newer = fixture_set(f, 20, FIXTURE_ACCOUNT, "");
        const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
        const int file = open(PATH_CONF_FILE, O_RDONLY | O_CLOEXEC),
                  sealed = memfd_open(newer, all);
        const int open_fd = memfd_open(newer, 0), half = memfd_open(newer, all & ~F_SEAL_WRITE);
        const int vast = memfd_open("", 0);
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(ftruncate(vast, (off_t)FEED_SET_MAX + 1), 0);
        assert_int_equal(fcntl(vast, F_ADD_SEALS, all), 0);
        Message messages[] = {
                { "no descriptor", good, sizeof(good), { 0 }, 0, -EBADF },
                { "two of them", good, sizeof(good), { sealed, sealed }, 2, -EBADF },
                { "a short header", good, sizeof(good) - 1, { sealed }, 1, -EBADF },
                { "another protocol",
                  { .magic = "NHIFEED2" },
                  sizeof(good),
                  { sealed },
                  1,
                  -EBADF },
                { "reserved bytes",
                  { .magic = FEED_MAGIC, .reserved = { 1 } },
                  sizeof(good),
                  { sealed },
                  1,
                  -EBADF },
                { "a memfd that is open", good, sizeof(good), { open_fd }, 1, -EBADF },
                { "a memfd that is half sealed", good, sizeof(good), { half }, 1, -EBADF },
                { "a file", good, sizeof(good), { file }, 1, -EBADF },
                { "a pipe", good, sizeof(good), { ends[0] }, 1, -EBADF },
                { "a memfd that is too large", good, sizeof(good), { vast }, 1, -EBADF },
        };
        for (size_t i = 0; i < ELEMENTSOF(messages); i++) {
                char answer[FEED_REPLY_MAX + 1];

                post(f, &messages[i], answer);
                if (*answer && strncmp(answer, "refused ", 8) != 0)
                        fail_msg("%s: %s", messages[i].what, answer);
                check_stands(f, &s, messages[i].what);
        }
        for (size_t i = 0; i < 2; i++)
                (void)close(ends[i]);
        (void)close(file);
        (void)close(sealed);
        (void)close(open_fd);
        (void)close(half);
        (void)close(vast);
        free(s.current);
}

/* The label is one: whose set it is, the signature says. */
static void a_wrong_label_gives_a_set_no_other_issuer(void **state)
{
        Fixture *f = *state;
        InForce s = stand(f);
        _cleanup_free_ char *newer = fixture_set(f, 20, FIXTURE_ACCOUNT, "");
        char answer[FEED_REPLY_MAX + 1];
        Message m = { .what = "a wrong label", .size = sizeof(FeedHeader), .n_fds = 1 };

        m.header = (FeedHeader){ .magic = FEED_MAGIC };
        memset(m.header.issuer_index_le, 0xff, sizeof(m.header.issuer_index_le));
        assert_int_equal(memfd_sealed("set", "rubbish", 7, &m.fds[0]), 0);
        post(f, &m, answer);
        assert_int_equal(strncmp(answer, "refused ", 8), 0);
        check_stands(f, &s, m.what);
        (void)close(m.fds[0]);

        assert_int_equal(memfd_sealed("set", newer, strlen(newer), &m.fds[0]), 0);
        post(f, &m, answer);
        (void)close(m.fds[0]);
        assert_int_equal(strncmp(answer, "accepted ", 9), 0);
        assert_int_equal(f->agent->issuers[0].set->ver, f->base_sec * 1000 + 20);
        free(s.current);
}

/* It may hold its door busy, and no other. */
static void connections_that_say_nothing_hold_up_nobody_else(void **state)
{
        Fixture *f = *state;
        InForce s = stand(f);
        int fds[300];
        Ask a;
        const WireRequest request = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = dial(PATH_FEED_SOCK, SOCK_SEQPACKET);
        ask(f, PATH_PAM_SOCK, &request, &a);
        assert_int_equal(a.r, 0);
        assert_int_equal(a.reply.verdict, 1);
        free(a.x);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]);
        check_stands(f, &s, "a flood");
        free(s.current);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(what_is_no_valid_newer_set_changes_nothing),
                TEST(what_is_no_set_changes_nothing),
                TEST(a_newer_set_that_is_not_whole_changes_nothing),
                TEST(what_does_not_keep_to_the_protocol_changes_nothing),
                TEST(a_wrong_label_gives_a_set_no_other_issuer),
                TEST(connections_that_say_nothing_hold_up_nobody_else),
        };

        return cmocka_run_group_tests_name("fetcher-hostile", tests, NULL, NULL);
}
