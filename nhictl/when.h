/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Times and durations as administrators write them. Pure; seconds since the epoch.
 *
 *   duration := 1*( digits unit )    unit := "d" | "h" | "m" | "s", each at most once, in this
 * order time     := RFC 3339 date-time ("2026-11-21T22:00:00Z", "2026-11-21 23:00:00+01:00") */

#include <stddef.h>
#include <stdint.h>

#define WHEN_DURATION_MAX_SEC (3650ll * 86400)
#define WHEN_TIME_SIZE        21 /* "2026-11-21T22:00:00Z" and NUL */
#define WHEN_DURATION_SIZE    24

/* 0 and *ret_sec (1 to WHEN_DURATION_MAX_SEC), or -EINVAL. */
int when_parse_duration(const char *text, int64_t *ret_sec);
/* An RFC 3339 time: 0 and *ret_sec, or -EINVAL. Fractions of a second are cut off; leap seconds and
 * the unknown offset -00:00 are refused. */
int when_parse_time(const char *text, int64_t *ret_sec);
/* A time, or a duration that counts from now: forwards (direction 1) or backwards (-1). */
int when_parse_point(const char *text, int64_t now_sec, int direction, int64_t *ret_sec);

/* UTC, RFC 3339; "-" for 0 and for what lies outside years 1 to 9999. Return ret. */
char *when_format_time(char ret[static WHEN_TIME_SIZE], int64_t sec);
/* The two largest units that are not zero: "1h30m", "45s"; "0s" for 0 and below. Return ret. */
char *when_format_duration(char ret[static WHEN_DURATION_SIZE], int64_t sec);
