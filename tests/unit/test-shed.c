/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A08 from outside: requests through pam.sock, records as journald receives them. */

#include "tests/unit/doors-fixture.h"

#include "nhi-agentd/control/denials.h"
#include "nhi-agentd/journal.h"
#include "nhi-agentd/request.h"

static int journald = -EBADF;

static void bind_journald(void)
{
        struct sockaddr_un address;

        address_of(PATH_JOURNAL_SOCK, &address);
        journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(journald >= 0);
        assert_int_equal(bind(journald, (struct sockaddr *)&address, sizeof(address)), 0);
}

static int teardown_shed(void **state)
{
        (void)close(journald);
        return fixture_teardown(state);
}

/* What journald has got about each account; read after every request, since it holds ten datagrams.
 */
typedef struct Records {
        const char *account;
        unsigned n_single, n_allowed, n_observed;
        uint64_t n_counted, count; /* records that count, and what they count */
} Records;

static Records records[] = { { .account = "alice" },
                             { .account = "postgres" },
                             { .account = "svc-deploy" } };

static bool has_field(const char *entry, size_t size, const char *field, const char *value)
{
        char text[512];
        const int n = snprintf(text, sizeof(text), "\n%s=%s\n", field, value);

        return memmem(entry, size, text, (size_t)n) != NULL;
}

static void record_add(Records *r, const char *entry, size_t size)
{
        const char *count = memmem(entry, size, "\nNHI_COUNT=", 11);

        r->n_allowed += has_field(entry, size, "NHI_EVENT", "decision");
        r->n_single += has_field(entry, size, "NHI_EVENT", "denial");
        r->n_observed += has_field(entry, size, "NHI_EVENT", "would-deny");
        if (!has_field(entry, size, "NHI_EVENT", "denials"))
                return;
        assert_non_null(count);
        assert_int_equal(has_field(entry, size, "NHI_DETAIL", "asked by uid 1000"),
                         streq(r->account, "alice"));
        r->n_counted++;
        r->count += strtoull(count + 11, NULL, 10);
}

static Records *records_read(const char *account)
{
        static char entry[65536];
        Records *found = NULL;
        ssize_t n;

        while ((n = recv(journald, entry, sizeof(entry), MSG_DONTWAIT)) > 0)
                for (size_t i = 0; i < ELEMENTSOF(records); i++)
                        if (has_field(entry, (size_t)n, "NHI_ACCOUNT", records[i].account))
                                record_add(&records[i], entry, (size_t)n);
        for (size_t i = 0; i < ELEMENTSOF(records); i++)
                if (streq(records[i].account, account))
                        found = &records[i];
        assert_non_null(found);
        return found;
}

static int setup_shed(void **state)
{
        const int r = setup(state);

        bind_journald();
        for (size_t i = 0; i < ELEMENTSOF(records); i++)
                records[i] = (Records){ .account = records[i].account };
        ((Fixture *)*state)->agent->config->denials_burst = 3;
        ((Fixture *)*state)->agent->config->denials_per_sec = 1;
        return r;
}

static WireRequest su_of(const char *subject, uint32_t uid)
{
        WireRequest q = pam("su", subject, uid, WIRE_PHASE_AUTHENTICATE);

        q.real_uid = uid;
        q.target = wire_text("root");
        return q;
}

/* The reason of the answer: one of the table's tokens. */
static const char *answer(Fixture *f, const WireRequest *q, uint32_t verdict)
{
        char token[64] = "";
        Ask a;

        ask(f, PATH_PAM_SOCK, q, &a);
        assert_int_equal(a.r, 0);
        assert_int_equal(a.reply.verdict, verdict);
        assert_int_equal(wire_text_copy(a.reply.reason, token, sizeof(token)), 0);
        free(a.x);
        (void)records_read("alice");
        assert_true(reason_from_token(token) >= 0);
        return reason_token((Reason)reason_from_token(token));
}

static bool is_counted(void *userdata)
{
        return records_read("alice")->n_counted > 0;
}

/* What is counted still is written down. */
static const Records *records_at_the_end(Fixture *f, const char *account)
{
        f->agent->requests = requests_free(f->agent->requests);
        return records_read(account);
}

