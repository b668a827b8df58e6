/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/log/uses.h"

#include "lib/base/macro.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct LogUse {
        const char *issuer, *jti; /* in text */
        uint32_t n_taken;         /* with those under way */
        uint32_t n_written;
        unsigned n_under_way;
        int64_t until_sec;
        char text[];
};

struct LogUses {
        pthread_mutex_t lock;
        LogUse **items; /* by issuer and jti */
        size_t n, capacity;
};

int log_uses_new(LogUses **ret)
{
        LogUses *u = calloc(1, sizeof(*u));
        int r;

        if (!u)
                return -ENOMEM;
        r = -pthread_mutex_init(&u->lock, NULL);
        if (r < 0) {
                free(u);
                return r;
        }
        *ret = u;
        return 0;
}

LogUses *log_uses_free(LogUses *u)
{
        if (!u)
                return NULL;
        for (size_t i = 0; i < u->n; i++)
                free(u->items[i]);
        free(u->items);
        (void)pthread_mutex_destroy(&u->lock);
        free(u);
        return NULL;
}

/* ---- the table, under the lock ----------------------------------------------------------------
 */

/* Where it is, or belongs. */
static bool find(const LogUses *u, const char *issuer, const char *jti, size_t *ret)
{
        size_t low = 0, high = u->n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const LogUse *at = u->items[middle];
                int order = strcmp(issuer, at->issuer);

                order = order != 0 ? order : strcmp(jti, at->jti);
                if (order == 0) {
                        *ret = middle;
                        return true;
                }
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        *ret = low;
        return false;
}

static LogUse *use_new(const char *issuer, const char *jti)
{
        const size_t issuer_size = strlen(issuer) + 1, jti_size = strlen(jti) + 1;
        LogUse *use = calloc(1, sizeof(*use) + issuer_size + jti_size);

        if (!use)
                return NULL;
        use->issuer = memcpy(use->text, issuer, issuer_size);
        use->jti = memcpy(use->text + issuer_size, jti, jti_size);
        return use;
}

static int get(LogUses *u, const char *issuer, const char *jti, LogUse **ret)
{
        size_t at;
        LogUse *use;

        if (find(u, issuer, jti, &at)) {
                *ret = u->items[at];
                return 0;
        }
        if (u->n >= LOG_USES_MAX)
                return -ENOSPC;
        if (u->n == u->capacity) {
                const size_t more = u->capacity > 0 ? 2 * u->capacity : 16;
                LogUse **items = reallocarray(u->items, more, sizeof(LogUse *));

                if (!items)
                        return -ENOMEM;
                u->items = items;
                u->capacity = more;
        }
        use = use_new(issuer, jti);
        if (!use)
                return -ENOMEM;
        memmove(u->items + at + 1, u->items + at, (u->n - at) * sizeof(LogUse *));
        u->items[at] = use;
        u->n++;
        *ret = use;
        return 0;
}

static void reach(LogUse *use, uint32_t n, int64_t until_sec)
{
        use->n_written = n > use->n_written ? n : use->n_written;
        use->n_taken = n > use->n_taken ? n : use->n_taken;
        use->until_sec = until_sec > use->until_sec ? until_sec : use->until_sec;
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

uint32_t log_uses_count(LogUses *u, const char *issuer, const char *jti)
{
        uint32_t n = 0;
        size_t at;

        (void)pthread_mutex_lock(&u->lock);
        if (find(u, issuer, jti, &at))
                n = u->items[at]->n_taken;
        (void)pthread_mutex_unlock(&u->lock);
        return n;
}

int log_uses_take(LogUses *u, const char *issuer, const char *jti, int64_t until_sec, LogUse **ret,
                  uint32_t *ret_n)
{
        LogUse *use = NULL;
        int r;

        (void)pthread_mutex_lock(&u->lock);
        r = get(u, issuer, jti, &use);
        if (r == 0 && use->n_taken == UINT32_MAX)
                r = -EOVERFLOW;
        if (r == 0) {
                use->n_under_way++;
                use->until_sec = until_sec > use->until_sec ? until_sec : use->until_sec;
                *ret = use;
                *ret_n = ++use->n_taken;
        }
        (void)pthread_mutex_unlock(&u->lock);
        return r;
}

void log_uses_settle(LogUses *u, LogUse *use, bool is_written)
{
        (void)pthread_mutex_lock(&u->lock);
        use->n_under_way--;
        if (!is_written && use->n_taken > use->n_written)
                use->n_taken--;
        (void)pthread_mutex_unlock(&u->lock);
}

void log_uses_forget(LogUses *u,
                     bool (*is_over)(void *userdata, const char *issuer, const char *jti,
                                     int64_t *until_sec),
                     void *userdata)
{
        size_t n = 0;

        (void)pthread_mutex_lock(&u->lock);
        for (size_t i = 0; i < u->n; i++) {
                LogUse *use = u->items[i];

                if (use->n_under_way == 0 &&
                    is_over(userdata, use->issuer, use->jti, &use->until_sec))
                        free(use);
                else
                        u->items[n++] = use;
        }
        u->n = n;
        (void)pthread_mutex_unlock(&u->lock);
}

/* ---- the log ----------------------------------------------------------------------------------
 */

int log_uses_load(LogUses *u, const char *issuer, const char *jti, uint32_t n, int64_t until_sec)
{
        LogUse *use = NULL;
        int r;

        (void)pthread_mutex_lock(&u->lock);
        r = get(u, issuer, jti, &use);
        if (r == 0)
                reach(use, n, until_sec);
        (void)pthread_mutex_unlock(&u->lock);
        return r;
}

void log_uses_written(LogUses *u, LogUse *use, uint32_t n)
{
        (void)pthread_mutex_lock(&u->lock);
        reach(use, n, use->until_sec);
        (void)pthread_mutex_unlock(&u->lock);
}

/* The views, and behind them their texts. */
static int copy(const LogUses *u, LogUseView **ret, size_t *ret_n)
{
        size_t size = 0, n = 0;
        LogUseView *views;
        char *text;

        for (size_t i = 0; i < u->n; i++)
                size += sizeof(*views) + strlen(u->items[i]->issuer) + strlen(u->items[i]->jti) + 2;
        views = malloc(size);
        if (!views)
                return -ENOMEM;
        text = (char *)(views + u->n);
        for (size_t i = 0; i < u->n; i++) {
                const LogUse *use = u->items[i];

                if (use->n_written == 0)
                        continue;
                views[n] = (LogUseView){ .n = use->n_written, .until_sec = use->until_sec };
                views[n].issuer = text;
                text = stpcpy(text, use->issuer) + 1;
                views[n++].jti = text;
                text = stpcpy(text, use->jti) + 1;
        }
        *ret = views;
        *ret_n = n;
        return 0;
}

int log_uses_copy(LogUses *u, LogUseView **ret, size_t *ret_n)
{
        int r = 0;

        *ret = NULL;
        *ret_n = 0;
        (void)pthread_mutex_lock(&u->lock);
        if (u->n > 0)
                r = copy(u, ret, ret_n);
        (void)pthread_mutex_unlock(&u->lock);
        return r;
}
