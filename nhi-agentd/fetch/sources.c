/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/sources.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <jansson.h>
#include <stdio.h>

static int entry_read(const json_t *entry, SourceSpec *ret)
{
        const json_t *index = json_object_get(entry, "index");
        SourceSpec s = {
                .issuer = json_string_value(json_object_get(entry, "issuer")),
                .type = json_string_value(json_object_get(entry, "type")),
                .path = json_string_value(json_object_get(entry, "path")),
        };

        if (!json_is_integer(index) || json_integer_value(index) < 0 ||
            json_integer_value(index) > UINT32_MAX || !s.issuer || !s.type)
                return -EBADMSG;
        s.index = (uint32_t)json_integer_value(index);
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
                                       "sources[%zu] lacks index, issuer or type", l->n);
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
