/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/set.h"

#include <stdarg.h>
#include <stdio.h>

int set_refused(SetError *ret, const char *code, const char *format, ...)
{
        va_list ap;

        (void)snprintf(ret->code, sizeof(ret->code), "%s", code);
        va_start(ap, format);
        (void)vsnprintf(ret->detail, sizeof(ret->detail), format, ap);
        va_end(ap);
        return SET_E_REFUSED;
}
