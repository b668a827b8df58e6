/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sources.json: what nhi-fetchd needs to know of agentd.conf. The agent itself opens no connection.
 */

#include "nhi-agentd/publish.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/jose/json.h"
#include "nhi-agentd/agent.h"
#include "nhi-agentd/fetched.h"
#include "nhi-agentd/report.h"

#include <stdio.h>

#define MIB             (1024 * 1024)
#define FRESH_NAME_SIZE (253 + sizeof(FRESHNESS_SUFFIX)) /* host.name is at most 253 bytes */
#define SET_SUFFIX      ".jws"

/* What the fetcher is to bring. */
typedef struct Wanted {
        FeedObject object;
        const char *name; /* in the place of a host's */
        size_t size_max;
} Wanted;

/* The members of etcd's cluster all have the key. */
static bool has_url(const Issuer *issuer, FeedObject object, size_t place)
{
        return streq(issuer->source.type, "etcd") || fetched_from(issuer, object, place);
}

/* The URLs that have it, and where each of them stands in agentd.conf. */
static int add_urls(json_t *view, const Issuer *issuer, FeedObject object)
{
        const StrList *all = &issuer->source.urls;
        json_t *urls = json_array(), *places = json_array();
        int r = 0;

        for (size_t i = 0; i < all->n; i++) {
                if (!has_url(issuer, object, i))
                        continue;
                r |= json_array_append_new(urls, json_string(all->items[i]));
                r |= json_array_append_new(places, json_integer((json_int_t)i));
        }
        r |= json_object_set_new(view, "urls", urls);
        r |= json_object_set_new(view, "places", places);
        return r < 0 ? -ENOMEM : 0;
}

/* As libcurl wants them: parted by ';'. NULL: none, or out of memory, where the whole fails. */
static char *pins_text(const StrList *pins)
{
        size_t size = 1;
        char *text, *end;

        for (size_t i = 0; i < pins->n; i++)
                size += strlen(pins->items[i]) + 1;
        text = end = malloc(size);
        if (!text)
                return NULL;
        *end = '\0';
        for (size_t i = 0; i < pins->n; i++) {
                if (i > 0)
                        *end++ = ';';
                end = stpcpy(end, pins->items[i]);
        }
        return text;
}

static json_t *network_view(const Issuer *issuer, const Wanted *w)
{
        const SourceConfig *s = &issuer->source;
        _cleanup_free_ char *pins = pins_text(&s->pins);
        json_t *view = NULL;

        if (pins)
                view = json_pack(
                        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "host",
                        w->name, "etcd_key", s->etcd_key, "ca_file", s->ca_file, "pins", pins,
                        "certificate", s->certificate, "certificate_key", s->certificate_key,
                        "token", s->token, "user", s->user, "password", s->password,
                        "interval_usec", (json_int_t)s->interval_usec, "wait_usec",
                        (json_int_t)s->wait_usec, "timeout_usec", (json_int_t)s->timeout_usec,
                        "size_max", (json_int_t)w->size_max);
        if (view && add_urls(view, issuer, w->object) < 0) {
                json_decref(view);
                return NULL;
        }
        return view;
}

/* What stands beside the sets is in the directory of this host's. */
static json_t *file_view(const SourceConfig *s, const Wanted *w)
{
        const char *slash = strrchr(s->path, '/');

        if (w->object == FEED_SET)
                return json_pack("{s:s}", "path", s->path);
        return json_pack(
                "{s:o}", "path",
                json_sprintf("%.*s/%s" SET_SUFFIX, (int)(slash - s->path), s->path, w->name));
}

/* What the fetcher needs to hand reports on; nothing where there are none. */
static int add_report(json_t *view, const Issuer *issuer, const char *host)
{
        _cleanup_free_ char *file = NULL;
        int r = 0;

        if (*issuer->source.report == '\0')
                return 0;
        if (report_file(issuer->issuer, &file) < 0)
                return -ENOMEM;
        r |= json_object_set_new(view, "host", json_string(host));
        r |= json_object_set_new(view, "report", json_string(issuer->source.report));
        r |= json_object_set_new(view, "report_file", json_string(file));
        return r < 0 ? -ENOMEM : 0;
}

static json_t *entry_view(const Issuer *issuer, size_t index, const Wanted *w)
{
        json_t *head = json_pack("{s:I, s:s, s:s, s:s}", "index", (json_int_t)index, "issuer",
                                 issuer->issuer, "type", issuer->source.type, "object",
                                 feed_object_name(w->object));
        json_t *view =
                issuer->source.urls.n > 0 ? network_view(issuer, w) : file_view(&issuer->source, w);

        if (!view || !head || json_object_update(head, view) < 0 ||
            (w->object == FEED_SET && add_report(head, issuer, w->name) < 0)) {
                json_decref(head);
                head = NULL;
        }
        json_decref(view);
        return head;
}

/* The keys first: they say by whom the others are to be signed. */
static bool add_issuer(json_t *sources, const Issuer *issuer, size_t index, const char *host)
{
        char fresh[FRESH_NAME_SIZE];
        const Wanted all[] = {
                { FEED_KEYS, KEYLIST_NAME, KEYLIST_SIZE_MAX },
                { FEED_SET, host, (size_t)issuer->source.size_max_mib * MIB },
                { FEED_REVOCATIONS, REVOCATIONS_NAME, REVOCATIONS_SIZE_MAX },
                { FEED_FRESHNESS, fresh, FRESHNESS_SIZE_MAX },
        };

        (void)snprintf(fresh, sizeof(fresh), "%s" FRESHNESS_SUFFIX, host);
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (fetched_at_all(issuer, all[i].object) &&
                    json_array_append_new(sources, entry_view(issuer, index, &all[i])) < 0)
                        return false;
        return true;
}

int publish_sources(const Config *config)
{
        json_t *sources = json_array(), *root;
        _cleanup_free_ char *text = NULL;
        bool is_whole = true;

        for (size_t i = 0; i < config->n_issuers; i++)
                is_whole &= add_issuer(sources, &config->issuers[i], i, config->host_name);
        root = json_pack("{s:i, s:o}", "schema", 1, "sources", sources);
        text = root && is_whole ? json_write(root, JSON_INDENT(1)) : NULL;
        json_decref(root);
        if (!text)
                return -ENOMEM;
        return file_replace(PATH_SOURCES_RUN, text, strlen(text), 0644, geteuid(), getegid(),
                            false);
}
