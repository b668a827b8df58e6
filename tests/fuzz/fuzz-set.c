/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a signed set may say. Input: the payload; its signature is taken for good. What is accepted
 * is JSON to jansson too, within reach and ceiling (S5), free of collisions, and complete: every
 * entry is in force or in quarantine (S3). */

#include "lib/base/name.h"
#include "nhi-agentd/set/scan.h"
#include "nhi-agentd/set/value.h"
#include "tests/fuzz/set-host.h"

#include <jansson.h>

static SetHost host;

int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long mlen, const unsigned char *pk);
int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long mlen, const unsigned char *pk)
{
        (void)sig;
        (void)m;
        (void)mlen;
        (void)pk;
        return 0;
}

static char header[256];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        char *jws = NULL;

        (void)argc;
        (void)argv;
        if (set_host_init(&host) < 0 || jws_sign(&host.key, JWS_TYP_GRANTS, "{}", 2, &jws) < 0)
                return -1;
        (void)snprintf(header, sizeof(header), "%.*s.", (int)strcspn(jws, "."), jws);
        free(jws);
        return 0;
}

/* HEADER.PAYLOAD.SIGNATURE */
static char *jws_of(const uint8_t *payload, size_t size, size_t *ret_size)
{
        size_t n = strlen(header), text = base64url_size(size);
        char *jws = malloc(n + text + 1 + 86 + 1);

        if (!jws)
                abort();
        memcpy(jws, header, n);
        base64url_encode(payload, size, jws + n);
        jws[n + text] = '.';
        memset(jws + n + text + 1, 'A', 86);
        *ret_size = n + text + 1 + 86;
        jws[*ret_size] = '\0';
        return jws;
}

static void account_check(const GrantSet *s, size_t i)
{
        const Account *a = &s->accounts[i];
        uint32_t id;

        FUZZ_HOLDS(name_is_strict(a->name) && id_is_assignable(a->uid) && id_is_assignable(a->gid),
                   "an account has a name and ids");
        FUZZ_HOLDS(!localdb_user(host.local, a->name, &id, &id) &&
                           !localdb_user_name(host.local, a->uid) &&
                           !localdb_group_name(host.local, a->gid) &&
                           !localdb_id_is_subordinate(host.local, a->uid),
                   "none of which is local");
        FUZZ_HOLDS(!streq(a->name, "svc-theirs") && a->uid != 70060, "nor another issuer's");
        FUZZ_HOLDS(path_is_plain(a->home) && path_is_plain(a->shell) && gecos_is_valid(a->gecos),
                   "its passwd entry is one line");
        for (size_t j = 0; j < i; j++)
                FUZZ_HOLDS(!streq(a->name, s->accounts[j].name) && a->uid != s->accounts[j].uid &&
                                   a->gid != s->accounts[j].gid,
                           "no two accounts collide");
}

static void grant_check(const GrantSet *s, size_t i)
{
        const Grant *g = &s->grants[i];

        FUZZ_HOLDS(jti_is_valid(g->jti) && g->account && *g->account, "a grant has a name");
        FUZZ_HOLDS(g->exp_sec > g->nbf_sec && g->exp_sec - g->nbf_sec <= 86400,
                   "and a lifetime within reach");
        FUZZ_HOLDS(g->set_exp_sec == s->exp_sec, "and ends with its set");
        FUZZ_HOLDS(g->n_terms > 0, "and grants something");
        for (size_t j = 0; j < g->n_terms; j++) {
                const Term *t = &g->terms[j];

                FUZZ_HOLDS(t->type != TERM_NONE, "of a known kind");
                for (size_t k = 0; k < t->services.n; k++)
                        FUZZ_HOLDS(!streq(t->services.items[k], "su") &&
                                           !streq(t->services.items[k], "login"),
                                   "within the host's ceiling");
        }
        for (size_t j = 0; j < i; j++)
                FUZZ_HOLDS(!streq(g->jti, s->grants[j].jti), "no two grants collide");
}

