/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* state.json to and from bytes. */

#include "nhi-agentd/config/trust.h"
#include "nhi-agentd/state.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/jose/json.h"

#include <stdio.h>

#define STATE_FORMAT 1

DEFINE_CLEANUP(State *, state_free)

static bool hash_is_valid(const char *hash)
{
        return strlen(hash) == 64 && strspn(hash, "0123456789abcdef") == 64;
}

/* {"ver": N, "hash": "..."} or the same two of an issuer; both or none. */
static int parse_floor(const json_t *ver, const char *hash, SetFloor *ret)
{
        if (!ver && !hash)
                return 0;
        if (!json_is_integer(ver) || json_integer_value(ver) <= 0 || !hash || !hash_is_valid(hash))
                return -EBADMSG;
        ret->ver = json_integer_value(ver);
        memcpy(ret->hash, hash, sizeof(ret->hash));
        return 0;
}

static int parse_object(json_t *j, const char *member, SetFloor *ret)
{
        const char *hash;
        json_t *ver;

        if (!j)
                return 0;
        if (json_unpack_ex(j, NULL, JSON_STRICT, "{s:o, s:s}", member, &ver, "hash", &hash) < 0)
                return -EBADMSG;
        return parse_floor(ver, hash, ret);
}

static int parse_keys(json_t *j, KeysFloor *ret)
{
        const char *hash, *roots, *own;
        json_t *ver;

        if (json_unpack_ex(j, NULL, JSON_STRICT, "{s:o, s:s, s:s, s:s}", "ver", &ver, "hash", &hash,
                           "roots", &roots, "own", &own) < 0 ||
            !hash_is_valid(roots) || !hash_is_valid(own))
                return -EBADMSG;
        memcpy(ret->roots, roots, sizeof(ret->roots));
        memcpy(ret->own, own, sizeof(ret->own));
        return parse_floor(ver, hash, &ret->floor);
}

/* One that a key list set: no set is meant by it. */
static int parse_bare_floor(const json_t *ver, SetFloor *ret)
{
        if (!json_is_integer(ver) || json_integer_value(ver) <= 0)
                return -EBADMSG;
        ret->ver = json_integer_value(ver);
        return 0;
}

static int parse_issuer(State *s, json_t *j)
{
        const char *issuer, *hash = NULL;
        SetFloor floor = {}, list = {}, fresh = {};
        json_t *ver = NULL, *l = NULL, *k = NULL, *f = NULL;
        KeysFloor keys = {};
        int r;

        if (json_unpack_ex(j, NULL, JSON_STRICT, "{s:s, s?o, s?s, s?o, s?o, s?o}", "issuer",
                           &issuer, "ver", &ver, "hash", &hash, "list", &l, "keys", &k, "fresh",
                           &f) < 0)
                return -EBADMSG;
        r = ver && !hash ? parse_bare_floor(ver, &floor) : parse_floor(ver, hash, &floor);
        if (r == 0)
                r = parse_object(l, "ver", &list);
        if (r == 0 && k)
                r = parse_keys(k, &keys);
        if (r == 0)
                r = parse_object(f, "iat", &fresh);
        if (r == 0)
                r = state_set_floor(s, issuer, &floor);
        if (r == 0)
                r = state_set_list_floor(s, issuer, &list);
        if (r == 0)
                r = state_set_keys_floor(s, issuer, &keys);
        return r == 0 ? state_set_fresh_floor(s, issuer, &fresh) : r;
}

/* Left out: the first; where there is none, or null: not known. */
static int parse_ended_issuer(const State *s, const json_t *j, unsigned *ret)
{
        const json_int_t at = j ? json_integer_value(j) : 0;

        if (j && json_is_null(j)) {
                *ret = 0;
                return 0;
        }
        if ((j && !json_is_integer(j)) || at < 0 || (j && (size_t)at >= s->n_issuers))
                return -EBADMSG;
        *ret = s->n_issuers > 0 ? (unsigned)at + 1 : 0;
        return 0;
}

static int parse_ended(State *s, json_t *j)
{
        json_t *exp, *at, *from = NULL;
        unsigned issuer = 0;
        const char *jti;

        if (json_unpack_ex(j, NULL, JSON_STRICT, "{s:s, s:o, s:o, s?o}", "jti", &jti, "exp", &exp,
                           "at", &at, "issuer", &from) < 0 ||
            parse_ended_issuer(s, from, &issuer) < 0 || !json_is_integer(exp) ||
            !json_is_integer(at) || !jti_is_valid(jti))
                return -EBADMSG;
        if (json_integer_value(exp) < 0 || json_integer_value(at) < 0)
                return -EBADMSG;
        return state_add_ended(s, issuer, jti, json_integer_value(exp), json_integer_value(at));
}

static int parse_locked(State *s, json_t *j)
{
        int r;

        if (!json_is_string(j))
                return -EBADMSG;
        r = state_lock(s, json_string_value(j), true);
        return r < 0 ? r : 0;
}

static int parse_array(State *s, json_t *array, int (*parse)(State *s, json_t *j))
{
        json_t *entry;
        size_t i;

        if (!json_is_array(array))
                return -EBADMSG;
        json_array_foreach(array, i, entry) {
                int r = parse(s, entry);

                if (r < 0)
                        return r;
        }
        return 0;
}

