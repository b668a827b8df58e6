/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nscd answers for NSS from a cache of its own: identities that a grant gave live on there, and
 * names that a new grant gives stay unknown. */

#include "nhictl/doctor/checks.h"

#include <stdio.h>

#define NSCD_SOCKET   "/run/nscd/socket"
#define NSCD_CONF     "/etc/nscd.conf"
#define NSCD_CONF_MAX (64u * 1024)

/* "enable-cache passwd yes", whatever the blanks. */
static bool caches(const char *conf, const char *database)
{
        char word[2][64];
        bool is_on = false;

        for (const char *line = conf; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (sscanf(line, " enable-cache %63s %63s", word[0], word[1]) == 2 &&
                    streq(word[0], database))
                        is_on = streq(word[1], "yes");
        }
        return is_on;
}

void check_nss_cache(const DoctorHost *h, Findings *f)
{
        static const char advice[] = "set \"enable-cache passwd no\" and \"enable-cache group no\" "
                                     "in " NSCD_CONF " and restart nscd, or stop it";
        _cleanup_free_ char *conf = NULL;
        int r;

        if (!doctor_exists(h, NSCD_SOCKET)) {
                finding_ok(f, "nss-cache", "no nscd is running");
                return;
        }
        r = doctor_read(h, NSCD_CONF, NSCD_CONF_MAX, &conf);
        if (r < 0)
                finding_warn(f, "nss-cache", advice, "nscd is running and %s cannot be read: %s",
                             NSCD_CONF, strerror(-r));
        else if (caches(conf, "passwd") || caches(conf, "group"))
                finding_fail(f, "nss-cache", advice,
                             "nscd caches accounts or groups (%s): what a grant gave stays known "
                             "after its end, and what it gives now may stay unknown",
                             NSCD_CONF);
        else
                finding_ok(f, "nss-cache", "nscd is running, without accounts and groups");
}
