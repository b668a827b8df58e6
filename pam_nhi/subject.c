/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pam_nhi/subject.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/wire/format.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#define PASSWD_SIZE_MIN 1024u
#define PASSWD_SIZE_MAX (1024u * 1024)
#define GIDS_MIN        64

/* What passwd says about a name, or where name is NULL about a uid. */
static int passwd_read(const char *name, uid_t uid, char *buffer, size_t size, struct passwd *entry,
                       struct passwd **ret)
{
        if (name)
                return getpwnam_r(name, entry, buffer, size, ret);
        return getpwuid_r(uid, entry, buffer, size, ret);
}

static SubjectState passwd_take(Subject *s, const struct passwd *entry)
{
        if (!label_is_sane(entry->pw_name))
                return SUBJECT_BAD;
        (void)snprintf(s->name, sizeof(s->name), "%s", entry->pw_name);
        s->uid = entry->pw_uid;
        s->gid = entry->pw_gid;
        return SUBJECT_RESOLVED;
}

static SubjectState subject_resolve(Subject *s, const char *name, uid_t uid)
{
        for (size_t size = PASSWD_SIZE_MIN; size <= PASSWD_SIZE_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);
                struct passwd entry, *found = NULL;
                int r;

                if (!buffer)
                        return SUBJECT_ERROR;
                r = passwd_read(name, uid, buffer, size, &entry, &found);
                if (r == ERANGE)
                        continue;
                if (r != 0)
                        return SUBJECT_ERROR;
                return found ? passwd_take(s, found) : SUBJECT_ABSENT;
        }
        return SUBJECT_ERROR;
}

void subject_init_name(Subject *s, const char *name)
{
        *s = (Subject){ .uid = (uid_t)-1 };
        if (!label_is_sane(name))
                return;
        (void)snprintf(s->given, sizeof(s->given), "%s", name);
        s->state = subject_resolve(s, name, 0);
}

void subject_init_uid(Subject *s, uid_t uid)
{
        *s = (Subject){ .uid = (uid_t)-1 };
        s->state = subject_resolve(s, NULL, uid);
        if (s->state == SUBJECT_RESOLVED)
                (void)snprintf(s->given, sizeof(s->given), "%s", s->name);
}

void subject_done(Subject *s)
{
        free(s->gids);
        *s = (Subject){ .uid = (uid_t)-1 };
}

int subject_load_gids(Subject *s)
{
        int n = GIDS_MIN;

        if (s->gids)
                return 0;
        for (;;) {
                int room = n;
                _cleanup_free_ gid_t *gids = calloc((size_t)room, sizeof(*gids));

                if (!gids)
                        return -ENOMEM;
                if (getgrouplist(s->name, s->gid, gids, &n) >= 0) {
                        s->n_gids = (size_t)n;
                        s->gids = TAKE_PTR(gids);
                        return 0;
                }
                /* n says how many there are; make sure that it grows. */
                if (n <= room)
                        n = 2 * room;
                if ((size_t)n > WIRE_GIDS_MAX)
                        return -E2BIG;
        }
}

typedef struct Lookup {
        Subject *subject;
        GateSubject *question;
} Lookup;

/* A gate names a group: only now find out which ones the subject is in. An answer that we cannot
 * get counts as matching. */
static int on_group(void *userdata, const char *group, gid_t *ret)
{
        Lookup *lookup = userdata;
        int r;

        if (lookup->subject->state == SUBJECT_ERROR)
                return -EIO;
        if (lookup->subject->state != SUBJECT_RESOLVED)
                return -ENOENT;
        r = subject_load_gids(lookup->subject);
        if (r < 0)
                return r;
        lookup->question->gids = lookup->subject->gids;
        lookup->question->n_gids = lookup->subject->n_gids;
        return gate_group_lookup(NULL, group, ret);
}

static GateMode spelling_mode(Subject *s, const char *spelling, const char *class, char *ret_gate,
                              size_t ret_gate_size)
{
        GatePaths paths = gate_paths;
        GateSubject question = { .name = spelling, .uid = s->uid, .lookup = on_group };
        Lookup lookup = { .subject = s, .question = &question };

        question.lookup_userdata = &lookup;
        paths.owner = owner_trusted();
        return gate_mode(&paths, &question, class, ret_gate, ret_gate_size);
}

GateMode subject_mode(Subject *s, const char *class, char *ret_gate, size_t ret_gate_size)
{
        const char *given = s->given[0] ? s->given : NULL;
        GateMode as_given = spelling_mode(s, given, class, ret_gate, ret_gate_size), as_named;

        if (as_given == GATE_ENFORCE || s->state != SUBJECT_RESOLVED || streq_ptr(given, s->name))
                return as_given;
        as_named = spelling_mode(s, s->name, class, ret_gate, ret_gate_size);
        return as_named < as_given ? as_named : as_given;
}
