/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One report, as lib/wire/report.h says. */

#include "nhi-agentd/report.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/jose/json.h"
#include "lib/wire/report.h"
#include "nhi-agentd/evidence.h"

#include <systemd/sd-id128.h>

#define ENTRY_MAX 97u /* "grant " and a jti, or "account " and a name; and NUL */

static json_t *set_view(const IssuerState *s)
{
        const GrantSet *set = s->set;

        if (!set)
                return json_null();
        return json_pack("{s:I, s:s, s:I, s:I, s:I}", "ver", (json_int_t)set->ver, "hash",
                         set->hash, "iat", (json_int_t)set->iat_sec, "exp",
                         (json_int_t)set->exp_sec, "accepted", (json_int_t)s->accepted_sec);
}

static json_t *refused_view(const IssuerState *s)
{
        if (s->refused_sec == 0)
                return json_null();
        return json_pack("{s:I, s:s}", "time", (json_int_t)s->refused_sec, "code", s->refused.code);
}

/* Without their details, which may tell of what is local here. */
static json_t *quarantine_view(const GrantSet *set)
{
        json_t *list = json_array();
        char entry[ENTRY_MAX];

        for (size_t i = 0; set && i < set->n_quarantine && i < REPORT_QUARANTINE_MAX; i++) {
                const Quarantine *q = &set->quarantine[i];

                (void)json_array_append_new(list,
                                            json_pack("{s:s, s:s}", "entry",
                                                      text_escape(entry, sizeof(entry), q->entry),
                                                      "code", q->code));
        }
        return list;
}

static json_t *gates_view(const Config *c)
{
        json_t *list = json_array();
        char name[ENTRY_MAX];

        for (size_t i = 0; i < c->n_gates && i < REPORT_GATES_MAX; i++)
                (void)json_array_append_new(
                        list, json_pack("{s:s, s:s}", "name",
                                        text_escape(name, sizeof(name), c->gates[i].name), "mode",
                                        c->gates[i].mode == GATE_OBSERVE ? "observe" : "enforce"));
        return list;
}

static json_t *uses_view(const ReportFacts *facts)
{
        json_t *list = json_array();

        for (size_t i = 0; i < facts->n_uses && i < REPORT_USES_MAX; i++)
                (void)json_array_append_new(list,
                                            json_pack("{s:s, s:I}", "jti", facts->uses[i].jti, "at",
                                                      (json_int_t)facts->uses[i].at_sec));
        return list;
}

static json_t *log_view(const Agent *a)
{
        char hash[LOG_HASH_TEXT_SIZE + 1];
        EvidenceView v;

        evidence_view(a->evidence, &v);
        log_hash_format(v.head.chain.hash, hash);
        return json_pack("{s:s, s:I, s:s, s:b}", "id", v.head.log_id, "seq",
                         (json_int_t)v.head.chain.seq, "head", hash, "error", v.error != 0);
}

static json_t *payload_new(const Agent *a, size_t index, const ReportFacts *facts, const char *boot)
{
        const IssuerState *s = &a->issuers[index];
        const int64_t now_sec = agent_now(a).real_usec / (int64_t)USEC_PER_SEC;

        return json_pack(
                "{s:i, s:s, s:s, s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:I, "
                "s:I, s:o}",
                "format", REPORT_FORMAT, "iss", a->config->host_name, "aud",
                a->config->issuers[index].issuer, "iat", (json_int_t)now_sec, "seq",
                (json_int_t)facts->seq, "boot", boot, "agent", NHI_VERSION, "set", set_view(s),
                "refused", refused_view(s), "quarantine", quarantine_view(s->set), "quarantined",
                (json_int_t)(s->set ? s->set->n_quarantined : 0), "gates", gates_view(a->config),
                "used", uses_view(facts), "used_since", (json_int_t)a->started_sec, "sessions",
                (json_int_t)(a->sessions ? sessions_count(a->sessions) : 0), "log", log_view(a));
}

int report_make(const Agent *a, size_t index, const ReportFacts *facts, char **ret)
{
        char boot[SD_ID128_STRING_MAX] = "";
        _cleanup_free_ char *text = NULL, *jws = NULL;
        json_t *payload;
        sd_id128_t id;
        int r;

        if (sd_id128_get_boot(&id) == 0)
                (void)sd_id128_to_string(id, boot);
        payload = payload_new(a, index, facts, boot);
        text = payload ? json_write(payload, JSON_COMPACT) : NULL;
        json_decref(payload);
        if (!text)
                return -ENOMEM;
        r = evidence_sign(a->evidence, REPORT_TYP, text, strlen(text), &jws);
        if (r < 0)
                return r;
        if (strlen(jws) > REPORT_SIZE_MAX)
                return -EMSGSIZE;
        *ret = TAKE_PTR(jws);
        return 0;
}
