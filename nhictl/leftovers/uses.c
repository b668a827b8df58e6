/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which sessions ended: each end in the decision log, with the start that it belongs to. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/base/io.h"
#include "nhictl/log/reader.h"
#include "nhictl/reply.h"

#include <pwd.h>

/* What was made while a session was being opened or closed is its own. */
#define USE_MARGIN_USEC INT64_C(2000000)
/* So long before the first end starts are looked for; an older session is taken to have begun
 * then. */
#define USE_BEFORE_USEC INT64_C(172800000000)
#define STARTS_MAX      65536u

typedef struct Start {
        char *key; /* boot and session */
        int64_t usec;
} Start;

typedef struct Starts {
        Start *items;
        size_t n, capacity;
} Starts;

/* ---- the list ---- */

static void use_done(Use *u)
{
        free(u->account);
        free(u->grant);
        free(u->class);
        free(u->target);
        free(u->session);
}

void uses_done(Uses *u)
{
        for (size_t i = 0; i < u->n; i++)
                use_done(&u->items[i]);
        free(u->items);
        *u = (Uses){ 0 };
}

static bool use_is_like(const Use *a, const Use *b)
{
        return a->uid == b->uid && a->has_root == b->has_root && streq(a->grant, b->grant) &&
               streq(a->account, b->account) && streq(a->target, b->target) &&
               a->begin_usec <= b->end_usec && b->begin_usec <= a->end_usec;
}

static int use_copy(const Use *from, Use *ret)
{
        *ret = *from;
        ret->account = strdup(from->account);
        ret->grant = strdup(from->grant);
        ret->class = strdup(from->class);
        ret->target = strdup(from->target);
        ret->session = strdup(from->session);
        if (ret->account && ret->grant && ret->class && ret->target && ret->session)
                return 0;
        use_done(ret);
        return -ENOMEM;
}

/* The newest stay: the list is in the order of the ends. */
static void uses_make_room(Uses *u)
{
        if (u->n < USES_MAX)
                return;
        use_done(&u->items[0]);
        memmove(u->items, u->items + 1, (u->n - 1) * sizeof(*u->items));
        u->n--;
        u->n_more++;
}

int uses_add(Uses *u, const Use *use)
{
        Use copy;

        u->has_root |= use->has_root;
        u->first_usec =
                u->n == 0 || use->begin_usec < u->first_usec ? use->begin_usec : u->first_usec;
        u->last_usec = u->n == 0 || use->end_usec > u->last_usec ? use->end_usec : u->last_usec;
        for (size_t i = u->n; i > 0; i--) {
                Use *known = &u->items[i - 1];

                if (!use_is_like(known, use))
                        continue;
                if (use->begin_usec < known->begin_usec)
                        known->begin_usec = use->begin_usec;
                if (use->end_usec > known->end_usec)
                        known->end_usec = use->end_usec;
                return 0;
        }
        if (!u->items)
                u->items = calloc(USES_MAX, sizeof(*u->items));
        if (!u->items || use_copy(use, &copy) < 0)
                return -ENOMEM;
        uses_make_room(u);
        u->items[u->n++] = copy;
        return 0;
}

/* ---- looking up ---- */

/* Its own account, then what it became, then root, who can do anything: the nearest is named. */
static unsigned use_nearness(const Use *u, uint32_t owner, bool root_only)
{
        if (root_only)
                return u->has_root ? 1 : 0;
        if (u->uid == owner)
                return 3;
        if (u->target_uid == owner && owner != USE_NOBODY)
                return 2;
        return u->has_root ? 1 : 0;
}

const Use *uses_find(const Uses *u, uint32_t owner, int64_t usec, bool root_only, size_t *ret_n)
{
        const Use *found = NULL;
        unsigned nearest = 0;

        *ret_n = 0;
        if (usec < u->first_usec || usec > u->last_usec)
                return NULL; /* nearly every file there is */
        for (size_t i = u->n; i > 0; i--) {
                const Use *use = &u->items[i - 1];
                unsigned nearness;

                if (usec < use->begin_usec || usec > use->end_usec)
                        continue;
                nearness = use_nearness(use, owner, root_only);
                *ret_n += nearness > 0;
                if (nearness <= nearest)
                        continue;
                nearest = nearness;
                found = use;
        }
        return found;
}

bool uses_concern(const Uses *u, uint32_t uid)
{
        for (size_t i = 0; i < u->n; i++)
                if (u->items[i].uid == uid || u->items[i].target_uid == uid)
                        return true;
        return false;
}

