/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is new goes to the agent, which writes it down (lib/wire/control.h, "leftovers"): in small
 * requests, at most TELL_MAX a run, and then how many more there are. Remembered is what the agent
 * took. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/wire/control.h"
#include "nhictl/agent-client.h"
#include "nhictl/verb.h"

static int send(json_t *found, size_t n_more, bool is_cut, int64_t begin_sec)
{
        json_t *reply = NULL;
        int status = agent_ask(json_pack("{s:s, s:I, s:I, s:b, s:o}", "verb", "leftovers", "begin",
                                         (json_int_t)begin_sec, "more", (json_int_t)n_more, "cut",
                                         is_cut, "found", found),
                               &reply);

        json_decref(reply);
        return status;
}

/* Of one request, as text; the rest of it is short. Paths may be so long that fewer than
 * CONTROL_LEFTOVERS_MAX fit. */
#define BATCH_SIZE (CONTROL_REQUEST_MAX - 1024)

json_t *leftovers_batch(const Scan *s, const Memory *m, size_t room, size_t *i, size_t *ret_n)
{
        json_t *found = json_array();
        size_t size = 0;

        *ret_n = 0;
        for (; found && *i < s->n && *ret_n < room; (*i)++) {
                json_t *item;

                if (memory_has(m, &s->items[*i]))
                        continue;
                item = leftover_json(&s->items[*i]);
                size += json_dumpb(item, NULL, 0, JSON_COMPACT) + 1;
                if (item && size > BATCH_SIZE && *ret_n > 0) {
                        json_decref(item);
                        break;
                }
                if (json_array_append_new(found, item) < 0) {
                        json_decref(found);
                        return NULL;
                }
                (*ret_n)++;
        }
        return found;
}

static int remember(const Scan *s, Memory *m, size_t from, size_t to)
{
        for (size_t i = from; i < to; i++)
                if (!memory_has(m, &s->items[i]) && memory_add(m, &s->items[i]) < 0)
                        return fail(VERB_FAILED, "out of memory");
        return VERB_OK;
}

static size_t count_new(const Scan *s, const Memory *m, size_t from)
{
        size_t n = 0;

        for (size_t i = from; i < s->n; i++)
                n += !memory_has(m, &s->items[i]);
        return n;
}

int leftovers_tell(const Scan *s, Memory *m, int64_t begin_sec, size_t *ret_new)
{
        size_t at = 0, n_told = 0, n, n_more;
        int status;

        *ret_new = count_new(s, m, 0);
        do {
                const size_t from = at, left = TELL_MAX - n_told;
                json_t *found = leftovers_batch(
                        s, m, left < CONTROL_LEFTOVERS_MAX ? left : CONTROL_LEFTOVERS_MAX, &at, &n);

                n_told += n;
                if (n_told == TELL_MAX)
                        n_more = count_new(s, m, at) + s->n_more;
                else
                        n_more = at == s->n ? s->n_more : 0;
                status = send(found, n_more, scan_is_cut(s) && !m->is_cut, begin_sec);
                if (status == VERB_OK) {
                        m->is_cut = scan_is_cut(s);
                        status = remember(s, m, from, at);
                }
        } while (status == VERB_OK && n_told < TELL_MAX && at < s->n);
        /* They were counted, and nhictl leftovers shows them. */
        return status == VERB_OK ? remember(s, m, at, s->n) : status;
}
