/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/decode.h"

#include "lib/base/macro.h"

#include <stddef.h>

#define ISSUER_SIZE_MAX 512u
#define HOST_SIZE_MAX   253u
#define LEDGER_SIZE_MAX 256u

static const Member envelope_members[] = {
        { .name = "format",
          .read = read_number,
          .offset = offsetof(Envelope, format),
          .required = true },
        { .name = "iss",
          .read = read_text,
          .offset = offsetof(Envelope, iss),
          .required = true,
          .limit = ISSUER_SIZE_MAX },
        { .name = "aud",
          .read = read_text,
          .offset = offsetof(Envelope, aud),
          .required = true,
          .limit = HOST_SIZE_MAX },
        { .name = "iat",
          .read = read_time,
          .offset = offsetof(Envelope, iat_sec),
          .required = true },
        { .name = "exp",
          .read = read_time,
          .offset = offsetof(Envelope, exp_sec),
          .required = true },
        { .name = "ver", .read = read_number, .offset = offsetof(Envelope, ver), .required = true },
        { .name = "ledger",
          .read = read_text,
          .offset = offsetof(Envelope, ledger),
          .required = true,
          .limit = LEDGER_SIZE_MAX },
        { .name = "accounts",
          .read = read_array,
          .offset = offsetof(Envelope, accounts),
          .required = true },
        { .name = "grants",
          .read = read_array,
          .offset = offsetof(Envelope, grants),
          .required = true },
};

int envelope_decode(Decode *d, const json_t *payload, Envelope *ret)
{
        const json_t *format = json_object_get(payload, "format");

        /* First, so that a newer format says so, and not that its members are unknown. */
        if (json_is_integer(format) && json_integer_value(format) != 1)
                return decode_problem(d, "format", "format %lld is not known to this version",
                                      (long long)json_integer_value(format));
        return members_read(d, payload, envelope_members, ELEMENTSOF(envelope_members), ret);
}

bool envelope_has(const char *member)
{
        for (size_t i = 0; i < ELEMENTSOF(envelope_members); i++)
                if (streq(envelope_members[i].name, member))
                        return true;
        return false;
}

int entry_refuse(Decode *d, EntryProblem *p)
{
        const char *detail;

        if (p->code)
                return 0;
        detail = decode_text(d, d->detail, strlen(d->detail));
        if (!detail)
                return -ENOMEM;
        p->code = d->code;
        p->detail = detail;
        return 0;
}

int entry_peek(Decode *d, const json_t *v, const char *member, bool (*valid)(const char *),
               const char **ret)
{
        const char *text = json_string_value(json_object_get(v, member));

        if (!text || !valid(text))
                return 0;
        *ret = decode_text(d, text, strlen(text));
        return *ret ? 0 : -ENOMEM;
}
