/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What codec.c is driven by: the fields of each direction and, per message type, which of them are
 * required and allowed. Private to this room. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/codec.h"

typedef enum WireKind {
        WIRE_KIND_U32,
        WIRE_KIND_U64,
        WIRE_KIND_TEXT,
        WIRE_KIND_LIST,
        WIRE_KIND_GIDS,
} WireKind;

typedef struct WireField {
        uint16_t tag;
        WireKind kind;
        size_t offset;
        uint32_t limit;
} WireField;

typedef struct WireRule {
        WireType type;
        uint32_t required, optional; /* sets of positions in the schema's fields */
} WireRule;

typedef struct WireSchema {
        const WireField *fields;
        size_t n_fields;
        const WireRule *rules;
        size_t n_rules;
} WireSchema;

extern const WireSchema wire_request_schema, wire_reply_schema;

/* NULL for a type that the schema does not know. */
const WireRule *wire_rule_find(const WireSchema *s, uint32_t type);
/* Position of the tag among the schema's fields, or n_fields. */
size_t wire_field_find(const WireSchema *s, uint16_t tag);
/* Is v lawful in a U32 field of this tag? */
bool wire_value_in_range(uint16_t tag, uint32_t v);
