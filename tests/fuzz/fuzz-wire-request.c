/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A request as the agent reads it (A06): what decodes encodes again, and that decodes to the same;
 * texts hold no NUL; lists are as long as they say. */

#include "lib/base/macro.h"
#include "tests/fuzz/fuzz-wire.h"

static uint8_t first[WIRE_MSG_MAX], second[WIRE_MSG_MAX];

static void list_walk(const WireList *l)
{
        size_t pos = 0, n = 0;
        WireText item;

        while (wire_list_next(l, &pos, &item)) {
                FUZZ_HOLDS(item.size == 0 || !memchr(item.data, 0, item.size), "no NUL in an item");
                n++;
        }
        FUZZ_HOLDS(n == l->n && n <= WIRE_LIST_MAX, "as many items as it says");
}

static void text_check(WireText t, size_t size_max)
{
        char copy[WIRE_TEXT_MAX + 1];

        FUZZ_HOLDS(t.size <= size_max, "within its limit");
        FUZZ_HOLDS(wire_text_copy(t, copy, sizeof(copy)) == 0 && strlen(copy) == t.size,
                   "a text is a C string");
}

static void request_check(const WireRequest *r)
{
        uint32_t sum = 0;

        FUZZ_HOLDS(r->type == WIRE_PAM || r->type == WIRE_COMMAND || r->type == WIRE_KEYS,
                   "a request");
        text_check(r->service, 256);
        text_check(r->subject, 256);
        text_check(r->target, 256);
        text_check(r->ruser, 256);
        text_check(r->rhost, 1024);
        text_check(r->tty, 256);
        text_check(r->auth_info, 4096);
        text_check(r->target_group, 256);
        text_check(r->command, 4096);
        text_check(r->cwd, 4096);
        list_walk(&r->argv);
        list_walk(&r->edit);
        for (uint32_t i = 0; i < r->gids.n; i++)
                sum += wire_gids_at(&r->gids, i);
        (void)sum;
        FUZZ_HOLDS(r->subject.size > 0, "a subject is required");
        if (r->type == WIRE_PAM)
                FUZZ_HOLDS(r->phase >= 1 && r->phase <= 4 && r->mode >= 1 && r->mode <= 3,
                           "phase and mode are lawful");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t n_first = 0, n_second = 0;
        WireRequest r, again;

        if (wire_request_decode(data, size, &r) != 0)
                return 0;
        request_check(&r);
        FUZZ_HOLDS(wire_request_encode(&r, first, sizeof(first), &n_first) == 0,
                   "what decodes encodes");
        FUZZ_HOLDS(n_first <= size, "nothing is added");
        FUZZ_HOLDS(wire_request_decode(first, n_first, &again) == 0, "what encodes decodes");
        FUZZ_HOLDS(wire_request_encode(&again, second, sizeof(second), &n_second) == 0 &&
                           n_first == n_second && memcmp(first, second, n_first) == 0,
                   "to the same");
        return 0;
}
