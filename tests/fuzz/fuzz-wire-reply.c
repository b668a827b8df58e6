/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A reply as the modules read it: as fuzz-wire-request.c. */

#include "lib/base/macro.h"
#include "tests/fuzz/fuzz-wire.h"

static uint8_t first[WIRE_MSG_MAX], second[WIRE_MSG_MAX];

static void reply_check(const WireReply *r)
{
        char text[WIRE_TEXT_MAX + 1];
        size_t pos = 0, n = 0;
        WireText item;

        FUZZ_HOLDS(r->type == WIRE_VERDICT || r->type == WIRE_KEYS_LIST, "a reply");
        FUZZ_HOLDS(wire_text_copy(r->subject, text, 257) == 0 && strlen(text) == r->subject.size,
                   "a subject within its limit");
        FUZZ_HOLDS(wire_text_copy(r->reason, text, 65) == 0, "a reason within its limit");
        FUZZ_HOLDS(wire_text_copy(r->message, text, 1025) == 0, "a message within its limit");
        FUZZ_HOLDS(wire_text_copy(r->jti, text, 65) == 0, "a jti within its limit");
        FUZZ_HOLDS(r->verdict <= 1, "allow or deny");
        FUZZ_HOLDS(r->subject.size > 0, "a subject is required");
        while (wire_list_next(&r->keys, &pos, &item))
                n++;
        FUZZ_HOLDS(n == r->keys.n && n <= WIRE_LIST_MAX, "as many keys as it says");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t n_first = 0, n_second = 0;
        WireReply r, again;

        if (wire_reply_decode(data, size, &r) != 0)
                return 0;
        reply_check(&r);
        FUZZ_HOLDS(wire_reply_encode(&r, first, sizeof(first), &n_first) == 0,
                   "what decodes encodes");
        FUZZ_HOLDS(n_first <= size, "nothing is added");
        FUZZ_HOLDS(wire_reply_decode(first, n_first, &again) == 0, "what encodes decodes");
        FUZZ_HOLDS(wire_reply_encode(&again, second, sizeof(second), &n_second) == 0 &&
                           n_first == n_second && memcmp(first, second, n_first) == 0,
                   "to the same");
        return 0;
}
