/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A verb is one file: it defines `const Verb verb_NAME`, and verbs.c names it in the one table from
 * which dispatch, usage and help come. */

#include "nhictl/args.h"
#include "nhictl/output.h"

/* nhictl(1), EXIT STATUS. */
typedef enum VerbStatus {
        VERB_OK = 0,          /* allowed, or well */
        VERB_PROBLEM = 1,     /* denied, or a problem was found */
        VERB_USAGE = 2,       /* the command line is wrong */
        VERB_UNREACHABLE = 3, /* no agent */
        VERB_STALE = 4,       /* data that is too old or not trusted */
        VERB_FAILED = 5,      /* could not do it */
} VerbStatus;

/* What a verb is given. */
typedef struct Call {
        const struct Verb *verb;
        ArgList operands;
        void *options; /* the verb's struct, filled in */
        Output out;
        int64_t now_sec;
} Call;

typedef struct Verb {
        const char *name;      /* "grant", or noun and action: "account add" */
        const char *synopsis;  /* what follows the name in usage: "ACCOUNT --for T ..." */
        const char *help;      /* a summary of at most 78 characters, lower case, no full stop; then
                                  sentences on lines of their own */
        const Option *options; /* NULL: none of its own */
        size_t options_size;   /* sizeof of its struct; 0 with NULL */
        size_t operands_min, operands_max; /* counts outside are a usage error */
        VerbStatus (*run)(Call *call);
} Verb;

#define OPERANDS_ANY SIZE_MAX
#define OPTION_END                                                                                 \
        {                                                                                          \
                NULL, 0, 0, 0, NULL, NULL                                                          \
        }

/* In the order of the usage text; NULL ends it. */
extern const Verb *const verbs[];

/* The whole program: what main() does, for tests too. */
int nhictl_main(int argc, char **argv);
