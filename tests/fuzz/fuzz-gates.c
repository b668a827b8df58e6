/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The gates file. Input: the file, as it lies on the disk. A damaged file is never taken for one
 * that gates fewer (lib/gate/parse.c): what parses does not parse without its end; whoever it
 * defines is enforced everywhere; what undoes an enforcement touches nothing else. */

#include "lib/base/macro.h"
#include "lib/gate/gates.h"
#include "tests/fuzz/fuzz.h"

static int group_lookup(void *userdata, const char *group, gid_t *ret)
{
        (void)userdata;
        if (streq(group, "broken"))
                return -EIO;
        if (!streq(group, "ops"))
                return -ENOENT;
        *ret = 500;
        return 0;
}

static const gid_t gids[] = { 100, 500 };
static const GateSubject subjects[] = {
        { .name = "svc-deploy", .uid = 70001, .gids = gids, .n_gids = 2, .lookup = group_lookup },
        { .name = "root", .uid = 0, .gids = gids, .n_gids = 1, .lookup = group_lookup },
        { .name = "CORP\\john.doe", .uid = (uid_t)-1, .lookup = group_lookup },
        { .name = NULL, .uid = (uid_t)-1, .lookup = group_lookup },
};
static const char *const classes[] = { "ssh", "sudo", "systemd-user", "pam:vsftpd", NULL };

static void ask_all(const Gates *g, GateMode ret[ELEMENTSOF(subjects)][ELEMENTSOF(classes)])
{
        for (size_t i = 0; i < ELEMENTSOF(subjects); i++)
                for (size_t j = 0; j < ELEMENTSOF(classes); j++) {
                        char gate[8];

                        memset(gate, 'x', sizeof(gate));
                        ret[i][j] = gates_match(g, &subjects[i], classes[j], gate, sizeof(gate));
                        FUZZ_HOLDS(memchr(gate, 0, sizeof(gate)), "the gate's name is cut to fit");
                        FUZZ_HOLDS(ret[i][j] != GATE_EXEMPT, "gates exempt nobody");
                        FUZZ_HOLDS(!gate[0] || ret[i][j] != GATE_UNGATED, "a gate that decides");
                }
}

static void defined_ones_are_enforced(const Gates *g)
{
        for (size_t i = 0; i < g->n_accounts; i++) {
                GateSubject by_name = { .name = g->accounts[i].name,
                                        .uid = (uid_t)-1,
                                        .lookup = group_lookup };
                GateSubject by_uid = { .name = "x",
                                       .uid = g->accounts[i].uid,
                                       .lookup = group_lookup };

                FUZZ_HOLDS(gates_match(g, &by_name, "cron", NULL, 0) == GATE_ENFORCE,
                           "a defined name is enforced");
                FUZZ_HOLDS(by_uid.uid == (uid_t)-1 ||
                                   gates_match(g, &by_uid, "cron", NULL, 0) == GATE_ENFORCE,
                           "a defined uid is enforced");
        }
}

/* Every gate observed: nobody is gated harder than before, definitions stay, and what was left
 * alone is. */
static void observing_relaxes_gates_only(const Gates *g, const char *text, size_t size)
{
        GateMode before[ELEMENTSOF(subjects)][ELEMENTSOF(classes)];
        GateMode after[ELEMENTSOF(subjects)][ELEMENTSOF(classes)];
        const char *names[] = { g->n_rules > 0 ? g->rules[0].name : "ops", "ops", "everyone" };
        char *observed = NULL;
        Gates *again = NULL;

        FUZZ_HOLDS(gates_text_observe(text, size, names, ELEMENTSOF(names), &observed) == 0,
                   "a file that parses can be relaxed");
        FUZZ_HOLDS(strlen(observed) == size, "of the same size");
        FUZZ_HOLDS(gates_parse(observed, size, &again) == 0, "which parses, too");
        FUZZ_HOLDS(again->n_accounts == g->n_accounts && again->n_rules == g->n_rules,
                   "and holds as much");
        ask_all(g, before);
        ask_all(again, after);
        for (size_t i = 0; i < ELEMENTSOF(subjects); i++)
                for (size_t j = 0; j < ELEMENTSOF(classes); j++)
                        FUZZ_HOLDS(after[i][j] == before[i][j] || (before[i][j] == GATE_ENFORCE &&
                                                                   after[i][j] == GATE_OBSERVE),
                                   "enforced becomes observed and nothing else changes");
        defined_ones_are_enforced(again);
        gates_free(again);
        free(observed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = { data, size };
        size_t n = 0;
        char *text = input_rest(&in, &n);
        Gates *g = NULL, *shorter = NULL;

        if (gates_parse(text, n, &g) == 0) {
                FUZZ_HOLDS(!memchr(text, 0, n), "no NUL");
                FUZZ_HOLDS(g->n_rules <= GATES_N_MAX && g->n_accounts <= GATES_ACCOUNTS_MAX,
                           "within the limits");
                FUZZ_HOLDS(gates_parse(text, n - 1, &shorter) != 0 &&
                                   gates_parse(text, n / 2, &shorter) != 0,
                           "a file that lost its end is no file");
                defined_ones_are_enforced(g);
                observing_relaxes_gates_only(g, text, n);
                gates_free(g);
        }
        free(text);
        return 0;
}
