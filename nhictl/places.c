/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/places.h"

#include "nhictl/reply.h"

#include <stdio.h>

#define LABEL "%-12s"

static bool has_answered(const json_t *place)
{
        return json_is_integer(json_object_get(place, "answered_sec"));
}

int64_t place_silent_sec(const json_t *place, int64_t up_sec)
{
        return has_answered(place) ? member_number(place, "answered_sec") : up_sec;
}

bool place_is_silent(const json_t *place, const json_t *issuer, int64_t up_sec)
{
        const int64_t limit_sec = member_number(issuer, "limit_sec");

        return limit_sec > 0 && place_silent_sec(place, up_sec) > limit_sec / 2;
}

char *place_words(const json_t *place, char *ret, size_t size)
{
        const char *trouble = member_text(place, "trouble");
        char ago[WHEN_DURATION_SIZE], next[WHEN_DURATION_SIZE], when[64] = "";

        if (json_is_integer(json_object_get(place, "next_sec")))
                (void)snprintf(when, sizeof(when), "; asked again in %s",
                               when_format_duration(next, member_number(place, "next_sec")));
        if (has_answered(place))
                (void)snprintf(ret, size, "answered %s ago%s%s%s",
                               when_format_duration(ago, member_number(place, "answered_sec")),
                               trouble ? "; since then: " : "", trouble ? trouble : "", when);
        else
                (void)snprintf(ret, size, "has not answered since the agent started%s%s%s",
                               trouble ? ": " : "", trouble ? trouble : "", when);
        return ret;
}

void places_print(const Output *o, const json_t *issuer, int64_t up_sec)
{
        const json_t *place;
        char words[PLACE_WORDS_SIZE];
        size_t i;

        json_array_foreach(json_object_get(issuer, "sources"), i, place) {
                const bool is_well = has_answered(place) && !member_text(place, "trouble");

                printf(LABEL, "");
                show("%s: ", member_text(place, "place") ?: "?");
                show_shaded(o,
                            place_is_silent(place, issuer, up_sec) ? SHADE_BAD
                            : is_well                              ? SHADE_PLAIN
                                                                   : SHADE_WARN,
                            place_words(place, words, sizeof(words)));
                (void)fputc('\n', stdout);
        }
}

void metrics_print(const Output *o, const json_t *reply, int64_t now_sec)
{
        const json_t *metrics = json_object_get(reply, "metrics");
        const char *error = member_text(metrics, "error");
        const int64_t written = member_number(metrics, "written");
        char ago[WHEN_DURATION_SIZE], words[PLACE_WORDS_SIZE];

        if (!member_text(metrics, "file"))
                return;
        if (error)
                (void)snprintf(words, sizeof(words), "cannot be written: %s", error);
        else if (written > 0)
                (void)snprintf(words, sizeof(words), "written %s ago",
                               when_format_duration(ago, now_sec - written));
        else
                (void)snprintf(words, sizeof(words), "not written yet");
        printf(LABEL, "metrics");
        show("%s: ", member_text(metrics, "file"));
        show_shaded(o, error ? SHADE_WARN : SHADE_PLAIN, words);
        (void)fputc('\n', stdout);
}
