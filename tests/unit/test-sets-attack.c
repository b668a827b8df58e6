/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hostile source against the agent as a whole: what is in force before and after it has tried. */

#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/core/decide.h"
#include "nhi-agentd/session/registry.h"

#include <fcntl.h>
#include <fts.h>
#include <sys/mman.h>

static int setup(void **state)
{
        const int r = fixture_setup(state);

        writer_inject = NULL;
        fixture_load(*state);
        return r;
}

static bool is_allowed(const Fixture *f, const char *account, uint32_t uid, Now now)
{
        const AccessRequest ask = { .kind = REQUEST_ACCOUNT,
                                    .account = account,
                                    .uid = uid,
                                    .class = "ssh",
                                    .is_local = true };
        const HostView view = agent_host_view(f->agent);

        return decide(&f->agent->store, &view, &ask, now).verdict == VERDICT_ALLOW;
}

static bool is_deploy_allowed(const Fixture *f)
{
        return is_allowed(f, "svc-deploy", 70001, agent_now(f->agent));
}

/* A set with svc-deploy, postgres's grant, and more accounts; malloc'ed. */
static char *set_with(Fixture *f, int64_t ver_offset, const char *accounts, const char *grant)
{
        _cleanup_free_ char *local = fixture_grant("g-local", "postgres", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *grants = NULL;

        assert_true(asprintf(&grants, "%s%s%s", local, grant[0] ? "," : "", grant) > 0);
        return fixture_set(f, ver_offset, accounts, grants);
}

static void absent_is_revoked_with_no_word_about_it_V24(void **state)
{
        Fixture *f = *state;
        Now then;

        fixture_deploy(f, "g-1", 0);
        then = agent_now(f->agent);
        assert_true(is_allowed(f, "svc-deploy", 70001, then));
        fixture_offer(f, set_with(f, 1, FIXTURE_ACCOUNT, ""));
        assert_int_equal(strncmp(f->line, "accepted ", 9), 0);
        /* Not because time went by. */
        assert_false(is_allowed(f, "svc-deploy", 70001, then));
        assert_true(is_allowed(f, "postgres", 110, then));
}

static void a_collision_delays_no_revocation_V31(void **state)
{
        static const char collide[] =
                FIXTURE_ACCOUNT ",{\"name\":\"svc-x\",\"kind\":\"workload\",\"owner\":\"o\","
                                "\"uid\":70005,\"gid\":70005}"
                                ",{\"name\":\"svc-y\",\"kind\":\"workload\",\"owner\":\"o\","
                                "\"uid\":70005,\"gid\":70006}"
                                ",{\"name\":\"svc-z\",\"kind\":\"workload\",\"owner\":\"o\","
                                "\"uid\":70007,\"gid\":70007}"
                                ",{\"name\":\"svc-z\",\"kind\":\"workload\",\"owner\":\"o\","
                                "\"uid\":70008,\"gid\":70008}";
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_offer(f, set_with(f, 1, collide, ""));
        assert_int_equal(strncmp(f->line, "accepted ", 9), 0);
        assert_false(is_deploy_allowed(f));
        assert_int_equal(f->agent->issuers[0].set->n_accounts, 1);
        assert_int_equal(f->agent->issuers[0].set->n_quarantine, 4);
        assert_true(is_allowed(f, "postgres", 110, agent_now(f->agent)));
}

/* Cut, and with a bit changed, along the whole of it; the sets test does every byte and bit. */
static void damage_on_the_way_leaves_what_is_in_force_V17(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *next = NULL;
        const GrantSet *before;
        size_t n;

        fixture_deploy(f, "g-1", 0);
        before = f->agent->issuers[0].set;
        next = fixture_set(f, 1, "", "");
        n = strlen(next);
        for (size_t i = 1; i < n; i += n / 24) {
                char *cut = strndup(next, i), *flipped = strdup(next);

                flipped[i] = (char)(flipped[i] ^ 1 << i % 7);
                assert_int_equal(strncmp(fixture_offer(f, cut), "refused ", 8), 0);
                assert_int_equal(strncmp(fixture_offer(f, flipped), "refused ", 8), 0);
        }
        assert_ptr_equal(f->agent->issuers[0].set, before);
        assert_true(is_deploy_allowed(f));
        assert_int_equal(strncmp(fixture_offer(f, strdup(next)), "accepted ", 9), 0);
        assert_false(is_deploy_allowed(f));
}

static void an_old_set_brings_nothing_back_V18(void **state)
{
        Fixture *f = *state;
        _cleanup_free_ char *grant = fixture_grant("g-1", "svc-deploy", 600, FIXTURE_LOGIN);
        _cleanup_free_ char *old = fixture_set(f, 0, FIXTURE_ACCOUNT, grant);

        fixture_offer(f, strdup(old));
        assert_true(is_deploy_allowed(f));
        fixture_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, ""));
        assert_false(is_deploy_allowed(f));
        for (int i = 0; i < 2; i++) { /* over a restart, too */
                assert_int_equal(
                        strncmp(fixture_offer(f, strdup(old)), "refused version-floor", 21), 0);
                assert_false(is_deploy_allowed(f));
                fixture_restart(f);
                assert_false(is_deploy_allowed(f));
        }
}

