/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sets that the log cites: what each grant allowed, by what its issuer signed. Without that
 * signature the log would only bear witness for itself. */

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/sort.h"
#include "lib/jose/jose.h"
#include "lib/log/format.h"
#include "nhi-agentd/set/freshness.h"
#include "nhictl/prove/witness.h"
#include "nhictl/reply.h"

#include <fcntl.h>
#include <sys/stat.h>

/* A tree of all of it is built here. */
#define SET_READ_MAX (64u * 1024 * 1024)

/* ---- one set ---- */

/* The grants of all stays, sorted. */
typedef struct Names {
        const char **items;
        size_t n;
} Names;

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int names_of_stays(const Proof *p, Names *ret)
{
        const char **items = calloc(p->stays.n + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < p->stays.n; i++)
                items[i] = p->stays.items[i].grant;
        sort_items(items, p->stays.n, compare_names);
        *ret = (Names){ .items = items, .n = p->stays.n };
        return 0;
}

static bool is_stayed(const Names *names, const char *jti)
{
        return find_item(&jti, names->items, names->n, compare_names) != NULL;
}

static int64_t time_usec(const json_t *object, const char *name)
{
        return member_sec(object, name) * (int64_t)USEC_PER_SEC;
}

/* A window that nobody understands is never open. */
static void take_windows(Proof *p, SetGrant *g, const json_t *windows)
{
        const json_t *text;
        size_t i;

        g->window = p->windows.n;
        g->n_windows = json_array_size(windows);
        json_array_foreach(windows, i, text) {
                Window w = { .days = 0 }, *one = proof_add(p, windows);

                if (json_is_string(text) && window_parse(json_string_value(text), &w) < 0)
                        w = (Window){ .days = 0 };
                if (one)
                        *one = w;
        }
}

static SetGrant grant_make(Proof *p, const json_t *grant, const json_t *payload, int64_t set_end)
{
        SetGrant g = {
                .jti = proof_text(p, json_string_value(json_object_get(grant, "jti"))),
                .account = proof_text(p, json_string_value(json_object_get(grant, "account"))),
                .begin_usec = time_usec(json_object_get(grant, "nbf") ? grant : payload,
                                        json_object_get(grant, "nbf") ? "nbf" : "iat"),
                .end_usec = time_usec(grant, "exp"),
        };

        if (set_end < g.end_usec)
                g.end_usec = set_end;
        take_windows(p, &g, json_object_get(grant, "windows"));
        return g;
}

static int compare_grants(const void *a, const void *b)
{
        const SetGrant *x = a, *y = b;

        return strcmp(x->jti, y->jti);
}

/* set_end: 0: its own. */
static int take_grants(Proof *p, SetFact *f, const json_t *payload, int64_t set_end,
                       const Names *names)
{
        const json_t *grants = json_object_get(payload, "grants"), *grant;
        const char *issuer = json_string_value(json_object_get(payload, "iss"));
        size_t i;

        if (!issuer || !json_is_array(grants))
                return -EBADMSG;
        f->own_end_usec = time_usec(payload, "exp");
        if (set_end == 0)
                set_end = f->own_end_usec;
        f->grants = calloc(json_array_size(grants) + 1, sizeof(*f->grants));
        if (!f->grants)
                return -ENOMEM;
        json_array_foreach(grants, i, grant) {
                const char *jti = json_string_value(json_object_get(grant, "jti"));

                if (!jti || !is_stayed(names, jti))
                        continue;
                f->grants[f->n_grants++] = grant_make(p, grant, payload, set_end);
        }
        sort_items(f->grants, f->n_grants, compare_grants);
        f->issuer = proof_text(p, issuer);
        f->is_known = true;
        return p->failed ? -ENOMEM : 0;
}

int set_take(Proof *p, SetFact *f, const json_t *payload)
{
        Names names = { .n = 0 };
        int r = names_of_stays(p, &names);

        if (r == 0)
                r = take_grants(p, f, payload, 0, &names);
        free(names.items);
        return r;
}

/* ---- the files ---- */

static int set_read(const char *dir, const char *hash, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        char found[65];
        struct stat st;
        int r;

        if (strlen(hash) != 64 || strspn(hash, "0123456789abcdef") != 64)
                return -EBADMSG;
        if (asprintf(&path, "%s/" LOG_SETS_DIR "/%s.jws", dir, hash) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > SET_READ_MAX)
                return -EFBIG;
        text = malloc((size_t)st.st_size + 1);
        if (!text)
                return -ENOMEM;
        r = fd_read_all(fd, text, (size_t)st.st_size, ret_size);
        if (r < 0)
                return r;
        content_hash(text, *ret_size, found);
        if (!streq(found, hash))
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}

