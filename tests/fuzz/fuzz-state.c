/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* state.json, what a host remembers. Input: the file. What is read is written and read again as
 * the same; floors, ended grants and locks are found by their names. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/state.h"
#include "tests/fuzz/fuzz.h"

static void remembered(const State *s)
{
        FUZZ_HOLDS(s->time_floor_sec >= 0, "a time floor is not negative");
        FUZZ_HOLDS(s->n_issuers <= STATE_ISSUERS_MAX && s->n_ended <= STATE_ENDED_ALL_MAX &&
                           s->n_locked <= STATE_LOCKED_MAX,
                   "within the limits");
        for (size_t i = 0; i < s->n_issuers; i++) {
                const SetFloor *f = state_floor(s, s->issuers[i].issuer),
                               *l = state_list_floor(s, s->issuers[i].issuer);

                FUZZ_HOLDS(!f || (f->ver > 0 && strlen(f->hash) == 64), "a floor is whole");
                FUZZ_HOLDS(!l || (l->ver > 0 && strlen(l->hash) == 64), "and one of a list, too");
        }
        for (size_t i = 0; i < s->n_ended; i++) {
                FUZZ_HOLDS(jti_is_valid(s->ended[i].jti), "what ended is a grant");
                FUZZ_HOLDS(state_ended(s, s->ended[i].issuer, s->ended[i].jti) == &s->ended[i],
                           "and is found");
                FUZZ_HOLDS(s->ended[i].exp_sec >= 0 && s->ended[i].at_sec >= 0, "in time");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = NULL, *again_text = NULL;
        size_t n = 0, n_again = 0;
        State *s = NULL, *again = NULL;

        if (state_parse((const char *)data, size, &s) < 0)
                return 0;
        remembered(s);
        FUZZ_HOLDS(state_format(s, NULL, NULL, 0, &text, &n) == 0, "what is read is written");
        FUZZ_HOLDS(state_parse(text, n, &again) == 0, "what is written is read");
        FUZZ_HOLDS(state_format(again, NULL, NULL, 0, &again_text, &n_again) == 0 && n == n_again &&
                           memcmp(text, again_text, n) == 0,
                   "as the same");
        FUZZ_HOLDS(s->n_issuers == again->n_issuers && s->n_ended == again->n_ended &&
                           s->n_locked == again->n_locked,
                   "nothing is lost");
        state_free(s);
        state_free(again);
        free(text);
        free(again_text);
        return 0;
}
