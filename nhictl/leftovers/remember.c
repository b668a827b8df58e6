/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was told before is not told again until it changes. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/base/file.h"
#include "lib/jose/json.h"
#include "lib/log/chain.h"
#include "nhictl/reply.h"

#include <inttypes.h>
#include <stdio.h>

#define MEMORY_SIZE_MAX (1024u * 1024)
#define MEMORY_SCHEMA   1
#define MARK_SIZE       32u /* of a hash's digits: enough to tell things apart */

/* The same thing with the same owner, unchanged since. */
static int mark(const Leftover *l, char ret[static LOG_HASH_TEXT_SIZE + 1])
{
        uint8_t hash[LOG_HASH_SIZE];
        _cleanup_free_ char *text = NULL;
        int n = asprintf(&text, "%s %" PRIu32 " %" PRId64 " %s", leftover_name(l->kind), l->owner,
                         l->since_usec, l->what);

        if (n < 0)
                return -ENOMEM;
        log_hash(text, (size_t)n, hash);
        log_hash_format(hash, ret);
        ret[MARK_SIZE] = '\0';
        return 0;
}

int memory_load(const char *path, Memory *ret)
{
        _cleanup_free_ char *text = NULL;
        json_t *document = NULL;
        size_t size = 0;

        *ret = (Memory){ .told = json_array() };
        if (!ret->told)
                return -ENOMEM;
        if (file_read_trusted(path, owner_trusted(), MEMORY_SIZE_MAX, &text, &size) == 0)
                document = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        if (member_number(document, "schema") == MEMORY_SCHEMA &&
            json_is_array(json_object_get(document, "told"))) {
                ret->since_sec = member_number(document, "since");
                ret->is_cut = member_is_true(document, "cut");
                (void)json_array_extend(ret->told, json_object_get(document, "told"));
        }
        json_decref(document);
        return 0;
}

void memory_done(Memory *m)
{
        json_decref(m->told);
        *m = (Memory){ 0 };
}

bool memory_has(const Memory *m, const Leftover *l)
{
        char wanted[LOG_HASH_TEXT_SIZE + 1];
        const json_t *told;
        size_t i;

        if (mark(l, wanted) < 0)
                return false;
        json_array_foreach(m->told, i, told)
                if (streq_ptr(json_string_value(told), wanted))
                        return true;
        return false;
}

int memory_add(Memory *m, const Leftover *l)
{
        char text[LOG_HASH_TEXT_SIZE + 1];

        if (mark(l, text) < 0 || json_array_append_new(m->told, json_string(text)) < 0)
                return -ENOMEM;
        while (json_array_size(m->told) > REMEMBERED_MAX)
                (void)json_array_remove(m->told, 0);
        return 0;
}

int memory_save(const Memory *m, const char *path)
{
        json_t *document = json_pack("{s:i, s:I, s:b, s:O}", "schema", MEMORY_SCHEMA, "since",
                                     (json_int_t)m->since_sec, "cut", m->is_cut, "told", m->told);
        _cleanup_free_ char *text = document ? json_write(document, JSON_COMPACT) : NULL;

        json_decref(document);
        return text ? file_replace(path, text, strlen(text), 0600, owner_trusted(), getegid(), true)
                    : -ENOMEM;
}
