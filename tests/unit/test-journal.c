/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/journal.h"

#include <sys/socket.h>
#include <sys/un.h>

typedef struct Case {
        int fd; /* journald's end */
        Journal *journal;
        char entry[JOURNAL_ENTRY_MAX];
        size_t size;
} Case;

static int bind_journald(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", PATH_JOURNAL_SOCK);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static int setup(void **state)
{
        Case *c = calloc(1, sizeof(*c));

        assert_non_null(c);
        fixture_clean();
        fixture_dirs();
        c->fd = bind_journald();
        assert_int_equal(journal_new(PATH_JOURNAL_SOCK, &c->journal), 0);
        *state = c;
        return 0;
}

static int teardown(void **state)
{
        Case *c = *state;

        journal_free(c->journal);
        closep(&c->fd);
        free(c);
        fixture_clean();
        return 0;
}

/* The next entry, whether it came as a datagram or as a memfd. */
static bool receive(Case *c)
{
        union {
                struct cmsghdr head;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = c->entry, .iov_len = sizeof(c->entry) - 1 };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control) };
        ssize_t n = recvmsg(c->fd, &m, 0);
        const struct cmsghdr *head = CMSG_FIRSTHDR(&m);

        if (n < 0)
                return false;
        if (head) {
                int fd;

                memcpy(&fd, CMSG_DATA(head), sizeof(fd));
                n = pread(fd, c->entry, sizeof(c->entry) - 1, 0);
                (void)close(fd);
        }
        c->size = (size_t)n;
        c->entry[n] = '\0';
        return true;
}

