/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/recent.h"

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

static void copy_text(char *ret, size_t size, const char *text)
{
        const size_t n = strnlen(text, size - 1);

        memcpy(ret, text, n);
        ret[n] = '\0';
}

void recent_add(RecentRing *ring, uint64_t id, Caller *caller, const char *account, const char *jti)
{
        Recent *e = &ring->entries[ring->next++ % RECENT_MAX];

        closep(&e->pidfd);
        e->id = id;
        e->pid = caller->pid;
        e->pidfd = TAKE_FD(caller->pidfd);
        copy_text(e->account, sizeof(e->account), account);
        copy_text(e->jti, sizeof(e->jti), jti);
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