static void a_flood_is_denied_without_a_decision_and_counted_exactly(void **state) /* A08 */
{
        Fixture *f = *state;
        const WireRequest q = su_of("alice", 1000);
        unsigned n_shed = 0, n_decided = 0;
        const Records *seen;
        DenialView v[256];

        fixture_deploy(f, "g-1", 0);
        for (unsigned i = 0; i < 200; i++) {
                const uint64_t before = f->agent->decision_id;

                if (streq(answer(f, &q, VERDICT_DENY), "too-many-denials")) {
                        assert_int_equal(f->agent->decision_id, before);
                        n_shed++;
                } else {
                        n_decided++;
                }
        }
        assert_true(n_shed > 0 && n_decided >= 3);
        assert_true(fixture_until(f, is_counted, NULL)); /* within a second, by itself */
        seen = records_at_the_end(f, "alice");
        assert_int_equal(seen->n_single, n_decided);
        assert_int_equal(seen->count, n_shed);
        assert_int_equal(denials_list(f->agent->denials, "alice", v, ELEMENTSOF(v)), n_decided + 1);
}

static void others_are_answered_and_recorded_one_by_one_meanwhile(void **state) /* A08 */
{
        Fixture *f = *state;
        const WireRequest flood = su_of("alice", 1000), other = su_of("postgres", 110);
        const WireRequest root = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);

        fixture_deploy(f, "g-1", 0);
        for (unsigned i = 0; i < 20; i++)
                (void)answer(f, &flood, VERDICT_DENY);
        assert_string_equal(answer(f, &root, VERDICT_ALLOW), "granted");
        assert_int_equal(records_read("svc-deploy")->n_allowed, 1);
        for (unsigned i = 0; i < 3; i++)
                assert_string_not_equal(answer(f, &other, VERDICT_DENY), "too-many-denials");
        assert_int_equal(records_read("postgres")->n_single, 3);
        assert_int_equal(records_read("postgres")->n_counted, 0);
}

/* sshd asks as uid 0 for whoever knocks: who has a grant gets in, however many were denied. */
static void a_flood_from_the_network_denies_nobody(void **state) /* A08 D2 */
{
        Fixture *f = *state;
        const WireRequest no = pam("sshd", "svc-deploy", 70002, WIRE_PHASE_ACCOUNT);
        const WireRequest yes = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        const Records *seen;

        fixture_deploy(f, "g-1", 0);
        for (unsigned i = 0; i < 30; i++)
                assert_string_equal(answer(f, &no, VERDICT_DENY), "uid-mismatch");
        assert_string_equal(answer(f, &yes, VERDICT_ALLOW), "granted");
        seen = records_at_the_end(f, "svc-deploy");
        assert_int_equal(seen->n_allowed, 1);
        assert_int_equal(seen->n_single + seen->count, 30);
        assert_true(seen->count > 0);
}

static void what_is_allowed_is_never_counted_together(void **state) /* A08 D1 */
{
        Fixture *f = *state;
        const WireRequest yes = pam("sshd", "svc-deploy", 70001, WIRE_PHASE_ACCOUNT);
        const Records *seen;

        fixture_deploy(f, "g-1", 0);
        for (unsigned i = 0; i < 40; i++)
                assert_string_equal(answer(f, &yes, VERDICT_ALLOW), "granted");
        seen = records_at_the_end(f, "svc-deploy");
        assert_int_equal(seen->n_allowed, 40);
        assert_int_equal(seen->count, 0);
}

static bool is_observed(void *userdata)
{
        return records_read("alice")->n_observed == *(unsigned *)userdata;
}

static void observed_access_is_recorded_one_by_one(void **state) /* A08 D1 */
{
        Fixture *f = *state;
        WireRequest q = su_of("alice", 1000);
        WireExchange *x = malloc(sizeof(*x));

        assert_non_null(x);
        q.mode = WIRE_MODE_OBSERVE;
        for (unsigned i = 1; i <= 20; i++) {
                assert_int_equal(wire_notify(PATH_PAM_SOCK, geteuid(), &q, x), 0);
                assert_true(fixture_until(f, is_observed, &i));
        }
        free(x);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup_shed, teardown_shed)
        const struct CMUnitTest tests[] = {
                CASE(a_flood_is_denied_without_a_decision_and_counted_exactly),
                CASE(others_are_answered_and_recorded_one_by_one_meanwhile),
                CASE(a_flood_from_the_network_denies_nobody),
                CASE(what_is_allowed_is_never_counted_together),
                CASE(observed_access_is_recorded_one_by_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
