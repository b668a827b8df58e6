/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/core/reason.h"

#include <stddef.h>
#include <string.h>

typedef struct ReasonText {
        const char *token, *sentence, *advice;
} ReasonText;

static const ReasonText reason_texts[REASON_N] = {
#define REASON_TEXT(name, token, sentence, advice) [REASON_##name] = { token, sentence, advice },
        REASONS(REASON_TEXT)
#undef REASON_TEXT
};

static const ReasonText *reason_text(Reason r)
{
        size_t i = (size_t)r;

        return &reason_texts[i < REASON_N ? i : REASON_BAD_REQUEST];
}

const char *reason_token(Reason r)
{
        return reason_text(r)->token;
}

const char *reason_sentence(Reason r)
{
        return reason_text(r)->sentence;
}

const char *reason_advice(Reason r)
{
        return reason_text(r)->advice;
}

int reason_from_token(const char *token)
{
        if (!token)
                return -1;
        for (int i = 0; i < REASON_N; i++)
                if (strcmp(reason_texts[i].token, token) == 0)
                        return i;
        return -1;
}
