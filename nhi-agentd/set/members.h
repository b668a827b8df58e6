/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON objects into structures by tables: each object of the format is one table of its members,
 * with name, type, limit and place. What the table does not know is refused; the caller decides
 * whether that refuses an entry or the set. */

#include "lib/base/macro.h"
#include "nhi-agentd/set/arena.h"
#include "nhi-agentd/set/intern.h"
#include "nhi-agentd/set/set.h"

#include <jansson.h>

/* A list of terms, once for all grants of the set that have the same. */
typedef struct TermList {
        const char *json; /* for display */
        const Term *terms;
        uint32_t n;
        bool is_covered; /* host and key allow it, whoever has it */
} TermList;

/* One set being decoded. code and detail hold the last problem. */
typedef struct Decode {
        Arena *arena;   /* lives with the set */
        Arena *scratch; /* dies with this */
        Intern texts;
        Intern own_texts;        /* of members that seldom repeat: the last few thousand */
        Intern term_lists;       /* TermList by its text as it stands in the payload */
        TermList *term_list;     /* of the grant at hand; NULL: not known yet */
        const json_t *cut_terms; /* of the grant at hand, where they stand apart */
        const char *cut;         /* their text */
        size_t cut_size;
        const SetPolicy *policy;
        const TrustedKey *key;
        const LocalDb *local;
        const IdMap *idmap;
        Now now;
        GrantSet *set;
        const char *code;
        char detail[SET_DETAIL_MAX];
} Decode;

/* The value is not what it must be: d->code and d->detail say why. Other failures are -ENOMEM. */
#define DECODE_E_PROBLEM 1

typedef struct Member Member;
typedef int (*MemberReader)(Decode *d, const Member *m, const json_t *value, void *ret);

struct Member {
        const char *name;
        MemberReader read;
        size_t offset; /* of the place in the structure */
        bool required;
        bool may_be_empty;               /* texts and lists */
        bool is_distinct;                /* a text that no other entry has */
        bool is_own;                     /* a text that few other entries have */
        size_t limit;                    /* bytes of a text or of each item; 0: GRANT_TEXT_MAX */
        bool (*valid)(const char *text); /* of a text or of each item; NULL: clean text */
        const char *expects;             /* what valid wants, in words */
};

/* Read object by the table into ret, which holds the defaults of what is absent. */
int members_read(Decode *d, const json_t *object, const Member *table, size_t n, void *ret);

/* Record a problem; returns DECODE_E_PROBLEM. */
_printf_(3, 4) int decode_problem(Decode *d, const char *code, const char *format, ...);
/* What a reading that ended with r is to its caller: DECODE_E_PROBLEM is SET_E_REFUSED, and
 * *ret_error has the problem; all else is r. */
int decode_result(const Decode *d, int r, SetError *ret_error);

/* Readers and the type of *ret. */
int read_text(Decode *d, const Member *m, const json_t *v, void *ret);   /* const char * */
int read_list(Decode *d, const Member *m, const json_t *v, void *ret);   /* StrList */
int read_time(Decode *d, const Member *m, const json_t *v, void *ret);   /* int64_t, > 0 */
int read_number(Decode *d, const Member *m, const json_t *v, void *ret); /* int64_t, > 0 */
int read_id(Decode *d, const Member *m, const json_t *v, void *ret);     /* uint32_t */
int read_count(Decode *d, const Member *m, const json_t *v, void *ret);  /* uint32_t, > 0 */
int read_flag(Decode *d, const Member *m, const json_t *v, void *ret);   /* bool */
int read_array(Decode *d, const Member *m, const json_t *v,
               void *ret); /* const json_t *, borrowed */
int read_object(Decode *d, const Member *m, const json_t *v,
                void *ret); /* const json_t *, borrowed */
int read_json_list(Decode *d, const Member *m, const json_t *v,
                   void *ret); /* const char *, its JSON */

/* Pieces for readers of other shapes: an array of at most GRANT_LIST_MAX items, not empty unless
 * the member may be; and one text checked by the member's rules. */
int check_array(Decode *d, const Member *m, const json_t *v);
int check_text(Decode *d, const Member *m, const json_t *v);

/* A text that stands once in the set; NULL where there is no memory. */
const char *decode_text(Decode *d, const char *text, size_t size);
/* v as compact ASCII: whatever hides in its texts is shown as an escape. buffer holds it, or *ret
 * is malloc'ed. */
#define JSON_BUFFER_SIZE 4096u
int json_format(const json_t *v, char buffer[static JSON_BUFFER_SIZE], char **ret,
                size_t *ret_size);
