/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/sources.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/wire/feed.h"

#include <jansson.h>
#include <stdio.h>

#define USEC_MAX_LAWFUL (7 * 86400ull * 1000000)

/* The members of an entry that are text, and those that are numbers. */
static const struct {
        const char *name;
        size_t offset;
} texts[] = {
        { "issuer", offsetof(SourceSpec, issuer) },
        { "type", offsetof(SourceSpec, type) },
        { "path", offsetof(SourceSpec, path) },
        { "host", offsetof(SourceSpec, host) },
        { "etcd_key", offsetof(SourceSpec, etcd_key) },
        { "report", offsetof(SourceSpec, report) },
        { "report_file", offsetof(SourceSpec, report_file) },
        { "ca_file", offsetof(SourceSpec, ca_file) },
        { "pins", offsetof(SourceSpec, pins) },
        { "certificate", offsetof(SourceSpec, certificate) },
        { "certificate_key", offsetof(SourceSpec, certificate_key) },
        { "token", offsetof(SourceSpec, token) },
        { "user", offsetof(SourceSpec, user) },
        { "password", offsetof(SourceSpec, password) },
};

static const struct {
        const char *name;
        uint64_t min, max;
        size_t offset;
} numbers[] = {
        { "interval_usec", 1, USEC_MAX_LAWFUL, offsetof(SourceSpec, interval_usec) },
        { "wait_usec", 0, USEC_MAX_LAWFUL, offsetof(SourceSpec, wait_usec) },
        { "timeout_usec", 1, USEC_MAX_LAWFUL, offsetof(SourceSpec, timeout_usec) },
        { "size_max", 1, FEED_SET_MAX, offsetof(SourceSpec, size_max) },
};

static bool number_read(const json_t *value, uint64_t min, uint64_t max, uint64_t *ret)
{
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            (uint64_t)json_integer_value(value) < min || (uint64_t)json_integer_value(value) > max)
                return false;
        *ret = (uint64_t)json_integer_value(value);
        return true;
}

static bool urls_read(const json_t *entry, SourceSpec *s)
{
        const json_t *urls = json_object_get(entry, "urls");
        const json_t *places = json_object_get(entry, "places");
        const size_t n = json_array_size(urls);
        uint64_t place;

        if (n == 0 || n > SOURCE_URLS_MAX || json_array_size(places) != n)
                return false;
        for (; s->n_urls < n; s->n_urls++) {
                s->urls[s->n_urls] = json_string_value(json_array_get(urls, s->n_urls));
                if (!s->urls[s->n_urls] ||
                    !number_read(json_array_get(places, s->n_urls), 0, SOURCE_URLS_MAX - 1, &place))
                        return false;
                s->places[s->n_urls] = (uint32_t)place;
        }
        return true;
}

/* What a source of the network needs beside a source in a file. */
static bool network_read(const json_t *entry, SourceSpec *s)
{
        if (!urls_read(entry, s))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (!number_read(json_object_get(entry, numbers[i].name), numbers[i].min,
                                 numbers[i].max,
                                 (uint64_t *)(void *)((uint8_t *)s + numbers[i].offset)))
                        return false;
        return s->host;
}

static bool object_read(const json_t *entry, SourceSpec *s)
{
        const char *name = json_string_value(json_object_get(entry, "object"));

        for (uint32_t i = 0; i < FEED_OBJECTS_N; i++)
                if (streq_ptr(name, feed_object_name(i))) {
                        s->object = (FeedObject)i;
                        s->is_optional = s->object != FEED_SET;
                        return true;
                }
        return false;
}

static int entry_read(const json_t *entry, SourceSpec *ret)
{
        SourceSpec s = { 0 };
        uint64_t index;

        if (!number_read(json_object_get(entry, "index"), 0, UINT32_MAX, &index))
                return -EBADMSG;
        s.index = (uint32_t)index;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                *(const char **)(void *)((uint8_t *)&s + texts[i].offset) =
                        json_string_value(json_object_get(entry, texts[i].name));
        if (!s.issuer || !s.type || !object_read(entry, &s))
                return -EBADMSG;
        if (json_object_get(entry, "urls") && !network_read(entry, &s))
                return -EBADMSG;
        *ret = s;
        return 0;
}

static int entries_read(const json_t *entries, SourceList *l,
                        char ret_error[static SOURCES_ERROR_MAX])
{
        size_t n = json_array_size(entries);

        if (n > SOURCES_MAX) {
                (void)snprintf(ret_error, SOURCES_ERROR_MAX, "more than %u sources", SOURCES_MAX);
                return -EBADMSG;
        }
        l->specs = calloc(n ? n : 1, sizeof(*l->specs));
        if (!l->specs)
                return -ENOMEM;
        for (; l->n < n; l->n++)
                if (entry_read(json_array_get(entries, l->n), &l->specs[l->n]) < 0) {
                        (void)snprintf(ret_error, SOURCES_ERROR_MAX,
                                       "sources[%zu] lacks a member or holds one that makes no "
                                       "sense: agent and fetcher are of different versions",
                                       l->n);
                        return -EBADMSG;
                }
        return 0;
}

int sources_parse(const char *text, size_t size, SourceList *ret,
                  char ret_error[static SOURCES_ERROR_MAX])
{
        _cleanup_(json_decrefp) json_t *document = NULL;
        const json_t *entries;
        SourceList l = { 0 };
        json_error_t error;
        int r;

        document = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
        if (!document) {
                (void)snprintf(ret_error, SOURCES_ERROR_MAX, "line %d: %s", error.line, error.text);
                return -EBADMSG;
        }
        entries = json_object_get(document, "sources");
        if (json_integer_value(json_object_get(document, "schema")) != 1 ||
            !json_is_array(entries)) {
                (void)snprintf(ret_error, SOURCES_ERROR_MAX,
                               "not of schema 1: agent and fetcher are of different versions");
                return -EBADMSG;
        }

        r = entries_read(entries, &l, ret_error);
        if (r < 0) {
                sources_done(&l);
                return r;
        }
        l.storage = TAKE_PTR(document);
        *ret = l;
        return 0;
}

int sources_load(const char *path, uid_t owner, SourceList *ret,
                 char ret_error[static SOURCES_ERROR_MAX])
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner, SOURCES_SIZE_MAX, &text, &size);
        if (r < 0) {
                (void)snprintf(ret_error, SOURCES_ERROR_MAX, "%s", strerror(-r));
                return r;
        }
        return sources_parse(text, size, ret, ret_error);
}

void sources_done(SourceList *l)
{
        free(l->specs);
        json_decref(l->storage);
        *l = (SourceList){ 0 };
}
