/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/journal-field.h"

#include <string.h>

bool journal_field(sd_journal *j, const char *name, char *ret, size_t size)
{
        const size_t skip = strlen(name) + 1;
        const void *data = NULL;
        size_t n = 0;

        ret[0] = '\0';
        if (sd_journal_get_data(j, name, &data, &n) < 0 || n < skip)
                return false;
        n -= skip;
        if (n >= size)
                n = size - 1;
        memcpy(ret, (const char *)data + skip, n);
        ret[n] = '\0';
        return true;
}
