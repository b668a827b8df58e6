/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pam_nhi/environ.h"

#include "lib/base/macro.h"

#include <inttypes.h>
#include <stdio.h>

#define SEC_PER_DAY      UINT64_C(86400)
#define DAYS_PER_ERA     UINT64_C(146097) /* of 400 years */
#define DAYS_BEFORE_1970 UINT64_C(719468) /* since 1 March of the year 0 */
#define SEC_YEAR_10000   UINT64_C(253402300800)

typedef struct Day {
        uint16_t year;
        uint8_t month, day;
} Day;

/* The Gregorian calendar, counted from 1 March, so that the day that leaps is a year's last. */
static Day day_of(uint64_t days)
{
        const uint64_t since = days + DAYS_BEFORE_1970, era = since / DAYS_PER_ERA,
                       in_era = since % DAYS_PER_ERA;
        const uint64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
        const uint64_t in_year = in_era - (365 * year + year / 4 - year / 100);
        const uint64_t month = (5 * in_year + 2) / 153; /* 0: March */

        return (Day){ .year = (uint16_t)(400 * era + year + (month >= 10)),
                      .month = (uint8_t)(month < 10 ? month + 3 : month - 9),
                      .day = (uint8_t)(in_year - (153 * month + 2) / 5 + 1) };
}

bool expires_format(uint64_t sec, char ret[static EXPIRES_SIZE])
{
        const uint64_t in_day = sec % SEC_PER_DAY;
        const Day d = day_of(sec < SEC_YEAR_10000 ? sec / SEC_PER_DAY : 0);

        if (sec >= SEC_YEAR_10000)
                return false;
        (void)snprintf(ret, EXPIRES_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", d.year, d.month, d.day,
                       (uint8_t)(in_day / 3600), (uint8_t)(in_day / 60 % 60),
                       (uint8_t)(in_day % 60));
        return true;
}

static void put(pam_handle_t *pamh, const char *name, const char *value)
{
        char text[sizeof("NHI_EXPIRES=") + LABEL_SIZE_MAX];

        (void)snprintf(text, sizeof(text), "%s=%s", name, value);
        (void)pam_putenv(pamh, text);
}

void environ_put(const Call *c, Cause cause)
{
        char expires[EXPIRES_SIZE];

        if (c->phase != PHASE_OPEN_SESSION || cause != CAUSE_GRANTED || !jti_is_valid(c->jti))
                return;
        put(c->pamh, "NHI_GRANT", c->jti);
        if (c->until_sec > 0 && expires_format(c->until_sec, expires))
                put(c->pamh, "NHI_EXPIRES", expires);
        else
                (void)pam_putenv(c->pamh, "NHI_EXPIRES");
}
