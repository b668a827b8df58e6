/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How many sessions of each counted grant were let in. The log is the authority: a record that
 * lets one in says the how many-th it is, each segment begins with the counts so far, and the start
 * reads the active one. This table is what the loop asks, and what the thread writes at the
 * beginning of a segment; it may be used by both.
 *
 *  C1 A session MUST be taken here before its record is written, so that two that wait together are
 *     two.
 *  C2 A count MUST NOT go down but for a record that is not in the log, and is forgotten only by
 *     log_uses_forget(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_USES_MAX 65536u /* grants */

typedef struct LogUses LogUses;
typedef struct LogUse LogUse; /* one grant's */

int log_uses_new(LogUses **ret);
LogUses *log_uses_free(LogUses *u);

/* Let in, or on the way to it. */
uint32_t log_uses_count(LogUses *u, const char *issuer, const char *jti);
/* One more of this grant, which ends at until_sec: *ret_n is the how many-th. What is taken is
 * settled once: is_written says whether its record is in the log. -ENOSPC where there are too many
 * grants; -ENOMEM. */
int log_uses_take(LogUses *u, const char *issuer, const char *jti, int64_t until_sec, LogUse **ret,
                  uint32_t *ret_n);
void log_uses_settle(LogUses *u, LogUse *use, bool is_written);
/* Forget those of which nothing is under way and is_over() says so; it may move *until_sec on. */
void log_uses_forget(LogUses *u,
                     bool (*is_over)(void *userdata, const char *issuer, const char *jti,
                                     int64_t *until_sec),
                     void *userdata);

/* The log has at least the nth. */
int log_uses_load(LogUses *u, const char *issuer, const char *jti, uint32_t n, int64_t until_sec);
void log_uses_written(LogUses *u, LogUse *use, uint32_t n);

typedef struct LogUseView {
        const char *issuer, *jti;
        uint32_t n; /* that the log has; not 0 */
        int64_t until_sec;
} LogUseView;
/* All of them, by issuer and jti, as they are now: one block, to be freed; NULL where there is
 * none. */
int log_uses_copy(LogUses *u, LogUseView **ret, size_t *ret_n);
