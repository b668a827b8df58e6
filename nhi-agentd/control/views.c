/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How grants, sessions and denials look in JSON (lib/wire/control.h). */

#include "nhi-agentd/control/verbs.h"

#include "lib/base/io.h"
#include "nhi-agentd/core/rules.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/lists.h"

#include <stdio.h>

/* Labels come from PAM callers and may hold any byte; a reply is always valid JSON (U09). */
static json_t *text_by_bytes(const char *text)
{
        _cleanup_free_ char *escaped = NULL;
        size_t n = strlen(text), pos = 0;

        escaped = calloc(n + 1, 4);
        if (!escaped)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)text[i];

                if (c < 0x80)
                        escaped[pos++] = (char)c;
                else
                        pos += (size_t)snprintf(escaped + pos, 5, "\\x%02x", c);
        }
        return json_string(escaped);
}

json_t *json_text(const char *text)
{
        json_t *j;

        if (!text)
                return json_null();
        j = json_string(text);
        return j ? j : text_by_bytes(text);
}

int array_take(json_t *array, json_t *element)
{
        if (!array || !element) {
                json_decref(element);
                return -ENOMEM;
        }
        return json_array_append_new(array, element) < 0 ? -ENOMEM : 0;
}

static json_t *actors_view(const Actor *act)
{
        json_t *list = json_array();

        for (; act; act = act->prior)
                if (array_take(list, json_text(act->sub)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

static json_t *texts_view(const StrList *l)
{
        json_t *list = json_array();

        for (size_t i = 0; i < l->n; i++)
                if (array_take(list, json_text(l->items[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

static json_t *terms_view(const Grant *g)
{
        json_t *terms =
                g->terms_json ? json_loads(g->terms_json, JSON_REJECT_DUPLICATES, NULL) : NULL;

        return terms ? terms : json_array();
}

Reason grant_state(const Agent *a, const Grant *g, Now now)
{
        const ListVerdict lists = agent_lists(a, g, NULL, NULL);
        int64_t end_sec, boot_end_usec;

        if (now.real_usec >= g->exp_sec * (int64_t)USEC_PER_SEC)
                return REASON_EXPIRED;
        if (lists != LIST_SILENT)
                return lists == LIST_NAMES ? REASON_REVOKED : REASON_NO_SET;
        if (agent_has_ended(a, g))
                return REASON_GIVEN_BACK;
        if (list_contains_sorted(&a->locked, g->jti) ||
            list_contains_sorted(&a->locked, g->account))
                return REASON_LOCKED;
        if (grant_is_active(g, now, &end_sec, &boot_end_usec))
                return REASON_GRANTED;
        if (now.real_usec < (g->nbf_sec - NBF_LEEWAY_SEC) * (int64_t)USEC_PER_SEC)
                return REASON_NOT_YET;
        if (now.real_usec >= g->set_exp_sec * (int64_t)USEC_PER_SEC)
                return REASON_SET_STALE;
        return now.boot_usec >= g->boot_end_usec ? REASON_EXPIRED : REASON_OUTSIDE_WINDOW;
}

/* The earliest end: of this opening while it is active, else of grant and set. */
static int64_t grant_until(const Grant *g, Now now)
{
        int64_t end_sec, boot_end_usec;

        if (grant_is_active(g, now, &end_sec, &boot_end_usec))
                return end_sec;
        return g->exp_sec < g->set_exp_sec ? g->exp_sec : g->set_exp_sec;
}

json_t *grant_view(Agent *a, const Grant *g, Now now)
{
        Reason state = grant_state(a, g, now);

        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:b, "
                         "s:s, s:I, s:I, s:I, s:o, s:o}",
                         "jti", json_text(g->jti), "account", json_text(g->account), "sub",
                         json_text(g->sub), "act", actors_view(g->act), "owner",
                         json_text(g->owner), "reason", json_text(g->reason), "ticket",
                         json_text(g->ticket), "issued_by", json_text(g->issued_by), "issuer",
                         json_text(g->issuer), "set", json_text(g->set_hash), "nbf",
                         (json_int_t)g->nbf_sec, "exp", (json_int_t)g->exp_sec, "until",
                         (json_int_t)grant_until(g, now), "active", state == REASON_GRANTED,
                         "state", reason_token(state), "max_sessions", (json_int_t)g->max_sessions,
                         "sessions", (json_int_t)sessions_of_grant(a->sessions, g->jti),
                         "sessions_used", (json_int_t)evidence_n_uses(a->evidence, g), "windows",
                         texts_view(&g->windows_text), "authorization_details", terms_view(g));
}

const Grant *grant_of(const GrantStore *s, const char *account, const char *jti)
{
        const Grant *const *grants;
        size_t n = 0;

        grants = account && jti ? grant_store_find(s, account, &n) : NULL;
        for (size_t i = 0; i < n; i++)
                if (streq(grants[i]->jti, jti))
                        return grants[i];
        return NULL;
}

json_t *session_view(const Agent *a, const SessionView *s)
{
        const Grant *g = grant_of(&a->store, s->account, s->jti);

        return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:b, "
                         "s:o, s:o, s:o}",
                         "id", json_text(s->id), "account", json_text(s->account), "uid",
                         (json_int_t)s->uid, "jti", json_text(s->jti), "class", json_text(s->class),
                         "service", json_text(s->service), "target", json_text(s->target), "rhost",
                         json_text(s->rhost), "tty", json_text(s->tty), "scope",
                         json_text(s->scope), "leader", (json_int_t)s->leader, "started",
                         (json_int_t)s->started_sec, "until", (json_int_t)s->end_sec, "ending",
                         s->ending, "owner", json_text(g ? g->owner : NULL), "reason",
                         json_text(g ? g->reason : NULL), "sub", json_text(g ? g->sub : NULL));
}

json_t *denial_view_json(const DenialView *d)
{
        return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:I, s:o, "
                         "s:I, s:I}",
                         "time", (json_int_t)d->time_sec, "account", json_text(d->account), "class",
                         json_text(d->class), "service", json_text(d->service), "phase",
                         json_text(d->phase), "target", json_text(d->target), "command",
                         json_text(d->command), "reason", reason_token(d->reason), "sentence",
                         reason_sentence(d->reason), "advice", reason_advice(d->reason), "jti",
                         json_text(d->jti), "decision", (json_int_t)d->decision_id, "mode",
                         json_text(d->mode), "count", (json_int_t)d->n, "first",
                         (json_int_t)d->first_sec);
}

int sessions_snapshot(const Agent *a, SessionView **ret, size_t *ret_n)
{
        size_t n = sessions_count(a->sessions);
        SessionView *list = calloc(n ? n : 1, sizeof(*list));

        if (!list)
                return -ENOMEM;

        *ret_n = sessions_list(a->sessions, list, n);
        *ret = list;
        return 0;
}