/* The payload, where a key of the issuer that it names has signed it. */
static json_t *payload_of(const char *jws, size_t size, const char *typ, const LogKeys *keys)
{
        _cleanup_free_ const Jwk **trusted = calloc(keys->n + 1, sizeof(*trusted));
        _cleanup_free_ char *text = NULL;
        size_t key = 0, n = 0;
        const char *issuer;
        json_t *payload;

        for (size_t i = 0; trusted && i < keys->n; i++)
                trusted[i] = &keys->items[i].jwk;
        if (!trusted || jws_open(jws, size, typ, trusted, keys->n, &key, &text, &n) != JWS_OK)
                return NULL;
        payload = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
        issuer = json_string_value(json_object_get(payload, "iss"));
        if (issuer && (!*keys->items[key].issuer || streq(issuer, keys->items[key].issuer)))
                return payload;
        json_decref(payload);
        return NULL;
}

static json_t *payload_read(const char *dir, const char *hash, const char *typ, const LogKeys *keys)
{
        _cleanup_free_ char *jws = NULL;
        size_t size = 0;

        return set_read(dir, hash, &jws, &size) == 0 ? payload_of(jws, size, typ, keys) : NULL;
}

/* The same set may have come into force more than once. */
static void set_load(Proof *p, SetFact *f, const char *dir, const LogKeys *keys, const Names *names)
{
        json_t *payload = payload_read(dir, f->hash, JWS_TYP_GRANTS, keys);

        if (payload && take_grants(p, f, payload, 0, names) == -ENOMEM)
                p->failed = true;
        json_decref(payload);
}

static int statement_take(Proof *p, SetFact *f, const json_t *statement, const json_t *payload,
                          const Names *names)
{
        const Freshness s = { .iat_sec = member_sec(statement, "iat"),
                              .exp_sec = member_sec(statement, "exp") };
        const int64_t end_sec = freshness_end(&s, TIME_SEC_MAX, member_sec(payload, "iat"),
                                              member_sec(payload, "exp"));

        f->kept = proof_text(p, json_string_value(json_object_get(statement, "set")));
        return take_grants(p, f, payload, end_sec * (int64_t)USEC_PER_SEC, names);
}

/* Of a statement: the set that it names, until it is over by it. */
static void statement_load(Proof *p, SetFact *f, const char *dir, const LogKeys *keys,
                           const Names *names)
{
        json_t *statement = payload_read(dir, f->hash, JWS_TYP_FRESHNESS, keys);
        const char *set = json_string_value(json_object_get(statement, "set"));
        json_t *payload = set ? payload_read(dir, set, JWS_TYP_GRANTS, keys) : NULL;

        if (payload && statement_take(p, f, statement, payload, names) == -ENOMEM)
                p->failed = true;
        json_decref(statement);
        json_decref(payload);
}

/* ---- which ones ---- */

/* A stay's own set, whose set-accepted may have been pruned. */
static void add_cited(Proof *p, const Stay *s)
{
        SetFact *f;

        for (size_t i = 0; i < p->sets.n; i++)
                if (streq(p->sets.items[i].hash, s->set))
                        return;
        f = proof_add(p, sets);
        if (f)
                *f = (SetFact){ .hash = s->set, .issuer = "" };
}

static bool may_be_of(const SetFact *f, const Stay *s)
{
        return !*f->issuer || streq(f->issuer, s->issuer);
}

/* What it cites, what was in force when it began, and what came while it might have gone on. */
static void mark_wanted(const Proof *p, const Stay *s, bool *wanted)
{
        size_t last = p->sets.n;

        for (size_t i = 0; i < p->sets.n; i++) {
                const SetFact *f = &p->sets.items[i];
                const int64_t at = f->time_usec;

                if (streq(f->hash, s->set))
                        wanted[i] = true;
                if (at == 0 || !may_be_of(f, s))
                        continue;
                if (at > s->start_usec)
                        wanted[i] |= at <= s->end_usec || at <= s->until_usec;
                else if (last == p->sets.n || at >= p->sets.items[last].time_usec)
                        last = i;
        }
        if (last < p->sets.n)
                wanted[last] = true;
}

void witness_sets(Proof *p, const char *dir, const LogKeys *keys)
{
        _cleanup_free_ bool *wanted = NULL;
        Names names = { .n = 0 };

        for (size_t i = 0; i < p->stays.n; i++)
                if (*p->stays.items[i].set)
                        add_cited(p, &p->stays.items[i]);
        wanted = calloc(p->sets.n + 1, sizeof(*wanted));
        if (!wanted || names_of_stays(p, &names) < 0) {
                p->failed = true;
                return;
        }
        for (size_t i = 0; i < p->stays.n; i++)
                mark_wanted(p, &p->stays.items[i], wanted);
        for (size_t i = 0; i < p->sets.n; i++)
                if (wanted[i] && !p->sets.items[i].is_known)
                        (p->sets.items[i].is_statement ? statement_load : set_load)(
                                p, &p->sets.items[i], dir, keys, &names);
        free(names.items);
}