static void nothing_is_lost(const GrantSet *s, const json_t *document)
{
        size_t n = json_array_size(json_object_get(document, "accounts")) +
                   json_array_size(json_object_get(document, "grants"));

        FUZZ_HOLDS(s->n_accounts + s->n_grants + s->n_quarantine == n,
                   "every entry is in force or in quarantine");
        for (size_t i = 0; i < s->n_quarantine; i++)
                FUZZ_HOLDS(s->quarantine[i].entry && s->quarantine[i].code &&
                                   s->quarantine[i].detail,
                           "with its reason");
}

/* An empty request is denied, whatever is granted (P1); what decides does not fall over. */
static void decide_all(const GrantSet *s)
{
        const StrList none = { 0 };
        const HostView view = { .locked = &none };
        GrantStore store = { 0 };

        if (grant_store_build(&s, 1, &store) < 0)
                abort();
        for (size_t i = 0; i < s->n_grants; i++) {
                AccessRequest r = { .account = s->grants[i].account };
                Decision d = decide(&store, &view, &r, host.now);

                FUZZ_HOLDS(d.verdict == VERDICT_DENY, "an empty request is denied");
                r = (AccessRequest){ .kind = REQUEST_ACCOUNT,
                                     .account = s->grants[i].account,
                                     .uid = 70001,
                                     .class = "ssh",
                                     .is_local = true };
                d = decide(&store, &view, &r, host.now);
                FUZZ_HOLDS(d.verdict == VERDICT_DENY ||
                                   (d.grant && d.end_sec > host.now.real_usec / SEC &&
                                    d.end_sec <= s->exp_sec),
                           "an allow has a grant and an end");
        }
        grant_store_done(&store);
}

static void learn(const GrantSet *s)
{
        IdMap *map = NULL;
        bool changed = false;

        if (idmap_copy(host.idmap, &map) < 0)
                abort();
        FUZZ_HOLDS(idmap_learn(map, s, host.local, &changed) == 0, "what it defines is learnt");
        for (size_t i = 0; i < s->n_accounts; i++) {
                IdMapUser u;

                FUZZ_HOLDS(idmap_user_by_name(map, s->accounts[i].name, &u) &&
                                   u.uid == s->accounts[i].uid,
                           "under its name");
        }
        idmap_free(map);
}

static void accepted(const GrantSet *s, const json_t *document)
{
        FUZZ_HOLDS(json_is_object(document), "what is accepted is a JSON object");
        FUZZ_HOLDS(s->ver > host.floor.ver && s->exp_sec > s->iat_sec, "above the floor");
        for (size_t i = 0; i < s->n_accounts; i++)
                account_check(s, i);
        for (size_t i = 0; i < s->n_grants; i++)
                grant_check(s, i);
        nothing_is_lost(s, document);
        decide_all(s);
        learn(s);
}

static unsigned json_depth(const json_t *v)
{
        unsigned depth = 0, inner;
        const char *name;
        json_t *item;
        size_t i;

        json_array_foreach(v, i, item) {
                inner = json_depth(item);
                depth = inner > depth ? inner : depth;
        }
        json_object_foreach((json_t *)(uintptr_t)v, name, item) {
                inner = json_depth(item);
                depth = inner > depth ? inner : depth;
        }
        return json_is_array(v) || json_is_object(v) ? depth + 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_t *document = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
        SetError error = { "", "" };
        GrantSet *set = NULL;
        size_t n = 0;
        char *jws = jws_of(data, size, &n);
        int r = size == 0 ? SET_E_REFUSED
                          : grant_set_verify(jws, n, &host.policy, &host.floor, host.local,
                                             host.idmap, host.now, false, &set, &error);

        if (r == 0)
                accepted(set, document);
        else
                FUZZ_HOLDS(r == SET_E_REFUSED && !set, "a set is accepted or refused");
        if (streq(error.code, "json"))
                FUZZ_HOLDS(!document || json_depth(document) > SCAN_DEPTH_MAX,
                           "what is refused as no JSON is none, or too deep");
        grant_set_free(set);
        json_decref(document);
        free(jws);
        return 0;
}