/* ---- the log ---- */

static bool uid_of_libc(const char *name, uint32_t *ret)
{
        const struct passwd *pw = getpwnam(name);

        if (pw)
                *ret = pw->pw_uid;
        return pw != NULL;
}

static const char *text(const LogRecord *r, const char *name)
{
        return member_text(r->json, name) ?: "";
}

static int start_key(const LogRecord *r, char **ret)
{
        return asprintf(ret, "%s %s", text(r, "boot"), text(r, "session")) < 0 ? -ENOMEM : 0;
}

static int starts_add(Starts *s, const LogRecord *r)
{
        if (s->n == STARTS_MAX)
                return 0;
        if (s->n == s->capacity) {
                const size_t capacity = s->capacity ? 2 * s->capacity : 64;
                Start *items = reallocarray(s->items, capacity, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                s->items = items;
                s->capacity = capacity;
        }
        if (start_key(r, &s->items[s->n].key) < 0)
                return -ENOMEM;
        s->items[s->n++].usec = r->real_usec;
        return 0;
}

/* When it began, or otherwise; what was found is taken out. */
static int starts_take(Starts *s, const LogRecord *r, int64_t otherwise, int64_t *ret)
{
        _cleanup_free_ char *key = NULL;

        if (start_key(r, &key) < 0)
                return -ENOMEM;
        *ret = otherwise;
        for (size_t i = s->n; i > 0; i--) {
                if (!streq(s->items[i - 1].key, key))
                        continue;
                *ret = s->items[i - 1].usec;
                free(s->items[i - 1].key);
                s->items[i - 1] = s->items[--s->n];
                break;
        }
        return 0;
}

static void starts_done(Starts *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->items[i].key);
        free(s->items);
}

static int take_end(const UseQuery *q, const LogRecord *r, Starts *starts, Uses *u)
{
        const char *account = text(r, "account"), *target = text(r, "target");
        bool (*uid_of)(const char *, uint32_t *) = q->uid_of ? q->uid_of : uid_of_libc;
        const json_t *uid = json_object_get(r->json, "uid");
        Use use = { .uid = json_is_integer(uid) ? (uint32_t)json_integer_value(uid) : USE_NOBODY,
                    .target_uid = USE_NOBODY,
                    .end_usec = r->real_usec + USE_MARGIN_USEC };
        int e;

        e = starts_take(starts, r, q->since_usec - USE_BEFORE_USEC, &use.begin_usec);
        if (e < 0 || r->real_usec < q->since_usec || (q->account && !streq(account, q->account)))
                return e;
        use.begin_usec -= USE_MARGIN_USEC;
        use.account = (char *)(uintptr_t)account;
        use.grant = (char *)(uintptr_t)text(r, "grant");
        use.class = (char *)(uintptr_t)text(r, "class");
        use.target = (char *)(uintptr_t)target;
        use.session = (char *)(uintptr_t)text(r, "session");
        if (*target)
                (void)uid_of(target, &use.target_uid);
        use.has_root = use.uid == 0 || use.target_uid == 0 || streq(target, "root");
        return uses_add(u, &use);
}

static int read_all(const UseQuery *q, LogReader *reader, Starts *starts, Uses *u)
{
        LogRecord r;
        int e;

        for (;;) {
                e = log_reader_next(reader, &r);
                if (e == LOG_READER_BAD) {
                        u->n_bad++;
                        continue;
                }
                if (e != 0)
                        return e == LOG_READER_END ? 0 : e;
                e = streq(text(&r, "event"), "session-end") ? take_end(q, &r, starts, u)
                                                            : starts_add(starts, &r);
                if (e < 0)
                        return e;
        }
}

int uses_load(const UseQuery *q, Uses *ret)
{
        const char *events[] = { "session-start", "session-end" };
        const LogFilter filter = { .events = { .items = events, .n = ELEMENTSOF(events) },
                                   .since_usec = q->since_usec > USE_BEFORE_USEC
                                                         ? q->since_usec - USE_BEFORE_USEC
                                                         : 1 };
        _cleanup_(log_reader_freep) LogReader *reader = NULL;
        Starts starts = { 0 };
        int r;

        *ret = (Uses){ 0 };
        r = log_reader_open(q->dir, &filter, &reader);
        if (r < 0)
                return r;
        r = read_all(q, reader, &starts, ret);
        starts_done(&starts);
        if (r < 0)
                uses_done(ret);
        return r;
}