static void a_uid_is_never_given_to_the_next_name_V33(void **state)
{
        static const char heir[] = "{\"name\":\"svc-heir\",\"kind\":\"workload\",\"owner\":\"o\","
                                   "\"uid\":70001,\"gid\":70001}";
        _cleanup_free_ char *grant = fixture_grant("g-2", "svc-heir", 600, FIXTURE_LOGIN);
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_offer(f, fixture_set(f, 1, "", ""));
        fixture_restart(f);
        fixture_offer(f, fixture_set(f, 2, heir, grant));
        assert_int_equal(strncmp(f->line, "accepted ", 9), 0);
        assert_int_equal(f->agent->issuers[0].set->n_accounts, 0);
        assert_string_equal(f->agent->issuers[0].set->quarantine[0].code, "uid-tombstone");
        assert_false(is_allowed(f, "svc-heir", 70001, agent_now(f->agent)));
}

static bool has_no_set(void *userdata)
{
        return ((Fixture *)userdata)->agent->store.n_grants == 0;
}

static void a_retired_key_takes_its_grants_with_it_V26(void **state)
{
        Fixture *f = *state;
        SigningKey retired = f->key, next;
        char *jwk = NULL;

        fixture_deploy(f, "g-1", 0);
        assert_int_equal(signing_key_generate(&next), 0);
        assert_int_equal(jwk_format(&next.public, &jwk), 0);
        fixture_write(FIXTURE_KEY, jwk);
        free(jwk);
        assert_int_equal(agent_reload(f->agent), 0);
        assert_true(fixture_until(f, has_no_set, f));
        assert_false(is_deploy_allowed(f));
        fixture_offer(f, fixture_set(f, 1, FIXTURE_ACCOUNT, ""));
        assert_int_equal(strncmp(f->line, "refused key", 11), 0);
        f->key = next;
        fixture_deploy(f, "g-3", 2);
        assert_true(is_deploy_allowed(f));
        signing_key_done(&retired);
}

/* True where a file below the test root holds these bytes. */
static bool disk_holds(const void *needle, size_t size)
{
        char etc[] = PATH_ROOT "/etc", run[] = PATH_ROOT "/run", var[] = PATH_ROOT "/var";
        char *const folders[] = { etc, run, var, NULL };
        FTS *tree = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        bool found = false;
        FTSENT *e;

        assert_non_null(tree);
        while ((e = fts_read(tree))) {
                _cleanup_free_ char *bytes = NULL;
                size_t n = 0;

                if (e->fts_info == FTS_F &&
                    file_read_trusted(e->fts_accpath, geteuid(), SET_SIZE_MAX, &bytes, &n) == 0)
                        found = found || memmem(bytes, n, needle, size);
        }
        (void)fts_close(tree);
        return found;
}

/* A stolen disk gives nobody a key: a host has the public half alone. */
static void no_secret_is_on_the_disk_A20(void **state)
{
        char text[64], hex[65];
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        fixture_restart(f);
        base64url_encode(f->key.secret, 32, text);
        sodium_bin2hex(hex, sizeof(hex), f->key.secret, 32);
        assert_true(disk_holds(f->key.public.kid, strlen(f->key.public.kid)));
        assert_false(disk_holds(f->key.secret, 32));
        assert_false(disk_holds(text, strlen(text)));
        assert_false(disk_holds(hex, strlen(hex)));
}

/* Sealed, and as many blocks as it has bytes, but not where they should be. */
static SetBytes *bytes_with_a_hole(void)
{
        const int fd = memfd_create("hole", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        SetBytes *bytes = NULL;

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, 2 << 16), 0);
        assert_int_equal(fallocate(fd, 0, 0, 1 << 16), 0);
        assert_int_equal(fallocate(fd, FALLOC_FL_KEEP_SIZE, 2 << 16, 1 << 16), 0);
        assert_int_equal(
                fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL),
                0);
        assert_int_equal(set_bytes_map(fd, SET_SIZE_MAX, &bytes), 0);
        (void)close(fd);
        return bytes;
}

/* The number of the issuer is the fetcher's word alone, and may name one that there is not. */
static void a_source_that_there_is_not_offers_nothing_that_counts(void **state)
{
        static const uint32_t labels[] = { 1, 1000000, UINT32_MAX };
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        for (size_t i = 0; i < ELEMENTSOF(labels); i++) {
                f->answered = false;
                assert_int_equal(sets_offer_bytes(f->agent->sets, labels[i], bytes_with_a_hole(),
                                                  fixture_on_offered, f),
                                 0);
                assert_true(fixture_until(f, fixture_is_answered, f));
                assert_int_equal(strncmp(f->line, "refused not-verified ", 21), 0);
                assert_true(is_deploy_allowed(f));
        }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(absent_is_revoked_with_no_word_about_it_V24),
                T(a_collision_delays_no_revocation_V31),
                T(damage_on_the_way_leaves_what_is_in_force_V17),
                T(an_old_set_brings_nothing_back_V18),
                T(a_uid_is_never_given_to_the_next_name_V33),
                T(a_retired_key_takes_its_grants_with_it_V26),
                T(no_secret_is_on_the_disk_A20),
                T(a_source_that_there_is_not_offers_nothing_that_counts),
        };

        return cmocka_run_group_tests_name("sets-attack", tests, NULL, NULL);
}
