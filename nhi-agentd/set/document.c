/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/document.h"

#include "lib/base/macro.h"
#include "lib/jose/json.h"
#include "nhi-agentd/set/decode.h"

/* Tell the payload's problem as the set's. */
static int problem(Decode *d, const Payload *p, int r)
{
        if (r <= 0)
                return r;
        if (r == PAYLOAD_E_BASE64)
                return decode_problem(d, "base64", "%s", p->detail);
        return decode_problem(d, r == PAYLOAD_E_SIZE ? "limit" : "json", "line %d: %s",
                              payload_line(p, p->offset), p->detail);
}

static int unexpected(Decode *d, const Payload *p, const char *wanted)
{
        return decode_problem(d, "json", "line %d: %s expected", payload_line(p, p->offset),
                              wanted);
}

/* Read the value at hand; json_decref() it. */
static int load_value(Decode *d, Payload *p, size_t max, json_t **ret)
{
        const char *text = NULL;
        size_t size = 0;
        json_error_t error;
        json_t *v;
        int r;

        r = payload_value(p, max, &text, &size);
        if (r != 0)
                return problem(d, p, r);
        v = json_read(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
        if (!v && errno == ENOMEM)
                return -ENOMEM;
        if (!v)
                return decode_problem(d, "json", "line %d: %.160s",
                                      payload_line(p, p->offset - size) + error.line - 1,
                                      error.text);
        *ret = v;
        return 0;
}

/* Read over the character at hand, which must be c. */
static int expect(Decode *d, Payload *p, char c, const char *wanted)
{
        int next = PAYLOAD_END, r;

        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        if (next != c)
                return unexpected(d, p, wanted);
        payload_skip(p);
        return 0;
}

#define LIST_END 2

/* Come to the next item of an array or object: 0, or LIST_END behind its closing bracket. */
static int next_item(Decode *d, Payload *p, bool is_first, char closing)
{
        int next = PAYLOAD_END, r;

        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        if (next == closing) {
                payload_skip(p);
                return LIST_END;
        }
        if (is_first)
                return 0;
        r = expect(d, p, ',', closing == ']' ? "',' or ']'" : "',' or '}'");
        if (r != 0)
                return r;
        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        return next == closing ? unexpected(d, p, "a value") : 0;
}

/* Read over an array whose entries are read later, if it is one. */
static int outline_list(Decode *d, Payload *p, Span *ret, json_t **ret_shown)
{
        Span s = { .offset = p->offset };
        int r;

        payload_skip(p);
        for (;;) {
                r = next_item(d, p, s.n == 0, ']');
                if (r == 0)
                        r = problem(d, p, payload_skip_value(p));
                if (r != 0)
                        break;
                s.n++;
        }
        if (r != LIST_END)
                return r;
        *ret = s;
        *ret_shown = json_array();
        return *ret_shown ? 0 : -ENOMEM;
}

static Span *find_list(Outline *o, const char *name)
{
        return streq(name, "accounts") ? &o->accounts : streq(name, "grants") ? &o->grants : NULL;
}

static int outline_value(Decode *d, Payload *p, const char *name, Outline *o, json_t **ret)
{
        Span *list = find_list(o, name);
        int next = PAYLOAD_END, r;

        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        if (list && next == '[')
                return outline_list(d, p, list, ret);
        if (envelope_has(name))
                return load_value(d, p, ENVELOPE_VALUE_MAX, ret);
        *ret = json_null();
        return problem(d, p, payload_skip_value(p));
}

static int outline_member(Decode *d, Payload *p, Outline *o)
{
        _cleanup_(json_decrefp) json_t *name = NULL, *value = NULL;
        int r;

        r = load_value(d, p, ENVELOPE_VALUE_MAX, &name);
        if (r == 0 && !json_is_string(name))
                r = unexpected(d, p, "the name of a member");
        if (r == 0)
                r = expect(d, p, ':', "':'");
        if (r == 0 && json_object_get(o->members, json_string_value(name)))
                r = decode_problem(d, "json", "line %d: duplicate object key",
                                   payload_line(p, p->offset));
        if (r == 0)
                r = outline_value(d, p, json_string_value(name), o, &value);
        if (r != 0)
                return r;
        return json_object_set(o->members, json_string_value(name), value) < 0 ? -ENOMEM : 0;
}

static int outline_members(Decode *d, Payload *p, Outline *o)
{
        int next = PAYLOAD_END, r;

        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        if (next == '[')
                return decode_problem(d, "member-type", "not a JSON object");
        r = expect(d, p, '{', "an object");
        for (bool is_first = true; r == 0; is_first = false) {
                r = next_item(d, p, is_first, '}');
                if (r == 0)
                        r = outline_member(d, p, o);
        }
        if (r != LIST_END)
                return r;
        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        return next == PAYLOAD_END ? 0 : unexpected(d, p, "the end of the payload");
}

int document_outline(Decode *d, Payload *p, Outline *ret)
{
        Outline o = { .members = json_object() };
        int r;

        r = o.members ? outline_members(d, p, &o) : -ENOMEM;
        if (r != 0) {
                outline_done(&o);
                return r;
        }
        *ret = o;
        return 0;
}

void outline_done(Outline *o)
{
        json_decref(o->members);
        *o = (Outline){ 0 };
}

int document_read_list(Decode *d, Payload *p, const Span *list, EntryReader read, void *userdata)
{
        int r;

        r = problem(d, p, payload_seek(p, list->offset));
        if (r == 0)
                r = expect(d, p, '[', "an array");
        for (size_t i = 0; r == 0 && i < list->n; i++) {
                json_t *v = NULL;

                r = next_item(d, p, i == 0, ']');
                if (r == 0)
                        r = load_value(d, p, ENTRY_SIZE_MAX, &v);
                if (r == 0)
                        r = read(d, v, i, userdata);
                json_decref(v);
        }
        return r == LIST_END ? unexpected(d, p, "a value") : r;
}
