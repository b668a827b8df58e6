/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happened while the log could not be written, or had too much to write, and nobody waited
 * for: exempt logins, ends of sessions, sets. The journal has it; the log gets it when it can. */

#include "nhi-agentd/evidence-internal.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

bool carry_is_due(const Event *e)
{
        switch (e->kind) {
        case EVENT_DECISION:
        case EVENT_DENIAL:
        case EVENT_DENIALS:
        case EVENT_WOULD_DENY:
                return false;
        default:
                return true;
        }
}

void carry_add(Evidence *v, const char *body, size_t size)
{
        Carried *c = NULL;

        if (size > 0 && v->n_carried < EVIDENCE_CARRIED_MAX &&
            size <= EVIDENCE_CARRIED_SIZE_MAX - v->carried_size)
                c = malloc(sizeof(*c) + size);
        if (!c) {
                v->n_lost++;
                return;
        }
        *c = (Carried){ .real_usec = now_realtime_usec(), .size = size };
        memcpy(c->body, body, size);
        *v->last = c;
        v->last = &c->next;
        v->n_carried++;
        v->carried_size += size;
}

static void drop_first(Evidence *v)
{
        Carried *c = v->first;

        v->first = c->next;
        if (!v->first)
                v->last = &v->first;
        v->n_carried--;
        v->carried_size -= c->size;
        free(c);
}

/* The log has failed once more, with this on its way: the journal alone has it. */
static void on_carried(void *userdata, int r)
{
        Evidence *v = userdata;

        if (r < 0 && r != -ECANCELED)
                v->n_lost++;
}

void carry_flush(Evidence *v)
{
        while (v->first) {
                LogBody *body = &v->body;
                int r = log_body_carry(v->first->body, v->first->size, v->first->real_usec, body);

                if (r == 0)
                        r = log_append(v->log, body->data, body->size, NULL, 0, on_carried, v);
                if (r < 0 && r != -ENOBUFS && r != -EBADMSG)
                        return; /* when there is room, or the log is resumed again */
                v->n_lost += r < 0;
                drop_first(v);
        }
}

void carry_done(Evidence *v)
{
        while (v->first)
                drop_first(v);
}
