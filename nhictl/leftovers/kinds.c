/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/leftovers/leftovers.h"

static const struct {
        const char *name, *why, *advice;
} kinds[LEFTOVER_KIND_N] = {
#define LEFTOVER_ROW(name, text, why, advice) [LEFTOVER_##name] = { text, why, advice },
        LEFTOVER_KINDS(LEFTOVER_ROW)
#undef LEFTOVER_ROW
};

const char *leftover_name(LeftoverKind k)
{
        return kinds[k].name;
}

const char *leftover_why(LeftoverKind k)
{
        return kinds[k].why;
}

const char *leftover_advice(LeftoverKind k)
{
        return kinds[k].advice;
}
