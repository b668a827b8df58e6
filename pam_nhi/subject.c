/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pam_nhi/subject.h"

#include "lib/base/macro.h"

#include <pwd.h>
#include <stdio.h>

#define PASSWD_SIZE_MIN 1024u
#define PASSWD_SIZE_MAX (1024u * 1024)

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
        s->account.uid = entry->pw_uid;
        s->account.gid = entry->pw_gid;
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

static void subject_clear(Subject *s)
{
        *s = (Subject){ .account = { .name = s->name, .uid = (uid_t)-1 } };
}

/* What a gate learns about groups: an account that is not there is in none; one that cannot be
 * looked up may be in any. */
static int groups_answer(SubjectState state)
{
        if (state == SUBJECT_RESOLVED)
                return 0;
        return state == SUBJECT_ERROR ? -EIO : -ENOENT;
}

void subject_init_name(Subject *s, const char *name)
{
        subject_clear(s);
        if (label_is_sane(name)) {
                (void)snprintf(s->given, sizeof(s->given), "%s", name);
                s->state = subject_resolve(s, name, 0);
        }
        s->account.no_groups = groups_answer(s->state);
}

void subject_init_uid(Subject *s, uid_t uid)
{
        subject_clear(s);
        /* Known before passwd is asked: an account's definition is met by uid, too. */
        s->account.uid = uid;
        s->state = subject_resolve(s, NULL, uid);
        if (s->state == SUBJECT_RESOLVED)
                (void)snprintf(s->given, sizeof(s->given), "%s", s->name);
        s->account.no_groups = groups_answer(s->state);
}

void subject_done(Subject *s)
{
        gate_account_done(&s->account);
}

GateMode subject_mode(Subject *s, const char *class, char *ret_gate, size_t ret_gate_size)
{
        const char *given = s->given[0] ? s->given : NULL;
        const char *named = s->state == SUBJECT_RESOLVED ? s->name : NULL;
        GateMode as_given, as_named;

        as_given = gate_account_mode_as(&s->account, given, class, ret_gate, ret_gate_size);
        if (as_given == GATE_ENFORCE || streq_ptr(given, named))
                return as_given;
        /* Where passwd cannot be asked, nobody knows how it spells the name: any gate may be meant.
         * An exemption was written for the name as given. */
        if (!named && (s->state != SUBJECT_ERROR || as_given == GATE_EXEMPT))
                return as_given;
        as_named = gate_account_mode_as(&s->account, named, class, ret_gate, ret_gate_size);
        return as_named < as_given ? as_named : as_given;
}
