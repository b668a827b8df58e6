/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Texts of pam_unix(8) and sshd(8). */

#include "nhictl/prove/witness.h"

#include <string.h>

static bool cut_between(const char *text, const char *end, char *ret, size_t size)
{
        const size_t n = (size_t)(end - text);

        if (n == 0 || n >= size)
                return false;
        memcpy(ret, text, n);
        ret[n] = '\0';
        return true;
}

/* NAME or NAME(uid=N), up to the last " by " where a session is opened. */
static bool user_parse(const char *text, bool is_open, char *ret, size_t size)
{
        const char *end = text + strlen(text), *by = NULL, *uid = NULL;

        if (is_open)
                for (const char *at = text; (at = strstr(at, " by ")); at++)
                        by = at;
        if (by)
                end = by;
        for (const char *at = text; (at = strstr(at, "(uid=")) && at < end; at++)
                uid = at;
        return cut_between(text, uid ? uid : end, ret, size);
}

bool pam_message_parse(const char *text, PamMessage *ret)
{
        static const char prefix[] = "pam_unix(", opened[] = ":session): session opened for user ",
                          closed[] = ":session): session closed for user ";
        const char *service, *rest;
        PamMessage m = { .is_open = true };

        if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
                return false;
        service = text + sizeof(prefix) - 1;
        rest = strchr(service, ':');
        if (!rest || !cut_between(service, rest, m.service, sizeof(m.service)))
                return false;
        if (strncmp(rest, closed, sizeof(closed) - 1) == 0)
                m.is_open = false;
        else if (strncmp(rest, opened, sizeof(opened) - 1) != 0)
                return false;
        if (!user_parse(rest + sizeof(opened) - 1, m.is_open, m.user, sizeof(m.user)))
                return false;
        *ret = m;
        return true;
}

bool sshd_message_parse(const char *text, char *ret_user, size_t size)
{
        static const char accepted[] = "Accepted ";
        const char *user, *end = NULL;

        if (strncmp(text, accepted, sizeof(accepted) - 1) != 0)
                return false;
        user = strstr(text, " for ");
        if (!user)
                return false;
        user += 5;
        for (const char *at = user; (at = strstr(at, " from ")); at++)
                end = at;
        return end && cut_between(user, end, ret_user, size);
}
