/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hosts by name, glob and label: listed, granted to and published for. */

#include "nhictl/key.h"
#include "nhictl/ledger/selection.h"
#include "nhictl/verb.h"
#include "tests/unit/ledger-fixture.h"
#include "tests/unit/verb-fixture.h"

#include <sodium.h>

typedef struct World {
        Fixture *f;
        char key[300];
} World;

static void add_host(Ledger *l, const char *name, const char *label)
{
        assert_int_equal(ledger_put(l, DOC_HOST, name,
                                    json_pack("{s:s, s:[s]}", "name", name, "labels", label)),
                         0);
}

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));
        Ledger *l;
        void *f;

        assert_int_equal(fixture_setup(&f), 0);
        w->f = f;
        (void)snprintf(w->key, sizeof(w->key), "%s/key", w->f->root);
        assert_int_equal(key_create(w->key), 0);
        l = fixture_open(w->f, true);
        fixture_fill(l); /* web1, labelled web */
        add_host(l, "web2", "web");
        add_host(l, "web10", "canary");
        add_host(l, "db1", "canary");
        (void)ledger_free(l);
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;
        void *f = w->f;

        (void)fixture_teardown(&f);
        free(w);
        return 0;
}

#define LEDGER(w) "--ledger", (w)->f->ledger
#define GRANT(w)                                                                                   \
        "grant", "svc-deploy", "--owner", "payments", "--reason", "r", "--for", "30m",             \
                "--service", "ssh", "--no-publish", LEDGER(w)

static void assert_hosts(const json_t *doc, const char *const *names)
{
        const json_t *hosts = json_object_get(doc, "hosts");
        size_t n = 0;

        for (; names[n]; n++)
                if (!document_list_has(hosts, names[n]))
                        fail_msg("%s is not among them", names[n]);
        assert_int_equal(json_array_size(hosts), n);
}
#define HOSTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The grant that was just made. */
static void assert_granted(const World *w, const char *const *names)
{
        Ledger *l = fixture_open(w->f, false);

        out[strcspn(out, "\n")] = '\0';
        assert_hosts(ledger_get(l, DOC_GRANT, out), names);
        (void)ledger_free(l);
}

static void any_glob_or_label_selects_and_none_selects_all(void **state)
{
        static const char *const globs[] = { "web?" }, *const labels[] = { "canary" };
        json_t *canary = json_pack("{s:[s]}", "labels", "canary");
        const HostSelection all = { 0 }, both = { globs, 1, labels, 1 }, name = { globs, 1, 0, 0 };

        assert_true(host_is_selected(&all, "x", NULL));
        assert_true(host_is_selected(&both, "web1", NULL));
        assert_true(host_is_selected(&both, "db1", canary));
        assert_false(host_is_selected(&both, "db1", NULL));
        assert_false(host_is_selected(&name, "web10", canary));
        assert_true(host_glob_is("web[12]") && host_glob_is("*") && !host_glob_is("web1.a-b"));
        json_decref(canary);
}

static void a_list_is_of_those_that_were_chosen(void **state)
{
        const World *w = *state;
        json_t *doc;

        OK("host", "list", "web?", "--label", "nobody-s", "--json", LEDGER(w));
        doc = json_loads(out, 0, NULL);
        assert_int_equal(json_array_size(json_object_get(doc, "hosts")), 2);
        json_decref(doc);
        OK("host", "list", LEDGER(w), "--label", "canary");
        assert_true(strstr(out, "db1") && strstr(out, "web10") && !strstr(out, "web2"));
        OK("host", "list", LEDGER(w));
        assert_non_null(strstr(out, "web2"));
        OK("host", "list", "nothing*", LEDGER(w));
        assert_string_equal(out, "");
}

static void a_grant_goes_to_the_hosts_that_a_glob_names_now(void **state)
{
        const World *w = *state;

        OK(GRANT(w), "--host", "web*");
        assert_granted(w, HOSTS("web1", "web2", "web10"));
        OK(GRANT(w), "--host", "web1", "--host", "web[12]", "--host", "db1");
        assert_granted(w, HOSTS("web1", "web2", "db1"));
        assert_said("web[12]: 2 hosts");
        ENDS(VERB_USAGE, GRANT(w), "--host", "mail*");
        assert_said("no host's name is like mail*");
        ENDS(VERB_USAGE, GRANT(w), "--host", "web3");
        assert_said("there is no host web3");
        ENDS(VERB_USAGE, GRANT(w));
        assert_said("4 hosts");
}

static bool is_published(const World *w, const char *name)
{
        char path[600];

        (void)snprintf(path, sizeof(path), "%s/%s.jws", w->f->target, name);
        return access(path, F_OK) == 0;
}

static void only_what_was_chosen_is_published_and_nothing_chosen_is_said(void **state)
{
        const World *w = *state;

        OK("publish", LEDGER(w), "--key", w->key, "--host", "mail*");
        assert_said("no host has such a name or label");
        OK("publish", LEDGER(w), "--key", w->key, "--host", "web?", "--label", "canary");
        assert_true(is_published(w, "web1") && is_published(w, "web2") && is_published(w, "db1"));
        OK("publish", LEDGER(w), "--key", w->key, "--host", "web2", "--renew");
        assert_string_equal(out, "unchanged\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_glob_or_label_selects_and_none_selects_all),
                TEST(a_list_is_of_those_that_were_chosen),
                TEST(a_grant_goes_to_the_hosts_that_a_glob_names_now),
                TEST(only_what_was_chosen_is_published_and_nothing_chosen_is_said),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests_name("selection", tests, NULL, NULL);
}
