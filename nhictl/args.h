/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one option parser. Each verb declares a table of options whose targets are members of one
 * struct of its own, zeroed before it is filled in; help and completions are printed from the same
 * table. Options and operands may be mixed; "--" ends the options. "--name value", "--name=value",
 * "-n value". A string, number, duration or time given twice is an error; a list grows. */

#include "lib/base/macro.h"

#include <stdio.h>

typedef enum OptionKind {
        OPTION_FLAG,     /* bool */
        OPTION_STRING,   /* const char *: NULL where absent, never empty */
        OPTION_LIST,     /* ArgList */
        OPTION_NUMBER,   /* int64_t, 1 to INT32_MAX: 0 where absent */
        OPTION_DURATION, /* int64_t seconds: 0 where absent */
        OPTION_TIME,     /* int64_t seconds since the epoch; a duration counts from now: 0 absent */
        OPTION_SINCE,    /* the same; a duration counts back from now */
} OptionKind;

typedef struct ArgList {
        const char **items; /* the strings are argv's */
        size_t n;
} ArgList;

typedef struct Option {
        const char *name; /* without "--"; NULL ends a table */
        char letter;      /* 0: none */
        OptionKind kind;
        size_t offset;     /* offsetof(the verb's struct, member) */
        const char *value; /* what to call the value in help, "T"; NULL for a flag */
        const char *help;
} Option;

#define ARGS_ERROR_MAX 256

typedef struct Args {
        ArgList operands;
        bool json;         /* --json: every verb has it */
        bool help;         /* --help, -h */
        const char *color; /* --color always|never|auto */
} Args;

/* Parse argv[0..argc) (the words behind the verb). target is the verb's struct, zeroed. 0; or
 * -EINVAL and a sentence in ret_error; or -ENOMEM. What was stored is freed with args_done() in
 * either case. */
int args_parse(const Option *options, void *target, int argc, char **argv, int64_t now_sec,
               Args *ret, char ret_error[static ARGS_ERROR_MAX]);
void args_done(const Option *options, void *target, Args *args);

/* One line per option. */
void args_help(const Option *options, FILE *f);
