/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sessions of counted grants, as the log's records have them. */

#include "nhi-agentd/log/store-internal.h"

#include "lib/jose/json.h"

#include <errno.h>
#include <string.h>

#define MARK "\"use\":" /* stands in no text: there a quote is escaped */

static int load_line(LogStore *s, const char *line, size_t size)
{
        json_t *o = json_read(line, size, JSON_REJECT_DUPLICATES, NULL);
        int r = o || errno != ENOMEM ? 0 : -ENOMEM; /* a torn one says nothing */
        const char *issuer = json_string_value(json_object_get(o, "issuer"));
        const char *jti = json_string_value(json_object_get(o, "grant"));
        const json_int_t n = json_integer_value(json_object_get(o, "use"));
        const json_int_t until = json_integer_value(json_object_get(o, "until"));

        if (issuer && jti && n > 0 && n <= UINT32_MAX)
                r = log_uses_load(s->config.uses, issuer, jti, (uint32_t)n, until);
        json_decref(o);
        return r;
}

int store_load_uses(LogStore *s, const char *data, size_t size)
{
        const char *p = data, *end = data + size;
        int r = 0;

        if (!s->config.uses)
                return 0;
        while (r == 0 && p < end) {
                const char *hit = memmem(p, (size_t)(end - p), MARK, sizeof(MARK) - 1);
                const char *begin, *newline;

                if (!hit)
                        break;
                begin = memrchr(p, '\n', (size_t)(hit - p));
                begin = begin ? begin + 1 : p;
                newline = memchr(hit, '\n', (size_t)(end - hit));
                newline = newline ? newline : end;
                r = load_line(s, begin, (size_t)(newline - begin));
                p = newline;
        }
        return r;
}

void store_count_uses(LogStore *s, const LogEntry *entries, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (entries[i].use && s->config.uses)
                        log_uses_written(s->config.uses, entries[i].use, entries[i].use_n);
}
