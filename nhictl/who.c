/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/who.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <ctype.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>

static uid_t invoker_uid(void)
{
        const char *text = getenv("SUDO_UID");
        char *end = NULL;
        unsigned long uid;

        if (getuid() != 0 || !text || *text < '0' || *text > '9')
                return getuid();
        uid = strtoul(text, &end, 10);
        return *end || uid >= (uid_t)-1 ? getuid() : (uid_t)uid;
}

char *who_am_i(char ret[static WHO_SIZE])
{
        uid_t uid = invoker_uid();
        const struct passwd *pw = getpwuid(uid);
        char host[65] = "localhost", name[LABEL_SIZE_MAX];

        (void)gethostname(host, sizeof(host) - 1);
        if (pw)
                (void)text_escape(name, sizeof(name) / 2, pw->pw_name);
        else
                (void)snprintf(name, sizeof(name), "uid %lu", (unsigned long)uid);
        (void)snprintf(ret, WHO_SIZE, "%.128s@%.64s", name, host);
        return ret;
}

char *who_is_host(char *ret, size_t size)
{
        const struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM };
        struct addrinfo *found = NULL;
        char host[65] = "localhost";

        (void)gethostname(host, sizeof(host) - 1);
        /* A name without a dot is completed; without a resolver it stays as it is. */
        if (!strchr(host, '.') && getaddrinfo(host, NULL, &hints, &found) == 0 && found &&
            found->ai_canonname && strncmp(found->ai_canonname, "localhost", 9) != 0)
                (void)snprintf(ret, size, "%s", found->ai_canonname);
        else
                (void)snprintf(ret, size, "%s", host);
        if (found)
                freeaddrinfo(found);
        for (char *c = ret; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return ret;
}
