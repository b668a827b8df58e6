/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a member of an etcd cluster says to the fetcher. Input: one byte, then by its lowest two
 * bits the answer to a read, the stream of a watch in pieces of as many bytes as the rest of it
 * says, an authentication, or base64 alone. */

#include "lib/base/macro.h"
#include "lib/http/base64.h"
#include "lib/http/etcd.h"
#include "nhi-agentd/fetch/line-buffer.h"
#include "tests/fuzz/fuzz.h"

#define KEY      "k"
#define LINE_MAX 600u

static void answer_check(const EtcdAnswer *a)
{
        FUZZ_HOLDS(a->revision >= 0 && a->mod_revision >= 0 && a->compact_revision >= 0,
                   "revisions are no less than nothing");
        FUZZ_HOLDS(!a->has_value || (a->value && a->mod_revision > 0), "a value is somewhen");
        FUZZ_HOLDS(!a->has_value || !a->is_deleted, "there or gone");
        FUZZ_HOLDS(!a->is_error || !a->has_value, "an error brings no value");
        FUZZ_HOLDS(memchr(a->error, '\0', sizeof(a->error)), "an error is text");
}

static void range_check(const char *text, size_t size)
{
        EtcdAnswer a = { 0 };

        if (etcd_range_parse(text, size, &a) == 0) {
                answer_check(&a);
                FUZZ_HOLDS(a.is_error || a.revision > 0, "an answer has a revision");
                FUZZ_HOLDS(!a.is_deleted && !a.is_canceled && !a.is_created, "and is of no watch");
        }
        etcd_answer_done(&a);
}

static bool on_line(void *userdata, const char *line, size_t size)
{
        EtcdAnswer a = { 0 };

        FUZZ_HOLDS(size > 0 && size <= LINE_MAX && !memchr(line, '\n', size), "a line");
        *(size_t *)userdata += size;
        if (etcd_watch_parse(line, size, KEY, &a) == 0)
                answer_check(&a);
        etcd_answer_done(&a);
        return true;
}

static void watch_check(const char *text, size_t size, size_t step)
{
        LineBuffer b = { .max = LINE_MAX };
        size_t n_taken = 0;
        bool goes_on = true;

        for (size_t i = 0; i < size && goes_on; i += step) {
                const size_t n = size - i < step ? size - i : step;

                goes_on = line_buffer_put(&b, text + i, n, on_line, &n_taken);
                FUZZ_HOLDS(b.size <= LINE_MAX, "no more is kept than the longest line");
                FUZZ_HOLDS(n_taken <= i + n, "no more is taken than came");
        }
        line_buffer_reset(&b);
}

static void base64_check(const char *text, size_t size)
{
        _cleanup_free_ uint8_t *bytes = NULL;
        _cleanup_free_ char *again = NULL;
        size_t n = 0;

        if (base64_decode(text, size, &bytes, &n) < 0)
                return;
        again = base64_encode(bytes, n);
        FUZZ_HOLDS(again && strlen(again) == size && memcmp(again, text, size) == 0,
                   "bytes have one spelling");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = { data, size };
        const uint8_t kind = input_u8(&in);
        size_t n = 0;
        _cleanup_free_ char *text = input_rest(&in, &n), *token = NULL;

        switch (kind & 3) {
        case 0:
                range_check(text, n);
                break;
        case 1:
                watch_check(text, n, (kind >> 2) + 1);
                break;
        case 2:
                token = etcd_auth_parse(text, n);
                FUZZ_HOLDS(!token || (*token && !strpbrk(token, "\r\n")), "a token is a header's");
                break;
        default:
                base64_check(text, n);
        }
        return 0;
}