int state_parse(const char *text, size_t size, State **ret)
{
        _cleanup_(json_decrefp) json_t *root = json_read(text, size, JSON_REJECT_DUPLICATES, NULL);
        _cleanup_(state_freep) State *s = NULL;
        json_t *format, *floor, *issuers, *ended, *locked;
        int r;

        if (!root ||
            json_unpack_ex(root, NULL, JSON_STRICT, "{s:o, s:o, s:o, s:o, s:o}", "format", &format,
                           "time_floor", &floor, "issuers", &issuers, "ended", &ended, "locked",
                           &locked) < 0 ||
            !json_is_integer(format) || json_integer_value(format) != STATE_FORMAT ||
            !json_is_integer(floor) || json_integer_value(floor) < 0)
                return -EBADMSG;
        r = state_new(&s);
        if (r < 0)
                return r;
        s->time_floor_sec = json_integer_value(floor);
        r = parse_array(s, issuers, parse_issuer);
        if (r == 0)
                r = parse_array(s, ended, parse_ended);
        if (r == 0)
                r = parse_array(s, locked, parse_locked);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

int state_load(const char *path, State **ret, char ret_error[static STATE_ERROR_MAX])
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner_trusted(), STATE_FILE_MAX, &text, &size);
        if (r == -ENOENT)
                return r;
        if (r < 0) {
                (void)snprintf(ret_error, STATE_ERROR_MAX, "%s: %s", path, trust_error_text(r));
                return r;
        }
        r = state_parse(text, size, ret);
        if (r < 0)
                (void)snprintf(ret_error, STATE_ERROR_MAX,
                               "%s: damaged; restore it from a backup, or remove it, which forgets "
                               "version floors and ended grants",
                               path);
        return r;
}

/* Its floor, beside what else there is. NULL object: out of memory, or it was before. */
static json_t *format_floor(json_t *object, const char *member, const SetFloor *floor)
{
        if (object && floor->ver > 0 &&
            (json_object_set_new(object, member, json_integer((json_int_t)floor->ver)) < 0 ||
             (*floor->hash && json_object_set_new(object, "hash", json_string(floor->hash)) < 0))) {
                json_decref(object);
                return NULL;
        }
        return object;
}

/* As an object of its own, where there is one. */
static bool format_object(json_t *j, const char *name, const char *member, const SetFloor *floor)
{
        return floor->ver == 0 ||
               json_object_set_new(j, name, format_floor(json_object(), member, floor)) == 0;
}

static bool format_keys(json_t *j, const KeysFloor *keys)
{
        return keys->floor.ver == 0 ||
               json_object_set_new(
                       j, "keys",
                       format_floor(json_pack("{s:s, s:s}", "roots", keys->roots, "own", keys->own),
                                    "ver", &keys->floor)) == 0;
}

static json_t *format_issuer(const char *issuer, const SetFloor *floor, const StateIssuer *it)
{
        json_t *j = format_floor(json_pack("{s:s}", "issuer", issuer), "ver", floor);

        if (j && (!format_object(j, "list", "ver", &it->list) || !format_keys(j, &it->keys) ||
                  !format_object(j, "fresh", "iat", &it->fresh))) {
                json_decref(j);
                return NULL;
        }
        return j;
}

static json_t *format_issuers(const State *s, const char *issuer, const SetFloor *floor)
{
        static const StateIssuer none;
        json_t *array = json_array();
        bool seen = issuer == NULL;

        for (size_t i = 0; i < s->n_issuers; i++) {
                const StateIssuer *it = &s->issuers[i];
                const bool is_it = issuer && streq(it->issuer, issuer);

                seen |= is_it;
                json_array_append_new(array,
                                      format_issuer(it->issuer, is_it ? floor : &it->floor, it));
        }
        if (!seen)
                json_array_append_new(array, format_issuer(issuer, floor, &none));
        return array;
}

/* first: the issuer that is left out. */
static json_t *format_ended(const StateEnded *e, unsigned first)
{
        json_t *j = json_pack("{s:s, s:I, s:I}", "jti", e->jti, "exp", (json_int_t)e->exp_sec, "at",
                              (json_int_t)e->at_sec);

        if (j && e->issuer != first &&
            json_object_set_new(j, "issuer",
                                e->issuer > 0 ? json_integer((json_int_t)e->issuer - 1)
                                              : json_null()) < 0) {
                json_decref(j);
                return NULL;
        }
        return j;
}

int state_format(const State *s, const char *issuer, const SetFloor *floor, int64_t time_floor_sec,
                 char **ret, size_t *ret_size)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        const size_t n_issuers = s->n_issuers + (issuer && state_issuer(s, issuer) == 0 ? 1 : 0);
        json_t *ended, *locked, *issuers;
        char *text;

        /* Nothing is written that could not be read again. */
        if (n_issuers > STATE_ISSUERS_MAX)
                return -ENOSPC;
        ended = json_array();
        locked = json_array();
        issuers = format_issuers(s, issuer, floor);
        for (size_t i = 0; i < s->n_ended; i++)
                json_array_append_new(ended, format_ended(&s->ended[i], n_issuers > 0));
        for (size_t i = 0; i < s->n_locked; i++)
                json_array_append_new(locked, json_string(s->locked[i]));
        root = json_pack("{s:i, s:I, s:o, s:o, s:o}", "format", STATE_FORMAT, "time_floor",
                         (json_int_t)(issuer ? time_floor_sec : s->time_floor_sec), "issuers",
                         issuers, "ended", ended, "locked", locked);
        if (!root || json_array_size(issuers) != n_issuers ||
            json_array_size(ended) != s->n_ended || json_array_size(locked) != s->n_locked)
                return -ENOMEM;
        text = json_write(root, JSON_INDENT(1));
        if (!text)
                return -ENOMEM;
        *ret = text;
        *ret_size = strlen(text);
        return 0;
}
