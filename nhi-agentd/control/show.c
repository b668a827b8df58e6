/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The control verbs that read: status, list, mine, why, sessions. */

#include "nhi-agentd/control/verbs.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/journal.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/metrics/metrics.h"
#include "nhi-agentd/publish.h"

#include "lib/base/io.h"

/* So many grants in one reply: the loop is not held up for longer by whoever asks. What was left
 * out is said ("truncated"). */
#define LIST_GRANTS_MAX 10000u
/* Who may not see everything is not told so much at once: that could be asked by anybody, again and
 * again. */
#define LIST_OWN_GRANTS_MAX 200u
/* Beyond so many, status gives the number that the last snapshot counted. */
#define COUNT_GRANTS_MAX 1000u
#define WHY_DEFAULT      10

static json_t *refusal_view(const IssuerState *s)
{
        if (s->refused_sec == 0)
                return json_null();
        return json_pack("{s:I, s:o, s:o}", "time", (json_int_t)s->refused_sec, "code",
                         json_text(s->refused.code), "detail", json_text(s->refused.detail));
}

/* The revocation list; null where there never was one. */
static json_t *revocations_view(const IssuerState *s)
{
        const RevocationList *l = s->list;
        const char *refused = s->list_refused.code;

        if (!l)
                return s->list_is_lost || *refused
                               ? json_pack("{s:b, s:o}", "lost", (int)s->list_is_lost, "refused",
                                           json_text(refused))
                               : json_null();
        return json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:b, s:b, s:o}", "ver", (json_int_t)l->ver,
                         "hash", json_text(l->hash), "iat", (json_int_t)l->iat_sec, "exp",
                         (json_int_t)l->exp_sec, "entries", (json_int_t)l->n_entries, "left_out",
                         (json_int_t)l->n_skipped, "lost", 0, "unsaved",
                         (int)issuer_list_is_unsaved(s), "refused",
                         *refused ? json_text(refused) : json_null());
}

/* The key list; null where there never was one. */
static json_t *keys_view(const IssuerState *s)
{
        const KeyList *l = s->keys;
        const char *refused = s->keys_refused.code;

        if (!l && !s->keys_are_lost && !*refused)
                return json_null();
        if (!l)
                return json_pack("{s:b, s:o}", "lost", (int)s->keys_are_lost, "refused",
                                 *refused ? json_text(refused) : json_null());
        return json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:b, s:b, s:o}", "ver", (json_int_t)l->ver,
                         "hash", json_text(l->hash), "iat", (json_int_t)l->iat_sec, "exp",
                         (json_int_t)l->exp_sec, "keys", (json_int_t)l->n_signing, "retired",
                         (json_int_t)(l->n_keys - l->n_signing), "lost", 0, "unsaved",
                         (int)issuer_keys_are_unsaved(s), "refused",
                         *refused ? json_text(refused) : json_null());
}

/* The statement of freshness; null where none was heard. */
static json_t *freshness_view(const IssuerState *s)
{
        const Freshness *f = s->fresh;
        const char *refused = s->fresh_refused.code;

        if (!f)
                return *refused ? json_pack("{s:o}", "refused", json_text(refused)) : json_null();
        return json_pack("{s:I, s:I, s:o, s:o, s:o}", "iat", (json_int_t)f->iat_sec, "exp",
                         (json_int_t)f->exp_sec, "hash", json_text(f->hash), "kid",
                         json_text(f->kid), "refused", *refused ? json_text(refused) : json_null());
}

/* The file, or the first of the servers. */
static const char *source_place(const SourceConfig *s)
{
        return s->urls.n > 0 ? s->urls.items[0] : s->path;
}

static json_t *issuer_view(const Issuer *i, const IssuerState *s, int64_t now_sec)
{
        const GrantSet *set = s->set;

        if (!set)
                return json_pack(
                        "{s:o, s:o, s:n, s:i, s:o, s:o, s:o}", "issuer", json_text(i->issuer),
                        "source", json_text(source_place(&i->source)), "ver", "quarantined", 0,
                        "last_refusal", refusal_view(s), "revocations", revocations_view(s), "keys",
                        keys_view(s), "freshness", freshness_view(s));
        return json_pack(
                "{s:o, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:i, s:o, s:o, s:o, s:o}",
                "issuer", json_text(i->issuer), "source", json_text(source_place(&i->source)),
                "ver", (json_int_t)set->ver, "hash", json_text(set->hash), "iat",
                (json_int_t)set->iat_sec, "exp", (json_int_t)set->exp_sec, "heard",
                (json_int_t)set->heard_sec, "age_sec", (json_int_t)(now_sec - set->iat_sec),
                "accepted", (json_int_t)s->accepted_sec, "offered",
                s->offered_sec > 0 ? json_integer((json_int_t)s->offered_sec) : json_null(),
                "quarantined", (int)set->n_quarantined, "last_refusal", refusal_view(s),
                "revocations", revocations_view(s), "keys", keys_view(s), "freshness",
                freshness_view(s));
}

