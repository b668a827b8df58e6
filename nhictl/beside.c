/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/beside.h"

#include "lib/base/macro.h"
#include "nhictl/places.h"
#include "nhictl/reply.h"

#include <stdio.h>

#define LABEL    "%-12s"
#define END_SIZE (WHEN_TIME_SIZE + 80)

static void line(const Output *o, Shade shade, const char *text)
{
        printf(LABEL, "");
        show_shaded(o, shade, text);
        (void)fputc('\n', stdout);
}

bool list_is_over(const json_t *list, int64_t now_sec)
{
        const int64_t exp_sec = member_sec(list, "exp");

        return exp_sec > 0 && exp_sec <= now_sec;
}

/* ", to WHEN", or what it means that this has passed; "" for a list without an end. */
static const char *end_words(const json_t *list, int64_t now_sec, const char *meaning, char *ret,
                             size_t size)
{
        const int64_t exp_sec = member_sec(list, "exp");
        char exp[WHEN_TIME_SIZE];

        ret[0] = '\0';
        if (list_is_over(list, now_sec))
                (void)snprintf(ret, size, ", over since %s: %s", when_format_time(exp, exp_sec),
                               meaning);
        else if (exp_sec > 0)
                (void)snprintf(ret, size, ", to %s", when_format_time(exp, exp_sec));
        return ret;
}

static Shade end_shade(const json_t *list, int64_t now_sec)
{
        return list_is_over(list, now_sec) ? SHADE_WARN : SHADE_PLAIN;
}

/* Its revocation list: silent where it never had one. */
static void print_revocations(const Output *o, const json_t *issuer, int64_t now_sec)
{
        const json_t *list = json_object_get(issuer, "revocations");
        const char *refused = member_text(list, "refused");
        char text[256], end[END_SIZE];

        if (json_is_true(json_object_get(list, "lost")))
                line(o, SHADE_BAD,
                     "its revocation list is lost: nothing that it may name is allowed until the "
                     "source brings it again");
        if (json_is_integer(json_object_get(list, "ver"))) {
                (void)snprintf(text, sizeof(text), "revocation list %lld, %lld entries%s",
                               (long long)member_number(list, "ver"),
                               (long long)member_number(list, "entries"),
                               end_words(list, now_sec,
                                         "no newer one has come, what it names stays revoked", end,
                                         sizeof(end)));
                line(o, end_shade(list, now_sec), text);
        }
        if (json_is_true(json_object_get(list, "unsaved")))
                line(o, SHADE_BAD,
                     "it could not be saved: a restart gives back what it revokes (nhictl log)");
        if (refused && *refused) {
                (void)snprintf(text, sizeof(text), "a revocation list was refused: %s (nhictl log)",
                               refused);
                line(o, SHADE_WARN, text);
        }
}

/* Its key list, likewise. */
static void print_keys(const Output *o, const json_t *issuer, int64_t now_sec)
{
        const json_t *list = json_object_get(issuer, "keys");
        const char *refused = member_text(list, "refused");
        char text[256], end[END_SIZE];

        if (json_is_true(json_object_get(list, "lost")))
                line(o, SHADE_BAD,
                     "its key list is lost: no key of it counts until the source brings it again");
        if (json_is_integer(json_object_get(list, "ver"))) {
                (void)snprintf(text, sizeof(text), "key list %lld, %lld keys, %lld retired%s",
                               (long long)member_number(list, "ver"),
                               (long long)member_number(list, "keys"),
                               (long long)member_number(list, "retired"),
                               end_words(list, now_sec, "no key of it signs anything new", end,
                                         sizeof(end)));
                line(o, end_shade(list, now_sec), text);
        }
        if (json_is_true(json_object_get(list, "unsaved")))
                line(o, SHADE_BAD,
                     "it could not be saved: a restart gives back what it retires (nhictl log)");
        if (refused && *refused) {
                (void)snprintf(text, sizeof(text), "a key list was refused: %s (nhictl log)",
                               refused);
                line(o, SHADE_WARN, text);
        }
}

/* By what the set lives on: silent where it lives by itself. */
static void print_freshness(const Output *o, const json_t *issuer)
{
        const json_t *fresh = json_object_get(issuer, "freshness");
        const char *refused = member_text(fresh, "refused");
        char text[256], iat[WHEN_TIME_SIZE];

        if (json_is_integer(json_object_get(fresh, "iat"))) {
                (void)snprintf(text, sizeof(text), "kept fresh: key %.43s said so at %s",
                               member_text(fresh, "kid") ?: "?",
                               when_format_time(iat, member_number(fresh, "iat")));
                line(o, SHADE_PLAIN, text);
        }
        if (refused && *refused) {
                (void)snprintf(text, sizeof(text),
                               "a statement of freshness was refused: %s (nhictl log)", refused);
                line(o, SHADE_WARN, text);
        }
}

/* ---- where they come from ---- */

const char *beside_name(const json_t *place)
{
        static const struct {
                const char *object, *name;
        } all[] = {
                { "keys", "the key list" },
                { "revocations", "the revocation list" },
                { "freshness", "the statement of freshness" },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (streq_ptr(member_text(place, "object"), all[i].object))
                        return all[i].name;
        return "what stands beside the sets"; /* of an agent that knows more */
}

bool beside_has(const json_t *issuer, const char *object)
{
        const json_t *place;
        size_t i;

        json_array_foreach(json_object_get(issuer, "beside"), i, place)
                if (streq_ptr(member_text(place, "object"), object))
                        return true;
        return false;
}

/* Those where something is in the way. */
static void print_places(const Output *o, const json_t *issuer)
{
        const json_t *place;
        char words[PLACE_WORDS_SIZE];
        size_t i;

        json_array_foreach(json_object_get(issuer, "beside"), i, place) {
                if (!member_text(place, "trouble"))
                        continue;
                printf(LABEL, "");
                show("%s at %s: ", beside_name(place), member_text(place, "place") ?: "?");
                show_shaded(o, SHADE_WARN, place_words(place, words, sizeof(words)));
                (void)fputc('\n', stdout);
        }
}

void beside_print(const Output *o, const json_t *issuer, int64_t now_sec)
{
        print_revocations(o, issuer, now_sec);
        print_keys(o, issuer, now_sec);
        print_freshness(o, issuer);
        print_places(o, issuer);
}
