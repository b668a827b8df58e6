/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* nsswitch.conf(5) as libc reads it: which services a database asks, in which order, and what ends
 * the search. */

#include <stdbool.h>
#include <stddef.h>

#define NSSWITCH         "/etc/nsswitch.conf"
#define NSSWITCH_MAX     (64u * 1024)
#define SWITCH_WORDS_MAX 32u

/* One database's line: services and [actions] in order. */
typedef struct SwitchLine {
        char *text; /* owned, cut into words */
        char *words[SWITCH_WORDS_MAX];
        size_t n;
        unsigned line; /* 0: there is none */
} SwitchLine;

/* The last line of a database counts. 0 and *ret (line 0 where there is none), or -ENOMEM. */
int switch_load(const char *conf, const char *database, SwitchLine *ret);
void switch_done(SwitchLine *s);
/* The position of a word; s->n where it is not there. */
size_t switch_find(const SwitchLine *s, const char *word);

/* "[STATUS=ACTION ...]" with an action other than continue for an answer that says "not here"
 * (NOTFOUND), or for one that says "out of order" (UNAVAIL, TRYAGAIN; UNAVAIL alone is what a
 * service answers whose server is down). A "!" turns it round. */
typedef struct Blocks {
        bool always, in_outage, when_unavailable;
} Blocks;
Blocks action_judge(const char *word);
