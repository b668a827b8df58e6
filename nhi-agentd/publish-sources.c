/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sources.json: what nhi-fetchd needs to know of agentd.conf. The agent itself opens no connection.
 */

#include "nhi-agentd/publish.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/jose/json.h"
#include "nhi-agentd/agent.h"
#include "nhi-agentd/report.h"

#include <stdio.h>

#define MIB             (1024 * 1024)
#define FRESH_NAME_SIZE (253 + sizeof(FRESHNESS_SUFFIX)) /* host.name is at most 253 bytes */

/* Where an object stands beside the sets of the fleet: in place of a host's name. */
#define HOST_PLACE "{host}"
#define SET_SUFFIX ".jws"

/* Those that name an object of its own for each name. */
static json_t *url_list(const StrList *urls, bool with_place_only)
{
        json_t *list = json_array();

        for (size_t i = 0; i < urls->n; i++)
                if (!with_place_only || strstr(urls->items[i], HOST_PLACE))
                        (void)json_array_append_new(list, json_string(urls->items[i]));
        return list;
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

static json_t *network_view(const SourceConfig *s, json_t *urls, const char *host,
                            json_int_t size_max)
{
        _cleanup_free_ char *pins = pins_text(&s->pins);

        if (!pins) {
                json_decref(urls);
                return NULL;
        }
        return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}",
                         "host", host, "urls", urls, "etcd_key", s->etcd_key, "ca_file", s->ca_file,
                         "pins", pins, "certificate", s->certificate, "certificate_key",
                         s->certificate_key, "token", s->token, "user", s->user, "password",
                         s->password, "interval_usec", (json_int_t)s->interval_usec, "wait_usec",
                         (json_int_t)s->wait_usec, "timeout_usec", (json_int_t)s->timeout_usec,
                         "size_max", size_max);
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

/* Takes view. */
static json_t *entry_view(const Issuer *issuer, size_t index, json_t *view)
{
        json_t *head = json_pack("{s:I, s:s, s:s}", "index", (json_int_t)index, "issuer",
                                 issuer->issuer, "type", issuer->source.type);

        if (!view || !head || json_object_update(head, view) < 0) {
                json_decref(head);
                head = NULL;
        }
        json_decref(view);
        return head;
}

static json_t *set_view(const Issuer *issuer, size_t index, const char *host)
{
        const SourceConfig *s = &issuer->source;
        json_t *view = entry_view(issuer, index,
                                  s->urls.n > 0 ? network_view(s, url_list(&s->urls, false), host,
                                                               (json_int_t)s->size_max_mib * MIB)
                                                : json_pack("{s:s}", "path", s->path));

        if (view && add_report(view, issuer, host) < 0) {
                json_decref(view);
                return NULL;
        }
        return view;
}

/* An object beside the sets that is looked for only where somebody may sign it. */
typedef struct Beside {
        const char *name; /* in the place of a host's */
        size_t size_max;
} Beside;

/* Where roots say which keys there are nobody knows yet which may sign it. */
static bool may_have(const Issuer *issuer, size_t reach_offset)
{
        if (issuer->policy.n_roots > 0)
                return true;
        for (size_t i = 0; i < issuer->policy.n_keys; i++) {
                const uint8_t *reach = (const uint8_t *)&issuer->policy.keys[i].reach;

                if (*(const bool *)(reach + reach_offset))
                        return true;
        }
        return false;
}

static bool has_place(const SourceConfig *s)
{
        if (streq(s->type, "etcd"))
                return strstr(s->etcd_key, HOST_PLACE) != NULL;
        for (size_t i = 0; i < s->urls.n; i++)
                if (strstr(s->urls.items[i], HOST_PLACE))
                        return true;
        return s->urls.n == 0;
}

/* In the directory of this host's set. */
static json_t *beside_file_view(const SourceConfig *s, const Beside *b)
{
        const char *slash = strrchr(s->path, '/');

        return json_pack(
                "{s:o}", "path",
                json_sprintf("%.*s/%s" SET_SUFFIX, (int)(slash - s->path), s->path, b->name));
}

static json_t *beside_view(const Issuer *issuer, size_t index, const Beside *b)
{
        const SourceConfig *s = &issuer->source;
        const bool is_etcd = streq(s->type, "etcd");
        json_t *view = entry_view(issuer, index,
                                  s->urls.n > 0 ? network_view(s, url_list(&s->urls, !is_etcd),
                                                               b->name, (json_int_t)b->size_max)
                                                : beside_file_view(s, b));

        if (view && json_object_set_new(view, "optional", json_true()) < 0) {
                json_decref(view);
                return NULL;
        }
        return view;
}

static bool add_beside(json_t *sources, const Issuer *issuer, size_t index, const Beside *b)
{
        return !has_place(&issuer->source) ||
               json_array_append_new(sources, beside_view(issuer, index, b)) == 0;
}

/* The keys first: they say by whom the others are to be signed. */
static bool add_issuer(json_t *sources, const Issuer *issuer, size_t index, const char *host)
{
        static const Beside keys = { KEYLIST_NAME, KEYLIST_SIZE_MAX };
        static const Beside list = { REVOCATIONS_NAME, REVOCATIONS_SIZE_MAX };
        char name[FRESH_NAME_SIZE];
        const Beside fresh = { name, FRESHNESS_SIZE_MAX };

        (void)snprintf(name, sizeof(name), "%s" FRESHNESS_SUFFIX, host);
        return (issuer->policy.n_roots == 0 || add_beside(sources, issuer, index, &keys)) &&
               json_array_append_new(sources, set_view(issuer, index, host)) == 0 &&
               (!may_have(issuer, offsetof(Reach, sign_revocations)) ||
                add_beside(sources, issuer, index, &list)) &&
               (issuer->policy.fresh_max_sec == 0 ||
                !may_have(issuer, offsetof(Reach, sign_freshness)) ||
                add_beside(sources, issuer, index, &fresh));
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
