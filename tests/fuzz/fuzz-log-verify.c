/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verifier of the decision log. Input: a byte that says how, and then
 *  even: files, each ended by the byte 0xff, as they stand;
 *  odd:  which byte is changed and how, and bodies of records, one a line, of which a log is made
 *        with a chain that fits: with the change it is not whole against its head (Y1).
 * It ends (Y5); what it takes for a record is one JSON object to a parser, too. */

#include "lib/base/macro.h"
#include "lib/jose/json.h"
#include "nhictl/log/verify-internal.h"
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

static void is_json_to_others(const char *line, size_t size)
{
        VerifyLine l = { .data = line, .size = size };
        json_t *v;

        verify_line_read(&l);
        if (!l.is_record)
                return;
        v = json_read(line, size, 0, NULL);
        FUZZ_HOLDS(json_is_object(v), "a record is a JSON object");
        if (l.set) {
                const char *set = json_string_value(json_object_get(v, "set"));

                FUZZ_HOLDS(set || json_object_get(v, "set"), "its set is there");
        }
        json_decref(v);
}

static void add_file(Verify *v, VerifyCrew *crew, const char *name, const LogSegment *segment,
                     const char *data, size_t size)
{
        const char *p = data, *end = data + log_segment_extent(data, size), *newline;

        verify_file_begin(v, name, segment, 0);
        for (; p < end && (newline = memchr(p, '\n', (size_t)(end - p))); p = newline + 1) {
                is_json_to_others(p, (size_t)(newline - p));
                FUZZ_HOLDS(verify_crew_add(crew, p, (size_t)(newline - p)) == 0, "memory");
        }
        FUZZ_HOLDS(verify_crew_flush(crew) == 0, "memory");
        verify_file_end(v, (size_t)(end - p));
}

static void as_they_stand(Input *in)
{
        VerifyReport report = {};
        Verify v = { .report = &report };
        VerifyCrew *crew = NULL;

        FUZZ_HOLDS(verify_crew_new(&v, 1, &crew) == 0, "memory");
        while (in->size > 0) {
                const uint8_t kind = input_u8(in);
                LogSegment segment = { .kind = kind & 1 ? LOG_FILE_CLOSED : LOG_FILE_ACTIVE,
                                       .first_seq = kind & 1 ? 1u + kind / 2 : 0 };
                size_t size;
                char *data = input_until(in, 0xff, &size);

                add_file(&v, crew, "decisions.log", &segment, data, size);
                free(data);
        }
        verify_heads_end(&v);
        FUZZ_HOLDS(report.n_records == 0 || report.n_problems > 0 ||
                           report.last_seq - report.first_seq + 1 == report.n_records,
                   "of what is whole no record is missing");
        verify_crew_free(crew);
        verify_sets_clear(&v.sets);
}

static void changed(Input *in)
{
        static char text[64 * 1024];
        const size_t at = input_u8(in) | (size_t)input_u8(in) << 8;
        const uint8_t mask = input_u8(in) | 1;
        LogSegment segment = { .kind = LOG_FILE_ACTIVE };
        VerifyReport report = {};
        LogHeads heads = {};
        Verify v = { .report = &report, .heads = &heads };
        VerifyCrew *crew = NULL;
        LogHead head = {};
        size_t size = 0, n, line;

        while (in->size > 0) {
                char *body = input_until(in, '\n', &n);

                if (log_line_make(&head.chain, 0, body, n, text + size, sizeof(text) - size,
                                  &line) == 0)
                        size += line;
                free(body);
        }
        if (size == 0)
                return;
        text[at % size] = (char)(text[at % size] ^ mask);
        FUZZ_HOLDS(log_heads_give(&heads, &head, "test") == 0 && verify_crew_new(&v, 1, &crew) == 0,
                   "memory");
        add_file(&v, crew, LOG_ACTIVE_NAME, &segment, text, size);
        verify_heads_end(&v);
        FUZZ_HOLDS(report.n_problems > 0, "a byte that was changed is found");
        verify_crew_free(crew);
        verify_sets_clear(&v.sets);
        log_heads_done(&heads);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        return sodium_init() < 0 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = { data, size };

        if (input_u8(&in) % 2 == 0)
                as_they_stand(&in);
        else
                changed(&in);
        return 0;
}
