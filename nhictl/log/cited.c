/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/cited.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/log/chain.h"
#include "nhi-agentd/set/document.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/log/cited-fresh.h"
#include "nhictl/log/cited-terms.h"
#include "nhictl/reply.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* Most of a set, and of one grant only of interest. */
#define TERMS "authorization_details"

/* A set on disk. */
typedef struct Bytes {
        char *data;
        size_t size;
} Bytes;

static void bytes_done(Bytes *b)
{
        free(b->data);
}

static _printf_(3, 4) int conclude(Cited *c, CitedState state, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(c->text, sizeof(c->text), format, ap);
        va_end(ap);
        c->state = state;
        return 0;
}

static bool is_hash(const char *text)
{
        uint8_t hash[LOG_HASH_SIZE];

        return log_hash_parse(text, strlen(text), hash) == 0;
}

static int bytes_read(const char *path, Bytes *ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat st;
        Bytes b = {};
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EPERM;
        if (st.st_size < 0 || (uint64_t)st.st_size > SET_SIZE_MAX)
                return -EFBIG;
        b.data = malloc((size_t)st.st_size + 1);
        if (!b.data)
                return -ENOMEM;
        r = fd_read_all(fd, b.data, (size_t)st.st_size, &b.size);
        if (r < 0)
                bytes_done(&b);
        else
                *ret = b;
        return r;
}

/* ---- the signature -----------------------------------------------------------------------------
 */

static int verify_signature(const Bytes *b, const char *typ, const LogKeys *keys,
                            const LogKey **ret_key, const char **ret_text, size_t *ret_size,
                            JwsError *ret_error)
{
        _cleanup_free_ const Jwk **trusted = calloc(keys->n + 1, sizeof(*trusted));
        size_t key = 0;

        if (!trusted)
                return -ENOMEM;
        for (size_t i = 0; i < keys->n; i++)
                trusted[i] = &keys->items[i].jwk;
        *ret_error = jws_verify(b->data, b->size, typ, trusted, keys->n, &key, ret_text, ret_size);
        *ret_key = &keys->items[key];
        return *ret_error == JWS_E_MEMORY ? -ENOMEM : 0;
}

/* ---- the grant ---------------------------------------------------------------------------------
 */

/* A member of a record and the one of a grant that it was made from. */
static const struct {
        LogField field;
        const char *member;
} same[] = {
        { LOG_FIELD_ACCOUNT, "account" }, { LOG_FIELD_SUBJECT, "sub" },
        { LOG_FIELD_OWNER, "owner" },     { LOG_FIELD_WHY, "reason" },
        { LOG_FIELD_TICKET, "ticket" },   { LOG_FIELD_ISSUED_BY, "issued_by" },
};

/* What is looked for in the set. */
typedef struct Search {
        const json_t *record;
        const char *jti;
        json_t *grant; /* owned */
} Search;

static int see_grant(Decode *d, const Entry *e, void *userdata)
{
        Search *s = userdata;
        json_t *terms = NULL;
        int r;

        if (s->grant || !streq_ptr(member_text(e->value, "jti"), s->jti))
                return 0;
        s->grant = json_deep_copy(e->value);
        if (!s->grant)
                return -ENOMEM;
        r = e->cut ? document_load_cut(d, e, &terms) : 0;
        if (terms && json_object_set_new(s->grant, TERMS, terms) < 0)
                return -ENOMEM;
        return r;
}

static bool was_cut(const json_t *record, LogField f)
{
        return cited_was_cut(record, log_fields[f].name);
}

/* The record's text is the grant's, or the beginning of it where it had to be cut. */
static bool is_same(const json_t *record, LogField f, const char *granted)
{
        const char *text = member_text(record, log_fields[f].name);

        if (!text)
                return true;
        if (was_cut(record, f))
                return granted && strncmp(granted, text, strlen(text)) == 0;
        return streq_ptr(granted, text);
}

/* The chain of act: who acts now, then who did before. */
static bool has_same_actors(const json_t *record, const json_t *grant)
{
        const json_t *list = json_object_get(record, log_fields[LOG_FIELD_ACTOR].name), *item;
        const json_t *act = json_object_get(grant, "act");
        size_t i;

        json_array_foreach(list, i, item) {
                if (!streq_ptr(json_string_value(item), member_text(act, "sub")))
                        return false;
                act = json_object_get(act, "act");
        }
        return !act || was_cut(record, LOG_FIELD_ACTOR);
}

static int compare(const json_t *record, const json_t *grant, Cited *c)
{
        const json_int_t until = member_number(record, "until");

        for (size_t i = 0; i < ELEMENTSOF(same); i++) {
                const char *granted = member_text(grant, same[i].member);

                if (same[i].field == LOG_FIELD_SUBJECT && !granted)
                        granted = member_text(grant, "account");
                if (!is_same(record, same[i].field, granted))
                        return conclude(c, CITED_WRONG,
                                        "grant %s of the set has %s \"%s\", the record \"%s\"",
                                        member_text(grant, "jti"), same[i].member, granted ?: "",
                                        member_text(record, log_fields[same[i].field].name));
        }
        if (!has_same_actors(record, grant))
                return conclude(c, CITED_WRONG, "grant %s of the set has another act chain",
                                member_text(grant, "jti"));
        if (until > member_number(grant, "exp"))
                return conclude(c, CITED_WRONG, "grant %s of the set ends before the access does",
                                member_text(grant, "jti"));
        c->has_grant = true;
        return 0;
}

