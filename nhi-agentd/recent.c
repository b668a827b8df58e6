/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/recent.h"

#include <fcntl.h>
#include <stdio.h>

void recent_init(RecentRing *ring)
{
        *ring = (RecentRing){};
        for (size_t i = 0; i < RECENT_MAX; i++)
                ring->entries[i].pidfd = -EBADF;
}

void recent_done(RecentRing *ring)
{
        for (size_t i = 0; i < RECENT_MAX; i++)
                closep(&ring->entries[i].pidfd);
}

void recent_add(RecentRing *ring, uint64_t id, const Caller *caller, const char *account,
                const char *jti)
{
        Recent *e = &ring->entries[ring->next++ % RECENT_MAX];

        closep(&e->pidfd);
        *e = (Recent){ .id = id, .pid = caller->pid, .pidfd = -EBADF };
        if (caller->pidfd >= 0)
                e->pidfd = fcntl(caller->pidfd, F_DUPFD_CLOEXEC, 3);
        (void)snprintf(e->account, sizeof(e->account), "%s", account);
        (void)snprintf(e->jti, sizeof(e->jti), "%s", jti);
}

/* While the process of the entry lives its number is nobody else's. */
static bool is_caller(const Recent *e, const Caller *caller)
{
        return e->pid == caller->pid && e->pidfd >= 0 && pidfd_is_alive(e->pidfd);
}

const char *recent_find(const RecentRing *ring, uint64_t id, const Caller *caller,
                        const char *account)
{
        for (size_t k = 1; k <= RECENT_MAX; k++) {
                const Recent *e = &ring->entries[(ring->next + RECENT_MAX - k) % RECENT_MAX];

                if (e->id == 0 || !streq(e->account, account))
                        continue;
                if (id != 0 ? e->id == id : is_caller(e, caller))
                        return e->jti;
        }
        return NULL;
}
