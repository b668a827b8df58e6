/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/http-pool.h"

#include "lib/base/macro.h"

#include <stdio.h>
#include <sys/random.h>

typedef struct Shared {
        struct Shared *next;
        char *place;
        Http *http;
        unsigned n_users;
        bool is_spoiled;
} Shared;

struct HttpPool {
        Shared *first;
        uint32_t member;
};

static const char *or_empty(const char *text)
{
        return text ? text : "";
}

/* Scheme, host and port of the URL, and all that is told and trusted there. */
static char *place_of(const SourceSpec *s, const char *url)
{
        const char *rest = strstr(url, "://");
        const size_t n = rest ? (size_t)(rest - url) + 3 + strcspn(rest + 3, "/?#") : strlen(url);
        char *place = NULL;

        if (asprintf(&place, "%.*s\n%s\n%s\n%s\n%s\n%s\n%s\n%s", (int)n, url, or_empty(s->ca_file),
                     or_empty(s->pins), or_empty(s->certificate), or_empty(s->certificate_key),
                     or_empty(s->token), or_empty(s->user), or_empty(s->password)) < 0)
                return NULL;
        return place;
}

static Shared *shared_free(Shared *s)
{
        if (!s)
                return NULL;
        (void)http_free(s->http);
        free(s->place);
        free(s);
        return NULL;
}

DEFINE_CLEANUP(Shared *, shared_free);

static int shared_new(HttpPool *p, sd_event *event, char *place, Shared **ret)
{
        _cleanup_(shared_freep) Shared *s = calloc(1, sizeof(*s));
        int r;

        if (!s) {
                free(place);
                return -ENOMEM;
        }
        s->place = place;
        r = http_new(event, &s->http);
        if (r < 0)
                return r;
        s->next = p->first;
        p->first = s;
        *ret = TAKE_PTR(s);
        return 0;
}

int http_pool_take(HttpPool *p, sd_event *event, const SourceSpec *spec, const char *url,
                   Http **ret)
{
        Shared *s;
        char *place;
        int r;

        if (!p)
                return http_new(event, ret);
        place = place_of(spec, url);
        if (!place)
                return -ENOMEM;
        for (s = p->first; s && (s->is_spoiled || !streq(s->place, place)); s = s->next)
                ;
        if (s)
                free(place);
        else {
                r = shared_new(p, event, place, &s);
                if (r < 0)
                        return r;
        }
        s->n_users++;
        *ret = s->http;
        return 0;
}

Http *http_pool_put(HttpPool *p, Http *http, bool is_spoiled)
{
        Shared **at, *s;

        if (!p || !http)
                return http_free(http);
        for (at = &p->first; *at && (*at)->http != http; at = &(*at)->next)
                ;
        s = *at;
        if (!s)
                return NULL;
        s->is_spoiled = s->is_spoiled || is_spoiled;
        if (--s->n_users > 0)
                return NULL;
        *at = s->next;
        (void)shared_free(s);
        return NULL;
}

/* A fleet that begins at the same member is no fleet. */
size_t http_pool_member(const HttpPool *p, size_t n)
{
        uint32_t random = 0;

        if (p)
                return p->member % n;
        (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
        return random % n;
}

int http_pool_new(HttpPool **ret)
{
        HttpPool *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        (void)!getrandom(&p->member, sizeof(p->member), GRND_NONBLOCK);
        *ret = p;
        return 0;
}

HttpPool *http_pool_free(HttpPool *p)
{
        if (!p)
                return NULL;
        while (p->first) {
                Shared *s = p->first;

                p->first = s->next;
                (void)shared_free(s);
        }
        free(p);
        return NULL;
}
