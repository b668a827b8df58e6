/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/heard.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhi-agentd/agent.h"
#include "nhi-agentd/fetched.h"

#include <endian.h>
#include <stdio.h>

#define USEC       ((int64_t)USEC_PER_SEC)
#define URL_SCHEME "https://"

_Static_assert(sizeof(FeedTidings) == 16 && sizeof(FeedTiding) == 256, "as they are sent");

static uint32_t number(const uint8_t le[static 4])
{
        uint32_t n;

        memcpy(&n, le, sizeof(n));
        return le32toh(n);
}

static uint32_t number16(const uint8_t le[static 2])
{
        uint16_t n;

        memcpy(&n, le, sizeof(n));
        return le16toh(n);
}

static Heard heard_read(const FeedTiding *t, int64_t boot_usec)
{
        const uint32_t answered = number(t->answered_sec_le), next = number(t->next_sec_le);
        Heard h = { .has_answered = answered != FEED_NOT_KNOWN };

        if (h.has_answered)
                h.answered_usec = boot_usec - (int64_t)answered * USEC;
        if (next != FEED_NOT_KNOWN)
                h.next_usec = boot_usec + (int64_t)next * USEC;
        memcpy(h.trouble, t->trouble, sizeof(h.trouble));
        h.trouble[sizeof(h.trouble) - 1] = '\0';
        return h;
}

static void place_take(Heard *to, const FeedTiding *t, int64_t boot_usec)
{
        Heard h = heard_read(t, boot_usec);

        if (!h.has_answered && to->has_answered) {
                h.has_answered = true;
                h.answered_usec = to->answered_usec;
        }
        *to = h;
}

void heard_take(Agent *a, const FeedTiding *tidings, size_t n)
{
        const int64_t boot_usec = agent_now(a).boot_usec;

        for (size_t i = 0; i < n; i++) {
                const uint32_t issuer = number(tidings[i].issuer_index_le);
                const uint32_t place = number16(tidings[i].place_le);
                const uint32_t object = number16(tidings[i].object_le);

                if (issuer < a->config->n_issuers &&
                    fetched_from(&a->config->issuers[issuer], object, place))
                        place_take(&a->issuers[issuer].heard[object][place], &tidings[i],
                                   boot_usec);
        }
}

static bool places_are_same(const SourceConfig *a, const SourceConfig *b)
{
        if (!streq(a->type, b->type) || !streq(a->path, b->path) || a->urls.n != b->urls.n)
                return false;
        for (size_t i = 0; i < a->urls.n; i++)
                if (!streq(a->urls.items[i], b->urls.items[i]))
                        return false;
        return true;
}

void heard_keep(IssuerState *s, const SourceConfig *before, const SourceConfig *after)
{
        if (!places_are_same(before, after))
                memset(s->heard, 0, sizeof(s->heard));
}

/* ---- places ---- */

/* The members of an etcd cluster are asked in turn: they are one source. */
size_t heard_n_places(const SourceConfig *s)
{
        if (!streq(s->type, "https"))
                return 1;
        return s->urls.n < HEARD_PLACES_MAX ? s->urls.n : HEARD_PLACES_MAX;
}

static size_t origin_size(const char *url)
{
        const size_t scheme = strlen(URL_SCHEME);

        return scheme + strcspn(url + scheme, "/?");
}

static bool origin_is_same(const char *a, const char *b)
{
        return origin_size(a) == origin_size(b) && strncmp(a, b, origin_size(a)) == 0;
}

char *heard_place_name(const SourceConfig *s, size_t place, char *ret, size_t size)
{
        size_t nth = 1;

        if (s->urls.n == 0) {
                (void)snprintf(ret, size, "%s", s->path);
                return ret;
        }
        for (size_t i = 0; i < place; i++)
                nth += origin_is_same(s->urls.items[i], s->urls.items[place]);
        if (nth == 1)
                (void)snprintf(ret, size, "%.*s", (int)origin_size(s->urls.items[place]),
                               s->urls.items[place]);
        else
                (void)snprintf(ret, size, "%.*s#%zu", (int)origin_size(s->urls.items[place]),
                               s->urls.items[place], nth);
        return ret;
}

/* ---- what is known ---- */

int64_t heard_place_age_usec(const Heard *h, Now now)
{
        if (!h->has_answered)
                return -1;
        return now.boot_usec > h->answered_usec ? now.boot_usec - h->answered_usec : 0;
}

int64_t heard_age_usec(const IssuerState *s, Now now)
{
        int64_t best = -1;

        for (size_t i = 0; i < HEARD_PLACES_MAX; i++) {
                const int64_t age = heard_place_age_usec(&s->heard[FEED_SET][i], now);

                if (age >= 0 && (best < 0 || age < best))
                        best = age;
        }
        return best;
}

const char *heard_trouble(const IssuerState *s)
{
        for (size_t i = 0; i < HEARD_PLACES_MAX; i++)
                if (*s->heard[FEED_SET][i].trouble)
                        return s->heard[FEED_SET][i].trouble;
        return "";
}
