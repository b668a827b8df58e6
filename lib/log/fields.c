/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/log/format.h"

#include "lib/log/record.h"

#include <string.h>

const LogFieldInfo log_fields[LOG_FIELD_N] = {
#define LOG_FIELD_ROW(name, text, type, max, meaning)                                              \
        [LOG_FIELD_##name] = { text, LOG_##type, max, meaning },
        LOG_FIELDS(LOG_FIELD_ROW)
#undef LOG_FIELD_ROW
};

/* Every field at its longest, but sets, fits in one record: ,"name":[] and the closing brace. */
#define LOG_FIELD_SIZE(name, text, type, max, meaning) +sizeof(text) + 5 + (max)
_Static_assert(0 LOG_FIELDS(LOG_FIELD_SIZE) - 8192 + 1 <= LOG_BODY_MAX, "a record's bound");
_Static_assert(LOG_FIELD_N <= 64, "bits of LogBody.cut");
#undef LOG_FIELD_SIZE

int log_field_find(const char *name, size_t size)
{
        for (size_t i = 0; i < LOG_FIELD_N; i++)
                if (strlen(log_fields[i].name) == size &&
                    memcmp(log_fields[i].name, name, size) == 0)
                        return (int)i;
        return -1;
}