static bool has_line(const Case *c, const char *line)
{
        const char *at = memmem(c->entry, c->size, line, strlen(line));

        return at && (at == c->entry || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static const Actor prior = { .sub = "agent:first" };
static const Actor act = { .sub = "agent:release-bot", .prior = &prior };
static const Grant grant = {
        .jti = "g-1",
        .account = "svc-deploy",
        .sub = "spiffe://x/ci",
        .owner = "payments",
        .reason = "CHG-42 roll out",
        .ticket = "CHG-42",
        .issued_by = "",
        .act = &act,
        .issuer = "https://i",
        .set_hash = "abc",
};

static Event decision(void)
{
        return (Event){
                .kind = EVENT_DECISION,
                .account = "svc-deploy",
                .uid = 70001,
                .class = "ssh",
                .service = "sshd",
                .phase = "account",
                .mode = "enforce",
                .has_decision = true,
                .decision = { .verdict = VERDICT_ALLOW,
                              .reason = REASON_GRANTED,
                              .grant = &grant,
                              .end_sec = 1763761800 },
                .rhost = "10.1.2.3",
                .decision_id = 7,
        };
}

static void every_event_has_its_own_id_and_name(void **state)
{
        for (unsigned i = 0; i < EVENT_N; i++) {
                assert_int_equal(strlen(event_message_id(i)), 32);
                assert_int_equal(strspn(event_message_id(i), "0123456789abcdef"), 32);
                assert_in_range(event_priority(i), 0, 7);
                for (unsigned j = 0; j < i; j++) {
                        assert_string_not_equal(event_message_id(i), event_message_id(j));
                        assert_string_not_equal(event_name(i), event_name(j));
                }
        }
}

static void a_decision_says_who_what_when_and_why(void **state)
{
        static const char *const lines[] = {
                "MESSAGE_ID=ac465a7b7bbe42e195cc42f76bbae1a5",
                "PRIORITY=6",
                "NHI_EVENT=decision",
                "NHI_VERDICT=allow",
                "NHI_REASON=granted",
                "NHI_ACCOUNT=svc-deploy",
                "NHI_UID=70001",
                "NHI_CLASS=ssh",
                "NHI_SERVICE=sshd",
                "NHI_PHASE=account",
                "NHI_MODE=enforce",
                "NHI_GRANT=g-1",
                "NHI_SUBJECT=spiffe://x/ci",
                "NHI_OWNER=payments",
                "NHI_WHY=CHG-42 roll out",
                "NHI_TICKET=CHG-42",
                "NHI_ACTOR=agent:release-bot < agent:first",
                "NHI_SET=abc",
                "NHI_RHOST=10.1.2.3",
                "NHI_UNTIL=1763761800",
                "NHI_DECISION=7",
                "MESSAGE=Allowed svc-deploy, ssh under grant g-1 (CHG-42 roll out)",
        };
        Case *c = *state;
        const Event e = decision();

        journal_event(c->journal, &e);
        assert_true(receive(c));
        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (!has_line(c, lines[i]))
                        fail_msg("no %s in:\n%s", lines[i], c->entry);
        assert_null(strstr(c->entry, "NHI_ISSUED_BY"));
}

static void a_denial_says_which_reason(void **state)
{
        Case *c = *state;
        Event e = decision();

        e.kind = EVENT_DENIAL;
        e.decision = (Decision){ .verdict = VERDICT_DENY, .reason = REASON_EXPIRED };
        journal_event(c->journal, &e);
        assert_true(receive(c));
        assert_true(has_line(c, "NHI_VERDICT=deny"));
        assert_true(has_line(c, "NHI_REASON=expired"));
        assert_true(has_line(c, "MESSAGE=Denied svc-deploy, ssh: the grant has ended (expired)"));
}

static void no_text_becomes_a_field_of_its_own(void **state) /* O13 U09 */
{
        Case *c = *state;
        Event e = decision();

        e.account = "x\nNHI_VERDICT=allow";
        e.rhost = "\033[2J\n_UID=0";
        e.decision = (Decision){ .verdict = VERDICT_DENY };
        e.kind = EVENT_DENIAL;
        journal_event(c->journal, &e);
        assert_true(receive(c));
        /* length-carrying: the name, a newline, 64 bits of size */
        assert_non_null(memmem(c->entry, c->size, "NHI_ACCOUNT\n\x13\0\0\0\0\0\0\0x\n", 22));
        assert_null(memmem(c->entry, c->size, "NHI_ACCOUNT=", 12));
        assert_null(memmem(c->entry, c->size, "NHI_RHOST=", 10));
        assert_true(has_line(c, "NHI_VERDICT=deny"));
        assert_non_null(strstr(c->entry, "x\\x0aNHI_VERDICT"));
}

/* Let datagrams of the journal's own socket hold next to nothing. */
static void shrink_senders(const Case *c)
{
        const int small = 4608;

        for (int fd = 3; fd < 64; fd++) {
                int type = 0;
                socklen_t size = sizeof(type);

                if (fd != c->fd && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
                    type == SOCK_DGRAM)
                        assert_int_equal(
                                setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
        }
}

static void a_large_entry_travels_whole(void **state) /* by memfd */
{
        Case *c = *state;
        _cleanup_free_ char *text = malloc(JOURNAL_TEXT_MAX + 100);
        Event e = decision();

        assert_non_null(text);
        memset(text, 'a', JOURNAL_TEXT_MAX + 99);
        text[JOURNAL_TEXT_MAX + 99] = '\0';
        e.command = e.target = e.tty = e.ruser = e.detail = text;

        shrink_senders(c);
        journal_event(c->journal, &e);
        assert_true(receive(c));
        assert_true(c->size > 5 * JOURNAL_TEXT_MAX);
        assert_int_equal(journal_dropped(c->journal), 0);
}

static void a_journald_that_does_not_read_never_blocks_and_losses_are_told(void **state)
{
        Case *c = *state;
        const Event e = decision();
        const uint64_t before = now_monotonic_usec();
        char line[64];
        uint64_t dropped;

        for (unsigned i = 0; i < 2000; i++)
                journal_event(c->journal, &e);
        assert_true(now_monotonic_usec() - before < 30 * USEC_PER_SEC); /* nobody reads */
        dropped = journal_dropped(c->journal);
        assert_true(dropped > 0);
        while (receive(c))
                continue;
        journal_event(c->journal, &e);
        assert_true(receive(c));
        (void)snprintf(line, sizeof(line), "NHI_JOURNAL_DROPPED=%llu", (unsigned long long)dropped);
        assert_true(has_line(c, line));
        journal_event(c->journal, &e);
        assert_true(receive(c));
        assert_null(strstr(c->entry, "NHI_JOURNAL_DROPPED"));
}

static void without_journald_events_are_counted(void **state)
{
        Case *c = *state;
        const Event e = decision();

        assert_int_equal(unlink(PATH_JOURNAL_SOCK), 0);
        journal_event(c->journal, &e);
        assert_int_equal(journal_dropped(c->journal), 1);
        closep(&c->fd);
        c->fd = bind_journald();
        journal_event(c->journal, &e);
        assert_true(receive(c));
        assert_true(has_line(c, "NHI_JOURNAL_DROPPED=1"));
}

static void a_journald_in_place_of_another_gets_what_follows(void **state)
{
        Case *c = *state;
        const Event e = decision();

        journal_event(c->journal, &e);
        assert_true(receive(c));
        closep(&c->fd);
        assert_int_equal(unlink(PATH_JOURNAL_SOCK), 0);
        c->fd = bind_journald();
        journal_event(c->journal, &e);
        assert_true(receive(c));
        assert_int_equal(journal_dropped(c->journal), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(every_event_has_its_own_id_and_name),
                TEST(a_decision_says_who_what_when_and_why),
                TEST(a_denial_says_which_reason),
                TEST(no_text_becomes_a_field_of_its_own),
                TEST(a_large_entry_travels_whole),
                TEST(a_journald_that_does_not_read_never_blocks_and_losses_are_told),
                TEST(without_journald_events_are_counted),
                TEST(a_journald_in_place_of_another_gets_what_follows),
        };

        return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
