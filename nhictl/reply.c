/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/reply.h"

#include "nhi-agentd/core/grant.h"
#include "nhictl/verb.h"

#include <stdio.h>

const char *member_text(const json_t *object, const char *name)
{
        return json_string_value(json_object_get(object, name));
}

int64_t member_number(const json_t *object, const char *name)
{
        return json_integer_value(json_object_get(object, name));
}

int64_t member_sec(const json_t *object, const char *name)
{
        const int64_t sec = member_number(object, name);

        return sec > 0 && sec <= TIME_SEC_MAX ? sec : 0;
}

bool member_is_true(const json_t *object, const char *name)
{
        return json_is_true(json_object_get(object, name));
}

int reply_print(json_t *reply)
{
        (void)json_object_del(reply, "ok");
        return output_document(reply) < 0 ? VERB_FAILED : VERB_OK;
}

/* ---- terms in words ----------------------------------------------------------------------------
 */

typedef struct Words {
        char *text;
        size_t size, used;
} Words;

static void words_add(Words *w, const char *before, const char *word)
{
        int n = snprintf(w->text + w->used, w->size - w->used, "%s%s", before, word);

        if (n < 0)
                return;
        w->used += (size_t)n < w->size - w->used ? (size_t)n : w->size - w->used - 1;
}

/* "ssh, sudo": each item after what joins it to the one before; lead stands before the first. */
static void words_list(Words *w, const json_t *list, const char *lead, const char *join)
{
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
                words_add(w, i == 0 ? lead : join, json_string_value(item) ?: "?");
}

/* The members of a term in the order in which they are said. */
static const struct TermWords {
        const char *member, *lead, *join;
} term_words[] = {
        { "services", "", ", " },
        { "run_as", " as ", " or " },
        { "run_as_groups", " group ", " or " },
        { "edit", " edit ", " " },
        { "from", " from ", " or " },
        { "units", "unit ", ", unit " },
        { "groups", "group ", ", group " },
};

static bool list_has(const json_t *list, const char *text)
{
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
                if (streq_ptr(json_string_value(item), text))
                        return true;
        return false;
}

static bool term_is_unbounded(const json_t *term)
{
        const json_t *run_as = json_object_get(term, "run_as");

        return (list_has(run_as, "root") || list_has(run_as, "*")) &&
               json_array_size(json_object_get(term, "commands")) == 0 &&
               json_array_size(json_object_get(term, "edit")) == 0;
}

static void words_term(Words *w, const json_t *term)
{
        size_t n_commands = json_array_size(json_object_get(term, "commands"));
        char commands[48];

        if (w->used > 0)
                words_add(w, ", ", "");
        for (size_t i = 0; i < ELEMENTSOF(term_words); i++)
                words_list(w, json_object_get(term, term_words[i].member), term_words[i].lead,
                           term_words[i].join);
        if (n_commands > 0) {
                (void)snprintf(commands, sizeof(commands), " (%zu command%s)", n_commands,
                               n_commands == 1 ? "" : "s");
                words_add(w, commands, "");
        }
        if (term_is_unbounded(term))
                words_add(w, " (unbounded)", "");
}

char *terms_words(const json_t *terms, char *ret, size_t size)
{
        Words w = { .text = ret, .size = size };
        const json_t *term;
        size_t i;

        ret[0] = '\0';
        json_array_foreach(terms, i, term)
                words_term(&w, term);
        return ret;
}

bool terms_elevate(const json_t *terms)
{
        const json_t *term;
        size_t i;

        json_array_foreach(terms, i, term)
                if (json_array_size(json_object_get(term, "run_as")) > 0)
                        return true;
        return false;
}

bool terms_unbounded(const json_t *terms)
{
        const json_t *term;
        size_t i;

        json_array_foreach(terms, i, term)
                if (term_is_unbounded(term))
                        return true;
        return false;
}

/* ---- grants ------------------------------------------------------------------------------------
 */

static int grant_row(Table *t, const json_t *g, int64_t now_sec)
{
        char what[256], until[WHEN_TIME_SIZE], left[WHEN_DURATION_SIZE];
        int64_t until_sec = member_sec(g, "until");
        bool active = member_is_true(g, "active");
        int r;

        r = table_row(t, (const char *[]){
                                 member_text(g, "jti"),
                                 member_text(g, "account"),
                                 terms_words(json_object_get(g, "authorization_details"), what,
                                             sizeof(what)),
                                 active ? "active" : member_text(g, "state"),
                                 when_format_time(until, until_sec),
                                 when_format_duration(left, until_sec - now_sec),
                                 member_text(g, "owner"),
                                 member_text(g, "reason"),
                         });
        if (r >= 0 && !active)
                table_shade(t, -1, SHADE_DIM);
        return r;
}

int grants_print(const Output *o, const json_t *grants, int64_t now_sec)
{
        static const char *const headings[] = { "GRANT", "ACCOUNT", "FOR",    "STATE", "UNTIL",
                                                "LEFT",  "OWNER",   "REASON", NULL };
        _cleanup_(table_freep) Table *t = NULL;
        bool elevates = false, is_unbounded = false;
        const json_t *g;
        size_t i;
        int r;

        r = table_new(o, headings, &t);
        json_array_foreach(grants, i, g) {
                if (r >= 0)
                        r = grant_row(t, g, now_sec);
                elevates |= terms_elevate(json_object_get(g, "authorization_details"));
                is_unbounded |= terms_unbounded(json_object_get(g, "authorization_details"));
        }
        if (r >= 0)
                r = table_print(t);
        if (r < 0)
                return fail(VERB_FAILED, "the grants cannot be shown: %s", strerror(-r));
        if (elevates)
                say("what a run-as target leaves behind for later (a crontab, a unit) is found, "
                    "not prevented; root lists it: nhictl leftovers");
        if (is_unbounded)
                say("unbounded: root without commands; what such a grant's holder plants outlives "
                    "it");
        return VERB_OK;
}
