/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From argv to a verb and its options. */

#include "lib/base/io.h"
#include "nhictl/usage.h"
#include "nhictl/verb.h"

#include <sodium.h>
#include <stdio.h>

/* How many words of argv the verb's name covers: 0 where it is another verb. */
static int name_words(const Verb *v, int argc, char **argv)
{
        const char *blank = strchr(v->name, ' ');
        size_t size = blank ? (size_t)(blank - v->name) : strlen(v->name);

        if (strlen(argv[0]) != size || strncmp(argv[0], v->name, size) != 0)
                return 0;
        if (!blank)
                return 1;
        return argc > 1 && streq(argv[1], blank + 1) ? 2 : 0;
}

const Verb *verb_find(int argc, char **argv, int *ret_words)
{
        const Verb *found = NULL;

        *ret_words = 0;
        for (const Verb *const *v = verbs; argc > 0 && *v; v++) {
                int words = name_words(*v, argc, argv);

                if (words > *ret_words) {
                        *ret_words = words;
                        found = *v;
                }
        }
        return found;
}

static int check_operands(const Verb *v, size_t n)
{
        if (n < v->operands_min)
                return fail(VERB_USAGE, "%s wants more: nhictl %s %s", v->name, v->name,
                            v->synopsis);
        if (n > v->operands_max)
                return fail(VERB_USAGE, "%s has too many words: nhictl %s %s", v->name, v->name,
                            v->synopsis);
        return VERB_OK;
}

static int run_parsed(const Verb *v, void *options, const Args *args, int64_t now_sec)
{
        Call call = {
                .verb = v, .operands = args->operands, .options = options, .now_sec = now_sec
        };
        int r;

        if (args->help) {
                usage_verb(v, stdout);
                return VERB_OK;
        }
        r = check_operands(v, args->operands.n);
        if (r != VERB_OK)
                return r;
        output_init(&call.out, args->json, args->color);
        return v->run(&call);
}

static int run_verb(const Verb *v, int argc, char **argv)
{
        int64_t now_sec = now_realtime_usec() / (int64_t)USEC_PER_SEC;
        _cleanup_free_ void *options = calloc(1, v->options_size ? v->options_size : 1);
        char error[ARGS_ERROR_MAX];
        Args args;
        int r;

        if (!options)
                return fail(VERB_FAILED, "out of memory");
        r = args_parse(v->options, options, argc, argv, now_sec, &args, error);
        if (r == 0)
                r = run_parsed(v, options, &args, now_sec);
        else if (r == -EINVAL)
                r = fail(VERB_USAGE, "%s: %s (nhictl help %s)", v->name, error, v->name);
        else
                r = fail(VERB_FAILED, "out of memory");
        args_done(v->options, options, &args);
        return r;
}

static int run_help(int argc, char **argv)
{
        int words;
        const Verb *v;

        if (argc == 0) {
                usage_all(stdout);
                return VERB_OK;
        }
        v = verb_find(argc, argv, &words);
        if (v) {
                usage_verb(v, stdout);
                return VERB_OK;
        }
        if (usage_noun(argv[0], stdout))
                return VERB_OK;
        return fail(VERB_USAGE, "no such verb: %s (nhictl help lists them)", argv[0]);
}

int nhictl_main(int argc, char **argv)
{
        const char *first = argc > 1 ? argv[1] : NULL;
        const Verb *v;
        int words;

        if (sodium_init() < 0)
                return fail(VERB_FAILED, "libsodium does not start");
        if (!first) {
                usage_all(stderr);
                return VERB_USAGE;
        }
        if (streq(first, "help") || streq(first, "--help") || streq(first, "-h"))
                return run_help(argc - 2, argv + 2);
        if (streq(first, "--version") || streq(first, "-V"))
                return printf("nhictl %s\n", NHI_VERSION) < 0 ? VERB_FAILED : VERB_OK;
        v = verb_find(argc - 1, argv + 1, &words);
        if (v)
                return run_verb(v, argc - 1 - words, argv + 1 + words);
        if (usage_noun(first, stderr))
                return VERB_USAGE;
        return fail(VERB_USAGE, "no such verb: %s (nhictl help lists them)", first);
}
