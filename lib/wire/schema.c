/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/wire/schema.h"

#include "lib/base/macro.h"

typedef struct Range {
        uint16_t tag;
        uint32_t min, max;
} Range;

enum {
#define REQUEST_INDEX(name, number, field_kind, member, limit) REQUEST_##name,
        WIRE_REQUEST_FIELDS(REQUEST_INDEX)
#undef REQUEST_INDEX
                REQUEST_N
};

enum {
#define REPLY_INDEX(name, number, field_kind, member, limit) REPLY_##name,
        WIRE_REPLY_FIELDS(REPLY_INDEX)
#undef REPLY_INDEX
                REPLY_N
};

enum {
#define REQUEST_TAG(name, number, field_kind, member, limit) REQUEST_TAG_##name = number,
#define REPLY_TAG(name, number, field_kind, member, limit)   REPLY_TAG_##name = number,
        WIRE_REQUEST_FIELDS(REQUEST_TAG) WIRE_REPLY_FIELDS(REPLY_TAG)
#undef REQUEST_TAG
#undef REPLY_TAG
};

#define REQUEST_FIELD(name, number, field_kind, member, limit)                                     \
        { number, WIRE_KIND_##field_kind, offsetof(WireRequest, member), limit },
#define REPLY_FIELD(name, number, field_kind, member, limit)                                       \
        { number, WIRE_KIND_##field_kind, offsetof(WireReply, member), limit },
static const WireField request_fields[] = { WIRE_REQUEST_FIELDS(REQUEST_FIELD) };
static const WireField reply_fields[] = { WIRE_REPLY_FIELDS(REPLY_FIELD) };

#define Q(name) (1u << REQUEST_##name)
#define A(name) (1u << REPLY_##name)

static const WireRule request_rules[] = {
        { WIRE_PAM,
          Q(PHASE) | Q(MODE) | Q(SERVICE) | Q(SUBJECT) | Q(SUBJECT_UID) | Q(GIDS) | Q(TARGET) |
                  Q(REAL_UID) | Q(EFFECTIVE_GID),
          Q(RUSER) | Q(RHOST) | Q(TTY) | Q(AUTH_INFO) | Q(DECISION) },
        { WIRE_COMMAND,
          Q(MODE) | Q(SERVICE) | Q(SUBJECT) | Q(SUBJECT_UID) | Q(GIDS) | Q(TARGET) | Q(REAL_UID) |
                  Q(EFFECTIVE_GID) | Q(COMMAND),
          Q(RUSER) | Q(RHOST) | Q(TTY) | Q(TARGET_GROUP) | Q(ARGV) | Q(EDIT) | Q(CWD) |
                  Q(DECISION) },
        { WIRE_KEYS, Q(SUBJECT),
          Q(SERVICE) | Q(SUBJECT_UID) | Q(REAL_UID) | Q(EFFECTIVE_GID) | Q(RHOST) | Q(AUTH_INFO) },
};

static const WireRule reply_rules[] = {
        { WIRE_VERDICT, A(SUBJECT) | A(VERDICT) | A(REASON),
          A(MESSAGE) | A(DECISION) | A(JTI) | A(UNTIL) },
        { WIRE_KEYS_LIST, A(SUBJECT) | A(KEYS),
          A(VERDICT) | A(REASON) | A(MESSAGE) | A(DECISION) | A(JTI) | A(UNTIL) },
};

/* Tags of both directions share one number space, so one table serves both. */
static const Range ranges[] = {
        { REQUEST_TAG_PHASE, WIRE_PHASE_AUTHENTICATE, WIRE_PHASE_CLOSE_SESSION },
        { REQUEST_TAG_MODE, WIRE_MODE_ENFORCE, WIRE_MODE_EXEMPT },
        { REPLY_TAG_VERDICT, 0, 1 },
};

const WireSchema wire_request_schema = {
        .fields = request_fields,
        .n_fields = REQUEST_N,
        .rules = request_rules,
        .n_rules = ELEMENTSOF(request_rules),
};

const WireSchema wire_reply_schema = {
        .fields = reply_fields,
        .n_fields = REPLY_N,
        .rules = reply_rules,
        .n_rules = ELEMENTSOF(reply_rules),
};

_Static_assert(REQUEST_N <= 32 && REPLY_N <= 32, "sets of fields are 32 bits wide");

const WireRule *wire_rule_find(const WireSchema *s, uint32_t type)
{
        for (size_t i = 0; i < s->n_rules; i++)
                if ((uint32_t)s->rules[i].type == type)
                        return &s->rules[i];
        return NULL;
}

size_t wire_field_find(const WireSchema *s, uint16_t tag)
{
        size_t i = 0;

        while (i < s->n_fields && s->fields[i].tag != tag)
                i++;
        return i;
}

bool wire_value_in_range(uint16_t tag, uint32_t v)
{
        for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
                if (ranges[i].tag == tag)
                        return v >= ranges[i].min && v <= ranges[i].max;
        return true;
}
