/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/state.h"

static const struct StateRow {
        const char *name;
        bool live;
} states[GRANT_STATE_N] = {
#define GRANT_STATE_ROW(name, word, live) [GRANT_STATE_##name] = { word, live },
        GRANT_STATES(GRANT_STATE_ROW)
#undef GRANT_STATE_ROW
};

bool document_is_disabled(const json_t *doc)
{
        return json_object_get(doc, "disabled") != NULL;
}

/* An account without a document is local or from a directory; one whose document could not be read
 * might be a disabled one. */
static bool is_withdrawn(const Ledger *l, const json_t *grant)
{
        const char *account = document_text(grant, "account");
        const json_t *owner = ledger_get(l, DOC_OWNER, document_text(grant, "owner"));
        const json_t *doc = ledger_get(l, DOC_ACCOUNT, account);

        if (!owner || document_is_disabled(owner))
                return true;
        return doc ? document_is_disabled(doc) : ledger_has_file(l, DOC_ACCOUNT, account);
}

GrantState ledger_grant_state(const Ledger *l, const json_t *grant, int64_t now_sec)
{
        int64_t nbf_sec, exp_sec;

        if (json_object_get(grant, "revoked"))
                return GRANT_STATE_REVOKED;
        if (document_time(grant, "nbf", &nbf_sec) < 0 || document_time(grant, "exp", &exp_sec) < 0)
                return GRANT_STATE_BROKEN;
        if (now_sec >= exp_sec)
                return GRANT_STATE_ENDED;
        if (is_withdrawn(l, grant))
                return GRANT_STATE_WITHDRAWN;
        return now_sec < nbf_sec ? GRANT_STATE_PENDING : GRANT_STATE_ACTIVE;
}

const char *grant_state_name(GrantState s)
{
        return states[s < GRANT_STATE_N ? s : GRANT_STATE_BROKEN].name;
}

bool grant_state_is_live(GrantState s)
{
        return s < GRANT_STATE_N && states[s].live;
}

bool grant_reaches(const json_t *grant, const json_t *host)
{
        const json_t *labels = json_object_get(host, "labels");
        const json_t *label;
        size_t i;

        if (document_list_has(json_object_get(grant, "hosts"), document_text(host, "name")))
                return true;
        json_array_foreach(json_object_get(grant, "labels"), i, label) {
                if (json_is_string(label) && document_list_has(labels, json_string_value(label)))
                        return true;
        }
        return false;
}
