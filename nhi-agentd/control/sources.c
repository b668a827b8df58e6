/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status says of an issuer's sources: the age of its set, which is signed, and how its places
 * fare, which the fetcher says. */

#include "nhi-agentd/control/verbs.h"
#include "nhi-agentd/fetched.h"
#include "nhi-agentd/staleness.h"

#include "lib/base/io.h"

#define USEC            ((int64_t)USEC_PER_SEC)
#define PLACE_NAME_SIZE 1280

/* < 0: not known. */
static json_t *seconds_view(int64_t usec)
{
        return usec < 0 ? json_null() : json_integer((json_int_t)(usec / USEC));
}

static json_t *place_view(const SourceConfig *source, const Heard *h, size_t place, Now now)
{
        char name[PLACE_NAME_SIZE];
        const int64_t next_usec = h->next_usec > now.boot_usec ? h->next_usec - now.boot_usec : -1;

        heard_place_name(source, place, name, sizeof(name));
        return json_pack("{s:o, s:o, s:o, s:o}", "place", json_text(name), "answered_sec",
                         seconds_view(heard_place_age_usec(h, now)), "next_sec",
                         seconds_view(next_usec), "trouble",
                         *h->trouble ? json_text(h->trouble) : json_null());
}

static json_t *places_view(const SourceConfig *source, const IssuerState *s, Now now)
{
        json_t *list = json_array();

        for (size_t i = 0; i < heard_n_places(source); i++)
                (void)array_take(list, place_view(source, &s->heard[FEED_SET][i], i, now));
        return list;
}

/* Of what stands beside the sets, all places that have it. */
static json_t *beside_view(const Issuer *i, const IssuerState *s, Now now)
{
        json_t *list = json_array(), *view;

        for (uint32_t object = FEED_SET + 1; object < FEED_OBJECTS_N; object++)
                for (size_t k = 0; k < heard_n_places(&i->source); k++) {
                        if (!fetched_from(i, object, k))
                                continue;
                        view = place_view(&i->source, &s->heard[object][k], k, now);
                        if (view)
                                (void)json_object_set_new(view, "object",
                                                          json_string(feed_object_name(object)));
                        (void)array_take(list, view);
                }
        return list;
}

int put_sources(json_t *view, const Issuer *i, const IssuerState *s, Now now)
{
        const int64_t life_usec = s->set ? staleness_life_usec(s) : -1;
        const int64_t left_usec = s->set ? life_usec - staleness_age_usec(s, now) : -1;
        json_t *more = json_pack(
                "{s:o, s:o, s:o, s:o, s:o}", "answered_sec", seconds_view(heard_age_usec(s, now)),
                "limit_sec", seconds_view(life_usec), "left_sec",
                s->set && left_usec < 0 ? json_integer(0) : seconds_view(left_usec), "sources",
                places_view(&i->source, s, now), "beside", beside_view(i, s, now));
        int r = more ? json_object_update(view, more) : -1;

        json_decref(more);
        return r;
}