static json_t *list_view(const StrList *l, const StrList *more, const char *prefix)
{
        json_t *list = json_array();

        for (size_t i = 0; i < l->n; i++)
                (void)array_take(list, json_text(l->items[i]));
        for (size_t i = 0; more && i < more->n; i++)
                (void)array_take(list, json_sprintf("%s%s", prefix, more->items[i]));
        return list;
}

static json_t *gate_view(const GateRule *g)
{
        return json_pack("{s:o, s:s, s:o, s:o}", "name", json_text(g->name), "mode",
                         g->mode == GATE_OBSERVE ? "observe" : "enforce", "services",
                         list_view(&g->services, NULL, ""), "accounts",
                         list_view(&g->accounts, &g->groups, "%"));
}

static json_t *issuers_view(const Agent *a, Now now)
{
        const int64_t now_sec = now.real_usec / (int64_t)USEC_PER_SEC;
        json_t *list = json_array();

        for (size_t i = 0; i < a->config->n_issuers; i++) {
                json_t *view = issuer_view(&a->config->issuers[i], &a->issuers[i], now_sec);

                (void)put_sources(view, &a->config->issuers[i], &a->issuers[i], now);
                (void)array_take(list, view);
        }
        return list;
}

static json_t *gates_view(const Agent *a)
{
        json_t *list = json_array();

        for (size_t i = 0; i < a->config->n_gates; i++)
                (void)array_take(list, gate_view(&a->config->gates[i]));
        return list;
}

static json_t *quarantine_view(const Agent *a)
{
        json_t *list = json_array();

        for (size_t i = 0; i < a->config->n_issuers; i++) {
                const GrantSet *set = a->issuers[i].set;

                for (size_t k = 0; set && k < set->n_quarantine; k++) {
                        const Quarantine *q = &set->quarantine[k];

                        (void)array_take(list,
                                         json_pack("{s:o, s:o, s:o, s:o}", "issuer",
                                                   json_text(set->issuer), "entry",
                                                   json_text(q->entry), "code", json_text(q->code),
                                                   "detail", json_text(q->detail)));
                }
        }
        return list;
}

/* Anybody may ask for it: the loop never walks over all grants of a large host. */
size_t control_n_active(const Agent *a, Now now)
{
        size_t n = 0;

        if (a->store.n_grants > COUNT_GRANTS_MAX)
                return a->n_active;
        for (size_t i = 0; i < a->store.n_grants; i++)
                n += grant_state(a, a->store.grants[i], now) == REASON_GRANTED;
        return n;
}

/* Who may not see everything learns that the host is well, or what ails it, and no names. */
/* The log as it is, and the host's key that signs its heads. */
static int put_log(const Agent *a, json_t *body)
{
        char hash[LOG_HASH_TEXT_SIZE + 1];
        _cleanup_free_ char *jwk = NULL;
        EvidenceView v;
        json_t *log;
        int r;

        evidence_view(a->evidence, &v);
        log_hash_format(v.head.chain.hash, hash);
        log = json_pack("{s:s, s:I, s:s, s:o, s:i, s:I}", "id", v.head.log_id, "seq",
                        (json_int_t)v.head.chain.seq, "head", hash, "error",
                        v.error == 0 ? json_null() : json_text(v.why), "carried", (int)v.n_carried,
                        "lost", (json_int_t)v.n_lost);
        r = json_object_set_new(body, "log", log);
        if (r == 0)
                r = jwk_format(v.key, &jwk);
        return r < 0 ? r : json_object_set_new(body, "host_key", json_loads(jwk, 0, NULL));
}

/* What sessions are ended by: session/means.h. */
static int put_means(const Agent *a, json_t *body)
{
        return json_object_set_new(body, "means",
                                   json_text(means_name(sessions_means(a->sessions))));
}

/* Only where they are wanted. */
static int put_metrics(const Agent *a, json_t *body)
{
        MetricsView v;

        if (!metrics_view(a->metrics, &v))
                return 0;
        return json_object_set_new(body, "metrics",
                                   json_pack("{s:o, s:I, s:I, s:o}", "file", json_text(v.path),
                                             "interval", (json_int_t)v.interval_sec, "written",
                                             (json_int_t)v.written_sec, "error",
                                             v.error ? json_text(v.error) : json_null()));
}

int control_status(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        Now now = agent_now(a);
        json_t *body;
        int r;

        body = json_pack("{s:o, s:s, s:i, s:I, s:b, s:b, s:o, s:i, s:i, s:i, s:o, s:I, s:o, s:b}",
                         "host", json_text(a->config->host_name), "version", NHI_VERSION, "pid",
                         (int)getpid(), "started", (json_int_t)a->started_sec, "clock_behind",
                         agent_host_view(a).clock_behind, "bus", sessions_have_bus(a->sessions),
                         "issuers", issuers_view(a, now), "grants", (int)control_n_active(a, now),
                         "accounts", (int)a->store.n_accounts, "sessions",
                         (int)sessions_count(a->sessions), "gates", gates_view(a),
                         "journal_dropped", (json_int_t)journal_dropped(a->journal), "config_error",
                         *a->config_error ? json_text(a->config_error) : json_null(), "reloading",
                         a->n_reloads > 0);
        if (body && (put_log(a, body) < 0 || put_means(a, body) < 0 || put_metrics(a, body) < 0)) {
                json_decref(body);
                return -ENOMEM;
        }
        if (body && peer->sees_all) {
                r = json_object_set_new(body, "quarantine", quarantine_view(a));
                if (r == 0)
                        r = json_object_set_new(body, "locked", list_view(&a->locked, NULL, ""));
                if (r < 0) {
                        json_decref(body);
                        return -ENOMEM;
                }
        }
        return reply_ok(body, ret_reply);
}

