/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Units that somebody had PID 1 make (systemd-run, a container's scope): each is a file of that
 * name while PID 1 has it. Left out are logind's sessions and what the agent made itself, each only
 * where those two know it: a name alone says nothing. */

#include "nhictl/leftovers/leftovers.h"

#include "nhictl/reply.h"

#include <fcntl.h>
#include <stdio.h>

#define TRANSIENT_DIR "/run/systemd/transient"
#define BACKSTOP      "nhi-end-"

static bool is_of_logind(const Scan *s, const char *unit)
{
        static const char prefix[] = "session-", suffix[] = ".scope";
        const size_t size = strlen(unit), around = sizeof(prefix) + sizeof(suffix) - 2;
        char path[128];

        if (size <= around || strncmp(unit, prefix, sizeof(prefix) - 1) != 0 ||
            !streq(unit + size - sizeof(suffix) + 1, suffix) || strchr(unit, '/'))
                return false;
        (void)snprintf(path, sizeof(path), "run/systemd/sessions/%.*s", (int)(size - around),
                       unit + sizeof(prefix) - 1);
        return faccessat(s->root_fd, path, F_OK, 0) == 0;
}

/* nhi-end-SESSION-N.timer and .service */
static bool is_backstop_of(const char *unit, const char *session)
{
        const size_t size = strlen(session);

        return size > 0 && strncmp(unit, BACKSTOP, sizeof(BACKSTOP) - 1) == 0 &&
               strncmp(unit + sizeof(BACKSTOP) - 1, session, size) == 0 &&
               unit[sizeof(BACKSTOP) - 1 + size] == '-';
}

static bool is_of_agent(const Scan *s, const char *unit)
{
        const json_t *session;
        size_t i;

        json_array_foreach(s->sessions, i, session)
                if (streq_ptr(member_text(session, "scope"), unit) ||
                    is_backstop_of(unit, member_text(session, "id") ?: ""))
                        return true;
        return false;
}

static void see_unit(Scan *s, const Entry *e, void *userdata)
{
        if (S_ISREG(e->st->st_mode) && !is_of_logind(s, e->name) && !is_of_agent(s, e->name))
                scan_found(s, LEFTOVER_TRANSIENT_UNIT, e->name, e->st->st_uid, stat_usec(e->st),
                           true);
}

void scan_transient(Scan *s)
{
        if (s->uses->has_root)
                walk(s, TRANSIENT_DIR, "", 0, see_unit, NULL);
}
