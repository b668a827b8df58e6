/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sudo_nhi/vector.h"

#include "lib/base/macro.h"

const char *vector_value(char *const vector[], const char *name)
{
        size_t size = strlen(name);

        for (; vector && *vector; vector++)
                if (strncmp(*vector, name, size) == 0 && (*vector)[size] == '=')
                        return *vector + size + 1;
        return NULL;
}

bool vector_id(char *const vector[], const char *name, uint32_t *ret)
{
        const char *s = vector_value(vector, name);
        uint64_t id = 0;

        if (!s || !*s)
                return false;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return false;
                id = id * 10 + (uint64_t)(*s - '0');
                if (id >= UINT32_MAX)
                        return false;
        }
        *ret = (uint32_t)id;
        return true;
}

bool vector_is_true(char *const vector[], const char *name)
{
        const char *s = vector_value(vector, name);

        return s && streq(s, "true");
}
