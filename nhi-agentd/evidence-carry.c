/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happened while the log could not be written, and nobody waited for: exempt logins, ends of
 * sessions, sets. The journal has it; the log gets it when it is resumed. */

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

static Carried *take(Evidence *v)
{
        Carried *c = v->first;

        if (!c)
                return NULL;
        v->first = c->next;
        if (!v->first)
                v->last = &v->first;
        v->n_carried--;
        v->carried_size -= c->size;
        return c;
}

void carry_flush(Evidence *v)
{
        Carried *c;

        while ((c = take(v))) {
                LogBody body;

                if (log_body_carry(c->body, c->size, c->real_usec, &body) < 0 ||
                    log_append(v->log, body.data, body.size, NULL, 0, NULL, NULL) < 0)
                        v->n_lost++;
                free(c);
        }
}

void carry_done(Evidence *v)
{
        Carried *c;

        while ((c = take(v)))
                free(c);
}
