/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl's command line. Input: words, each ended by NUL. What is stored was said, once, and is in
 * range. */

#include "nhictl/args.h"
#include "tests/fuzz/fuzz.h"

#define WORDS_MAX 64

typedef struct Said {
        bool flag, other;
        const char *string;
        ArgList list;
        int64_t number, duration, at, since;
} Said;

static const Option options[] = {
        { "flag", 'f', OPTION_FLAG, offsetof(Said, flag), NULL, "" },
        { "flagged", 0, OPTION_FLAG, offsetof(Said, other), NULL, "" },
        { "string", 's', OPTION_STRING, offsetof(Said, string), "S", "" },
        { "list", 'l', OPTION_LIST, offsetof(Said, list), "L", "" },
        { "number", 'n', OPTION_NUMBER, offsetof(Said, number), "N", "" },
        { "for", 0, OPTION_DURATION, offsetof(Said, duration), "D", "" },
        { "until", 'u', OPTION_TIME, offsetof(Said, at), "T", "" },
        { "since", 0, OPTION_SINCE, offsetof(Said, since), "T", "" },
        { NULL, 0, 0, 0, NULL, NULL },
};

static bool is_of(const char *text, char *const *words, int n)
{
        for (int i = 0; i < n; i++)
                if (text >= words[i] && text <= words[i] + strlen(words[i]))
                        return true;
        return false;
}

static void said_check(const Said *s, const Args *a, char *const *words, int n)
{
        FUZZ_HOLDS(!s->string || (*s->string && is_of(s->string, words, n)),
                   "a string is what was said");
        FUZZ_HOLDS(s->number >= 0 && s->number <= INT32_MAX, "a number in range");
        FUZZ_HOLDS(s->duration >= 0 && s->at >= 0 && s->since >= 0, "times are not negative");
        FUZZ_HOLDS(s->list.n + a->operands.n <= (size_t)n, "not more than was said");
        for (size_t i = 0; i < s->list.n; i++)
                FUZZ_HOLDS(*s->list.items[i] && is_of(s->list.items[i], words, n),
                           "a list of what was said");
        for (size_t i = 0; i < a->operands.n; i++)
                FUZZ_HOLDS(is_of(a->operands.items[i], words, n), "operands that were said");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = { data, size };
        char *words[WORDS_MAX + 1] = { NULL }, error[ARGS_ERROR_MAX];
        Said said = { 0 };
        Args args = { 0 };
        int n = 0, r;

        while (in.size > 0 && n < WORDS_MAX)
                words[n++] = input_text(&in);
        memset(error, 'x', sizeof(error));
        r = args_parse(options, &said, n, words, INT64_C(1763760000), &args, error);
        if (r == 0)
                said_check(&said, &args, words, n);
        else
                FUZZ_HOLDS(memchr(error, 0, sizeof(error)) && *error, "a refusal is a sentence");
        args_done(options, &said, &args);
        for (int i = 0; i < n; i++)
                free(words[i]);
        return 0;
}