static int check_issuer(const json_t *record, const Outline *o, const LogKey *key, Cited *c)
{
        const char *iss = member_text(o->members, "iss") ?: "";
        const char *issuer = member_text(record, log_fields[LOG_FIELD_ISSUER].name);

        if (issuer && !streq(issuer, iss) && !was_cut(record, LOG_FIELD_ISSUER))
                return conclude(c, CITED_WRONG, "the set is of issuer %s, the record says %s", iss,
                                issuer);
        if (*key->issuer && !streq(key->issuer, iss))
                return conclude(c, CITED_WRONG, "it is signed with a key of issuer %s, not of %s",
                                key->issuer, iss);
        (void)snprintf(c->issuer, sizeof(c->issuer), "%s", iss);
        memcpy(c->kid, key->jwk.kid, sizeof(c->kid));
        c->state = CITED_GOOD;
        return 0;
}

static int check_allowed(const CitedPlace *at, const json_t *record, const Outline *o,
                         const json_t *grant, Cited *c)
{
        const char *jti = member_text(grant, "jti");

        if (!cited_is_allowed(record) || c->state != CITED_GOOD)
                return 0;
        c->has_grant = false;
        if (!cited_time_allows(record, grant, o->members,
                               cited_set_end(at, o->members, cited_time(record))))
                return conclude(c, CITED_WRONG, "grant %s, or the set, was not in force then", jti);
        if (!cited_terms_allow(record, grant))
                return conclude(c, CITED_WRONG,
                                "no term of grant %s has the record's class, target, group and "
                                "command",
                                jti);
        c->has_grant = true;
        return 0;
}

/* The payload, whose signature is good, against the record. */
static int check_payload(Decode *d, Payload *p, const CitedPlace *at, const json_t *record,
                         const LogKey *key, Cited *c)
{
        Search s = { .jti = member_text(record, log_fields[LOG_FIELD_GRANT].name) };
        _cleanup_(outline_done) Outline o = {};
        int r = document_outline(d, p, &o);

        if (r == 0)
                r = check_issuer(record, &o, key, c);
        if (r != 0 || c->state != CITED_GOOD)
                return r;
        if (!s.jti)
                return cited_is_allowed(record)
                               ? conclude(c, CITED_WRONG, "it allows, and names no grant")
                               : 0;
        r = document_read_list(d, p, &o.grants, TERMS, see_grant, &s);
        if (r == 0)
                r = s.grant ? compare(record, s.grant, c)
                            : conclude(c, CITED_WRONG, "grant %s is not in the set", s.jti);
        if (r == 0 && s.grant)
                r = check_allowed(at, record, &o, s.grant, c);
        json_decref(s.grant);
        return r;
}

/* A statement of freshness grants nothing: whose it is is all there is to say. */
static int check_statement(const char *text, size_t size, const LogKey *key, Cited *c)
{
        json_t *payload = cited_statement_read(text, size);
        const char *issuer = member_text(payload, "iss");

        if (!issuer || (*key->issuer && !streq(issuer, key->issuer))) {
                json_decref(payload);
                return conclude(c, CITED_WRONG, "it is not its issuer's");
        }
        (void)snprintf(c->issuer, sizeof(c->issuer), "%s", issuer);
        memcpy(c->kid, key->jwk.kid, sizeof(c->kid));
        c->state = CITED_GOOD;
        json_decref(payload);
        return 0;
}

static int check_set(const Bytes *b, const CitedPlace *at, const json_t *record, Cited *c)
{
        _cleanup_(payload_done) Payload payload = {};
        const LogKey *key = NULL;
        const char *text = NULL;
        size_t size = 0;
        JwsError error = JWS_OK;
        Decode d = {};
        int r;

        r = verify_signature(b, at->typ, at->keys, &key, &text, &size, &error);
        if (r < 0)
                return r;
        if (error == JWS_E_KEY)
                return conclude(c, CITED_AWAY,
                                "signed with a key that is not configured here; --key FILE says "
                                "which one it is");
        if (error != JWS_OK)
                return conclude(c, CITED_WRONG, "%s", jws_error_text(error));
        if (streq(at->typ, JWS_TYP_FRESHNESS))
                return check_statement(text, size, key, c);
        payload_init(&payload, text, size);
        r = check_payload(&d, &payload, at, record, key, c);
        return r == DECODE_E_PROBLEM ? conclude(c, CITED_WRONG, "its payload is none: %s", d.detail)
                                     : r;
}

int cited_verify(const char *dir, const json_t *record, const LogKeys *keys, Cited *ret)
{
        const char *hash = member_text(record, log_fields[LOG_FIELD_SET].name);
        const bool is_statement = streq_ptr(member_text(record, "event"), "set-fresh");
        const CitedPlace at = { .dir = dir,
                                .hash = hash,
                                .typ = is_statement ? JWS_TYP_FRESHNESS : JWS_TYP_GRANTS,
                                .keys = keys };
        _cleanup_(bytes_done) Bytes b = {};
        char path[LOG_DIR_MAX + 128], found[65];
        int r;

        *ret = (Cited){};
        if (!hash)
                return cited_is_allowed(record)
                               ? conclude(ret, CITED_WRONG, "it allows, and cites none")
                               : 0;
        if (!is_hash(hash))
                return conclude(ret, CITED_WRONG, "\"%s\" is no hash", hash);
        (void)snprintf(path, sizeof(path), "%s/" LOG_SETS_DIR "/%s.jws", dir, hash);
        r = bytes_read(path, &b);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return conclude(ret, CITED_AWAY, "%s: %s", path, strerror(-r));
        content_hash(b.data, b.size, found);
        if (!streq(found, hash))
                return conclude(ret, CITED_WRONG, "%s has hash %s: it was changed", path, found);
        return check_set(&b, &at, record, ret);
}
