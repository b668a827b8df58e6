/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pam_nhi/member.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/gate/memberships.h"

#include <inttypes.h>
#include <security/pam_ext.h>
#include <stdio.h>

#define TOLD_MAX 4u
#define DAY_SEC  86400

/* Days since 1970-01-01 as a date of the Gregorian calendar. gmtime_r(3) would read TZ, which is
 * the person's. Years begin in March here, so that the odd day is their last. */
static void date_of(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
        const int64_t shifted = days + 719468; /* since 0000-03-01 */
        const int64_t era = shifted / 146097;  /* of 400 years */
        const unsigned in_era = (unsigned)(shifted % 146097);
        const unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
        const unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
        const unsigned month = (5 * in_year + 2) / 153;

        *ret_day = in_year - (153 * month + 2) / 5 + 1;
        *ret_month = month < 10 ? month + 3 : month - 9;
        *ret_year = era * 400 + year + (*ret_month <= 2);
}

void until_format(int64_t end_sec, int64_t now_sec, char ret[static UNTIL_SIZE])
{
        const unsigned in_day = (unsigned)(end_sec % DAY_SEC);
        const unsigned hour = in_day / 3600, minute = in_day / 60 % 60;
        int64_t year;
        unsigned month, day;

        date_of(end_sec / DAY_SEC, &year, &month, &day);
        if (end_sec / DAY_SEC == now_sec / DAY_SEC)
                (void)snprintf(ret, UNTIL_SIZE, "%02u:%02u UTC", hour, minute);
        else
                (void)snprintf(ret, UNTIL_SIZE, "%04" PRId64 "-%02u-%02u %02u:%02u UTC", year,
                               month, day, hour, minute);
}

/* Whoever asks for somebody else's rights is told nothing of that one's groups. */
static bool is_for_oneself(const Call *c)
{
        return !c->elevation && (c->real_uid == 0 || c->real_uid == c->subject.account.uid);
}

void tell_members(const Call *c)
{
        const int64_t now_sec = now_realtime_usec() / (int64_t)USEC_PER_SEC;
        MemberShown shown[TOLD_MAX];
        size_t n;

        if (c->silent || c->options.quiet || c->phase != PHASE_OPEN_SESSION || !c->user ||
            !is_for_oneself(c))
                return;
        n = memberships_shown(PATH_MEMBERS_RUN, owner_trusted(), c->user, now_sec, shown, TOLD_MAX);
        for (size_t i = 0; i < n; i++) {
                char until[UNTIL_SIZE];

                until_format(shown[i].end_sec, now_sec, until);
                (void)pam_info(c->pamh, "nhi: you are in %s until %s%s.", shown[i].group, until,
                               c->mode == GATE_OBSERVE ? "" : "; what carries it then ends");
        }
}