/* Grants of one account, or with NULL of all, into an array; max at most. */
static int grants_collect(Agent *a, const char *account, bool all, size_t max, json_t *list,
                          bool *ret_truncated)
{
        const Grant *const *grants = a->store.grants;
        size_t n = a->store.n_grants;
        Now now = agent_now(a);

        if (account)
                grants = grant_store_find(&a->store, account, &n);

        *ret_truncated = false;
        for (size_t i = 0; i < n; i++) {
                if (!all && grant_state(a, grants[i], now) != REASON_GRANTED)
                        continue;
                if (json_array_size(list) >= max) {
                        *ret_truncated = true;
                        return 0;
                }
                if (array_take(list, grant_view(a, grants[i], now)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Who waits for a grant does so until PAM and NSS know it, too. */
static int put_progress(const Agent *a, json_t *body)
{
        uint64_t changed, published;

        publish_progress(a->publisher, &changed, &published);
        if (json_object_set_new(body, "changed", json_integer((json_int_t)changed)) < 0)
                return -ENOMEM;
        return json_object_set_new(body, "published", json_integer((json_int_t)published));
}

static int reply_grants(Agent *a, const Peer *peer, const char *account, bool all,
                        json_t **ret_reply)
{
        const size_t max = peer->sees_all ? LIST_GRANTS_MAX : LIST_OWN_GRANTS_MAX;
        json_t *list = json_array(), *body;
        bool truncated;

        if (!list || grants_collect(a, account, all, max, list, &truncated) < 0) {
                json_decref(list);
                return -ENOMEM;
        }
        body = account ? json_pack("{s:o, s:o}", "account", json_text(account), "grants", list)
                       : json_pack("{s:o}", "grants", list);
        if (body && (put_progress(a, body) < 0 ||
                     (truncated && json_object_set_new(body, "truncated", json_true()) < 0))) {
                json_decref(body);
                return -ENOMEM;
        }
        return reply_ok(body, ret_reply);
}

int control_list(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        const char *account;
        int r = request_account(peer, request, &account, ret_reply);

        if (r != 0)
                return r < 0 ? r : 0;
        return reply_grants(a, peer, account, json_is_true(json_object_get(request, "all")),
                            ret_reply);
}

int control_mine(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        if (!*peer->account)
                return reply_no_account(peer, ret_reply);
        return reply_grants(a, peer, peer->account, true, ret_reply);
}

/* Without an account: the peer's own, for root too, whose own denials are everybody's concern: root
 * with no account named sees all. */
int control_why(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        _cleanup_free_ DenialView *views = NULL;
        int64_t wanted = request_number(request, "n", WHY_DEFAULT);
        json_t *list;
        const char *account;
        size_t n;
        int r;

        r = request_account(peer, request, &account, ret_reply);
        if (r != 0)
                return r < 0 ? r : 0;
        if (wanted < 1 || wanted > (int64_t)DENIALS_MAX)
                return reply_refuse(ret_reply, "usage", "n is 1 to %u", DENIALS_MAX);
        if (peer->uid != 0 && !request_text(request, "account") && *peer->account)
                account = peer->account;

        views = calloc((size_t)wanted, sizeof(*views));
        list = json_array();
        n = views && list ? denials_list(a->denials, account, views, (size_t)wanted) : 0;
        for (size_t i = 0; i < n; i++)
                (void)array_take(list, denial_view_json(&views[i]));
        if (!views || json_array_size(list) != n) {
                json_decref(list);
                return -ENOMEM;
        }
        return reply_ok(json_pack("{s:o}", "denials", list), ret_reply);
}

int control_sessions(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        _cleanup_free_ SessionView *views = NULL;
        const char *account;
        json_t *list;
        size_t n = 0;
        int r;

        r = request_account(peer, request, &account, ret_reply);
        if (r != 0)
                return r < 0 ? r : 0;
        r = sessions_snapshot(a, &views, &n);
        if (r < 0)
                return r;

        list = json_array();
        for (size_t i = 0; i < n; i++) {
                if (account && !streq_ptr(views[i].account, account))
                        continue;
                if (array_take(list, session_view(a, &views[i])) < 0) {
                        json_decref(list);
                        return -ENOMEM;
                }
        }
        return reply_ok(list ? json_pack("{s:o}", "sessions", list) : NULL, ret_reply);
}
