/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/leftovers/leftovers.h"

#include "lib/base/io.h"
#include "lib/base/name.h"

#include <fcntl.h>
#include <limits.h>

/* The same file is met in several places: a home lies below the root. */
static bool is_known(const Scan *s, LeftoverKind kind, const char *what)
{
        for (size_t i = 0; i < s->n; i++)
                if (s->items[i].kind == kind && streq(s->items[i].what, what))
                        return true;
        return false;
}

static bool has_room(const Scan *s, LeftoverKind kind, bool is_roots)
{
        const size_t *n = s->n_of[kind];

        return n[0] + n[1] < LEFTOVERS_KIND_MAX && (is_roots || n[0] < LEFTOVERS_KIND_MAX / 2);
}

void scan_found(Scan *s, LeftoverKind kind, const char *what, uint32_t owner, int64_t usec,
                bool root_only)
{
        size_t n_uses;
        const Use *use = uses_find(s->uses, owner, usec, root_only, &n_uses);
        Leftover *l;

        if (!use || is_known(s, kind, what))
                return;
        if (!has_room(s, kind, owner == 0)) {
                s->n_more++;
                return;
        }
        if (!s->items)
                s->items = calloc(LEFTOVERS_MAX, sizeof(*s->items));
        if (!s->items) {
                s->is_failed = true;
                return;
        }
        l = &s->items[s->n];
        *l = (Leftover){ .kind = kind,
                         .what = strdup(what),
                         .owner = owner,
                         .since_usec = usec,
                         .use = use,
                         .n_uses = n_uses };
        s->is_failed |= !l->what;
        s->n += l->what != NULL;
        s->n_of[kind][owner == 0]++;
}

int scan_run(Scan *s, const char *root, const Uses *uses, const json_t *sessions)
{
        *s = (Scan){ .uses = uses,
                     .mounts_fd = -EBADF,
                     .sessions = sessions,
                     .entries_max = SCAN_ENTRIES_MAX,
                     .deadline_usec = now_monotonic_usec() + SCAN_USEC };
        s->root_fd = open(*root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (s->root_fd < 0)
                return -errno;
        if (uses->n == 0)
                return 0;
        mounts_open(s);
        scan_homes(s);
        scan_transient(s);
        scan_ipc(s);
        scan_places(s);
        return s->is_failed ? -ENOMEM : 0;
}

void scan_done(Scan *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->items[i].what);
        for (size_t i = 0; i < s->n_homes; i++)
                free(s->homes[i].path);
        free(s->items);
        free(s->homes);
        mounts_close(s);
        closep(&s->root_fd);
        *s = (Scan){ .root_fd = -EBADF, .mounts_fd = -EBADF };
}

json_t *leftover_json(const Leftover *l)
{
        char what[PATH_MAX];

        /* A file's name may be no UTF-8. */
        return json_pack(
                "{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:I, s:s, s:s}", "kind",
                leftover_name(l->kind), "what", text_visible(what, sizeof(what), l->what), "owner",
                (json_int_t)l->owner, "since", (json_int_t)(l->since_usec / (int64_t)USEC_PER_SEC),
                "uid", (json_int_t)l->use->uid, "account", l->use->account, "grant", l->use->grant,
                "session", l->use->session, "others", (json_int_t)(l->n_uses - 1), "why",
                leftover_why(l->kind), "advice", leftover_advice(l->kind));
}
