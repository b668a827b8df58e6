/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Weekly windows of grants: "Sat,Sun 01:00..05:00 UTC". Pure.
 *
 *   window := [ days " " ] hh:mm ".." hh:mm " UTC"
 *   days   := day [ ".." day ] { "," day [ ".." day ] }      day := Mon Tue Wed Thu Fri Sat Sun
 *
 * No days means every day. An end not after its begin lies on the next day; the day named is the
 * one on which the window begins. hh:mm is 00:00 to 24:00 (24:00 as an end only). Only UTC: a
 * window that moves with somebody's time zone database is not evidence. */

#include <stdbool.h>
#include <stdint.h>

typedef struct Window {
        uint8_t days;        /* bit 0 Monday .. bit 6 Sunday; 0: never open */
        uint16_t begin, end; /* minutes from midnight of the first day; end > begin, <= 2880 */
} Window;

/* 0 and *ret, or -EINVAL. */
int window_parse(const char *text, Window *ret);
/* True where real_sec (seconds since the epoch) lies in the window; *ret_end_sec is then when this
 * opening ends. */
bool window_is_open(const Window *w, int64_t real_sec, int64_t *ret_end_sec);
