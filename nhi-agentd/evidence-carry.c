/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happened while the log could not be written, or had too much to write, and nobody waited
 * for: exempt logins, ends of sessions, sets. The journal has it; the reserve may; the log gets the
 * rest when it can. */

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

static void push(Evidence *v, Carried *c)
{
        c->next = NULL;
        *v->last = c;
        v->last = &c->next;
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
        *c = (Carried){ .evidence = v, .real_usec = now_realtime_usec(), .size = size };
        memcpy(c->body, body, size);
        push(v, c);
        v->n_carried++;
        v->carried_size += size;
}

static Carried *pop(Evidence *v)
{
        Carried *c = v->first;

        v->first = c->next;
        if (!v->first)
                v->last = &v->first;
        return c;
}

static void forget(Carried *c)
{
        c->evidence->n_carried--;
        c->evidence->carried_size -= c->size;
        free(c);
}

/* Where the log has failed once more, with this on its way, it waits for the next time. */
static void on_carried(void *userdata, int r)
{
        Carried *c = userdata;

        if (r == 0 || r == -ECANCELED)
                forget(c);
        else
                push(c->evidence, c);
}

void carry_flush(Evidence *v)
{
        while (v->first) {
                Carried *c = v->first;
                LogBody *body = &v->body;
                int r = log_body_carry(c->body, c->size, c->real_usec, body);

                if (r == 0)
                        r = log_append(v->log, body->data, body->size, NULL, 0, on_carried, c);
                if (r < 0 && r != -ENOBUFS && r != -EBADMSG)
                        return; /* when there is room, or the log is resumed again */
                (void)pop(v);
                if (r < 0) {
                        v->n_lost++;
                        forget(c);
                }
        }
}

void carry_done(Evidence *v)
{
        while (v->first)
                forget(pop(v));
}
